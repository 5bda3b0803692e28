"""Who had a place and did not come: marked by a person, counted when another approves the list, open to appeal.

Marks never touch hours, coins or points; all they can do is close popular shifts for a while.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from timebank.activities.models import ABSENT, CONFIRMED, NO_SHOW_NAMES, NoShow, NoShowAppeal, Shift, SignUp
from timebank.activities.queries import find_limits, get_appeal, get_no_show, get_shift
from timebank.activities.service.telling import facts_of
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.members.queries import find_open_link
from timebank.notices.service import tell

CAME_AFTER_ALL: Final = "后来确认到场，已计时长"


class NotOver(Conflict):
    """Who will come is not known before the end."""

    code = "activities.not_over"
    text = "班次还没有结束，结束后再记缺席。"


class OwnMark(NotAllowed):
    """Nobody marks, lifts or decides about their own."""

    code = "activities.own_mark"
    text = "自己的缺席记录，要由别的工作人员来办。"


class Involved(NotAllowed):
    """The one who decides about an appeal has had a hand in it."""

    code = "activities.involved"
    text = "这次缺席是您记的，或者活动是您带队的，或者本人是您的家人。申诉要由没有经手的人决定，请让别的工作人员来办。"


class NothingToAppeal(Conflict):
    """The mark does not count: an excuse, not approved yet, or lifted."""

    code = "activities.nothing_to_appeal"
    text = "这条记录现在不算缺席，不用申诉。"


class AppealedBefore(Conflict):
    """One appeal for each mark."""

    code = "activities.appealed_before"
    text = "这条记录已经申诉过了。还有疑问，请到网点当面说。"


class AppealDecided(Conflict):
    """Somebody decided otherwise meanwhile."""

    code = "activities.appeal_decided"
    text = "这条申诉已经有人答复了，请刷新页面看一看。"


def mark_no_shows(session: Session, shift_id: int, marks: Mapping[int, str], *, actor: Actor, now: datetime) -> int:
    """Mark who had a place on a shift that is over and did not come; an empty kind takes a mark back.

    Returns how many are marked. Marks that count already stay. The caller has the shift's review in hand, and names
    only people who were not seen. Raises NotOver, OwnMark, Invalid.
    """
    shift = get_shift(session, shift_id)
    actor.require("no_show.record", branch_id=shift.activity.branch_id)
    if now < shift.ends_at:
        raise NotOver()
    if actor.member_id in marks:
        raise OwnMark()
    known = set(
        session.scalars(select(SignUp.member_id).where(SignUp.shift_id == shift_id, SignUp.status == CONFIRMED))
    )
    if not set(marks) <= known or not set(marks.values()) <= {"", *NO_SHOW_NAMES}:
        raise Invalid()
    session.execute(
        delete(NoShow).where(NoShow.shift_id == shift_id, NoShow.member_id.in_(marks), NoShow.counted_at.is_(None))
    )
    rows = [
        {
            "shift_id": shift_id,
            "member_id": member_id,
            "happened_at": shift.starts_at,
            "kind": kind,
            "marked_by_id": actor.member_id,
            "marked_at": now,
            "lift_reason": "",
        }
        for member_id, kind in marks.items()
        if kind
    ]
    if rows:
        session.execute(insert_once(session, NoShow), rows)
    return len(rows)


def count_no_shows(session: Session, shift_id: int, *, came: Collection[int], actor: Actor, now: datetime) -> int:
    """Let the marks of a shift count, since its list is approved now; who came after all loses theirs.

    A mark that counted with an earlier round of the list is lifted, by whoever approves that they came.

    Each is told, with the way to appeal. A repeat changes nothing. Returns how many absences count from now on.
    """
    session.execute(
        delete(NoShow).where(NoShow.shift_id == shift_id, NoShow.member_id.in_(came), NoShow.counted_at.is_(None))
    )
    lifted = {"lifted_at": now, "lifted_by_id": actor.member_id, "lift_reason": CAME_AFTER_ALL}
    session.execute(
        update(NoShow)
        .where(NoShow.shift_id == shift_id, NoShow.member_id.in_(came), NoShow.lifted_at.is_(None))
        .where(NoShow.member_id != actor.member_id)
        .values(lifted)
        .execution_options(synchronize_session="fetch")
    )
    fresh = session.scalars(
        select(NoShow).where(NoShow.shift_id == shift_id, NoShow.counted_at.is_(None)).order_by(NoShow.id)
    ).all()
    for mark in fresh:
        mark.counted_at = now
    session.flush()
    absent = [mark for mark in fresh if mark.kind == ABSENT]
    for mark in absent:
        _tell(session, mark, "no_show.counted", now)
    return len(absent)


def appeal(
    session: Session, no_show_id: int, *, words: str, form_key: str, actor: Actor, now: datetime
) -> NoShowAppeal:
    """Say that one's own mark is wrong. The same form again finds the first appeal.

    Raises NoShowNotFound, NotAllowed, NothingToAppeal, AppealedBefore, FormUsed.
    """
    mark = get_no_show(session, no_show_id, lock=True)
    actor.require("no_show.own", owner_id=mark.member_id)
    if not words:
        raise Invalid(fields={"words": "请写一句当时的情况，决定的人要看。"})
    sent = session.scalars(select(NoShowAppeal).where(NoShowAppeal.form_key == form_key)).one_or_none()
    if sent is not None:
        if (sent.no_show_id, sent.words) != (mark.id, words):
            raise FormUsed()
        return sent
    if mark.kind != ABSENT or mark.counted_at is None or mark.lifted_at is not None:
        raise NothingToAppeal()
    if session.scalar(select(NoShowAppeal.id).where(NoShowAppeal.no_show_id == mark.id).limit(1)):
        raise AppealedBefore()
    asked = NoShowAppeal(
        no_show_id=mark.id,
        member_id=mark.member_id,
        marked_by_id=mark.marked_by_id,
        words=words,
        asked_at=now,
        form_key=form_key,
    )
    session.add(asked)
    session.flush()
    return asked


def decide_appeal(
    session: Session, appeal_id: int, *, agreed: bool, reason: str, actor: Actor, now: datetime
) -> NoShowAppeal:
    """Answer an appeal with a reason; agreeing lifts the mark. Deciding the same again is calm.

    Raises NoShowNotFound, NotAllowed, OwnMark, Involved, AppealDecided.
    """
    asked = get_appeal(session, appeal_id)
    mark = get_no_show(session, asked.no_show_id, lock=True)
    session.refresh(asked)
    _require_decider(session, mark, actor)
    activity = _shift_of(session, mark).activity
    if actor.member_id in {mark.marked_by_id, asked.marked_by_id, activity.organiser_id}:
        raise Involved()
    if asked.decided_at is not None:
        if (asked.agreed, asked.decided_by_id) != (agreed, actor.member_id):
            raise AppealDecided()
        return asked
    if mark.lifted_at is not None:
        raise AppealDecided()
    _require_reason(reason)
    asked.decided_at, asked.decided_by_id, asked.agreed, asked.reason = now, actor.member_id, agreed, reason
    if agreed:
        mark.lifted_at, mark.lifted_by_id, mark.lift_reason = now, actor.member_id, reason
    session.flush()
    _tell(session, mark, "no_show.lifted" if agreed else "no_show.appeal_declined", now, reason=reason)
    return asked


def lift_no_show(session: Session, no_show_id: int, *, reason: str, actor: Actor, now: datetime) -> NoShow:
    """Take a mark out of the count, with a reason; the mark itself stays. Lifting twice is calm."""
    mark = get_no_show(session, no_show_id, lock=True)
    _require_decider(session, mark, actor)
    if mark.lifted_at is not None:
        return mark
    _require_reason(reason)
    mark.lifted_at, mark.lifted_by_id, mark.lift_reason = now, actor.member_id, reason
    session.flush()
    _tell(session, mark, "no_show.lifted", now, reason=reason)
    return mark


def _require_reason(reason: str) -> None:
    if not reason:
        raise Invalid(fields={"reason": "请写明理由，本人会看到。"})


def _require_decider(session: Session, mark: NoShow, actor: Actor) -> None:
    actor.require("no_show.decide", branch_id=_shift_of(session, mark).activity.branch_id)
    if actor.member_id is None or actor.member_id == mark.member_id:
        raise OwnMark()
    if find_open_link(session, actor.member_id, mark.member_id) is not None:
        raise Involved()


def _shift_of(session: Session, mark: NoShow) -> Shift:
    return get_shift(session, mark.shift_id)


def _tell(session: Session, mark: NoShow, kind: str, now: datetime, **facts: object) -> None:
    shift = _shift_of(session, mark)
    limits = find_limits(session, shift.activity.branch_id)
    tell(
        session,
        member_id=mark.member_id,
        kind=kind,
        facts=facts_of(shift) | {"days": limits.no_show_days, "most": limits.no_shows} | facts,
        link="/me/no-shows",
        key=f"{kind}:{mark.id}",
        now=now,
    )
