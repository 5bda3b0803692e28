"""Random verbs on orders and cases in random order, on both engines, beside a plain model that is held against them.

After every step coins and stock add up, what is set aside is what open orders are worth, and a hold ended once. Every
verb that was not refused is done twice: the second time answers like the first and changes nothing.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
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

from tests.disputes.model import OPEN, ModelCase, ModelOrder, ModelTown
from tests.disputes.scene import NOW, Quarrel
from tests.ledger.model import outcome
from tests.machines import run_machine
from tests.world import actor_of
from timebank.corrections import service as corrections
from timebank.corrections.models import WAITING
from timebank.disputes import service as disputes
from timebank.disputes.models import DECIDED, Dispute
from timebank.exchange import rules
from timebank.exchange import service as exchange
from timebank.exchange.models import Offer, Order, OrderCorrection, Rating
from timebank.exchange.service import BadPart
from timebank.ledger import queries as books
from timebank.ledger.models import HoldEnd
from timebank.ledger.verification import verify

PLACES = st.integers(0, 1000)  # a place in a list, modulo its length
PARTS = st.sampled_from([0, 25, 50, 100, 100])  # of a hundred
SELDOM = st.sampled_from([True, False, False, False, False, False])
START = 180


class OrdersMachine(RuleBasedStateMachine):
    """A barber, two people who ask (one of them the barber's own customer at the shelf), tickets on the shelf."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self.connection = engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.now = NOW
        self.keys = itertools.count(1)
        self.rows: dict[ModelOrder, int] = {}
        self.case_rows: dict[ModelCase, int] = {}

    def teardown(self) -> None:
        """Look through the books once more, however the run ended, and forget them."""
        if hasattr(self, "scene"):
            assert not [found for check in verify(self.session, self.scene.branch.id) for found in check.findings]
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    @initialize(begun=st.lists(st.sampled_from(["agreed", "done", "disputed", "heard", "owing", "shelf"]), max_size=2))
    def open(self, begun: list[str]) -> None:
        self.scene = Quarrel(self.session)
        self.people = {"asker": self.scene.asker, "barber": self.scene.barber}
        self.actors = {
            name: actor_of(self.session, getattr(self.scene, name))
            for name in ("asker", "barber", "manager", "judge", "second")
        }
        self.model = ModelTown(Counter(asker=START), stock=2)
        for how in begun:  # so that what comes late is reached as often as what comes first
            self._begin(how)

    def _begin(self, how: str) -> None:
        self._request("tickets" if how == "shelf" else "haircut", "asker", two=how == "shelf")
        order = self.model.orders[-1]
        if how != "shelf":
            self._accept(order, self.now + timedelta(hours=1))
        if how in {"agreed", "shelf"} or order.status != "accepted":
            return
        self._fulfil(order, 100)
        if how == "owing":
            self._request("tickets", "barber", two=True)
        if how != "done":
            self._dispute(order, by_giver=False)
        if how in {"heard", "owing"} and order.case is not None:
            self._say(order.case, "barber")
        if how == "owing" and order.case is not None:
            self._decide(order, order.case, 0)

    # --- both sides ------------------------------------------------------------------------------------------------

    def both(self, real: Callable[[], Any], modelled: Callable[[], Any]) -> tuple[Any, Any]:
        """Do it really and in the model; they answer both or refuse alike. What was done is done once more."""
        expected, refusal = outcome(modelled)
        found, refused = outcome(self._kept, real)
        assert refused is refusal
        if refused is None:
            assert self._kept(real) == found
        return found, expected

    def _kept(self, real: Callable[[], Any]) -> Any:
        """A refused verb leaves nothing behind, as when a door rolls its transaction back."""
        with self.session.begin_nested():
            return real()

    def key(self) -> str:
        return f"m{next(self.keys)}"

    def some(self, place: int, *, services: bool = False) -> ModelOrder:
        orders = [one for one in self.model.orders if not (services and one.goods)]
        return orders[place % len(orders)]

    def some_case(self, place: int) -> tuple[ModelOrder, ModelCase]:
        orders = [one for one in self.model.orders if one.cases]
        order = orders[place % len(orders)]
        case = order.cases[-1]
        return order, case

    def giver(self, order: ModelOrder) -> Any:
        return self.actors["manager" if order.goods else "barber"]

    # --- orders ----------------------------------------------------------------------------------------------------

    @rule(
        what=st.sampled_from(["haircut", "haircut", "tickets"]),
        who=st.sampled_from(["asker", "barber"]),
        two=st.booleans(),
    )
    def request(self, what: str, who: str, two: bool) -> None:
        self._request(what, who, two=two)

    def _request(self, what: str, who: str, *, two: bool) -> None:
        if what == "haircut":
            who, two = "asker", False
        draft = exchange.OrderDraft(
            offer_id=getattr(self.scene, what).id, form_key=self.key(), quantity=2 if two else 1
        )
        giver = "barber" if what == "haircut" else "shelf"
        if who in self.model.owing:
            return  # what they may still set aside is told by floors, which the ledger's own machine holds
        found, made = self.both(
            lambda: exchange.request_order(self.session, draft, actor=self.actors[who], now=self.now).id,
            lambda: self.model.request(who, giver, draft.quantity, self.now),
        )
        if found is not None:
            self.rows[made] = found

    @precondition(lambda self: any(not one.goods for one in self.model.orders))
    @rule(place=PLACES, hours=st.sampled_from([-1, 5, 24, 200, 800, 900]))
    def accept(self, place: int, hours: int) -> None:
        self._accept(self.some(place, services=True), self.now + timedelta(hours=hours))

    def _accept(self, order: ModelOrder, at: datetime) -> None:
        meeting = exchange.Meeting(at=at, form_key=self.key())
        self.both(
            lambda: (
                exchange.accept_order(
                    self.session, self.rows[order], meeting, actor=self.actors["barber"], now=self.now
                ).id
            ),
            lambda: self.model.accept(order, meeting.at, self.now),
        )

    @precondition(lambda self: any(not one.goods for one in self.model.orders))
    @rule(place=PLACES, hours=st.sampled_from([-1, 5, 24, 200, 900]))
    def propose(self, place: int, hours: int) -> None:
        order = self.some(place, services=True)
        meeting = exchange.Meeting(at=self.now + timedelta(hours=hours), form_key=self.key())
        self.both(
            lambda: (
                exchange.propose_time(
                    self.session, self.rows[order], meeting, actor=self.actors[order.who], now=self.now
                ).id
            ),
            lambda: self.model.propose(order, meeting.at, self.now),
        )

    @precondition(lambda self: any(not one.goods for one in self.model.orders))
    @rule(place=PLACES, really=SELDOM)
    def decline(self, place: int, really: bool) -> None:
        order = self.some(place, services=True)
        if order.status == "requested" and not really:
            return  # or nothing would ever be done
        self.both(
            lambda: (
                exchange.decline_order(
                    self.session, self.rows[order], reason="忙", actor=self.actors["barber"], now=self.now
                ).id
            ),
            lambda: self.model.decline(order, self.now),
        )

    @precondition(lambda self: self.model.orders)
    @rule(place=PLACES, by_giver=st.booleans(), really=SELDOM)
    def cancel(self, place: int, by_giver: bool, really: bool) -> None:
        order = self.some(place)
        if order.status in OPEN and not really:
            return
        actor = self.giver(order) if by_giver else self.actors[order.who]
        self.both(
            lambda: exchange.cancel_order(self.session, self.rows[order], reason="有事", actor=actor, now=self.now).id,
            lambda: self.model.cancel(order, self.now),
        )

    @precondition(lambda self: self.model.orders)
    @rule(place=PLACES, part=PARTS)
    def fulfil(self, place: int, part: int) -> None:
        self._fulfil(self.some(place), part)

    def _fulfil(self, order: ModelOrder, part: int) -> None:
        minutes, given = self._part(order, part)
        voucher = self.session.get_one(Order, self.rows[order]).voucher
        done = order.status == "fulfilled"

        def modelled() -> None:
            if not minutes:
                raise BadPart
            if done:
                row = self.session.get_one(Order, self.rows[order])
                if given is not None and minutes != row.booked_minutes:
                    raise rules.AlreadyFulfilled
                return
            self.model.fulfil(order, minutes, self.now)

        self.both(
            lambda: exchange.fulfil(self.session, voucher, part=given, actor=self.giver(order), now=self.now).order.id,
            modelled,
        )

    def _part(self, order: ModelOrder, part: int) -> tuple[int, exchange.Part | None]:
        """So many of a hundred, in pieces or minutes; all of it without saying so."""
        if part == 100:
            return order.amount, None
        if order.goods:
            pieces = order.quantity * part // 100
            return pieces * 30, exchange.Part(quantity=pieces, reason="只来领了一部分")
        minutes = order.amount * part // 100
        return minutes, exchange.Part(minutes=minutes, reason="只做了一部分")

    @rule()
    def expire(self) -> None:
        expected = self.model.expire(self.now)
        found = exchange.expire_orders(self.session, now=self.now)
        assert sorted(found) == sorted(self.rows[order] for order in expected)
        assert exchange.expire_orders(self.session, now=self.now) == []

    @precondition(lambda self: self.model.orders)
    @rule(place=PLACES, by_giver=st.booleans())
    def rate(self, place: int, by_giver: bool) -> None:
        order = self.some(place)
        side = order.giver if by_giver and not order.goods else order.who
        self.both(
            lambda: (
                exchange.rate(
                    self.session, self.rows[order], score=4, words="好", actor=self.actors[side], now=self.now
                ).id
            ),
            lambda: self.model.rate(order, side, self.now),
        )

    @precondition(lambda self: self.model.orders)
    @rule(place=PLACES, part=PARTS, by_giver=st.booleans())
    def go_on(self, place: int, part: int, by_giver: bool) -> None:
        """What most people do next: so the later steps are reached as often as the first."""
        order = self.some(place)
        case, status = order.case, order.state(self.now)
        if status == "requested":
            self._accept(order, self.now + timedelta(hours=1))
        elif status == "accepted":
            self._fulfil(order, part or 100)
        elif case is None and status == "fulfilled":
            if not order.goods and part == 0:
                self._request("tickets", "barber", two=True)  # spends what may have to go back
            self._dispute(order, by_giver)
        elif case is not None and case.status == "open" and case.other not in case.spoke | {"shelf"}:
            self._say(case, case.other)
        elif case is not None and case.waiting is None:
            self._decide(order, case, part)

    # --- after ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: any(one.minutes for one in self.model.orders))
    @rule(place=PLACES, part=PARTS)
    def correct(self, place: int, part: int) -> None:
        orders = [one for one in self.model.orders if one.minutes]
        order = orders[place % len(orders)]
        minutes = (order.minutes or 0) * part // 100
        entry_id = self.session.get_one(Order, self.rows[order]).entry_now_id
        draft = corrections.CorrectionDraft(entry_id=entry_id or 0, minutes=minutes or None, reason="算错了")
        key = self.key()
        found, covered = self.both(
            lambda: (
                corrections.ask(self.session, draft, form_key=key, actor=self.actors["manager"], now=self.now).status
            ),
            lambda: self.model.correct(order, minutes),
        )
        if found is None:
            return
        assert covered is None or covered is (found != WAITING)
        if found == WAITING:
            order.correction_waits = True
        else:
            self.model.give_back(order, minutes)
        self.session.expire_all()

    @precondition(lambda self: self.model.orders)
    @rule(place=PLACES, by_giver=st.booleans())
    def dispute(self, place: int, by_giver: bool) -> None:
        self._dispute(self.some(place), by_giver)

    def _dispute(self, order: ModelOrder, by_giver: bool) -> None:
        side = order.giver if by_giver and not order.goods else order.who
        draft = disputes.DisputeDraft(order_id=self.rows[order], wanted="none", words="不对", form_key=self.key())
        found, case = self.both(
            lambda: disputes.open_dispute(self.session, draft, actor=self.actors[side], now=self.now).id,
            lambda: self.model.dispute(order, side, self.now),
        )
        if found is not None:
            self.case_rows[case] = found

    @precondition(lambda self: self.case_rows)
    @rule(place=PLACES, really=SELDOM)
    def withdraw(self, place: int, really: bool) -> None:
        order, case = self.some_case(place)
        if case.status == "open" and not really:
            return
        self.both(
            lambda: (
                disputes.withdraw(self.session, self.case_rows[case], actor=self.actors[case.opener], now=self.now).id
            ),
            lambda: self.model.withdraw(order, case),
        )

    @precondition(lambda self: self.case_rows)
    @rule(place=PLACES, by_other=st.sampled_from([True, True, False]))
    def say(self, place: int, by_other: bool) -> None:
        _, case = self.some_case(place)
        self._say(case, case.other if by_other and case.other != "shelf" else case.opener)

    def _say(self, case: ModelCase, side: str) -> None:
        key = self.key()
        self.both(
            lambda: (
                disputes.say(
                    self.session,
                    self.case_rows[case],
                    words="是这样",
                    form_key=key,
                    actor=self.actors[side],
                    now=self.now,
                ).id
            ),
            lambda: self.model.say(case, side, self.now),
        )

    @precondition(lambda self: self.case_rows)
    @rule(place=PLACES, part=PARTS)
    def decide(self, place: int, part: int) -> None:
        order, case = self.some_case(place)
        self._decide(order, case, part)

    def _decide(self, order: ModelOrder, case: ModelCase, part: int) -> None:
        now_minutes = order.amount if order.minutes is None else order.minutes
        minutes = now_minutes * part // 100
        if order.goods:
            minutes -= minutes % 30
        outcome_ = "whole" if minutes == now_minutes else "part" if minutes else "none"
        draft = disputes.RulingDraft(
            dispute_id=self.case_rows[case],
            outcome=outcome_,
            part=minutes if outcome_ == "part" else None,
            reason="看了双方的说明",
            form_key=self.key(),
        )
        found, covered = self.both(
            lambda: disputes.decide(self.session, draft, actor=self.actors["judge"], now=self.now).status,
            lambda: self.model.decide(order, case, minutes, self.now),
        )
        if found is None or case.status == "decided":
            assert found in {None, DECIDED}
            return
        assert covered is None or covered is (found == DECIDED)
        if found == DECIDED:
            self.model.settle_booked(order, case, minutes)
        else:
            case.waiting = minutes
        self.session.expire_all()

    @precondition(lambda self: any(case.waiting is not None for case in self.case_rows))
    @rule(place=PLACES, yes=st.booleans())
    def answer_as_the_second(self, place: int, yes: bool) -> None:
        waiting = [(one, one.cases[-1]) for one in self.model.orders if one.cases and one.cases[-1].waiting is not None]
        order, case = waiting[place % len(waiting)]
        verb = disputes.agree if yes else disputes.disagree

        def modelled() -> None:
            if yes:
                self.model.owing |= {order.giver, order.who}
                self.model.settle_booked(order, case, case.waiting or 0)
            case.waiting = None

        self.both(
            lambda: (
                verb(self.session, self.case_rows[case], note="看过了", actor=self.actors["second"], now=self.now).id
            ),
            modelled,
        )
        self.session.expire_all()

    @rule(hours=st.sampled_from([1, 2, 2, 24, 24, 72, 200, 744]))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    # --- what is true after every step -----------------------------------------------------------------------------

    @invariant()
    def coins_are_where_the_model_says_and_none_were_made_or_lost(self) -> None:
        if not hasattr(self, "model"):
            return
        for name, member in self.people.items():
            account = books.get_account(self.session, member.coin_account_id)
            assert (name, account.balance, account.held) == (name, self.model.balance[name], self.model.held(name))
        redeemed = books.find_house_account(self.session, self.scene.branch.id, "redeemed")
        assert books.balance(self.session, redeemed) == self.model.balance["shelf"]
        assert sum(self.model.balance.values()) == START

    @invariant()
    def stock_is_what_is_on_the_shelf(self) -> None:
        if hasattr(self, "model"):
            stock = self.session.scalar(sa.select(Offer.stock).where(Offer.id == self.scene.tickets.id))
            assert stock == self.model.stock >= 0

    @invariant()
    def orders_are_in_the_state_of_the_model(self) -> None:
        self.session.expire_all()
        for order, order_id in self.rows.items():
            row = self.session.get_one(Order, order_id)
            assert (row.status, row.in_dispute, row.agreed_at) == (order.status, order.in_dispute, order.agreed)
            if order.minutes is not None:
                assert (row.amount_now, row.booked_quantity) == (order.minutes, order.pieces)

    @invariant()
    def a_hold_ends_once_and_as_its_order_did(self) -> None:
        ends = {end.hold_id: (end.how, end.posted_amount) for end in self.session.scalars(sa.select(HoldEnd))}
        for order, order_id in self.rows.items():
            row = self.session.get_one(Order, order_id)
            if order.status in OPEN:
                assert row.hold_id not in ends
            elif order.status == "fulfilled":
                assert ends[row.hold_id] == ("post", row.booked_minutes)
            else:
                assert ends[row.hold_id] == ("void", 0)

    @invariant()
    def each_side_rates_once_and_each_case_is_as_the_model_says(self) -> None:
        rated = sum(len(order.rated) for order in self.rows)
        assert self.session.scalar(sa.select(sa.func.count()).select_from(Rating)) == rated
        for case, dispute_id in self.case_rows.items():
            assert self.session.get_one(Dispute, dispute_id).status == case.status

    @invariant()
    def corrections_leave_what_the_order_costs_now(self) -> None:
        given = dict(
            self.session.execute(
                sa.select(OrderCorrection.order_id, sa.func.sum(OrderCorrection.amount_minutes)).group_by(
                    OrderCorrection.order_id
                )
            ).all()
        )
        for order, order_id in self.rows.items():
            row = self.session.get_one(Order, order_id)
            assert row.booked_minutes + given.get(order_id, 0) == row.amount_now >= 0
            assert order.minutes is None or order.minutes == row.amount_now


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_orders_and_cases_hold_whatever_is_done(engine_url: str) -> None:
    run_machine(OrdersMachine, engine_url, sqlite=40, postgresql=12, steps=40)
