"""Names, phones, ages: what people type, and what it means."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from timebank.core.errors import Invalid
from timebank.core.masking import mask_name

ADULT = 18  # 民法典 art. 17
ADULT_ENOUGH = 14  # PIPL art. 31: below that age a guardian decides about personal data
_OLDEST_YEARS = 130
_LONGEST_NAME = 60
_TAIL_DIGITS = 4
_LONG_NUMBER = re.compile(r"\d{9}[\dXx]")
_MOBILE = re.compile(r"^1[3-9]\d{9}$")
_LANDLINE = re.compile(r"^0\d{9,11}$")
_DOTS = str.maketrans(dict.fromkeys("•∙・‧･.", "·"))
_COMPOUND = (
    "欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 司徒 夏侯 "
    "端木 南宫 长孙 宇文 轩辕 闻人 澹台 赫连 独孤 申屠 百里 西门"
)
_COMPOUND_SURNAMES = frozenset(_COMPOUND.split())
_FORMS_OF_ADDRESS = {"f": "女士", "m": "先生"}


class BadName(Invalid):
    """Not a name that a person can have."""

    code = "members.bad_name"
    text = "请填写真实姓名：2 到 60 个字，可以有“·”，不能有数字或表情符号。"

    def __init__(self) -> None:
        super().__init__(fields={"name": self.text})


class BadPhone(Invalid):
    """Not a phone number that can be called."""

    code = "members.bad_phone"
    text = "电话号码不对：手机是 1 开头的 11 位数字；座机要带区号，例如 0574-86780000。"

    def __init__(self) -> None:
        super().__init__(fields={"phone": self.text})


def tidy_name(typed: str) -> str:
    """A person's name: 2–60 letters of any script, ``·``, inner spaces and hyphens. Raises BadName.

    Spaces between Chinese characters go (``张　三``); rare characters beyond the BMP stay as they are.
    """
    composed = unicodedata.normalize("NFC", typed).strip()
    spaced = re.sub(r"\s+", " ", composed)
    name = "".join(
        c for at, c in enumerate(spaced) if c != " " or not (_is_han(spaced[at - 1]) or _is_han(spaced[at + 1]))
    )
    if any(map(_is_han, name)):
        name = name.translate(_DOTS)
    if not 2 <= len(name) <= _LONGEST_NAME or not all(map(_belongs_in_name, name)) or not name[0].isalpha():
        raise BadName()
    return name


def _is_han(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK")


def _belongs_in_name(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" or character in "〇· -'’."


def tidy_phone(typed: str) -> str:
    """A mainland mobile number, or a landline with its area code, as digits; empty stays empty. Raises BadPhone."""
    digits = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", typed))
    digits = re.sub(r"^(\+|00)86", "", digits)
    if digits.startswith("86") and _MOBILE.match(digits[2:]):
        digits = digits[2:]
    if not digits:
        return ""
    if not digits.isascii() or not (_MOBILE.match(digits) or _LANDLINE.match(digits)):
        raise BadPhone()
    return digits


def words_for_address(typed: str) -> str:
    """What somebody looks people up by, as it may stand in an address and so in a log: never a whole phone number.

    Of a phone, or any other number that long, the last four digits remain; names and member numbers stay.
    """
    try:
        phone = tidy_phone(typed)
    except BadPhone:
        digits = re.sub(r"[\s\-()+]", "", unicodedata.normalize("NFKC", typed))
        return re.sub(r"\d{6,}(\d{3}[\dXx])", r"\1", digits) if _LONG_NUMBER.search(digits) else typed
    return phone[-_TAIL_DIGITS:]


def alias_for(name: str, sex: str | None) -> str:
    """What others see of a person who chose no other name: 张女士, 欧阳先生, or 张**."""
    if not _is_han(name[0]) or "·" in name or sex not in _FORMS_OF_ADDRESS:
        return mask_name(name)
    surname = name[:2] if name[:2] in _COMPOUND_SURNAMES and len(name) > 2 else name[0]
    return surname + _FORMS_OF_ADDRESS[sex]


def age_on(born_on: date, today: date) -> int:
    """Whole years lived on a day; somebody born on 29 February grows older on 1 March."""
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


def is_minor(born_on: date | None, day: date) -> bool:
    """Whether somebody is known to be under 18 on a day; of whom no birthday is known, nothing is known."""
    return born_on is not None and age_on(born_on, day) < ADULT


def is_possible_birthday(born_on: date, today: date) -> bool:
    """Whether a living person can be born on that day."""
    return born_on <= today and age_on(born_on, today) <= _OLDEST_YEARS
