"""Shapes of the forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load

from timebank.giving.models import PURSES
from timebank.web.forms import MOST_HOURS, Count, FormSchema, OneOf, Text, TwoBoxes, minutes_of


class AmountSchema(TwoBoxes):
    """Parent of forms with one amount in two boxes, which becomes ``minutes``."""

    amount_hours = Count(0, MOST_HOURS, load_default=None)
    amount_minutes = Count(0, 59, load_default=None)

    @post_load
    def as_minutes(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """One amount."""
        minutes = minutes_of(typed, "amount") or 0
        return typed | {"minutes": minutes}


class DonationSchema(AmountSchema):
    """What to give to the fund, from which purse, with which words."""

    purse = fields.String(required=True, validate=OneOf(list(PURSES)))
    words = Text(100, least=0, load_default="")


class GiftSchema(DonationSchema):
    """What to give to whom."""

    number = Text(20, required=True)
    name = Text(60, required=True)
    seen_rate = Text(9, load_default=None)


class GrantSchema(AmountSchema):
    """What the fund is to give to whom, and why."""

    number = Text(20, required=True)
    reason = Text(200, least=2, required=True)


class DecisionSchema(FormSchema):
    """A word with a decision."""

    note = Text(200, least=0, load_default="")
