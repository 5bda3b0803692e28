"""Shapes of the forms of organisations and their agreements."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load

from timebank.agreements.models import PROMISE_CATEGORIES, SIDE_NAMES
from timebank.agreements.rules import MOST
from timebank.members.models import ORGANISATION_KINDS, ORGANISATION_ROLES
from timebank.web.forms import Count, FormSchema, OneOf, Text

_NUMBER = {"required": "请输入会员号。"}


class OrganisationSchema(FormSchema):
    """What is known about an organisation."""

    name = Text(60, least=2, required=True)
    kind = fields.String(required=True, error_messages={"required": "请选择类型。"}, validate=OneOf(ORGANISATION_KINDS))
    credit_code = Text(24, load_default="")
    contact_name = Text(60, load_default="")
    contact_phone = Text(24, load_default="")
    area_id = Count(1, load_default=None)
    address = Text(120, load_default="")
    words = Text(300, load_default="")


class OrganisationChangeSchema(OrganisationSchema):
    """The same; an empty phone leaves the phone as it is, unless it is to go."""

    forget_phone = fields.Boolean(load_default=False)

    @post_load
    def _keep_phone(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        forget = typed.pop("forget_phone")
        if not typed["contact_phone"] and not forget:
            typed["contact_phone"] = None
        return typed


class PersonSchema(FormSchema):
    """Who belongs to an organisation, and as what."""

    number = Text(40, required=True, error_messages=_NUMBER)
    role = fields.String(required=True, validate=OneOf(ORGANISATION_ROLES))


class LeaverSchema(FormSchema):
    """Who belongs to it no longer."""

    member_id = Count(1, required=True)


class ReasonSchema(FormSchema):
    """Why."""

    reason = Text(100, least=0, load_default="")


class AgreementSchema(FormSchema):
    """A year, and what is agreed on in general."""

    year = Count(2000, 2999, required=True)
    words = Text(500, least=0, load_default="")


class WordsSchema(FormSchema):
    """What is agreed on in general."""

    words = Text(500, least=0, load_default="")


class PromiseSchema(FormSchema):
    """Who promises so much of what until when."""

    side = fields.String(required=True, error_messages={"required": "请选择哪一方。"}, validate=OneOf(SIDE_NAMES))
    category = fields.String(
        required=True, error_messages={"required": "请选择类别。"}, validate=OneOf(PROMISE_CATEGORIES)
    )
    words = Text(200, least=2, required=True)
    quantity = Count(0, MOST, required=True)
    unit = Text(8, required=True)
    due_on = fields.Date(required=True)


class AddedPromiseSchema(PromiseSchema):
    """A promise, or its new terms, in an agreement that is signed."""

    reason = Text(200, least=2, required=True, error_messages={"required": "请写一句为什么变更。"})


class SigningSchema(FormSchema):
    """When the paper was signed, and by whom."""

    signed_on = fields.Date(required=True)
    branch_signer = Text(60, required=True)
    organisation_signer = Text(60, required=True)


class DeedSchema(FormSchema):
    """What was done."""

    done_on = fields.Date(required=True)
    quantity = Count(1, MOST, required=True)
    words = Text(200, least=2, required=True)
    activity_id = Count(1, load_default=None)
    order_id = Count(1, load_default=None)
