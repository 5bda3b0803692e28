"""Trying out how an activity counts: times go in, and what every step of the policy does to them comes out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.activities.models import JUDGED_BY_NAMES
from timebank.activities.rules import COUNTING_FIELDS, Counting, counting_sentences
from timebank.attendance.rules import Mark, Policy, weigh
from timebank.attendance.schemas import TrialSchema
from timebank.attendance.views.base import blueprint, instant_near
from timebank.attendance.views.steps import step_words
from timebank.core import clock
from timebank.core.db import db
from timebank.core.minutes import coins, hours
from timebank.rulebook.queries import find_rule
from timebank.web.filters import clocktime
from timebank.web.forms import Form, tidy_text
from timebank.web.guards import current_actor, guard

_SHIFT: Final = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})-(\d{0,3})")
_ORDINARY: Final = "09:00-11:00-0"
_MOST_SHIFTS: Final = 30


class _Asked(Form):
    """A form whose answers stand in the address: asking again is a link, and nothing is kept."""

    @property
    def submitted(self) -> bool:
        return False

    def _typed(self) -> dict[str, Any]:
        return {name: text for name, text in self.initial.items() if text}


@blueprint.get("/organise/counting")
@guard("activity.post")
def try_counting() -> str | tuple[str, int]:
    """Enter times of coming and going; see what they count under these options, and some usual cases beside it."""
    typed = {name: tidy_text(request.args[name]) for name in request.args if name != "shift"}
    shifts = _shifts(request.args.getlist("shift"))
    form = _Asked(TrialSchema(), initial=typed)
    counting, tried = Counting(), None
    policy = _policy(shifts[0], counting)
    with form.catching():
        given = form.load()
        counting = Counting(**{name: given[name] for name in COUNTING_FIELDS})
        policy = _policy(shifts[min(given["at"], len(shifts) - 1)], counting)
        tried = _try(policy, given)
    form.initial |= {"came": typed.get("came", clocktime(policy.starts_at)), "at": typed.get("at", "0")}
    form.initial |= {"left": typed.get("left", "" if policy.by_plan else clocktime(policy.ends_at))}
    return render_template(
        "attendance/counting.html",
        form=form,
        shifts=[(str(at), _shift_words(shift)) for at, shift in enumerate(shifts)],
        kept=[(name, typed[name]) for name in COUNTING_FIELDS if name in typed],
        asked=[_text_of(shift) for shift in shifts],
        way=JUDGED_BY_NAMES[counting.judged_by],
        sentences=[*counting_sentences(counting), *_cap_words()],
        overtime=counting.overtime_limit_minutes,
        tried=tried,
        examples=_examples(policy),
    ), form.status


@blueprint.post("/organise/counting")
@guard("activity.post")
def try_written() -> Response:
    """The same for an activity that is still being written: only its options and the hours of its shifts are taken."""
    options = {name: request.form.get(name, "").strip()[:8] for name in COUNTING_FIELDS}
    shifts = [
        "-".join(request.form.get(f"shifts-{row}-{part}", "").strip()[:8] for part in ("start", "end", "break_minutes"))
        for row in range(_MOST_SHIFTS)
        if request.form.get(f"shifts-{row}-start") and not request.form.get(f"shifts-{row}-drop")
    ]
    query: dict[str, Any] = {name: text for name, text in options.items() if text}
    return redirect(url_for("attendance.try_counting", shift=list(dict.fromkeys(shifts)), **query), 303)


@dataclass(frozen=True, kw_only=True)
class _Hours:
    start: time
    end: time
    break_minutes: int


def _shifts(texts: Sequence[str]) -> list[_Hours]:
    """The shifts that were named and make sense; an ordinary one when none does."""
    found = [_read(text) for text in texts[:_MOST_SHIFTS]]
    known = [shift for shift in found if shift is not None]
    ordinary = _read(_ORDINARY)
    return known or [ordinary] if ordinary else known


def _read(text: str) -> _Hours | None:
    match = _SHIFT.fullmatch(unicodedata.normalize("NFKC", text))
    if match is None or max(int(match[1]), int(match[3])) > 23 or max(int(match[2]), int(match[4])) > 59:
        return None
    start, end = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    return None if start == end else _Hours(start=start, end=end, break_minutes=int(match[5] or 0))


def _text_of(shift: _Hours) -> str:
    return f"{shift.start:%H:%M}-{shift.end:%H:%M}-{shift.break_minutes}"


def _shift_words(shift: _Hours) -> str:
    rest = f"，休息 {hours(shift.break_minutes)}" if shift.break_minutes else ""
    return f"{shift.start:%H:%M}–{shift.end:%H:%M}{rest}"


def _policy(shift: _Hours, counting: Counting) -> Policy:
    """The shift as if it were today; a night shift ends tomorrow."""
    day = clock.today(clock.now())
    end_day = day if shift.end > shift.start else day + timedelta(days=1)
    return Policy(
        starts_at=clock.instant(day, shift.start),
        ends_at=clock.instant(end_day, shift.end),
        break_minutes=shift.break_minutes,
        counting=counting,
    )


def _cap_words() -> list[str]:
    branch_id = current_actor().branch_id
    cap = find_rule(db.session(), branch_id, clock.today(clock.now())).daily_cap_minutes if branch_id else None
    return [f"本网点同一天最多存入 {coins(cap)}，超过的只记服务时长。"] if cap is not None else []


def _try(policy: Policy, given: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    if given["came"] is None and given["left"] is None:
        return None
    times = (("in", instant_near(policy, given["came"])), ("out", instant_near(policy, given["left"])))
    marks = [Mark(kind=kind, at=at) for kind, at in times if at is not None]
    return step_words(weigh(marks, policy, overtime=given["overtime"]), policy, said=given["overtime"] or None)


def _examples(policy: Policy) -> list[tuple[str, str, str, str]]:
    """Usual cases: what happened, when they came and left, what it counts."""
    start, end = policy.starts_at, policy.ends_at
    half, limit = (end - start) / 2, policy.counting.overtime_limit_minutes
    cases: list[tuple[str, datetime, datetime | None, int]] = [
        ("准时来，准时走", start, end, 0),
        ("迟到 10 分钟", start + timedelta(minutes=10), end, 0),
        ("早到 20 分钟，早走 20 分钟", start - timedelta(minutes=20), end - timedelta(minutes=20), 0),
        ("只待了一半", start, start + half, 0),
        ("多留 30 分钟", start, end + timedelta(minutes=30), 0),
    ]
    if limit:
        cases.append(("多留 30 分钟，确认了加时", start, end + timedelta(minutes=30), 30))
    cases.append(("忘了签退", start, None, 0))
    return [
        (words, clocktime(came), clocktime(left) if left else "—", _counted(policy, came, left, confirmed))
        for words, came, left, confirmed in cases
    ]


def _counted(policy: Policy, came: datetime, left: datetime | None, confirmed: int) -> str:
    marks = [Mark(kind="in", at=came), *([Mark(kind="out", at=left)] if left else [])]
    weighed = weigh(marks, policy, overtime=confirmed)
    return hours(weighed.minutes) if weighed.complete else "要组织者处理"
