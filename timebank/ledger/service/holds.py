"""Holds: amounts set aside until they are posted, voided or expire, exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid, NotFound
from timebank.ledger.models import GIVEAWAY, Account, Entry, Hold, HoldEnd
from timebank.ledger.rules import (
    Course,
    EntryDraft,
    Short,
    accounts_of,
    check_amount,
    check_draft,
    content_hash,
    hold_hash,
)
from timebank.ledger.service.accounts import AccountNotFound, lock_accounts, refuse
from timebank.ledger.service.entries import KeyReused, Posted, course, enter, move


class HoldNotFound(NotFound):
    """No such hold."""

    code = "ledger.hold_not_found"
    text = "没有找到这笔冻结。"


class HoldEnded(Conflict):
    """The hold has ended in another way."""

    code = "ledger.hold_ended"
    text = "这笔冻结已经结束（{how}），不能再动。请刷新页面再看一看。"


class HoldTooSmall(Conflict):
    """More was to be posted than was held."""

    code = "ledger.hold_too_small"
    text = "要扣的数量超过了冻结的数量。"


class NotFromHold(Invalid):
    """The entry that should end a hold takes nothing from the account it is on."""

    code = "ledger.not_from_hold"
    text = "这笔分录没有从冻结的账户里扣，不能用来结束冻结。"


HOW_NAMES = {"post": "已扣款", "void": "已撤销", "expire": "已到期释放"}


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldDraft:
    """An amount about to be set aside on a running account until ``expires_at``."""

    account_id: int
    amount: int
    key: str
    expires_at: datetime
    source_type: str
    source_id: int | None
    actor_id: int | None


def hold(session: Session, draft: HoldDraft, *, now: datetime) -> int:
    """Set an amount aside; returns the hold's id. A repeat with the same key and content returns the first.

    Raises BadAmount, NotEnough, AccountClosed, KeyReused.
    """
    check_amount(draft.amount)
    account = session.get(Account, draft.account_id)
    if account is None or not account.runs or account.kind == GIVEAWAY:
        raise AccountNotFound()
    mark = hold_hash(draft.account_id, draft.amount, draft.source_type, draft.source_id)
    row = {
        "book_id": account.book_id,
        "account_id": account.id,
        "unit": account.unit,
        "amount": draft.amount,
        "key": draft.key,
        "content_hash": mark,
        "source_type": draft.source_type,
        "source_id": draft.source_id,
        "actor_id": draft.actor_id,
        "placed_at": now,
        "expires_at": draft.expires_at,
    }
    locked = lock_accounts(session.connection(), [account.id])[account.id]
    short = Short(account.id, draft.amount, locked.available - locked.floor)
    if locked.closed or short.needed > short.available:
        first = _find_first(session, account.book_id, draft.key, mark)
        if first is None:
            refuse({account.id: locked}, Course(short))
        return cast(int, first)
    hold_id = session.scalar(insert_once(session, Hold).values(row).returning(Hold.id))
    if hold_id is None:
        hold_id = _find_first(session, account.book_id, draft.key, mark)
    return int(cast(int, hold_id))


def _find_first(session: Session, book_id: int, key: str, mark: str) -> int | None:
    """The hold already placed under a key. Raises KeyReused when it is for something else."""
    first = session.scalars(select(Hold).where(Hold.book_id == book_id, Hold.key == key)).one_or_none()
    if first is not None and first.content_hash != mark:
        raise KeyReused()
    return None if first is None else first.id


def post_hold(session: Session, hold_id: int, draft: EntryDraft, *, now: datetime) -> Posted:
    """End a hold by booking ``draft``, whose transfers take the held amount or less from the held account.

    What is not taken is free again. A repeat with the same key returns the first.
    Raises the refusals of ``post``, NotFromHold, HoldTooSmall, HoldEnded.
    """
    check_draft(draft)
    found = _get_hold(session, hold_id)
    taken = sum(t.amount for t in draft.transfers if t.debit_id == found.account_id)
    if not taken:
        raise NotFromHold()
    if taken > found.amount:
        raise HoldTooSmall()
    end = _lock_end(session, found)
    if end is not None:
        return _first_posting(session, end, draft)
    entered = enter(session, [draft], now=now)
    if not entered.fresh:
        raise KeyReused()  # the entry was there before, yet did not end this hold
    accounts = lock_accounts(session.connection(), {found.account_id} | accounts_of([draft]))
    refuse(accounts, course([draft], accounts, freed={found.account_id: found.amount}))
    [posted] = entered.posted([draft])
    end = HoldEnd(
        hold_id=found.id,
        how="post",
        entry_id=posted.entry_id,
        posted_amount=taken,
        actor_id=draft.actor_id,
        ended_at=now,
    )
    _end(session, end)  # frees the held amount, of which the transfers take theirs
    move(session, entered)
    return posted


def _first_posting(session: Session, end: HoldEnd, draft: EntryDraft) -> Posted:
    """The answer to a repeat of the posting that ended a hold; anything else came too late."""
    first = session.get(Entry, end.entry_id) if end.entry_id is not None else None
    if first is None or first.key != draft.key:
        raise HoldEnded(how=HOW_NAMES[end.how])
    if first.content_hash != content_hash(draft):
        raise KeyReused()
    return Posted(first.id, repeated=True)


def void_hold(session: Session, hold_id: int, *, actor_id: int | None, now: datetime) -> None:
    """Give a held amount back. Voiding twice is harmless; raises HoldEnded when it was posted or expired."""
    found = _get_hold(session, hold_id)
    end = _lock_end(session, found)
    if end is not None:
        if end.how == "void":
            return
        raise HoldEnded(how=HOW_NAMES[end.how])
    _end(session, HoldEnd(hold_id=found.id, how="void", actor_id=actor_id, ended_at=now))


def expire_holds(session: Session, *, source_type: str, now: datetime, at_most: int = 500) -> list[int]:
    """Give back every held amount of a kind of document whose time has run out at ``now``; returns the holds ended."""
    overdue: Sequence[Hold] = session.scalars(
        select(Hold)
        .outerjoin(HoldEnd, HoldEnd.hold_id == Hold.id)
        .where(Hold.source_type == source_type, Hold.expires_at <= now, HoldEnd.hold_id.is_(None))
        .order_by(Hold.id)
        .limit(at_most)
        .with_for_update(of=Hold, skip_locked=True)
    ).all()
    ended = [found for found in overdue if _lock_end(session, found) is None]
    lock_accounts(session.connection(), {found.account_id for found in ended})
    for found in ended:
        _end(session, HoldEnd(hold_id=found.id, how="expire", ended_at=now))
    return [found.id for found in ended]


def _get_hold(session: Session, hold_id: int) -> Hold:
    found = session.get(Hold, hold_id)
    if found is None:
        raise HoldNotFound()
    return found


def _lock_end(session: Session, found: Hold) -> HoldEnd | None:
    """Keep others from ending this hold until we commit, then see whether it has ended."""
    session.execute(select(Hold.id).where(Hold.id == found.id).with_for_update(key_share=True))
    return session.scalar(select(HoldEnd).where(HoldEnd.hold_id == found.id).execution_options(populate_existing=True))


def _end(session: Session, end: HoldEnd) -> None:
    session.add(end)
    session.flush()
