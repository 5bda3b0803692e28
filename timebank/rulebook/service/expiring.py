"""Letting coins expire that have stood for as long as the rules they were earned under say."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import Member
from timebank.notices.service import NoticeDraft, tell_each
from timebank.rulebook.queries import Due, list_due
from timebank.rulebook.service.accounts import lock_members

SOURCE = "expiry"  # what entries name as their document


def expire_coins(session: Session, branch_id: int, *, now: datetime) -> int:
    """Let expire what is due at a branch today, an entry a member, and tell them; returns how many members it was.

    Once a day for each member: what becomes due later on the same day waits for the next.
    """
    first_look = [one.account_id for one in list_due(session, branch_id, now=now)]
    if not first_look:
        return 0
    owners = _owners(session, first_look)
    lock_members(session, owners.values())  # asking for something and giving lock them too
    day = clock.today(now).isoformat()
    keys = {account_id: f"{SOURCE}:{member_id}:{day}" for account_id, member_id in owners.items()}
    done = ledger_queries.taken_keys(session, branch_id, list(keys.values()))
    wanted = [account_id for account_id, key in keys.items() if key not in done]
    due = list_due(session, branch_id, now=now, account_ids=wanted) if wanted else []
    if not due:
        return 0
    house = ledger_queries.find_house_account(session, branch_id, "expired")
    drafts = [
        _entry(branch_id, one, house, key=keys[one.account_id], owner=owners[one.account_id], now=now) for one in due
    ]
    ledger.post_many(session, drafts, now=now)
    tell_each(session, [(owners[one.account_id], _notice(one, day)) for one in due], now=now)
    return len(due)


def _owners(session: Session, account_ids: list[int]) -> dict[int, int]:
    """Account → member."""
    chosen = select(Member.coin_account_id, Member.id).where(Member.coin_account_id.in_(account_ids))
    return {int(account_id or 0): member_id for account_id, member_id in session.execute(chosen)}


def _entry(branch_id: int, due: Due, house: int, *, key: str, owner: int, now: datetime) -> ledger.EntryDraft:
    return ledger.EntryDraft(
        book_id=branch_id,
        kind="expire",
        key=key,
        transfers=(ledger.TransferDraft(debit_id=due.account_id, credit_id=house, amount=due.minutes, unit="coin"),),
        source_type=SOURCE,
        source_id=None,
        occurred_at=now,
        actor_id=None,
        for_member_id=owner,
        rule=due.version.name,
        facts={"months": due.version.expiry_months},
    )


def _notice(due: Due, day: str) -> NoticeDraft:
    return NoticeDraft(
        kind="coins.expired",
        key=f"coins.expired:{day}",
        facts={"minutes": due.minutes, "months": due.version.expiry_months},
        link="/me/statement",
    )
