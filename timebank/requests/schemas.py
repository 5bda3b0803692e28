"""Shapes of the forms."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, pre_load

from timebank.core.clock import ZONE
from timebank.requests.models import CATEGORIES, HEARD_NAMES, KIND_NAMES, PARTS_OF_DAY, SOURCE_NAMES
from timebank.web.forms import Count, FormSchema, OneOf, Text, TwoBoxes, minutes_of


class _Length(TwoBoxes):
    """Parent of forms that say how long it may take at most, in two boxes that become ``minutes``."""

    length_hours = Count(0, 99, load_default=None)
    length_minutes = Count(0, 59, load_default=None)

    @post_load
    def as_minutes(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """One amount; nothing where both boxes were left empty."""
        return typed | {"minutes": minutes_of(typed, "length") or 0}


class RequestSchema(_Length):
    """What is needed, for whom, when, for how long, and whose coins."""

    number = Text(20, least=0, load_default="")
    name = Text(60, least=0, load_default="")
    kind = fields.String(required=True, validate=OneOf(list(KIND_NAMES)))
    category = fields.String(required=True, validate=OneOf(list(CATEGORIES)))
    title = Text(40, least=2, required=True)
    words = Text(300, least=0, load_default="")
    place = Text(120, least=0, load_default="")
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    part_of_day = fields.String(load_default="any", validate=OneOf(list(PARTS_OF_DAY)))
    source = fields.String(required=True, validate=OneOf(list(SOURCE_NAMES)))
    confidential = fields.Boolean(load_default=False)
    consented = fields.Boolean(load_default=False)
    heard = fields.String(load_default="self", validate=OneOf(list(HEARD_NAMES)))


class DispatchSchema(_Length):
    """How it goes out."""

    source = fields.String(required=True, validate=OneOf(list(SOURCE_NAMES)))
    to_all = fields.Boolean(load_default=False)
    consented = fields.Boolean(load_default=False)


class InviteSchema(FormSchema):
    """Whom to ask: ticked, or by number."""

    who = fields.List(Count(1), load_default=[])
    number = Text(20, least=0, load_default="")


class ClaimSchema(FormSchema):
    """When somebody will come, and who said yes where staff write it down."""

    starts_at = fields.AwareDateTime(
        load_default=None,
        format="%Y-%m-%dT%H:%M",
        default_timezone=ZONE,
        error_messages={"invalid_awareness": "请选一个日期和时间。"},
    )
    member_id = Count(1, load_default=None)

    @pre_load
    def _with_a_t(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Browsers without a date box leave people to type ``2026-11-21 09:00``."""
        at = typed.get("starts_at")
        return typed | {"starts_at": "T".join(at.replace("/", "-").split())} if isinstance(at, str) else typed


class MoveSchema(ClaimSchema):
    """Another time."""

    starts_at = fields.AwareDateTime(
        required=True,
        format="%Y-%m-%dT%H:%M",
        default_timezone=ZONE,
        error_messages={"required": "请选一个日期和时间。", "invalid_awareness": "请选一个日期和时间。"},
    )


class ReasonSchema(FormSchema):
    """Why; whether it may stay empty, the verb says."""

    reason = Text(200, least=0, load_default="")


class HandOverSchema(FormSchema):
    """To whom."""

    number = Text(20, required=True)


class RateSchema(FormSchema):
    """One to five, and words."""

    score = Count(1, 5, required=True, error_messages={"required": "请选 1 到 5 分。"})
    words = Text(300, least=0, load_default="")
