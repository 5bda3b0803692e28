"""Trainings, awards and evaluations: who records, who withdraws, what their holder may ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from tests.growth.scene import LATER, TODAY, Hall, key, make_hall
from tests.world import KEYS, make_branch, make_member
from timebank.core.errors import FormUsed, NotAllowed
from timebank.growth import queries, service
from timebank.growth.models import AWARD, EVALUATION, TRAINING, Milestone
from timebank.members.service import suspend_member
from timebank.notices.queries import list_unread


@pytest.fixture
def hall(session: Session) -> Hall:
    return make_hall(session, served=False)


def withdraw(hall: Hall, one: Milestone, **more: Any) -> Milestone:
    given = {"reason": "记错了人", "actor": hall.deputy} | more
    return service.withdraw_milestone(hall.session, one.id, **given, now=LATER)


def ask(hall: Hall, one: Milestone, **more: Any) -> Any:
    given = {"words": "我那天没有去", "form_key": key(), "actor": hall.actor(0)} | more
    return service.ask_about(hall.session, one.id, **given, now=LATER)


def test_a_whole_roster_is_recorded_at_once_and_everybody_is_told(hall: Hall) -> None:
    made = hall.record(TRAINING, 0, 1, 2)
    assert [(one.member_id, one.length_minutes, one.recorded_by_id) for one in made] == [
        (member.id, 180, hall.organiser.member_id) for member in hall.people
    ]
    assert "急救培训" in list_unread(hall.session, hall.people[2].id, most=1)[0].title
    card = queries.get_card(hall.session, hall.people[1], KEYS, today=TODAY)
    assert [one.title for one in card.of_kind(TRAINING)] == ["急救培训"]


def test_the_same_form_again_records_nobody_twice_and_others_under_its_key_are_refused(hall: Hall) -> None:
    first = hall.record(TRAINING, 0, 1, form_key="once")
    again = hall.record(TRAINING, 1, 0, form_key="once")
    assert {one.id for one in again} == {one.id for one in first}
    for numbers, more in (((0, 1, 2), {}), ((0, 1), {"title": "别的"})):
        with pytest.raises(FormUsed):
            hall.record(TRAINING, *numbers, form_key="once", **more)


def test_awards_are_the_managers(hall: Hall) -> None:
    assert hall.record(AWARD, 0)[0].kind == AWARD
    with pytest.raises(NotAllowed):
        hall.record(AWARD, 0, by=hall.organiser)


def test_nobody_records_for_oneself_nor_for_another_branch(hall: Hall) -> None:
    draft = service.MilestoneDraft(
        kind=TRAINING, title="急救", giver="中心", on_day=TODAY, words="看过", form_key=key(), length_minutes=60
    )

    def record(branch_id: int, *ids: int) -> object:
        return service.record_milestones(hall.session, branch_id, draft, ids, actor=hall.organiser, now=LATER)

    with pytest.raises(service.NotForOneself):
        record(hall.branch_id, hall.people[0].id, hall.organiser.member_id or 0)
    elsewhere = make_branch(hall.session, "CX")
    with pytest.raises(NotAllowed):
        record(elsewhere.id, hall.people[0].id)
    stranger = make_member(hall.session, elsewhere)
    with pytest.raises(service.BadMilestone, match="需要改"):
        record(hall.branch_id, stranger.id)


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        (TRAINING, {"on_day": TODAY + timedelta(days=1)}, "on_day"),
        (TRAINING, {"length_minutes": None}, "length"),
        (TRAINING, {"length_minutes": 0}, "length"),
        (AWARD, {"length_minutes": 60}, "length"),
        (EVALUATION, {"grade": None}, "grade"),
        (EVALUATION, {"grade": 5}, "grade"),
        (TRAINING, {"grade": 3}, "grade"),
        (TRAINING, {"words": "  "}, "words"),
    ],
)
def test_what_does_not_belong_together_is_refused_at_its_field(
    hall: Hall, kind: str, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(service.BadMilestone) as refused:
        hall.record(kind, 0, **change)
    assert list(refused.value.fields) == [field]


def test_somebody_has_to_be_chosen_and_all_of_them_active(hall: Hall) -> None:
    with pytest.raises(service.BadMilestone) as refused:
        hall.record(TRAINING)
    assert "members" in refused.value.fields
    suspend_member(hall.session, hall.people[0].id, reason="外出", actor=hall.manager, now=LATER)
    with pytest.raises(service.BadMilestone):
        hall.record(TRAINING, 0, 1)


def test_a_second_person_withdraws_with_a_reason_and_the_row_stays(hall: Hall) -> None:
    [one] = hall.record(EVALUATION, 0)
    with pytest.raises(service.SecondPersonNeeded):
        withdraw(hall, one, actor=hall.organiser)
    with pytest.raises(service.BadMilestone):
        withdraw(hall, one, reason=" ")
    withdraw(hall, one)
    assert withdraw(hall, one) is withdraw(hall, one)  # the same press again
    with pytest.raises(service.AlreadyWithdrawn):
        withdraw(hall, one, reason="别的原因")
    assert queries.list_standing_milestones(hall.session, [hall.people[0].id]) == {hall.people[0].id: []}
    [kept] = queries.list_milestones_of(hall.session, hall.people[0].id)
    assert (kept.withdrawn_reason, kept.withdrawn_by_id) == ("记错了人", hall.deputy.member_id)


def test_an_award_is_not_withdrawn_by_an_organiser_nor_by_its_holder(hall: Hall) -> None:
    [one] = hall.record(AWARD, 0)
    for actor in (hall.organiser, hall.actor(0)):
        with pytest.raises(NotAllowed):
            withdraw(hall, one, actor=actor)


def test_its_holder_asks_and_somebody_who_did_not_record_it_answers(hall: Hall) -> None:
    [one] = hall.record(TRAINING, 0)
    question = ask(hall, one, form_key="why")
    assert ask(hall, one, form_key="why").id == question.id
    with pytest.raises(FormUsed):
        ask(hall, one, form_key="why", words="别的")
    with pytest.raises(service.AlreadyAsked):
        ask(hall, one)
    assert queries.count_open_questions(hall.session, hall.branch_id) == 1

    def answer(**more: Any) -> Any:
        given = {"answer": "查过了，是记错的", "actor": hall.manager} | more
        return service.answer_question(hall.session, question.id, **given, now=LATER)

    with pytest.raises(service.SecondPersonNeeded):
        answer(actor=hall.organiser)
    with pytest.raises(service.BadMilestone):
        answer(answer=" ")
    assert answer() is answer()  # the same press again
    with pytest.raises(service.AlreadyAnswered):
        answer(answer="别的话")
    assert queries.list_open_questions(hall.session, hall.branch_id) == []
    assert "查过了" in list_unread(hall.session, hall.people[0].id, most=1)[0].text
    assert ask(hall, one).id != question.id  # after the answer one may ask again


def test_a_form_that_asked_about_one_row_asks_about_no_other(hall: Hall) -> None:
    [one], [other] = hall.record(TRAINING, 0), hall.record(EVALUATION, 0)
    ask(hall, one, form_key="once")
    with pytest.raises(FormUsed):
        ask(hall, other, form_key="once")


def test_nobody_asks_about_what_is_not_theirs_or_was_withdrawn(hall: Hall) -> None:
    [one] = hall.record(TRAINING, 0)
    with pytest.raises(queries.MilestoneNotFound):
        ask(hall, one, actor=hall.actor(1))
    withdraw(hall, one)
    with pytest.raises(service.AlreadyWithdrawn):
        ask(hall, one)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE milestone SET title = 'x'",
        "UPDATE milestone SET withdrawn_at = NULL, withdrawn_by_id = NULL, withdrawn_reason = '' WHERE kind = 'award'",
        "DELETE FROM milestone",
        "UPDATE milestone SET withdrawn_at = recorded_at, withdrawn_by_id = recorded_by_id, withdrawn_reason = 'x' "
        "WHERE kind = 'training'",
        "UPDATE milestone_question SET words = 'x'",
        "DELETE FROM milestone_question",
        "UPDATE milestone_question SET answer = 'x', answered_at = asked_at, answered_by_id = (SELECT recorded_by_id "
        "FROM milestone m WHERE m.id = milestone_id)",
    ],
)
def test_the_database_keeps_what_was_recorded_and_asked(hall: Hall, attack: str) -> None:
    [training] = hall.record(TRAINING, 0)
    [award] = hall.record(AWARD, 0)
    ask(hall, training)
    withdraw(hall, award)
    with pytest.raises(DatabaseError), hall.session.begin_nested():
        hall.session.execute(sa.text(attack))
