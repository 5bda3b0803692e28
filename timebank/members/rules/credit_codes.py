"""统一社会信用代码 after GB 32100-2015: eighteen characters, the last one a check sum over the others."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from timebank.core.errors import Invalid

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I O S V Z
_SHAPE: Final = re.compile(rf"^[{_ALPHABET}]{{2}}\d{{6}}[{_ALPHABET}]{{10}}$")
_LENGTH: Final = 18


class BadCreditCode(Invalid):
    """No organisation can have this code."""

    code = "members.bad_credit_code"
    text = "统一社会信用代码不对：{why}请对照证书再填一次；也可以先不填。"

    def __init__(self, *, why: str) -> None:
        super().__init__(why=why)
        self.fields = {"credit_code": self.message}


def read_credit_code(typed: str) -> str:
    """The code somebody typed, in whatever width and case; empty stays empty. Raises BadCreditCode."""
    code = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", typed)).upper()
    if not code:
        return ""
    if len(code) != _LENGTH:
        raise BadCreditCode(why=f"应当是 {_LENGTH} 位。")
    if not _SHAPE.match(code):
        raise BadCreditCode(why="里面有不会出现的字符（没有 I、O、S、V、Z，第 3 到 8 位是数字）。")
    if check_character(code[:-1]) != code[-1]:
        raise BadCreditCode(why="最后一位校验不符，可能有一位打错了。")
    return code


def check_character(body: str) -> str:
    """The eighteenth character for the seventeen before it."""
    total = sum(_ALPHABET.index(character) * pow(3, at, 31) for at, character in enumerate(body))
    return _ALPHABET[-total % 31]
