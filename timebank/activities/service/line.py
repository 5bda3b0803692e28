"""The waiting list of a locked shift: offers end, and free places are offered to whoever is first in line.

Every verb that touches a shift settles its line first, so no clock has to run for the list to be right; the job only
makes it prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import LAPSED, LEFT, OFFERED, PUBLISHED, WAITING, Shift, SignUp
from timebank.activities.queries import find_clash, find_limits
from timebank.activities.rules import Party, choose_parties, offer_deadline
from timebank.activities.service.locks import lock_shift
from timebank.activities.service.telling import tell_signed
from timebank.core import clock
from timebank.members.models import ACTIVE, Member

People = tuple[SignUp, ...]


def settle_shift(session: Session, shift_id: int, *, now: datetime) -> int:
    """Settle one shift's line for the job; returns how many places were offered. Raises ShiftNotFound."""
    return len(settle(session, lock_shift(session, shift_id), now=now))


def settle(session: Session, shift: Shift, *, now: datetime) -> list[SignUp]:
    """Bring the line of a locked shift up to date; returns who was offered a place now.

    Offers that ran out, or whose member may not act any more, end: who did not answer is out of the line, and told.
    Then free places are offered, first come first. Passed over, and left in the line: parties of which somebody may not
    act or has another shift at that time. Nobody is asked once the shift has begun or was cancelled.
    """
    _end_overdue(session, shift, now)
    offered: list[SignUp] = []
    if not shift.free or shift.cancelled_at or shift.activity.status != PUBLISHED or now >= shift.starts_at:
        return offered
    choice = choose_parties(_parties(session, shift), shift.free)
    until = _deadline(session, shift, now) if choice.asked else now
    for party in choice.asked:
        people = cast(People, party.key)
        take_places(session, shift, len(people))
        for one in people:
            one.status, one.offered_until = OFFERED, until
        session.flush()
        for one in people:
            kind = "sign_up.offered" if len(people) == 1 else "sign_up.offered_together"
            tell_signed(session, one, kind, now, until=until, count=len(people))
        offered += people
    count_passed(session, choice.passed)
    return offered


def admits(session: Session, shift: Shift, size: int) -> bool:
    """Whether so many newcomers find places in a locked shift whose line is settled; counts whom they pass over."""
    if shift.free < size:
        return False
    newcomers = Party(key="newcomers", size=size)
    choice = choose_parties(chain(_parties(session, shift), [newcomers]), shift.free)
    if newcomers not in choice.asked:
        return False
    count_passed(session, choice.passed)
    return True


def count_passed(session: Session, parties: Sequence[Party]) -> None:
    """Remember that smaller parties went before these."""
    for party in parties:
        for one in cast(People, party.key):
            one.passed += 1
    session.flush()


def end_offers(session: Session, shift: Shift) -> None:
    """Take back what is offered in a locked shift that will not take place; its people simply wait again."""
    offered = _offered(session, shift)
    for one in offered:
        one.status, one.offered_until = WAITING, None
    session.flush()
    give_places_back(session, shift, len(offered))


def take_places(session: Session, shift: Shift, count: int) -> bool:
    """Take so many places, by a guarded relative update; whether there were enough."""
    return _move_taken(session, shift, count)


def give_places_back(session: Session, shift: Shift, count: int) -> None:
    """Free so many places."""
    if count:
        _move_taken(session, shift, -count)


def _end_overdue(session: Session, shift: Shift, now: datetime) -> None:
    freed = 0
    for one in _offered(session, shift):
        until = min(one.offered_until or now, shift.starts_at)  # the shift may have been moved nearer
        if now < until and one.member.status == ACTIVE:
            one.offered_until = until
            continue
        one.status, one.offered_until = LEFT, None
        one.left_at, one.left_how, one.leave_reason = min(now, until), LAPSED, ""
        freed += 1
        session.flush()
        tell_signed(session, one, "sign_up.offer_lapsed", now)
    session.flush()
    give_places_back(session, shift, freed)


def _offered(session: Session, shift: Shift) -> Sequence[SignUp]:
    found = (
        select(SignUp).where(SignUp.shift_id == shift.id, SignUp.status == OFFERED).options(joinedload(SignUp.member))
    )
    return session.scalars(found.order_by(SignUp.id).execution_options(populate_existing=True)).all()


def _parties(session: Session, shift: Shift) -> Iterator[Party]:
    """The line as parties that can come, first in line first; what comes after the last free place is never asked."""
    waiting = session.scalars(
        select(SignUp)
        .join(SignUp.member)
        .where(SignUp.shift_id == shift.id, SignUp.status == WAITING)
        .options(joinedload(SignUp.member))
        .order_by(SignUp.queued_at, SignUp.id)
        .execution_options(populate_existing=True)
    ).all()
    together: dict[tuple[str, int], list[SignUp]] = {}
    for one in waiting:
        together.setdefault(("party", one.party_id) if one.party_id else ("one", one.id), []).append(one)
    for people in together.values():
        # A party for whom the whole shift has become too small waits for a larger one, and keeps nobody behind it.
        if len(people) <= shift.capacity and all(_can_come(session, shift, one.member) for one in people):
            yield Party(key=tuple(people), size=len(people), passed=max(one.passed for one in people))


def _can_come(session: Session, shift: Shift, member: Member) -> bool:
    return member.status == ACTIVE and find_clash(session, member.id, shift) is None


def _deadline(session: Session, shift: Shift, now: datetime) -> datetime:
    hours = find_limits(session, shift.activity.branch_id).offer_hours
    return offer_deadline(clock.local(now), clock.local(shift.starts_at), offer_hours=hours)


def _move_taken(session: Session, shift: Shift, step: int) -> bool:
    after = Shift.taken + step
    moved = session.execute(
        update(Shift).where(Shift.id == shift.id, after >= 0, after <= Shift.capacity).values(taken=after),
        execution_options={"synchronize_session": False},
    )
    session.expire(shift, ["taken"])
    return bool(moved.rowcount)  # type: ignore[attr-defined]
