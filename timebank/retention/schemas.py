"""Shapes of the forms."""

from __future__ import annotations

from marshmallow import fields

from timebank.retention.models import KINDS
from timebank.web.forms import Count, FormSchema, OneOf, Text

_LONGEST_ID = 2**31 - 1


class TermSchema(FormSchema):
    """A new term."""

    form_key = Text(80, required=True)
    kind = fields.String(required=True, validate=OneOf([*KINDS]))
    months = Count(1, 1200, required=True)
    valid_from = fields.Date(required=True)
    reason = Text(200, least=2, required=True)


class ReasonSchema(FormSchema):
    """A reason that others will read."""

    reason = Text(200, least=2, required=True)


class SeenSchema(FormSchema):
    """The hash of the list that was shown."""

    seen = Text(64, required=True)


class PreparationSchema(ReasonSchema, SeenSchema):
    """Why the list that was shown may be destroyed."""


class HoldSchema(ReasonSchema):
    """Which activity is to be kept, and why."""

    activity = Count(1, _LONGEST_ID, required=True)
