"""What is due to expire, of a whole book or of one member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.ledger import queries as ledger
from timebank.ledger.rules import Corrected, came_in_by, went_out_by
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
    ends = [[clock.instant(day, time()) for day in (one.start, one.cut)] for one in spans]
    booked = {
        end: ledger.book_figures(session, branch_id, end, account_ids=account_ids) for both in ends for end in both
    }
    corrected = ledger.list_corrected(session, branch_id, account_ids)
    expired = ledger.expired_so_far(session, branch_id, account_ids=account_ids)
    found = []
    for account in ledger.list_standing(session, branch_id, account_ids):
        changes = corrected.get(account.account_id, [])
        sums = [CameIn(*(_came_in(booked[end], account.account_id, end, changes) for end in both)) for both in ends]
        before = expired.get(account.account_id, 0)
        spent = went_out_by(None, account.posted_out, changes) - before + account.held
        parts = to_expire(sums, spent=spent, expired=before, available=account.available)
        if any(parts):
            found.append(Due(account_id=account.account_id, minutes=sum(parts), version=_first(spans, parts)))
    return found


def _came_in(booked: Mapping[int, ledger.Figures], account_id: int, end: datetime, changes: Sequence[Corrected]) -> int:
    return came_in_by(end, booked.get(account_id, ledger.Figures()).posted_in, changes)


def _first(spans: Sequence[Stretch], parts: Sequence[int]) -> Version:
    return next(one.version for one, part in zip(spans, parts, strict=True) if part)


def expires_soon(session: Session, member: Member, *, now: datetime) -> int:
    """How many of a member's coins expire within thirty days if they use none until then."""
    if member.coin_account_id is None:
        return 0
    due = list_due(session, member.branch_id, now=now + SOON, account_ids=[member.coin_account_id])
    return sum(one.minutes for one in due)
