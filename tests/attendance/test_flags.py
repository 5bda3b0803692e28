"""What a reviewer is asked to look at: flags never refuse anything, and each says one thing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.attendance.scene import END, START, Scene, make_scene, make_shift
from timebank.attendance.queries import KINDS, list_flags
from timebank.attendance.rules import Place, place_fit
from timebank.attendance.service import (
    ManualEntry,
    ScanDraft,
    record_scan,
    set_manual,
    void,
)

SPOT = Place(latitude=29.901234, longitude=121.843321)


def north_of(metres: float) -> Place:
    return Place(latitude=SPOT.latitude + metres / 111_195, longitude=SPOT.longitude)


@pytest.mark.parametrize(
    ("metres", "accuracy", "word"),
    [
        (0, 10, "inside"),
        (149, 0, "inside"),
        (152, 0, "near"),
        (180, 50, "inside"),  # the phone says that it errs
        (999, 0, "near"),
        (1002, 0, "far"),
        (1900, 1000, "near"),
        (30_000, 50, "far"),
        (30_000, 1001, ""),  # so rough that it says nothing
        (0, -1, ""),
        (0, float("nan"), ""),
        (0, float("inf"), ""),
    ],
)
def test_a_position_becomes_a_word(metres: float, accuracy: float, word: str) -> None:
    assert place_fit(SPOT, north_of(metres), accuracy_metres=accuracy) == word


@pytest.mark.parametrize(
    "position",
    [
        None,
        Place(latitude=91, longitude=0),
        Place(latitude=0, longitude=181),
        Place(latitude=float("nan"), longitude=0),
    ],
)
def test_no_position_and_an_impossible_one_say_nothing(position: Place | None) -> None:
    assert place_fit(SPOT, position, accuracy_metres=10) == ""
    assert place_fit(None, SPOT, accuracy_metres=10) == ""


def test_east_and_west_count_by_the_latitude() -> None:
    there = Place(latitude=SPOT.latitude, longitude=SPOT.longitude + 0.01)  # 964 metres here, 1112 at the equator
    assert place_fit(SPOT, there, accuracy_metres=0) == "near"
    equator = Place(latitude=0, longitude=0)
    assert place_fit(equator, Place(latitude=0, longitude=0.01), accuracy_metres=0) == "far"


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session, spot_latitude=29_901_234, spot_longitude=121_843_321)


def flagged(session: Session, scene: Scene, code: str, shift_id: int = 0) -> list[int]:
    """The numbers of the volunteers with a flag."""
    found = list_flags(session, shift_id or scene.shift_id).having(code)
    return [number for number, member in enumerate(scene.volunteers) if member.id in found]


def test_far_is_flagged_and_counts_all_the_same(session: Session, scene: Scene) -> None:
    for number, fit in enumerate(("far", "near", "")):
        assert scene.scan(session, number, "09:00", place_fit=fit).refusal is None
        scene.scan(session, number, "11:00", wanted="out")
    assert flagged(session, scene, "far") == [0]
    scene.submit(session)
    assert scene.approve(session).minutes == 360


def test_a_refused_scan_flags_nobody(session: Session, scene: Scene) -> None:
    assert scene.scan(session, 0, "07:00", place_fit="far").refusal is not None
    assert flagged(session, scene, "far") == []


@pytest.mark.parametrize(
    ("minutes", "is_round"), [(60, True), (120, True), (119, False), (90, False), (20, False), (1, False)]
)
def test_hours_that_are_round_or_the_whole_shift_are_flagged(
    session: Session, scene: Scene, minutes: int, is_round: bool
) -> None:
    enter(session, scene, minutes)
    assert flagged(session, scene, "round_hours") == ([0] if is_round else [])


def test_minutes_that_fill_the_shift_up_are_flagged(session: Session) -> None:
    scene = make_scene(session, break_minutes=15)
    scene.attend(session, 0, "09:00", "10:00")
    enter(session, scene, 59)
    assert flagged(session, scene, "round_hours") == []
    enter(session, scene, 60)
    assert flagged(session, scene, "round_hours") == [0]


def enter(session: Session, scene: Scene, minutes: int) -> None:
    entry = ManualEntry(shift_id=scene.shift_id, member_id=scene.volunteers[0].id, minutes=minutes, reason="没带手机")
    set_manual(session, entry, actor=scene.organiser_actor)


def test_who_never_served_before_is_flagged_on_the_first_shift_only(session: Session, scene: Scene) -> None:
    for number in (0, 1):
        scene.attend(session, number)
    void(session, scene.shift_id, scene.volunteers[1].id, reason="走错了", actor=scene.organiser_actor)
    assert flagged(session, scene, "first_timer") == [0]
    _, next_day = make_shift(
        session,
        scene.branch,
        scene.organiser_actor,
        starts_at=START + timedelta(days=1),
        ends_at=END + timedelta(days=1),
    )
    scene.submit(session)
    scene.approve(session)
    for number in (0, 1):
        draft = ScanDraft(
            shift_id=next_day,
            member_id=scene.volunteers[number].id,
            source="venue",
            claimed_at=START + timedelta(days=1),
            key=f"next-{number}",
        )
        record_scan(session, draft, actor=scene.volunteer_actors[number], now=START + timedelta(days=1))
    assert flagged(session, scene, "first_timer", next_day) == [1]
    assert flagged(session, scene, "first_timer") == [0]  # it was the first one then, and still is


def test_a_few_minutes_past_the_end_ask_for_nobodys_word(session: Session) -> None:
    scene = make_scene(session, overtime_limit_minutes=60)
    scene.attend(session, 0, left="11:14")
    scene.attend(session, 1, left="11:15")
    assert flagged(session, scene, "overtime") == [1]
    plain = make_scene(session)
    plain.attend(session, 0, left="11:50")
    assert flagged(session, plain, "overtime") == []


def test_every_kind_has_a_word_a_sentence_and_a_picture(session: Session, scene: Scene) -> None:
    flags = list_flags(session, scene.shift_id)
    assert all(kind.word and kind.text and kind.icon for kind in KINDS)
    assert {kind.code for kind in KINDS} == set(type(flags).__dataclass_fields__)
    assert flags.of(scene.volunteers[0].id) == []
