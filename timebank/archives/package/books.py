"""The tables in their three formats, the journals, and what was counted on the way."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from timebank.archives import rules, signatures
from timebank.archives.package.documents import Documents
from timebank.archives.package.sinks import Workbook, write_table
from timebank.archives.package.sources import Progress, Sources
from timebank.archives.queries import tables
from timebank.ledger import queries as ledger
from timebank.ledger.export import Journal, Style
from timebank.ledger.queries import TrialRow
from timebank.ledger.sealing import period_rows, seal_head, seal_line

_EVERY: Final = 5_000  # rows between two words of progress
_SHOWN: Final = 20  # missing documents that are named
Row = tuple[Any, ...]
Readers = Mapping[str, Callable[[Row], None]]  # table → who else reads its rows as they pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """What was read and written: control totals per table, the trial balance, and what was found to hold.

    ``details`` says more of some facts: which documents are missing, which numbers are not as they should be.
    """

    totals: dict[str, dict[str, int]]
    balances: list[TrialRow]
    facts: dict[str, bool]
    details: dict[str, str]


def write_books(sources: Sources, readers: Readers) -> Books:
    """Every table in its three formats. Entries come first although they stand fifth: the others need their numbers."""
    session, branch, month = sources.session, sources.branch, sources.period.month
    numbers = tables.EntryNumbers()
    balances = ledger.trial_balance(session, branch.id, month=month)
    seal = _SealReader(sources)
    workbook = Workbook(sources.folder / "summary.xlsx", created=sources.closed_at)
    members: list[tables.Members] = []

    def member_rows() -> Iterator[Row]:
        members.append(tables.Members(session, branch, month, balances=balances, numbers=numbers))
        yield from members[0].rows()

    rows: dict[str, Callable[[], Iterator[Row]]] = {
        "entries": lambda: seal.rows(numbers, journals),
        "members": member_rows,
        "activities": lambda: tables.activity_rows(session, branch, month, numbers),
        "attendance": lambda: tables.attendance_rows(session, branch, numbers),
        "orders": lambda: tables.order_rows(session, branch, month, numbers),
        "trial_balance": lambda: tables.trial_rows(balances),
    }
    totals: dict[str, dict[str, int]] = {}
    misfits = 0
    known = {table.name: table for table in rules.TABLES}
    sheets = {table.name: workbook.sheet(table) for table in rules.TABLES}
    with _journals(sources, balances) as journals:
        for name, source in rows.items():
            table = known[name]
            passing = _shown_to(readers.get(name), _counted(source(), table.title, sources.packing.progress))
            totals[name], strange = write_table(table, passing, folder=sources.folder, sheet=sheets[name])
            misfits += strange
    workbook.close()
    written, missing = _written_numbers(sources.folder / "entries.csv"), seal.documents.missing(session)
    facts, changed = seal.facts() | _agreements(totals, balances), seal.documents.differing(session)
    facts["service_records_match_members"] &= not changed
    facts |= {
        "members_columns_add_up": members[0].uneven == 0,
        "values_fit_schema": misfits == 0,
        "numbers_without_gaps": written == sources.period.entries,
        "every_entry_has_document": not missing,
    }  # fmt: skip
    keyed = seal.documents.by_key()
    details = {
        "numbers_without_gaps": f"{sources.period.entries} 笔，{totals['entries']['rows']} 条划转",
        "every_entry_has_document": f"找不到：{'，'.join(missing[:_SHOWN])}"
        if missing
        else keyed and f"以凭号为凭据：{keyed}",
    }
    if changed:
        details["service_records_match_members"] = f"与分录里封签的时长不同：{'，'.join(changed[:_SHOWN])}"
    return Books(totals=totals, balances=balances, facts=facts, details=details)


def _written_numbers(table: Path) -> int | None:
    """The highest number in the entries' table as it was written; None unless they run from 1 without a gap."""
    last = 0
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for row in rows:
            number = int(row[0])
            if number not in {last, last + 1} or number == 0:
                return None
            last = number
    return last


@contextmanager
def _journals(sources: Sources, balances: list[TrialRow]) -> Iterator[list[Journal]]:
    styles: tuple[Style, ...] = ("hledger", "beancount")
    with ExitStack() as files:
        yield [
            Journal(
                files.enter_context((sources.folder / f"journal.{style}").open("w", encoding="utf-8", newline="\n")),
                code=sources.branch.code,
                style=style,
                balances=balances,
                first=sources.period.month,
                opening=True,
            )
            for style in styles
        ]


def _counted(rows: Iterator[Row], title: str, progress: Progress) -> Iterator[Row]:
    number = 0
    for number, row in enumerate(rows, start=1):
        if number % _EVERY == 0:
            progress(title, number)
        yield row
    progress(title, number)


def _shown_to(reader: Callable[[Row], None] | None, rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        if reader is not None:
            reader(row)
        yield row


class _SealReader:
    """Reads the entries once: for their table, their numbers, the journals, and the digest that must equal the seal."""

    def __init__(self, sources: Sources) -> None:
        self._session, self._period = sources.session, sources.period
        self._digest = hashlib.sha256(
            seal_head(sources.branch.code, sources.period.month, sources.period.previous_hash)
        )
        self._totals: Counter[str] = Counter()
        self.documents = Documents()

    def rows(self, numbers: tables.EntryNumbers, journals: Sequence[Journal]) -> Iterator[Row]:
        """One row per transfer, entries in order of their numbers."""
        for number, (entry, transfers) in enumerate(period_rows(self._session, self._period.period_id), start=1):
            self._digest.update(seal_line(number, entry, transfers))
            numbers.add(entry.id)
            self.documents.add(number, entry)
            for journal in journals:
                journal.add(entry, transfers, month=self._period.month, number=number)
            source = f"{entry.source_type} {entry.source_id or ''}".rstrip()
            for seq, unit, debit, credit, amount in transfers:
                self._totals[unit] += amount
                yield (
                    number, seq, entry.kind, source, entry.key, entry.occurred_at, entry.posted_at,
                    unit, debit, credit, amount, entry.reverses_id,
                )  # fmt: skip

    def facts(self) -> dict[str, bool]:
        """Whether what was read is what was sealed."""
        period = self._period
        signature = bytes.fromhex(period.signature or "")
        return {
            "seal_matches_rows": self._digest.hexdigest() == period.hash,
            "sealed_totals_match_rows": dict(self._totals) == dict(period.totals or {}),
            "signature_holds": signatures.holds(period.public_key or "", signature, bytes.fromhex(period.hash or "")),
        }


def _agreements(totals: Mapping[str, Mapping[str, int]], balances: list[TrialRow]) -> dict[str, bool]:
    sums: Counter[str] = Counter()
    held_by_members: Counter[str] = Counter()
    for row in balances:
        sums[row.unit] += row.closing
        if row.kind == "member":
            held_by_members[row.unit] += row.closing
    members = totals["members"]
    return {
        "trial_balance_is_zero": not any(sums.values()),
        "members_coins_match_ledger": members.get("closing", 0) == held_by_members["coin"],
        "members_points_match_ledger": members.get("points_closing", 0) == held_by_members["point"],
        "service_records_match_members": totals["attendance"].get("signed", 0) + totals["attendance"].get("manual", 0)
        == members.get("signed", 0) + members.get("manual", 0),
    }
