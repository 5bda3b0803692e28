"""Payments between branches, from the first step to the last and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.models import ACCEPTED, CANCELLED, EXPIRED, SETTLED
from timebank.clearing.service import Ceiling
from timebank.core.errors import Refusal
from timebank.ledger import queries as books
from timebank.ledger import service as ledger


@pytest.fixture
def between(session: Session) -> Iterator[Between]:
    made = Between(session)
    yield made
    assert made.findings() == set()
    assert service.reconcile_all(session, now=NOW) == 0


def test_proposing_sets_coins_aside_here_and_space_on_the_line_there(between: Between) -> None:
    proposal = between.propose(60)
    assert proposal.status == ACCEPTED
    assert between.coins(0) == (600, 60)
    assert between.owed() == (0, 60, 240)


def test_settling_moves_both_books_and_makes_the_debt(between: Between) -> None:
    done = between.pay(60)
    assert done.status == SETTLED
    assert (between.coins(0), between.coins(1)) == ((540, 0), (660, 0))
    assert between.owed() == (60, 0, 240)
    entries = [books.get_entry(between.session, one or 0) for one in (done.payer_entry_id, done.payee_entry_id)]
    assert [(entry.kind, entry.book_id) for entry in entries] == [
        ("inter_branch", between.branches[0].id),
        ("inter_branch", between.branches[1].id),
    ]


def test_part_is_paid_and_the_rest_is_free_on_both_sides(between: Between) -> None:
    proposal = between.propose(60)
    service.settle(between.session, proposal.id, between.settlement(25), now=NOW)
    assert between.coins(0) == (575, 0)
    assert between.owed() == (25, 0, 275)


def test_settling_twice_is_settling_once(between: Between) -> None:
    first = between.pay(60)
    again = service.settle(between.session, first.id, between.settlement(60), now=NOW)
    assert again.payer_entry_id == first.payer_entry_id
    assert between.owed() == (60, 0, 240)


def test_the_same_proposal_again_is_the_first(between: Between) -> None:
    draft = between.draft(60)
    first = service.propose(between.session, draft, now=NOW)
    assert service.propose(between.session, draft, now=NOW) is first
    assert between.coins(0) == (600, 60)


def test_cancelling_gives_back_both_sides(between: Between) -> None:
    proposal = between.propose(60)
    for _ in range(2):
        service.cancel(between.session, proposal.id, actor_id=None, now=NOW)
    assert proposal.status == CANCELLED
    assert (between.coins(0), between.owed()) == ((600, 0), (0, 0, 300))


def test_what_was_settled_is_not_cancelled(between: Between) -> None:
    done = between.pay(60)
    with pytest.raises(service.ProposalMoved):
        service.cancel(between.session, done.id, actor_id=None, now=NOW)


def test_what_was_cancelled_is_not_settled(between: Between) -> None:
    proposal = between.propose(60)
    service.cancel(between.session, proposal.id, actor_id=None, now=NOW)
    with pytest.raises(service.ProposalMoved), between.session.begin_nested():
        service.settle(between.session, proposal.id, between.settlement(60), now=NOW)


def test_what_ran_out_gives_back_both_sides(between: Between) -> None:
    proposal = between.propose(60)
    for _ in range(2):
        service.cancel(between.session, proposal.id, how=EXPIRED, actor_id=None, now=NOW + timedelta(days=7))
    assert (proposal.status, between.coins(0), between.owed()) == (EXPIRED, (600, 0), (0, 0, 300))


def refuse(between: Between, minutes: int, refusal: type[Refusal], **more: int) -> Refusal:
    with pytest.raises(refusal) as caught, between.session.begin_nested():
        between.propose(minutes, **more)
    return caught.value


def test_a_full_line_stops_that_direction_only_and_says_why(between: Between) -> None:
    between.pay(290)
    refusal = refuse(between, 11, service.LineFull)
    assert "BB 站给AA 站的额度用满了：额度 5 币，已用 4 币 50 分，这次要 11 分" in refusal.message
    between.propose(10)
    assert between.pay(300, payer=1, payee=0, source_id=2).status == SETTLED


def test_what_the_other_owes_comes_first(between: Between) -> None:
    """BB owes 200: AA's members may spend that and the line of 300 on top."""
    between.pay(200, payer=1, payee=0, source_id=2)
    assert between.pay(500).status == SETTLED
    assert between.owed() == (300, 0, 0)


def test_reserved_space_counts_as_used(between: Between) -> None:
    between.propose(300)
    refuse(between, 1, service.LineFull)


def test_branches_that_are_not_connected_do_not_pay(between: Between) -> None:
    refuse(between, 60, service.NotConnected, payee=2)


def test_who_has_too_little_pays_nobody(between: Between) -> None:
    poor = between.draft(200, account_id=between.members[0].coin_account_id)
    ledger.hold(
        between.session,
        ledger.HoldDraft(
            account_id=between.members[0].coin_account_id or 0,
            amount=450,
            key="else",
            expires_at=NOW + timedelta(days=1),
            source_type="test",
            source_id=None,
            actor_id=None,
        ),
        now=NOW,
    )
    with pytest.raises(ledger.NotEnough), between.session.begin_nested():
        service.propose(between.session, poor, now=NOW)
    assert between.owed() == (0, 0, 300)


