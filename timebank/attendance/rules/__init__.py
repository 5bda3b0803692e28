"""The arithmetic of the door: codes, who may scan when, minutes judged from scans, points with their carry."""

from timebank.attendance.rules.claims import CLAIM_MINUTES, Claim, claim_text, read_claim
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
    CLOSES_MINUTES,
    OPENS_MINUTES,
    REFUSALS,
    REPEAT_MINUTES,
    Ground,
    closes_at,
    next_kind,
    opens_at,
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
    "CLOSES_MINUTES",
    "OPENS_MINUTES",
    "POINT_RULES",
    "REFUSALS",
    "REPEAT_MINUTES",
    "Claim",
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
    "claim_text",
    "closes_at",
    "judge",
    "next_code_seconds",
    "next_kind",
    "opens_at",
    "photo_seconds",
    "point_rule",
    "points_of",
    "read_claim",
    "read_venue_code",
    "refusal_of",
    "shift_minutes",
    "venue_code",
]
