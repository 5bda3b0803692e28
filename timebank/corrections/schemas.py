"""Shapes of the forms."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load

from timebank.corrections.models import KIND_NAMES
from timebank.web.forms import Count, FormSchema, OneOf, Text

_MOST_HOURS = 100


class ChoiceSchema(FormSchema):
    """What to do with an entry: undo it, or say the right amount."""

    kind = fields.String(required=True, validate=OneOf([*KIND_NAMES]))
    minutes_hours = Count(0, _MOST_HOURS, load_default=0)
    minutes_minutes = Count(0, _MOST_HOURS * 60, load_default=0)

    @post_load
    def _one_amount(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        typed["minutes"] = 60 * typed.pop("minutes_hours") + typed.pop("minutes_minutes")
        return typed


class CorrectionSchema(ChoiceSchema):
    """The same, with the reason that the people concerned will read."""

    form_key = Text(80, required=True)
    reason = Text(200, least=2, required=True)


class NoteSchema(FormSchema):
    """A word to a decision; none is needed to agree."""

    note = Text(200, load_default="")


class ReasonSchema(FormSchema):
    """A reason that others will read."""

    reason = Text(200, least=2, required=True)


class RequestSchema(FormSchema):
    """What a member thinks is wrong."""

    form_key = Text(80, required=True)
    words = Text(300, least=2, required=True)
