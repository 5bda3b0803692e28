"""Shapes of the forms."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from timebank.certificates.rules import ALL, CHINESE, LANGUAGE_NAMES, RANGE, YEAR, period_of
from timebank.web.forms import Count, FormSchema, OneOf, Text

_YEAR = re.compile(r"20[0-9]{2}")


class CertificateSchema(FormSchema):
    """Of which branch and days, which of the records shown, in which language; ``period`` is all, range, or a year."""

    form_key = Text(80, required=True)
    branch = Count(1, required=True)
    period = fields.String(load_default=ALL)
    first = fields.Date(load_default=None)
    last = fields.Date(load_default=None)
    records = fields.List(fields.Integer(), load_default=list)
    language = fields.String(load_default=CHINESE, validate=OneOf([*LANGUAGE_NAMES]))
    document = fields.Boolean(load_default=False)

    @validates_schema
    def _known(self, typed: dict[str, Any], **_: Any) -> None:
        if typed["period"] not in {ALL, RANGE} and not _YEAR.fullmatch(typed["period"]):
            raise ValidationError({"period": ["请从列出的选项里选一个。"]})

    @post_load
    def _one_period(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        kind, first, last = typed.pop("period"), typed.pop("first"), typed.pop("last")
        year = int(kind) if kind.isdigit() else None
        period = period_of(YEAR if year else kind, year=year, first=first, last=last)
        return typed | {"period": period, "records": frozenset(typed["records"])}


class ReasonSchema(FormSchema):
    """A reason that others will read."""

    reason = Text(200, least=2, required=True)
