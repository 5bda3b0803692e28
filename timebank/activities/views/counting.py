"""How minutes are counted, as pages say it and as the form offers it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from timebank.activities.models import ACTUAL, PLANNED, WHOLE, Activity
from timebank.activities.rules import PRESETS, Counting, counting_of, counting_sentences, own_options
from timebank.activities.schemas import ROUNDINGS
from timebank.core import clock
from timebank.core.minutes import coins
from timebank.rulebook.queries import find_rule
from timebank.web.filters import clocktime

WAYS: Final = {
    ACTUAL: "从签到算到签退，来多久算多久。适合来去自由的活动。",
    PLANNED: "来了签到，就算整班，不用签退。适合一起出发、一起结束的活动。",
    WHOLE: f"在场达到整班的 {PRESETS[WHOLE].lowest_share}% 就算整班，"
    f"迟到 {PRESETS[WHOLE].late_grace_minutes} 分钟以内不扣；不到的，来多久算多久。适合固定岗位。",
}


def counting_words(session: Session, activity: Activity, *, now: datetime) -> list[str]:
    """How an activity counts, and the daily cap, which is the rulebook's and holds for all activities alike."""
    rule = find_rule(session, activity.branch_id, clock.today(now))
    cap = rule.daily_cap_minutes
    words = counting_sentences(counting_of(activity))
    return [*words, f"本网点同一天最多存入 {coins(cap)}，超过的只记服务时长。"] if cap is not None else words


def option_choices() -> dict[str, list[tuple[str, str]]]:
    """What the selects of the options offer, beside leaving it as the chosen way has it."""
    return {
        "early_counts": [("1", "算，用来补早走的"), ("0", "不算")],
        "rounding_minutes": [(str(step), name) for step, name in ROUNDINGS.items()],
        "rounds_to_nearest": [("0", "舍去零头"), ("1", "满半格进一格，不超过整班")],
    }


def options_written(counting: Counting) -> dict[str, Any]:
    """The options as the form shows them: what differs from the chosen way, so that choosing another fills anew."""
    return {
        name: str(int(value)) if isinstance(value, bool) else value for name, value in own_options(counting).items()
    }


def trial_query(activity: Activity) -> dict[str, Any]:
    """What to ask the trial page for this activity: its options, and its shifts as ``09:00-11:00-15``."""
    shifts = [
        f"{clocktime(shift.starts_at)}-{clocktime(shift.ends_at)}-{shift.break_minutes}" for shift in activity.shifts
    ]
    options = options_written(counting_of(activity))
    return {"judged_by": activity.judged_by, "shift": list(dict.fromkeys(shifts)), **options}
