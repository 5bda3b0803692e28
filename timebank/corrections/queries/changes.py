"""What correcting an entry would do: to its record or order, to accounts, to people. The verbs plan with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.attendance import queries as attendance
from timebank.attendance.queries import RecordChange
from timebank.clearing.queries import find_settled_by_entry
from timebank.core.actor import Actor
from timebank.corrections.rules import (
    AlreadyCorrected,
    IsReversal,
    Move,
    NotCorrectable,
    NothingBooked,
    OnlyWhole,
    OwnCoins,
    course_of,
    falling,
)
from timebank.exchange import queries as exchange
from timebank.exchange.queries import OrderChange
from timebank.exchange.rules import InDispute
from timebank.ledger import queries as ledger
from timebank.ledger.queries import AccountView, EntryView
from timebank.ledger.service import EntryDraft
from timebank.members.models import Member

SERVICE, ORDER, OTHER = "service", "order", "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What happens to the document behind an entry, if it is one that can get another amount."""

    record: RecordChange | None = None
    order: OrderChange | None = None

    @property
    def instead(self) -> EntryDraft | None:
        """What is booked in the entry's place."""
        document = self.record or self.order
        return document.instead if document is not None else None

    @property
    def adds(self) -> bool:
        """Whether hours or coins are made that were not there before, which no hand does alone."""
        return self.record is not None and self.record.adds


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What happens to one account that cannot go below its floor. ``short``: more goes out than is there."""

    account: AccountView
    member: Member | None
    change: int
    short: bool

    @property
    def after(self) -> int:
        """The balance afterwards."""
        return self.account.balance + self.change


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A correction before it is made: of whom it takes what."""

    change: Change
    effects: tuple[Effect, ...]

    @property
    def owing(self) -> bool:
        """Whether somebody would owe what they have spent meanwhile."""
        return any(effect.short for effect in self.effects)

    @property
    def needs_second(self) -> bool:
        """Whether a second person has to decide."""
        return self.owing or self.change.adds

    @property
    def blocked(self) -> bool:
        """Whether what falls short is no member's: no decision helps there."""
        return any(effect.short and effect.member is None for effect in self.effects)


def refuse_entry(session: Session, entry: EntryView, actor: Actor) -> None:
    """Refuse what cannot be corrected at all, or not by this person.

    Raises NotAllowed, IsReversal, AlreadyCorrected, NotCorrectable, OwnCoins, InDispute, in this order.
    """
    actor.require("books.correct", branch_id=entry.book_id)
    if entry.reverses_id is not None:
        raise IsReversal()
    if entry.reversed_by_id is not None:
        raise AlreadyCorrected()
    payment = find_settled_by_entry(session, entry.id) if entry.kind == "inter_branch" else None
    if payment is not None and payment.reverses_id is not None:  # it came back to nobody, and waits
        raise IsReversal()
    if entry.source_type == "parked":
        raise NotCorrectable(why="它是待处理款的去处，由两位管理员定过。要改，请和收到的人商量后另行捐赠或赠送。")
    if entry.kind == "inter_branch" and payment is None:
        raise NotCorrectable(why="它和另一个网点的账成对，要由收到的网点更正那边的一笔，两边会一起改。")
    if entry.kind == "adjust" and entry.source_type == attendance.SOURCE:
        raise NotCorrectable(why="它只是上一次更正时的积分取整。")
    if actor.member_id in parties_of(session, entry):
        raise OwnCoins()
    order = exchange.find_booked_order(session, entry)
    if order is not None and order.in_dispute:
        raise InDispute()


def kind_of(session: Session, entry: EntryView) -> str:
    """What stands behind an entry: ``service`` and ``order`` can get another amount, ``other`` only be undone."""
    if attendance.find_booked_record(session, entry) is not None:
        return SERVICE
    return ORDER if exchange.find_booked_order(session, entry) is not None else OTHER


def amount_now(session: Session, entry: EntryView) -> int | None:
    """The minutes that stand for an entry's record or order now; None where there is neither."""
    record = attendance.find_booked_record(session, entry)
    if record is not None:
        return record.minutes_now
    order = exchange.find_booked_order(session, entry)
    return order.amount_now if order is not None else None


