"""``flask ledger verify``: every invariant of the books as a small function that names the rows that break it.

A room of its own beside queries: it trusts nothing that the verbs keep and reads the tables again from the ground.
Running figures and closing figures are looked at only to be held against the rows. A row that cannot be read is a
finding: of ``readable``, which names it, and of each check that it kept from coming to its end.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from sqlalchemy.orm import Session

from timebank.ledger.verification.catalogue import BEFORE_CLOSE, CHECKS
from timebank.ledger.verification.check import Check, Finding, Look
from timebank.ledger.verification.report import Kept, as_plain, read_kept, report, report_of_branch

__all__ = [
    "CHECKS",
    "Check",
    "Finding",
    "Kept",
    "as_plain",
    "read_kept",
    "report",
    "report_of_branch",
    "verify",
    "verify_before_close",
]


def verify(session: Session, book_id: int, *, only: Collection[str] = ()) -> list[Check]:
    """Run every check over one book, or ``only`` some by name; a sound book has no findings."""
    return [_run(session, book_id, *named) for named in CHECKS if not only or named[0] in only]


def verify_before_close(session: Session, book_id: int) -> list[Check]:
    """Run the checks that a close stands on over one book."""
    return [_run(session, book_id, *named) for named in BEFORE_CLOSE]


def _run(session: Session, book_id: int, name: str, title: str, look: Look) -> Check:
    begun, findings = time.perf_counter(), list[Finding]()
    try:
        with session.begin_nested():  # what PostgreSQL refuses to read ends this check, not the others
            findings.extend(Finding(check=name, row=row, text=text) for row, text in look(session, book_id))
    except Exception as error:
        text = f"有一行读不出来，这一项没能查完（{type(error).__name__}）。"
        findings.append(Finding(check=name, row=f"check {name}", text=text))
    milliseconds = round((time.perf_counter() - begun) * 1000)
    return Check(name=name, title=title, findings=tuple(findings), milliseconds=milliseconds)
