"""Cleaning one cell: what it says, what was mended to read it, or why it cannot be read. Nothing is guessed.

Every cleaner takes any cell and answers ``Cleaned``; cleaning its value again changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from timebank.core.masking import mask_phone
from timebank.members.rules import BadIdNumber, BadName, BadPhone, read_id_number, tidy_name, tidy_phone
from timebank.members.rules.people import is_possible_birthday

Cell = str | int | float | bool | date | None
T = TypeVar("T")

MOST_TEAM, MOST_WORDS = 40, 200
_NOTHING = {
    "",
    "无",
    "无。",
    "没有",
    "暂无",
    "空",
    "不详",
    "未知",
    "略",
    "-",
    "--",
    "—",
    "——",
    "/",
    "\\",
    "n/a",
    "na",
    "null",
    "none",
    "0",
}
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?e\+?\d{1,2}", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\s*[(\[【][^()\[\]【】]*[)\]】]")
_LABEL = re.compile(r"^(?:手机|电话|座机|tel|mobile)\s*:?\s*", re.IGNORECASE)
_YEAR_MONTH_DAY = re.compile(
    r"(\d{4})\s?[-./年,、_]\s?(\d{1,2})\s?[-./月,、_]\s?(\d{1,2})\s?[日号]?(?:[\sT]\d{1,2}:\d{2}(?::\d{2})?)?"
)
_YEAR_MONTH = re.compile(r"(\d{4})(?:\s?[-./年]\s?(\d{1,2})\s?月?|年)?")
_FIRST_SERIAL = 2200  # below, a number in a date column is a year
_EXCEL_EPOCH = date(1899, 12, 30)
_OLDEST = date(1900, 1, 1)
_MOST_EXACT = 10**15  # spreadsheets keep 15 digits of a number


@dataclass(frozen=True, kw_only=True)
class Cleaned(Generic[T]):
    """A cell's meaning: ``value``; ``mended`` says what was changed or left out; ``wrong`` why it cannot be taken."""

    value: T | None = None
    mended: str = ""
    wrong: str = ""
    todo: str = ""


def tidy(text: str) -> str:
    """Full-width folded, invisible and private characters dropped, every run of white space one space, trimmed."""
    for _ in range(3):  # dropping can bring together what then composes
        before = text
        seen = "".join(
            " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _DROPPED
        )
        text = " ".join(unicodedata.normalize("NFKC", seen).split())
        if text == before:
            break
    return text


