"""Cases: what may happen when, what is wrong with a draft, how far a service has come, who could do it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.world import NOW
from timebank.requests import rules
from timebank.requests.models import CATEGORIES, STATUS_NAMES

TODAY = date(2026, 11, 21)
ENDED = ("done", "withdrawn", "declined", "expired")


@pytest.mark.parametrize(
    ("verb", "status", "answer"),
    [
        ("take_up", "asked", "asked"),
        ("take_up", "open", rules.AlreadyOpen),
        ("take_up", "claimed", rules.AlreadyClaimed),
        ("dispatch", "asked", "open"),
        ("dispatch", "open", "open"),
        ("dispatch", "claimed", rules.AlreadyClaimed),
        ("decline", "asked", "declined"),
        ("decline", "open", "declined"),
        ("decline", "declined", "declined"),
        ("decline", "claimed", rules.AlreadyClaimed),
        ("invite", "asked", rules.NotOpenYet),
        ("invite", "open", "open"),
        ("claim", "asked", rules.NotOpenYet),
        ("claim", "open", "claimed"),
        ("claim", "claimed", "claimed"),
        ("move", "claimed", "claimed"),
        ("move", "open", rules.NotClaimed),
        ("release", "claimed", "open"),
        ("release", "open", rules.NotClaimed),
        ("withdraw", "asked", "withdrawn"),
        ("withdraw", "open", "withdrawn"),
        ("withdraw", "claimed", "withdrawn"),
        ("withdraw", "withdrawn", "withdrawn"),
        ("withdraw", "done", rules.RequestEnded),
        ("finish", "claimed", "done"),
        ("finish", "open", rules.NotClaimed),
        ("reopen", "claimed", "open"),
        ("expire", "claimed", rules.AlreadyClaimed),
        ("rate", "done", "done"),
        ("rate", "claimed", rules.NotDoneYet),
        ("rate", "withdrawn", rules.RequestEnded),
        ("hand_over", "asked", "asked"),
        ("hand_over", "claimed", "claimed"),
    ],
)
def test_what_may_happen_when(verb: rules.Verb, status: str, answer: Any) -> None:
    if isinstance(answer, str):
        assert rules.decide(verb, status) == answer
        return
    with pytest.raises(answer):
        rules.decide(verb, status)


@pytest.mark.parametrize("status", ENDED)
def test_what_has_ended_stays_as_it_is(status: str) -> None:
    for verb, moves in rules.MOVES.items():
        if status not in moves:
            with pytest.raises((rules.RequestEnded, rules.NotDoneYet)):
                rules.decide(verb, status)  # type: ignore[arg-type]
        else:
            assert moves[status] == status


def test_every_state_has_a_name_and_every_move_leads_to_one() -> None:
    assert {after for moves in rules.MOVES.values() for after in moves.values()} <= STATUS_NAMES.keys()


def draft(**more: Any) -> rules.RequestDraft:
    known = {
        "number": "",
        "name": "",
        "kind": "request",
        "category": "visit",
        "title": "陪老人聊天",
        "first_day": TODAY,
        "last_day": TODAY,
        "minutes": 60,
        "source": "none",
        "form_key": "form",
    }
    return rules.RequestDraft(**(known | more))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({}, None),
        ({"last_day": TODAY - timedelta(days=1), "first_day": TODAY - timedelta(days=2)}, "last_day"),
        ({"first_day": TODAY + timedelta(days=2)}, "last_day"),
        ({"first_day": TODAY - timedelta(days=1)}, "first_day"),
        ({"last_day": TODAY + timedelta(days=91)}, "last_day"),
        ({"minutes": 14}, "length"),
        ({"minutes": 481}, "length"),
        ({"minutes": 0}, "length"),
        ({"minutes": 0, "kind": "wish"}, None),
        ({"kind": "wish", "source": "own"}, "source"),
        ({"kind": "wish", "source": "fund"}, "source"),
        ({"confidential": True}, None),
        ({"confidential": True, "source": "fund"}, None),
        ({"confidential": True, "source": "own", "consented": True}, "source"),
        ({"source": "own"}, "consented"),
        ({"source": "own", "consented": True}, None),
    ],
)
def test_what_is_wrong_with_a_draft(more: dict[str, Any], field: str | None) -> None:
    faults = rules.find_faults(draft(**more), today=TODAY, for_oneself=False)
    assert list(faults) == ([field] if field else [])


def test_for_oneself_consent_goes_without_saying() -> None:
    assert rules.find_faults(draft(source="own"), today=TODAY, for_oneself=True) == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [("陪陈秀兰去医院", True), ("陪 陈 秀 兰 去医院", True), ("打 138 0574 0082", True), ("陪老人去医院", False)],
)
def test_a_text_tells_who_it_is_about(text: str, found: bool) -> None:
    assert rules.names_in([text], ["陈秀兰", "13805740082", ""]) is found


START, END = NOW, NOW + timedelta(hours=2)


@pytest.mark.parametrize(
    ("known", "now", "progress"),
    [
        ({}, START - timedelta(hours=1), "agreed"),
        ({}, START, "agreed"),
        ({}, END, "missed"),
        ({"list_waits": True}, END, "review"),
        ({"here": True, "recorded": True}, START, "serving"),
        ({"here": True, "recorded": True}, END, "review"),
        ({"recorded": True}, START, "review"),
        ({"recorded": True, "list_waits": True}, END, "review"),
        ({"recorded": True, "approved": True, "minutes": 60, "list_decided": True}, END, "served"),
        ({"recorded": True, "approved": True, "minutes": 0, "list_decided": True}, END, "unserved"),
        ({"list_decided": True}, END, "unserved"),
        ({"list_decided": True, "list_waits": True}, END, "review"),
        ({"list_decided": True, "recorded": True}, END, "review"),
    ],
)
def test_how_far_a_service_has_come(known: dict[str, Any], now: datetime, progress: str) -> None:
    assert rules.progress_of(rules.Service(starts_at=START, ends_at=END, **known), now=now) == progress


@pytest.mark.parametrize(
    ("skills", "category", "fits"),
    [
        ("理发、唱歌", "haircut", True),
        ("唱歌", "haircut", False),
        ("会修理家电", "repair", True),
        ("会开车", "other", False),
    ],
)
def test_who_says_they_can(skills: str, category: str, fits: bool) -> None:
    assert rules.can_do(skills, category) is fits


@pytest.mark.parametrize(
    ("free_times", "part", "day", "fits"),
    [
        ("周一上午", "morning", TODAY, True),
        ("周末", "any", TODAY, True),  # a Saturday
        ("周末", "any", TODAY + timedelta(days=2), False),
        ("晚上", "morning", TODAY + timedelta(days=2), False),
        ("随时", "evening", TODAY + timedelta(days=2), True),
        ("", "any", TODAY, False),
    ],
)
def test_who_is_free_then(free_times: str, part: str, day: date, fits: bool) -> None:
    assert rules.is_free_then(free_times, part, [day]) is fits


def test_words_are_known_for_categories_that_there_are() -> None:
    assert {category for category in CATEGORIES if rules.helpful_words(category)} == CATEGORIES.keys() - {"other"}
    assert rules.ACTIVITY_CATEGORIES.keys() <= CATEGORIES.keys()
