"""When a term is past, whether a term may be set, and the hash of a list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from timebank.core.errors import Invalid
from timebank.retention.rules.kinds import DISPOSABLE, MOST_MONTHS

_YEAR = 12
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class TermTooShort(Invalid):
    """Below the least of its kind, or beyond what anybody means."""

    code = "retention.term_too_short"
    text = "{name}至少保管 {least} 个月，最多 {most} 个月。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One record that is past its term."""

    kind: str
    row_id: int
    about: str
    digest: str
    dated: datetime


def check_term(kind: str, months: int) -> None:
    """Raises TermTooShort."""
    found = DISPOSABLE[kind]
    if not found.least <= months <= MOST_MONTHS:
        refusal = TermTooShort(name=found.name, least=found.least, most=MOST_MONTHS)
        refusal.fields = {"months": refusal.message}
        raise refusal


def before_of(months: int, on: date) -> date:
    """What happened before this day is past a term of so many months: the same day, as many months ago."""
    count = on.year * _YEAR + on.month - 1 - months
    year, month = divmod(count, _YEAR)
    return _day(year, month + 1, on.day)


def _day(year: int, month: int, day: int) -> date:
    """The day of a month, or its last one where it is shorter."""
    day = min(day, _LONGEST_MONTHS[month - 1])
    try:
        return date(year, month, day)
    except ValueError:  # the 29th of February of a common year
        return date(year, month, day - 1)


def hash_of_list(items: Iterable[Listed]) -> str:
    """The SHA-256 over the items, one a line in order: kind, number, hash."""
    digest = hashlib.sha256()
    for one in sorted(items, key=lambda item: (item.kind, item.row_id)):
        digest.update(f"{one.kind}\t{one.row_id}\t{one.digest}\n".encode())
    return digest.hexdigest()
