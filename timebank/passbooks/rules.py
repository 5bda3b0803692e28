"""Where a line stands in a passbook, and what a month's movements are called. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from timebank.core.errors import Conflict, NotFound

LINES_PER_PAGE: Final = 18  # of A5
T = TypeVar("T")


class NothingNew(Conflict):
    """Every movement is printed already."""

    code = "passbooks.nothing_new"
    text = "没有新的记录要打。上次打到第 {number} 行。存折丢了或者打坏了，请选“整本重打”。"


class NothingYet(Conflict):
    """No movement at all."""

    code = "passbooks.nothing_yet"
    text = "还没有一笔存入，存折上没有可打的。"


class PrintNotFound(NotFound):
    """No such print, or not for this actor."""

    code = "passbooks.print_not_found"
    text = "没有找到这一次打印。"


@dataclass(frozen=True, slots=True)
class Spot:
    """A page of a passbook and the line on it, both from 1."""

    page: int
    line: int


def spot_of(number: int) -> Spot:
    """Where the ``number``-th line of a passbook stands."""
    page, line = divmod(number - 1, LINES_PER_PAGE)
    return Spot(page + 1, line + 1)


@dataclass(frozen=True)
class Sheet(Generic[T]):
    """A page as it goes through the printer: slots in order, None where something stands already or nothing is yet.

    A ``fresh`` page has not been printed on, so that it gets its head and its lines.
    """

    number: int
    fresh: bool
    slots: tuple[T | None, ...]


def sheets_of(lines: Sequence[T], *, first: int) -> list[Sheet[T]]:
    """Lines from the ``first`` number on, laid on pages; those before it keep their slots empty."""
    before = spot_of(first).line - 1
    slots: list[T | None] = [None] * before + list(lines)
    slots += [None] * (-len(slots) % LINES_PER_PAGE)
    pages = [tuple(slots[at : at + LINES_PER_PAGE]) for at in range(0, len(slots), LINES_PER_PAGE)]
    number = spot_of(first).page
    return [Sheet(number + at, fresh=bool(at) or not before, slots=page) for at, page in enumerate(pages)]


# What movements are called in the sums of a month: came in, went out.
_PART_NAMES: Final = {
    "earn": ("参加服务存入", "更正扣回的服务"),
    "serve": ("为人服务收到", "点单用去"),
    "redeem": ("提供服务收到", "兑换用去"),
    "inter_branch": ("提供服务收到", "兑换用去"),
    "gift": ("收到赠送", "送出和捐出"),
    "grant": ("爱心基金帮扶", "帮扶退回"),
    "expire": ("过期退回", "过期"),
    "reverse": ("更正退回", "更正扣回"),
}
_OTHER: Final = ("其他收到", "其他支出")


@dataclass(frozen=True, slots=True)
class Part:
    """Movements of one kind in a month: how often, and what they came to (below zero: went out)."""

    name: str
    count: int
    amount: int


def parts_of(moved: Iterable[tuple[str, int]]) -> list[Part]:
    """The movements of a month, as (kind, amount), summed by what they are called; what came in first, most first."""
    sums: dict[str, tuple[int, int]] = {}
    for kind, amount in moved:
        name = _PART_NAMES.get(kind, _OTHER)[amount < 0]
        count, total = sums.get(name, (0, 0))
        sums[name] = (count + 1, total + amount)
    parts = [Part(name, count, total) for name, (count, total) in sums.items()]
    return sorted(parts, key=lambda part: (part.amount < 0, -abs(part.amount), part.name))
