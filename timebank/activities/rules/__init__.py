"""What makes an activity sound, what changed between two states of one, and how a shift looks in a calendar file."""

from timebank.activities.rules.drafts import (
    ActivityDraft,
    Change,
    ShiftDraft,
    find_changes,
    find_faults,
    find_overlaps,
    find_publishing_faults,
    weeks_ahead,
)
from timebank.activities.rules.ical import CalendarEvent, write_calendar

__all__ = [
    "ActivityDraft",
    "CalendarEvent",
    "Change",
    "ShiftDraft",
    "find_changes",
    "find_faults",
    "find_overlaps",
    "find_publishing_faults",
    "weeks_ahead",
    "write_calendar",
]
