"""Shapes of the forms."""

from __future__ import annotations

from timebank.archives.rules import MAX_REASON
from timebank.web.forms import FormSchema, Text


class CorrectionSchema(FormSchema):
    """Why a package is made anew."""

    reason = Text(MAX_REASON, required=True)


class VerifySchema(FormSchema):
    """Packages to check come as files; there is nothing to type."""
