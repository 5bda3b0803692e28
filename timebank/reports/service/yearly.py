"""Preparing a year's figures, publishing them by a second person, and withdrawing what turned out wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.reports.models import YearlyReport
from timebank.reports.queries import count_year, find_newest, get_report, year_seals


class NothingClosed(Conflict):
    """The year has no closed month, so there is nothing to count."""

    code = "reports.nothing_closed"
    text = "{year} 年还没有结过账的月份，没有数可以算。请先在“月度归档”结账。"


class ClosedMeanwhile(Conflict):
    """A month of the year was closed while it was counted."""

    code = "reports.closed_meanwhile"
    text = "正在算的时候，这一年又有月份结了账，算出的数不全。请再按一次“开始算”。"


class WhyAnew(Invalid):
    """A further version has to say what is different."""

    code = "reports.why_anew"
    text = "这一年已经有过一版，请写明为什么要重新算。"


class NotTheSamePerson(Conflict):
    """Whoever prepared figures does not publish them."""

    code = "reports.not_the_same_person"
    text = "数据是您准备的，要另一位管理员核对以后公开。"


class AlreadyPublished(Conflict):
    """Published before, or a newer version took its place."""

    code = "reports.already_published"
    text = "这一版已经公开过，或者已经有更新的一版。请看最新的一版。"


class NotPublished(Conflict):
    """Only what is public can be withdrawn."""

    code = "reports.not_published"
    text = "这一版现在没有公开，不用撤回。"


@dataclass(frozen=True, kw_only=True, slots=True)
class YearDraft:
    """Which year of which branch is to be counted; ``words`` why, where it was counted before."""

    branch_id: int
    year: int
    words: str
    form_key: str


def prepare_year(session: Session, draft: YearDraft, *, actor: Actor, now: datetime) -> YearlyReport:
    """Count a year and keep the figures, in one unit of work; for doors that keep nobody waiting.

    Raises what ``figures_for`` and ``keep_year`` raise.
    """
    return keep_year(session, draft, figures_for(session, draft, actor=actor, now=now), actor=actor, now=now)


def figures_for(session: Session, draft: YearDraft, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """Count a year; only reads, and takes long: not in the unit of work that keeps the figures (``keep_year``).

    Raises NotAllowed, NothingClosed, WhyAnew, FormUsed.
    """
    actor.require("figures.publish", branch_id=draft.branch_id)
    first, _ = _before(session, draft)
    if first is not None:
        return first.figures
    figures = count_year(session, get_branch(session, draft.branch_id), draft.year, now=now)
    if not _seals(figures):
        raise NothingClosed(year=draft.year)
    return figures


def _before(session: Session, draft: YearDraft) -> tuple[YearlyReport | None, YearlyReport | None]:
    """What this form made before, and the newest version of the year."""
    first = session.scalar(select(YearlyReport).where(YearlyReport.form_key == draft.form_key))
    if first is not None and (first.branch_id, first.year, first.words) != (draft.branch_id, draft.year, draft.words):
        raise FormUsed()
    newest = find_newest(session, draft.branch_id, draft.year)
    if first is None and newest is not None and not draft.words:
        raise WhyAnew(fields={"words": WhyAnew.text})
    return first, newest


def _seals(figures: dict[str, Any]) -> dict[str, str | None]:
    return {month["month"]: month["seal"] for month in figures["months"] if month["closed"]}


def keep_year(
    session: Session, draft: YearDraft, figures: dict[str, Any], *, actor: Actor, now: datetime
) -> YearlyReport:
    """Keep figures that ``figures_for`` counted as a new version. A repeat answers with the first.

    Raises NotAllowed, WhyAnew, FormUsed; ClosedMeanwhile when the months' seals are not those that were counted.
    """
    actor.require("figures.publish", branch_id=draft.branch_id)
    lock_name(session, f"yearly:{draft.branch_id}:{draft.year}")
    first, newest = _before(session, draft)
    if first is not None:
        return first
    if _seals(figures) != year_seals(session, draft.branch_id, draft.year):
        raise ClosedMeanwhile()
    report = YearlyReport(
        branch_id=draft.branch_id,
        year=draft.year,
        version=newest.version + 1 if newest else 1,
        figures=figures,
        words=draft.words,
        prepared_by_id=actor.person("figures.publish"),
        prepared_at=now,
        form_key=draft.form_key,
    )
    session.add(report)
    session.flush()
    return report


def _locked(session: Session, report_id: int, actor: Actor) -> YearlyReport:
    report = get_report(session, report_id)
    actor.require("figures.publish", branch_id=report.branch_id)
    lock_name(session, f"yearly:{report.branch_id}:{report.year}")
    session.refresh(report)
    return report


def publish_year(session: Session, report_id: int, *, actor: Actor, now: datetime) -> YearlyReport:
    """Make a version public; it takes the place of the one before. Pressing again is harmless.

    Raises ReportNotFound, NotAllowed, NotTheSamePerson, AlreadyPublished.
    """
    report = _locked(session, report_id, actor)
    newest = find_newest(session, report.branch_id, report.year)
    if report.prepared_by_id == actor.member_id:
        raise NotTheSamePerson()
    if report.published_at is not None and report.published_by_id == actor.member_id:
        return report
    if report.published_at is not None or newest is not report:
        raise AlreadyPublished()
    report.published_by_id, report.published_at = actor.person("figures.publish"), now
    session.flush()
    return report


def withdraw_year(session: Session, report_id: int, *, reason: str, actor: Actor, now: datetime) -> YearlyReport:
    """Take what is public back, with a reason that the public reads. Pressing again is harmless.

    Raises ReportNotFound, NotAllowed, NotPublished.
    """
    report = _locked(session, report_id, actor)
    if report.published_at is None:
        raise NotPublished()
    if report.withdrawn_at is None:
        report.withdrawn_by_id, report.withdrawn_at, report.withdrawn_why = actor.person("figures.publish"), now, reason
        session.flush()
    return report
