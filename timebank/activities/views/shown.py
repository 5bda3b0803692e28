"""Shifts and changes as pages show them."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy.orm import Session

from timebank.activities.models import (
    CATEGORIES,
    CONFIRMED,
    JUDGED_BY_NAMES,
    OFFERED,
    RISKS,
    WAITING,
    Activity,
    ActivityChange,
    Shift,
    SignUp,
)
from timebank.activities.queries import company_of, count_waiting, line_position, sign_ups_of
from timebank.activities.rules.drafts import SPECIAL
from timebank.core import clock
from timebank.members.rules.papers import PAPERS, SKILL_NAMES, codes_in
from timebank.web.filters import clocktime, moment

FIELD_NAMES: Final = {
    "title": "名称",
    "category": "类别",
    "content": "内容",
    "place": "地点",
    "contact_name": "联系人",
    "contact_phone": "联系电话",
    "risk": "风险",
    "risk_text": "风险和防护",
    "insurance_policy": "保险单号",
    "min_age": "最小年龄",
    "max_age": "最大年龄",
    "needed_skills": "要会什么",
    "needed_papers": "要有的证书",
    "special": "要签协议的情况",
    "bring": "要带的东西",
    "requirements": "参加要求",
    "walk_ins": "可以不报名直接来",
    "judged_by": "时长怎么算",
    "rounding_minutes": "时长取整（分钟）",
    "late_grace_minutes": "迟到几分钟内算准时",
    "early_counts": "早到的时间也算",
    "overtime_limit_minutes": "结束后最多算几分钟",
    "break_after_minutes": "待满几分钟才扣休息",
    "rounds_to_nearest": "取整时满半格进一格",
    "lowest_share": "在场至少占整班的百分之几",
    "spot_latitude": "现场位置",
    "spot_longitude": "现场位置",
    "group_activity": "集体活动",
    "backdated_reason": "补登原因",
    "team_id": "服务队",
    "starts_at": "开始时间",
    "ends_at": "结束时间",
    "capacity": "名额",
    "break_minutes": "中间休息（分钟）",
}
_CODES: Final[Mapping[str, Mapping[str, str]]] = {"category": CATEGORIES, "risk": RISKS, "judged_by": JUDGED_BY_NAMES}
_LISTS: Final[Mapping[str, Mapping[str, str]]] = {
    "needed_skills": SKILL_NAMES,
    "needed_papers": PAPERS,
    "special": SPECIAL,
}
_LONG = 40
_UNSAID: Final = {"team_id", "spot_latitude", "spot_longitude"}  # numbers that say nothing to a reader


@dataclass(frozen=True, kw_only=True)
class ShownShift:
    """A shift with what this reader needs to know of it now."""

    shift: Shift
    mine: SignUp | None
    waiting: int
    now: datetime
    position: int = 0
    company: Sequence[SignUp] = ()

    @property
    def cancelled(self) -> bool:
        """Whether it will not take place."""
        return self.shift.cancelled_at is not None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.now >= self.shift.ends_at

    @property
    def begun(self) -> bool:
        """Whether it has begun."""
        return self.now >= self.shift.starts_at

    @property
    def open(self) -> bool:
        """Whether one can sign up or leave."""
        return not self.cancelled and not self.begun

    @property
    def full(self) -> bool:
        """Whether every place is taken."""
        return self.shift.free <= 0

    @property
    def confirmed(self) -> bool:
        """Whether this reader has a place."""
        return self.mine is not None and self.mine.status == CONFIRMED

    @property
    def offered(self) -> bool:
        """Whether a place waits for this reader's answer."""
        return self._was_offered and self.now < self._until

    @property
    def offer_over(self) -> bool:
        """Whether this reader did not answer in time, though nobody has moved the line since."""
        return self._was_offered and not self.offered

    @property
    def _was_offered(self) -> bool:
        return self.mine is not None and self.mine.status == OFFERED

    @property
    def _until(self) -> datetime:
        until = self.mine.offered_until if self.mine else None
        return min(until or self.now, self.shift.starts_at)

    @property
    def in_line(self) -> bool:
        """Whether this reader waits for a place."""
        return self.mine is not None and self.mine.status == WAITING


