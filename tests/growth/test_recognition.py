"""Rules of recognition by version, and who reached a star."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER
from tests.growth.scene import EASY, LATER, TODAY, key, make_hall
from tests.world import NOW
from timebank.core import clock
from timebank.core.errors import FormUsed, NotAllowed
from timebank.growth import queries, service
from timebank.growth.rules import BUILT_IN_RECOGNITION, Recognition


def draft(branch_id: int, **more: object) -> service.RecognitionDraft:
    given = {"valid_from": TODAY, "settings": EASY, "reason": "会议决定", "form_key": key()} | more
    return service.RecognitionDraft(branch_id=branch_id, **given)  # type: ignore[arg-type]


def test_a_version_holds_from_its_day_on(session: Session) -> None:
    hall = make_hall(session, served=False)
    hall.set_rules()
    assert queries.find_recognition(session, hall.branch_id, TODAY - timedelta(days=1)) == BUILT_IN_RECOGNITION
    found = queries.find_recognition(session, hall.branch_id, TODAY)
    assert (found.name, found.star_minutes[0]) == ("recognition/BL/1", 60)


def test_the_same_form_again_saves_nothing_more_and_another_content_is_refused(session: Session) -> None:
    hall = make_hall(session, served=False)
    one = draft(hall.branch_id)
    first = service.add_recognition(session, one, actor=hall.manager, now=NOW)
    assert service.add_recognition(session, one, actor=hall.manager, now=NOW).id == first.id
    with pytest.raises(FormUsed):
        service.add_recognition(session, replace(one, reason="别的"), actor=hall.manager, now=NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"valid_from": clock.today(NOW)}, "valid_from"),
        ({"valid_from": clock.today(NOW) + timedelta(days=400)}, "valid_from"),
        ({"settings": Recognition(one_star_minutes=0)}, "one_star_hours"),
        ({"settings": Recognition(two_star_minutes=6000)}, "two_star_hours"),
        ({"settings": Recognition(award_title=" ")}, "award_title"),
        ({"settings": Recognition(award_minutes=-1)}, "award_hours"),
        ({"settings": Recognition(award_activities=367)}, "award_activities"),
        ({"settings": Recognition(award_grade=5)}, "award_grade"),
        ({"reason": " "}, "reason"),
    ],
)
def test_what_cannot_be_a_version_is_refused_at_its_field(
    session: Session, change: dict[str, object], field: str
) -> None:
    hall = make_hall(session, served=False)
    with pytest.raises(service.BadRecognition) as refused:
        service.add_recognition(session, draft(hall.branch_id, **change), actor=hall.manager, now=NOW)
    assert field in refused.value.fields


def test_a_version_that_changes_nothing_is_refused(session: Session) -> None:
    hall = make_hall(session, served=False)
    with pytest.raises(service.NothingChanged):
        service.add_recognition(session, draft(hall.branch_id, settings=Recognition()), actor=hall.manager, now=NOW)


def test_an_organiser_changes_no_rules(session: Session) -> None:
    hall = make_hall(session, served=False)
    with pytest.raises(NotAllowed):
        service.add_recognition(session, draft(hall.branch_id), actor=hall.organiser, now=NOW)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE recognition_rule SET one_star_minutes = 1",
        "DELETE FROM recognition_rule",
        "INSERT INTO recognition_rule (branch_id, number, valid_from, one_star_minutes, two_star_minutes,"
        " three_star_minutes, four_star_minutes, five_star_minutes, award_title, award_minutes, award_activities,"
        " award_no_absence, award_grade, reason, created_by_name, created_at, form_key) SELECT branch_id, 9,"
        " '2026-11-20', 1, 2, 3, 4, 5, 'x', 1, 1, award_no_absence, 0, 'x', 'x', created_at, 'x' FROM recognition_rule",
    ],
)
def test_the_database_keeps_versions_as_they_were_saved(session: Session, attack: str) -> None:
    make_hall(session, served=False).set_rules()
    with pytest.raises(DatabaseError, match=r"never changed|later day"), session.begin_nested():
        session.execute(sa.text(attack))


def test_who_reached_a_star_in_the_month_is_listed_under_which_rule(session: Session) -> None:
    hall = make_hall(session)
    assert queries.list_reached(session, hall.branch_id, "2026-11", TODAY) == []
    hall.set_rules()
    found = queries.list_reached(session, hall.branch_id, "2026-11", TODAY)
    assert [(one.reached.star, one.reached.day, one.reached.rule) for one in found] == [
        *[(2, TODAY, "recognition/BL/1")] * 3,
        *[(1, TODAY, "recognition/BL/1")] * 3,
    ]
    assert queries.list_reached(session, hall.branch_id, "2026-10", TODAY) == []


def test_a_star_keeps_the_day_of_the_approval_under_the_rule_of_then(session: Session) -> None:
    hall = make_hall(session, served=False)
    hall.set_rules(valid_from=clock.today(AFTER) + timedelta(days=0), now=NOW - timedelta(days=1))
    for number in range(3):
        hall.scene.attend(session, number)
    hall.scene.submit(session)
    hall.scene.approve(session)
    hall.set_rules(Recognition(), valid_from=TODAY + timedelta(days=1), now=LATER)
    stars = queries.find_stars(session, hall.people, TODAY + timedelta(days=9))
    assert {(one.count, one.reached[0].rule, one.reached[0].day) for one in stars.values()} == {
        (2, "recognition/BL/1", clock.today(AFTER))
    }
    assert {one.next_minutes for one in stars.values()} == {600 * 60}
