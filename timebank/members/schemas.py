"""Shapes of the forms of people. Passwords keep their own length limit, checked with better words by the rules."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from timebank.members.models import FAMILY, FAMILY_KIND_NAMES, SEXES
from timebank.members.queries.private import SEALED_FIELDS
from timebank.members.rules import GUARDIAN, IDENTITY, PERSONAL_DATA
from timebank.members.rules.papers import PAPERS
from timebank.web.forms import Count, FormSchema, OneOf, Text

FREE_TIMES = ("工作日白天", "工作日晚上", "周末白天", "周末晚上", "节假日")
_CONSENT_FIELDS = {"consent": PERSONAL_DATA, "identity_consent": IDENTITY, "guardian_consent": GUARDIAN}
_LOGIN_LENGTH = 40
_PASSWORD_LENGTH = 128


def _secret(**kwargs: Any) -> Text:
    return Text(_PASSWORD_LENGTH, required=True, error_messages={"required": "请输入密码。"}, **kwargs)


class SignInSchema(FormSchema):
    """Sign-in name and password."""

    login = Text(_LOGIN_LENGTH, required=True, error_messages={"required": "请输入电话或会员号。"})
    password = _secret()
    remember = fields.Boolean(load_default=False)


class NewPasswordSchema(FormSchema):
    """A new password, typed twice."""

    password = _secret()
    password_again = _secret()

    @validates_schema(skip_on_field_errors=True)
    def _same_twice(self, typed: dict[str, Any], **_: Any) -> None:
        if typed["password"] != typed["password_again"]:
            raise ValidationError("两次输入的密码不一样，请再输一次。", "password_again")

    @post_load
    def _once(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        typed.pop("password_again", None)
        return typed


class ChangePasswordSchema(NewPasswordSchema):
    """One's present password and a new one."""

    current = _secret()


class _ProfileFields(FormSchema):
    alias = Text(20, load_default="")
    area_id = Count(1, load_default=None)
    skills = Text(200, load_default="")
    free_times = fields.List(Text(20), load_default=list)

    @post_load
    def _join_times(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        typed["free_times"] = "、".join(typed["free_times"])[:200]
        return typed


class ProfileSchema(_ProfileFields):
    """What people change about themselves."""

    phone = Text(24, load_default="")


class MemberChangeSchema(ProfileSchema):
    """What staff correct about somebody."""

    name = Text(60, required=True)
    sex = fields.String(load_default=None, validate=OneOf(list(SEXES)))
    born_on = fields.Date(load_default=None)


class _RegistrationFields(_ProfileFields):
    form_key = Text(60, required=True)
    branch_id = Count(1, required=True, error_messages={"required": "请选择网点。"})
    name = Text(60, required=True)
    phone = Text(24, load_default="")
    sex = fields.String(load_default=None, validate=OneOf(list(SEXES)))
    born_on = fields.Date(load_default=None)
    id_number = Text(30, load_default="")
    consent = fields.Boolean(load_default=False)
    identity_consent = fields.Boolean(load_default=False)
    consent_version = Text(24, required=True)

    @post_load
    def _gather_consents(self, typed: dict[str, Any], **_: Any) -> dict[str, Any]:
        given = {kind for name, kind in _CONSENT_FIELDS.items() if typed.pop(name, False)}
        return typed | {"consents": frozenset(given)}


class RegistrationSchema(_RegistrationFields, NewPasswordSchema):
    """Registering oneself."""


class StaffRegistrationSchema(_RegistrationFields):
    """Registering somebody who is here."""

    guardian = Text(100, load_default="")
    guardian_consent = fields.Boolean(load_default=False)
    document_seen = fields.Boolean(load_default=False)


class IdentitySchema(FormSchema):
    """An ID number as read from the document."""

    id_number = Text(30, required=True)
    identity_consent = fields.Boolean(load_default=False)


class ReasonSchema(FormSchema):
    """Why."""

    reason = Text(100, least=2, required=True, error_messages={"required": "请写明原因。"})


class LostCardSchema(ReasonSchema):
    """Which card is worthless from now on, and why."""

    card_id = Count(1, load_default=None)


class UnmaskSchema(ReasonSchema):
    """Which sealed field, and why."""

    field = fields.String(required=True, validate=OneOf(list(SEALED_FIELDS)))


class GrantSchema(FormSchema):
    """A role for a person at a place: ``branch``, ``everywhere`` or ``area-<id>``."""

    number = Text(_LOGIN_LENGTH, required=True, error_messages={"required": "请输入会员号。"})
    role = fields.String(required=True, error_messages={"required": "请选择身份。"})
    place = Text(20, load_default="branch")


class TeamSchema(FormSchema):
    """A new team."""

    name = Text(40, least=2, required=True)
    kind = Text(20, load_default="")


class FamilySchema(FormSchema):
    """Whom somebody is linked with, and how."""

    number = Text(_LOGIN_LENGTH, required=True, error_messages={"required": "请输入会员号。"})
    kind = fields.String(load_default=FAMILY, validate=OneOf(FAMILY_KIND_NAMES))


class PaperSchema(FormSchema):
    """A document as staff read it."""

    kind = fields.String(required=True, error_messages={"required": "请选择是哪种证书。"}, validate=OneOf(PAPERS))
    valid_until = fields.Date(load_default=None)
    note = Text(100, load_default="")
    seen = fields.Boolean(load_default=False)


class TeamMemberSchema(FormSchema):
    """Who joins a team."""

    member_id = Count(1, required=True, error_messages={"required": "请选择会员。"})
