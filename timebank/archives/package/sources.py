"""What a package is made from and with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from timebank.archives.rules import Edition
from timebank.branches.models import Branch
from timebank.core.keys import Keys
from timebank.ledger.queries import PeriodView

Progress = Callable[[str, int], None]


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How packages are made here: the archives' folder, the keys that sign, the public address, who is told.

    ``site`` is the configured address (``https://bank.example.org``) or empty, never the one a request came to: the
    page, the command and the schedule must write the same bytes.
    """

    folder: Path
    keys: Keys
    site: str = ""
    progress: Progress = lambda title, rows: None


@dataclass(frozen=True, kw_only=True)
class Sources:
    """One package in the making: where its rows come from, and the folder where its parts lie meanwhile."""

    session: Session
    branch: Branch
    period: PeriodView
    edition: Edition
    folder: Path
    packing: Packing

    @property
    def closed_at(self) -> datetime:
        """When the month was sealed: the one instant that stands in a package."""
        if self.period.closed_at is None:
            raise ValueError(f"{self.period.month} is not closed")
        return self.period.closed_at

    @property
    def seal_hash(self) -> str:
        """The seal of the month."""
        if self.period.hash is None:
            raise ValueError(f"{self.period.month} is not sealed")
        return self.period.hash
