"""From the rows below the header to people: cleaned cells, rows left out, and who is who."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from timebank.members.roster.rules import cells
from timebank.members.roster.rules.cells import Cell, Cleaned, text_of, tidy
from timebank.members.roster.rules.columns import Header, bare_label, known_field
from timebank.members.roster.rules.findings import (
    BORN_ON,
    ERROR,
    FIELD_NAMES,
    FREE_TIMES,
    ID_NUMBER,
    MENDED,
    NAME,
    NOTED,
    PHONE,
    REMARK,
    SEX,
    SKILLS,
    SKIPPED,
    TEAMS,
    Finding,
)
from timebank.members.rules import ADULT_ENOUGH, age_on, read_id_number

SHARED_FIELDS = (TEAMS, SKILLS, FREE_TIMES)  # one merged cell may speak for many rows; a name never does
_FOOTER = re.compile(
    r"(?:合计|总计|共计|小计|累计|总人数|备注|说明|附注|注[:：\d、.]|填表|填报|制表|审核|审批|复核|负责人|经办|联系人|盖章|单位[:：(]|"
    r"日期[:：]|填写|共\d+[人名位]|第\d+页|以上|以下空白|温馨提示)"
)
_DITTO = {"同上", "〃", '"', "''", "″"}


@dataclass(frozen=True, kw_only=True)
class Person:
    """One row, cleaned. ``row`` is its row in the file as a spreadsheet counts."""

    row: int
    name: str
    phone: str | None = None
    id_number: str | None = None
    sex: str | None = None
    born_on: date | None = None
    teams: tuple[str, ...] = ()
    skills: str = ""
    free_times: str = ""

    @property
    def identity(self) -> str:
        """What tells this person from others: the ID number, else phone and name, else name and birth date."""
        if self.id_number:
            return f"id {self.id_number}"
        if self.phone:
            return f"phone {self.phone} {self.name}"
        return f"born {self.born_on} {self.name}"


@dataclass
class _Reading:
    """What grows while rows are read."""

    people: list[Person] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    row_count: int = 0

    def find(self, severity: str, row: int | None, column: str, problem: str, todo: str = "") -> None:
        self.findings.append(
            Finding(severity=severity, row=row, field=FIELD_NAMES.get(column, column), problem=problem, todo=todo)
        )


def read_people(
    rows: Sequence[Sequence[Cell]], header: Header, shared: Mapping[tuple[int, int], Cell], today: date
) -> tuple[list[Person], list[Finding], int]:
    """People, findings and the number of rows that were not empty. ``shared`` gives cells covered by a merged one."""
    reading = _Reading()
    above: Cell = None
    for at in range(header.ends_at + 1, len(rows)):
        typed = {name: _cell(rows[at], column) for name, column in header.fields.items()}
        for name in SHARED_FIELDS:
            if name in typed and _is_empty(typed[name]):
                typed[name] = shared.get((at, header.fields[name]))
        if TEAMS in typed and tidy(text_of(typed[TEAMS])) in _DITTO:
            typed[TEAMS] = above
        above = typed.get(TEAMS)
        _read_row(reading, rows[at], at + 1, typed, today)
    _tell_apart(reading)
    return reading.people, reading.findings, reading.row_count


def _cell(row: Sequence[Cell], column: int) -> Cell:
    return row[column] if column < len(row) else None


def _is_empty(cell: Cell) -> bool:
    return not tidy(text_of(cell))


def _read_row(reading: _Reading, row: Sequence[Cell], number: int, typed: dict[str, Cell], today: date) -> None:
    own = [cell for cell in row if not _is_empty(cell)]
    if not own:
        return
    if _is_header_again(own):
        reading.find(SKIPPED, number, "整行", "又是一行表头，跳过。")
        return
    telling = [name for name in (NAME, PHONE, ID_NUMBER, BORN_ON) if not _is_empty(typed.get(name))]
    if not telling:
        # A pre-printed serial number or a merged team name makes no person.
        if any(
            name in typed and not _is_empty(typed[name]) for name in (SEX, SKILLS, FREE_TIMES, REMARK)
        ) or _first_text(own):
            reading.find(SKIPPED, number, "整行", "没有姓名、手机号和证件号，按空行跳过。")
        return
    if _is_footer(own, typed, today):
        reading.find(SKIPPED, number, "整行", "是合计、备注或落款，跳过。")
        return
    reading.row_count += 1
    person = _read_person(reading, number, typed, today)
    if person is not None:
        reading.people.append(person)


def _is_header_again(own: Sequence[Cell]) -> bool:
    known = {found[0] for found in (known_field(bare_label(cell)) for cell in own) if found}
    return NAME in known and len(known) >= 2 and 2 * len(known) >= len(own)


def _first_text(own: Sequence[Cell]) -> str:
    texts = (tidy(text_of(cell)) for cell in own)
    return next((text for text in texts if not re.fullmatch(r"[\d.]+", text)), "")


def _is_footer(own: Sequence[Cell], typed: Mapping[str, Cell], today: date) -> bool:
    if not _FOOTER.match(_first_text(own).replace(" ", "")):
        return False
    if cells.clean_name(typed.get(NAME)).value is None:
        return True
    telling = (
        cells.clean_phone(typed.get(PHONE)).value,
        cells.clean_id_number(typed.get(ID_NUMBER), today).value,
        cells.clean_date(typed.get(BORN_ON), today).value,
    )
    return not any(telling)


def _read_person(reading: _Reading, number: int, typed: Mapping[str, Cell], today: date) -> Person | None:
    cleaned: dict[str, Cleaned[Any]] = {
        NAME: cells.clean_name(typed.get(NAME)),
        PHONE: cells.clean_phone(typed.get(PHONE)),
        ID_NUMBER: cells.clean_id_number(typed.get(ID_NUMBER), today),
        SEX: cells.clean_sex(typed.get(SEX)),
        BORN_ON: cells.clean_date(typed.get(BORN_ON), today),
        TEAMS: cells.clean_teams(typed.get(TEAMS)),
        SKILLS: cells.clean_words(typed.get(SKILLS)),
        FREE_TIMES: cells.clean_words(typed.get(FREE_TIMES)),
    }
    for name, found in cleaned.items():
        if found.wrong:
            reading.find(ERROR, number, name, found.wrong, found.todo)
        elif found.mended:
            reading.find(MENDED, number, name, found.mended)
    if cleaned[NAME].value is None and not cleaned[NAME].wrong:
        reading.find(ERROR, number, NAME, "没有姓名。", "请补上姓名；这一行不要的话，在文件里删掉。")
    if cleaned[NAME].value is None or any(found.wrong for found in cleaned.values()):
        return None
    person = _agreed(reading, number, {name: found.value for name, found in cleaned.items()}, today)
    if person.born_on is not None and age_on(person.born_on, today) < ADULT_ENOUGH:
        problem = f"“{person.name}”未满 {ADULT_ENOUGH} 周岁，没有导入。"
        reading.find(SKIPPED, number, BORN_ON, problem, "请监护人带到网点，当面同意后登记。")
        return None
    if not (person.phone or person.id_number or person.born_on):
        reading.find(
            ERROR,
            number,
            NAME,
            f"“{person.name}”只有姓名，同名的人分不清。",
            "请补上手机号、身份证号或出生日期中的一项。",
        )
        return None
    return person


def _agreed(reading: _Reading, number: int, values: Mapping[str, Any], today: date) -> Person:
    """The person of a row; birth date and sex as in the ID number where there is one."""
    person = Person(
        row=number,
        name=values[NAME],
        phone=values[PHONE],
        id_number=values[ID_NUMBER],
        sex=values[SEX],
        born_on=values[BORN_ON],
        teams=values[TEAMS] or (),
        skills=values[SKILLS] or "",
        free_times=values[FREE_TIMES] or "",
    )
    if person.id_number is None:
        return person
    read = read_id_number(person.id_number, today=today)
    if person.born_on not in {None, read.born_on}:
        said = f"出生日期 {person.born_on} 和身份证号不一致，按身份证号记 {read.born_on}。"
        reading.find(MENDED, number, BORN_ON, said)
    if person.sex not in {None, read.sex}:
        reading.find(MENDED, number, SEX, "性别和身份证号不一致，按身份证号记。")
    return replace(person, born_on=read.born_on, sex=read.sex)


# --- who is who ----------------------------------------------------------------------------------------------------


def is_same(one: Person, other: Person) -> bool:
    """Whether two rows are one person: by ID number, else by phone and name, else by name and birth date."""
    if one.id_number and other.id_number:
        return one.id_number == other.id_number
    if one.name != other.name:
        return False
    if one.phone and other.phone:
        return one.phone == other.phone
    return one.born_on is not None and one.born_on == other.born_on


def _keys(person: Person) -> Iterator[tuple[str, object]]:
    """Under each of these a row that is the same person may be found."""
    if person.id_number:
        yield ID_NUMBER, person.id_number
    if person.phone:
        yield person.name, person.phone
    if person.born_on:
        yield person.name, person.born_on


def _tell_apart(reading: _Reading) -> None:
    """Keep the first row of each person; say which rows repeat it and which may."""
    kept: list[Person] = []
    seen: dict[tuple[str, object], list[Person]] = {}
    for person in reading.people:
        near = {other.row: other for key in _keys(person) for other in seen.get(key, ())}
        twin = next((other for other in near.values() if is_same(one=other, other=person)), None)
        if twin is not None:
            _find_twin(reading, person, twin)
            continue
        _find_lookalike(reading, person, near.values())
        kept.append(person)
        for key in _keys(person):
            seen.setdefault(key, []).append(person)
    _find_shared_phones(reading, kept)
    reading.people[:] = kept
    reading.findings[:] = without_mends(reading.findings)


def _find_twin(reading: _Reading, person: Person, twin: Person) -> None:
    if person.name != twin.name:
        reading.find(
            ERROR,
            person.row,
            ID_NUMBER,
            f"和第 {twin.row} 行“{twin.name}”的身份证号相同，姓名却不同。",
            "请核对是谁的号码。",
        )
    else:
        reading.find(SKIPPED, person.row, "整行", f"“{person.name}”和第 {twin.row} 行是同一个人，只导入一次。")


def _find_lookalike(reading: _Reading, person: Person, near: Iterable[Person]) -> None:
    for other in near:
        if other.name == person.name and other.born_on is not None and other.born_on == person.born_on:
            reading.find(
                NOTED,
                person.row,
                NAME,
                f"和第 {other.row} 行同名、同一天出生，号码不同，按两个人导入。",
                "如果是同一个人，请删去一行。",
            )
            return


def _find_shared_phones(reading: _Reading, kept: Sequence[Person]) -> None:
    first: dict[str, Person] = {}
    for person in kept:
        if not person.phone:
            continue
        other = first.setdefault(person.phone, person)
        if other is not person:
            reading.find(
                NOTED,
                person.row,
                PHONE,
                f"和第 {other.row} 行“{other.name}”用同一个手机号。",
                "一家人合用的不用改，否则请核对。",
            )


def without_mends(findings: Sequence[Finding]) -> list[Finding]:
    """Findings without what was mended in rows that are left out: nobody needs to check that."""
    skipped = {finding.row for finding in findings if finding.severity == SKIPPED}
    return [finding for finding in findings if finding.severity != MENDED or finding.row not in skipped]


def in_file_order(findings: Sequence[Finding]) -> list[Finding]:
    """Findings as one reads the file: the whole file first, then row by row."""
    return sorted(findings, key=lambda finding: finding.row or 0)
