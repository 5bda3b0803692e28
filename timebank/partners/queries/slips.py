"""The monthly slip of an organisation: what the books say was redeemed with it, line by line, without names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.core.clock import month_range
from timebank.exchange.models import Offer, Order
from timebank.exchange.queries import SOURCE
from timebank.ledger import queries as ledger
from timebank.members.models import Organisation
from timebank.partners.rules import tail_of

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class SlipLine:
    """One movement of the month. ``minutes`` and ``quantity`` are below zero where a correction gave something back."""

    at: datetime
    order_id: int | None
    title: str
    tail: str
    quantity: int
    minutes: int
    corrects: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SlipGoods:
    """What of one thing was redeemed in the month, corrections included."""

    title: str
    quantity: int
    minutes: int


@dataclass(frozen=True, kw_only=True)
class Slip:
    """A month of one organisation; ``organisation`` is None for what the branch gave itself. Lines oldest first."""

    organisation: Organisation | None
    lines: list[SlipLine] = field(default_factory=list)

    @property
    def minutes(self) -> int:
        """All of the month."""
        return sum(line.minutes for line in self.lines)

    @property
    def quantity(self) -> int:
        """How many of all things together."""
        return sum(line.quantity for line in self.lines)

    @property
    def goods(self) -> list[SlipGoods]:
        """The sums of each thing, by its name."""
        titles = sorted({line.title for line in self.lines})
        return [self._sum_of(title) for title in titles]

    def _sum_of(self, title: str) -> SlipGoods:
        mine = [line for line in self.lines if line.title == title]
        return SlipGoods(
            title=title, quantity=sum(one.quantity for one in mine), minutes=sum(one.minutes for one in mine)
        )


def list_slips(session: Session, branch_id: int, month: str) -> list[Slip]:
    """The slips of a branch for a month, organisations by name, the branch's own last.

    Together they are what the account ``redeemed`` moved by in the month.
    """
    found = _movements(session, branch_id, month)
    orders = _orders(session, found)
    slips: dict[int | None, Slip] = {}
    for line in found:
        order = orders.get(line.source_id or 0) if line.source_type == SOURCE else None
        giver = order.offer.organisation if order is not None else None
        slip = slips.setdefault(giver.id if giver is not None else None, Slip(organisation=giver))
        slip.lines.append(_line(session, line, order))
    return sorted(
        slips.values(), key=lambda one: (one.organisation is None, one.organisation.name if one.organisation else "")
    )


def get_slip(session: Session, organisation: Organisation, month: str) -> Slip:
    """The slip of an organisation for a month; without lines where nothing was redeemed."""
    found = list_slips(session, organisation.branch_id, month)
    mine = [one for one in found if one.organisation is not None and one.organisation.id == organisation.id]
    return mine[0] if mine else Slip(organisation=organisation)


def redeemed_in(session: Session, branch_id: int, month: str) -> int:
    """By how many minutes the account ``redeemed`` of a branch moved in a month."""
    start, end = month_range(month)
    account = ledger.find_house_account(session, branch_id, "redeemed")
    return ledger.balance(session, account, at=end) - ledger.balance(session, account, at=start)


def _movements(session: Session, branch_id: int, month: str) -> list[ledger.StatementLine]:
    """The month's lines of the account, oldest first."""
    start, end = month_range(month)
    account = ledger.find_house_account(session, branch_id, "redeemed")
    lines: list[ledger.StatementLine] = []
    before = ""
    while True:
        page = ledger.statement(session, account, start=start, end=end, before=before, size=_AT_ONCE)
        lines += page.lines
        before = page.older
        if not before:
            return lines[::-1]


def _orders(session: Session, lines: Iterable[ledger.StatementLine]) -> dict[int, Order]:
    ids = {line.source_id for line in lines if line.source_type == SOURCE}
    whole = joinedload(Order.offer).joinedload(Offer.organisation)
    return {order.id: order for order in session.scalars(select(Order).where(Order.id.in_(ids)).options(whole))}


def _line(session: Session, line: ledger.StatementLine, order: Order | None) -> SlipLine:
    facts = ledger.get_entry(session, line.reverses_id).facts if line.reverses_id is not None else line.facts
    quantity = int(facts.get("quantity", 1))
    return SlipLine(
        at=line.posted_at,
        order_id=order.id if order is not None else None,
        title=order.offer.title if order is not None else str(facts.get("title", "其他")),
        tail=tail_of(order.voucher) if order is not None else "",
        quantity=quantity if line.amount > 0 else -quantity,
        minutes=line.amount,
        corrects=line.reverses_id is not None or "replaces" in line.facts,
    )
