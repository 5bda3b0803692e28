"""One pass over a table's rows, three files: XLSX sheet, CSV and JSON. Rows stream through; nothing piles up."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import xlsxwriter

from timebank.archives.rules import Column, Table
from timebank.core import clock
from timebank.core.masking import mask_numbers

# Control totals are taken of amounts. Ids and line numbers are counts too, but their sums would say nothing.
_SUMMED_KINDS = frozenset({"minutes", "points"})
_SUMMED_COUNTS = frozenset({"attended", "amount", "opening", "debit", "credit", "closing"})
_DUMP = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t")  # Excel folds the full-width ones
_SHORTEST = 11  # digits of a mobile phone number; an ID number is longer
_XLSX_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class Workbook:
    """``summary.xlsx``: one sheet per table. Text stays text: a number written with leading zeros keeps them."""

    def __init__(self, target: Path, *, created: datetime, title: str = "月度归档") -> None:
        # Its parts rest beside it, not in a shared /tmp that may be a small memory disk.
        self._book = xlsxwriter.Workbook(str(target), {**_XLSX_OPTIONS, "tmpdir": str(target.parent)})
        # Naive on purpose: the format has no zones, and the instant of the seal makes the bytes repeatable.
        self._book.set_properties({"created": created.astimezone(UTC).replace(tzinfo=None), "title": title})
        self._head = self._book.add_format({"bold": True, "bottom": 6})

    def sheet(self, table: Table) -> Any:
        """A sheet with the table's titles in a frozen first row."""
        sheet = self._book.add_worksheet(table.title)
        sheet.freeze_panes(1, 0)
        for at, column in enumerate(column for column in table.columns if column.in_sheet):
            sheet.set_column(at, at, _width(column))
            sheet.write_string(0, at, column.title, self._head)
        return sheet

    def close(self) -> None:
        """Write the file."""
        self._book.close()


def write_table(table: Table, rows: Iterable[Sequence[Any]], *, folder: Path, sheet: Any) -> tuple[dict[str, int], int]:
    """Write ``rows`` (values in the order of the columns).

    Returns the control totals (rows, and each sum), and how many values are not of their column's type.
    """
    totals: Counter[str] = Counter({"rows": 0})
    misfits = 0
    names, types = [column.name for column in table.columns], [column.types for column in table.columns]
    summed = [(at, column.name) for at, column in enumerate(table.columns) if _is_summed(column)]
    shown = [at for at, column in enumerate(table.columns) if column.in_sheet]
    with (
        (folder / f"{table.name}.csv").open("w", encoding="utf-8-sig", newline="") as csv_file,
        (folder / f"{table.name}.json").open("w", encoding="utf-8") as json_file,
    ):
        lines = csv.writer(csv_file, lineterminator="\r\n")
        lines.writerow([column.title for column in table.columns])
        json_file.write("[")
        for number, row in enumerate(rows, start=1):
            plain = [_plain(value) for value in row]
            misfits += sum(type(value) not in wanted for value, wanted in zip(plain, types, strict=True))
            lines.writerow([_csv_cell(value) for value in plain])
            json_file.write(",\n" if number > 1 else "\n")
            json_file.write(_DUMP(dict(zip(names, plain, strict=True))))
            _write_cells(sheet, number, [plain[at] for at in shown])
            totals["rows"] = number
            for at, name in summed:
                totals[name] += plain[at] or 0
        json_file.write("\n]\n")
    return dict(totals), misfits


def _is_summed(column: Column) -> bool:
    return column.kind in _SUMMED_KINDS or (column.kind == "count" and column.name in _SUMMED_COUNTS)


def _write_cells(sheet: Any, number: int, values: Sequence[Any]) -> None:
    for at, value in enumerate(values):
        if type(value) is int:
            sheet.write_number(number, at, value)
        elif value:
            sheet.write_string(number, at, value)


def _plain(value: Any) -> Any:
    """Instants as the wall clock of the branch with its offset; days as they are; numbers of persons in text masked."""
    if isinstance(value, str):
        return mask_numbers(value) if len(value) >= _SHORTEST else value
    if isinstance(value, datetime):
        return _wall_clock(value)
    return value.isoformat() if isinstance(value, date) else value


@lru_cache(maxsize=1024)  # a whole shift is booked at one instant
def _wall_clock(instant: datetime) -> str:
    return clock.local(instant).isoformat(timespec="seconds")


def _csv_cell(value: Any) -> Any:
    """A spreadsheet must not read a title that begins like a formula as one."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _width(column: Column) -> int:
    return {"text": 18, "instant": 25}.get(column.kind, 2 * len(column.title) + 2)
