"""Shapes of the forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load

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
from timebank.web.forms import MOST_HOURS, Count, Text, TwoBoxes, minutes_of


class RuleSchema(TwoBoxes):
    """A version of the rules. Whether its day and figures will do is the verb's question."""

    valid_from = fields.Date(required=True)
    points_per_hour = Count(1, MOST_POINTS, required=True)
    daily_cap_hours = Count(0, MOST_HOURS, load_default=None)
    daily_cap_minutes = Count(0, 59, load_default=None)
    holding_cap_hours = Count(0, MOST_HOURS, load_default=None)
    holding_cap_minutes = Count(0, 59, load_default=None)
    first_redemption_hours = Count(0, MOST_HOURS, load_default=None)
    first_redemption_minutes = Count(0, 59, load_default=None)
    gift_month_hours = Count(0, MOST_HOURS, load_default=None)
    gift_month_minutes = Count(0, 59, load_default=None)
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
        typed["daily_cap_minutes"] = minutes_of(typed, "daily_cap")
        typed["holding_cap_minutes"] = minutes_of(typed, "holding_cap")
        typed["first_redemption_minutes"] = minutes_of(typed, "first_redemption") or 0
        typed["gift_month_minutes"] = minutes_of(typed, "gift_month")
        large = minutes_of(typed, "large")
        typed["large_minutes"] = DEFAULT_LARGE if large is None else large
        settings = Settings(**{name: typed[name] for name in SETTINGS})
        return {"valid_from": typed["valid_from"], "reason": typed["reason"], "settings": settings}
