"""Second chapter: activities are announced, people sign up and some leave again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from timebank.activities.queries import list_offered
from timebank.activities.rules import filled_in
from timebank.activities.service import (
    ActivityDraft,
    ShiftDraft,
    accept_offer,
    cancel_activity,
    leave,
    post_activity,
    publish,
    sign_up,
)
from timebank.demo.attending import gather
from timebank.demo.calendar import CANCELLED, Occasion, list_occasions, waking
from timebank.demo.story import Resident, Story
from timebank.demo.town.once import CANCEL_REASON
from timebank.demo.town.places import STREETS
from timebank.demo.town.words import LEAVING
from timebank.demo.turns import Turn, choose_volunteers

_SIGN_UPS_OPEN: Final = timedelta(days=16)
_GATHERING: Final = timedelta(minutes=30)  # before the shift; nobody checks in earlier
_INSURED: Final = "统保 PZHL202633020000000012"  # the branches' policy for the whole year
_ANSWER: Final = timedelta(minutes=20)  # within every deadline but the very last
_CALLED_OFF: Final = timedelta(hours=17)
_CONTACT_PHONES: Final = {street.branch_code: street.phone for street in STREETS}


def announce_occasions(story: Story) -> None:
    """Note every announcement; all the rest follows from it."""
    for occasion in list_occasions(story.now):
        story.note(occasion.published_at, _announce, occasion)


def _announce(story: Story, occasion: Occasion, at: datetime) -> None:
    actor = story.actor(occasion.plan.organiser)
    activity = post_activity(story.session, _draft(story, occasion), actor=actor, now=at - timedelta(minutes=25))
    publish(story.session, activity.id, actor=actor, now=at)
    for shift in activity.shifts:
        turn = Turn(occasion=occasion, shift_id=shift.id, start=shift.starts_at, end=shift.ends_at)
        _invite(story, turn, at)
        story.note(turn.start - _GATHERING, gather, turn)
    if occasion.course == CANCELLED:
        story.note(occasion.starts[0] - _CALLED_OFF, _call_off, occasion, activity.id)


def _draft(story: Story, occasion: Occasion) -> ActivityDraft:
    plan = occasion.plan
    length = timedelta(minutes=plan.minutes)
    shifts = [
        ShiftDraft(starts_at=start, ends_at=start + length, capacity=plan.capacity, break_minutes=plan.break_minutes)
        for start in occasion.starts
    ]
    return ActivityDraft(
        branch_id=story.branch_ids[plan.branch],
        title=occasion.title,
        category=plan.category,
        content=plan.content,
        place=plan.place,
        contact_name=plan.organiser,
        contact_phone=_CONTACT_PHONES[plan.branch],
        risk=plan.risk,
        risk_text=plan.risk_text,
        insurance_policy=_INSURED if plan.risk != "low" else "",
        form_key=f"demo:activity:{occasion.key}",
        shifts=shifts,
        team_id=story.team_ids[plan.branch, plan.team] if plan.team else None,
        bring=plan.bring,
        requirements=plan.requirements,
        walk_ins=plan.walk_ins,
        judged_by=plan.judged_by,
        spot_latitude=plan.spot[0] if plan.spot else None,
        spot_longitude=plan.spot[1] if plan.spot else None,
        **filled_in(plan.judged_by, {"overtime_limit_minutes": plan.overtime_limit_minutes}),
    )


def _invite(story: Story, turn: Turn, at: datetime) -> None:
    """Note who signs up when; one in sixteen leaves again in time."""
    last = _CALLED_OFF if turn.occasion.course == CANCELLED else timedelta(hours=1)
    opens, closes = max(at, turn.start - _SIGN_UPS_OPEN), turn.start - last
    spread = turn.plan.turnout + (story.luck.randint(-1, 1) if turn.plan.turnout < turn.plan.capacity else 0)
    for resident in choose_volunteers(story, turn, spread):
        resident.busy.append((turn.start, turn.end))
        surely = resident.person.name in turn.plan.surely
        when = opens + story.minutes(5, 240) if surely else story.soon_within(opens, closes)
        when = min(waking(when), closes)
        story.note(when, _sign_up, turn, resident)
        if story.happens(6) and not surely:
            story.note(story.between(when, closes), _leave, turn, resident)


def _sign_up(story: Story, turn: Turn, resident: Resident, at: datetime) -> None:
    """By oneself; for people without a phone the organiser does it."""
    actor = story.actor(resident.person.name if resident.person.phone else turn.plan.organiser)
    sign_up(story.session, turn.shift_id, member_id=resident.member_id, actor=actor, now=at)


def _leave(story: Story, turn: Turn, resident: Resident, at: datetime) -> None:
    actor = story.actor(resident.person.name if resident.person.phone else turn.plan.organiser)
    reason = story.one_of(LEAVING)
    leave(story.session, turn.shift_id, member_id=resident.member_id, reason=reason, actor=actor, now=at)
    story.note(at + _ANSWER, _answer, turn)


def _answer(story: Story, turn: Turn, at: datetime) -> None:
    """Whoever was asked by then says yes; the organiser does it for people without a phone."""
    people = {resident.member_id: resident for resident in story.residents.values()}
    for signed in list_offered(story.session, turn.shift_id):
        resident = people[signed.member_id]
        actor = story.actor(resident.person.name if resident.person.phone else turn.plan.organiser)
        accept_offer(story.session, turn.shift_id, member_id=resident.member_id, actor=actor, now=at)


def _call_off(story: Story, occasion: Occasion, activity_id: int, at: datetime) -> None:
    actor = story.actor(occasion.plan.organiser)
    cancel_activity(story.session, activity_id, reason=CANCEL_REASON, actor=actor, now=at)
