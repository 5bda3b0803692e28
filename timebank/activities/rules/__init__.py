"""What makes an activity sound, how it counts minutes, what changed, and how a shift looks in a calendar file."""

from timebank.activities.rules.counting import (
    COUNTING_FIELDS,
    OPTION_FIELDS,
    PRESETS,
    Counting,
    counting_of,
    counting_sentences,
    filled_in,
    own_options,
)
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
    "COUNTING_FIELDS",
    "OPTION_FIELDS",
    "PRESETS",
    "ActivityDraft",
    "CalendarEvent",
    "Change",
    "Counting",
    "ShiftDraft",
    "counting_of",
    "counting_sentences",
    "filled_in",
    "find_changes",
    "find_faults",
    "find_overlaps",
    "find_publishing_faults",
    "own_options",
    "weeks_ahead",
    "write_calendar",
]
