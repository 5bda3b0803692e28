"""Closing a month: refused for a reason, once however often, and finished by the next run after a crash."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.archives.months import AUGUST, NOVEMBER, close_of, earn, packing_in, small_town
from tests.tampering import tamper
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.archives import closing, queries, service
from timebank.archives.models import Archive
from timebank.archives.reading import read_json, verify_package
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.core.db import db, transaction
from timebank.core.errors import NotAllowed
from timebank.exchange.models import EXPIRED, Order
from timebank.exchange.service import OfferDraft, OrderDraft, post_offer, request_order
from timebank.ledger import queries as ledger
from timebank.ledger.service import MonthNotOver
from timebank.ledger.verification import Check, Finding
from timebank.members.models import Member


def close(session: Session, branch: Branch, month: str, *, now: datetime = NOVEMBER) -> bool:
    return service.close_month(session, branch=branch, month=month, actor=SYSTEM, keys=KEYS, now=now)


# --- what is refused, in check order ------------------------------------------------------------


def test_a_volunteer_may_not_close(session: Session) -> None:
    branch, anna, _ = small_town(session)
    with pytest.raises(NotAllowed):
        service.close_month(
            session, branch=branch, month="2026-08", actor=actor_of(session, anna), keys=KEYS, now=NOVEMBER
        )


def test_a_manager_of_another_branch_may_not_close(session: Session) -> None:
    branch, *_ = small_town(session)
    other = make_branch(session, "CX", now=AUGUST)
    manager = make_member(session, other, roles=("manager",))
    with pytest.raises(NotAllowed):
        service.close_month(
            session, branch=branch, month="2026-08", actor=actor_of(session, manager), keys=KEYS, now=NOVEMBER
        )


@pytest.mark.parametrize("month", ["", "2026", "2026-13", "2026-1", "二〇二六-08", "2026-08-01", "../../etc"])
def test_what_is_not_a_month_is_refused(session: Session, month: str) -> None:
    branch, *_ = small_town(session)
    with pytest.raises(service.NotAMonth):
        close(session, branch, month)


def test_a_month_that_still_runs_is_refused(session: Session) -> None:
    branch, *_ = small_town(session)
    with pytest.raises(MonthNotOver):
        close(session, branch, "2026-11")
    last_second = datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)
    with pytest.raises(MonthNotOver):
        close(session, branch, "2026-10", now=last_second)


def test_a_month_before_the_branch_opened_is_refused(session: Session) -> None:
    branch, *_ = small_town(session)
    with pytest.raises(service.BeforeOpening, match="才开办"):
        close(session, branch, "2025-01")


def test_months_close_in_order_and_the_open_one_is_named(session: Session) -> None:
    branch, *_ = small_town(session)
    with pytest.raises(service.NotReady) as refused:
        close(session, branch, "2026-10")
    [finding] = refused.value.findings
    assert (finding.code, finding.rows) == ("archives.earlier_month_open", ("2026-08", "2026-09"))
    for month in ("2026-08", "2026-09", "2026-10"):
        assert close(session, branch, month)


def test_balances_changed_behind_the_ledger_block_the_close(session: Session) -> None:
    branch, anna, _ = small_town(session)
    tamper(session, "UPDATE account SET posted_in = posted_in + 60 WHERE id = :id", id=anna.coin_account_id)
    with pytest.raises(service.NotReady) as refused:
        close(session, branch, "2026-08")
    assert [finding.code for finding in refused.value.findings] == ["archives.replay"]


def test_a_hold_that_should_have_been_given_back_blocks_the_close(session: Session) -> None:
    branch, anna, bert = small_town(session)
    _request(session, bert, anna, at=AUGUST)
    close(session, branch, "2026-08")
    with pytest.raises(service.NotReady) as refused:
        close(session, branch, "2026-09")
    assert [finding.code for finding in refused.value.findings] == ["archives.stale_holds"]


def test_closing_again_changes_nothing(session: Session) -> None:
    branch, *_ = small_town(session)
    assert close(session, branch, "2026-08")
    first = ledger.find_period(session, branch.id, "2026-08")
    assert not close(session, branch, "2026-08", now=NOVEMBER + timedelta(days=1))
    assert ledger.find_period(session, branch.id, "2026-08") == first


def test_a_late_fact_goes_into_the_month_that_is_open(session: Session) -> None:
    branch, anna, _ = small_town(session)
    close(session, branch, "2026-08")
    entry = ledger.get_entry(session, earn(session, branch, anna, 30, at=AUGUST + timedelta(days=1)))
    assert entry.month == "2026-09"
    assert entry.occurred_at < AUGUST + timedelta(days=1)


def test_a_month_without_any_entry_is_closed_too_so_the_chain_has_no_gap(session: Session) -> None:
    branch = make_branch(session, now=AUGUST)
    member = make_member(session, branch, now=AUGUST)
    earn(session, branch, member, 60, at=AUGUST)
    assert queries.list_unfinished(session, branch.id, now=NOVEMBER) == ["2026-08", "2026-09", "2026-10"]
    for month in ("2026-08", "2026-09"):
        assert close(session, branch, month)
    empty = ledger.find_period(session, branch.id, "2026-09")
    assert empty is not None
    assert empty.entries == 0
    assert empty.previous_hash == getattr(ledger.find_period(session, branch.id, "2026-08"), "hash", None)


# --- the whole close, with crashes and company --------------------------------------------------


@pytest.fixture
def town(bare_app: Flask) -> Branch:
    with transaction() as session:
        branch = small_town(session)[0]
    return branch


def _runs(branch_id: int) -> list[str]:
    return [run.result for run in reversed(queries.list_runs(db.session(), branch_id))]


def test_a_close_leaves_one_sound_package_and_says_so(town: Branch, tmp_path: Path) -> None:
    archive = closing.run(close_of(town, "2026-08", tmp_path))
    assert verify_package(tmp_path / archive.file_name) == []
    assert (archive.month, archive.version, archive.made_by_name) == ("2026-08", 1, "系统")
    assert archive.file_size == (tmp_path / archive.file_name).stat().st_size
    assert archive.seal_hash[:8] in archive.file_name
    assert closing.run(close_of(town, "2026-08", tmp_path)).id == archive.id
    assert _runs(town.id) == ["closed", "already_closed"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / archive.file_name]


def test_after_a_crash_between_seal_and_package_the_next_run_makes_the_package(town: Branch, tmp_path: Path) -> None:
    with transaction() as session:
        assert close(session, town, "2026-08")
    assert queries.find_archive(db.session(), town.id, "2026-08") is None
    archive = closing.run(close_of(town, "2026-08", tmp_path, now=NOVEMBER + timedelta(days=1)))
    assert verify_package(tmp_path / archive.file_name) == []


def test_after_a_crash_between_package_and_its_record_the_next_run_records_it(town: Branch, tmp_path: Path) -> None:
    with transaction() as session:
        close(session, town, "2026-08")
    left = service.make_package(
        db.session(), branch=db.session.get_one(Branch, town.id), month="2026-08", packing=packing_in(tmp_path)
    )
    archive = closing.run(close_of(town, "2026-08", tmp_path, now=NOVEMBER + timedelta(days=1)))
    assert (archive.file_name, archive.file_hash) == (left.name, left.hash)


def test_a_package_file_that_was_lost_is_made_again_the_same(town: Branch, tmp_path: Path) -> None:
    archive = closing.run(close_of(town, "2026-08", tmp_path))
    path = tmp_path / archive.file_name
    before = path.read_bytes()
    path.unlink()
    assert closing.run(close_of(town, "2026-08", tmp_path)).id == archive.id
    assert path.read_bytes() == before


def test_orders_whose_time_has_run_out_are_all_given_back_first(
    bare_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "_ORDERS", 1)  # of one unit of work
    with transaction() as session:
        branch, anna, bert = small_town(session)
        orders = [_request(session, giver, taker, at=AUGUST).id for giver, taker in ((bert, anna), (anna, bert))]
    for month in ("2026-08", "2026-09", "2026-10"):
        closing.run(close_of(branch, month, tmp_path))
    assert [db.session.get_one(Order, order_id).status for order_id in orders] == [EXPIRED, EXPIRED]


def test_a_refused_close_is_kept_once_with_its_reason(town: Branch, tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(service.NotReady):
            closing.run(close_of(town, "2026-09", tmp_path))
    [run] = queries.list_runs(db.session(), town.id)
    assert run.result == "refused"
    assert "2026-09 还不能结账" in run.message
    assert not any(tmp_path.rglob("*.zip"))


def test_two_at_once_close_once(bare_app: Flask, town: Branch, tmp_path: Path) -> None:
    branch_id = town.id
    db.session.remove()
    start = threading.Barrier(4)
    made: list[tuple[int, str]] = []
    wrong: list[BaseException] = []

    def work() -> None:
        with bare_app.app_context():
            branch = db.session.get_one(Branch, branch_id)
            start.wait()
            try:
                archive = closing.run(close_of(branch, "2026-08", tmp_path))
                made.append((archive.id, archive.file_hash))
            except BaseException as error:
                wrong.append(error)
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(made) == 4
    assert len(set(made)) == 1
    assert db.session.query(Archive).count() == 1
    assert ledger.closed_months(db.session(), branch_id) == ["2026-08"]
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert verify_package(file) == []
    assert _runs(branch_id).count("closed") >= 1


def _request(session: Session, giver: Member, taker: Member, *, at: datetime) -> Order:
    offer = post_offer(
        session,
        OfferDraft(category="haircut", title="修剪头发", price_minutes=60),
        actor=actor_of(session, giver),
        form_key=f"stale-{giver.id}",
        now=at,
    )
    draft = OrderDraft(offer_id=offer.id, form_key=f"stale-order-{taker.id}")
    return request_order(session, draft, actor=actor_of(session, taker), now=at + timedelta(minutes=5))


def test_a_lost_package_made_after_a_name_changed_is_a_further_version(town: Branch, tmp_path: Path) -> None:
    first = closing.run(close_of(town, "2026-08", tmp_path))
    old_hash, old_name = first.file_hash, first.file_name
    with transaction() as session:
        session.query(Member).filter(Member.name == "张小红").one().name = "章小红"
    (tmp_path / old_name).unlink()
    for _ in range(2):
        again = closing.run(close_of(town, "2026-08", tmp_path))
        assert (again.version, "-v2-" in again.file_name) == (2, True)
        path = tmp_path / again.file_name
        assert verify_package(path) == []
        assert service.hash_of(path) == again.file_hash
        assert read_json(path, "manifest.json")["corrects"] == {"file": old_name, "sha256": old_hash}
        path.unlink()  # the second version is made again as it was
    versions = queries.list_versions(db.session(), town.id, "2026-08")
    assert [one.file_hash for one in versions] == [old_hash, again.file_hash]


def test_a_folder_that_takes_no_file_is_a_failed_attempt_in_plain_words(town: Branch, tmp_path: Path) -> None:
    (tmp_path / "BL").write_text("not a folder")
    with pytest.raises(closing.NotPacked, match="写不进去"):
        closing.run(close_of(town, "2026-08", tmp_path))
    assert _runs(town.id) == ["closed", "failed"]  # sealed, not packed
    (tmp_path / "BL").unlink()
    assert closing.run(close_of(town, "2026-08", tmp_path)).version == 1


def test_the_seal_looks_again_at_what_may_have_changed_since_the_check(session: Session) -> None:
    branch, *_ = small_town(session)
    checked = service.Checked(month="2026-10", results=())
    with pytest.raises(service.NotReady):
        service.seal_month(session, checked, branch=branch, actor=SYSTEM, keys=KEYS, now=NOVEMBER)


def test_what_the_last_self_check_found_is_a_warning_before_the_close(session: Session) -> None:
    branch, *_ = small_town(session)
    finding = Finding(check="trial_balance", row="1", text="不平")
    check = Check(name="trial_balance", title="试算平衡", findings=(finding,), milliseconds=1)
    service.keep_audit(session, branch_id=branch.id, checks=[check], now=NOVEMBER)
    warning = queries.check_last_audit(session, branch.id, now=NOVEMBER + timedelta(hours=12))
    assert (warning.code, warning.rows, warning.blocks) == ("archives.last_audit", ("试算平衡 · 1：不平",), False)


def test_that_nobody_checked_the_books_is_said_before_the_close(session: Session) -> None:
    branch, *_ = small_town(session)
    never = queries.check_last_audit(session, branch.id, now=NOVEMBER)
    assert (never.passed, never.blocks, never.fault) == (False, False, "账本还没有检查过")
    service.keep_audit(session, branch_id=branch.id, checks=[], now=NOVEMBER)
    assert queries.check_last_audit(session, branch.id, now=NOVEMBER + timedelta(hours=36)).passed
    stale = queries.check_last_audit(session, branch.id, now=NOVEMBER + timedelta(hours=37))
    assert (stale.passed, stale.rows) == (False, ("11-03 10:00 以后，账本还没有检查过",))
    preview = queries.preview_month(session, branch, "2026-11", now=NOVEMBER + timedelta(days=9))
    assert "last_audit" in [one.name for one in preview.warnings]
