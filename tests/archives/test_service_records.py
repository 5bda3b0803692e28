"""From approved shifts to the package: service records, minutes per member, and what is only submitted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from tests.archives.months import packing_in
from tests.attendance.scene import AFTER, YESTERDAY, Scene, make_scene
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.activities.service import sign_up
from timebank.archives import queries, service
from timebank.archives.reading import read_json
from timebank.archives.rules import MEMBERS
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.growth.queries import RecordFilter, get_card, list_record, list_years
from timebank.members.models import Member

NOVEMBER = "2026-11"
DECEMBER = clock.month_range(NOVEMBER)[1] + timedelta(minutes=30)


def served(session: Session) -> Scene:
    """Two of three came, one for 2 h, one for 1 h 30 min; approved."""
    scene = make_scene(session)
    scene.attend(session, 0)
    scene.attend(session, 1, "09:30")
    scene.submit(session)
    scene.approve(session)
    return scene


def table(session: Session, scene: Scene) -> dict[str, dict[str, object]]:
    names = [column.name for column in MEMBERS.columns]
    rows = queries.list_member_rows(session, scene.branch, NOVEMBER)
    return {str(row[0]): dict(zip(names, row, strict=True)) for row in rows}


def warnings(session: Session, scene: Scene) -> list[queries.CheckResult]:
    found = queries.check_open(session, scene.branch, NOVEMBER, now=DECEMBER)
    return [one for one in found if not one.passed]


def test_what_was_approved_is_in_the_package_and_in_each_member_s_line(session: Session, tmp_path: Path) -> None:
    scene = served(session)
    service.close_month(session, branch=scene.branch, month=NOVEMBER, actor=SYSTEM, keys=KEYS, now=DECEMBER)
    made = service.make_package(session, branch=scene.branch, month=NOVEMBER, packing=packing_in(tmp_path))
    records = read_json(tmp_path / made.name, "attendance.json")
    first, second = scene.volunteers[:2]
    assert [(row["number"], row["signed"], row["manual"], row["points"]) for row in records] == [
        (first.number, 120, 0, 20),
        (second.number, 90, 0, 15),
    ]
    assert [row["entry"] for row in records] == [1, 2]
    assert records[0]["in_at"] == "2026-11-21T09:00:00+08:00"
    [shift] = read_json(tmp_path / made.name, "activities.json")
    assert (shift["title"], shift["attended"], shift["minutes"], shift["status"]) == ("楼道清洁", 2, 210, "已入账")
    lines = {row["number"]: row for row in read_json(tmp_path / made.name, "members.json")}
    line = lines[first.number]
    assert (line["earned"], line["signed"], line["points_earned"]) == (120, 120, 20)
    assert lines[scene.volunteers[2].number]["earned"] == 0


def test_the_page_of_a_running_month_shows_the_same_figures(session: Session) -> None:
    scene = served(session)
    line = table(session, scene)[scene.volunteers[1].number]
    assert (line["earned"], line["closing"], line["signed"], line["points_closing"]) == (90, 90, 90, 15)


def test_a_guest_s_hours_stand_in_the_records_of_the_guest_s_own_branch(session: Session) -> None:
    scene = make_scene(session)
    home = make_branch(session, "CX", now=YESTERDAY)
    guest = make_member(session, home, now=YESTERDAY)
    sign_up(session, scene.shift_id, member_id=guest.id, actor=actor_of(session, guest), now=YESTERDAY)
    scene.staff_scan(session, guest.id, "09:00", wanted="in")
    scene.staff_scan(session, guest.id, "11:00", wanted="out")
    scene.submit(session)
    scene.approve(session)
    assert guest.number not in table(session, scene)
    [row] = queries.list_member_rows(session, home, NOVEMBER)
    assert (row[0], row[3], row[15]) == (guest.number, 120, 120)


def test_a_submitted_shift_is_a_warning_and_goes_into_the_next_month(session: Session) -> None:
    scene = make_scene(session)
    scene.attend(session, 0)
    scene.submit(session)
    assert queries.blocking(queries.check_standing(session, scene.branch, NOVEMBER, now=DECEMBER)) == []
    [warning] = warnings(session, scene)
    assert (warning.code, warning.rows) == ("archives.unapproved", ("11-21 09:00 “楼道清洁”",))
    service.close_month(session, branch=scene.branch, month=NOVEMBER, actor=SYSTEM, keys=KEYS, now=DECEMBER)
    scene.approve(session, now=DECEMBER + timedelta(hours=9))
    late = queries.list_member_rows(session, scene.branch, "2026-12")
    assert {row[0]: row[3] for row in late}[scene.volunteers[0].number] == 120


def test_a_shift_whose_list_nobody_sent_is_a_warning_too(session: Session) -> None:
    scene = make_scene(session)
    scene.attend(session, 0)
    assert [found.code for found in warnings(session, scene)] == ["archives.unsubmitted"]


def test_the_card_sums_up_what_was_approved(session: Session) -> None:
    scene = served(session)
    member = session.get_one(Member, scene.volunteers[0].id)
    day = clock.today(AFTER)
    card = get_card(session, member, KEYS, today=day)
    assert (card.totals.minutes, card.totals.count, card.totals.points) == (120, 1, 20)
    page = list_record(session, member.id, RecordFilter(year=2026, approved_only=True))
    assert [one.shift.activity.title for one in page.items] == ["楼道清洁"]
    assert list_record(session, member.id, RecordFilter(year=2025)).items == []
    assert list_years(session, member.id) == [2026]
    assert dict(card.days) == {day: 120}
