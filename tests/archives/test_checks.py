"""The named checks of a close, each with its answer, kept for ever; before the month ends, and when it is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.archives.months import AUGUST, NOVEMBER, SEPTEMBER, close_of, earn, small_town
from tests.attendance.scene import make_scene
from tests.clearing.scene import Between
from tests.tampering import lift_guards, tamper
from tests.world import KEYS, NOW
from timebank.archives import closing, queries, service
from timebank.archives.models import CloseRun
from timebank.archives.queries.tables.booked import EntryNumbers, booked, corrected
from timebank.archives.rules import days_left, is_late
from timebank.branches.models import Branch
from timebank.clearing import service as clearing
from timebank.core.actor import SYSTEM
from timebank.core.clock import month_range
from timebank.core.db import db, transaction
from timebank.ledger import queries as ledger

MUST_PASS = (
    "earlier_month_open", "later_month_closed", "unbooked_attendance", "stale_holds", "trial_balance", "replay",
    "holds", "complete", "numbering", "orphans", "mirrors", "chain",
)  # fmt: skip
MAY_WARN = ("unapproved", "unsubmitted", "unanswered_payments", "parked", "pair_cases")


def close(session: Session, branch: Branch, month: str = "2026-08", *, now: datetime = NOVEMBER) -> bool:
    return service.close_month(session, branch=branch, month=month, actor=SYSTEM, keys=KEYS, now=now)


def refused(session: Session, branch: Branch, month: str) -> list[str]:
    with pytest.raises(service.NotReady) as refusal:
        close(session, branch, month)
    return [finding.name for finding in refusal.value.findings]


def test_every_check_is_kept_with_the_seal_the_passed_ones_too(session: Session) -> None:
    branch, *_ = small_town(session)
    assert queries.sealed_checks(session, branch.id, "2026-08") == []
    assert close(session, branch)
    kept = queries.sealed_checks(session, branch.id, "2026-08")
    assert [(one["check"], one["blocks"]) for one in kept] == [
        *((name, True) for name in MUST_PASS),
        *((name, False) for name in MAY_WARN),
    ]
    assert all(one["passed"] and one["title"] and one["rows"] == [] for one in kept)


@pytest.mark.parametrize(
    ("damage", "name", "row"),
    [
        ("UPDATE transfer SET seq = 7 WHERE entry_id = {entry}", "numbering", "entry {entry}：划转的编号不是"),
        ("UPDATE entry SET transfer_count = 9 WHERE id = {entry}", "complete", "entry {entry}"),
        ("UPDATE entry SET facts = '{{}}', rule = 'x' WHERE id = {sealed}", "chain", "period 2026-08：重算的封签"),
        ("UPDATE seal SET signature = '00'", "chain", "period 2026-08：封签的电子签名不对。"),
        ("UPDATE account SET held = 5 WHERE id = {account}", "holds", "account "),
    ],
)
def test_each_broken_promise_of_the_books_stands_in_the_way_and_names_its_row(
    session: Session, damage: str, name: str, row: str
) -> None:
    branch, anna, _ = small_town(session)
    sealed = earn(session, branch, anna, 30, at=AUGUST)
    close(session, branch)
    entry = earn(session, branch, anna, 60, at=SEPTEMBER)
    ids = {"entry": entry, "sealed": sealed, "account": anna.coin_account_id}
    lift_guards(session)
    session.execute(sa.text(damage.format(**ids)))
    with pytest.raises(service.NotReady) as refusal:
        close(session, branch, "2026-09")
    [found] = [finding for finding in refusal.value.findings if finding.name == name]
    assert found.rows[0].startswith(row.format(**ids))
    assert queries.sealed_checks(session, branch.id, "2026-09") == []


def test_an_approved_record_without_an_entry_is_found_without_reading_the_others(session: Session) -> None:
    scene = make_scene(session, 2)
    for place in range(2):
        scene.attend(session, place)
    scene.submit(session)
    scene.approve(session)
    asked: list[str] = []

    @sa.event.listens_for(session.get_bind(), "before_cursor_execute")
    def _ask(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    def unbooked() -> list[str]:
        results = queries.check_standing(session, scene.branch, "2026-11", now=NOW)
        return [row for one in results if one.name == "unbooked_attendance" for row in one.rows]

    try:
        assert unbooked() == []
        lift_guards(session)
        session.execute(sa.text(f"UPDATE attendance SET entry_id = NULL WHERE member_id = {scene.volunteers[1].id}"))
        [row] = unbooked()
    finally:
        sa.event.remove(session.get_bind(), "before_cursor_execute", _ask)
    assert row.endswith(scene.volunteers[1].number)
    if session.get_bind().dialect.name == "sqlite":
        [statement] = {one for one in asked if "waiting AS MATERIALIZED" in one}
        assert "SCAN attendance USING INDEX ix_attendance_unbooked" in plan_of(session, statement, 1, "2027-01-01")


def plan_of(session: Session, statement: str, *values: object) -> list[str]:
    return [step[3] for step in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]


def test_a_months_records_are_found_by_their_entries(session: Session) -> None:
    numbers = EntryNumbers()
    numbers.add(5)
    numbers.add(9)
    for chosen in (booked(1, numbers), corrected(1, numbers)):
        if session.get_bind().dialect.name == "sqlite":
            plan = plan_of(session, str(chosen.compile(session.get_bind())), *([1] * 4))
            assert "(entry_id>? AND entry_id<?)" in plan[0], plan
            assert not [step for step in plan if "member_id=?" in step], plan
        assert session.execute(chosen).all() == []


def test_two_branches_that_do_not_mirror_each_other_do_not_close(session: Session) -> None:
    between = Between(session)
    between.pay(60)
    payer, payee = between.branches[:2]
    lift_guards(session)
    session.execute(
        sa.text(
            "UPDATE transfer SET amount = 59 WHERE book_id = :book AND credit_id IN "
            "(SELECT id FROM account WHERE kind = 'clearing')"
        ),
        {"book": payer.id},
    )
    december = NOW + timedelta(days=20)
    for branch in (payer, payee):
        results = queries.check_books(session, branch.id)
        [mirror] = [one for one in results if one.name == "mirrors"]
        assert (mirror.blocks, mirror.count) == (True, 1)
        with pytest.raises(service.NotReady, match="清算"):
            close(session, branch, "2026-11", now=december)


def test_a_payment_between_branches_without_an_answer_is_a_warning(session: Session) -> None:
    between = Between(session)
    proposal = clearing.reserve(session, between.draft(60), now=NOW)
    for branch in between.branches[:2]:
        [found] = [one for one in queries.check_open(session, branch, "2026-11", now=NOW) if not one.passed]
        assert (found.name, found.blocks) == ("unanswered_payments", False)
        assert found.rows[0].startswith(f"清算单 {proposal.id}：")
    assert not any(one.count for one in queries.check_open(session, between.branches[2], "2026-11", now=NOW))


# --- what a run leaves ----------------------------------------------------------------------------------------------


def test_a_refused_attempt_keeps_its_checks_and_the_next_one_renews_them(bare_app: Flask, tmp_path: Path) -> None:
    with transaction() as session:
        branch, anna, _ = small_town(session)
        tamper(session, "UPDATE account SET posted_in = posted_in + 60 WHERE id = :id", id=anna.coin_account_id)
        account, branch_id = anna.coin_account_id, branch.id

    def attempt(month: str) -> list[str]:
        with pytest.raises(service.NotReady):
            closing.run(close_of(db.session.get_one(Branch, branch_id), month, tmp_path))
        run, *_ = queries.list_runs(db.session(), branch_id, month=month)
        assert not run.seals
        return [one["check"] for one in run.checks if not one["passed"]]

    assert attempt("2026-08") == ["replay"]
    assert attempt("2026-09") == ["earlier_month_open", "replay"]
    with transaction() as session:
        tamper(session, "UPDATE account SET posted_in = posted_in - 60 WHERE id = :id", id=account)
    assert attempt("2026-09") == ["earlier_month_open"]
    closing.run(close_of(db.session.get_one(Branch, branch_id), "2026-08", tmp_path))
    [sealing, refused] = queries.list_runs(db.session(), branch_id, month="2026-08")
    assert (sealing.result, sealing.seals, refused.result) == ("closed", True, "refused")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE close_run SET checks = '[]'",
        "UPDATE close_run SET seals = false",
        "UPDATE close_run SET result = 'failed', message = 'x'",
        "UPDATE close_run SET by_name = '别人'",
        "DELETE FROM close_run",
        "INSERT INTO close_run (branch_id, month, started_at, ended_at, by_name, result, message, checks, seals) "
        "SELECT branch_id, month, started_at, ended_at, by_name, result, message, checks, seals FROM close_run",
    ],
)
def test_the_database_keeps_what_a_close_found(session: Session, statement: str) -> None:
    branch, *_ = small_town(session)
    close(session, branch)
    with pytest.raises(IntegrityError, match=r"never changes|uq_close_run_seals|UNIQUE"), session.begin_nested():
        session.execute(sa.text(statement))
    session.execute(
        sa.update(CloseRun).values(ended_at=NOVEMBER + timedelta(minutes=1))
    )  # how long it took may be said


# --- before the month ends, and after -------------------------------------------------------------------------------


def test_before_the_month_ends_the_page_knows_what_would_fail(session: Session) -> None:
    scene = make_scene(session)
    scene.attend(session, 0)
    scene.submit(session)
    at = datetime(2026, 11, 22, 2, tzinfo=UTC)
    preview = queries.preview_running(session, scene.branch, now=at)
    assert (preview.month, preview.days_left) == ("2026-11", 9)
    assert [one.name for one in preview.warnings] == ["last_audit", "unapproved"]
    assert not preview.is_urgent
    assert queries.preview_running(session, scene.branch, now=at + timedelta(days=2)).is_urgent


def test_what_would_fail_is_urgent_at_once(session: Session) -> None:
    branch, *_ = small_town(session)
    preview = queries.preview_month(session, branch, "2026-11", now=NOVEMBER)
    assert [one.name for one in preview.failing] == ["earlier_month_open"]
    assert preview.failing[0].rows == ("2026-08", "2026-09", "2026-10")
    assert preview.is_urgent


@pytest.mark.parametrize(
    ("month", "day", "left"),
    [("2026-11", 1, 30), ("2026-11", 30, 1), ("2026-12", 31, 1), ("2028-02", 1, 29), ("2026-10", 31, 1)],
)
def test_the_days_a_month_has_left_count_today(month: str, day: int, left: int) -> None:
    year, number = map(int, month.split("-"))
    assert days_left(month, datetime(year, number, day, tzinfo=UTC).date()) == left
    assert days_left("2026-01", datetime(2026, 2, 1, tzinfo=UTC).date()) == 0


def test_a_month_that_is_over_and_not_closed_is_an_alarm_with_its_reason(session: Session) -> None:
    branch, *_ = small_town(session)
    ended = month_range("2026-08")[1]
    assert queries.find_unclosed(session, branch.id, now=ended + timedelta(minutes=45)) is None
    assert is_late(ended, ended + timedelta(hours=2))
    alarm = queries.find_unclosed(session, branch.id, now=NOVEMBER)
    assert alarm is not None
    assert (alarm.month, alarm.months, alarm.since) == ("2026-08", ("2026-08", "2026-09", "2026-10"), ended)
    assert (alarm.days, alarm.sealed, alarm.tried_at) == (63, False, None)
    assert "定时任务可能没有运行" in alarm.why
    found = queries.check_standing(session, branch, "2026-09", now=NOVEMBER)
    attempt = service.Attempt(
        branch_id=branch.id, month="2026-08", by_name="系统", started_at=NOVEMBER, ended_at=NOVEMBER,
        result="refused", message="2026-08 还不能结账：……", checks=found,
    )  # fmt: skip
    service.record_attempt(session, attempt)
    alarm = queries.find_unclosed(session, branch.id, now=NOVEMBER)
    assert alarm is not None
    assert (alarm.why, [one["check"] for one in alarm.checks]) == ("2026-08 还不能结账：……", ["earlier_month_open"])


def test_a_sealed_month_without_its_package_is_an_alarm_too(session: Session) -> None:
    branch, *_ = small_town(session)
    for month in ("2026-08", "2026-09", "2026-10"):
        close(session, branch, month)
    alarm = queries.find_unclosed(session, branch.id, now=NOVEMBER)
    assert alarm is not None
    assert alarm.sealed


def test_a_late_fact_is_booked_in_the_open_month_and_names_the_month_it_belongs_to(session: Session) -> None:
    branch, anna, _ = small_town(session)
    close(session, branch)
    late = ledger.get_entry(session, earn(session, branch, anna, 30, at=AUGUST + timedelta(days=1)))
    assert (late.month, late.late_for) == ("2026-09", "2026-08")
    in_time = ledger.get_entry(session, earn(session, branch, anna, 30, at=SEPTEMBER))
    assert (in_time.month, in_time.late_for) == ("2026-09", None)
