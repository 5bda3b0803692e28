"""Shapes of the forms."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load, pre_load, validates_schema

from timebank.core.clock import ZONE
from timebank.exchange import rules
from timebank.exchange.models import (
    CATEGORIES,
    GOODS_CATEGORIES,
    OWN_BRANCH,
    RESOURCE_CATEGORIES,
    SERVICE_CATEGORIES,
    SHARED_NAMES,
)
from timebank.exchange.rules import MOST_CAPACITY
from timebank.web.forms import Count, FormSchema, OneOf, Text, TwoBoxes, minutes_of


class HoursRow(FormSchema):
    """From one day of the week to another, from a time to a later one."""

    first = Count(1, 7, required=True, error_messages={"required": "请选从周几。"})
    last = Count(1, 7, load_default=None, allow_none=True)
    opens = fields.Time(required=True, error_messages={"required": "请填几点开始。"})
    closes = fields.Time(required=True, error_messages={"required": "请填几点结束。"})


class _HourlySchema(FormSchema):
    """Forms with weekly hours."""

    hours = fields.List(fields.Nested(HoursRow), load_default=list)

    @post_load
    def _one_text(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The rows as the column holds them. Raises BadHours where they overlap or end before they begin."""
        spans = [
            rules.Span(
                row["first"], row["last"] or row["first"], rules.minute_of(row["opens"]), rules.minute_of(row["closes"])
            )
            for row in typed["hours"]
        ]
        return typed | {"hours": rules.hours_text(spans)}


