"""Before a month ends: what would fail if it closed now. After it ended: what is open still, since when, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from timebank.archives import rules
from timebank.archives.queries.checks import CheckResult, blocking, check_last_audit, check_open, check_standing
from timebank.archives.queries.months import list_runs, list_unfinished
from timebank.branches.models import Branch
from timebank.core.clock import month_of, month_range, today
from timebank.ledger import queries as ledger

_NOBODY_TRIED = "到现在还没有人结过，定时任务可能没有运行"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """A month before its close: each check as it stands now, and how many days the month still has (today is one)."""

    month: str
    days_left: int
    results: tuple[CheckResult, ...]

    @property
    def failing(self) -> list[CheckResult]:
        """What would stand in the way."""
        return blocking(self.results)

    @property
    def warnings(self) -> list[CheckResult]:
        """What would not, but is not settled."""
        return [result for result in self.results if not result.blocks and not result.passed]

    @property
    def is_urgent(self) -> bool:
        """Whether to say it on the branch's own page: what fails always, the rest when the month is nearly over."""
        return bool(self.failing) or (bool(self.warnings) and self.days_left <= rules.SOON_DAYS)


def preview_month(session: Session, branch: Branch, month: str, *, now: datetime) -> Preview:
    """How a month that is not closed stands; the books as the last night found them."""
    return Preview(
        month=month,
        days_left=rules.days_left(month, today(now)),
        results=(
            *check_standing(session, branch, month, now=now),
            check_last_audit(session, branch.id, now=now),
            *check_open(session, branch, month, now=now),
        ),
    )


def preview_running(session: Session, branch: Branch, *, now: datetime) -> Preview:
    """How the present month stands."""
    return preview_month(session, branch, month_of(now), now=now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclosed:
    """The first month of a branch that should be closed and packed by now, and what is known of why it is not.

    ``months`` are all of them, oldest first; ``checks`` what stood in the way, as ``checks.as_plain`` writes it.
    """

    month: str
    months: tuple[str, ...]
    since: datetime
    days: int
    sealed: bool
    why: str
    tried_at: datetime | None
    checks: tuple[dict[str, Any], ...]


def find_unclosed(session: Session, branch_id: int, *, now: datetime) -> Unclosed | None:
    """The alarm of a branch; None while every month is closed and packed, or its night is not over yet."""
    months = [one for one in list_unfinished(session, branch_id, now=now) if rules.is_late(month_range(one)[1], now)]
    if not months:
        return None
    month, since = months[0], month_range(months[0])[1]
    runs = [run for run in list_runs(session, branch_id, month=month, at_most=1) if run.result in rules.NOT_DONE]
    return Unclosed(
        month=month,
        months=tuple(months),
        since=since,
        days=(now - since).days,
        sealed=month in ledger.closed_months(session, branch_id),
        why=runs[0].message if runs else _NOBODY_TRIED,
        tried_at=runs[0].ended_at if runs else None,
        checks=tuple(one for run in runs for one in run.checks if one["blocks"] and not one["passed"]),
    )
