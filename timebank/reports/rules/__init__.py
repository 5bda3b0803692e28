"""What evidence is made of, how samples are drawn and figures grouped, the columns of the ministry. Pure."""

from timebank.reports.rules.evidence import TABLES as EVIDENCE_TABLES
from timebank.reports.rules.figures import (
    AGE_BANDS,
    LEAST_PEOPLE,
    MINUTES_NAMES,
    Group,
    add_up,
    age_band,
    leave_out_small,
    merge_small,
)
from timebank.reports.rules.ministry import (
    PERSON_COLUMNS,
    SERVICE_COLUMNS,
    Answer,
    BadAnswers,
    hours_text,
    read_answers,
)
from timebank.reports.rules.sampling import draw, drum_hash, lot

__all__ = [
    "AGE_BANDS",
    "EVIDENCE_TABLES",
    "LEAST_PEOPLE",
    "MINUTES_NAMES",
    "PERSON_COLUMNS",
    "SERVICE_COLUMNS",
    "Answer",
    "BadAnswers",
    "Group",
    "add_up",
    "age_band",
    "draw",
    "drum_hash",
    "hours_text",
    "leave_out_small",
    "lot",
    "merge_small",
    "read_answers",
]
