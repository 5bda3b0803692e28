"""A statement in words people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from timebank.core.minutes import coins, hours, points
from timebank.rulebook.rules import TO_GIVE, aside


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """What a statement line is made from. ``amount`` above zero came in; names are aliases, empty when unknown."""

    kind: str
    amount: int
    unit: str
    facts: Mapping[str, Any]
    provider: str = ""
    requester: str = ""
    friend: str = ""  # who was given, or gave
    reverses: bool = False
    replaces: bool = False
    to_fund: bool = False  # of what was paid, the part that the other side may not hold


def words(line: Movement) -> str:
    """A movement as people would say it: 存入 2 小时 · 参加“公园清扫”."""
    title = str(line.facts.get("title", ""))
    if line.reverses:
        return _reversed(line, title)
    if line.replaces:
        return _replaced(line, title)
    if line.kind == "gift" or line.facts.get("to") == "member":
        return _given(line)
    if line.kind in _TOLD:
        return _TOLD[line.kind](line, title)
    if line.kind == "grant":
        return f"收到 {_amount(line)} · 爱心基金帮扶"
    if line.kind == "expire":
        return f"过期 {_amount(line)} · 存入满 {line.facts.get('months', '')} 个月没有用"
    return f"{'收到' if line.amount > 0 else '支出'} {_amount(line)}" + (f" · {title}" if title else "")


def _given(line: Movement) -> str:
    own_words = str(line.facts.get("words", ""))
    if line.amount > 0:
        said = f"收到 {_amount(line)} · {line.friend or '邻居'} 送的"
    elif line.facts.get("to") == "member":
        said = f"送给 {line.friend or '邻居'} {_amount(line)}"
    else:
        said = f"捐给爱心基金 {_amount(line)}"
    return said + (f" · {own_words}" if own_words else "") + _elsewhere(line)


def _earned(line: Movement, title: str) -> str:
    """What came in, and on coins what became of the rest of the time."""
    verb, said = ("存入", hours(line.amount)) if line.unit == "coin" else ("获得", _amount(line))
    return (
        f"{verb} {said} · "
        + (f"参加“{title}”" if title else "参加志愿服务")
        + (_rest(line) if line.unit == "coin" else "")
    )


def _served(line: Movement, title: str) -> str:
    """A service that somebody asked for: what who served got, and what who asked used."""
    if line.amount > 0:
        return _earned(line, title)
    whither = "（这一部分转入爱心基金）" if line.to_fund else ""
    return f"用去 {_amount(line)} · 点单“{title}”{whither}"


def _rest(line: Movement) -> str:
    """What of the same hours went elsewhere: not what stands on the give-away account itself."""
    told = aside({name: minutes for name, minutes in line.facts.items() if name != TO_GIVE})
    return f"（另有 {told}）" if told else ""


def _reversed(line: Movement, title: str) -> str:
    said = f"{'更正退回' if line.amount > 0 else '更正扣回'} {_amount(line)}"
    month, reason = str(line.facts.get("month", "")), str(line.facts.get("reason", ""))
    what = (f"{month}的" if month else "") + (f"“{title}”" if title else "记录" if month else "")
    return " · ".join(part for part in (said, what, reason) if part)


def _replaced(line: Movement, title: str) -> str:
    if line.unit == "point" and (line.kind == "adjust" or line.amount < 0):  # rounding moved a point between records
        how = "补" if line.amount > 0 else "扣"
        return f"更正后积分取整，{how} {_amount(line)}" + (f" · “{title}”" if title else "")
    return f"更正后{words(replace(line, replaces=False))}"


def _redeemed(line: Movement, title: str) -> str:
    quantity = int(line.facts.get("quantity", 1))
    what = f"“{title}”" + (f" × {quantity}" if quantity > 1 else "")
    if line.amount > 0:
        return f"收到 {_amount(line)} · 您为 {line.requester or '邻居'} 提供{what}{_rest(line)}{_elsewhere(line)}"
    if line.facts.get("offer_kind") == "goods" or not line.provider:
        return f"兑换 {_amount(line)} · {what}{_elsewhere(line)}"
    whither = "（这一部分转入爱心基金）" if line.to_fund else ""
    return f"兑换 {_amount(line)} · {line.provider} 为您提供{what}{whither}{_elsewhere(line)}"


def _elsewhere(line: Movement) -> str:
    """What the same payment came to in the other branch's minutes, where a minute is not a minute."""
    if "paid" not in line.facts:
        return ""
    if line.amount > 0:
        return f"（对方网点的会员付了 {coins(int(line.facts['paid']))}）"
    return f"（折成对方网点的 {coins(int(line.facts['taken']))}）"


def _amount(line: Movement) -> str:
    return (coins if line.unit == "coin" else points)(abs(line.amount))


_TOLD: Final[dict[str, Callable[[Movement, str], str]]] = {
    "earn": _earned,
    "inter_branch": _redeemed,
    "redeem": _redeemed,
    "serve": _served,
}
