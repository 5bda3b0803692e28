"""The verbs of activities. They never commit; a door's unit of work does.

Order of locks, always: activity, shifts by id, member. So no two verbs can wait for each other.
"""

from timebank.activities.rules import ActivityDraft, ShiftDraft
from timebank.activities.service.cancelling import AlreadyBegun, cancel_activity, cancel_shift
from timebank.activities.service.line import settle_shift
from timebank.activities.service.posting import (
    ActivityCancelled,
    AlreadyPosted,
    CannotPublish,
    NotADraft,
    PolicyFixed,
    change_activity,
    copy_activity,
    discard_draft,
    draft_of,
    post_activity,
    publish,
)
from timebank.activities.service.signing import (
    MemberNotActive,
    NotOpen,
    NotSignedUp,
    NotYourTurn,
    ShiftsOverlap,
    ShiftStarted,
    TooLateToLeave,
    accept_offer,
    leave,
    sign_up,
)

__all__ = [
    "ActivityCancelled",
    "ActivityDraft",
    "AlreadyBegun",
    "AlreadyPosted",
    "CannotPublish",
    "MemberNotActive",
    "NotADraft",
    "NotOpen",
    "NotSignedUp",
    "NotYourTurn",
    "PolicyFixed",
    "ShiftDraft",
    "ShiftStarted",
    "ShiftsOverlap",
    "TooLateToLeave",
    "accept_offer",
    "cancel_activity",
    "cancel_shift",
    "change_activity",
    "copy_activity",
    "discard_draft",
    "draft_of",
    "leave",
    "post_activity",
    "publish",
    "settle_shift",
    "sign_up",
]
