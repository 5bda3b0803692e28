"""Shapes of the forms."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from timebank.core.clock import is_month
from timebank.reports.models import REMARK, RESULT_NAMES
from timebank.web.forms import Count, FormSchema, OneOf, Text

_MOST_PICKS = 50


class PackSchema(FormSchema):
    """Asking for an evidence pack."""

    form_key = Text(80, required=True)
    reason = Text(200, least=2, required=True)
    named = fields.Boolean(load_default=False)
    pictured = fields.Boolean(load_default=False)


class SampleSchema(FormSchema):
    """Drawing a sample."""

    form_key = Text(80, required=True)
    month = fields.String(required=True)
    wanted = Count(1, _MOST_PICKS, required=True)

    @validates_schema(skip_on_field_errors=True)
    def _a_month(self, typed: dict[str, Any], **_: Any) -> None:
        if not is_month(typed["month"]):
            raise ValidationError("月份要写成 2026-10 这样。", "month")


class FindingSchema(FormSchema):
    """What was found."""

    form_key = Text(80, required=True)
    result = fields.String(required=True, validate=OneOf([*RESULT_NAMES]))
    words = Text(300, least=0, load_default="")

    @validates_schema(skip_on_field_errors=True)
    def _remark_says_what(self, typed: dict[str, Any], **_: Any) -> None:
        if typed["result"] == REMARK and not typed["words"]:
            raise ValidationError("有意见，请写明是什么。", "words")


class YearSchema(FormSchema):
    """Counting a year."""

    form_key = Text(80, required=True)
    year = Count(2000, 2999, required=True)
    words = Text(200, least=0, load_default="")


class ReasonSchema(FormSchema):
    """A reason that others will read."""

    reason = Text(200, least=2, required=True)


class BatchSchema(ReasonSchema):
    """Making a batch."""

    form_key = Text(80, required=True)


class AnswersSchema(FormSchema):
    """The ministry's answers, typed or pasted; a file may come instead."""

    answers = Text(2_000, least=0, load_default="")
