"""Real threads between two branches: both directions at once, the last of a line, one payment from two sides."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.exchange.scene import at_once, committed, give
from tests.exchange.test_races import won
from tests.world import KEYS, NOW, make_member
from timebank.clearing import queries, service
from timebank.clearing.models import CANCELLED, SETTLED, BranchPair, Proposal
from timebank.core.actor import SYSTEM
from timebank.core.errors import Refusal
from timebank.ledger import queries as books
from timebank.ledger import service as ledger
from timebank.ledger.verification import verify

Verb = Callable[[Session], Any]


def whole(session: Session, between: Between) -> int:
    """What the low branch owes; nothing may be amiss in any book, nor between them."""
    for branch in between.branches:
        assert [check.name for check in verify(session, branch.id) if check.findings] == []
    assert service.reconcile_all(session, now=NOW) == 0
    pair = session.get_one(BranchPair, between.pair.id)
    return books.get_account(session, pair.low_account_id).balance


def paying(between: Between, number: int, minutes: int, *, payer: int = 0) -> Verb:
    """A whole payment, from the first step to the last."""
    account_id = between.members[payer].coin_account_id
    draft = between.draft(minutes, payer=payer, payee=1 - payer, account_id=account_id, uid=f"race:{number}")
    done = between.settlement(minutes, payee=1 - payer, source_id=number)

    def pay(session: Session) -> int:
        proposal = service.propose(session, draft, now=NOW)
        return service.settle(session, proposal.id, done, now=NOW).id

    return pay


def test_both_sides_pay_at_once_and_nothing_is_lost_or_doubled(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            verbs = [paying(between, number, 10 + number, payer=number % 2) for number in range(12)]
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 12
        with work() as session:
            assert whole(session, between) == sum((10 + n) * (1 if n % 2 == 0 else -1) for n in range(12))


def test_until_the_line_is_full_and_not_a_minute_more(fresh_database: str) -> None:
    """Twenty people of one branch want 30 each on a line of 300."""
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            people = [make_member(session, between.branches[0]) for _ in range(20)]
            for person in people:
                give(session, person, 60)
            drafts = [
                between.draft(30, account_id=person.coin_account_id, uid=f"line:{place}")
                for place, person in enumerate(people)
            ]
        verbs: list[Verb] = [lambda session, d=draft: service.propose(session, d, now=NOW).id for draft in drafts]
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 10
        assert {type(one) for one in answers if isinstance(one, Refusal)} == {service.LineFull}
        with work() as session:
            assert whole(session, between) == 0
            pair = session.get_one(BranchPair, between.pair.id)
            assert books.get_account(session, pair.high_account_id).held == 300


def test_both_sides_pay_until_a_line_is_full_and_at_no_moment_more(fresh_database: str) -> None:
    """Eight of 30 each way, on lines of 100: who finds one full is told so, all else is booked twice."""
    line, minutes, each = 100, 30, 8
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session, line=line)
            verbs = [paying(between, number, minutes, payer=number % 2) for number in range(2 * each)]
        answers = at_once(fresh_database, verbs)
        refused = [one for one in answers if isinstance(one, Refusal)]
        assert {type(one) for one in refused} <= {service.LineFull}
        paid = won(answers)
        assert len(paid) + len(refused) == 2 * each
        with work() as session:
            made = session.scalars(sa.select(Proposal).order_by(Proposal.id)).all()
            assert ({one.id for one in made}, {one.status for one in made}) == (set(paid), {SETTLED})
            low_id, owed = between.pair.low_id, 0
            for one in made:  # in the order in which they were let in
                owed += minutes if one.payer_id == low_id else -minutes
                assert -line <= owed <= line
            assert whole(session, between) == owed
            pair = session.get_one(BranchPair, between.pair.id)
            for account_id in (pair.low_account_id, pair.high_account_id):
                assert books.get_account(session, account_id).held == 0


def test_when_one_side_alone_pays_into_a_small_line_the_rest_is_refused_to_the_last(fresh_database: str) -> None:
    """And afterwards the other way has room for what is owed on top of its own line."""
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session, line=100)
            sides = [[paying(between, 100 * payer + n, 30, payer=payer) for n in range(8)] for payer in (0, 1)]
        for verbs, fits in zip(sides, (3, 6), strict=True):
            answers = at_once(fresh_database, verbs)
            assert (len(won(answers)), sum(isinstance(one, service.LineFull) for one in answers)) == (fits, 8 - fits)
        with work() as session:
            assert whole(session, between) == 90 - 180


def test_one_payment_from_eight_windows_is_one_payment(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            proposal_id = between.propose(60).id
            done = between.settlement(60)
        verbs: list[Verb] = [lambda session: service.settle(session, proposal_id, done, now=NOW).payee_entry_id] * 8
        answers = won(at_once(fresh_database, verbs))
        assert len(answers) == 8
        assert len(set(answers)) == 1
        with work() as session:
            assert whole(session, between) == 60


def test_paid_or_cancelled_but_never_both(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            ids = [between.propose(20).id for _ in range(6)]
            done = [between.settlement(20, source_id=place) for place in range(6)]
        verbs: list[Verb] = []
        for place, proposal_id in enumerate(ids):
            verbs.append(lambda session, p=proposal_id, d=done[place]: service.settle(session, p, d, now=NOW).status)
            verbs.append(lambda session, p=proposal_id: service.cancel(session, p, actor_id=None, now=NOW).status)
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == 6
        assert {type(one) for one in answers if isinstance(one, Refusal)} == {service.ProposalMoved}
        with work() as session:
            ends = [session.get_one(Proposal, one).status for one in ids]
            assert set(ends) <= {SETTLED, CANCELLED}
            assert whole(session, between) == 20 * ends.count(SETTLED)


def test_the_same_proposal_from_many_windows_sets_aside_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            draft = between.draft(60)
        verbs: list[Verb] = [lambda session: service.propose(session, draft, now=NOW).id] * 6
        answers = won(at_once(fresh_database, verbs))
        assert len(set(answers)) == 1
        with work() as session:
            assert books.get_account(session, between.members[0].coin_account_id).held == 60
            assert whole(session, between) == 0


@pytest.mark.slow
def test_payments_back_and_forth_while_lines_move_and_months_close(fresh_database: str) -> None:
    """Everything at once; what is refused leaves no trace, and nobody waits for anybody for ever."""
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            paid = [between.pay(10, source_id=100 + place).id for place in range(4)]
            pair = between.pair
            line_ids = (pair.low_account_id or 0, pair.high_account_id or 0)
            book_ids = [branch.id for branch in between.branches[:2]]
            verbs = [paying(between, number, 5, payer=number % 2) for number in range(8)]
        for place, proposal_id in enumerate(paid):
            undo = ledger.Reversal(key=f"undo:{place}", reason="错", actor_id=1)
            verbs.append(lambda session, p=proposal_id, u=undo: service.reverse_settled(session, p, u, now=NOW).back.id)
        for place, account_id in enumerate(line_ids):
            draft = ledger.LineDraft(
                account_id=account_id, minutes=250, reason="改", key=f"race:{place}", decided_by_id=1
            )
            verbs.append(lambda session, d=draft: ledger.decide_line(session, d, now=NOW))
        for book_id in book_ids:
            verbs.append(
                lambda session, b=book_id: (
                    ledger.close_period(session, b, "2026-10", actor=SYSTEM, keys=KEYS, now=NOW).period_id
                )
            )
        answers = at_once(fresh_database, verbs)
        assert len(won(answers)) == len(verbs) - sum(isinstance(one, Refusal) for one in answers)
        with work() as session:
            done = [one for one in answers[:8] if not isinstance(one, Refusal)]
            assert len(done) == 8
            assert whole(session, between) == 0


def test_two_managers_who_sign_at_once_seal_one_statement(fresh_database: str) -> None:
    """Each of them may press several times."""
    month, after = "2026-11", datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            between.book_alone(0, 5, key="alone")
            service.seal_statements(session, between.branches[0].id, month, now=after)
            seen = queries.look_at_month(session, between.pair, month).exception_hash
            words = [
                (service.Signing(branch_id=one.id, month=month, words="年底", seen=seen), between.boss(at))
                for at, one in enumerate(between.branches[:2])
            ]
            pair_id = between.pair.id
        verbs: list[Verb] = [
            lambda session, word=word, boss=boss: service.sign_exception(
                session, pair_id, word, actor=boss, keys=KEYS, now=after
            )
            for word, boss in words * 4
        ]
        assert len(won(at_once(fresh_database, verbs))) == 8
        with work() as session:
            [sealed] = queries.list_statements(session, pair_id)
            assert len(json.loads(sealed.content)["exception"]["signatures"]) == 2


def test_two_nights_at_once_find_an_item_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            between.book_alone(0, 5, key="alone")
            pair_id = between.pair.id
        verbs: list[Verb] = [
            lambda session: service.reconcile(session, session.get_one(BranchPair, pair_id), now=NOW)
        ] * 6
        assert won(at_once(fresh_database, verbs)) == [1] * 6
        with work() as session:
            assert len(queries.list_open_items(session, pair_id)) == 1
            assert len(queries.list_open_cases(session, pair_id)) == 1
