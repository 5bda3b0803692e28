"""The verbs of requests. They never commit; a door's unit of work does.

Order of locks, always: the request, its activity and shift, members by id, the ledger's own.
"""

from timebank.requests.service.asking import (
    BadRequest,
    NamesSomebody,
    NotForThem,
    RecipientNotFound,
    ask,
    withdraw,
)
from timebank.requests.service.claiming import (
    AskedNobody,
    Claim,
    NotSuitable,
    NotThen,
    ReasonMissing,
    claim,
    move,
    refuse,
    release,
)
from timebank.requests.service.dispatching import (
    AlreadyTaken,
    CoinsShort,
    Dispatch,
    FundShort,
    NotCoordinator,
    OwnRequest,
    TwoPeople,
    VolunteerNotFound,
    decline,
    dispatch,
    hand_over,
    invite,
    take_up,
)
from timebank.requests.service.looking import Looked, NotToSee, look
from timebank.requests.service.rating import AlreadyRated, BadScore, rate
from timebank.requests.service.reminding import remind_of_requests
from timebank.requests.service.settling import confirm_wish, expire_requests, settle_requests
from timebank.requests.service.stepping import ServiceBegun

__all__ = [
    "AlreadyRated",
    "AlreadyTaken",
    "AskedNobody",
    "BadRequest",
    "BadScore",
    "Claim",
    "CoinsShort",
    "Dispatch",
    "FundShort",
    "Looked",
    "NamesSomebody",
    "NotCoordinator",
    "NotForThem",
    "NotSuitable",
    "NotThen",
    "NotToSee",
    "OwnRequest",
    "ReasonMissing",
    "RecipientNotFound",
    "ServiceBegun",
    "TwoPeople",
    "VolunteerNotFound",
    "ask",
    "claim",
    "confirm_wish",
    "decline",
    "dispatch",
    "expire_requests",
    "hand_over",
    "invite",
    "look",
    "move",
    "rate",
    "refuse",
    "release",
    "remind_of_requests",
    "settle_requests",
    "take_up",
    "withdraw",
]
