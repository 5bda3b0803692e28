"""What both books say of a month, and what happens when they do not say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.models import FROZEN, OPEN, PairStatement
from timebank.ledger import service as ledger

NOVEMBER, DECEMBER = "2026-11", "2026-12"
AFTER = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
YEAR_AFTER = datetime(2027, 1, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def between(session: Session) -> Between:
    return Between(session)


def seal(between: Between, month: str = NOVEMBER, *, at: int = 0, now: datetime = AFTER) -> list[PairStatement]:
    return service.seal_statements(between.session, between.branches[at].id, month, now=now)


def test_both_sides_say_the_same_and_seal_one_statement(between: Between) -> None:
    between.pay(60)
    between.pay(25, payer=1, payee=0, source_id=2)
    [sealed] = seal(between)
    assert seal(between, at=1) == [sealed]
    fields = json.loads(sealed.content)
    assert (fields["opening"], fields["closing"], fields["low"], fields["high"]) == (0, 35, "AA", "BB")
    assert [(line[0], line[3]) for line in fields["lines"]] == [("order:1", 60), ("order:2", -25)]


def test_the_statement_of_a_month_follows_the_one_before(between: Between) -> None:
    between.pay(60)
    [first] = seal(between)
    between.pay(10, source_id=2, now=AFTER)
    [second] = seal(between, DECEMBER, now=YEAR_AFTER)
    assert (second.previous_hash, json.loads(second.content)["opening"]) == (first.hash, 60)


def test_a_month_that_is_not_over_is_not_sealed(between: Between) -> None:
    between.pay(60)
    assert seal(between, now=NOW) == []


def test_branches_that_did_not_meet_have_no_statement(between: Between) -> None:
    assert seal(between) == []


def test_what_is_under_way_at_the_end_of_a_month_stands_in_the_next(between: Between) -> None:
    proposal = between.propose(60, now=NOW, expires_at=YEAR_AFTER)
    assert seal(between) == []
    service.settle(between.session, proposal.id, between.settlement(60), now=AFTER)
    [sealed] = seal(between, DECEMBER, now=YEAR_AFTER)
    assert json.loads(sealed.content)["closing"] == 60


def test_a_reversal_stands_on_both_statements(between: Between) -> None:
    done = between.pay(60)
    undo = ledger.Reversal(key="undo", reason="没有来", actor_id=1)
    service.reverse_settled(between.session, done.id, undo, now=NOW)
    [sealed] = seal(between)
    assert [tuple(line[2:]) for line in json.loads(sealed.content)["lines"]] == [(0, 60), (1, -60)]


def one_side(between: Between, minutes: int, *, now: datetime = NOW) -> None:
    """An entry that somebody booked at AA alone."""
    draft = ledger.EntryDraft(
        book_id=between.branches[0].id,
        kind="inter_branch",
        key=f"alone:{minutes}",
        transfers=(
            ledger.TransferDraft(
                debit_id=between.members[0].coin_account_id or 0,
                credit_id=between.pair.account_of(between.branches[0].id),
                amount=minutes,
                unit="coin",
            ),
        ),
        source_type="test",
        source_id=9,
        occurred_at=now,
        actor_id=None,
    )
    ledger.post(between.session, draft, now=now)


def test_a_difference_seals_nothing_freezes_the_pair_and_opens_one_case(between: Between) -> None:
    between.pay(60)
    one_side(between, 5)
    assert [seal(between), seal(between, at=1)] == [[], []]
    assert between.pair.status == FROZEN
    assert [case.kind for case in queries.list_open_cases(between.session, between.pair.id)] == ["difference"]


def test_a_sealed_month_that_says_something_else_now_opens_a_case(between: Between) -> None:
    """Both books were changed alike behind everybody's back."""
    between.pay(60)
    seal(between)
    later = between.settlement(10, source_id=7)
    proposal = between.propose(10)
    service.settle(between.session, proposal.id, later, now=NOW)
    assert seal(between) == []
    assert between.pair.status == FROZEN


def test_the_night_finds_what_does_not_agree(between: Between) -> None:
    between.pay(60)
    assert service.reconcile_all(between.session, now=NOW) == 0
    one_side(between, 5)
    assert service.reconcile_all(between.session, now=NOW) == 1
    assert between.pair.status == FROZEN


def test_the_night_finds_a_message_that_the_other_side_never_sent(between: Between) -> None:
    between.pay(60)
    between.session.execute(
        sa.text(
            "INSERT INTO clearing_receipt (from_id, to_id, uid, step, number, hash, answer, received_at) "
            "SELECT from_id, to_id, 'forged', step, 2, hash, answer, received_at FROM clearing_receipt "
            "WHERE step = 'committed'"
        )
    )
    assert service.reconcile_all(between.session, now=NOW) == 1
    assert [case.kind for case in queries.list_open_cases(between.session, between.pair.id)] == ["out_of_chain"]


def test_while_a_case_is_open_nothing_is_sealed_and_it_is_made_up_for_later(between: Between) -> None:
    between.pay(60)
    one_side(between, 5)
    seal(between)
    [case] = queries.list_open_cases(between.session, between.pair.id)
    back = ledger.EntryDraft(
        book_id=between.branches[0].id,
        kind="inter_branch",
        key="back",
        transfers=(
            ledger.TransferDraft(
                debit_id=between.pair.account_of(between.branches[0].id),
                credit_id=between.members[0].coin_account_id or 0,
                amount=5,
                unit="coin",
            ),
        ),
        source_type="test",
        source_id=9,
        occurred_at=NOW,
        actor_id=None,
    )
    mirror = ledger.EntryDraft(
        book_id=between.branches[1].id,
        kind="inter_branch",
        key="there and back",
        transfers=(
            ledger.TransferDraft(
                debit_id=between.pair.account_of(between.branches[1].id),
                credit_id=between.members[1].coin_account_id or 0,
                amount=5,
                unit="coin",
            ),
            ledger.TransferDraft(
                debit_id=between.members[1].coin_account_id or 0,
                credit_id=between.pair.account_of(between.branches[1].id),
                amount=5,
                unit="coin",
            ),
        ),
        source_type="test",
        source_id=9,
        occurred_at=NOW,
        actor_id=None,
    )
    ledger.post_many(between.session, [back, mirror], now=NOW)
    assert seal(between) == []
    for at in (0, 1):
        service.settle_case(
            between.session,
            case.id,
            branch_id=between.branches[at].id,
            words="漏记的一边已经补上",
            actor=between.boss(at),
            now=AFTER,
        )
    service.resume_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=AFTER)
    assert between.pair.status == OPEN


@pytest.mark.parametrize("statement", ["UPDATE pair_statement SET hash = ''", "DELETE FROM pair_statement"])
def test_a_sealed_statement_stays(between: Between, statement: str) -> None:
    between.pay(60)
    seal(between)
    with pytest.raises(sa.exc.IntegrityError), between.session.begin_nested():
        between.session.execute(sa.text(statement))
