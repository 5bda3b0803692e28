"""Drafts of activities and shifts, and what is wrong with them. Faults are keyed by the form's field names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from timebank.activities.rules.counting import ACTUAL
from timebank.members.rules import ADULT
from timebank.members.rules.papers import PAPERS, RESERVED, codes_in

LONGEST: Final = timedelta(hours=24)
FARTHEST: Final = timedelta(days=370)  # a date beyond is a slip of the pen: 2062 for 2026
MOST_SHIFTS: Final = 30
WEEK: Final = timedelta(days=7)
MONTH: Final = timedelta(days=30)
LARGE: Final = 1000  # people at one time, from which an event counts as a large one
# What the organiser says about an activity, because no figure tells it.
SPECIAL: Final = {
    "foreign": "有境外的人或组织参加",
    "outside": "到省外服务",
    "large": "为大型活动服务",
    "asked": "有一方要求签",
}


@dataclass(frozen=True, kw_only=True)
class ShiftDraft:
    """A shift as an organiser writes it down; ``shift_id`` names the shift it changes, None adds one."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    place: str = ""
    break_minutes: int = 0
    shift_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class ActivityDraft:
    """An activity as an organiser writes it down. ``form_key`` makes sending it twice harmless."""

    branch_id: int
    title: str
    category: str
    content: str
    place: str
    contact_name: str
    contact_phone: str
    risk: str
    form_key: str
    shifts: Sequence[ShiftDraft]
    team_id: int | None = None
    bring: str = ""
    requirements: str = ""
    risk_text: str = ""
    insurance_policy: str = ""
    min_age: int | None = None
    max_age: int | None = None
    needed_skills: str = ""
    needed_papers: str = ""
    special: str = ""
    walk_ins: bool = True
    judged_by: str = ACTUAL
    late_grace_minutes: int = 0
    early_counts: bool = False
    overtime_limit_minutes: int = 0
    break_after_minutes: int = 0
    rounding_minutes: int = 1
    rounds_to_nearest: bool = False
    lowest_share: int = 0
    group_activity: bool = False
    spot_latitude: int | None = None  # of the place, in millionths of a degree
    spot_longitude: int | None = None
    backdated_reason: str = ""  # entered after it took place: why


