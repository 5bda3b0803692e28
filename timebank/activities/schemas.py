"""What the forms of activities mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, pre_load

from timebank.activities.models import ACTUAL, CATEGORIES, JUDGED_BY_NAMES, RISKS
from timebank.activities.rules import ShiftDraft, filled_in
from timebank.activities.rules.counting import MOST_GRACE, MOST_OVERTIME
from timebank.activities.rules.drafts import SPECIAL
from timebank.core import clock
from timebank.members.rules.papers import PAPERS, SKILLS, one_text
from timebank.web.forms import Count, FormSchema, OneOf, Text

ROUNDINGS: Final = {1: "按分钟", 5: "5 分钟", 10: "10 分钟", 15: "15 分钟", 30: "30 分钟"}
_NIGHT: Final = timedelta(hours=12)  # a patrol from 22:00 to 02:00 ends the next day; 11:00 to 09:00 is a slip
_FIRST_YEAR, _LAST_YEAR = 2000, 2999  # at the ends of the calendar the next day, or another zone's, does not exist
_DATE: Final = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$")
_SPOT: Final = re.compile(r"(-?\d{1,2}(?:\.\d{1,12})?)[\s,，、]+(-?\d{1,3}(?:\.\d{1,12})?)")
_TIME: Final = re.compile(r"^(\d{1,2}):(\d{2})(?::\d{2})?$")


def _check_year(day: date) -> None:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValidationError("年份不对，请核对日期。")


class ShiftSchema(FormSchema):
    """One row of the form: a day, two clock times, places."""

    shift_id = Count(1, data_key="id", load_default=None)
    date = fields.Date(required=True, validate=_check_year)
    start = fields.Time("%H:%M", required=True)
    end = fields.Time("%H:%M", required=True)
    place = Text(80, load_default="")
    capacity = Count(1, 2000, required=True)
    break_minutes = Count(0, 720, load_default=0)

    @pre_load
    def read_as_written(self, typed: Mapping[str, str], **_: Any) -> dict[str, str]:
        """Dates and times as people write them: 2026.11.21, 2026年11月21日, 9：00."""
        row = {name: unicodedata.normalize("NFKC", text) if name != "place" else text for name, text in typed.items()}
        if found := _DATE.match(row.get("date", "")):
            row["date"] = f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}"
        for name in ("start", "end"):
            if found := _TIME.match(row.get(name, "")):
                row[name] = f"{int(found[1]):02d}:{found[2]}"
        return row

    @post_load
    def as_draft(self, row: dict[str, Any], **_: Any) -> ShiftDraft:
        """The row as instants; an end before the start is the next day's where that makes a night shift."""
        day, start, end = row.pop("date"), row.pop("start"), row.pop("end")
        starts_at, ends_at = clock.instant(day, start), clock.instant(day, end)
        next_day = ends_at + timedelta(days=1)
        if ends_at < starts_at and next_day - starts_at <= _NIGHT:
            ends_at = next_day
        return ShiftDraft(starts_at=starts_at, ends_at=ends_at, **row)


