"""Files people take away: CSV that office programs read as UTF-8, XLSX, sheets to print."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter
from flask import Response, abort, send_file

FILE_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t")  # Excel folds the full-width ones
_XLSX_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def table_file(name: str, kind: str, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """The table as a download called ``name``; ``kind`` is ``csv`` or ``xlsx``, anything else is a 404."""
    if kind not in FILE_KINDS:
        abort(404)
    content = _csv(titles, rows) if kind == "csv" else _xlsx(titles, rows)
    return _attached(name, kind, content, FILE_KINDS[kind])


def pdf_file(name: str, content: bytes) -> Response:
    """A printed sheet as a download called ``name``."""
    return _attached(name, "pdf", content, "application/pdf")


def _csv(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO(newline="")
    lines = csv.writer(out)
    lines.writerow(titles)
    lines.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    """A spreadsheet must not read a title that begins like a formula as one."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _xlsx(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    return workbook([("", titles, rows)])


def workbook(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]) -> bytes:
    """An .xlsx file of sheets: each its name (empty: a plain one), its titles, its rows. Text stays text."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, _XLSX_OPTIONS) as book:
        head = book.add_format({"bold": True, "bottom": 6})
        for name, titles, rows in sheets:
            sheet = book.add_worksheet(name or None)
            sheet.freeze_panes(1, 0)
            for at, title in enumerate(titles):
                sheet.set_column(at, at, max(12, 2 * len(title) + 2))
                sheet.write_string(0, at, title, head)
            for number, row in enumerate(rows, start=1):
                _write_row(sheet, number, row)
    return out.getvalue()


def _write_row(sheet: Any, number: int, row: Sequence[Any]) -> None:
    for at, value in enumerate(row):
        if isinstance(value, int):
            sheet.write_number(number, at, value)
        elif value:
            sheet.write_string(number, at, value)


def workbook_file(name: str, content: bytes) -> Response:
    """A workbook as a download called ``name``."""
    return _attached(name, "xlsx", content, FILE_KINDS["xlsx"])


def zip_file(name: str, content: bytes) -> Response:
    """A zip file as a download called ``name``."""
    return _attached(name, "zip", content, "application/zip")


def _attached(name: str, ending: str, content: bytes, kind: str) -> Response:
    return send_file(
        io.BytesIO(content), mimetype=kind, as_attachment=True, download_name=f"{name}.{ending}", max_age=0
    )
