"""Shapes of the forms."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load

from timebank.disputes.models import NONE, PART, TALK, WHOLE
from timebank.exchange.rules import MAX_PRICE_MINUTES, MAX_QUANTITY
from timebank.web.forms import Count, FormSchema, OneOf, Text, TwoBoxes, minutes_of


class OpenSchema(FormSchema):
    """What is wrong, and what would set it right."""

    wanted = fields.String(required=True, validate=OneOf([WHOLE, PART, NONE, TALK]))
    words = Text(500, least=2, required=True)


class SaySchema(FormSchema):
    """What a side says."""

    words = Text(500, least=2, required=True)


class RulingSchema(TwoBoxes):
    """A decision; what the order comes to in part is said in minutes, or in pieces of goods."""

    outcome = fields.String(required=True, validate=OneOf([WHOLE, PART, NONE]))
    part_hours = Count(0, MAX_PRICE_MINUTES // 60, load_default=None)
    part_minutes = Count(0, 59, load_default=None)
    pieces = Count(0, MAX_QUANTITY, load_default=None)
    reason = Text(180, least=2, required=True)

    @post_load
    def _one_amount(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        part = minutes_of(typed, "part")
        return typed | {"part": part}


class NoteSchema(FormSchema):
    """A word with the second person's answer."""

    note = Text(180, least=0, load_default="")
