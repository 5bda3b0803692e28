"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

Rows = Iterator[tuple[str, str]]  # which row, and what is wrong with it (Chinese, for the inspector)
Look = Callable[[Session, int], Rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One broken promise: which check, which row, what is wrong (Chinese, for the inspector)."""

    check: str
    row: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A named invariant, what it found, and how long it looked."""

    name: str
    title: str
    findings: tuple[Finding, ...]
    milliseconds: int