# What may be changed of an activity, in the order in which changes are shown.
ACTIVITY_FIELDS: Final = tuple(
    field.name for field in fields(ActivityDraft) if field.name not in {"branch_id", "form_key", "shifts"}
)
SHIFT_FIELDS: Final = ("starts_at", "ends_at", "place", "capacity", "break_minutes")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that is now different; ``what`` is a field, or ``added`` or ``cancelled`` for a whole shift."""

    what: str
    old: object = None
    new: object = None
    shift_id: int | None = None


def find_faults(draft: ActivityDraft) -> dict[str, str]:
    """What is wrong with a draft whatever its state, by field; empty when it is sound."""
    if not draft.shifts:
        return {"shifts-0-date": "至少要有一个班次。"}
    if len(draft.shifts) > MOST_SHIFTS:
        return {"shifts-0-date": f"一次活动最多 {MOST_SHIFTS} 个班次，请分成几次活动。"}
    faults: dict[str, str] = {}
    for row, shift in enumerate(draft.shifts):
        length = shift.ends_at - shift.starts_at
        if length <= timedelta():
            faults[f"shifts-{row}-end"] = "结束时间要晚于开始时间。"
        elif length > LONGEST:
            faults[f"shifts-{row}-end"] = "一个班次最长 24 小时，更长请分成几个班次。"
        elif timedelta(minutes=shift.break_minutes) >= length:
            faults[f"shifts-{row}-break_minutes"] = "休息时间要短于整个班次。"
        if shift.capacity < 1:
            faults[f"shifts-{row}-capacity"] = "至少要 1 个名额。"
    if draft.min_age and draft.max_age and draft.min_age > draft.max_age:
        faults["max_age"] = "最大年龄要不小于最小年龄。"
    if draft.risk == "high" and draft.max_age is not None and draft.max_age < ADULT:
        faults["max_age"] = "高风险活动不能有未成年人参加。"
    return faults


def find_agreement_reasons(draft: ActivityDraft) -> list[str]:
    """Why a written agreement is due before the service (浙江省志愿服务条例 art. 21); empty when none is."""
    special = codes_in(draft.special)
    reasons = ["可能有人身危险"] if draft.risk == "high" else []
    if draft.shifts:
        whole = max(shift.ends_at for shift in draft.shifts) - min(shift.starts_at for shift in draft.shifts)
        reasons += ["连续一个月以上"] if whole > MONTH else []
    large = "large" in special or any(shift.capacity >= LARGE for shift in draft.shifts)
    reasons += ["为大型活动服务"] if large else []
    return reasons + [SPECIAL[code] for code in special if code in SPECIAL and code != "large"]


def find_publishing_faults(draft: ActivityDraft, *, now: datetime, backdate_days: int = 0) -> dict[str, str]:
    """What stands between a sound draft and publishing it, by field; ``backdate_days``: how far back one may enter."""
    faults: dict[str, str] = {}
    if draft.risk != "low" and not draft.insurance_policy:
        faults["insurance_policy"] = "有风险的活动要先投保：请填保险单号再发布。网点全年统保的，填统保的单号。"
    wanted = RESERVED.get(draft.category, ())
    if wanted and not set(wanted) & set(codes_in(draft.needed_papers)):
        names = "或".join(PAPERS[code] for code in wanted)
        faults["needed_papers"] = f"这一类服务，法律要求有执业资格：请在“要有的证书”里选{names}。"
    if draft.risk != "low" and not draft.risk_text:
        faults["risk_text"] = "请写明有什么风险、怎样防护，报名的人要看到。"
    if draft.walk_ins and (draft.risk == "high" or draft.needed_papers):
        faults["walk_ins"] = "高风险的、要证书的活动，要先报名核对过才能参加：请去掉“没报名的人可以直接到现场登记”。"
    if draft.backdated_reason:
        return faults | _backdating_faults(draft, now, backdate_days)
    for row, shift in enumerate(draft.shifts):
        if shift.starts_at <= now:
            faults[f"shifts-{row}-date"] = "开始时间已经过去，请改成以后的日期。"
        elif shift.starts_at - now > FARTHEST:
            faults[f"shifts-{row}-date"] = "这个日期在一年以后，请看看年份有没有写错。"
    return faults


def _backdating_faults(draft: ActivityDraft, now: datetime, days: int) -> dict[str, str]:
    """An activity that took place already is over, and not too long ago."""
    faults: dict[str, str] = {}
    for row, shift in enumerate(draft.shifts):
        if shift.ends_at > now:
            faults[f"shifts-{row}-date"] = "补登的活动要已经结束。还没办的，请用“发布新活动”。"
        elif shift.starts_at < now - timedelta(days=days):
            faults[f"shifts-{row}-date"] = (
                f"只能补登 {days} 天以内的活动，这一天太久了。" if days else "本网点的规则不允许补登活动。"
            )
    return faults


def find_overlaps(shifts: Sequence[ShiftDraft]) -> list[tuple[int, int]]:
    """Rows of shifts that run at the same time: allowed (two groups at two places), but often a slip."""
    return [
        (one, other)
        for one in range(len(shifts))
        for other in range(one + 1, len(shifts))
        if shifts[one].starts_at < shifts[other].ends_at and shifts[other].starts_at < shifts[one].ends_at
    ]


def find_changes(before: object, after: object, names: Sequence[str], shift_id: int | None = None) -> list[Change]:
    """The fields among ``names`` in which two states differ."""
    return [
        Change(what=name, old=getattr(before, name), new=getattr(after, name), shift_id=shift_id)
        for name in names
        if getattr(before, name) != getattr(after, name)
    ]


def weeks_ahead(first: datetime, *, now: datetime) -> timedelta:
    """How far to move a copy: one week, or as many whole weeks as bring its first shift into the future."""
    weeks = max(1, (now - first) // WEEK + 1)
    return weeks * WEEK
