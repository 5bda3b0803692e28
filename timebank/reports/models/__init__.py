"""Packs that were made, samples that were drawn, figures that were published, batches that were handed out."""

from timebank.reports.models.evidence import FINE, REMARK, RESULT_NAMES, EvidencePack, SpotFinding, SpotPick, SpotSample
from timebank.reports.models.ministry import (
    ACCEPTED,
    CANCELLED,
    PERSON,
    PREPARED,
    REJECTED,
    SERVICE,
    STATE_NAMES,
    SUBMITTED,
    MinistryBatch,
    MinistryRecord,
)
from timebank.reports.models.yearly import YearlyReport

__all__ = [
    "ACCEPTED",
    "CANCELLED",
    "FINE",
    "PERSON",
    "PREPARED",
    "REJECTED",
    "REMARK",
    "RESULT_NAMES",
    "SERVICE",
    "STATE_NAMES",
    "SUBMITTED",
    "EvidencePack",
    "MinistryBatch",
    "MinistryRecord",
    "SpotFinding",
    "SpotPick",
    "SpotSample",
    "YearlyReport",
]
