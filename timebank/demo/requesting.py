"""Fifth chapter: what people ask for, or a grid worker for them; who comes, and what nobody has taken yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from timebank.attendance.models import STAFF
from timebank.attendance.service import ScanDraft, approve_shift, record_scan, submit_shift
from timebank.core.clock import instant, today
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI
from timebank.demo.town.requests import REQUESTS, Request
from timebank.members.models import Member
from timebank.requests.models import HelpRequest
from timebank.requests.rules import RequestDraft
from timebank.requests.service import (
    Claim,
    Dispatch,
    ask,
    claim,
    confirm_wish,
    decline,
    dispatch,
    invite,
    rate,
    settle_requests,
)

_ORGANISER: Final = "虞海波"
_MANAGER: Final = MANAGERS[DAQI]
_LEFT: Final = timedelta(days=12)  # between asking and the last day


@dataclass(kw_only=True)
class Running:
    """A request while it is told."""

    told: Request
    request_id: int


def take_requests(story: Story) -> None:
    """Note when somebody asks."""
    for row, told in enumerate(REQUESTS):
        story.note(story.now - timedelta(hours=told.hours_ago, minutes=7 * row), _ask, told)


def _ask(story: Story, told: Request, at: datetime) -> None:
    whom = story.session.get_one(Member, story.residents[told.recipient].member_id)
    draft = RequestDraft(
        number=whom.number,
        name=whom.name,
        kind=told.kind,
        category=told.category,
        title=told.title,
        words=told.words,
        place=told.place,
        first_day=today(at),
        last_day=today(at) + _LEFT,
        part_of_day=told.part_of_day,
        minutes=told.minutes,
        source=told.source,
        confidential=told.confidential,
        heard="self" if told.asker == told.recipient else "visit",
        form_key=f"demo:request:{told.title}",
    )
    asked = ask(story.session, draft, actor=story.actor(told.asker), keys=story.keys, now=at)
    running = Running(told=told, request_id=asked.id)
    if told.end == "declined":
        story.note(at + timedelta(hours=2), _decline, running)
    elif told.end != "asked":
        story.note(at + timedelta(minutes=40), _dispatch, running)


def _decline(story: Story, one: Running, at: datetime) -> None:
    decline(story.session, one.request_id, reason=one.told.reason, actor=story.actor(_MANAGER), now=at)


def _dispatch(story: Story, one: Running, at: datetime) -> None:
    actor, told = story.actor(_MANAGER), one.told
    how = Dispatch(source=told.source, minutes=told.minutes, to_all=not told.confidential)
    dispatch(story.session, one.request_id, how, actor=actor, now=at)
    if told.volunteer:
        who = [story.residents[told.volunteer].member_id]
        invite(story.session, one.request_id, member_ids=who, actor=actor, now=at)
    if told.end in {"done", "claimed"}:
        story.note(at + timedelta(minutes=55), _claim, one)


def _claim(story: Story, one: Running, at: datetime) -> None:
    actor = story.actor(one.told.volunteer)
    start = _free_hour(story, one.told, at) if one.told.minutes else None
    claimed = claim(story.session, one.request_id, Claim(starts_at=start), actor=actor, now=at)
    if one.told.end != "done":
        return
    if start is None:
        story.note(at + timedelta(days=1), _come_true, one)
        return
    end = start + timedelta(minutes=one.told.minutes)
    story.note(start - timedelta(minutes=2), _scan, one, claimed.shift_id, "in")
    story.note(end, _scan, one, claimed.shift_id, "out")
    story.note(end + timedelta(minutes=25), _submit, one, claimed.shift_id)


def _free_hour(story: Story, told: Request, at: datetime) -> datetime:
    """The first hour from tomorrow on in which the volunteer has nothing else."""
    resident = story.residents[told.volunteer]
    day = today(at if told.end == "done" else story.now) + timedelta(days=1)
    start = instant(day, time(9))
    while not resident.is_free(start, start + timedelta(minutes=told.minutes)):
        start += timedelta(hours=2)
    resident.busy.append((start, start + timedelta(minutes=told.minutes)))
    return start


def _scan(story: Story, one: Running, shift_id: int, kind: str, at: datetime) -> None:
    draft = ScanDraft(
        shift_id=shift_id,
        member_id=story.residents[one.told.volunteer].member_id,
        source=STAFF,
        claimed_at=at,
        key=f"demo:{kind}",
        wanted=kind,
    )
    record_scan(story.session, draft, actor=story.actor(_ORGANISER), now=at)


def _submit(story: Story, one: Running, shift_id: int, at: datetime) -> None:
    submit_shift(story.session, shift_id, actor=story.actor(_ORGANISER), now=at)
    story.note(at + timedelta(hours=3), _approve, one, shift_id)


def _approve(story: Story, one: Running, shift_id: int, at: datetime) -> None:
    approve_shift(story.session, shift_id, actor=story.actor(_MANAGER), now=at)
    settle_requests(story.session, now=at)
    story.note(at + timedelta(hours=1), _rate, one)


def _come_true(story: Story, one: Running, at: datetime) -> None:
    confirm_wish(story.session, one.request_id, actor=story.actor(one.told.asker), now=at)
    story.note(at + timedelta(hours=1), _rate, one)


def _rate(story: Story, one: Running, at: datetime) -> None:
    request = story.session.get_one(HelpRequest, one.request_id)
    if request.ended_at is not None and one.told.praise:
        actor = story.actor(one.told.asker)
        rate(story.session, request.id, score=5, words=one.told.praise, actor=actor, now=at)
