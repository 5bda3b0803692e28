"""Versions of a branch's coin rules: which was in force on a day, and what a version says in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Final, Protocol, TypeVar

from timebank.core.minutes import coins, hours

DEFAULT_POINTS: Final = 10
MOST_POINTS: Final = 1000
LONGEST_EXPIRY: Final = 120  # months
DEFAULT_GIFTS: Final = 600  # minutes to people in a month
DEFAULT_LARGE: Final = 240  # minutes by hand
DEFAULT_SHARE: Final = 50  # percent of a list by hand
DEFAULT_BACKDATE: Final = 60  # days
MOST_LARGE: Final = 24 * 60
LONGEST_BACKDATE: Final = 366
MOST_MINUTES: Final = 9999 * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a version of the rules sets. None: no cap, never. ``first_redemption_minutes`` 0: redeem at once.

    ``gift_month_minutes`` is what one may give to other members in a calendar month; 0: nothing.

    A second approver is asked for above ``large_minutes`` by hand for one person, or ``hand_share`` percent of a list
    by hand. Activities may be entered up to ``backdate_days`` after they took place; 0: not at all.
    """

    points_per_hour: int = DEFAULT_POINTS
    daily_cap_minutes: int | None = None
    holding_cap_minutes: int | None = None
    first_redemption_minutes: int = 0
    group_hours_give_away: bool = False
    expiry_months: int | None = None
    gift_month_minutes: int | None = DEFAULT_GIFTS
    large_minutes: int = DEFAULT_LARGE
    hand_share: int = DEFAULT_SHARE
    backdate_days: int = DEFAULT_BACKDATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Version(Settings):
    """Settings with the day from which they hold; ``name`` is what entries keep."""

    name: str
    number: int
    valid_from: date


SETTINGS: Final = tuple(field.name for field in fields(Settings))
BUILT_IN: Final = Version(name="rules/0", number=0, valid_from=date.min)


def settings_of(version: Settings) -> Settings:
    """The settings alone, to compare two versions by."""
    return Settings(**{name: getattr(version, name) for name in SETTINGS})


class Dated(Protocol):
    """A version of whatever rules: its number, and the day from which it holds."""

    @property
    def number(self) -> int:
        """In the order of saving; 0 for what was there before any was saved."""

    @property
    def valid_from(self) -> date:
        """Its first day."""


D = TypeVar("D", bound=Dated)


def newest_begun(versions: Sequence[D], day: date, otherwise: D) -> D:
    """The version that holds on a day: the one that began last, and of those of one day the one saved last."""
    begun = [version for version in versions if version.valid_from <= day]
    return max(begun, key=lambda version: (version.valid_from, version.number), default=otherwise)


def state_of(version: D, versions: Sequence[D], today: date, otherwise: D) -> str:
    """``now``, ``next``, ``past``, or ``never``: overtaken before it began."""
    if version.number == newest_begun(versions, today, otherwise).number:
        return "now"
    if newest_begun(versions, version.valid_from, otherwise).number != version.number:
        return "never"
    return "next" if version.valid_from > today else "past"


def in_force(versions: Sequence[Version], day: date) -> Version:
    """The version of the coin rules in force on a day."""
    return newest_begun(versions, day, BUILT_IN)


def course(versions: Sequence[Version]) -> list[tuple[Version, date | None]]:
    """The versions that were or will ever be in force, oldest first, each with the day on which the next takes over."""
    ruling = [version for version in versions if in_force(versions, version.valid_from) is version]
    ruling.sort(key=lambda version: version.valid_from)
    ends: list[date | None] = [version.valid_from for version in ruling[1:]]
    return list(zip(ruling, [*ends, None][: len(ruling)], strict=True))


def sentences(rule: Settings) -> list[str]:
    """What a version says, one sentence a rule, in words that need no explanation."""
    said = [f"服务 1 小时，存入 1 个爱心币，得 {rule.points_per_hour} 个积分。"]
    if rule.daily_cap_minutes is not None:
        said.append(f"同一天最多存入 {coins(rule.daily_cap_minutes)}；超过的时间照样记服务时长和积分，不再存币。")
    if rule.holding_cap_minutes is not None:
        said.append(f"每人手里最多留 {coins(rule.holding_cap_minutes)}；再多的转入本网点爱心基金。")
    if rule.group_hours_give_away:
        said.append("集体活动的时间存为可赠币，只能捐给爱心基金或送给别人，不能自己兑换。")
    if rule.first_redemption_minutes:
        said.append(f"累计存入满 {hours(rule.first_redemption_minutes)}，才可以第一次兑换。")
    if rule.gift_month_minutes == 0:
        said.append("爱心币不能送给别的会员，可以捐给爱心基金。")
    elif rule.gift_month_minutes is not None:
        said.append(f"每人每月最多送给别的会员 {coins(rule.gift_month_minutes)}；捐给爱心基金不受限制。")
    if rule.expiry_months is not None:
        said.append(f"爱心币存入满 {rule.expiry_months} 个月没有用就过期，先存入的先算用掉。")
    return said


def approval_sentences(rule: Settings) -> list[str]:
    """What a version says about approving, one sentence a rule."""
    entered = (
        f"已经办过的活动，可以在 {rule.backdate_days} 天内补登，都要两位工作人员同意。"
        if rule.backdate_days
        else "已经办过的活动不能补登。"
    )
    return [
        f"一个人的补录时长超过 {hours(rule.large_minutes)}，要两位工作人员先后同意才入账。",
        f"名单里有 5 人以上是补录的，而且超过 {rule.hand_share}%，也要两位工作人员同意。",
        entered,
    ]
