"""When people are reminded of a shift: the day before, and two hours before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

TOMORROW, SOON = "tomorrow", "soon"
LEADS: Final = {SOON: timedelta(hours=2), TOMORROW: timedelta(hours=24)}  # the nearest first


def due_reminder(now: datetime, starts_at: datetime) -> str | None:
    """The reminder that is due: the later one alone where the program comes late to both; none after the start."""
    if now >= starts_at:
        return None
    return next((kind for kind, lead in LEADS.items() if starts_at - now <= lead), None)


def knew_before(confirmed_at: datetime | None, starts_at: datetime, kind: str) -> bool:
    """Whether somebody got their place before the reminder was due: who signs up later needs none."""
    return confirmed_at is not None and confirmed_at <= starts_at - LEADS[kind]
