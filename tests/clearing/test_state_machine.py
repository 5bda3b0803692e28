"""Random payments between three branches, on both engines, beside a plain model of who owes whom."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.ledger.model import outcome
from tests.machines import run_machine
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.models import BranchPair, Proposal
from timebank.clearing.service import NettingDraft
from timebank.core.errors import Refusal
from timebank.ledger import service as ledger

PLACES = st.integers(0, 1000)  # a place in a list, modulo its length
AMOUNTS = st.integers(1, 120)
START = 600


@dataclass
class Payment:
    """What the model knows of a proposal."""

    payer: int
    payee: int
    minutes: int
    state: str = "accepted"
    settled: int = 0


class BranchesMachine(RuleBasedStateMachine):
    """Three branches, each connected with the others, one member with coins at each."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self.connection = engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.payments: dict[int, Payment] = {}
        self.coins = [START] * 3
        self.owed: Counter[tuple[int, int]] = Counter()  # (low, high) → what the low branch owes
        self.lines: dict[tuple[int, int], int] = {}  # (creditor, debtor) → line
        self.frozen: set[tuple[int, int]] = set()
        self.numbers = itertools.count(1)
        self.between: Between | None = None

    def teardown(self) -> None:
        """Look through all books once more, however the run ended, and forget them."""
        if self.between is not None:
            assert self.between.findings() == set()
            assert service.reconcile_all(self.session, now=NOW) == 0
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    @initialize()
    def open(self) -> None:
        self.between = Between(self.session)
        self.between.connect(1, 2)
        self.between.connect(0, 2)
        self.lines = {(one, other): self.between.line for one in range(3) for other in range(3) if one != other}

    @property
    def world(self) -> Between:
        assert self.between is not None
        return self.between

    def both(self, real: Callable[[], Any], expected: type[Refusal] | None) -> Any:
        """Do it really; it is refused just when the model says so, and then leaves nothing behind."""
        done, refused = outcome(self._kept, real)
        if refused is not None:
            self.session.expire_all()
        assert expected is None or refused is not None
        assert refused is None or (expected is not None and issubclass(refused, expected))
        return done

    def _kept(self, real: Callable[[], Any]) -> Any:
        with self.session.begin_nested():
            return real()

    # --- the model -------------------------------------------------------------------------------------------------

    def debt(self, debtor: int, creditor: int) -> int:
        pair = (min(debtor, creditor), max(debtor, creditor))
        return self.owed[pair] if debtor < creditor else -self.owed[pair]

    def reserved(self, debtor: int, creditor: int) -> int:
        return sum(
            one.minutes
            for one in self.payments.values()
            if (one.payer, one.payee, one.state) == (debtor, creditor, "accepted")
        )

    def held(self, at: int) -> int:
        return sum(one.minutes for one in self.payments.values() if (one.payer, one.state) == (at, "accepted"))

    def is_frozen(self, one: int, other: int) -> bool:
        return (min(one, other), max(one, other)) in self.frozen

    def owe(self, debtor: int, creditor: int, minutes: int) -> None:
        self.owed[min(debtor, creditor), max(debtor, creditor)] += minutes if debtor < creditor else -minutes

    # --- what people do --------------------------------------------------------------------------------------------

    @rule(payer=PLACES, step=st.integers(1, 2), minutes=AMOUNTS)
    def propose(self, payer: int, step: int, minutes: int) -> None:
        payer, payee = payer % 3, (payer + step) % 3
        refusal: type[Refusal] | None = None
        if self.is_frozen(payer, payee):
            refusal = service.PairFrozen
        elif minutes > max(0, self.lines[payee, payer] - self.debt(payer, payee) - self.reserved(payer, payee)):
            refusal = service.LineFull
        elif minutes > self.coins[payer] - self.held(payer):
            refusal = ledger.NotEnough
        made = self.both(lambda: self.world.propose(minutes, payer=payer, payee=payee), refusal)
        if made is not None:
            self.payments[made.id] = Payment(payer, payee, minutes)

    @precondition(lambda self: self.payments)
    @rule(place=PLACES, part=st.sampled_from([100, 100, 50]))
    def settle(self, place: int, part: int) -> None:
        id_, one = self.pick(place)
        paid = max(1, one.minutes * part // 100)
        refusal: type[Refusal] | None = None
        if one.state not in {"settled", "back"}:  # what was settled is not settled again, whatever became of it
            if self.is_frozen(one.payer, one.payee):
                refusal = service.PairFrozen
            elif one.state != "accepted":
                refusal = service.ProposalMoved
        done = self.world.settlement(paid, payee=one.payee, source_id=id_)
        settled = self.both(lambda: service.settle(self.session, id_, done, now=NOW), refusal)
        if settled is not None and one.state == "accepted":
            one.state, one.settled = "settled", paid
            self.coins[one.payer] -= paid
            self.coins[one.payee] += paid
            self.owe(one.payer, one.payee, paid)

    @precondition(lambda self: self.payments)
    @rule(place=PLACES)
    def cancel(self, place: int) -> None:
        id_, one = self.pick(place)
        refusal = service.ProposalMoved if one.state in {"settled", "back"} else None
        if self.both(lambda: service.cancel(self.session, id_, actor_id=None, now=NOW), refusal) is not None:
            one.state = "cancelled"

    @precondition(lambda self: self.payments)
    @rule(place=PLACES, again=st.booleans())
    def pay_back(self, place: int, again: bool) -> None:
        id_, one = self.pick(place)
        undo = ledger.Reversal(
            key=f"undo:{id_}" if again else f"undo:{next(self.numbers)}:{id_}", reason="错", actor_id=1
        )
        refusal: type[Refusal] | None = None
        if one.state not in {"settled", "back"}:
            refusal = service.ProposalMoved
        elif one.state == "back":
            refusal = ledger.AlreadyReversed
        elif self.coins[one.payee] - self.held(one.payee) < one.settled:
            refusal = ledger.NotEnough  # BelowFloor, where a decision would help
        elif -self.lines[one.payer, one.payee] > self._after_back(one):
            refusal = ledger.NotEnough
        if one.state == "back" and again and self._first_undo.get(id_) == undo.key:
            refusal = None
        done = self.both(lambda: service.reverse_settled(self.session, id_, undo, now=NOW), refusal)
        if done is not None and one.state == "settled":
            one.state = "back"
            self._first_undo[id_] = undo.key
            self.coins[one.payer] += one.settled
            self.coins[one.payee] -= one.settled
            self.owe(one.payer, one.payee, -one.settled)

    @property
    def _first_undo(self) -> dict[int, str]:
        return self.__dict__.setdefault("undone", {})

    def _after_back(self, one: Payment) -> int:
        """What would be available on the payer's clearing account, which the payee's branch may owe on."""
        return self.debt(one.payer, one.payee) - one.settled - self.reserved(one.payee, one.payer)

    @rule(creditor=PLACES, step=st.integers(1, 2), minutes=st.sampled_from([0, 60, 200, 500]))
    def set_line(self, creditor: int, step: int, minutes: int) -> None:
        creditor, debtor = creditor % 3, (creditor + step) % 3
        word = self.world.word(creditor, minutes=minutes)
        pair = self.pair(creditor, debtor)
        service.set_line(self.session, pair.id, word, actor=self.world.boss(creditor), now=NOW)
        self.lines[creditor, debtor] = minutes

    @rule(one=PLACES, step=st.integers(1, 2))
    def pause_or_resume(self, one: int, step: int) -> None:
        one, other = one % 3, (one + step) % 3
        pair, names = self.pair(one, other), (min(one, other), max(one, other))
        at = names[0]
        verb = service.resume_pair if names in self.frozen else service.freeze_pair
        verb(self.session, pair.id, self.world.word(at), actor=self.world.boss(at), now=NOW)
        self.frozen ^= {names}

    @rule(way=st.booleans(), minutes=AMOUNTS)
    def net(self, way: bool, minutes: int) -> None:
        circle = (0, 1, 2) if way else (0, 2, 1)
        steps = list(zip(circle, (*circle[1:], circle[0]), strict=True))
        ids = tuple(self.world.branches[at].id for at in circle)
        most = min(max(0, self.debt(*step)) for step in steps)
        draft = NettingDraft(branches=ids, minutes=minutes, form_key=key())
        refusal = service.NotACircle if minutes > most else None
        asked = self.both(
            lambda: service.ask_netting(
                self.session, draft, branch_id=ids[0], actor=self.world.boss(circle[0]), now=NOW
            ),
            refusal,
        )
        if asked is None:
            return
        service.agree_netting(self.session, asked.id, branch_id=ids[1], actor=self.world.boss(circle[1]), now=NOW)
        refusal = service.PairFrozen if any(self.is_frozen(*step) for step in steps) else None
        last = partial(service.agree_netting, self.session, asked.id, branch_id=ids[2], now=NOW)
        if self.both(lambda: last(actor=self.world.boss(circle[2])), refusal) is not None:
            for step in steps:
                self.owe(*step, -minutes)

    @precondition(lambda self: self.payments)
    @rule(place=PLACES)
    def send_again(self, place: int) -> None:
        """What has been answered is not answered in another way."""
        id_, one = self.pick(place)
        service.resume_proposal(self.session, id_, now=NOW)
        assert self.session.get_one(Proposal, id_).status == {"back": "settled"}.get(one.state, one.state)

    def pick(self, place: int) -> tuple[int, Payment]:
        ids = sorted(self.payments)
        id_ = ids[place % len(ids)]
        return id_, self.payments[id_]

    def pair(self, one: int, other: int) -> BranchPair:
        found = queries.find_pair(self.session, self.world.branches[one].id, self.world.branches[other].id)
        assert found is not None
        return found

    # --- what is true after every step -----------------------------------------------------------------------------

    @invariant()
    def coins_and_holds_are_those_of_the_model(self) -> None:
        if self.between is not None:
            assert [self.between.coins(at) for at in range(3)] == [(self.coins[at], self.held(at)) for at in range(3)]

    @invariant()
    def every_line_is_as_full_as_the_model_says(self) -> None:
        if self.between is None:
            return
        for (creditor, debtor), line in self.lines.items():
            gauge = queries.gauge_of(
                self.session, self.pair(creditor, debtor), creditor_id=self.between.branches[creditor].id
            )
            expected = (self.debt(debtor, creditor), self.reserved(debtor, creditor), line)
            assert (gauge.owed, gauge.held, gauge.line) == expected


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_payments_between_branches_are_those_of_the_model(engine_url: str) -> None:
    run_machine(BranchesMachine, engine_url, sqlite=15, postgresql=8, steps=25)
