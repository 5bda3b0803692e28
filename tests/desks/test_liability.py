"""爱心币家底: what is shown is what the books say, for whom it may be shown."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.archives.months import NOVEMBER, OCTOBER, SEPTEMBER, haircut, small_town
from tests.attendance.scene import AFTER, Scene, find_attendance, make_scene
from tests.ledger.bank import entry, transfer
from tests.world import make_branch, make_member, sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.desks.liability import (
    NO_ACTIVITY,
    TrendMonth,
    ages,
    funding,
    months_before,
    pace,
    trend,
)
from timebank.exchange.queries.pace import category_paces
from timebank.ledger import queries as ledger
from timebank.ledger.queries.ageing import holdings
from timebank.ledger.service import Reversal, post, reverse


@pytest.fixture
def scene(session: Session) -> Scene:
    """Two people served two hours at a clean-up; what one of them got was booked wrongly and taken back."""
    found = make_scene(session)
    found.attend(session, 0)
    found.attend(session, 1, "09:00", "10:30")
    found.submit(session)
    found.approve(session)
    return found


def outstanding(session: Session, branch_id: int) -> int:
    return sum(one.standing - one.owed for one in holdings(session, branch_id))


def test_issued_hours_are_told_by_activity_and_equal_the_issuance_account(session: Session, scene: Scene) -> None:
    month = clock.month_of(AFTER)
    issuance_id = ledger.find_house_account(session, scene.branch.id, "issuance")
    moved = transfer(issuance_id, scene.volunteers[2].coin_account_id or 0, 45)
    post(session, entry(scene.branch.id, moved, kind="adjust", source_type="import"), now=AFTER)
    found = funding(session, scene.branch.id, first=month, last=month)
    assert found.by("category") == [("环境清洁", 210), (NO_ACTIVITY, 45)]
    assert found.by("team") == [("组织者 周**", 210), (NO_ACTIVITY, 45)]
    assert found.by("branch") == [(scene.branch.name, 210), (NO_ACTIVITY, 45)]
    assert found.by("month") == [(month, 255)]
    [issuance] = [
        row for row in ledger.trial_balance(session, scene.branch.id) if (row.kind, row.unit) == ("issuance", "coin")
    ]
    assert found.total == found.movement == -issuance.closing == 255


def test_a_reversal_is_taken_off_its_own_activity_in_the_month_it_was_booked(session: Session, scene: Scene) -> None:
    record = find_attendance(session, scene.shift_id, scene.volunteers[0].id)
    assert record is not None
    assert record.entry_id is not None
    later = AFTER + timedelta(days=20)
    reverse(session, record.entry_id, Reversal(key="undo", reason="记错了", actor_id=None), now=later)
    first, last = clock.month_of(AFTER), clock.month_of(later)
    assert first < last
    both = funding(session, scene.branch.id, first=first, last=last)
    assert both.by("category") == [("环境清洁", 90)]
    assert both.by("month") == [(first, 210), (last, -120)]
    assert both.total == both.movement == 90
    alone = funding(session, scene.branch.id, first=last, last=last)
    assert alone.total == alone.movement == -120


def test_outstanding_ages_and_trend_agree_with_the_trial_balance(session: Session) -> None:
    branch, *_ = small_town(session)
    shown = outstanding(session, branch.id)
    rows = ledger.trial_balance(session, branch.id)
    assert shown == sum(r.closing for r in rows if r.unit == "coin" and r.kind in {"member", "giveaway", "fund"}) == 300
    assert sum(ages(session, branch.id, now=NOVEMBER).classes) == shown
    months = trend(session, branch.id, outstanding=shown, now=NOVEMBER)
    assert [one.month for one in months][-4:] == ["2026-08", "2026-09", "2026-10", "2026-11"]
    for one in months:
        closing = sum(
            row.closing
            for row in ledger.trial_balance(session, branch.id, month=one.month)
            if row.unit == "coin" and row.kind in {"member", "giveaway", "fund"}
        )
        assert one.outstanding == closing
    assert [one.services for one in months][-4:] == [0, 0, 60, 0]
    used = pace(months, outstanding=shown, of=lambda one: one.redeemed, opened=branch.opened_on)
    assert (used.months, used.minutes, used.tenths) == (("2026-08", "2026-09", "2026-10"), 60, 150)
    assert pace(months, outstanding=shown, of=lambda one: one.goods, opened=branch.opened_on).tenths is None


@pytest.mark.parametrize(
    ("opened", "months"),
    [
        (date(2020, 1, 1), ("2026-08", "2026-09", "2026-10")),
        (date(2026, 9, 1), ("2026-09", "2026-10")),
        (date(2026, 9, 2), ("2026-10",)),
        (date(2026, 11, 3), ()),
    ],
)
def test_a_pace_is_that_of_full_months_only(opened: date, months: tuple[str, ...]) -> None:
    trend = [TrendMonth(month=f"2026-{at:02d}", outstanding=600, goods=60, services=0) for at in range(6, 12)]
    found = pace(trend, outstanding=600, of=lambda one: one.redeemed, opened=opened)
    assert (found.months, found.tenths) == (months, 100 if months else None)


def test_what_was_fulfilled_is_counted_month_by_month(session: Session) -> None:
    branch, anna, bert = small_town(session)
    haircut(session, bert, anna, at=OCTOBER + timedelta(days=1), title="再理一次")
    ranges = [clock.month_range(month) for month in ("2026-08", "2026-09", "2026-10")]
    [one] = category_paces(session, branch.id, ranges, today=clock.today(NOVEMBER))
    assert (one.kind, one.category, one.offers) == ("service", "haircut", 2)
    assert (one.orders, one.minutes) == ((0, 0, 2), (0, 0, 120))
    assert not any(isinstance(n, Decimal) for n in one.minutes)


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2026, 11, 26), 3, date(2026, 8, 26)),
        (date(2026, 1, 31), 3, date(2025, 10, 31)),
        (date(2026, 5, 31), 3, date(2026, 2, 28)),
        (date(2024, 5, 31), 3, date(2024, 2, 29)),
        (date(2026, 2, 28), 24, date(2024, 2, 28)),
    ],
)
def test_months_before_a_day(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


def test_the_page_and_its_files_are_for_who_reads_the_books(client: FlaskClient, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        branch, anna, _ = small_town(session)
        inspector = make_member(session, branch, roles=("inspector",), now=SEPTEMBER).id
        manager = make_member(session, branch, roles=("manager",), now=SEPTEMBER).id
        stranger = make_member(session, make_branch(session, "CX", now=SEPTEMBER), roles=("inspector",)).id
        branch_id, anna_id = branch.id, anna.id
    for who in (inspector, manager):
        sign_in(client, who)
        page = client.get("/inspect/liability?first=2026-08&last=2026-10").text
        assert "合计 = 发行账户同期变动" in page
        assert "两边都是 5 币。" in page
        assert "爱心币家底" in client.get("/branch").text
    table = client.get("/inspect/liability.csv?first=2026-08&last=2026-09").text
    assert "2026-08,没有对应的活动,没有对应的活动,没有对应的活动,180" in table
    assert "2 年以上" in client.get("/inspect/liability.csv?part=ages").text
    assert "2026-10" in client.get("/inspect/liability.csv?part=months").text
    assert client.get("/inspect/liability.xlsx").data.startswith(b"PK")
    assert client.get("/inspect/liability.pdf").status_code == 404
    paths = ("/inspect/liability", "/inspect/liability.csv")
    for who in (anna_id, stranger):
        sign_in(client, who)
        assert [client.get(f"{path}?branch={branch_id}").status_code for path in paths] == [403, 403]


def test_a_branch_without_entries_has_a_page_too(client: FlaskClient, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        inspector = make_member(session, make_branch(session), roles=("inspector",)).id
    sign_in(client, inspector)
    page = client.get("/inspect/liability").text
    assert "没有未兑换的爱心币" in page
    assert "这几个月没有发行" in page
    with app.app_context():
        db.session.remove()
