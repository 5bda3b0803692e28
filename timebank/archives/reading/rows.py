"""A table's JSON file read as it streams by: one row a line, as packages are written. Nothing piles up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from timebank.archives.reading.bag import BROKEN

_LONGEST_ROW: Final = 1 << 20
_MOST_STRANGE: Final = 100
_TYPES: Final[dict[str, type]] = {"text": str, "instant": str, "day": str}


class Rows:
    """Counts and sums the rows of a table described by ``described`` (its part of the manifest)."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.title, self.expected = str(described["title"]), dict(described["totals"])
        self.totals: Counter[str] = Counter()
        self.strange = 0
        self._types = {
            column["name"]: (_TYPES.get(column["kind"], int), *([type(None)] if column["optional"] else []))
            for column in described["columns"]
        }
        self._titles = {"rows": "行数"} | {column["name"]: str(column["title"]) for column in described["columns"]}
        self._summed = [name for name in self.expected if name != "rows"]
        self._rest = b""

    def see(self, chunk: bytes) -> None:
        """The next piece of the file."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._read(line)
        if len(self._rest) > _LONGEST_ROW:
            self._rest = b""
            self.strange += 1

    def end(self) -> None:
        """The file is over."""
        self._read(self._rest)
        self._rest = b""

    def wrong(self) -> list[tuple[str, int, int]]:
        """The totals that do not agree: what they are called, as listed, as found."""
        return [
            (self._titles[name], total, self.totals[name])
            for name, total in self.expected.items()
            if self.totals[name] != total
        ]

    def _read(self, line: bytes) -> None:
        if line in {b"", b"[", b"]"}:
            return
        if self.strange > _MOST_STRANGE:  # it is no table; reading on would only cost time
            return
        try:
            row = json.loads(line.removesuffix(b","))
            fits = row.keys() == self._types.keys() and all(
                type(value) in self._types[name] for name, value in row.items()
            )
            self.totals["rows"] += 1
            for name in self._summed:
                self.totals[name] += row[name] or 0
        except BROKEN:
            fits = False
        self.strange += not fits
