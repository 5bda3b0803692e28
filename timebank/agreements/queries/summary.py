"""A year at a branch: what each organisation and the branch promised each other, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.agreements.models import BRANCH_SIDE, DROPPED, ENDED, ORGANISATION_SIDE, SIGNED, Agreement
from timebank.agreements.queries.agreements import Article, articles_of
from timebank.agreements.queries.hours import YearHours, year_hours
from timebank.agreements.rules import KEPT, LET_GO, OPEN, OVER, OVERDUE, SOON
from timebank.members.models import Organisation
from timebank.members.queries import list_organisations


@dataclass(frozen=True, kw_only=True, slots=True)
class SideCounts:
    """How many promises of one side are in which state; what was let go is in none."""

    kept: int = 0
    late: int = 0  # of the kept ones
    open: int = 0
    overdue: int = 0
    over: int = 0

    @property
    def all(self) -> int:
        """Every promise that counts."""
        return self.kept + self.open + self.overdue + self.over


@dataclass(frozen=True, kw_only=True, slots=True)
class OrganisationYear:
    """An organisation in a year: its agreement (None: there is none yet), both sides, and its people's hours."""

    organisation: Organisation
    agreement: Agreement | None
    branch: SideCounts
    theirs: SideCounts
    hours: YearHours


def summary_of_year(session: Session, branch_id: int, year: int, *, today: date) -> list[OrganisationYear]:
    """Every organisation that is with the branch or had an agreement that year, by name; a constant number of reads."""
    agreements = session.scalars(
        select(Agreement).where(Agreement.branch_id == branch_id, Agreement.year == year, Agreement.status != DROPPED)
    ).all()
    by_organisation = {one.organisation_id: one for one in agreements}
    there = [*list_organisations(session, branch_id), *list_organisations(session, branch_id, closed=True)]
    shown = [one for one in there if one.closed_at is None or one.id in by_organisation]
    articles = articles_of(session, agreements, today=today)
    hours = year_hours(session, [one.id for one in shown], year)
    return [
        _year(one, by_organisation.get(one.id), articles, hours[one.id])
        for one in sorted(shown, key=lambda one: (one.name, one.id))
    ]


def _year(
    organisation: Organisation, agreement: Agreement | None, articles: dict[int, list[Article]], hours: YearHours
) -> OrganisationYear:
    counts = agreement is not None and agreement.status in (SIGNED, ENDED)
    theirs = articles[agreement.id] if agreement is not None and counts else []
    return OrganisationYear(
        organisation=organisation,
        agreement=agreement,
        branch=count_promises([one for one in theirs if one.terms.side == BRANCH_SIDE]),
        theirs=count_promises([one for one in theirs if one.terms.side == ORGANISATION_SIDE]),
        hours=hours,
    )


def count_promises(articles: Sequence[Article]) -> SideCounts:
    """How these promises stand. What is only asked for does not count yet."""
    agreed = [one for one in articles if one.counts and one.standing.state != LET_GO]
    states = [one.standing.state for one in agreed]
    return SideCounts(
        kept=states.count(KEPT),
        late=sum(one.standing.late for one in agreed),
        open=states.count(OPEN) + states.count(SOON),
        overdue=states.count(OVERDUE),
        over=states.count(OVER),
    )


def list_years(session: Session, branch_id: int) -> list[int]:
    """The years for which a branch has agreements, newest first."""
    years = select(Agreement.year).where(Agreement.branch_id == branch_id).distinct()
    return list(session.scalars(years.order_by(Agreement.year.desc())))
