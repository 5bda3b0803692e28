"""Long lists in parts: one page, with what it needs to say where it stands; ids by the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

Item = TypeVar("Item")
_LAST_PAGE = 100_000
BATCH = 2_000


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """``items`` of page ``number`` (from 1), of ``total`` items in all."""

    items: Sequence[Item]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // self.size))


def page_number(text: str | None) -> int:
    """The page that an address asks for; nonsense means the first."""
    return min(max(int(text), 1), _LAST_PAGE) if text and text.isascii() and text.isdigit() else 1


def read_page(session: Session, statement: Select[Any], *, number: int, size: int = 30) -> Page[Any]:
    """One page of an ordered selection of one entity; a number past the end reads the last page."""
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    number = max(1, min(number, -(-total // size)))
    items = session.scalars(statement.limit(size).offset((number - 1) * size)).unique().all()
    return Page(items=items, number=number, size=size, total=total)


def batched(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """The items, so many at a time: a statement takes only so many values."""
    return (items[at : at + size] for at in range(0, len(items), size))
