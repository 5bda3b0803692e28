"""Checking a month and sealing it: the database refuses everything in it from then on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.archives import queries
from timebank.archives.models import CloseRun
from timebank.archives.queries import CheckResult
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.core.clock import is_month, month_range
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger


class NotAMonth(Invalid):
    """Not written as a calendar month."""

    code = "archives.not_a_month"
    text = "月份要写成 2026-10 这样。"


class BeforeOpening(Conflict):
    """The branch did not exist yet."""

    code = "archives.before_opening"
    text = "这个网点 {opened} 才开办，{month} 没有账可结。"


class NotReady(Conflict):
    """Checks before the close found something; the findings name the rows."""

    code = "archives.not_ready"
    text = "{month} 还不能结账：{reasons}。"

    def __init__(self, *, month: str, results: Sequence[CheckResult]) -> None:
        self.results = results
        self.findings = queries.blocking(results)
        reasons = "；".join(f"{found.fault}（{found.count} 处）" for found in self.findings)
        super().__init__(month=month, reasons=reasons)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A month that may be sealed, with what each check said."""

    month: str
    results: tuple[CheckResult, ...]


def check_month(session: Session, *, branch: Branch, month: str, actor: Actor, now: datetime) -> Checked | None:
    """Every check before a close, the whole book's included; only reads. None when the month is closed already.

    Raises NotAllowed, NotAMonth, MonthNotOver, BeforeOpening, NotReady.
    """
    if not _is_open(session, branch=branch, month=month, actor=actor, now=now):
        return None
    results = (
        *queries.check_standing(session, branch, month, now=now),
        *queries.check_books(session, branch.id),
        *queries.check_open(session, branch, month, now=now),
    )
    if queries.blocking(results):
        raise NotReady(month=month, results=results)
    return Checked(month=month, results=results)


def close_month(session: Session, *, branch: Branch, month: str, actor: Actor, keys: Keys, now: datetime) -> bool:
    """Check, freeze and seal a month. True when this call closed it, False when it was closed already.

    Raises the refusals of ``check_month``.
    """
    checked = check_month(session, branch=branch, month=month, actor=actor, now=now)
    return checked is not None and seal_month(session, checked, branch=branch, actor=actor, keys=keys, now=now)


def seal_month(session: Session, checked: Checked, *, branch: Branch, actor: Actor, keys: Keys, now: datetime) -> bool:
    """Freeze and seal a month that was just checked; only what changes any minute is looked at again.

    What the checks said is kept with the seal. True when this call closed it, False when it was closed already.
    Raises the refusals of ``check_month``.
    """
    month = checked.month
    if not _is_open(session, branch=branch, month=month, actor=actor, now=now):
        return False
    known = {result.name: result for result in checked.results}
    known |= {result.name: result for result in queries.check_standing(session, branch, month, now=now)}
    results = tuple(known.values())
    if queries.blocking(results):
        raise NotReady(month=month, results=results)
    ledger.close_period(session, branch.id, month, actor=actor, keys=keys, now=now)
    sealing = {"branch_id": branch.id, "month": month, "started_at": now, "ended_at": now, "by_name": actor.name}
    sealing |= {"result": "closed", "message": "", "checks": queries.as_plain(results), "seals": True}
    kept = session.execute(insert_once(session, CloseRun).values(sealing))
    return bool(kept.rowcount)  # type: ignore[attr-defined]  # whoever waited for another's seal keeps nothing


def _is_open(session: Session, *, branch: Branch, month: str, actor: Actor, now: datetime) -> bool:
    actor.require("archive.close", branch_id=branch.id)
    refuse_no_month(month)
    if now < month_range(month)[1]:
        raise ledger.MonthNotOver(month=month)
    if month in ledger_queries.closed_months(session, branch.id):
        return False
    if month < f"{branch.opened_on:%Y-%m}" and ledger_queries.find_period(session, branch.id, month) is None:
        raise BeforeOpening(opened=branch.opened_on.isoformat(), month=month)
    return True


def refuse_no_month(month: str) -> None:
    """Raises NotAMonth for anything but ``YYYY-MM``."""
    if not is_month(month):
        raise NotAMonth()
