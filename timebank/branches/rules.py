"""Pure rules of areas and branches: what an official code looks like, and what an area was called on a day.

Codes: GB/T 2260 has six digits down to the county; the statistical code extends it by three for the street or town and
three for the community or village. Below that lie grids, numbered locally.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date

from timebank.core.errors import Invalid

LEVEL_DIGITS = {"city": 6, "district": 6, "street": 9, "community": 12}
CHILD_LEVEL = {None: "city", "city": "district", "district": "street", "street": "community", "community": "grid"}
CODE_NOTES = {
    "city": "市的代码是 6 位数字，后两位是 00，例如 330200。",
    "district": "区（县）的代码是 6 位数字，后两位不是 00，例如 330206。",
    "street": "街道（镇）的代码是 9 位数字，例如 330206003。",
    "community": "社区（村）的代码是 12 位数字，例如 330206003005。",
    "grid": "网格由本地编号：1 到 10 个字母或数字，例如 05。",
}
_PROVINCES = frozenset(
    map(
        str,
        (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82),
    )
)
_LONGEST_STATISTICAL_CODE = 12
_BRANCH_CODE = re.compile(r"^[A-Z0-9](?:[A-Z0-9-]{0,22}[A-Z0-9])?$")


class BadAreaCode(Invalid):
    """The code is not one of its level, or does not extend its parent's."""

    code = "branches.bad_area_code"
    text = "{why}"

    def __init__(self, *, why: str) -> None:
        super().__init__(fields={"code": why}, why=why)


class BadBranchCode(Invalid):
    """The branch's code cannot be typed or printed everywhere."""

    code = "branches.bad_branch_code"
    text = "网点代码用 1 到 24 个字母、数字或短横线，例如 BL-01。"

    def __init__(self) -> None:
        super().__init__(fields={"code": self.text})


def area_code(typed: str, *, level: str, parent_code: str | None) -> str:
    """The official code a person meant. Full-width digits and the 12-digit spelling with zeros behind are understood.

    Raises BadAreaCode when it is not a code of this level or does not extend its parent's.
    """
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", typed)).upper()
    if level == "grid":
        return _grid_code(plain, parent_code or "")
    digits = LEVEL_DIGITS[level]
    if len(plain) == _LONGEST_STATISTICAL_CODE and not plain[digits:].strip("0"):
        plain = plain[:digits]
    right = len(plain) == digits and plain.isascii() and plain.isdigit() and plain[:2] in _PROVINCES
    if not right or (level == "city") != plain[4:].startswith("00") or (digits > 6 and plain.endswith("000")):
        raise BadAreaCode(why=CODE_NOTES[level])
    if parent_code is not None and not plain.startswith(code_stem(parent_code)):
        raise BadAreaCode(why=f"下一级的代码要以上级的 {code_stem(parent_code)} 开头。")
    return plain


def _grid_code(plain: str, parent_code: str) -> str:
    local = plain.removeprefix(f"{parent_code}-")
    if not re.fullmatch(r"[A-Z0-9]{1,10}", local):
        raise BadAreaCode(why=CODE_NOTES["grid"])
    return f"{parent_code}-{local}"


def code_stem(code: str) -> str:
    """The part of an area's code that all codes below it begin with: 330200 → 3302, 310000 → 31, 330206 → 330206."""
    if len(code) > LEVEL_DIGITS["city"]:
        return code
    return code[:2] if code.endswith("0000") else code[:4] if code.endswith("00") else code


def branch_code(typed: str) -> str:
    """A branch's code: upper case, 1–24 letters, digits and inner hyphens. Raises BadBranchCode."""
    code = unicodedata.normalize("NFKC", typed).strip().upper()
    if not _BRANCH_CODE.fullmatch(code):
        raise BadBranchCode()
    return code


def name_on(names: Iterable[tuple[date, str]], day: date) -> str:
    """What an area is called on ``day``, given its names oldest first; before its first name, that first name."""
    ordered = list(names)
    in_force = [name for valid_from, name in ordered if valid_from <= day]
    return in_force[-1] if in_force else ordered[0][1]
