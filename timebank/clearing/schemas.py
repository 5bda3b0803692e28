"""Shapes of the forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load

from timebank.clearing.models import TO_DUE, TO_FUND, TO_MEMBER
from timebank.clearing.rules import LONGEST_OVERLAP
from timebank.web.forms import MOST_HOURS, Count, FormSchema, OneOf, Text, TwoBoxes, minutes_of

_EMPTY = "请填一个数。"


class KeySchema(FormSchema):
    """A button that may be pressed twice."""

    form_key = Text(64, required=True)


class WordsSchema(KeySchema):
    """A decision and why; whether a reason is needed is the decision's to say."""

    words = Text(200, least=0, load_default="")


class ReasonSchema(FormSchema):
    """Words alone."""

    words = Text(200, least=0, load_default="")


class SignSchema(ReasonSchema):
    """Words, and the hash of what the signer has read."""

    seen = Text(64, required=True)


class NewKeySchema(WordsSchema):
    """For how many days what older keys signed is believed, and why there is a new one."""

    days = Count(0, LONGEST_OVERLAP.days, required=True, error_messages={"required": "请填旧密钥再用几天。"})


class LineSchema(TwoBoxes):
    """How much the other branch may owe, in two boxes, which become ``minutes``; and words with it."""

    form_key = Text(64, required=True)
    amount_hours = Count(0, MOST_HOURS, load_default=None)
    amount_minutes = Count(0, 59, load_default=None)
    words = Text(200, least=0, load_default="")

    @post_load
    def as_minutes(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """One amount."""
        minutes = minutes_of(typed, "amount")
        if minutes is None:
            raise ValidationError(_EMPTY, "amount")
        return typed | {"minutes": minutes}


class AskSchema(LineSchema):
    """Whom to ask, and the line offered."""

    peer = Count(1, required=True)


class CeilingSchema(TwoBoxes):
    """How much members may spend outside in a month; ``lifted``: as much as they like."""

    form_key = Text(64, required=True)
    lifted = fields.Boolean(load_default=False)
    ceiling_hours = Count(0, MOST_HOURS, load_default=None)
    ceiling_minutes = Count(0, 59, load_default=None)

    @post_load
    def as_minutes(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """One amount, or None."""
        minutes = minutes_of(typed, "ceiling")
        if typed.pop("lifted"):
            return typed | {"minutes": None}
        if minutes is None:
            raise ValidationError(_EMPTY, "ceiling")
        return typed | {"minutes": minutes}


class RateSchema(TwoBoxes):
    """What an hour of the other branch is worth here, in two boxes, and from which day on."""

    form_key = Text(64, required=True)
    worth_hours = Count(0, MOST_HOURS, load_default=None)
    worth_minutes = Count(0, 59, load_default=None)
    valid_from = fields.Date(required=True, error_messages={"required": "请选一天。", "invalid": "请选一天。"})
    words = Text(200, least=0, load_default="")

    @post_load
    def as_minutes(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """One amount."""
        minutes = minutes_of(typed, "worth")
        if minutes is None:
            raise ValidationError(_EMPTY, "worth")
        return typed | {"minutes": minutes}


class MoveSchema(KeySchema):
    """What to do with coins that found no taker."""

    how = fields.String(required=True, validate=OneOf([TO_DUE, TO_MEMBER, TO_FUND]))
    reason = Text(160, required=True)
    number = Text(20, least=0, load_default="")
    name = Text(60, least=0, load_default="")


class NettingSchema(TwoBoxes):
    """A circle of branches, each owing the next, and how much to take off."""

    form_key = Text(64, required=True)
    branches = fields.List(Count(1), required=True)
    amount_hours = Count(0, MOST_HOURS, load_default=None)
    amount_minutes = Count(0, 59, load_default=None)

    @post_load
    def as_minutes(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """One amount."""
        minutes = minutes_of(typed, "amount")
        if minutes is None:
            raise ValidationError(_EMPTY, "amount")
        return typed | {"minutes": minutes, "branches": tuple(typed["branches"])}
