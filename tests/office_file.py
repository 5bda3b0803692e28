"""A roster as a street office really keeps it: made for tests, with everything in it that a tidy table would not have.

A title over all columns, a header of two rows with merged cells, the team's name merged down over its people, spaces in
short names, phones as numbers, dates as ``1954.3.5``, full-width digits, one person twice, a total and a signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

import openpyxl
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.worksheet import Worksheet

FIRST_ROW = 5  # of people, as the spreadsheet counts; title, date, and two rows of header are above
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")


@dataclass(frozen=True, kw_only=True)
class OfficePerson:
    """One person of the roster, as it should be read."""

    name: str
    phone: str = ""
    id_number: str = ""
    sex: str = ""
    born_on: date | None = None
    team: str = ""
    skills: str = ""


OFFICE_PEOPLE = (
    OfficePerson(
        name="陈桂英", phone="13805740001", sex="女", born_on=date(1954, 3, 5), team="红领理发队", skills="理发"
    ),
    OfficePerson(
        name="王伟", phone="13805740002", sex="男", born_on=date(1961, 11, 30), team="红领理发队", skills="理发、磨刀"
    ),
    OfficePerson(name="李建国", phone="13805740003", sex="男", born_on=date(1958, 7, 1), team="红领理发队"),
    OfficePerson(
        name="张敏", phone="13805740004", sex="女", born_on=date(1988, 2, 29), team="安心探访队", skills="陪聊"
    ),
    OfficePerson(name="阿依古丽·买买提", phone="13805740005", sex="女", born_on=date(1990, 10, 10), team="安心探访队"),
    OfficePerson(
        name="赵𠮷", phone="13805740006", sex="男", born_on=date(1975, 5, 20), team="安心探访队", skills="修家电"
    ),
)


def write_office_xlsx(path: Path, people: Sequence[OfficePerson] = OFFICE_PEOPLE) -> None:
    """Write the roster of ``people`` (put a team's people side by side). The first person stands in it twice."""
    book = openpyxl.Workbook()
    notes = book.active
    notes.title = "通知"
    notes["A1"] = "请各队于 11 月 30 日前报送名册，谢谢！"
    sheet = book.create_sheet("队员名册")
    _write_head(sheet)
    row = FIRST_ROW
    for team, members in groupby(people, key=lambda person: person.team):
        first = row
        for person in members:
            _write_person(sheet, row, row - FIRST_ROW + 1, person)
            row += 1
        sheet.cell(first, 8, team)
        if row - 1 > first:
            sheet.merge_cells(start_row=first, end_row=row - 1, start_column=8, end_column=8)
    _write_person(sheet, row, row - FIRST_ROW + 1, people[0])
    sheet.cell(row + 1, 1, "合  计")
    sheet.cell(row + 1, 2, f"{len(people)} 人")
    sheet.cell(row + 3, 1, "填表人：小周        单位（盖章）：        日期：2026.11.20")
    book.save(path)


def _write_head(sheet: Worksheet) -> None:
    sheet["A1"] = "大碶街道红领志愿者名册（2026 年 11 月）"
    sheet.merge_cells("A1:I1")
    sheet["A1"].font = Font(size=16, bold=True)
    sheet["A1"].alignment = Alignment(horizontal="center")
    sheet["H2"] = "更新：2026.11.20"
    upper = ["序号", "姓  名", "联系方式", None, "性别", "出生\n年月日", "身份证号码\n（可不填）", "所属服务队", "特长"]
    lower = {3: "手机号", 4: "住址"}
    for column, label in enumerate(upper, 1):
        sheet.cell(3, column, label)
        if column not in lower:
            sheet.merge_cells(start_row=3, end_row=4, start_column=column, end_column=column)
    sheet.merge_cells("C3:D3")
    for column, label in lower.items():
        sheet.cell(4, column, label)


def _write_person(sheet: Worksheet, row: int, ordinal: int, person: OfficePerson) -> None:
    short = len(person.name) == 2 and person.name.isalpha()
    sheet.cell(row, 1, ordinal)
    sheet.cell(row, 2, "\u3000".join(person.name) if short else f"{person.name} ")
    sheet.cell(row, 3, _phone(person.phone, ordinal))
    sheet.cell(row, 4, f"北仑区大碶街道 {ordinal} 号")
    sheet.cell(row, 5, person.sex)
    sheet.cell(row, 6, _birthday(person.born_on, ordinal))
    sheet.cell(row, 7, person.id_number or None)
    sheet.cell(row, 9, person.skills or "无")


def _phone(phone: str, ordinal: int) -> str | float | None:
    """Most phones are numbers; every fourth one was typed with hyphens."""
    if not phone:
        return None
    return f"+86 {phone[:3]}-{phone[3:7]}-{phone[7:]}" if ordinal % 4 == 0 else float(phone)


def _birthday(day: date | None, ordinal: int) -> str | date | int | None:
    """Birthdays in turn: ``1954.3.5``, the same in full width, a real date, ``1954年3月5日``, 19540305."""
    if day is None:
        return None
    dotted = f"{day.year}.{day.month}.{day.day}"
    kinds = (
        dotted,
        dotted.translate(_FULL_WIDTH),
        day,
        f"{day.year}年{day.month}月{day.day}日",
        int(f"{day:%Y%m%d}"),
    )
    return kinds[(ordinal - 1) % len(kinds)]
