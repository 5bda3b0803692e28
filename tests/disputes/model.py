"""Orders and cases in plain Python: what the services have to come to, and which refusal they have to give."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from timebank.core.clock import today
from timebank.core.workdays import workdays_after
from timebank.corrections.rules import AlreadyAsked
from timebank.disputes import rules as cases
from timebank.exchange import rules
from timebank.exchange.service import CoinsShort, SoldOut, TimeNotPossible

DAY = timedelta(days=1)
OPEN = ("requested", "accepted")


@dataclass(eq=False)
class ModelCase:
    """A case about an order."""

    opener: str
    other: str
    stage: str
    heard_by: date
    due_on: date
    status: str = "open"
    spoke: set[str] = field(default_factory=set)
    waiting: int | None = None  # what the order comes to once the second person agrees


@dataclass(eq=False)
class ModelOrder:
    """An order, from asking to its end and after."""

    who: str
    giver: str  # "shelf" for goods
    amount: int
    quantity: int
    status: str
    expires: datetime
    latest: datetime
    agreed: datetime | None = None
    last: tuple[str, datetime] | None = None  # who proposed which time last
    minutes: int | None = None  # what it costs now, once fulfilled
    pieces: int = 0
    fulfilled: datetime | None = None
    in_dispute: bool = False
    correction_waits: bool = False
    cases: list[ModelCase] = field(default_factory=list)
    rated: set[str] = field(default_factory=set)

    def state(self, now: datetime) -> str:
        """What it is really in."""
        if self.in_dispute:
            return "disputed"
        return "expired" if self.status in OPEN and self.expires <= now else self.status

    @property
    def goods(self) -> bool:
        """Whether it is about goods of the branch."""
        return self.giver == "shelf"

    @property
    def case(self) -> ModelCase | None:
        """The last case about it."""
        return self.cases[-1] if self.cases else None


_ENDED = ("declined", "cancelled", "expired")


@dataclass
class ModelTown:
    """Balances, stock and orders."""

    balance: Counter[str]
    stock: int
    orders: list[ModelOrder] = field(default_factory=list)
    owing: set[str] = field(default_factory=set)  # whom two people once let owe: their floor is no longer nothing

    def held(self, who: str) -> int:
        """What is set aside: the open orders, and nothing else."""
        return sum(order.amount for order in self.orders if order.who == who and order.status in OPEN)

    def available(self, who: str) -> int:
        """What may be spent."""
        return self.balance[who] - self.held(who)

    # --- orders ----------------------------------------------------------------------------------------------------

    def request(self, who: str, giver: str, quantity: int, now: datetime) -> ModelOrder:
        """Set coins and goods aside."""
        goods = giver == "shelf"
        amount = 30 * quantity if goods else 60
        if goods and self.stock < quantity:
            raise SoldOut(title="", quantity=quantity, stock=self.stock)
        if self.available(who) < amount and who not in self.owing:
            raise CoinsShort(needed="", available="")
        self.stock -= quantity if goods else 0
        order = ModelOrder(
            who=who,
            giver=giver,
            amount=amount,
            quantity=quantity,
            status="accepted" if goods else "requested",
            expires=now + (30 if goods else 7) * DAY,
            latest=now + (30 if goods else 37) * DAY,
        )
        self.orders.append(order)
        return order

    def accept(self, order: ModelOrder, at: datetime, now: datetime) -> None:
        """The provider says yes, and when."""
        self._refuse(order, now, {"requested", "accepted"}, "accept")
        if order.status == "accepted" and order.agreed == at:
            return
        end = order.expires if order.status == "accepted" else min(now + 30 * DAY, order.latest)
        if not now <= at < end:
            raise TimeNotPossible
        order.status, order.agreed, order.expires, order.last = "accepted", at, end, ("giver", at)

    def propose(self, order: ModelOrder, at: datetime, now: datetime) -> None:
        """The member asks for another time."""
        self._refuse(order, now, {"requested", "accepted"}, "propose")
        if order.last == ("who", at):
            return
        if not now <= at < order.latest:
            raise TimeNotPossible
        order.status, order.agreed, order.last = "requested", None, ("who", at)
        order.expires = min(now + 7 * DAY, order.latest)

    def decline(self, order: ModelOrder, now: datetime) -> None:
        """The provider says no."""
        self._refuse(order, now, {"requested", "declined"}, "decline")
        order.status = "declined"

    def cancel(self, order: ModelOrder, now: datetime) -> None:
        """Somebody takes it back."""
        self._refuse(order, now, {"requested", "accepted", "cancelled"}, "cancel")
        self._end(order, "cancelled")

    def fulfil(self, order: ModelOrder, minutes: int, now: datetime) -> None:
        """All or a part of it was done."""
        if order.status == "fulfilled":
            raise AssertionError("ask repeated() first")
        self._refuse(order, now, {"accepted"}, "fulfil")
        self._book(order, minutes, now)

    def expire(self, now: datetime) -> list[ModelOrder]:
        """Time ran out."""
        ended = [one for one in self.orders if one.status in OPEN and not one.in_dispute and one.expires <= now]
        for order in ended:
            self._end(order, "expired")
        return ended

    def rate(self, order: ModelOrder, side: str, now: datetime) -> None:
        """A side says how it was."""
        self._refuse(order, now, {"fulfilled"}, "rate")
        if order.minutes == 0:
            raise rules.OrderUndone
        order.rated.add(side)

    def _refuse(self, order: ModelOrder, now: datetime, good: set[str], verb: str) -> None:
        state = order.state(now)
        if state in good:
            return
        if state == "disputed":
            raise rules.InDispute
        if state in _ENDED:
            raise rules.OrderEnded(how="")
        if verb == "rate":
            raise rules.NotFulfilledYet
        if state == "fulfilled":
            raise rules.AlreadyFulfilled
        raise rules.NotAcceptedYet if verb == "fulfil" else rules.AlreadyAccepted

    def _end(self, order: ModelOrder, status: str) -> None:
        if order.status in OPEN:
            self.stock += order.quantity if order.goods else 0
        order.status = status

    def _book(self, order: ModelOrder, minutes: int, now: datetime) -> None:
        self.balance[order.who] -= minutes
        self.balance[order.giver] += minutes
        order.pieces = minutes // 30 if order.goods else 1
        self.stock += order.quantity - order.pieces if order.goods else 0
        order.status, order.minutes, order.fulfilled = "fulfilled", minutes, now

    # --- what comes after ------------------------------------------------------------------------------------------

    def correct(self, order: ModelOrder, minutes: int) -> bool | None:
        """A manager gives something back; False: it waits for a second person, None: either may be."""
        if order.in_dispute:
            raise rules.InDispute
        if order.correction_waits:
            raise AlreadyAsked
        if not minutes < (order.minutes or 0):
            raise rules.NotLess(now="")
        return self.covered(order, minutes)

    def covered(self, order: ModelOrder, minutes: int) -> bool | None:
        """Whether giving back needs nobody to owe; None where somebody owed before, whose floor is not known here."""
        was = order.minutes or 0
        if order.giver in self.owing or order.who in self.owing:
            return None
        giver = self.balance[order.giver] if order.goods else self.available(order.giver)
        who = self.available(order.who)
        shelf = order.goods  # what was redeemed for goods has no floor
        new_first = who >= minutes and (shelf or giver + minutes >= was)
        old_first = (shelf or giver >= was) and who + was >= minutes
        return new_first or old_first

    def give_back(self, order: ModelOrder, minutes: int) -> None:
        """It costs less now."""
        back = (order.minutes or 0) - minutes
        self.balance[order.giver] -= back
        self.balance[order.who] += back
        order.minutes = minutes

    def dispute(self, order: ModelOrder, side: str, now: datetime) -> ModelCase:
        """A side is not content."""
        other = order.giver if side == order.who else order.who
        if order.case is not None and order.case.status in {"open", "decided"}:
            raise cases.CaseOpen
        if any(case.opener == side for case in order.cases):
            raise cases.OpenedBefore
        state = order.state(now)
        if order.minutes == 0 or state == "requested" or state in _ENDED:
            raise cases.NothingToDispute(how="")
        if state == "accepted":
            if order.agreed is not None and order.agreed > now:
                raise cases.TooEarly
        elif order.fulfilled is None or now - order.fulfilled > 30 * DAY:
            raise cases.TooLate(days=30)
        day = today(now)
        case = ModelCase(
            opener=side,
            other=other,
            stage="held" if state == "accepted" else "booked",
            heard_by=workdays_after(day, 5).day,
            due_on=workdays_after(day, 10).day,
        )
        order.cases.append(case)
        order.in_dispute = True
        return case

    def withdraw(self, order: ModelOrder, case: ModelCase) -> None:
        """Its opener takes it back."""
        if case.status == "withdrawn":
            return
        self._refuse_ended(case)
        if case.waiting is not None:
            raise cases.SecondWaiting
        case.status, order.in_dispute = "withdrawn", False

    def say(self, case: ModelCase, side: str, now: datetime) -> None:
        """A side speaks."""
        self._refuse_ended(case)
        if today(now) > case.due_on:
            raise cases.TooLateToSay(day="")
        case.spoke.add(side)

    def decide(self, order: ModelOrder, case: ModelCase, minutes: int, now: datetime) -> bool | None:
        """Somebody without a part decides; False: it waits for a second person, None: either may be."""
        self._refuse_ended(case)
        if case.waiting is not None:
            raise cases.SecondWaiting
        if case.other not in {"shelf"} | case.spoke and today(now) <= case.heard_by:
            raise cases.NotHeardYet(day="")
        if case.stage == "held":
            self._settle_held(order, case, minutes, now)
            return True
        if minutes == order.minutes:
            case.status, order.in_dispute = "decided", False
            return True
        if order.correction_waits:
            raise AlreadyAsked
        return self.covered(order, minutes)

    def _settle_held(self, order: ModelOrder, case: ModelCase, minutes: int, now: datetime) -> None:
        order.in_dispute, case.status = False, "decided"
        if minutes:
            self._book(order, minutes, now)
        else:
            self._end(order, "cancelled")

    def settle_booked(self, order: ModelOrder, case: ModelCase, minutes: int) -> None:
        """A decision about what was done takes effect."""
        self.give_back(order, minutes)
        order.in_dispute, case.status, case.waiting = False, "decided", None

    def _refuse_ended(self, case: ModelCase) -> None:
        if case.status != "open":
            raise cases.CaseEnded(how="")
