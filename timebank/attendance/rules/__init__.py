"""The arithmetic of the door: codes, who may scan when, minutes judged from scans, points with their carry."""

from timebank.attendance.rules.codes import (
    CodeForOtherUse,
    CodeStale,
    CodeUnknown,
    CodeUnreadable,
    next_code_seconds,
    photo_seconds,
    read_venue_code,
    venue_code,
)
from timebank.attendance.rules.gate import (
    CLAIM_MINUTES,
    REFUSALS,
    REPEAT_MINUTES,
    Ground,
    next_kind,
    refusal_of,
)
from timebank.attendance.rules.judging import (
    Judgement,
    ManualOutOfRange,
    Mark,
    Policy,
    check_manual,
    judge,
    shift_minutes,
)
from timebank.attendance.rules.points import POINT_RULES, PointRule, point_rule, points_of

__all__ = [
    "CLAIM_MINUTES",
    "POINT_RULES",
    "REFUSALS",
    "REPEAT_MINUTES",
    "CodeForOtherUse",
    "CodeStale",
    "CodeUnknown",
    "CodeUnreadable",
    "Ground",
    "Judgement",
    "ManualOutOfRange",
    "Mark",
    "PointRule",
    "Policy",
    "check_manual",
    "judge",
    "next_code_seconds",
    "next_kind",
    "photo_seconds",
    "point_rule",
    "points_of",
    "read_venue_code",
    "refusal_of",
    "shift_minutes",
    "venue_code",
]
