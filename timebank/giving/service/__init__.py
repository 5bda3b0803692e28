"""The verbs of giving. They never commit; a door's unit of work does.

Order of locks, always: the grant, members in the order of their ids, then the ledger's own.
"""

from timebank.giving.service.donating import Donation, check_donation, donate
from timebank.giving.service.gifts import (
    BackAndForth,
    GiftDraft,
    InAnotherBranch,
    MonthFull,
    RateChanged,
    ReceiverFull,
    ReceiverNotFound,
    ToOneself,
    TooSmall,
    arriving,
    check_gift,
    give,
)
from timebank.giving.service.grants import (
    BadGrant,
    FundShort,
    GrantDecided,
    GrantDraft,
    GrantFor,
    Involved,
    MemberFull,
    ask_grant,
    decide_grant,
    withdraw_grant,
)
from timebank.giving.service.purses import BadGift, NotActive, NotEnoughToGive

__all__ = [
    "BackAndForth",
    "BadGift",
    "BadGrant",
    "Donation",
    "FundShort",
    "GiftDraft",
    "GrantDecided",
    "GrantDraft",
    "GrantFor",
    "InAnotherBranch",
    "Involved",
    "MemberFull",
    "MonthFull",
    "NotActive",
    "NotEnoughToGive",
    "RateChanged",
    "ReceiverFull",
    "ReceiverNotFound",
    "ToOneself",
    "TooSmall",
    "arriving",
    "ask_grant",
    "check_donation",
    "check_gift",
    "decide_grant",
    "donate",
    "give",
    "withdraw_grant",
]
