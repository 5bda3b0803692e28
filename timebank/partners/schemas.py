"""Shapes of the forms."""

from __future__ import annotations

from timebank.web.forms import Count, FormSchema, Text


class DeskSchema(FormSchema):
    """A desk to be opened."""

    form_key = Text(80, required=True)
    organisation_id = Count(1, required=True, error_messages={"required": "请选一家单位。"})
    name = Text(20, required=True)


class VoucherSchema(FormSchema):
    """A voucher as typed or scanned."""

    voucher = Text(200, required=True, error_messages={"required": "请输入或扫描兑换券上的码。"})
