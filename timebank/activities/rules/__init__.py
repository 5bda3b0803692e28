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
    find_agreement_reasons,
    find_changes,
    find_faults,
    find_overlaps,
    find_publishing_faults,
    weeks_ahead,
)
from timebank.activities.rules.ical import CalendarEvent, write_calendar
from timebank.activities.rules.limits import BUILT_IN, LIMIT_NAMES, Limits, is_closed, is_popular, sentences
from timebank.activities.rules.line import Choice, Party, choose_parties, offer_deadline

__all__ = [
    "BUILT_IN",
    "COUNTING_FIELDS",
    "LIMIT_NAMES",
    "OPTION_FIELDS",
    "PRESETS",
    "ActivityDraft",
    "CalendarEvent",
    "Change",
    "Choice",
    "Counting",
    "Limits",
    "Party",
    "ShiftDraft",
    "choose_parties",
    "counting_of",
    "counting_sentences",
    "filled_in",
    "find_agreement_reasons",
    "find_changes",
    "find_faults",
    "find_overlaps",
    "find_publishing_faults",
    "is_closed",
    "is_popular",
    "offer_deadline",
    "own_options",
    "sentences",
    "weeks_ahead",
    "write_calendar",
]
