"""A member's own movements and held amounts, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import Attendance
from timebank.core.clock import instant, month_name
from timebank.exchange.models import DISPUTED_NAME, ORDER_STATUS_NAMES, Order
from timebank.growth.rules import Movement, words
from timebank.ledger import queries as ledger
from timebank.ledger.queries import SERVE
from timebank.members.models import Member
from timebank.members.queries import list_names
from timebank.requests.models import STATUS_NAMES
from timebank.requests.queries import requests_of_holds, requests_of_records

Instants = tuple[datetime | None, datetime | None]
ALL: Instants = (None, None)
_WHOLE_ROWS = 1_000  # lines read at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One movement: ``amount`` above zero came in; ``balance`` is what stood there after it; ``link`` leads to more.

    ``note`` says that it was corrected later, and why.
    """

    at: datetime
    text: str
    amount: int
    balance: int
    link: str
    entry_id: int
    kind: str
    note: str = ""

    @property
    def whole_text(self) -> str:
        """Text and note, for files and paper."""
        return f"{self.text}（{self.note}）" if self.note else self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class MyStatement:
    """A page of movements, newest first; the balances at the two ends of the range, and what moved between them.

    ``older`` leads to the next page and is empty on the last.
    """

    lines: list[Line]
    opening: int
    closing: int
    came: int
    went: int
    count: int
    older: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldAmount:
    """An amount set aside: for what, in which state, until when, and the order it belongs to."""

    amount: int
    text: str
    until: datetime
    link: str


def account_of(member: Member, unit: str) -> int | None:
    """The account behind a part of the statement: ``coin``, ``point`` or ``giveaway``."""
    return {
        "coin": member.coin_account_id,
        "point": member.point_account_id,
        "giveaway": member.giveaway_account_id,
    }[unit]


def get_statement(
    session: Session, member: Member, *, unit: str = "coin", span: Instants = ALL, before: str = "", size: int = 30
) -> MyStatement:
    """The movements on a member's account posted in ``[start, end)``, or all, from the line after ``before`` on."""
    account_id = account_of(member, unit)
    if account_id is None:
        return MyStatement(lines=[], opening=0, closing=0, came=0, went=0, count=0, older="")
    start, end = span
    page = ledger.statement(session, account_id, start=start, end=end, before=before, size=size)
    return MyStatement(
        lines=in_words(session, page.lines, "point" if unit == "point" else "coin"),
        opening=page.opening,
        closing=page.closing,
        came=page.came,
        went=page.went,
        count=page.count,
        older=page.older,
    )


def get_whole_statement(
    session: Session, member: Member, *, unit: str = "coin", span: Instants = ALL
) -> tuple[MyStatement, list[Line]]:
    """The first page, for its sums, and the lines of all pages, oldest first."""
    first = page = get_statement(session, member, unit=unit, span=span, size=_WHOLE_ROWS)
    lines = list(page.lines)
    while page.older:
        page = get_statement(session, member, unit=unit, span=span, before=page.older, size=_WHOLE_ROWS)
        lines += page.lines
    return first, lines[::-1]


def in_words(session: Session, found: Iterable[ledger.StatementLine], unit: str) -> list[Line]:
    """Movements as lines in words, in the same order."""
    found = list(found)
    orders = _orders(session, {line.source_id for line in found if line.source_type == "order" and line.source_id})
    titles = _titles(session, [line for line in found if line.reverses_id is not None], orders)
    reasons = ledger.reasons_of(session, [line.entry_id for line in found])
    friends = _friends(session, found)
    served = {line.source_id for line in found if line.kind == SERVE and line.source_id}
    requests = requests_of_records(session, served)
    lines = []
    for line in found:
        order = orders.get(line.source_id or 0) if line.source_type == "order" else None
        movement = Movement(
            kind=line.kind,
            amount=line.amount,
            unit=unit,
            facts=titles.get(line.entry_id, {}) | _named(line.facts),
            provider=_giver(order) if order is not None else "",
            requester=order.member.alias if order else "",
            friend=friends.get(line.entry_id, ""),
            reverses=line.reverses_id is not None,
            replaces="replaces" in line.facts,
            to_fund=line.other == "fund",
        )
        lines.append(
            Line(
                at=line.posted_at,
                text=words(movement),
                amount=line.amount,
                balance=line.balance,
                link=_link(order, requests.get(line.source_id or 0) if line.kind == SERVE else None),
                entry_id=line.entry_id,
                kind=line.kind,
                note=f"这一笔后来更正了：{reasons[line.entry_id]}" if line.entry_id in reasons else "",
            )
        )
    return lines


