"""Lists on paper: line codes, pages, times as people write them, and the check totals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any, Final

from timebank.core import codes, tags
from timebank.core.errors import Invalid
from timebank.core.minutes import hours

SHEET_TAG: Final = tags.SHEET  # six random characters and a check character follow
SHEET_RANDOM: Final = 6
LINES_PER_PAGE: Final = 14  # what fits on A4 in type that people of eighty can read and sign
MOST_LINES: Final = 700  # a big square has 600 people
_SHEET_LENGTH = len(SHEET_TAG) + SHEET_RANDOM + 1
_CLOCK = re.compile(r"([0-9]{1,2})[:.点时]([0-9]{1,2})?分?")
_DIGITS = re.compile(r"[0-9]{1,4}")
_KEY = re.compile(rf"paper:\d+:\d+:({SHEET_TAG}\w+)-(\d+)-(?:in|out)")


class CheckTotalWrong(Invalid):
    """What was typed does not add up to what is written on the paper."""

    code = "attendance.check_total_wrong"
    text = "合计对不上，一行也没有保存。请对照纸上再看一遍。"


def read_sheet_number(text: str) -> str | None:
    """The number of a sheet as somebody typed it; None when it cannot be one."""
    code = codes.tidy(text)
    shaped = len(code) == _SHEET_LENGTH and code.startswith(SHEET_TAG)
    return code if shaped and codes.is_valid(code) else None


def line_code(number: str, line: int) -> str:
    """What names a line: its number, and a check character that fits no other line and hardly another sheet."""
    return f"{line:02d}-{codes.check_character(f'{number}{line:03d}')}"


def page_of(line: int) -> int:
    """The page on which a line stands; both count from 1."""
    return (line - 1) // LINES_PER_PAGE + 1


def read_clock(text: str) -> time | None:
    """A time as it is written on paper: 8:00, ８：００, 8.00, 8点, 800, 0800, 8. None when it is none."""
    tidied = "".join(unicodedata.normalize("NFKC", text).split())
    found = _CLOCK.fullmatch(tidied)
    if found:
        hour, minute = int(found[1]), int(found[2] or 0)
    elif _DIGITS.fullmatch(tidied):
        hour, minute = (int(tidied[:-2]), int(tidied[-2:])) if len(tidied) > 2 else (int(tidied), 0)
    else:
        return None
    return time(hour, minute) if hour < 24 and minute < 60 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """How many people were there, and for how many minutes from coming to leaving; None: not added up."""

    people: int
    minutes: int | None


def check_totals(typed: Totals, written: Totals) -> None:
    """Refuse unless what was typed adds up to what is written. Raises CheckTotalWrong naming the difference."""
    fields: dict[str, str] = {}
    if typed.people != written.people:
        more = typed.people - written.people
        fields["people"] = (
            f"纸上写的是 {written.people} 人，录入了 {typed.people} 人，{'多' if more > 0 else '少'} {abs(more)} 人。"
        )
    if written.minutes is not None and typed.minutes != written.minutes:
        fields["sum"] = _minutes_differ(typed.minutes, written.minutes)
    if fields:
        raise CheckTotalWrong(fields=fields)


def _minutes_differ(typed: int | None, written: int) -> str:
    if typed is None:
        return f"纸上合计 {hours(written)}，但是有人没有写全到场和离开时间，加不出来。合计可以不填。"
    more = typed - written
    return (
        f"纸上合计 {hours(written)}，录入的加起来是 {hours(typed)}，{'多' if more > 0 else '少'} {hours(abs(more))}。"
    )


def differences(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """Where two people read the same page differently: line and what each of them typed, in words."""
    mine, theirs = ({row["line"]: row for row in rows} for rows in (first, second))
    found = []
    for line in sorted({*mine, *theirs}):
        said = _as_read(mine.get(line)), _as_read(theirs.get(line))
        if said[0] != said[1]:
            found.append((line, f"第一次：{said[0][1]}；复核：{said[1][1]}"))
    return found


def _as_read(row: Mapping[str, Any] | None) -> tuple[int | None, str]:
    if row is None:
        return None, "空着"
    return row["member_id"], f"{row['in'] or '—'} 到 {row['out'] or '—'}"


def sheet_of(key: str) -> tuple[str, int] | None:
    """The sheet and the line that a scan was typed from, by its key; None for other scans."""
    found = _KEY.fullmatch(key)
    return (found[1], int(found[2])) if found else None


def place_of(key: str) -> str:
    """The same in words: ``F1AB-CDEF-G 第 3 行``; nothing for other scans."""
    found = sheet_of(key)
    return f"{codes.grouped(found[0])} 第 {found[1]} 行" if found else ""


def lines_of(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many of the rows name somebody who was there."""
    return sum(bool(row["in"] or row["out"]) for row in rows)
