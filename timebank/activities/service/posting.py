"""Posting, changing, publishing and copying activities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import CANCELLED, DRAFT, PUBLISHED, Activity, ActivityChange, Shift
from timebank.activities.queries import get_activity, list_all_signed, list_hindrances
from timebank.activities.rules import (
    COUNTING_FIELDS,
    ActivityDraft,
    Change,
    ShiftDraft,
    find_changes,
    find_faults,
    find_publishing_faults,
    weeks_ahead,
)
from timebank.activities.rules.drafts import ACTIVITY_FIELDS, SHIFT_FIELDS
from timebank.activities.service.line import settle
from timebank.activities.service.locks import OnRequest, lock_activity
from timebank.activities.service.telling import facts_of, link_of, tell_people
from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid, NotAllowed
from timebank.members.models import Team
from timebank.notices.service import NoticeDraft
from timebank.rulebook.queries import find_rule

_MOVED = {"starts_at", "ends_at", "place"}  # changes that people have to know before they set out
_POLICY = {*COUNTING_FIELDS, "group_activity"}
_DEMANDS = {"risk", "min_age", "max_age", "needed_papers"}


class ActivityCancelled(Conflict):
    """A cancelled activity stays as it is."""

    code = "activities.activity_cancelled"
    text = "“{title}”已经取消，不能再改。想重新办，请“照这个再办一次”。"


class CannotPublish(Invalid):
    """The draft lacks something that readers need or the law asks for."""

    code = "activities.cannot_publish"
    text = "还不能发布：{why}"


class NotADraft(Conflict):
    """Only drafts can be thrown away."""

    code = "activities.not_a_draft"
    text = "“{title}”已经发布过，不能删除。不办了请用“取消活动”，报了名的人会收到通知。"


class AlreadyPosted(Conflict):
    """The page was sent before, with other content or by somebody else."""

    code = "activities.already_posted"
    text = "这一页已经提交过一次，这次的内容没有保存。请打开“发布活动”重新填写。"


class PolicyFixed(Conflict):
    """People have already served by the old policy."""

    code = "activities.policy_fixed"
    text = "已有班次开始，时长算法不能再改，请另发一个活动。"


def post_activity(session: Session, draft: ActivityDraft, *, actor: Actor, now: datetime) -> Activity:
    """Write down a new activity as a draft led by the actor; the same ``form_key`` again finds the first one.

    Raises AlreadyPosted when the first one is another's, or says something else.
    """
    actor.require("activity.post", branch_id=draft.branch_id)
    if actor.member_id is None:
        raise NotAllowed(permission="activity.post")
    _refuse(find_faults(draft) | _team_faults(session, draft))
    created = insert_once(session, Activity).values(
        branch_id=draft.branch_id,
        organiser_id=actor.member_id,
        status=DRAFT,
        cancel_reason="",
        form_key=draft.form_key,
        created_at=now,
        **_values(draft),
    )
    activity_id = session.scalar(created.returning(Activity.id))
    if activity_id is None:
        return _posted_before(session, draft, actor)
    session.add_all(_new_shift(activity_id, shift) for shift in draft.shifts)
    session.flush()
    return get_activity(session, activity_id)


def _posted_before(session: Session, draft: ActivityDraft, actor: Actor) -> Activity:
    found = session.scalar(select(Activity.id).where(Activity.form_key == draft.form_key))
    first = get_activity(session, found or 0)
    if first.organiser_id != actor.member_id or _content(draft_of(first)) != _content(draft):
        raise AlreadyPosted()
    return first


def _content(draft: ActivityDraft) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """What a draft says, however its shifts are ordered."""
    return _values(draft) | {"branch_id": draft.branch_id}, sorted(tuple(_values(s).values()) for s in draft.shifts)


def publish(session: Session, activity_id: int, *, actor: Actor, now: datetime) -> Activity:
    """Open a draft for sign-ups. Publishing twice is calm."""
    activity = lock_activity(session, activity_id)
    actor.require("activity.change", branch_id=activity.branch_id)
    if activity.status == PUBLISHED:
        return activity
    if activity.status == CANCELLED:
        raise ActivityCancelled(title=activity.title)
    draft = draft_of(activity)
    faults = find_faults(draft) | _publishing_faults(session, draft, now)
    if faults:
        raise CannotPublish(fields=faults, why="".join(dict.fromkeys(faults.values())))
    activity.status, activity.published_at = PUBLISHED, now
    session.flush()
    return activity


def change_activity(
    session: Session, activity_id: int, draft: ActivityDraft, *, actor: Actor, now: datetime
) -> Activity:
    """Change an activity. A draft becomes what was written, all of it.

    A published one keeps the shifts that are not mentioned (cancel those instead) and those that have begun; what
    differs is recorded for everybody to see, those signed up are told of a new time or place, and new places are
    offered to those who wait. Capacity never falls below the places taken.
    """
    activity = lock_activity(session, activity_id)
    actor.require("activity.change", branch_id=activity.branch_id)
    if activity.for_request:
        raise OnRequest()
    if activity.status == CANCELLED:
        raise ActivityCancelled(title=activity.title)
    draft = replace(draft, branch_id=activity.branch_id)
    if activity.status != DRAFT:  # whether it was entered afterwards is said once
        draft = replace(draft, backdated_reason=activity.backdated_reason)
    _refuse(find_faults(draft) | _team_faults(session, draft))
    if activity.status == DRAFT:
        _rewrite(session, activity, draft)
    else:
        _amend(session, activity, draft, actor=actor, now=now)
    return activity


def discard_draft(session: Session, activity_id: int, *, actor: Actor) -> None:
    """Throw a draft away with its shifts."""
    activity = lock_activity(session, activity_id)
    actor.require("activity.change", branch_id=activity.branch_id)
    if activity.status != DRAFT:
        raise NotADraft(title=activity.title)
    for shift in activity.shifts:
        session.delete(shift)
    session.flush()
    session.delete(activity)
    session.flush()


def copy_activity(session: Session, activity_id: int, *, form_key: str, actor: Actor, now: datetime) -> Activity:
    """A new draft like this activity, one week later; more weeks when that would still lie in the past.

    Single shifts that were cancelled are left out.
    """
    source = get_activity(session, activity_id)
    if source.for_request:
        raise OnRequest()
    draft = draft_of(source)
    called_off = {shift.id for shift in source.shifts if shift.cancelled_at is not None}
    ahead = weeks_ahead(draft.shifts[0].starts_at, now=now)
    moved = [
        replace(shift, shift_id=None, starts_at=shift.starts_at + ahead, ends_at=shift.ends_at + ahead)
        for shift in draft.shifts
        if shift.shift_id not in called_off or source.status == CANCELLED
    ]
    copied = replace(draft, form_key=form_key, shifts=moved, backdated_reason="")
    return post_activity(session, copied, actor=actor, now=now)


def draft_of(activity: Activity) -> ActivityDraft:
    """The activity as a draft: what the form shows and a copy starts from."""
    return ActivityDraft(
        branch_id=activity.branch_id,
        form_key=activity.form_key,
        shifts=[_draft_of_shift(shift) for shift in activity.shifts],
        **{name: getattr(activity, name) for name in ACTIVITY_FIELDS},
    )


def _draft_of_shift(shift: Shift) -> ShiftDraft:
    return ShiftDraft(shift_id=shift.id, **{name: getattr(shift, name) for name in SHIFT_FIELDS})


def _values(draft: ActivityDraft | ShiftDraft) -> dict[str, Any]:
    names = ACTIVITY_FIELDS if isinstance(draft, ActivityDraft) else SHIFT_FIELDS
    return {name: getattr(draft, name) for name in names}


def _new_shift(activity_id: int, draft: ShiftDraft) -> Shift:
    return Shift(activity_id=activity_id, taken=0, cancel_reason="", **_values(draft))


def _refuse(faults: dict[str, str]) -> None:
    if faults:
        raise Invalid(fields=faults)


def _team_faults(session: Session, draft: ActivityDraft) -> dict[str, str]:
    if draft.team_id is None:
        return {}
    team = session.get(Team, draft.team_id)
    return {} if team and team.branch_id == draft.branch_id else {"team_id": "这支服务队不在本网点，请重新选。"}


def _publishing_faults(session: Session, draft: ActivityDraft, now: datetime) -> dict[str, str]:
    days = find_rule(session, draft.branch_id, today(now)).backdate_days if draft.backdated_reason else 0
    return find_publishing_faults(draft, now=now, backdate_days=days)


def _rewrite(session: Session, activity: Activity, draft: ActivityDraft) -> None:
    for name, value in _values(draft).items():
        setattr(activity, name, value)
    kept = {shift.id: shift for shift in activity.shifts}
    for row in draft.shifts:
        shift = kept.pop(row.shift_id or 0, None)
        if shift is None:
            session.add(_new_shift(activity.id, row))
        else:
            _write(shift, row)
    for shift in kept.values():
        session.delete(shift)
    session.flush()
    session.expire(activity, ["shifts"])


def _write(shift: Shift, row: ShiftDraft) -> None:
    for name, value in _values(row).items():
        setattr(shift, name, value)


def _amend(session: Session, activity: Activity, draft: ActivityDraft, *, actor: Actor, now: datetime) -> None:
    open_shifts = {s.id: s for s in activity.shifts if s.cancelled_at is None and now < s.starts_at}
    rows = [(open_shifts.get(row.shift_id or 0), row) for row in draft.shifts]
    _refuse(_amendment_faults(rows) | _publishing_faults(session, draft, now))
    changes = find_changes(activity, draft, ACTIVITY_FIELDS)
    begun = any(shift.cancelled_at is None and shift.starts_at <= now for shift in activity.shifts)
    if begun and any(change.what in _POLICY for change in changes):
        raise PolicyFixed()
    for shift, row in rows:
        if shift is not None:
            changes += find_changes(shift, row, SHIFT_FIELDS, shift.id)
    for name, value in _values(draft).items():
        setattr(activity, name, value)
    for shift, row in rows:
        if shift is not None:
            _write(shift, row)
            continue
        added = _new_shift(activity.id, row)
        session.add(added)
        session.flush()
        changes.append(Change(what="added", new=row.starts_at, shift_id=added.id))
    session.flush()
    session.expire(activity, ["shifts"])
    _refuse_misfits(session, activity, changes, draft.shifts, now=now)
    if changes:
        _record(session, activity, changes, actor=actor, now=now)


def _refuse_misfits(
    session: Session, activity: Activity, changes: Sequence[Change], rows: Sequence[ShiftDraft], *, now: datetime
) -> None:
    """Refuse new demands, and new days, that somebody on a list of a shift to come does not meet.

    They have to be told first. Age and papers are those of the day of the shift.
    """
    field = next((change.what for change in changes if change.what in _DEMANDS), None)
    moved = {change.shift_id for change in changes if change.what == "starts_at"}
    places = {row.shift_id: f"shifts-{at}-date" for at, row in enumerate(rows)}
    for shift in activity.shifts:
        if shift.cancelled_at is not None or now >= shift.starts_at or (field is None and shift.id not in moved):
            continue
        listed = [one.member for one in list_all_signed(session, shift.id)]
        against = list_hindrances(session, shift, listed, along=())
        blocked = dict.fromkeys(member.name for member, hindrance in against if hindrance.blocks)
        if blocked:
            what = "新的要求" if field else "要求"
            words = f"已经报名的{'、'.join(blocked)}不符合{what}。请先和本人说好，取消报名，再改。"
            raise Invalid(fields={field or places[shift.id]: words})


def _amendment_faults(rows: Sequence[tuple[Shift | None, ShiftDraft]]) -> dict[str, str]:
    faults: dict[str, str] = {}
    for at, (shift, row) in enumerate(rows):
        if shift is None and row.shift_id is not None:
            faults[f"shifts-{at}-date"] = "这个班次已经开始或取消，不能再改。请刷新页面。"
        elif shift is not None and row.capacity < shift.taken:
            faults[f"shifts-{at}-capacity"] = f"已有 {shift.taken} 人报名，名额不能少于 {shift.taken}。"
    return faults


def _record(session: Session, activity: Activity, changes: Sequence[Change], *, actor: Actor, now: datetime) -> None:
    record = ActivityChange(
        activity_id=activity.id, actor_id=actor.member_id, at=now, changes={"items": [_plain(c) for c in changes]}
    )
    session.add(record)
    session.flush()
    moved = {change.shift_id for change in changes if change.what in _MOVED}
    for shift in activity.shifts:
        if shift.cancelled_at is not None or now >= shift.starts_at:
            continue
        if shift.id in moved or (None in moved and not shift.place):
            told = NoticeDraft(
                kind="activity.changed",
                facts=facts_of(shift),
                link=link_of(activity.id),
                key=f"activity.changed:{record.id}:{shift.id}",
            )
            tell_people(session, shift, told, now=now)
        settle(session, shift, now=now)


def _plain(change: Change) -> dict[str, object]:
    old, new = (v.isoformat() if isinstance(v, datetime) else v for v in (change.old, change.new))
    return {"what": change.what, "old": old, "new": new, "shift_id": change.shift_id}
