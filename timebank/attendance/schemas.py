"""What the forms of the door and the review mean."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, time
from typing import Any

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from timebank.activities.rules.counting import MOST_OVERTIME
from timebank.activities.schemas import CountingSchema
from timebank.attendance.rules import LINES_PER_PAGE, MOST_LINES, read_clock
from timebank.web.forms import Count, FormSchema, Length, OneOf, Text, tidy_text

_MOST_HOURS = 24


class CodeSchema(FormSchema):
    """A code that somebody typed; whether it is one is the rules' question."""

    code = Text(300, required=True)


class ReasonSchema(FormSchema):
    """A reason that others will read."""

    reason = Text(200, least=2, required=True)


def _clock_times(typed: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Times as people write them: ９：００, 9:00, 09:00:00."""
    tidied = dict(typed)
    for name in names:
        text = unicodedata.normalize("NFKC", str(typed.get(name, ""))).replace("：", ":").strip()
        parts = text.split(":")
        if len(parts) in {2, 3} and all(part.isascii() and part.isdigit() for part in parts):
            tidied[name] = f"{int(parts[0][:3]):02d}:{int(parts[1][:3]):02d}"
    return tidied


class TimesSchema(ReasonSchema):
    """Clock times as staff know them, with the reason."""

    in_at = fields.Time("%H:%M", load_default=None)
    out_at = fields.Time("%H:%M", load_default=None)

    @pre_load
    def read_as_written(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Times as people write them."""
        return _clock_times(typed, ("in_at", "out_at"))


class TrialSchema(CountingSchema):
    """Options of an activity, one of its shifts, and times to try on them."""

    at = Count(0, 100, load_default=0)
    came = fields.Time("%H:%M", load_default=None)
    left = fields.Time("%H:%M", load_default=None)
    overtime = Count(0, MOST_OVERTIME, load_default=0)

    @pre_load
    def read_as_written(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Times as people write them."""
        return _clock_times(typed, ("came", "left"))


class CloseMissingSchema(TimesSchema):
    """One time of leaving for everybody who forgot to check out."""

    out_at = fields.Time("%H:%M", required=True)


class ApproveSchema(FormSchema):
    """A yes: to which round as it was seen; with ``ticked``, only to the people ticked, and why not to the others."""

    seen = Text(40, load_default=None)
    round = Count(1, load_default=None)
    ticked = fields.Boolean(load_default=False)
    held_reason = Text(200, least=0, load_default="")


class BackdatedSchema(FormSchema):
    """How long everybody ticked was there."""

    manual_hours = Count(0, _MOST_HOURS, load_default=0)
    manual_minutes = Count(0, _MOST_HOURS * 60, load_default=0)
    reason = Text(180, least=0, load_default="")


class ManualSchema(ReasonSchema):
    """Hours and minutes entered by hand, with the reason."""

    manual_hours = Count(0, _MOST_HOURS, load_default=0)
    manual_minutes = Count(0, _MOST_HOURS * 60, load_default=0)


class OvertimeSchema(ReasonSchema):
    """Minutes past the end that count, with the reason."""

    overtime = Count(0, MOST_OVERTIME, required=True)


# A phone fresh from the factory shows 1970; what no clock shows is no time.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MOST_SECONDS = 2_000_000_000  # a clock further off says nothing, and a column holds no more
MOST_SCANS = 50


def _when(**more: Any) -> fields.AwareDateTime:
    return fields.AwareDateTime("iso", validate=validate.Range(_FIRST, _LAST), **more)


class UploadedScanSchema(FormSchema):
    """One scan as a device kept it: a code, or a member whom staff chose."""

    key = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9_-]{8,64}\Z"))
    code = fields.String(load_default="", validate=Length(max=300))
    member_id = Count(1, load_default=None, allow_none=True)
    wanted = fields.String(load_default="", validate=OneOf(("", "in", "out")))
    at = _when(required=True)
    loaded_offset = fields.Integer(
        load_default=None, allow_none=True, validate=validate.Range(-MOST_SECONDS, MOST_SECONDS)
    )
    roster = fields.String(load_default="", validate=Length(max=100))

    @pre_load
    def without_control_characters(self, given: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A camera reads whatever somebody printed."""
        code = given.get("code")
        return given | {"code": tidy_text(code)} if isinstance(code, str) else given

    @validates_schema
    def names_somebody(self, given: dict[str, Any], **_: Any) -> None:
        """Either of the two; an empty code is one that was read as such."""
        if given.get("member_id") is not None and given.get("code"):
            raise ValidationError("二选一。", "code")


class BatchSchema(FormSchema):
    """What a device sends at once: its clock at sending, and scans, each of which is read by itself."""

    sent_at = _when(required=True)
    device = fields.String(load_default="", validate=Length(max=64))
    scans = fields.List(fields.Dict(keys=fields.String()), required=True, validate=Length(min=1, max=MOST_SCANS))


class DecisionSchema(ReasonSchema):
    """Which cases, what of them, and why."""

    case = fields.List(Count(1), required=True, validate=Length(min=1, max=500))
    decision = fields.String(required=True, validate=OneOf(("count", "dismiss")))


class ClockTime(fields.Field[time]):
    """A time as it stands on paper: 8:00, ８：００, 800, 0800."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> time:
        found = read_clock(str(value))
        if found is None:
            raise ValidationError("时间看不懂。请写成 8:00、800 或 0800。")
        return found


class SheetSchema(FormSchema):
    """What to print: the list, or blank lines alone."""

    which = fields.String(required=True, validate=OneOf(("list", "blank")))
    blank_lines = Count(0, MOST_LINES, load_default=0)


class SheetLineSchema(FormSchema):
    """One line of a signed page."""

    line = Count(1, MOST_LINES, required=True)
    who = Text(60, load_default="")
    in_at = ClockTime(load_default=None)
    out_at = ClockTime(load_default=None)


class TypePageSchema(FormSchema):
    """A signed page with the check totals written on it."""

    lines = fields.List(fields.Nested(SheetLineSchema), load_default=list)
    people = Count(0, LINES_PER_PAGE, required=True)
    sum_hours = Count(0, 24 * LINES_PER_PAGE, load_default=None)
    sum_minutes = Count(0, 24 * 60 * LINES_PER_PAGE, load_default=None)