def show_demands(activity: Activity) -> list[tuple[str, str]]:
    """What an activity asks of people, as terms and words; empty when it asks nothing."""
    least, most = activity.min_age, activity.max_age
    ages = f"{least} 到 {most} 周岁" if least and most else f"满 {least} 周岁" if least else f"不超过 {most} 周岁"
    found = [("年龄", f"{ages}，按活动当天算")] if least or most else []
    if activity.risk == "high":
        found.append(("成年人", "高风险活动，不满 18 周岁的不能参加"))
    found += [("要会", text)] if (text := _value("needed_skills", activity.needed_skills)) else []
    found += [("要有证书", text)] if (text := _value("needed_papers", activity.needed_papers)) else []
    return found


def show_shifts(session: Session, shifts: Iterable[Shift], member_id: int | None, *, now: datetime) -> list[ShownShift]:
    """The shifts as this member (or visitor) sees them; four statements for any number of them."""
    listed = list(shifts)
    ids = [shift.id for shift in listed]
    waiting, mine = count_waiting(session, ids), sign_ups_of(session, member_id, ids)
    company = company_of(session, member_id, ids)
    return [
        ShownShift(
            shift=shift,
            mine=mine.get(shift.id),
            waiting=waiting.get(shift.id, 0),
            now=now,
            position=line_position(session, mine[shift.id]) if shift.id in mine else 0,
            company=company.get(shift.id, ()),
        )
        for shift in listed
    ]


def by_day(shown: Iterable[ShownShift]) -> list[tuple[date, list[ShownShift]]]:
    """Shifts in order, gathered under the local day on which they start."""
    days = groupby(shown, key=lambda one: clock.local(one.shift.starts_at).date())
    return [(day, list(found)) for day, found in days]


def weeks_of(month: str, shown: Iterable[ShownShift]) -> list[list[tuple[date, list[ShownShift]]]]:
    """The weeks of a month, Monday first, each day with its shifts; days of neighbouring months have none."""
    year, number = map(int, month.split("-"))
    found = dict(by_day(shown))
    weeks = calendar.Calendar(firstweekday=0).monthdatescalendar(year, number)
    return [[(day, found.get(day, []) if day.month == number else []) for day in week] for week in weeks]


@dataclass(frozen=True, kw_only=True)
class ShownChange:
    """What somebody changed at once, one sentence for each thing."""

    when: str
    who: str
    lines: Sequence[str]
    grave: bool


def show_changes(
    changes: Sequence[ActivityChange], shifts: Sequence[Shift], names: Mapping[int, str]
) -> list[ShownChange]:
    """What was changed, newest first; ``names`` says who did it, where the reader may know."""
    starts = {shift.id: moment(shift.starts_at) for shift in shifts}
    return [
        ShownChange(
            when=moment(change.at),
            who=names.get(change.actor_id or 0, ""),
            lines=list(dict.fromkeys(_sentence(item, starts) for item in change.changes["items"])),
            grave=any(item["what"] == "cancelled" for item in change.changes["items"]),
        )
        for change in changes
    ]


def _sentence(item: Mapping[str, Any], starts: Mapping[int, str]) -> str:
    what = item["what"]
    if what == "cancelled":
        return f"取消 {moment(datetime.fromisoformat(item['old']))} 的班次，原因：{item['new']}"
    if what == "added":
        return f"加了 {moment(datetime.fromisoformat(item['new']))} 的班次"
    where = f"{starts[item['shift_id']]} 的班次：" if item["shift_id"] in starts else ""
    old, new = _value(what, item["old"]), _value(what, item["new"])
    name = FIELD_NAMES[what]
    if what in _UNSAID or len(old) + len(new) > _LONG:
        return f"{where}改了{name}"
    return f"{where}{name}由“{old}”改为“{new}”" if old else f"{where}补上{name}：{new}"


def _value(what: str, value: object) -> str:
    if what in {"starts_at", "ends_at"}:
        at = datetime.fromisoformat(str(value))
        return moment(at) if what == "starts_at" else clocktime(at)
    if isinstance(value, bool):
        return "是" if value else "否"
    if what in _LISTS:
        return "、".join(_LISTS[what].get(code, code) for code in codes_in(str(value)))
    if value is None:
        return ""
    return _CODES.get(what, {}).get(str(value), str(value))
