"""Files to take away: the poster's code is read from its pixels, the calendar file by the rules of RFC 5545."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from tests.activities.town import HOUR, draft, make_town, shift
from timebank.activities import service
from timebank.activities.rules import CalendarEvent, write_calendar
from timebank.core import clock
from timebank.core.db import transaction
from timebank.web import print as paper

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def event(**more: object) -> CalendarEvent:
    values: dict[str, object] = {
        "uid": "shift-1-abc",
        "starts_at": START,
        "ends_at": START + 2 * HOUR,
        "summary": "陪独居老人聊天",
        "location": "向阳社区",
        "description": "带手套",
        "url": "https://bank.example.org/activities/1",
        "sequence": 0,
        "cancelled": False,
        "stamped_at": START - timedelta(days=1),
    }
    return CalendarEvent(**(values | more))  # type: ignore[arg-type]


def unfolded(raw: bytes) -> list[str]:
    """The content lines of a calendar file, checked for line ends and length."""
    assert raw.endswith(b"\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert all(line.decode() is not None for line in raw.split(b"\r\n"))  # no character cut in two
    return raw.decode().replace("\r\n ", "").split("\r\n")[:-1]


def test_the_calendar_file_says_when_and_where() -> None:
    lines = unfolded(write_calendar(event()))
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-1] == "END:VCALENDAR"
    for line in (
        "DTSTART:20261121T010000Z",
        "DTEND:20261121T030000Z",
        "DTSTAMP:20261120T010000Z",
        "SUMMARY:陪独居老人聊天",
        "STATUS:CONFIRMED",
        "SEQUENCE:0",
        "UID:shift-1-abc",
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("a,b;c\\d", "a\\,b\\;c\\\\d"),
        ("一\n二\r\n三", "一\\n二\\n三"),
        ("长" * 200, "长" * 200),
        ("a" * 61 + "🎉" * 30 + "𠮷" * 30, "a" * 61 + "🎉" * 30 + "𠮷" * 30),
    ],
)
def test_texts_are_escaped_and_long_lines_folded(typed: str, written: str) -> None:
    assert f"DESCRIPTION:{written}" in unfolded(write_calendar(event(description=typed)))


def test_nobody_can_smuggle_lines_into_the_calendar() -> None:
    lines = unfolded(write_calendar(event(summary="x\r\nEND:VEVENT\r\nBEGIN:VALARM")))
    assert lines.count("END:VEVENT") == 1
    assert not any(line.startswith("BEGIN:VALARM") for line in lines)


@pytest.fixture
def live(app: Flask) -> tuple[int, int]:
    """A published activity with two shifts; ids of the activity and its first shift."""
    app.config["TIMEBANK_URL"] = "https://bank.example.org"
    with app.app_context(), transaction() as session:
        now, town = clock.now(), make_town(session)
        rows = [shift(starts_at=now + day * 24 * HOUR, ends_at=now + (day * 24 + 2) * HOUR) for day in (1, 2)]
        made = service.post_activity(
            session, draft(town.branch, *rows, title="𠮷庆里🎉：#set page(width: 1pt)"), actor=town.lead, now=now
        )
        service.publish(session, made.id, actor=town.lead, now=now)
        return made.id, made.shifts[0].id


def test_the_poster_carries_a_code_that_leads_to_the_activity(client: FlaskClient, live: tuple[int, int]) -> None:
    answer = client.get(f"/activities/{live[0]}/poster.png")
    assert answer.content_type == "image/png"
    picture = Image.open(io.BytesIO(answer.data))
    assert picture.height > picture.width > 1000
    for size in (picture, picture.resize((picture.width // 2, picture.height // 2))):
        assert [found.text for found in zxingcpp.read_barcodes(size)] == [
            f"https://bank.example.org/activities/{live[0]}"
        ]


def test_the_poster_is_a_sheet_to_print(client: FlaskClient, live: tuple[int, int]) -> None:
    answer = client.get(f"/activities/{live[0]}/poster.pdf")
    assert answer.data.startswith(b"%PDF-")
    assert "poster-" in answer.headers["Content-Disposition"]


def test_even_the_longest_poster_is_one_sheet_with_a_readable_code(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        now, town = clock.now(), make_town(session)
        rows = [shift(starts_at=now + at * HOUR, ends_at=now + (at + 9) * HOUR, place="远" * 80) for at in range(1, 9)]
        longest = {"bring": "带" * 200, "requirements": "求" * 200, "risk": "high", "risk_text": "险" * 300}
        texts = {"title": "长" * 60, "content": "做\n" * 1000, "place": "地" * 80, "contact_name": "名" * 30}
        made = service.post_activity(
            session,
            draft(
                town.branch, *rows, insurance_policy="P1", walk_ins=False, contact_phone="1" * 30, **longest, **texts
            ),
            actor=town.lead,
            now=now,
        )
        number = service.publish(session, made.id, actor=town.lead, now=now).id
    # Several pages would come as a list, which is no picture.
    picture = Image.open(io.BytesIO(client.get(f"/activities/{number}/poster.png").data))
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [f"http://localhost/activities/{number}"]


def test_what_the_font_lacks_is_marked_and_control_characters_go(app: Flask) -> None:
    with app.app_context():
        assert paper.printable("王𠮷\U00030000\x07\u200b好\n的") == "王𠮷〓好\n的"


def test_the_calendar_of_a_shift_keeps_its_uid_and_counts_changes(
    app: Flask, client: FlaskClient, live: tuple[int, int]
) -> None:
    activity_id, shift_id = live
    first = client.get(f"/shifts/{shift_id}/calendar.ics")
    assert first.content_type == "text/calendar; charset=utf-8"
    before = unfolded(first.data)
    assert "SEQUENCE:0" in before
    with app.app_context(), transaction() as session:
        lead = make_town(session).lead
        service.cancel_activity(session, activity_id, reason="台风", actor=lead, now=clock.now())
    after = unfolded(client.get(f"/shifts/{shift_id}/calendar.ics").data)
    assert "SEQUENCE:1" in after
    assert "STATUS:CANCELLED" in after
    uid = [line for line in before if line.startswith("UID:")]
    assert uid == [line for line in after if line.startswith("UID:")]
    assert f"URL:https://bank.example.org/activities/{activity_id}" in after
    assert client.get("/shifts/999/calendar.ics").status_code == 404
    assert client.get(f"/activities/{activity_id}/poster.png").status_code == 409


def test_the_text_to_share_says_when_where_and_how(client: FlaskClient, live: tuple[int, int]) -> None:
    page = client.get(f"/activities/{live[0]}").text
    assert "【志愿者招募】" in page
    assert f"点这里报名：https://bank.example.org/activities/{live[0]}" in page
    assert "还有 2 个名额" in page
