"""An activity as text for a chat group, and as the values of its poster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import url_for

from timebank.activities.models import CATEGORIES, Activity, Shift
from timebank.activities.views.shown import show_demands
from timebank.core import clock
from timebank.web import qr
from timebank.web.filters import clocktime, span
from timebank.web.keyring import public_url

_ON_POSTER = 5
_MOST_LINES = 8
_MOST_CONTENT, _MOST_NOTES = 360, 120  # what still can be read from an arm's length; the rest stands behind the code


def link_to(activity: Activity) -> str:
    """The activity's public address, as QR codes carry it."""
    return public_url(url_for("activities.show", activity_id=activity.id))


def share_text(activity: Activity, *, now: datetime) -> str:
    """Plain text to paste into a chat group."""
    shifts = _worth_telling(activity, now)
    lines = [f"【志愿者招募】{activity.title}", ""]
    lines += [f"时间：{span(shift.starts_at, shift.ends_at)}（{_places(shift)}）" for shift in shifts]
    lines.append(f"地点：{activity.place}")
    lines.append(f"内容：{activity.content}")
    lines += [f"要带：{activity.bring}"] if activity.bring else []
    lines += [f"要求：{asked}"] if (asked := _asked(activity)) else []
    lines += [f"联系：{activity.contact_name} {activity.contact_phone}", "", f"点这里报名：{link_to(activity)}"]
    return "\n".join(lines)


def poster_values(activity: Activity, *, now: datetime) -> dict[str, Any]:
    """What ``poster.typ`` wants."""
    shifts = _worth_telling(activity, now)
    link = link_to(activity)
    hidden = len(shifts) - _ON_POSTER
    return {
        "branch": activity.branch.name,
        "category": CATEGORIES.get(activity.category, activity.category),
        "title": activity.title,
        "shifts": [_on_poster(shift) for shift in shifts[:_ON_POSTER]],
        "more": f"还有 {hidden} 个班次，扫码看全部" if hidden > 0 else "",
        "place": activity.place,
        "content": _cut(activity.content, _MOST_CONTENT),
        "bring": _cut(activity.bring, _MOST_NOTES),
        "requirements": _cut(_asked(activity), _MOST_NOTES),
        "risk": _cut(activity.risk_text, _MOST_NOTES),
        "contact_name": activity.contact_name,
        "contact_phone": activity.contact_phone,
        "link": link,
        "qr": qr.runs(qr.matrix(link)),
    }


def _asked(activity: Activity) -> str:
    """Everything that is asked of people, in one line."""
    demands = [f"{term}：{words}" for term, words in show_demands(activity)]
    return "；".join([*demands, *([activity.requirements] if activity.requirements else [])])


def _cut(text: str, most: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    whole = ("\n" if len(lines) <= _MOST_LINES else " ").join(lines)
    return whole if len(whole) <= most else f"{whole[:most]}……（扫码看全文）"


def _worth_telling(activity: Activity, now: datetime) -> Sequence[Shift]:
    held = [shift for shift in activity.shifts if shift.cancelled_at is None]
    return [shift for shift in held if now < shift.starts_at] or held


def _places(shift: Shift) -> str:
    if shift.free > 0:
        return f"还有 {shift.free} 个名额"
    return "已满，可候补"


def _on_poster(shift: Shift) -> dict[str, str]:
    start, end = clock.local(shift.starts_at), clock.local(shift.ends_at)
    next_day = "" if start.date() == end.date() else "次日 "
    return {
        "day": f"{start.month} 月 {start.day} 日 周{clock.WEEKDAYS[start.weekday()]}",
        "hours": f"{clocktime(start)}–{next_day}{clocktime(end)}",
        "note": shift.place or f"{shift.capacity} 人",
    }
