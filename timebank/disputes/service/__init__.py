"""The verbs of 争议. They never commit; a door's unit of work does.

Order of locks: the name of the booked entry where there is one, the order (which stands for its case), members,
accounts.
"""

from timebank.disputes.rules import (
    BadRuling,
    CaseEnded,
    CaseOpen,
    Involved,
    NoSecondWaiting,
    NotASide,
    NotHeardYet,
    NothingToDispute,
    OpenedBefore,
    SameHand,
    SecondWaiting,
    TooEarly,
    TooLate,
    TooLateToSay,
    WordsMissing,
)
from timebank.disputes.service.deciding import RulingDraft, decide
from timebank.disputes.service.opening import DisputeDraft, open_dispute, withdraw
from timebank.disputes.service.reminding import remind_of_disputes
from timebank.disputes.service.saying import say
from timebank.disputes.service.seconding import agree, disagree

__all__ = [
    "BadRuling",
    "CaseEnded",
    "CaseOpen",
    "DisputeDraft",
    "Involved",
    "NoSecondWaiting",
    "NotASide",
    "NotHeardYet",
    "NothingToDispute",
    "OpenedBefore",
    "RulingDraft",
    "SameHand",
    "SecondWaiting",
    "TooEarly",
    "TooLate",
    "TooLateToSay",
    "WordsMissing",
    "agree",
    "decide",
    "disagree",
    "open_dispute",
    "remind_of_disputes",
    "say",
    "withdraw",
]
