"""The program that reads a spreadsheet, in a process of its own: file on standard input, JSON on standard output.

calamine lays a sheet out as one block from its first to its last cell. A single stray cell in the last corner of a
sheet asks for 500 GB, and the Rust allocator answers by ending the process: it must not be the server's. So this file
is run by path, imports nothing of ours, and gives itself a limit of memory and time.
"""

import io
import json
import math
import resource
import sys
from datetime import date, datetime
from typing import Any

from python_calamine import CalamineError, PasswordError, SheetTypeEnum, SheetVisibleEnum, load_workbook

MEMORY_BYTES = 1536 * 1024 * 1024
CPU_SECONDS = 30
MOST_ROWS = 20_000  # read of one sheet; empty ones count
MOST_COLUMNS = 200
MOST_COVERED = 200_000  # cells that merged ones cover, of one sheet


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"date": value.date().isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str | int | float | bool):
        return value if value != "" else None
    return str(value)


def _row(offset: int, values: list[Any]) -> list[Any]:
    cells = [None] * offset + [_cell(value) for value in values]
    while cells and cells[-1] is None:
        cells.pop()
    return cells[:MOST_COLUMNS]


def _rows(sheet: Any) -> list[list[Any]]:
    if sheet.start is None:
        return []
    top, left = sheet.start
    rows: list[list[Any]] = [[] for _ in range(min(top, MOST_ROWS))]
    for values in sheet.iter_rows():
        if len(rows) >= MOST_ROWS:
            break
        rows.append(_row(left, values))
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _merged(sheet: Any, rows: int) -> list[tuple[int, int, int, int]]:
    found, covered = [], 0
    for (top, left), (last_row, last_column) in sheet.merged_cell_ranges or ():
        bottom, right = min(last_row, rows - 1), min(last_column, MOST_COLUMNS - 1)
        covered += max(bottom - top + 1, 0) * max(right - left + 1, 0)
        if covered > MOST_COVERED:
            break
        if bottom >= top and right >= left:
            found.append((top, left, bottom, right))
    return found


def read(content: bytes) -> list[dict[str, Any]]:
    """The sheets of a workbook, in its order."""
    workbook = load_workbook(io.BytesIO(content))
    sheets = []
    for about in workbook.sheets_metadata:
        if about.typ is not SheetTypeEnum.WorkSheet:
            continue
        sheet = workbook.get_sheet_by_name(about.name)
        rows = _rows(sheet)
        hidden = about.visible is not SheetVisibleEnum.Visible
        sheets.append({"name": about.name, "rows": rows, "merged": _merged(sheet, len(rows)), "hidden": hidden})
    return sheets


def main() -> None:
    """Answer with the sheets, or with the word ``password`` or ``broken``."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer: object
    try:
        answer = read(sys.stdin.buffer.read())
    except PasswordError:
        answer = "password"
    except CalamineError:
        answer = "broken"
    json.dump(answer, sys.stdout, allow_nan=False, ensure_ascii=True, separators=(",", ":"))


if __name__ == "__main__":
    main()
