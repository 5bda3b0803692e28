"""统筹: what a coordinator looks at once a day, put together from the features below; reads only.

Promises: the same number of questions however many rows there are; names masked as on other desks.
"""

from timebank.desks.coordinating.ending import Ending, Endings, list_endings
from timebank.desks.coordinating.missing import MissingSkill, list_missing
from timebank.desks.coordinating.unanswered import Unanswered, list_unanswered
from timebank.desks.coordinating.unredeemed import Unredeemed, Unredeemers, hint, least_to_redeem, list_unredeemed

__all__ = [
    "Ending",
    "Endings",
    "MissingSkill",
    "Unanswered",
    "Unredeemed",
    "Unredeemers",
    "hint",
    "least_to_redeem",
    "list_endings",
    "list_missing",
    "list_unanswered",
    "list_unredeemed",
]
