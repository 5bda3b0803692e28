"""When what failed is tried again, how long runs are kept, when silence is an alarm. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_BACK_OFF: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
_EVERY: Final = timedelta(hours=1)  # after these

KEEP: Final = timedelta(days=90)
KEEP_IDLE: Final = timedelta(days=2)  # runs that found nothing to do: of the frequent jobs nearly all
SILENT_AFTER: Final = timedelta(minutes=5)  # the leader is heard every minute
STUCK_AFTER: Final = timedelta(hours=6)
ALARM_ATTEMPTS: Final = 3  # before that it may be a passing trouble, and will be tried again within minutes


def retry_after(attempt: int) -> timedelta:
    """How long to wait after the so-manieth attempt in a row went wrong."""
    return _BACK_OFF[attempt - 1] if attempt <= len(_BACK_OFF) else _EVERY


def is_silent(seen_at: datetime, now: datetime) -> bool:
    """Whether a leader that was last heard of then must be gone."""
    return now - seen_at > SILENT_AFTER
