"""What the form of a rotation means."""

from __future__ import annotations

from timebank.rotation.rules import LONGEST_OVERLAP
from timebank.web.forms import Count, FormSchema


class OverlapSchema(FormSchema):
    """For how many days older codes still count."""

    days = Count(0, LONGEST_OVERLAP.days, required=True, error_messages={"required": "请填旧码再用几天。"})
