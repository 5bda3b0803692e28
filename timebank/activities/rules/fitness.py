"""Whether somebody fits a shift: what stands against it, and whether staff may let it pass with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from timebank.activities.rules.limits import Limits
from timebank.members.rules import ADULT

YOUNG: Final = 14  # below that age nobody takes part without a guardian's word or presence


@dataclass(frozen=True, kw_only=True, slots=True)
class Hindrance:
    """Something that stands against it. ``blocks``: nobody may let it pass; else staff may, with a reason kept."""

    code: str
    text: str
    blocks: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """What an activity asks of people. Skills and papers: code → name, skills also the words that tell of them."""

    dangerous: bool = False
    min_age: int | None = None
    max_age: int | None = None
    skills: Mapping[str, tuple[str, ...]] | None = None
    papers: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One person on the day of the shift. ``guarded``: a guardian agreed, or comes along."""

    age: int | None = None
    skills: str = ""
    papers: frozenset[str] = frozenset()
    guarded: bool = False


def find_hindrances(demands: Demands, person: Candidate) -> list[Hindrance]:
    """What stands against a person on a shift, the gravest first."""
    return [
        *_danger(demands, person),
        *_guardian(person),
        *_ages(demands, person),
        *_papers(demands, person),
        *_skills(demands, person),
    ]


def closed_by_no_shows(counted: int, limits: Limits) -> Hindrance:
    """Popular shifts are closed: names the rule and the way to appeal."""
    text = (
        f"最近 {limits.no_show_days} 天内有 {counted} 次缺席记录。按报名规则，满 {limits.no_shows} 次的，"
        f"热门班次（有人候补，或者名额已用到 {limits.popular_percent}%）暂时不能自己报名，其他班次照常。"
        "不同意的，可以在“我的 › 缺席记录”里申诉，由没有经手的人决定。"
    )
    return Hindrance(code="no_shows", text=text, blocks=False)


def _danger(demands: Demands, person: Candidate) -> list[Hindrance]:
    if not demands.dangerous:  # 浙江省志愿服务条例 art. 9: no minors in dangerous work
        return []
    if person.age is None:
        text = "高风险活动只限成年人，要先登记出生日期。请带证件到网点，工作人员一分钟就能补登。"
        return [Hindrance(code="age_unknown", text=text, blocks=True)]
    if person.age < ADULT:
        text = f"高风险活动不能有未成年人参加，活动当天要满 {ADULT} 周岁。"
        return [Hindrance(code="minor_in_danger", text=text, blocks=True)]
    return []


def _guardian(person: Candidate) -> list[Hindrance]:
    if person.age is None or person.age >= ADULT or person.guarded:
        return []
    if person.age < YOUNG:
        text = f"未满 {YOUNG} 周岁的，要监护人同意或者一起参加。请监护人在“我的 › 家人”里同意，或者到网点签同意书。"
        return [Hindrance(code="guardian", text=text, blocks=True)]
    text = f"未满 {ADULT} 周岁的，要有监护人同意。请监护人在“我的 › 家人”里同意，或者到网点签同意书。"
    return [Hindrance(code="guardian_teen", text=text, blocks=False)]


def _ages(demands: Demands, person: Candidate) -> list[Hindrance]:
    least, most = demands.min_age, demands.max_age
    if least is None and most is None:
        return []
    wanted = f"{least} 到 {most} 周岁" if least and most else f"满 {least} 周岁" if least else f"不超过 {most} 周岁"
    if person.age is None:
        text = f"这个活动要求{wanted}，要先登记出生日期。请带证件到网点补登。"
        return [Hindrance(code="age_unknown", text=text, blocks=False)]
    if (least is not None and person.age < least) or (most is not None and person.age > most):
        text = f"这个活动要求{wanted}，活动当天是 {person.age} 周岁。"
        return [Hindrance(code="age", text=text, blocks=True)]
    return []


def _papers(demands: Demands, person: Candidate) -> list[Hindrance]:
    missing = [name for code, name in (demands.papers or {}).items() if code not in person.papers]
    if not missing:
        return []
    text = f"这个活动要有{'、'.join(missing)}，活动当天要在有效期内。请带证书原件到网点，工作人员看过登记后再报名。"
    return [Hindrance(code="papers", text=text, blocks=True)]


def _skills(demands: Demands, person: Candidate) -> list[Hindrance]:
    missing = [
        words[0] for words in (demands.skills or {}).values() if not any(word in person.skills for word in words)
    ]
    if not missing:
        return []
    text = f"这个活动要会{'、'.join(missing)}，资料里没有写。会的话，请先在“我的 › 资料”里补上“会什么”。"
    return [Hindrance(code="skills", text=text, blocks=False)]
