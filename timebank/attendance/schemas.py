"""What the forms of the door and the review mean."""

from __future__ import annotations

import unicodedata
from datetime import time
from typing import Any

from marshmallow import ValidationError, fields, pre_load

from timebank.attendance.rules import LINES_PER_PAGE, MOST_LINES, read_clock
from timebank.web.forms import Count, FormSchema, OneOf, Text

_MOST_HOURS = 24


class CodeSchema(FormSchema):
    """A code that somebody typed; whether it is one is the rules' question."""

    code = Text(300, required=True)


class ReasonSchema(FormSchema):
    """A reason that others will read."""

    reason = Text(200, least=2, required=True)


class TimesSchema(ReasonSchema):
    """Clock times as staff know them, with the reason."""

    in_at = fields.Time("%H:%M", load_default=None)
    out_at = fields.Time("%H:%M", load_default=None)

    @pre_load
    def read_as_written(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Times as people write them: ９：００, 9:00, 09:00:00."""
        tidied = dict(typed)
        for name in ("in_at", "out_at"):
            text = unicodedata.normalize("NFKC", str(typed.get(name, ""))).replace("：", ":").strip()
            parts = text.split(":")
            if len(parts) in {2, 3} and all(part.isascii() and part.isdigit() for part in parts):
                tidied[name] = f"{int(parts[0][:3]):02d}:{int(parts[1][:3]):02d}"
        return tidied


class CloseMissingSchema(TimesSchema):
    """One time of leaving for everybody who forgot to check out."""

    out_at = fields.Time("%H:%M", required=True)


class ManualSchema(ReasonSchema):
    """Hours and minutes entered by hand, with the reason."""

    manual_hours = Count(0, _MOST_HOURS, load_default=0)
    manual_minutes = Count(0, _MOST_HOURS * 60, load_default=0)


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
