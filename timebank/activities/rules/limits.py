"""A branch's limits for signing up, leaving and no-shows: all in one place, and said in words that members read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

MOST_PASSED: Final = 3  # how often smaller parties may go before a larger one


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What holds where a branch has saved nothing else.

    ``offer_hours`` the longest an offered place waits for its answer · ``late_hours`` leaving later than so long before
    the start is late · ``no_shows`` counted within ``no_show_days`` close popular shifts · a shift is popular from
    ``popular_percent`` of its places taken.
    """

    offer_hours: int = 24
    late_hours: int = 24
    no_shows: int = 3
    no_show_days: int = 90
    popular_percent: int = 80


BUILT_IN: Final = Limits()
LIMIT_NAMES: Final = tuple(field.name for field in fields(Limits))


def is_popular(*, taken: int, capacity: int, waiting: int, percent: int) -> bool:
    """Whether a shift is sought after: somebody waits for it, or so many of its places are taken."""
    return waiting > 0 or taken * 100 >= capacity * percent


def is_closed(counted: int, limits: Limits) -> bool:
    """Whether so many counted no-shows close popular shifts."""
    return counted >= limits.no_shows


def sentences(limits: Limits) -> dict[str, tuple[str, ...]]:
    """The limits as members read them, under what they are about."""
    return {
        "候补": (
            "名额满了可以排候补，先到先得。",
            f"有空出的名额时，按顺序问候补的人，名额先替他留着。答复的时限最长 {limits.offer_hours} 小时，"
            "离开始越近越短，不会过了开始时间；夜里到期的，留到早上。",
            "不要，或者过了时限没有答复，就让给下一位，并退出候补；还想去，可以重新排在最后。",
            "几个人一起报名的，要么一起有名额，要么一起候补。空出的名额不够一起去时，先问后面人数合适的；"
            f"同一组最多被越过 {MOST_PASSED} 次，以后空出的名额给这一组攒着。",
        ),
        "退出": (
            "去不了，请在开始以前退出，写一句原因，组织者看得到。",
            f"离开始不到 {limits.late_hours} 小时才退出的，也可以退，会标为“临时退出”，组织者看得到。"
            if limits.late_hours
            else "开始以前随时可以退出。",
        ),
        "缺席": (
            "报了名没有来、也没有说的，组织者核对时可以记为“缺席”；事先说过的记为“请假”，不算缺席。"
            "是不是缺席由人决定，不由系统决定。",
            f"{limits.no_show_days} 天内记了 {limits.no_shows} 次缺席，暂时不能自己报名“热门班次”"
            f"（有人候补，或者名额已用到 {limits.popular_percent}%）。已经报上的不受影响，其他班次照常。",
            "满了天数自动解除，组织者或网点管理员也可以提前解除。",
            "不同意的，可以申诉，由没有经手这件事的人决定，并写明理由。",
            "缺席从不扣减服务时长、爱心币和积分。",
        ),
    }
