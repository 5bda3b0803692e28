"""Jobs on what the program itself keeps."""

from __future__ import annotations

from datetime import datetime

from timebank.core.db import transaction
from timebank.jobs.tasks.base import Place
from timebank.watch import service as watch


def forget_runs(_place: Place, now: datetime) -> int:
    """Delete runs of jobs whose time is over; returns how many."""
    with transaction() as session:
        return watch.forget_runs(session, now=now)