def test_a_frozen_pair_moves_nothing_and_keeps_what_was_set_aside(between: Between) -> None:
    proposal = between.propose(60)
    service.freeze_pair(between.session, between.pair.id, between.word(1), actor=between.boss(1), now=NOW)
    refuse(between, 10, service.PairFrozen)
    with pytest.raises(service.PairFrozen), between.session.begin_nested():
        service.settle(between.session, proposal.id, between.settlement(60), now=NOW)
    service.resume_pair(between.session, between.pair.id, between.word(1), actor=between.boss(1), now=NOW)
    service.settle(between.session, proposal.id, between.settlement(60), now=NOW)
    assert between.owed() == (60, 0, 240)


@pytest.mark.parametrize("everywhere", [True, False])
def test_the_own_branch_sets_a_ceiling_for_a_month(between: Between, everywhere: bool) -> None:
    ceiling = Ceiling(
        branch_id=between.branches[0].id,
        peer_id=None if everywhere else between.branches[1].id,
        minutes=100,
        form_key="c",
    )
    service.set_ceiling(between.session, ceiling, actor=between.boss(0), now=NOW)
    between.pay(70)
    refusal = refuse(between, 31, service.CeilingReached)
    assert "不超过 1 币 40 分，已用 1 币 10 分" in refusal.message
    between.propose(30)
    month_later = NOW + timedelta(days=20)
    assert between.propose(100, now=month_later, expires_at=month_later + timedelta(days=1)).status == ACCEPTED


def test_what_came_back_leaves_the_ceiling_free(between: Between) -> None:
    ceiling = Ceiling(branch_id=between.branches[0].id, peer_id=None, minutes=100, form_key="c")
    service.set_ceiling(between.session, ceiling, actor=between.boss(0), now=NOW)
    done = between.pay(90)
    service.reverse_settled(between.session, done.id, ledger.Reversal(key="a", reason="错", actor_id=1), now=NOW)
    assert queries.spent_outside(between.session, between.branches[0].id, None, now=NOW) == 0
    assert between.propose(100).status == ACCEPTED


def test_a_ceiling_is_lifted(between: Between) -> None:
    for minutes, form in ((0, "a"), (None, "b")):
        ceiling = Ceiling(branch_id=between.branches[0].id, peer_id=None, minutes=minutes, form_key=form)
        service.set_ceiling(between.session, ceiling, actor=between.boss(0), now=NOW)
        if minutes == 0:
            refuse(between, 1, service.CeilingReached)
    assert between.propose(60).status == ACCEPTED


def test_a_payment_comes_back_in_both_books_and_names_the_first(between: Between) -> None:
    done = between.pay(60)
    undo = ledger.Reversal(key="undo", reason="没有来", actor_id=1)
    back = service.reverse_settled(between.session, done.id, undo, now=NOW).back
    assert (back.reverses_id, back.status, back.settled_minutes) == (done.id, SETTLED, 60)
    assert (between.coins(0), between.coins(1), between.owed()) == ((600, 0), (600, 0), (0, 0, 300))
    assert service.reverse_settled(between.session, done.id, undo, now=NOW).back is back


def test_a_payment_comes_back_once(between: Between) -> None:
    done = between.pay(60)
    service.reverse_settled(between.session, done.id, ledger.Reversal(key="a", reason="错", actor_id=1), now=NOW)
    with pytest.raises(ledger.AlreadyReversed), between.session.begin_nested():
        service.reverse_settled(between.session, done.id, ledger.Reversal(key="b", reason="错", actor_id=1), now=NOW)


def test_what_never_settled_does_not_come_back(between: Between) -> None:
    proposal = between.propose(60)
    with pytest.raises(service.ProposalMoved):
        service.reverse_settled(between.session, proposal.id, ledger.Reversal(key="a", reason="", actor_id=1), now=NOW)


def test_who_cannot_be_paid_any_more_is_paid_into_suspense_and_a_case_is_opened(between: Between) -> None:
    """The provider's account was emptied and closed after the order was agreed on."""
    proposal = between.propose(60)
    account = between.members[1].coin_account_id or 0
    fund = books.find_house_account(between.session, between.branches[1].id, "fund")
    empty = ledger.EntryDraft(
        book_id=between.branches[1].id,
        kind="gift",
        key="empty",
        transfers=(ledger.TransferDraft(debit_id=account, credit_id=fund, amount=600, unit="coin"),),
        source_type="test",
        source_id=None,
        occurred_at=NOW,
        actor_id=None,
    )
    ledger.post(between.session, empty, now=NOW)
    ledger.close_account(between.session, account)
    service.settle(between.session, proposal.id, between.settlement(60), now=NOW)
    suspense = books.find_house_account(between.session, between.branches[1].id, "suspense:inbound")
    assert books.balance(between.session, suspense) == 60
    [case] = queries.list_open_cases(between.session, between.pair.id)
    assert case.kind == "unpaid"
    assert between.owed() == (60, 0, 240)


@pytest.mark.parametrize(("minutes", "level"), [(209, 0), (210, 70), (270, 90), (300, 100)])
def test_the_gauge_tells_at_70_90_and_100(between: Between, minutes: int, level: int) -> None:
    between.propose(minutes)
    assert queries.gauge_of(between.session, between.pair, creditor_id=between.branches[1].id).level == level
