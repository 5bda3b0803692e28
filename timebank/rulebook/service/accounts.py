"""Give-away accounts, opened when there is something to put on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from timebank.ledger.service import open_accounts
from timebank.members.models import Member

KIND = "giveaway"
_MANY = 2_000
_MEMBER = cast(Table, Member.__table__)
_GIVE = update(_MEMBER).where(_MEMBER.c.id == bindparam("who")).values(giveaway_account_id=bindparam("account"))


def lock_members(session: Session, member_ids: Iterable[int]) -> None:
    """Let nobody else decide by these members' balances until we commit."""
    wanted = sorted(set(member_ids))
    for at in range(0, len(wanted), _MANY):
        chosen = select(Member.id).where(Member.id.in_(wanted[at : at + _MANY])).order_by(Member.id)
        session.execute(chosen.with_for_update(key_share=True)).all()


def giveaway_accounts(session: Session, member_ids: Iterable[int]) -> dict[int, int]:
    """Each member's give-away account, opened where there is none; the members stay locked until we commit."""
    wanted = sorted(set(member_ids))
    found: dict[int, int] = {}
    for at in range(0, len(wanted), _MANY):
        chosen = (
            select(Member.id, Member.branch_id, Member.number, Member.giveaway_account_id)
            .where(Member.id.in_(wanted[at : at + _MANY]))
            .order_by(Member.id)
            .with_for_update(key_share=True)
        )
        rows = session.execute(chosen).all()
        found |= {row.id: row.giveaway_account_id for row in rows if row.giveaway_account_id is not None}
        missing = {row.id: (row.branch_id, f"{KIND}:{row.number}") for row in rows if row.giveaway_account_id is None}
        found |= _open(session, missing)
    return found


def _open(session: Session, missing: dict[int, tuple[int, str]]) -> dict[int, int]:
    opened: dict[int, int] = {}
    for book_id in sorted({branch_id for branch_id, _code in missing.values()}):
        codes = {code: member_id for member_id, (branch_id, code) in missing.items() if branch_id == book_id}
        accounts = open_accounts(session, book_id=book_id, codes=list(codes), kind=KIND, unit="coin")
        opened |= {codes[code]: account_id for code, account_id in accounts.items()}
    if opened:
        session.connection().execute(_GIVE, [{"who": who, "account": account} for who, account in opened.items()])
    return opened
