"""Setting right what was redeemed at another branch: both books at once, by the branch that gave it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.exchange.scene import coins_of, key
from tests.exchange.test_abroad import Abroad
from tests.world import NOW, actor_of, make_member
from timebank.clearing import queries as clearing
from timebank.clearing import service as pairs
from timebank.corrections import service
from timebank.corrections.models import WAITING, Correction
from timebank.corrections.rules import NotCorrectable
from timebank.exchange.models import Order
from timebank.ledger import queries as books
from timebank.ledger import service as ledger


@pytest.fixture
def abroad(session: Session) -> Iterator[Abroad]:
    made = Abroad(Between(session))
    yield made
    assert made.between.findings() == set()
    assert pairs.reconcile_all(session, now=NOW) == 0


def correct(abroad: Abroad, order: Order, minutes: int | None, *, entry_id: int | None = None, at: int = 1) -> None:
    draft = service.CorrectionDraft(entry_id=entry_id or order.entry_now_id or 0, minutes=minutes, reason="没有做完")
    service.ask(abroad.session, draft, form_key=key(), actor=abroad.between.boss(at), now=NOW)
    abroad.session.expire_all()


def test_undone_both_books_come_back(abroad: Abroad) -> None:
    order = abroad.done()
    correct(abroad, order, None)
    assert order.undone
    assert (coins_of(abroad.session, abroad.member), coins_of(abroad.session, abroad.barber)) == ((600, 0), (0, 0))
    assert abroad.between.owed() == (0, 0, 300)


def test_less_moves_less_in_both_books(abroad: Abroad) -> None:
    order = abroad.done()
    correct(abroad, order, 20)
    assert order.amount_now == 20
    assert (coins_of(abroad.session, abroad.member), coins_of(abroad.session, abroad.barber)) == ((580, 0), (20, 0))
    assert abroad.between.owed() == (20, 0, 280)
    entry = books.get_entry(abroad.session, order.entry_now_id or 0)
    assert (entry.kind, clearing.find_settled_by_entry(abroad.session, entry.id) is not None) == ("inter_branch", True)


def test_what_was_set_right_can_be_set_right_again(abroad: Abroad) -> None:
    order = abroad.done()
    correct(abroad, order, 20)
    correct(abroad, order, None)
    assert (order.undone, abroad.between.owed()) == (True, (0, 0, 300))


def test_where_the_barber_spent_it_a_second_person_decides(abroad: Abroad) -> None:
    order = abroad.done()
    other = make_member(abroad.session, abroad.between.branches[1])
    spent = ledger.EntryDraft(
        book_id=order.branch_id,
        kind="gift",
        key="spent",
        transfers=(
            ledger.TransferDraft(
                debit_id=abroad.barber.coin_account_id or 0,
                credit_id=other.coin_account_id or 0,
                amount=50,
                unit="coin",
            ),
        ),
        source_type="test",
        source_id=None,
        occurred_at=NOW,
        actor_id=None,
    )
    ledger.post(abroad.session, spent, now=NOW)
    correct(abroad, order, None)
    assert (order.undone, abroad.between.owed()) == (False, (60, 0, 240))
    second = make_member(abroad.session, abroad.between.branches[1], roles=("manager",))
    [waiting] = abroad.session.scalars(select(Correction.id).where(Correction.status == WAITING))
    service.approve(abroad.session, waiting, actor=actor_of(abroad.session, second), now=NOW)
    abroad.session.expire_all()
    assert order.undone
    assert coins_of(abroad.session, abroad.barber) == (-50, 0)
    assert abroad.between.owed() == (0, 0, 300)


def test_the_payers_branch_does_not_correct_its_half(abroad: Abroad) -> None:
    order = abroad.done()
    proposal = clearing.get_proposal(abroad.session, order.proposal_id or 0)
    with pytest.raises(NotCorrectable, match="要由收到的网点更正"):
        correct(abroad, order, None, entry_id=proposal.payer_entry_id, at=0)