class _OfferSchema(FormSchema):
    form_key = Text(80, required=True)
    title = Text(60, least=2, required=True)
    description = Text(1000, load_default="")
    place = Text(80, load_default="")
    price_hours = Count(0, rules.MAX_PRICE_MINUTES // 60, load_default=0)
    price_minutes = Count(0, 59, load_default=0)
    valid_until = fields.Date(load_default=None)
    shared_with = fields.String(load_default=OWN_BRANCH, validate=OneOf(SHARED_NAMES))
    branch_ids = fields.List(Count(1), load_default=list)
    serve_days = Count(1, rules.MOST_SERVE_DAYS, load_default=None, allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _price_is_something(self, typed: dict[str, Any], **_: Any) -> None:
        minutes = typed["price_hours"] * 60 + typed["price_minutes"]
        if not rules.MIN_PRICE_MINUTES <= minutes <= rules.MAX_PRICE_MINUTES:
            raise ValidationError("请填写每次要多少时长，1 分钟到 100 小时。", "price")

    @post_load
    def _one_amount(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        typed["price_minutes"] += 60 * typed.pop("price_hours")
        typed["branch_ids"] = frozenset(typed["branch_ids"])
        return typed


class ServiceSchema(_OfferSchema, _HourlySchema):
    """A service of a member, or of a team that they lead."""

    category = fields.String(required=True, validate=OneOf([*SERVICE_CATEGORIES, "other"]))
    licence = Text(120, load_default="")
    answer_days = Count(1, rules.MOST_ANSWER_DAYS, load_default=None, allow_none=True)
    area_id = Count(1, load_default=None, allow_none=True)
    team_id = Count(1, load_default=None, allow_none=True)


class BranchServiceSchema(ServiceSchema):
    """A service of the branch or of an organisation."""

    organisation_id = Count(1, load_default=None, allow_none=True)


class ResourceSchema(_OfferSchema, _HourlySchema):
    """A room or equipment: how many may have the same hour, and when it is open."""

    category = fields.String(required=True, validate=OneOf([*RESOURCE_CATEGORIES, "other"]))
    capacity = Count(1, MOST_CAPACITY, required=True)


class NewResourceSchema(ResourceSchema):
    """A room or equipment, and whose it is."""

    organisation_id = Count(1, load_default=None, allow_none=True)


class ClosureSchema(FormSchema):
    """Days on which it is closed."""

    form_key = Text(80, required=True)
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    reason = Text(60, required=True)


class GoodsSchema(_OfferSchema):
    """Goods of the branch; stock is changed by a form of its own, since orders move it at the same time."""

    category = fields.String(required=True, validate=OneOf([*GOODS_CATEGORIES, "other"]))
    per_member_limit = Count(1, 999, load_default=None, allow_none=True)
    use_by = fields.Date(load_default=None)


class NewGoodsSchema(GoodsSchema):
    """Goods with their first stock."""

    stock = Count(0, rules.MAX_STOCK, required=True)
    organisation_id = Count(1, load_default=None, allow_none=True)


class NeedSchema(FormSchema):
    """What somebody looks for."""

    form_key = Text(80, required=True)
    category = fields.String(required=True, validate=OneOf(CATEGORIES))
    words = Text(60, least=2, required=True)
    until = fields.Date(required=True)


class SendSchema(FormSchema):
    """Who of the team goes."""

    member_id = Count(1, required=True, error_messages={"required": "请选一位队员。"})


class StockSchema(FormSchema):
    """How many there are now, and how many there were when the page was shown."""

    stock = Count(0, rules.MAX_STOCK, required=True)
    seen = Count(0, rules.MAX_STOCK, required=True)


class OrderSchema(FormSchema):
    """What a member asks for."""

    form_key = Text(80, required=True)
    quantity = Count(1, rules.MAX_QUANTITY, load_default=1)
    wish = Text(200, load_default="")
    seen_price_minutes = Count(0, rules.MAX_PRICE_MINUTES, load_default=None, allow_none=True)
    seen_rate = Text(9, load_default=None)
    starts_at = fields.AwareDateTime(load_default=None, format="%Y-%m-%dT%H:%M", default_timezone=ZONE)


def _moment() -> fields.AwareDateTime:
    return fields.AwareDateTime(
        required=True,
        format="%Y-%m-%dT%H:%M",
        default_timezone=ZONE,
        error_messages={"required": "请选一个日期和时间。", "invalid_awareness": "请选一个日期和时间。"},
    )


class _MeetingSchema(FormSchema):
    form_key = Text(80, load_default=None)

    @pre_load
    def _with_a_t(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Browsers without a date box leave people to type ``2026-11-21 09:00``."""
        times = {name: typed[name] for name in ("agreed_at", "meet_at") if isinstance(typed.get(name), str)}
        return typed | {name: "T".join(at.replace("/", "-").split()) for name, at in times.items()}


class AcceptSchema(_MeetingSchema):
    """The time the provider says yes to, and words for the member."""

    agreed_at = _moment()
    reply = Text(200, load_default="")


class ProposeSchema(_MeetingSchema):
    """Another time that the member would like, and words for the provider."""

    meet_at = _moment()
    words = Text(200, load_default="")


class PartSchema(TwoBoxes):
    """What was done of an order: pieces of goods, or minutes of a service and why no more."""

    quantity = Count(0, rules.MAX_QUANTITY, load_default=None)
    minutes_hours = Count(0, rules.MAX_PRICE_MINUTES // 60, load_default=None)
    minutes_minutes = Count(0, 59, load_default=None)
    reason = Text(200, load_default="")

    @post_load
    def _one_amount(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        minutes = minutes_of(typed, "minutes")
        return typed | {"minutes": minutes}


class DeclineSchema(FormSchema):
    """Why not."""

    reason = Text(200, required=True, error_messages={"required": "请写一句原因，让对方放心。"})


class CancelSchema(FormSchema):
    """Why it is taken back; may be empty as long as nobody has agreed."""

    reason = Text(200, load_default="")


class RateSchema(FormSchema):
    """One to five, and words."""

    score = Count(1, 5, required=True, error_messages={"required": "请选 1 到 5 分。"})
    words = Text(300, load_default="")


class VoucherSchema(FormSchema):
    """A voucher as typed or scanned."""

    voucher = Text(200, required=True, error_messages={"required": "请输入或扫描兑换券上的码。"})
