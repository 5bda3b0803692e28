"""Yearly commendations: who fits, two managers, everybody at once or nobody."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from tests.growth.scene import LATER, TODAY, Hall, make_hall
from tests.world import actor_of, make_member
from timebank.core.errors import FormUsed, NotAllowed
from timebank.growth import queries, service
from timebank.growth.models import EVALUATION, GRANTED, Milestone
from timebank.growth.rules import Recognition
from timebank.members.rules import Place
from timebank.members.service import grant_role, suspend_member


@pytest.fixture
def hall(session: Session) -> Hall:
    made = make_hall(session)
    made.set_rules()
    return made


def grant(hall: Hall, commendation_id: int, **more: Any) -> Any:
    return service.grant_commendation(hall.session, commendation_id, **({"actor": hall.deputy} | more), now=LATER)


def candidates(hall: Hall) -> dict[str, bool]:
    found = queries.list_candidates(hall.session, hall.branch_id, TODAY.year, TODAY)
    return {fit.member.name: fit.fits for fit in found}


def test_the_list_says_of_each_why_they_fit(hall: Hall) -> None:
    fits = queries.list_candidates(hall.session, hall.branch_id, TODAY.year, TODAY)
    assert [fit.member.id for fit in fits] == [member.id for member in hall.people]
    assert {tuple(point.words for point in fit.points) for fit in fits} == {
        ("服务 2 小时（要 1 小时）", "参加 1 次（要 1 次）", "没有缺席")
    }
    assert queries.list_candidates(hall.session, hall.branch_id, TODAY.year - 1, TODAY) == []


def test_the_latest_evaluation_of_the_year_counts(session: Session) -> None:
    hall = make_hall(session)
    hall.set_rules(Recognition(award_minutes=60, award_activities=1, award_grade=3))
    hall.record(EVALUATION, 0, grade=4)
    hall.record(EVALUATION, 1, grade=4)
    hall.record(EVALUATION, 1, grade=2)
    assert candidates(hall) == {hall.people[0].name: True, hall.people[1].name: False, hall.people[2].name: False}


def test_two_managers_give_the_award_to_all_at_once(hall: Hall) -> None:
    proposed = hall.propose(0, 1)
    with pytest.raises(service.SecondManagerNeeded):
        grant(hall, proposed.id, actor=hall.manager)
    assert grant(hall, proposed.id).status == GRANTED
    assert grant(hall, proposed.id).status == GRANTED  # pressed again
    awards = queries.list_standing_milestones(hall.session, [member.id for member in hall.people])
    assert [len(awards[member.id]) for member in hall.people] == [1, 1, 0]
    one = awards[hall.people[0].id][0]
    assert (one.title, one.recorded_by_id, one.agreed_by_id) == (
        "2026 年度优秀志愿者",
        hall.manager.member_id,
        hall.deputy.member_id,
    )
    assert candidates(hall) == {hall.people[2].name: True}


def test_the_same_form_again_proposes_nothing_more(hall: Hall) -> None:
    first = hall.propose(0, form_key="once")
    assert hall.propose(0, form_key="once").id == first.id
    with pytest.raises(FormUsed):
        hall.propose(1, form_key="once")


def test_one_list_of_a_year_waits_at_a_time(hall: Hall) -> None:
    first = hall.propose(0)
    with pytest.raises(service.ListWaiting):
        hall.propose(1)
    service.decline_commendation(hall.session, first.id, reason="再看看", actor=hall.deputy, now=LATER)
    assert hall.propose(1).id != first.id


def test_nobody_proposes_or_grants_a_list_with_their_own_name(hall: Hall) -> None:
    with pytest.raises(service.OwnName):
        hall.propose(0, actor=actor_of(hall.session, _made_manager(hall, 0)))
    proposed = hall.propose(0)
    with pytest.raises(service.OwnName):
        grant(hall, proposed.id, actor=actor_of(hall.session, hall.people[0]))


def _made_manager(hall: Hall, number: int) -> Any:
    from timebank.core.actor import SYSTEM

    member = hall.people[number]
    grant_role(hall.session, member.id, "manager", Place(branch_id=hall.branch_id), actor=SYSTEM, now=LATER)
    return member


@pytest.mark.parametrize("year", [TODAY.year + 1, 1999])
def test_a_year_that_cannot_be_is_refused(hall: Hall, year: int) -> None:
    with pytest.raises(service.BadCommendation) as refused:
        hall.propose(0, year=year)
    assert "year" in refused.value.fields


def test_an_empty_list_is_refused_and_so_is_an_organiser(hall: Hall) -> None:
    with pytest.raises(service.BadCommendation):
        hall.propose()
    with pytest.raises(NotAllowed):
        hall.propose(0, actor=hall.organiser)


def test_who_does_not_fit_is_not_proposed(hall: Hall) -> None:
    idle = make_member(hall.session, hall.scene.branch, "沈未来")
    hall.people.append(idle)
    with pytest.raises(service.DoNotFit, match="沈未来"):
        hall.propose(0, 3)


def test_who_does_not_fit_any_more_keeps_the_whole_list_from_being_granted(hall: Hall) -> None:
    proposed = hall.propose(0, 1)
    suspend_member(hall.session, hall.people[1].id, reason="外出", actor=hall.manager, now=LATER)
    with pytest.raises(service.DoNotFit, match=hall.people[1].name):
        grant(hall, proposed.id)
    assert hall.session.scalar(sa.select(sa.func.count()).select_from(Milestone)) == 0


def test_a_declined_list_says_why_and_stays_declined(hall: Hall) -> None:
    proposed = hall.propose(0)
    with pytest.raises(service.BadCommendation):
        service.decline_commendation(hall.session, proposed.id, reason=" ", actor=hall.deputy, now=LATER)
    for _ in range(2):  # the same press again is harmless
        service.decline_commendation(hall.session, proposed.id, reason="再看看", actor=hall.deputy, now=LATER)
    for verb in (
        grant,
        lambda hall, one: service.decline_commendation(hall.session, one, reason="x", actor=hall.deputy, now=LATER),
    ):
        with pytest.raises(service.AlreadyDecided):
            verb(hall, proposed.id)


def test_an_award_that_was_withdrawn_may_be_granted_anew(hall: Hall) -> None:
    grant(hall, hall.propose(0).id)
    with pytest.raises(service.DoNotFit):
        hall.propose(0)
    [one] = queries.list_standing_milestones(hall.session, [hall.people[0].id])[hall.people[0].id]
    service.withdraw_milestone(hall.session, one.id, reason="算错了", actor=hall.deputy, now=LATER)
    grant(hall, hall.propose(0).id)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE commendation SET title = 'x'",
        "DELETE FROM commendation",
        "UPDATE commendation SET status = 'granted', decided_by_id = proposed_by_id, decided_at = proposed_at",
        "UPDATE commendation SET status = 'granted', decided_at = proposed_at, decided_by_id = "
        "(SELECT member_id FROM commendation_candidate)",
        "INSERT INTO commendation_candidate (commendation_id, member_id, minutes, activities, absences) "
        "SELECT id, proposed_by_id, 1, 1, 0 FROM commendation",
        "UPDATE commendation_candidate SET minutes = 1",
        "DELETE FROM commendation_candidate",
    ],
)
def test_the_database_keeps_lists_as_they_were_proposed(hall: Hall, attack: str) -> None:
    hall.propose(0)
    with pytest.raises(DatabaseError), hall.session.begin_nested():
        hall.session.execute(sa.text(attack))
