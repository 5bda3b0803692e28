"""Small rosters for tests."""

from __future__ import annotations

import csv
import io


def csv_of(*rows: tuple[str, ...]) -> bytes:
    """A text table as a spreadsheet program saves it."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode("utf-8-sig")
