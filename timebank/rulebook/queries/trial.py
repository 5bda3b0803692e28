"""What a version of the rules would have made of last month: read from the books, computed on paper, not written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.masking import mask_name
from timebank.ledger import queries as ledger
from timebank.ledger.rules import came_in_by, went_out_by
from timebank.members.models import Member
from timebank.rulebook.rules import (
    GROUP,
    Affected,
    Asked,
    CameIn,
    Outcome,
    Settings,
    Share,
    Step,
    compare,
    count_refused,
    months_before,
    to_expire,
    try_out,
)

_SHOWN: Final = 10
_ORDER: Final = "order"  # the document that a hold of an order names


@dataclass(frozen=True, kw_only=True, slots=True)
class Month:
    """A month under one version: what was earned, first orders refused, and what would have expired by its end."""

    share: Share
    refused: int
    expired: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One of those whom the change concerns most, by a masked name."""

    name: str
    before: Share
    after: Share

    @property
    def difference(self) -> int:
        """Coins to use, more or fewer."""
        return self.after.coins - self.before.coins


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Last month under two versions."""

    month: str
    people: int
    affected: int
    before: Month
    after: Month
    most: list[Shown]


@dataclass(frozen=True, slots=True)
class _Members:
    names: dict[int, str]
    by_account: dict[int, int]


def try_rules(session: Session, branch_id: int, before: Settings, after: Settings, *, now: datetime) -> Trial:
    """Last month's service, orders and balances of a branch under two versions, each as if it had always held."""
    month = clock.previous_month(clock.month_of(now))
    start, end = clock.month_range(month)
    members = _members(session, branch_id)
    steps = list(_steps(ledger.list_month(session, branch_id, month), members))
    opening = {
        members.by_account[account_id]: figures.posted_in - figures.posted_out
        for account_id, figures in ledger.book_figures(session, branch_id, start).items()
        if account_id in members.by_account
    }
    outcomes = [try_out(steps, opening, rule) for rule in (before, after)]
    asked = _asked(session, branch_id, start, end) if any(r.first_redemption_minutes for r in (before, after)) else []
    months = [
        Month(
            share=outcome.total,
            refused=count_refused(asked, rule, since=start),
            expired=_expired(session, branch_id, rule, end),
        )
        for outcome, rule in zip(outcomes, (before, after), strict=True)
    ]
    return _trial(month, outcomes, months, members)


def _trial(month: str, outcomes: Sequence[Outcome], months: Sequence[Month], members: _Members) -> Trial:
    differing = compare(*outcomes)
    return Trial(
        month=month,
        people=len(outcomes[0].shares),
        affected=len(differing),
        before=months[0],
        after=months[1],
        most=[_shown(one, members) for one in differing[:_SHOWN]],
    )


def _shown(one: Affected, members: _Members) -> Shown:
    return Shown(name=mask_name(members.names.get(one.member_id, "")) or "—", before=one.before, after=one.after)


def _members(session: Session, branch_id: int) -> _Members:
    rows = session.execute(
        select(Member.id, Member.name, Member.coin_account_id).where(
            Member.branch_id == branch_id, Member.coin_account_id.is_not(None)
        )
    ).all()
    return _Members({row.id: row.name for row in rows}, {row.coin_account_id: row.id for row in rows})


def _steps(entries: Sequence[ledger.MonthEntry], members: _Members) -> Iterator[Step]:
    """The month's movements: service to be shared out anew, a neighbour's coins likewise, everything else as booked."""
    for entry in entries:
        day = clock.local(entry.occurred_at).date()
        served, provider = _served(entry), _provider(entry)
        if served is not None and entry.for_member_id is not None:
            group = bool(entry.facts.get(GROUP))
            yield Step(member_id=entry.for_member_id, kind="earn", minutes=served, day=day, group=group)
            continue
        if provider is not None:
            came = sum(move.amount for move in entry.moves if move.amount > 0)
            yield Step(member_id=provider, kind="serve", minutes=came, day=day)
        for move in entry.moves:
            who = members.by_account.get(move.account_id)
            if who is not None and (provider is None or move.amount < 0):
                yield Step(member_id=who, kind="other", minutes=move.amount, day=day)


def _served(entry: ledger.MonthEntry) -> int | None:
    """The minutes a still valid earning was for, where its facts tell them."""
    if entry.kind != "earn" or entry.undone or "signed_minutes" not in entry.facts:
        return None
    return int(entry.facts["signed_minutes"]) + int(entry.facts.get("manual_minutes", 0))


def _provider(entry: ledger.MonthEntry) -> int | None:
    """Who gave the service that a still valid order, or what somebody asked for, was paid for."""
    paid = entry.kind in {ledger.REDEEM, ledger.SERVE} and not entry.undone
    provider = entry.facts.get("provider_id") if paid else None
    return int(provider) if provider is not None else None


def _asked(session: Session, branch_id: int, start: datetime, end: datetime) -> list[Asked]:
    """The orders asked for last month and those before them, each with what had been earned by then."""
    placed = ledger.list_placed(session, branch_id, _ORDER, start=start, end=end)
    issued: dict[int, list[ledger.Issued]] = defaultdict(list)
    for one in ledger.list_issued(session, sorted({hold.account_id for hold in placed})):
        issued[one.account_id].append(one)
    return [
        Asked(
            account_id=hold.account_id,
            at=hold.at,
            earned=sum(one.amount for one in issued[hold.account_id] if one.at < hold.at),
            until=hold.until,
        )
        for hold in placed
    ]


def _expired(session: Session, branch_id: int, rule: Settings, end: datetime) -> int:
    """What would have expired by the month's end if the version had always held, of what was still there."""
    if rule.expiry_months is None:
        return 0
    cut: date = months_before(clock.local(end).date(), rule.expiry_months)
    then = clock.instant(cut, time())
    by_cut = ledger.book_figures(session, branch_id, then)
    corrected = ledger.list_corrected(session, branch_id)
    expired = ledger.expired_so_far(session, branch_id)
    total = 0
    for account_id, figures in ledger.book_figures(session, branch_id, end).items():
        before = expired.get(account_id, 0)
        changes = corrected.get(account_id, [])
        booked = by_cut[account_id].posted_in if account_id in by_cut else 0
        came_in = CameIn(0, came_in_by(then, booked, changes))
        spent = went_out_by(end, figures.posted_out, changes) - before
        standing = figures.posted_in - figures.posted_out
        total += sum(to_expire([came_in], spent=spent, expired=before, available=standing))
    return total
