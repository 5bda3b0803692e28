"""A branch whose server was set back to yesterday's backup: the other side still has what it has forgotten."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.tampering import guards_away
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.models import COMMITTED, FROZEN, Proposal
from timebank.clearing.service import messages

_MOVED = "SELECT coalesce(sum(amount), 0) FROM transfer WHERE entry_id = :entry AND"


@pytest.fixture
def between(session: Session) -> Between:
    return Between(session)


def set_back(between: Between, at: int, forgotten: Proposal) -> None:
    """Yesterday's outbox, inbox and book of a branch: what it sent, received and booked since is gone, there alone."""
    branch_id = between.branches[at].id
    entry_id = forgotten.payer_entry_id if forgotten.payer_id == branch_id else forgotten.payee_entry_id
    facts = {"uid": forgotten.uid, "branch": branch_id, "entry": entry_id}
    with guards_away(between.session):
        for statement in (
            "DELETE FROM clearing_message WHERE uid = :uid AND from_id = :branch",
            "DELETE FROM clearing_receipt WHERE uid = :uid AND to_id = :branch",
            f"UPDATE account SET posted_out = posted_out - ({_MOVED} debit_id = account.id) WHERE runs",
            f"UPDATE account SET posted_in = posted_in - ({_MOVED} credit_id = account.id) WHERE runs",
            "DELETE FROM transfer WHERE entry_id = :entry",
            "DELETE FROM entry WHERE id = :entry",
        ):
            between.session.execute(sa.text(statement), facts)
    between.session.expire_all()


def found(between: Between) -> tuple[str, list[tuple[str, str]], set[str]]:
    """The state of the pair, the items with who has to act, the kinds of cases."""
    items = queries.list_open_items(between.session, between.pair.id)
    cases = queries.list_open_cases(between.session, between.pair.id)
    return between.pair.status, [(one.heap, one.owner.code) for one in items], {one.kind for one in cases}


def test_a_payer_that_counts_from_yesterday_is_stopped_at_its_next_payment(between: Between) -> None:
    between.pay(60)
    lost = between.pay(30, source_id=2)
    set_back(between, 0, lost)
    letter = between.half_pay(20, source_id=3)
    assert letter.envelope.fields["number"] == 2
    assert service.deliver(between.session, letter, now=NOW) == messages.BROKEN
    assert found(between) == (FROZEN, [], {"out_of_chain"})
    paid = queries.find_proposal_by_uid(between.session, letter.envelope.fields["uid"])
    assert paid is not None
    assert (paid.status, paid.payee_entry_id) == (COMMITTED, None)
    with pytest.raises(service.PairFrozen), between.session.begin_nested():
        between.pay(10, source_id=4)
    service.reconcile(between.session, between.pair, now=NOW)
    status, items, kinds = found(between)
    assert (status, items) == (FROZEN, [("only_high", "AA")])
    assert kinds == {"out_of_chain", "difference"}


def test_the_night_finds_what_a_payer_has_forgotten_without_another_payment(between: Between) -> None:
    between.pay(60)
    set_back(between, 0, between.pay(30, source_id=2))
    assert service.reconcile(between.session, between.pair, now=NOW) == 2
    assert found(between) == (FROZEN, [("only_high", "AA")], {"out_of_chain", "difference"})


def test_a_payee_that_has_forgotten_what_it_booked_waits_for_the_gap_and_the_night_finds_it(between: Between) -> None:
    """Its inbox ends at the first payment, so the third is ahead of its turn: nothing is booked over the hole."""
    between.pay(60)
    set_back(between, 1, between.pay(30, source_id=2))
    letter = between.half_pay(20, source_id=3)
    assert service.deliver(between.session, letter, now=NOW) == messages.WAIT
    assert service.reconcile(between.session, between.pair, now=NOW) == 1
    assert found(between) == (FROZEN, [("only_low", "BB")], {"difference"})


def test_nothing_is_rebuilt_before_both_sides_have_said_their_word(between: Between) -> None:
    between.pay(60)
    set_back(between, 0, between.pay(30, source_id=2))
    for _ in range(2):
        service.reconcile(between.session, between.pair, now=NOW)
    assert len(queries.list_open_items(between.session, between.pair.id)) == 1
    with pytest.raises(service.CasesOpen), between.session.begin_nested():
        service.resume_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=NOW)
