"""Deadlines: who may decide is reminded before, on the day, and once a week after."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.clock import today
from timebank.core.workdays import is_workday, working_days_left
from timebank.disputes import rules
from timebank.disputes.queries import list_open_everywhere
from timebank.disputes.service import telling


def remind_of_disputes(session: Session, *, now: datetime) -> int:
    """Remind of the open cases that are due soon, today, or late; silent on days off. Returns of how many cases."""
    day = today(now)
    if not is_workday(day):
        return 0
    reminded = 0
    for dispute in list_open_everywhere(session):
        left = working_days_left(dispute.due_on, day)
        if day > dispute.due_on:
            year, week, _ = day.isocalendar()
            telling.of_deadline(session, dispute, "dispute.overdue", f":{year}-{week}", now=now)
        elif left <= rules.SOON:
            telling.of_deadline(session, dispute, "dispute.due", ":today" if left == 0 else ":soon", now=now)
        else:
            continue
        reminded += 1
    return reminded
