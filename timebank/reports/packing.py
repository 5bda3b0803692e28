"""The file of an evidence pack: its tables in three formats, a summary for people, photos, in one bag with its hashes.

A room of its own because it writes a file and nothing else: no row of the database changes here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from timebank import __version__
from timebank.archives.package.bag import write_bag
from timebank.archives.package.sinks import Workbook, write_table
from timebank.core import clock
from timebank.reports.queries.evidence import Rows
from timebank.reports.rules import EVIDENCE_TABLES


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What goes into a pack: its name, what is said of it, the rows of each table, other files by their names."""

    name: str
    about: Mapping[str, Any]
    tables: Mapping[str, Rows]
    files: Mapping[str, bytes]
    branch: str
    made_at: datetime


def write_pack(parts: Parts, folder: Path) -> Path:
    """Write the pack into ``folder``, which is empty and goes away afterwards; returns the zip file.

    It is a BagIt bag: ``manifest-sha256.txt`` inside lists every file with its hash, so any tool can check it.
    """
    data = folder / "data"
    (data / "photos").mkdir(parents=True)
    workbook = Workbook(data / "evidence.xlsx", created=parts.made_at, title="佐证包")
    totals = {}
    for table in EVIDENCE_TABLES:
        rows = parts.tables[table.name]
        totals[table.name], _ = write_table(table, rows, folder=data, sheet=workbook.sheet(table))
    workbook.close()
    for name, content in parts.files.items():
        (data / name).write_bytes(content)
    about = {**parts.about, "tables": totals, "program": __version__}
    (data / "pack.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    target = folder / f"{parts.name}.zip"
    write_bag(
        target,
        parts.name,
        [(str(path.relative_to(data)), path) for path in sorted(data.rglob("*")) if path.is_file()],
        info={"Source-Organization": parts.branch, "Bag-Software-Agent": f"timebank {__version__}"},
        stamp=clock.local(parts.made_at).replace(tzinfo=None),
    )
    return target
