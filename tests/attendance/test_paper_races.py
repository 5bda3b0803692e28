"""Many at once, on paper: two typists of a page, one form from many threads, typing against scans and sending."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.attendance.paper import a_photo, line, printed, typed
from tests.attendance.scene import AFTER, at, find_attendance
from tests.attendance.test_races import THREADS, Crowd, count, crowd
from tests.world import KEYS
from timebank.attendance.models import Kiosk, Scan, Sheet, SheetPhoto, SheetTyping, ShiftApproval
from timebank.attendance.queries import get_sheet
from timebank.attendance.service import (
    PhotoDraft,
    ReviewClosed,
    TypedPage,
    close_kiosk,
    keep_photo,
    open_kiosk,
    submit_shift,
)

__all__ = ["crowd"]  # a fixture
pytestmark = pytest.mark.slow


def type_first(crowd: Crowd, number: str, session: Session, actor: Any, **more: Any) -> TypedPage:
    """Somebody types line 1 of the sheet."""
    return typed(session, get_sheet(session, number), line(1, "09:00", "11:00"), actor=actor, **more)


def test_the_same_page_from_many_threads_is_typed_once(crowd: Crowd) -> None:
    scene = crowd.scene
    number = crowd.alone(lambda session: printed(session, scene).number)
    answers = crowd.together([lambda session: type_first(crowd, number, session, scene.organiser_actor)] * THREADS)
    assert sum(not one.repeated for one in answers) == 1
    assert crowd.alone(lambda session: (count(session, SheetTyping), count(session, Scan))) == (1, 2)


def test_of_two_typists_one_records_and_the_other_checks(crowd: Crowd) -> None:
    scene = crowd.scene
    number = crowd.alone(lambda session: printed(session, scene).number)
    answers = crowd.together(
        [
            lambda session: type_first(crowd, number, session, scene.organiser_actor),
            lambda session: type_first(crowd, number, session, scene.manager_actor),
        ]
    )
    assert sorted(one.round for one in answers) == [1, 2]
    assert crowd.alone(lambda session: (count(session, SheetTyping), count(session, Scan))) == (2, 2)


def test_the_same_form_and_the_same_photo_from_many_threads_are_kept_once(crowd: Crowd) -> None:
    scene = crowd.scene
    crowd.together([lambda session: printed(session, scene, photo=False)] * THREADS)
    number = crowd.alone(lambda session: session.scalars(select(Sheet)).one().number)
    shot = PhotoDraft(number=number, page=1, photo=a_photo())
    crowd.together(
        [lambda session: keep_photo(session, shot, actor=scene.organiser_actor, keys=KEYS, now=at("11:10"))] * THREADS
    )
    assert crowd.alone(lambda session: (count(session, Sheet), count(session, SheetPhoto))) == (1, 1)


def test_paper_and_a_phone_at_once_end_in_the_earliest_and_the_latest(crowd: Crowd) -> None:
    scene = crowd.scene
    number = crowd.alone(lambda session: printed(session, scene).number)
    member = crowd.alone(lambda session: get_sheet(session, number).lines[0].member_id)
    place = [actor.member_id for actor in scene.volunteer_actors].index(member)
    crowd.alone(lambda session: scene.scan(session, place, "09:10", wanted="in"))
    crowd.together(
        [
            lambda session: type_first(crowd, number, session, scene.organiser_actor),
            lambda session: scene.scan(session, place, "11:05", wanted="out"),
        ]
    )
    kept = crowd.alone(lambda session: find_attendance(session, scene.shift_id, member))
    assert (kept.in_at, kept.out_at, kept.signed_minutes) == (at("09:00"), at("11:05"), 120)


def test_a_page_is_typed_before_the_list_is_sent_or_not_at_all(crowd: Crowd) -> None:
    scene = crowd.scene
    number = crowd.alone(lambda session: printed(session, scene).number)
    page, sent = crowd.together(
        [
            lambda session: type_first(crowd, number, session, scene.manager_actor),
            lambda session: submit_shift(session, scene.shift_id, actor=scene.organiser_actor, now=AFTER),
        ]
    )
    assert isinstance(sent, ShiftApproval)
    scans = crowd.alone(lambda session: count(session, Scan))
    assert (isinstance(page, ReviewClosed), scans) in {(True, 0), (False, 2)}


def test_one_form_opens_one_kiosk_and_closing_many_times_closes_once(crowd: Crowd) -> None:
    scene = crowd.scene
    opened = crowd.together(
        [
            lambda session: (
                open_kiosk(
                    session, scene.shift_id, form_key="k", actor=scene.organiser_actor, keys=KEYS, now=at("08:30")
                ).id
            )
        ]
        * THREADS
    )
    assert len(set(opened)) == 1
    assert crowd.alone(lambda session: count(session, Kiosk)) == 1
    crowd.together(
        [lambda session: close_kiosk(session, opened[0], actor=scene.organiser_actor, now=at("09:00")).shift_id]
        * THREADS
    )
    assert crowd.alone(lambda session: session.get_one(Kiosk, opened[0]).closed_at) == at("09:00")
