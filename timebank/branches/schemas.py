"""Shapes of the forms of areas and branches."""

from __future__ import annotations

from marshmallow import fields

from timebank.web.forms import Count, FormSchema, Text


class AreaSchema(FormSchema):
    """A new area."""

    code = Text(24, required=True)
    name = Text(60, least=2, required=True)
    parent_id = Count(1, load_default=None)
    valid_from = fields.Date(load_default=None)


class AreaNameSchema(FormSchema):
    """A new name of an area."""

    name = Text(60, least=2, required=True)
    valid_from = fields.Date(required=True)


class BranchSettingsSchema(FormSchema):
    """How a branch is called and reached."""

    name = Text(60, least=2, required=True)
    address = Text(120, load_default="")
    phone = Text(40, load_default="")


class BranchSchema(BranchSettingsSchema):
    """A new branch."""

    code = Text(24, required=True)
