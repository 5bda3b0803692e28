"""The schedule's work: missed months in order, every branch, and one leader among processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests import databases
from tests.archives.conftest import bare_app as bare_app
from tests.archives.months import AUGUST, NOVEMBER, earn, small_town
from tests.clearing.scene import Between
from tests.retention.scene import LATER, make_stored
from tests.rulebook.saving import save_rule
from tests.rulebook.test_expiring import day
from tests.tampering import tamper
from tests.world import KEYS, NOW, make_branch, make_member
from timebank.archives import queries
from timebank.attendance.models import SheetPhoto
from timebank.clearing import queries as clearing
from timebank.clearing import service as clearing_verbs
from timebank.core.db import db, transaction
from timebank.jobs.leader import leadership
from timebank.jobs.tasks import (
    BranchesFailed,
    Place,
    ProposalsFailed,
    audit_books,
    close_months,
    expire_coins,
    expire_orders,
    join_branches,
    propose_disposals,
    reconcile_pairs,
    renew_pair_keys,
    resume_proposals,
    tell_statements,
)
from timebank.jobs.tasks import books as book_jobs
from timebank.ledger import queries as ledger
from timebank.ledger.verification import Check, verify
from timebank.members.models import SignInAttempt
from timebank.members.service import begin_sign_in
from timebank.notices.models import Notice
from timebank.retention.queries import list_disposals


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(keys=KEYS, archives=tmp_path)


def test_missed_months_are_closed_in_order_for_every_branch(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        first = small_town(session)[0].id
        second = make_branch(session, "CX", now=AUGUST)
        earn(session, second, make_member(session, second, now=AUGUST), 60, at=AUGUST)
        second_id = second.id
    assert close_months(place, NOVEMBER) == 6
    for branch_id in (first, second_id):
        assert ledger.closed_months(db.session(), branch_id) == ["2026-08", "2026-09", "2026-10"]
        packed = queries.list_archives(db.session(), branch_id)
        assert [archive.month for archive in packed] == ["2026-08", "2026-09", "2026-10"]
        assert [archive.id for archive in packed] == sorted(archive.id for archive in packed)
        for run in queries.list_runs(db.session(), branch_id):
            assert NOVEMBER <= run.started_at < run.ended_at  # the clock runs on while branch after branch is closed
    assert close_months(place, NOVEMBER) == 0


def test_statements_of_closed_months_are_told_once_at_every_branch(
    bare_app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("timebank.jobs.tasks.base.BATCH", 1)
    with transaction() as session:
        small_town(session)
        other = make_branch(session, "CX", now=AUGUST)
        earn(session, other, make_member(session, other, now=AUGUST), 60, at=AUGUST)
    assert tell_statements(place, NOVEMBER) == 0
    close_months(place, NOVEMBER)
    assert tell_statements(place, NOVEMBER) == 3
    assert tell_statements(place, NOVEMBER) == 0
    kept = select(Notice.key).where(Notice.kind == "statement.ready")
    assert len(db.session().scalars(kept).all()) == 3


def test_a_branch_that_is_refused_does_not_hold_up_the_others(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        sick, anna, _ = small_town(session)
        well = make_branch(session, "ZZ", now=AUGUST)
        earn(session, well, make_member(session, well, now=AUGUST), 60, at=AUGUST)
        tamper(session, "UPDATE account SET posted_in = posted_in + 1 WHERE id = :id", id=anna.coin_account_id)
        sick_id, well_id = sick.id, well.id
    assert close_months(place, NOVEMBER) == 3
    assert ledger.closed_months(db.session(), sick_id) == []
    assert len(ledger.closed_months(db.session(), well_id)) == 3
    [run] = queries.list_runs(db.session(), sick_id)
    assert run.result == "refused"


def test_the_self_check_keeps_what_it_found(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        branch, anna, _ = small_town(session)
        branch_id, account_id = branch.id, anna.coin_account_id
    assert audit_books(place, NOVEMBER) == 0
    with transaction() as session:
        tamper(session, "UPDATE account SET posted_in = posted_in + 1 WHERE id = :id", id=account_id)
    assert audit_books(place, NOVEMBER) == 1
    run = queries.latest_audit(db.session(), branch_id)
    assert run is not None
    assert run.findings == 1
    assert "账户余额等于逐笔重算" in run.text


def test_a_branch_that_cannot_be_checked_does_not_keep_the_others_from_it(
    bare_app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        sick, well = (make_branch(session, code, now=AUGUST).id for code in ("AA", "ZZ"))

    def fail_for_the_first(session: Session, book_id: int) -> list[Check]:
        if book_id == sick:
            raise OSError("the disk is gone")
        return verify(session, book_id)

    monkeypatch.setattr(book_jobs, "verify", fail_for_the_first)
    with pytest.raises(BranchesFailed, match="AA 的账本自检出错"):
        audit_books(place, NOVEMBER)
    assert queries.latest_audit(db.session(), sick) is None
    assert queries.latest_audit(db.session(), well) is not None


def test_expiring_nothing_is_fine(bare_app: Flask, place: Place) -> None:
    assert expire_orders(place, NOVEMBER) == 0


@pytest.fixture
def two_leaders(engine_url: str, tmp_path: Path) -> Iterator[tuple[object, object]]:
    engines = [databases.make_engine(engine_url) for _ in range(2)]
    yield tuple(leadership(engine, tmp_path) for engine in engines)  # type: ignore[misc]
    for engine in engines:
        engine.dispose()


def test_one_process_leads_and_the_next_takes_over(two_leaders) -> None:  # type: ignore[no-untyped-def]
    first, second = two_leaders
    assert first.acquire()
    assert first.holds()
    assert not second.acquire()
    first.release()
    assert not first.holds()
    assert second.acquire()
    assert not first.acquire()
    second.release()


def test_a_branch_that_fails_does_not_hold_up_the_others_but_fails_the_job(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        sick = small_town(session)[0].id
        well = make_branch(session, "ZZ", now=AUGUST)
        earn(session, well, make_member(session, well, now=AUGUST), 60, at=AUGUST)
        well_id = well.id
    (place.archives / "BL").write_text("not a folder")
    with pytest.raises(BranchesFailed, match="BL 的结账出错"):
        close_months(place, NOVEMBER)
    assert len(queries.list_archives(db.session(), well_id)) == 3
    assert queries.list_archives(db.session(), sick) == []
    assert [run.result for run in queries.list_runs(db.session(), sick)] == ["failed", "closed"]


def test_a_branch_where_coins_cannot_expire_does_not_hold_up_the_others(bare_app: Flask, place: Place) -> None:
    first, second = day("01-05"), day("02-10")
    with transaction() as session:
        sick, well = (make_branch(session, code, now=first) for code in ("AA", "ZZ"))
        accounts = []
        for branch in (sick, well):
            save_rule(session, branch.id, day("02-01"), now=day("01-20"), expiry_months=6)
            member = make_member(session, branch, now=first)
            earn(session, branch, member, 60, at=second)
            accounts.append(member.coin_account_id)
        session.execute(
            text("UPDATE account SET closed = true WHERE book_id = :id AND code = 'expired'"), {"id": sick.id}
        )
    with pytest.raises(BranchesFailed, match="AA 的爱心币过期出错，没有完成；其余网点办好 1 位会员"):
        expire_coins(place, day("08-12"))
    assert [ledger.get_account(db.session(), account).balance for account in accounts] == [60, 0]


def test_differences_between_branches_are_looked_for_and_kept(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        between = Between(session)
        between.pay(60)
        pair_id = between.pair.id
    assert reconcile_pairs(place, NOW) == 0
    with transaction() as session:
        forged = (
            "INSERT INTO clearing_receipt (from_id, to_id, uid, step, number, hash, answer, received_at) "
            "SELECT from_id, to_id, 'forged', step, 2, hash, answer, received_at FROM clearing_receipt "
            "WHERE step = 'committed'"
        )
        session.execute(text(forged))
    assert reconcile_pairs(place, NOW) == 1
    assert reconcile_pairs(place, NOW) == 1  # still there, and still one case
    [case] = clearing.list_cases(db.session(), pair_id)
    assert case.kind == "out_of_chain"


def test_a_pair_that_cannot_be_reconciled_does_not_stop_the_others(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        between = Between(session)
        other = between.connect(1, 2)
        between.book_alone(0, 5, key="broken", replaces="no number")
        between.pair = other
        between.book_alone(1, 5, key="alone")
        other_id = other.id
    with pytest.raises(BranchesFailed, match="AA与BB 的对账出错，没有完成；其余网点之间有 1 处差异"):
        reconcile_pairs(place, NOW)
    assert len(clearing.list_open_items(db.session(), other_id)) == 1


def test_a_new_branch_is_joined_to_the_one_above_it_once(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        ids = [make_branch(session, code).id for code in ("AA", "BB")]
    assert join_branches(place, NOVEMBER) == 1
    assert join_branches(place, NOVEMBER) == 0
    pair = clearing.find_pair(db.session(), *ids)
    assert pair is not None
    assert pair.status == "open"


def test_interrupted_payments_are_taken_up_again_each_on_its_own(
    bare_app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        between = Between(session)
        proposals = [clearing_verbs.reserve(session, between.draft(60), now=NOW).id for _ in range(3)]
    resume = clearing_verbs.resume_proposal

    def fail_for_the_first(session: Session, proposal_id: int, *, now: datetime) -> str:
        if proposal_id == proposals[0]:
            raise OSError("the disk is gone")
        return resume(session, proposal_id, now=now)

    monkeypatch.setattr(clearing_verbs, "resume_proposal", fail_for_the_first)
    with pytest.raises(ProposalsFailed, match="1 张清算单没有办成，其余办好 2 张"):
        resume_proposals(place, NOW)
    monkeypatch.undo()
    assert resume_proposals(place, NOW) == 1
    assert resume_proposals(place, NOW) == 0
    assert {clearing.get_proposal(db.session(), one).status for one in proposals} == {"accepted"}


def test_what_is_past_its_term_is_proposed_once_a_month_told_and_never_deleted(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        stored = make_stored(session)
        manager, branch_id = stored.scene.manager.id, stored.scene.branch.id
    assert propose_disposals(place, LATER) == propose_disposals(place, LATER + timedelta(days=1)) == 3
    told = select(Notice).where(Notice.member_id == manager, Notice.kind == "disposal.proposed")
    assert len(db.session().scalars(told).all()) == 1
    assert [one.state for one in list_disposals(db.session(), branch_id)] == ["proposed"]
    assert len(db.session().scalars(select(SheetPhoto).where(SheetPhoto.destroyed_at.is_(None))).all()) == 1


def test_failed_sign_ins_that_count_no_more_are_forgotten(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        begin_sign_in(session, "13805740000", keys=KEYS, now=NOW)
    propose_disposals(place, NOW + timedelta(minutes=5))
    assert len(db.session().scalars(select(SignInAttempt)).all()) == 1
    propose_disposals(place, NOW + timedelta(hours=1))
    assert db.session().scalars(select(SignInAttempt)).all() == []


def test_what_branches_sign_with_is_changed_after_a_year(bare_app: Flask, place: Place) -> None:
    with transaction() as session:
        pair_id = Between(session).pair.id
    assert renew_pair_keys(place, NOW + timedelta(days=364)) == 0
    for changed in (2, 0):
        assert renew_pair_keys(place, NOW + timedelta(days=365)) == changed
    kept = clearing.list_keys(db.session(), pair_id, at=NOW + timedelta(days=372))
    assert [one.generation for one in kept] == [2, 2]
