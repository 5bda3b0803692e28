"""Reads of desks and slips."""

from timebank.partners.queries.desks import (
    DeskNotFound,
    DeskRow,
    Seen,
    find_desk_by_key,
    find_open_desk,
    get_desk,
    is_of,
    list_desks,
    look,
)
from timebank.partners.queries.slips import Slip, SlipGoods, SlipLine, get_slip, list_slips, redeemed_in

__all__ = [
    "DeskNotFound",
    "DeskRow",
    "Seen",
    "Slip",
    "SlipGoods",
    "SlipLine",
    "find_desk_by_key",
    "find_open_desk",
    "get_desk",
    "get_slip",
    "is_of",
    "list_desks",
    "list_slips",
    "look",
    "redeemed_in",
]
