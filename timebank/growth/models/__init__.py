"""Tables of the growth card: rules of recognition, commendations, milestones, printed cards."""

from timebank.growth.models.milestones import (
    AWARD,
    EVALUATION,
    GRADE_NAMES,
    KIND_NAMES,
    TRAINING,
    Milestone,
    MilestoneQuestion,
)
from timebank.growth.models.prints import (
    FAILED,
    MAKING,
    PRINT_NAMES,
    QUEUED,
    READY,
    REMOVED,
    CardPrint,
    CardPrintTaken,
)
from timebank.growth.models.recognition import (
    COMMENDATION_NAMES,
    DECLINED,
    GRANTED,
    WAITING,
    Commendation,
    CommendationCandidate,
    RecognitionRule,
)

__all__ = [
    "AWARD",
    "COMMENDATION_NAMES",
    "DECLINED",
    "EVALUATION",
    "FAILED",
    "GRADE_NAMES",
    "GRANTED",
    "KIND_NAMES",
    "MAKING",
    "PRINT_NAMES",
    "QUEUED",
    "READY",
    "REMOVED",
    "TRAINING",
    "WAITING",
    "CardPrint",
    "CardPrintTaken",
    "Commendation",
    "CommendationCandidate",
    "Milestone",
    "MilestoneQuestion",
    "RecognitionRule",
]
