"""Lists of shifts: for everybody, for a member, for those who organise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from timebank.activities.models import DRAFT, LEFT, PUBLISHED, Activity, Shift, SignUp
from timebank.core import clock
from timebank.core.paging import Page, read_page


@dataclass(frozen=True, kw_only=True)
class ShiftFilter:
    """What a reader wants to see; None leaves a question open."""

    branch_ids: Collection[int] | None = None
    category: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose activities: one organiser's, and/or those of some branches; None leaves a side open."""

    organiser_id: int | None = None
    branch_ids: Collection[int] | None = None


def list_coming(
    session: Session, wanted: ShiftFilter, *, now: datetime, number: int = 1, size: int = 40
) -> Page[Shift]:
    """One page of the published shifts that are not over, soonest first, with their activities and branches."""
    coming = _visible(wanted).where(Shift.ends_at > now, Shift.cancelled_at.is_(None))
    return read_page(session, coming.order_by(Shift.starts_at, Shift.id), number=number, size=size)


def list_month(session: Session, wanted: ShiftFilter, month: str) -> list[Shift]:
    """Every published shift that starts in a calendar month, past ones too, in order."""
    start, end = clock.month_range(month)
    found = _visible(wanted).where(Shift.starts_at >= start, Shift.starts_at < end, Shift.cancelled_at.is_(None))
    return list(session.scalars(found.order_by(Shift.starts_at, Shift.id)))


def list_member_shifts(session: Session, member_id: int, now: datetime) -> list[SignUp]:
    """A member's sign-ups (confirmed and waiting) on shifts that are not over, soonest first.

    Each has ``.shift`` and ``.shift.activity`` loaded; a cancelled shift stays in the list with ``cancelled_at`` set.
    """
    found = (
        select(SignUp)
        .join(SignUp.shift)
        .join(Shift.activity)
        .where(SignUp.member_id == member_id, SignUp.status != LEFT, Shift.ends_at > now)
        .options(contains_eager(SignUp.shift).contains_eager(Shift.activity).joinedload(Activity.branch))
        .order_by(Shift.starts_at, Shift.id)
    )
    return list(session.scalars(found))


def list_drafts(session: Session, scope: Scope) -> list[Activity]:
    """Activities not yet published, newest first, with their shifts."""
    found = _within(select(Activity), scope).where(Activity.status == DRAFT).options(selectinload(Activity.shifts))
    return list(session.scalars(found.order_by(Activity.id.desc())))


def list_shifts(
    session: Session, scope: Scope, *, after: datetime, before: datetime, newest_first: bool = False
) -> list[Shift]:
    """Shifts of published or cancelled activities that run at some time within ``[after, before)``."""
    found = _within(select(Shift).join(Shift.activity), scope).where(
        Activity.status != DRAFT, Shift.ends_at > after, Shift.starts_at < before
    )
    ordered = found.order_by(Shift.starts_at.desc() if newest_first else Shift.starts_at, Shift.id)
    return list(session.scalars(ordered.options(contains_eager(Shift.activity))))


def _visible(wanted: ShiftFilter) -> Select[Any]:
    found = (
        select(Shift)
        .join(Shift.activity)
        .where(Activity.status == PUBLISHED, ~Activity.for_request)
        .options(contains_eager(Shift.activity).options(joinedload(Activity.branch), joinedload(Activity.organiser)))
    )
    if wanted.branch_ids is not None:
        found = found.where(Activity.branch_id.in_(wanted.branch_ids))
    return found if wanted.category is None else found.where(Activity.category == wanted.category)


def _within(found: Select[Any], scope: Scope) -> Select[Any]:
    if scope.organiser_id is not None:
        found = found.where(Activity.organiser_id == scope.organiser_id)
    return found if scope.branch_ids is None else found.where(Activity.branch_id.in_(scope.branch_ids))