def plan_change(session: Session, entry: EntryView, minutes: int | None, *, key: str) -> Change:
    """What a correction does to the document; ``minutes`` is the right amount, None undoes it.

    Raises OnlyWhole, NothingBooked, and the refusals of the two documents' ``plan_correction``.
    """
    record = attendance.find_booked_record(session, entry)
    if record is not None:
        change = attendance.plan_correction(session, record, entry, minutes or 0, key=key)
        if minutes and change.instead is None:
            raise NothingBooked(fields={"minutes": NothingBooked.text})
        return Change(record=change)
    order = exchange.find_booked_order(session, entry)
    if order is not None:
        return Change(order=exchange.plan_correction(order, entry, minutes or 0, key=key))
    if minutes is not None:
        raise OnlyWhole(fields={"kind": OnlyWhole.text})
    return Change()


def look(session: Session, entry: EntryView, minutes: int | None) -> Look:
    """What a correction would do now. Raises what ``plan_change`` raises."""
    change = plan_change(session, entry, minutes, key="look")
    back, instead = back_of(entry), moves_of(change.instead)
    ids = {id_ for move in (*back, *instead) for id_ in (move.payer_id, move.taker_id)}
    accounts = _running(session, ids - {attendance.UNOPENED})
    if attendance.UNOPENED in ids:
        accounts.append(_unopened(session, entry))
    short = falling(back, instead, {account.id: account.available for account in accounts})
    net = course_of([*back, *instead], {}).net
    owners = owners_of(session, accounts)
    effects = (
        Effect(account=account, member=owners.get(account.id), change=net[account.id], short=account.id in short)
        for account in accounts
    )
    return Look(change=change, effects=tuple(effects))


def back_of(entry: EntryView) -> list[Move]:
    """The way back of an entry."""
    return [Move(t.credit_id, t.debit_id, t.amount) for t in reversed(entry.transfers)]


def moves_of(draft: EntryDraft | None) -> list[Move]:
    """What an entry about to be booked moves."""
    return [Move(t.debit_id, t.credit_id, t.amount) for t in draft.transfers] if draft is not None else []


def _running(session: Session, account_ids: Iterable[int]) -> list[AccountView]:
    """The accounts that have a floor, coins before points."""
    accounts = [ledger.get_account(session, account_id) for account_id in account_ids]
    return sorted((account for account in accounts if account.runs), key=lambda one: (one.code, one.unit))


def _unopened(session: Session, entry: EntryView) -> AccountView:
    """The give-away account that a member is going to have."""
    return AccountView(
        id=attendance.UNOPENED,
        book_id=entry.book_id,
        code=f"giveaway:{session.get_one(Member, entry.for_member_id).number}",
        kind="giveaway",
        unit="coin",
        runs=True,
        closed=False,
        balance=0,
        held=0,
        available=0,
        floor=0,
        line=0,
    )


def owners_of(session: Session, accounts: Collection[AccountView]) -> dict[int, Member]:
    """Account id → the member it belongs to, told by the number in its code."""
    owners = _members(session, {account.code for account in accounts})
    found = ((account.id, owners.get(_number(account.code))) for account in accounts)
    return {account_id: member for account_id, member in found if member is not None}


def parties_of(session: Session, entry: EntryView) -> frozenset[int]:
    """The members whose coins or points an entry moves, and for whom it was booked."""
    codes = {code for transfer in entry.transfers for code in (transfer.debit, transfer.credit)}
    people = {member.id for member in _members(session, codes).values()}
    return frozenset(people | ({entry.for_member_id} if entry.for_member_id else set()))


def _members(session: Session, codes: Collection[str]) -> dict[str, Member]:
    numbers = {_number(code) for code in codes} - {""}
    return {member.number: member for member in session.scalars(select(Member).where(Member.number.in_(numbers)))}


def _number(code: str) -> str:
    return code.partition(":")[2]
