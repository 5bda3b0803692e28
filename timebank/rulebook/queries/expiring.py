"""What is due to expire, of a whole book or of one member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.rulebook.queries.versions import find_versions
from timebank.rulebook.rules import CameIn, Stretch, Version, stretches, to_expire

SOON = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Coins of an account that expire, and the version they expire by (the oldest, where several do)."""

    account_id: int
    minutes: int
    version: Version


def list_due(session: Session, branch_id: int, *, now: datetime, account_ids: Sequence[int] | None = None) -> list[Due]:
    """What expires at a branch today, on all accounts or some; nothing while no version lets coins expire."""
    spans = stretches(find_versions(session, [branch_id]).get(branch_id, []), clock.today(now))
    if not spans:
        return []
    came_in = [
        tuple(
            ledger.book_figures(session, branch_id, clock.instant(day, time()), account_ids=account_ids)
            for day in (one.start, one.cut)
        )
        for one in spans
    ]
    expired = ledger.expired_so_far(session, branch_id, account_ids=account_ids)
    found = []
    for account in ledger.list_standing(session, branch_id, account_ids):
        nothing = ledger.Figures()
        sums = [
            CameIn(start.get(account.account_id, nothing).posted_in, cut.get(account.account_id, nothing).posted_in)
            for start, cut in came_in
        ]
        before = expired.get(account.account_id, 0)
        parts = to_expire(
            sums, spent=account.posted_out - before + account.held, expired=before, available=account.available
        )
        if any(parts):
            found.append(Due(account_id=account.account_id, minutes=sum(parts), version=_first(spans, parts)))
    return found


def _first(spans: Sequence[Stretch], parts: Sequence[int]) -> Version:
    return next(one.version for one, part in zip(spans, parts, strict=True) if part)


def expires_soon(session: Session, member: Member, *, now: datetime) -> int:
    """How many of a member's coins expire within thirty days if they use none until then."""
    if member.coin_account_id is None:
        return 0
    due = list_due(session, member.branch_id, now=now + SOON, account_ids=[member.coin_account_id])
    return sum(one.minutes for one in due)
