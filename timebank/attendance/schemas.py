"""What the forms of the door and the review mean."""

from __future__ import annotations

import unicodedata
from typing import Any

from marshmallow import fields, pre_load

from timebank.web.forms import Count, FormSchema, Text

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
