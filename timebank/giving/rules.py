"""What may be given to people in a month, and how a movement of the fund is told. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

BACK_AND_FORTH: Final = timedelta(days=365)  # so long two people do not give each other coins that only may be given


def left_to_give(cap: int | None, given: int) -> int | None:
    """What may still be given this month; None without a cap."""
    return None if cap is None else max(cap - given, 0)


def room_for(cap: int | None, balance: int) -> int | None:
    """What somebody may still receive under the cap on what one holds; None without a cap."""
    return None if cap is None else max(cap - balance, 0)


def fund_words(kind: str, amount: int, *, reverses: bool) -> str:
    """A movement of the fund for everybody to read: without a name, and without words that may tell one."""
    if reverses:
        return "更正"
    if kind == "gift":
        return "有人捐赠"
    if kind == "grant":
        return "帮扶一位会员"
    if kind == "serve" and amount < 0:
        return "点单服务：帮一位邻居"
    return "超过上限转入" if amount > 0 else "支出"
