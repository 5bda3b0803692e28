"""Resident ID numbers after GB 11643: the check sum, the province, the date and the sex digit, each on its own.

Written here because python-stdnum (``cn.ric``) refuses real cards: residence permits of people from Hong Kong, Macao
and Taiwan (81–83), districts newer than its table, and it lets birthdays in the future pass. Foreigners' permanent
residence cards of the 2023 edition begin with 9 and follow the same sum.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from timebank.core.errors import Invalid

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"
_PROVINCES = frozenset(
    map(
        str,
        (
            *range(11, 16),
            *range(21, 24),
            *range(31, 38),
            *range(41, 47),
            *range(50, 55),
            *range(61, 66),
            71,
            81,
            82,
            83,
        ),
    )
)
_SHAPE = re.compile(r"^[0-9]{17}[0-9X]$")
_OLDEST = date(1900, 1, 1)


class BadIdNumber(Invalid):
    """The ID number cannot exist, or contradicts what else was said."""

    code = "members.bad_id_number"
    text = "证件号不对：{why}请对照证件再填一次；也可以先不填。"

    def __init__(self, *, why: str) -> None:
        super().__init__(why=why)
        self.fields = {"id_number": self.message}


@dataclass(frozen=True)
class IdNumber:
    """An ID number that can exist, and what it says about its holder; ``sex`` is ``f`` or ``m``."""

    number: str
    born_on: date
    sex: str


def read_id_number(typed: str, *, today: date, sex: str | None = None, born_on: date | None = None) -> IdNumber:
    """The ID number somebody typed (full-width digits, small x, spaces welcome). Raises BadIdNumber with the reason.

    ``sex`` and ``born_on`` are what else was said, to be agreed with.
    """
    number = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", typed)).upper()
    if not _SHAPE.match(number):
        raise BadIdNumber(why="应当是 18 位（最后一位可以是 X）。")
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number[:17], strict=True))
    if _CHECK_CHARACTERS[total % 11] != number[17]:
        raise BadIdNumber(why="最后一位校验不符，可能有一位打错了。")
    if number[:2] not in _PROVINCES and number[0] != "9":
        raise BadIdNumber(why="开头两位不是省级代码。")
    read = IdNumber(number=number, born_on=_birthday(number, today), sex="m" if int(number[16]) % 2 else "f")
    if sex is not None and sex != read.sex:
        raise BadIdNumber(why="它的性别位和填写的性别不一致。")
    if born_on is not None and born_on != read.born_on:
        raise BadIdNumber(why="它的出生日期和填写的出生日期不一致。")
    return read


def _birthday(number: str, today: date) -> date:
    try:
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        born_on = date.min
    if not _OLDEST <= born_on <= today:
        raise BadIdNumber(why="里面的出生日期不存在。")
    return born_on
