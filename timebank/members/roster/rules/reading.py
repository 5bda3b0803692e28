"""Reading a whole file's sheets into a roster, and keeping a roster as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from timebank.core.errors import Invalid
from timebank.members.roster.rules.cells import Cell
from timebank.members.roster.rules.columns import Header, NoNameColumn, find_header
from timebank.members.roster.rules.findings import ERROR, FIELD_NAMES, NOTED, REMARK, SERIAL, Finding
from timebank.members.roster.rules.people import Person, in_file_order, read_people

MOST_PEOPLE = 5_000


class NobodyInFile(Invalid):
    """There is a header, but no row below it."""

    code = "roster.nobody"
    text = "找到了表头，下面却没有人。请把名单填在表头下面，再上传。"

    def __init__(self) -> None:
        super().__init__(fields={"file": self.text})


class TooManyPeople(Invalid):
    """More rows than are imported at once."""

    code = "roster.too_many"
    text = "名单有 {count} 行，一次最多 {most} 行。请分成几个文件上传。"

    def __init__(self, count: int) -> None:
        text = self.text.format(count=count, most=MOST_PEOPLE)
        super().__init__(fields={"file": text}, count=count, most=MOST_PEOPLE)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A sheet's cells as rows from the file's first one on, and the areas that merged cells cover.

    ``merged``: (first row, first column, last row, last column), counted from 0, within the rows.
    """

    name: str
    rows: Sequence[Sequence[Cell]]
    merged: Sequence[tuple[int, int, int, int]] = ()
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Roster:
    """What a file says: its people, and everything noticed on the way."""

    sheet_name: str
    header_row: int
    columns: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    row_count: int
    people: tuple[Person, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the import."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)


def read_roster(sheets: Sequence[Sheet], today: date) -> Roster:
    """Read the sheet whose header says most. Raises NoNameColumn, NobodyInFile, TooManyPeople."""
    sheet, header, shared = _choose(sheets)
    people, findings, row_count = read_people(sheet.rows, header, shared, today)
    if not row_count:
        raise NobodyInFile()
    if row_count > MOST_PEOPLE:
        raise TooManyPeople(row_count)
    labels = {column.field: column.label for column in header.columns if column.field is not None}
    ignored = (*header.ignored, *([labels[REMARK]] if REMARK in labels else []))
    return Roster(
        sheet_name=sheet.name,
        header_row=header.ends_at + 1,
        columns=tuple((label, FIELD_NAMES[name]) for name, label in labels.items() if name not in {REMARK, SERIAL}),
        ignored=ignored,
        row_count=row_count,
        people=tuple(people),
        findings=tuple(in_file_order([*_about_file(sheets, sheet, header, ignored), *findings])),
    )


def _choose(sheets: Sequence[Sheet]) -> tuple[Sheet, Header, dict[tuple[int, int], Cell]]:
    best: tuple[Sheet, Header, dict[tuple[int, int], Cell]] | None = None
    seen = [sheet for sheet in sheets if not sheet.hidden] or sheets
    for sheet in seen:
        shared = _covered(sheet)
        header = find_header(_filled(sheet, shared))
        if header is not None and (best is None or header.score > best[1].score):
            best = (sheet, header, shared)
    if best is None:
        raise NoNameColumn()
    return best


def _covered(sheet: Sheet) -> dict[tuple[int, int], Cell]:
    """Each cell below a merged one, with what the merged one says."""
    covered: dict[tuple[int, int], Cell] = {}
    for top, left, bottom, right in sheet.merged:
        row = sheet.rows[top] if top < len(sheet.rows) else ()
        value = row[left] if left < len(row) else None
        for at in range(top, min(bottom + 1, len(sheet.rows))):
            for column in range(left, right + 1):
                covered[(at, column)] = value
    return covered


def _filled(sheet: Sheet, shared: dict[tuple[int, int], Cell]) -> list[list[Cell]]:
    """The first rows with merged cells filled: a merged label names all the columns it spans."""
    top = [list(row) for row in sheet.rows[:60]]
    for (at, column), value in shared.items():
        if at < len(top):
            top[at].extend([None] * (column + 1 - len(top[at])))
            top[at][column] = value
    return top


def _about_file(sheets: Sequence[Sheet], sheet: Sheet, header: Header, ignored: Sequence[str]) -> list[Finding]:
    found = []
    others = [other.name for other in sheets if other is not sheet and any(any(row) for row in other.rows)]
    if others:
        problem = f"读的是工作表“{sheet.name}”，没有读：{'、'.join(others[:8])}。"
        found.append(
            Finding(
                severity=NOTED,
                row=None,
                field="工作表",
                problem=problem,
                todo="别的表里也有名单的，请另存成单独的文件上传。",
            )
        )
    if ignored:
        problem = f"这些列不导入：{'、'.join(ignored[:20])}。"
        found.append(
            Finding(
                severity=NOTED,
                row=None,
                field="列",
                problem=problem,
                todo="只录服务用得着的内容；备注常有隐私，不保存。",
            )
        )
    return found


# --- keeping -------------------------------------------------------------------------------------------------------


def to_text(roster: Roster) -> str:
    """The roster as JSON, to be sealed and kept until it is imported."""
    return json.dumps(asdict(roster), ensure_ascii=False, default=str, separators=(",", ":"))


def from_text(text: str) -> Roster:
    """What ``to_text`` kept."""
    kept: dict[str, Any] = json.loads(text)
    return Roster(
        sheet_name=kept["sheet_name"],
        header_row=kept["header_row"],
        columns=tuple((label, name) for label, name in kept["columns"]),
        ignored=tuple(kept["ignored"]),
        row_count=kept["row_count"],
        people=tuple(_person(row) for row in kept["people"]),
        findings=tuple(Finding(**finding) for finding in kept["findings"]),
    )


def _person(kept: dict[str, Any]) -> Person:
    born = kept["born_on"]
    return Person(**kept | {"born_on": date.fromisoformat(born) if born else None, "teams": tuple(kept["teams"])})