class CountingSchema(FormSchema):
    """How minutes are counted: one of three ways, and options; what is left open is as that way has it."""

    judged_by = fields.String(load_default=ACTUAL, validate=OneOf(JUDGED_BY_NAMES))
    late_grace_minutes = Count(0, MOST_GRACE, load_default=None)
    early_counts = fields.Boolean(load_default=None)
    overtime_limit_minutes = Count(0, MOST_OVERTIME, load_default=None)
    break_after_minutes = Count(0, 720, load_default=None)
    rounding_minutes = fields.Integer(load_default=None, validate=OneOf(ROUNDINGS))
    rounds_to_nearest = fields.Boolean(load_default=None)
    lowest_share = Count(0, 100, load_default=None)

    @post_load
    def fill_in(self, loaded: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Every option as the chosen way has it where nothing else was said."""
        return loaded | filled_in(loaded["judged_by"], loaded)


class Spot(fields.String):
    """A place in degrees, north and east, as ``29.901234, 121.843321``; millionths of a degree as a pair."""

    def _deserialize(self, value: Any, attr: str | None, typed: Any, **kwargs: Any) -> tuple[int, int]:  # type: ignore[override]
        text = unicodedata.normalize("NFKC", super()._deserialize(value, attr, typed, **kwargs))
        found = _SPOT.fullmatch(text.strip())
        spot = (_millionths(found[1]), _millionths(found[2])) if found else None
        if spot is None or abs(spot[0]) > 90_000_000 or abs(spot[1]) > 180_000_000:
            raise ValidationError("位置要写成“纬度, 经度”，例如 29.901234, 121.843321。")
        return spot


def _millionths(degrees: str) -> int:
    return round(Decimal(degrees) * 1_000_000)


class ActivitySchema(CountingSchema):
    """The whole form of an activity. Its rows are named ``shifts-0-date`` and so on."""

    title = Text(60, least=2, required=True)
    category = fields.String(required=True, validate=OneOf(CATEGORIES))
    content = Text(2000, least=2, required=True)
    place = Text(80, required=True)
    contact_name = Text(30, required=True)
    contact_phone = Text(30, least=3, required=True)
    bring = Text(200, load_default="")
    requirements = Text(200, load_default="")
    risk = fields.String(required=True, validate=OneOf(RISKS))
    risk_text = Text(300, load_default="")
    insurance_policy = Text(60, load_default="")
    min_age = Count(1, 120, load_default=None)
    max_age = Count(1, 120, load_default=None)
    needed_skills = fields.List(fields.String(validate=OneOf(SKILLS)), load_default=list)
    needed_papers = fields.List(fields.String(validate=OneOf(PAPERS)), load_default=list)
    special = fields.List(fields.String(validate=OneOf(SPECIAL)), load_default=list)
    walk_ins = fields.Boolean(load_default=False)
    spot = Spot(load_default=None)
    group_activity = fields.Boolean(load_default=False)
    team_id = Count(1, load_default=None)
    branch_id = Count(1, load_default=None)
    shifts = fields.List(fields.Nested(ShiftSchema), load_default=list)

    @post_load
    def part_spot(self, loaded: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The spot as the two numbers that are kept."""
        latitude, longitude = loaded.pop("spot") or (None, None)
        return loaded | {"spot_latitude": latitude, "spot_longitude": longitude}

    @post_load
    def join_codes(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Ticked codes as the columns hold them."""
        return typed | {name: one_text(typed[name]) for name in ("needed_skills", "needed_papers", "special")}


class BackdatedActivitySchema(ActivitySchema):
    """The form of an activity that took place already: it says why it comes so late."""

    backdated_reason = Text(200, least=2, required=True)


class ReasonSchema(FormSchema):
    """A reason; whether it may be empty is the verb's question."""

    reason = Text(200, least=0, load_default="")


class GivenSchema(FormSchema):
    """What is said along with a sign-up."""

    risk_read = fields.Boolean(load_default=False)
    override = Text(200, load_default="")


class ProxySchema(GivenSchema):
    """Whom staff sign up: a member number, or the code on the card."""

    who = Text(300, required=True)  # a scanner that types sends a whole link


class TogetherSchema(GivenSchema):
    """Who comes along."""

    who = fields.List(Count(1), load_default=list)


class AppealSchema(FormSchema):
    """Why a mark is wrong."""

    words = Text(300, least=0, load_default="")


class LimitsSchema(FormSchema):
    """A branch's limits and why they change."""

    offer_hours = Count(1, 168, required=True)
    late_hours = Count(0, 168, required=True)
    no_shows = Count(1, 20, required=True)
    no_show_days = Count(1, 366, required=True)
    popular_percent = Count(1, 100, required=True)
    reason = Text(200, least=2, required=True, error_messages={"required": "请写明为什么改，会员看得到。"})


class PaperConsentSchema(FormSchema):
    """A guardian's consent on paper, for all activities or one shift's."""

    guardian_name = Text(60, least=2, required=True)
    activity_id = Count(1, load_default=None)
    seen = fields.Boolean(load_default=False)
