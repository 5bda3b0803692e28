"""What the database's own guards say, as refusals of ours: one table.

The verbs check all this before, under the same locks; the guards are for what no verb has thought of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError

from timebank.attendance.service.refusals import AlreadySubmitted, ChangedMeanwhile, FourEyes, TwoPeople
from timebank.attendance.service.shifts import ReviewClosed
from timebank.core.errors import Refusal

NAMED: Final[dict[str, Callable[[], Refusal]]] = {
    "nobody approves minutes of their own or that they typed": lambda: FourEyes(
        why="名单里有您自己的，或者您亲手补录、更正的时长"
    ),
    "this round needs the yes of two people": TwoPeople,
    "nobody joins a round that somebody has said yes to": ChangedMeanwhile,
    "only what a given approval covers is approved": ChangedMeanwhile,
    "what was sent is never changed": ChangedMeanwhile,
    "a given approval is never changed or deleted": ReviewClosed,
    "approved attendance is never changed or deleted": ReviewClosed,
    "uq_shift_approval_undecided": AlreadySubmitted,
    "ck_shift_approval_four_eyes": lambda: FourEyes(why="这份名单是您提交的"),
    "ck_shift_approval_first_four_eyes": lambda: FourEyes(why="这份名单是您提交的"),
    "ck_shift_approval_two_people": TwoPeople,
}


@contextmanager
def naming_refusals() -> Iterator[None]:
    """Raise the refusal that a guard of the database stands for; what has no name stays the bug that it is."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        for text, refusal in NAMED.items():
            if text in said:
                raise refusal() from error
        raise