def _giver(order: Order) -> str:
    """Who did it, as others see them; nobody for goods and hours of a room."""
    who = order.served_by or order.provider
    return who.alias if who is not None else ""


def _link(order: Order | None, request_id: int | None) -> str:
    if request_id is not None:
        return f"/requests/{request_id}"
    return f"/orders/{order.id}" if order else ""


def _friends(session: Session, lines: Iterable[ledger.StatementLine]) -> dict[int, str]:
    """Who is on the other side of each gift between members, as others see them."""
    gifts = [line for line in lines if line.source_type == "gift" and line.facts.get("to") == "member"]
    others = {line.entry_id: int(line.facts["to_id"]) if line.amount < 0 else line.for_member_id for line in gifts}
    people = list_names(session, {member_id for member_id in others.values() if member_id})
    return {entry_id: people[member_id].alias for entry_id, member_id in others.items() if member_id in people}


def _named(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with the month as people write it."""
    return facts | ({"month": month_name(str(facts["month"]))} if facts.get("month") else {})


def _titles(
    session: Session, reversals: Collection[ledger.StatementLine], orders: Mapping[int, Order]
) -> dict[int, dict[str, str]]:
    """What reversed lines were about: a reversal's own facts say only why."""
    records = {line.source_id for line in reversals if line.source_type == "attendance"}
    chosen = (
        select(Attendance.id, Activity.title)
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Attendance.id.in_(records))
    )
    titles = {("attendance", row.id): row.title for row in session.execute(chosen)} if records else {}
    titles |= {("order", order.id): order.offer.title for order in orders.values()}
    named = ((line.entry_id, titles.get((line.source_type, line.source_id or 0))) for line in reversals)
    return {entry_id: {"title": title} for entry_id, title in named if title}


def _orders(session: Session, order_ids: Collection[int]) -> dict[int, Order]:
    if not order_ids:
        return {}
    chosen = (
        select(Order)
        .where(Order.id.in_(order_ids))
        .options(*(selectinload(who) for who in (Order.member, Order.provider, Order.served_by)))
    )
    return {order.id: order for order in session.scalars(chosen)}


def list_held(session: Session, member: Member) -> list[HeldAmount]:
    """What is set aside on a member's coins, by when it is given back at the latest."""
    if member.coin_account_id is None:
        return []
    holds = {found.id: found for found in ledger.list_open_holds(session, account_id=member.coin_account_id)}
    chosen = select(Order).where(Order.hold_id.in_(holds)).options(selectinload(Order.offer))
    orders = {order.hold_id: order for order in session.scalars(chosen)}
    requests = requests_of_holds(session, holds)
    held = []
    for hold_id, found in holds.items():
        request = requests.get(hold_id)
        if request is not None:
            words, link = f"点单“{request.title}”（{STATUS_NAMES[request.status]}）", f"/requests/{request.id}"
            until = instant(request.last_day + timedelta(days=1), time())
            held.append(HeldAmount(amount=found.amount, text=words, until=until, link=link))
            continue
        order = orders.get(hold_id)
        held.append(
            HeldAmount(
                amount=found.amount,
                text=f"{order.offer.title}（{_state(order)}）" if order else "其他冻结",
                until=order.expires_at if order else found.expires_at,
                link=f"/orders/{order.id}" if order else "",
            )
        )
    return sorted(held, key=lambda one: one.until)


def _state(order: Order) -> str:
    return DISPUTED_NAME if order.in_dispute else ORDER_STATUS_NAMES[order.status]
