"""Third chapter: people come and go, somebody looks at the list, somebody else approves it, and hours are booked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from timebank.activities.models import PLANNED
from timebank.activities.queries import get_shift, list_confirmed
from timebank.attendance.models import FAR, INSIDE, NOT_GIVEN, PERSONAL, VENUE
from timebank.attendance.service import (
    Correction,
    ManualEntry,
    ScanDraft,
    approve_shift,
    correct_times,
    record_scan,
    return_shift,
    set_manual,
    submit_shift,
    void,
)
from timebank.core.actor import Actor
from timebank.core.clock import instant, today
from timebank.demo.calendar import ENDED, SUBMITTED
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Resident, Story
from timebank.demo.town.plans import Plan
from timebank.demo.town.words import BY_HAND, FORGOT, NOT_COUNTED, RETURNED
from timebank.demo.turns import Turn, choose_passers_by

_AT_THE_DOOR: Final = 14  # minutes before the start


@dataclass(kw_only=True)
class Marks:
    """What the organiser has to look at afterwards."""

    forgot: list[Resident]
    by_hand: list[Resident]
    only_looked_in: list[Resident]


def gather(story: Story, turn: Turn, _at: datetime) -> None:
    """Note how everybody on the list comes and goes, and what the organiser does with it."""
    if get_shift(story.session, turn.shift_id).cancelled_at is not None:
        return
    marks = Marks(forgot=[], by_hand=[], only_looked_in=[])
    expected = {signed.member_id for signed in list_confirmed(story.session, turn.shift_id)}
    for resident in [one for one in story.residents.values() if one.member_id in expected]:
        _attend(story, turn, resident, marks)
    if turn.plan.walk_ins and story.happens(30):
        for resident in choose_passers_by(story, turn, expected):
            resident.busy.append((turn.start, turn.end))
            _attend(story, turn, resident, marks)
    if turn.occasion.course == ENDED:
        return
    story.note(turn.end + story.minutes(12, 95), _review, turn, marks)


def _attend(story: Story, turn: Turn, resident: Resident, marks: Marks) -> None:
    """Most are there in time and check out; some are late, forget to check out, cannot scan, or stay away."""
    fate = story.luck.randrange(100)
    forgetful = turn.occasion.course == ENDED and not marks.forgot
    if fate < 5 and not forgetful:
        return
    if fate < 9 and not forgetful:
        marks.by_hand.append(resident)
        return
    late = fate < 22
    arrival = turn.start + (story.minutes(1, 11) if late else -story.minutes(2, _AT_THE_DOOR))
    story.note(arrival, _scan, turn, resident, "in")
    if forgetful or 22 <= fate < 30:
        marks.forgot.append(resident)
    elif 30 <= fate < 32:
        marks.only_looked_in.append(resident)
    else:
        early = fate < 42
        story.note(turn.end + (-story.minutes(5, 25) if early else story.minutes(0, 9)), _scan, turn, resident, "out")


def _scan(story: Story, turn: Turn, resident: Resident, kind: str, at: datetime) -> None:
    """With one's phone from the screen; who has none shows the card to the organiser."""
    name, source = (resident.person.name, VENUE) if resident.person.phone else (turn.plan.organiser, PERSONAL)
    draft = ScanDraft(
        shift_id=turn.shift_id,
        member_id=resident.member_id,
        source=source,
        claimed_at=at,
        key=f"demo:{kind}",
        wanted=kind,
        place_fit=_place_fit(turn.plan, resident, source),
    )
    record_scan(story.session, draft, actor=story.actor(name), now=at)


def _place_fit(plan: Plan, resident: Resident, source: str) -> str:
    """Half attach where they are, and one of them is sometimes far away."""
    if plan.spot is None or source != VENUE or resident.member_id % 2:
        return NOT_GIVEN
    return FAR if resident.member_id % 5 == 0 else INSIDE


# --- afterwards ----------------------------------------------------------------------------------------------------


def _review(story: Story, turn: Turn, marks: Marks, at: datetime) -> None:
    """The organiser mends what the scans do not tell, and sends the list."""
    actor = story.actor(turn.plan.organiser)
    if turn.plan.judged_by != PLANNED:
        for resident in marks.forgot:
            _mend(story, turn, resident, actor, at)
    for resident in marks.only_looked_in:
        reason = story.one_of(NOT_COUNTED)
        void(story.session, turn.shift_id, resident.member_id, reason=reason, actor=actor)
    for resident in marks.by_hand:
        entry = ManualEntry(
            shift_id=turn.shift_id,
            member_id=resident.member_id,
            minutes=turn.plan.minutes - turn.plan.break_minutes,
            reason=story.one_of(BY_HAND),
        )
        set_manual(story.session, entry, actor=actor)
    _submit(story, turn, at)


def _mend(story: Story, turn: Turn, resident: Resident, actor: Actor, at: datetime) -> None:
    correction = Correction(
        shift_id=turn.shift_id,
        member_id=resident.member_id,
        in_at=None,
        out_at=turn.end,
        reason=story.one_of(FORGOT),
        key="demo",
    )
    correct_times(story.session, correction, actor=actor, now=at)


def _submit(story: Story, turn: Turn, at: datetime) -> None:
    submit_shift(story.session, turn.shift_id, actor=story.actor(turn.plan.organiser), now=at)
    if turn.occasion.course == SUBMITTED:
        return
    next_day = today(at) + timedelta(days=1)
    story.note(instant(next_day, time(9, 0)) + story.minutes(5, 150), _decide, turn)


def _decide(story: Story, turn: Turn, at: datetime) -> None:
    """Somebody else approves; now and then a list goes back once."""
    approver = story.actor(_approver(turn.plan))
    if story.happens(3):
        reason = story.one_of(RETURNED)
        return_shift(story.session, turn.shift_id, reason=reason, actor=approver, now=at)
        story.note(at + story.minutes(30, 300), _submit, turn)
        return
    approve_shift(story.session, turn.shift_id, actor=approver, now=at)


def _approver(plan: Plan) -> str:
    """The branch's manager; for what the manager leads, the organiser who takes no part in it."""
    manager = MANAGERS[plan.branch]
    return manager if plan.organiser != manager else "励佳宁"
