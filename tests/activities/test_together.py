"""Several people who come together: all get places, or all wait; each is told, and may leave alone."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.activities.town import HOUR, Town, accept, join, make_town, people, post_shift, quit_shift, state
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.activities import queries, service
from timebank.activities.models import BY_OTHERS, CONFIRMED, LEFT, OFFERED, WAITING, Shift
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.models import Member
from timebank.members.service import ask_family, confirm_family, create_team, end_family, join_team, set_leader
from timebank.notices.models import Notice


def family(session: Session, town: Town, count: int) -> list[Member]:
    """So many people; the first is linked with each of the others."""
    first, *others = people(session, town, count)
    for other in others:
        link = ask_family(session, other.number, actor=actor_of(session, first), now=NOW)
        confirm_family(session, link.id, actor=actor_of(session, other), now=NOW)
    return [first, *others]


def together(
    session: Session, on: Shift, folk: list[Member], key: str = "k", signer: Member | None = None
) -> list[str]:
    ask = service.Together(member_ids=tuple(member.id for member in folk), form_key=key)
    actor = actor_of(session, signer or folk[0])
    return [one.status for one in service.sign_up_together(session, on.id, ask, actor=actor, now=NOW)]


def states(session: Session, on: Shift, folk: list[Member]) -> list[str]:
    return [state(session, on, member) for member in folk]


def kinds(session: Session, member: Member) -> list[str]:
    return list(session.scalars(select(Notice.kind).where(Notice.member_id == member.id).order_by(Notice.id)))


def test_all_get_places_and_each_is_told_by_whom(session: Session) -> None:
    town = make_town(session)
    folk = family(session, town, 3)
    on = post_shift(session, town, capacity=3)
    assert together(session, on, folk) == [CONFIRMED] * 3
    assert on.taken == 3
    assert [kinds(session, member) for member in folk] == [[], ["sign_up.by_family"], ["sign_up.by_family"]]
    company = queries.company_of(session, folk[1].id, [on.id])[on.id]
    assert {one.member_id for one in company} == {folk[0].id, folk[2].id}


def test_where_there_are_too_few_places_all_wait(session: Session) -> None:
    town = make_town(session)
    folk = family(session, town, 3)
    on = post_shift(session, town, capacity=3)
    join(session, on, people(session, town, 1)[0])
    assert together(session, on, folk) == [WAITING] * 3
    assert on.taken == 1


def test_the_same_form_again_answers_the_same_and_another_is_refused(session: Session) -> None:
    town = make_town(session)
    folk = family(session, town, 2)
    on, other = post_shift(session, town, capacity=5), post_shift(session, town, hours=72)
    assert together(session, on, folk) == together(session, on, folk)
    assert on.taken == 2
    with pytest.raises(FormUsed):
        together(session, other, folk)
    with pytest.raises(service.OnTheList):
        together(session, on, folk, key="k2")


def waiting_family(session: Session, size: int, capacity: int) -> tuple[Shift, list[Member], list[Member]]:
    """A full shift, its people, and a family that waits for it."""
    town = make_town(session)
    there, folk = people(session, town, capacity), family(session, town, size)
    on = post_shift(session, town, capacity=capacity)
    for member in there:
        join(session, on, member)
    assert together(session, on, folk) == [WAITING] * size
    return on, there, folk


def test_the_offer_goes_to_all_at_once_and_one_word_is_enough(session: Session) -> None:
    on, there, folk = waiting_family(session, 2, 2)
    quit_shift(session, on, there[0])
    assert states(session, on, folk) == [WAITING, WAITING]  # one place is too few for two
    quit_shift(session, on, there[1])
    assert states(session, on, folk) == [OFFERED, OFFERED]
    assert accept(session, on, folk[1]) == CONFIRMED
    assert states(session, on, folk) == [CONFIRMED, CONFIRMED]
    assert kinds(session, folk[0]) == ["sign_up.offered_together", "sign_up.accepted_for"]


def test_one_may_decline_and_the_others_still_go(session: Session) -> None:
    on, there, folk = waiting_family(session, 2, 2)
    for member in there:
        quit_shift(session, on, member)
    quit_shift(session, on, folk[1], reason="")
    assert states(session, on, folk) == [OFFERED, LEFT]
    assert on.taken == 1
    accept(session, on, folk[0])
    assert states(session, on, folk) == [CONFIRMED, LEFT]


def test_who_says_nothing_loses_the_places_of_all(session: Session) -> None:
    on, there, folk = waiting_family(session, 2, 2)
    for member in there:
        quit_shift(session, on, member)
    service.settle_shift(session, on.id, now=NOW + 12 * HOUR)
    assert (states(session, on, folk), on.taken) == ([LEFT, LEFT], 0)


def test_a_smaller_one_goes_before_three_times_and_then_places_are_saved_up(session: Session) -> None:
    on, there, folk = waiting_family(session, 2, 5)
    singles = people(session, make_town(session), 4)
    for member in singles:
        assert join(session, on, member, now=NOW + HOUR) == WAITING
    for number in range(3):
        quit_shift(session, on, there[number], now=NOW + HOUR)
        assert state(session, on, singles[number]) == OFFERED
        accept(session, on, singles[number], now=NOW + HOUR)
    quit_shift(session, on, there[3], now=NOW + HOUR)
    assert (on.free, state(session, on, singles[3])) == (1, WAITING)
    newcomer = people(session, make_town(session), 1)[0]
    assert join(session, on, newcomer, now=NOW + HOUR) == WAITING  # nobody slips past the family any more
    quit_shift(session, on, there[4], now=NOW + HOUR)
    assert states(session, on, folk) == [OFFERED, OFFERED]


def test_a_family_larger_than_a_shift_that_was_made_smaller_keeps_nobody_behind_it(session: Session) -> None:
    on, there, folk = waiting_family(session, 3, 4)
    for member in folk:
        waiting = queries.find_sign_up(session, on.id, member.id)
        assert waiting is not None
        waiting.passed = 3
    for member in there[:2]:
        quit_shift(session, on, member, now=NOW + HOUR)
    on.capacity = 2
    [single] = people(session, make_town(session), 1)
    assert join(session, on, single, now=NOW + HOUR) == WAITING
    quit_shift(session, on, there[2], now=NOW + HOUR)
    assert (state(session, on, single), states(session, on, folk)) == (OFFERED, [WAITING] * 3)


def test_a_newcomer_who_fits_goes_before_and_it_is_counted(session: Session) -> None:
    on, there, folk = waiting_family(session, 2, 2)
    quit_shift(session, on, there[0])
    newcomers = people(session, make_town(session), 1)
    assert join(session, on, newcomers[0]) == CONFIRMED
    found = queries.find_sign_up(session, on.id, folk[0].id)
    assert found is not None
    assert found.passed == 1


def test_leaving_by_one_and_by_all(session: Session) -> None:
    town = make_town(session)
    folk = family(session, town, 4)
    on = post_shift(session, town, capacity=4)
    together(session, on, folk)
    quit_shift(session, on, folk[3])  # by themselves
    actor = actor_of(session, folk[0])
    gone = service.leave(session, on.id, member_id=folk[2].id, reason="发烧", actor=actor, now=NOW)
    assert (gone.left_how, states(session, on, folk)) == (BY_OTHERS, [CONFIRMED, CONFIRMED, LEFT, LEFT])
    assert kinds(session, folk[2])[-1] == "sign_up.taken_off_by_family"
    left = service.leave_together(session, on.id, reason="都去不了", actor=actor, now=NOW)
    assert (len(left), on.taken) == (2, 0)
    assert service.leave_together(session, on.id, reason="", actor=actor, now=NOW) == []


def test_who_was_signed_up_does_not_take_others_off(session: Session) -> None:
    town = make_town(session)
    folk = family(session, town, 3)
    on = post_shift(session, town, capacity=4)
    together(session, on, folk)
    with pytest.raises(NotAllowed):  # siblings are linked with the first one only
        service.leave(session, on.id, member_id=folk[2].id, reason="x", actor=actor_of(session, folk[1]), now=NOW)
    service.leave_together(session, on.id, reason="我去不了", actor=actor_of(session, folk[1]), now=NOW)
    assert states(session, on, folk) == [CONFIRMED, LEFT, CONFIRMED]


def test_more_people_than_places_are_refused(session: Session) -> None:
    town = make_town(session)
    folk = family(session, town, 3)
    with pytest.raises(service.PartyTooLarge):
        together(session, post_shift(session, town, capacity=2), folk)


def test_strangers_and_ended_families_are_refused(session: Session) -> None:
    town = make_town(session)
    one, other, stranger = people(session, town, 3)
    on = post_shift(session, town, capacity=5)
    link = ask_family(session, other.number, actor=actor_of(session, one), now=NOW)
    for folk in ([one, stranger], [one, other]):  # a stranger; not confirmed yet
        with pytest.raises(NotAllowed):
            together(session, on, folk)
    confirm_family(session, link.id, actor=actor_of(session, other), now=NOW)
    end_family(session, link.id, actor=actor_of(session, other), now=NOW)
    with pytest.raises(NotAllowed):
        together(session, on, [one, other])
    assert on.taken == 0


def test_a_leader_signs_up_the_team_and_staff_anybody(session: Session) -> None:
    town = make_town(session)
    boss = actor_of(session, make_member(session, town.branch, roles=("manager",)))
    lead, one, two = people(session, town, 3)
    team = create_team(session, branch_id=town.branch.id, name="绿色环保队", kind="", actor=boss, now=NOW)
    for member in (lead, one, two):
        join_team(session, team.id, member.id, actor=boss, now=NOW)
    set_leader(session, team.id, lead.id, actor=boss)
    on = post_shift(session, town, capacity=9)
    assert together(session, on, [lead, one]) == [CONFIRMED] * 2
    with pytest.raises(NotAllowed):  # who does not lead
        together(session, on, [one, two], key="k2")
    guest = make_member(session, make_branch(session, "XQ"))
    assert together(session, on, [two, guest], key="k3", signer=town.organiser) == [CONFIRMED] * 2
    assert kinds(session, guest) == ["sign_up.by_staff"]


def test_one_of_whom_something_stands_against_stops_all(session: Session) -> None:
    town = make_town(session)
    folk = family(session, town, 2)
    other = post_shift(session, town, hours=24.5)
    join(session, other, folk[1])
    on = post_shift(session, town, capacity=5)
    with pytest.raises(service.ShiftsOverlap):
        together(session, on, folk)
    assert on.taken == 0
