"""Numbers that several start pages show, put together from the features below."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from timebank.activities.models import CONFIRMED, Shift, SignUp
from timebank.activities.queries import list_member_shifts
from timebank.attendance.queries import MonthTotals, count_posters, month_totals_by_branch
from timebank.attendance.rules.judging import CLOSES_MINUTES, OPENS_MINUTES
from timebank.branches.models import Branch
from timebank.branches.queries import list_branches
from timebank.core.clock import month_of
from timebank.members.queries import count_valid_cards
from timebank.rotation.models import PERSONAL, POSTER

_NOTHING = MonthTotals(minutes=0, signed_minutes=0, manual_minutes=0, people=0, count=0, shifts=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchMonth:
    """What a branch's volunteers did this month."""

    branch: Branch
    totals: MonthTotals


def branch_months(session: Session, *, now: datetime) -> list[BranchMonth]:
    """Every open branch with its numbers of the present month, by code."""
    totals = month_totals_by_branch(session, month_of(now))
    return [BranchMonth(branch=branch, totals=totals.get(branch.id, _NOTHING)) for branch in list_branches(session)]


def coming_sign_ups(session: Session, member_id: int, *, now: datetime) -> list[SignUp]:
    """A member's places and waiting places on shifts that will take place, soonest first."""
    return [one for one in list_member_shifts(session, member_id, now) if one.shift.cancelled_at is None]


def next_shift(sign_ups: list[SignUp]) -> Shift | None:
    """The first shift with a sure place."""
    return next((one.shift for one in sign_ups if one.status == CONFIRMED), None)


def door_is_open(shift: Shift, now: datetime) -> bool:
    """Whether somebody could check in or out at this shift now."""
    opens = shift.starts_at - timedelta(minutes=OPENS_MINUTES)
    return opens <= now <= shift.ends_at + timedelta(minutes=CLOSES_MINUTES)


def codes_on_paper(session: Session, *, now: datetime) -> dict[str, int]:
    """By purpose of a key: how many cards and posters carry a code of it that somebody may have printed."""
    return {PERSONAL: count_valid_cards(session), POSTER: count_posters(session, now=now)}