def text_of(cell: Cell) -> str:
    """A cell as the text a spreadsheet would show: whole numbers without ``.0``."""
    if cell is None or isinstance(cell, bool):
        return ""
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < _MOST_EXACT
        return str(int(cell)) if whole else repr(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def is_nothing(text: str) -> bool:
    """Whether a tidied text stands for an empty cell: 无, －, /, 暂无."""
    return text.lower() in _NOTHING


def _changed(raw: Cell, value: str) -> str:
    shown = text_of(raw).strip()
    return "" if shown == value else f"已把“{' '.join(shown.split())[:60]}”改为“{value}”。"


def clean_name(cell: Cell) -> Cleaned[str]:
    """A person's name: without notes in brackets, otherwise as at the registration desk."""
    shown = text_of(cell)
    if any(unicodedata.category(c) == "Co" for c in shown):
        return Cleaned(
            wrong="姓名里有本机造的字，换一台电脑就显示不出。", todo="请换成标准汉字（生僻字可以用输入法的 U 模式打）。"
        )
    text = _IN_BRACKETS.sub("", tidy(shown)).strip(" ·.")
    if is_nothing(text):
        return Cleaned()
    try:
        name = tidy_name(text)
    except BadName:
        return Cleaned(wrong=f"“{text[:20]}”不像姓名：应是 2 个字以上，没有数字和符号。", todo="请在文件里改成姓名。")
    return Cleaned(value=name, mended=_changed(cell, name))


def _whole_number(cell: Cell) -> str | None:
    """The digits of a number cell or a number in exponent form, or None where digits were lost."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if abs(cell) >= _MOST_EXACT or cell != int(cell) or cell < 0:
            return None
        return str(int(cell))
    number = Decimal(tidy(str(cell)))
    digits = number.as_tuple().digits
    # 1.38123E+10 shows six digits of eleven: the others are gone.
    return str(int(number)) if number == int(number) and len(digits) > number.adjusted() else None


def _is_number(cell: Cell) -> bool:
    if isinstance(cell, str):
        return _SCIENTIFIC.fullmatch(tidy(cell)) is not None
    if isinstance(cell, float) and (cell != cell or cell in {float("inf"), float("-inf")}):
        return False
    return isinstance(cell, int | float) and not isinstance(cell, bool)


_LOST = "这一格被存成了数字，后面的位数已经丢失，看不出原来的号码。"
_LOST_TODO = "请在表格里把这一列设成“文本”格式，重新填写号码。"


def clean_phone(cell: Cell) -> Cleaned[str]:
    """A mobile number or a landline with its area code, as digits."""
    if _is_number(cell):
        whole = _whole_number(cell)
        if whole is None:
            return Cleaned(wrong=_LOST, todo=_LOST_TODO)
        return _phone(whole, shown="")
    shown = text_of(cell).strip()
    text = tidy(shown).strip("'`’‘ ")
    if is_nothing(text):
        return Cleaned()
    return _phone(text, shown=shown)


def _phone(text: str, *, shown: str) -> Cleaned[str]:
    pieces = [_LABEL.sub("", piece.strip()) for piece in re.split(r"[/、,;|或]", _IN_BRACKETS.sub("", text))]
    numbers = list(dict.fromkeys(filter(None, map(_number, pieces))))
    if len(numbers) > 1 or (numbers and len(pieces) > 1):
        chosen = next((number for number in numbers if number.startswith("1")), numbers[0])
        return Cleaned(value=chosen, mended=f"一格里有几个号码，只用了 {mask_phone(chosen)}。")
    if numbers:
        said = f"去掉了多余的符号，读作 {mask_phone(numbers[0])}。" if shown not in {"", numbers[0]} else ""
        return Cleaned(value=numbers[0], mended=said)
    digits = sum(c.isdigit() for c in text)
    why = f"有 {digits} 位数字" if digits != 11 else "开头不对"
    return Cleaned(
        wrong=f"号码不对（{why}）。手机是 1 开头的 11 位数字，座机要带区号。",
        todo="请核对后改正；没有电话的，把这一格留空。",
    )


def _number(piece: str) -> str:
    bare = re.sub(r"[\s‐‑‒–—−_.~]", "", piece)
    try:
        return tidy_phone(re.sub(r"^(?:\+?86|0086)(?=1\d{10}$)", "", bare))
    except BadPhone:
        return ""


def clean_id_number(cell: Cell, today: date) -> Cleaned[str]:
    """An 18-character resident ID number (GB 11643), its sum and birth date checked."""
    if _is_number(cell):
        whole = _whole_number(cell)
        if whole is None or len(whole) > 15:
            return Cleaned(wrong=_LOST, todo=_LOST_TODO)
        return _id_number(whole, today, noticed=False)
    shown = text_of(cell).strip()
    text = tidy(shown)
    if is_nothing(text):
        return Cleaned()
    bare = (
        re.sub(r"[\s\-‐‑‒–—'`’‘.]", "", text).upper().replace("×", "X").replace("*", "X" if text.endswith("*") else "*")
    )
    return _id_number(bare, today, noticed=bare != shown.upper())


def _id_number(number: str, today: date, *, noticed: bool) -> Cleaned[str]:
    if re.fullmatch(r"[0-9]{15}", number):
        return Cleaned(wrong="是 15 位的旧身份证号，已经停用。", todo="请换成 18 位的号码，或把这一格留空。")
    try:
        read = read_id_number(number, today=today)
    except BadIdNumber as wrong:
        return Cleaned(wrong=f"身份证号{wrong.facts['why']}", todo="请对照证件改正；别的证件不用录，把这一格留空。")
    return Cleaned(value=read.number, mended="去掉了空格等，或改成了半角。" if noticed else "")


_SEXES = {
    "m": {"男", "男性", "男士", "先生", "m", "male", "1"},
    "f": {"女", "女性", "女士", "小姐", "f", "female", "2"},
}


def clean_sex(cell: Cell) -> Cleaned[str]:
    """``m``, ``f`` or nothing; what cannot be read is left empty."""
    text = tidy(text_of(cell)).lower()
    if is_nothing(text):
        return Cleaned()
    for sex, words in _SEXES.items():
        if text in words:
            return Cleaned(value=sex)
    return Cleaned(mended=f"性别“{text[:10]}”看不懂，先留空。")


_DATE_TODO = "请写成 1954-03-05 或 1954.3.5 的样子（公历，年份四位）。"


def clean_date(cell: Cell, today: date) -> Cleaned[date]:
    """A birth date. Year and month alone name no day, so they are left out with a word."""
    if isinstance(cell, date):
        return _born(cell, today)
    shown = text_of(cell).strip()
    text = tidy(shown).strip("'`’‘ ")
    if is_nothing(text):
        return Cleaned()
    folded = "" if text == shown else f"已把“{shown[:20]}”"
    if match := _YEAR_MONTH_DAY.fullmatch(text) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", text):
        try:
            day = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return Cleaned(wrong=f"“{text}”：没有这一天。", todo="请对照证件改正。")
        return _born(day, today, folded and f"{folded}读作 {day}。")
    if text.isdecimal() and len(text) in {4, 5} and int(text) >= _FIRST_SERIAL:
        day = _EXCEL_EPOCH + timedelta(days=int(text))
        return _born(day, today, f"这一格是表格软件的日期序号 {text}，读作 {day}。")
    if (match := _YEAR_MONTH.fullmatch(text) or re.fullmatch(r"((?:19|20)\d{2})(0[1-9]|1[0-2])", text)) and _is_year(
        match[1], today
    ):
        return Cleaned(mended=f"“{text}”没有写日，出生日期先留空，以后可以补。")
    return Cleaned(wrong=f"出生日期“{text[:20]}”看不懂。", todo=_DATE_TODO)


def _is_year(text: str, today: date) -> bool:
    return _OLDEST.year <= int(text) <= today.year


def _born(day: date, today: date, mended: str = "") -> Cleaned[date]:
    if day < _OLDEST or not is_possible_birthday(day, today):
        return Cleaned(wrong=f"出生日期 {day} 不可能：太早，或者还没到。", todo=_DATE_TODO)
    return Cleaned(value=day, mended=mended)


def clean_words(cell: Cell) -> Cleaned[str]:
    """Free words: skills, free times."""
    text = tidy(text_of(cell))
    if is_nothing(text):
        return Cleaned()
    if len(text) > MOST_WORDS:
        return Cleaned(wrong=f"太长（{len(text)} 个字）。", todo=f"最多 {MOST_WORDS} 个字，请缩短。")
    return Cleaned(value=text)


def clean_teams(cell: Cell) -> Cleaned[tuple[str, ...]]:
    """Names of teams, several in one cell where a comma or 、 parts them."""
    names = dict.fromkeys(_team(part) for part in re.split(r"[、,;/|\n]", tidy(text_of(cell).replace("\n", "、"))))
    found = tuple(name for name in names if not is_nothing(name))
    if any(len(name) > MOST_TEAM for name in found):
        return Cleaned(wrong="服务队的名字太长。", todo=f"最多 {MOST_TEAM} 个字，请缩短。")
    return Cleaned(value=found or None)


def _team(text: str) -> str:
    name = tidy(text)
    spaced = any("\u3400" <= c <= "\u9fff" for c in name)
    return name.replace(" ", "") if spaced else name
