"""Shapes of the forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load

from timebank.rulebook.rules import (
    DEFAULT_BACKDATE,
    DEFAULT_LARGE,
    DEFAULT_SHARE,
    LONGEST_BACKDATE,
    LONGEST_EXPIRY,
    MOST_LARGE,
    MOST_POINTS,
    SETTINGS,
    Settings,
)
from timebank.web.forms import Count, FormSchema, OneOf, Text

_HOURS = 9_999


def _amount(typed: dict[str, Any], name: str) -> int | None:
    """Two boxes as minutes; None where both were left empty."""
    hours, minutes = typed.pop(f"{name}_hours"), typed.pop(f"{name}_minutes")
    return None if hours is None and minutes is None else 60 * (hours or 0) + (minutes or 0)


class _TwoBoxes(FormSchema):
    """Parent of forms with amounts in two boxes: what is wrong with a box is said at the pair."""

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **_: Any) -> None:
        """Name the pair instead of its box."""
        messages = error.messages
        if isinstance(messages, dict):
            for name in list(messages):
                pair = str(name).removesuffix("_hours").removesuffix("_minutes")
                messages[pair] = messages.pop(name)


class RuleSchema(_TwoBoxes):
    """A version of the rules. Whether its day and figures will do is the verb's question."""

    valid_from = fields.Date(required=True)
    points_per_hour = Count(1, MOST_POINTS, required=True)
    daily_cap_hours = Count(0, _HOURS, load_default=None)
    daily_cap_minutes = Count(0, 59, load_default=None)
    holding_cap_hours = Count(0, _HOURS, load_default=None)
    holding_cap_minutes = Count(0, 59, load_default=None)
    first_redemption_hours = Count(0, _HOURS, load_default=None)
    first_redemption_minutes = Count(0, 59, load_default=None)
    group_hours_give_away = fields.Boolean(load_default=False)
    expiry_months = Count(1, LONGEST_EXPIRY, load_default=None)
    large_hours = Count(0, MOST_LARGE // 60, load_default=None)
    large_minutes = Count(0, 59, load_default=None)
    hand_share = Count(0, 100, load_default=DEFAULT_SHARE)
    backdate_days = Count(0, LONGEST_BACKDATE, load_default=DEFAULT_BACKDATE)
    reason = Text(200, least=2, required=True)

    @post_load
    def as_settings(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """Day, reason, and the settings."""
        typed["daily_cap_minutes"] = _amount(typed, "daily_cap")
        typed["holding_cap_minutes"] = _amount(typed, "holding_cap")
        typed["first_redemption_minutes"] = _amount(typed, "first_redemption") or 0
        large = _amount(typed, "large")
        typed["large_minutes"] = DEFAULT_LARGE if large is None else large
        settings = Settings(**{name: typed[name] for name in SETTINGS})
        return {"valid_from": typed["valid_from"], "reason": typed["reason"], "settings": settings}


class GiftSchema(_TwoBoxes):
    """What to give, from which purse, with which words."""

    purse = fields.String(required=True, validate=OneOf(["giveaway", "coin"]))
    amount_hours = Count(0, _HOURS, load_default=None)
    amount_minutes = Count(0, 59, load_default=None)
    words = Text(100, least=0, load_default="")

    @post_load
    def as_minutes(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """One amount."""
        return {"purse": typed["purse"], "words": typed["words"], "minutes": _amount(typed, "amount") or 0}
