"""Shapes of the forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load

from timebank.core.minutes import COIN_MINUTES
from timebank.growth.models import GRADE_NAMES, KIND_NAMES
from timebank.growth.rules import MOST_ACTIVITIES, MOST_STAR_HOURS, STAR_SETTINGS, Recognition
from timebank.web.forms import Count, FormSchema, OneOf, Text, TwoBoxes, minutes_of

_MOST_LENGTH_HOURS = 999


def hours_field(setting: str) -> str:
    """The form's field of a setting in minutes: whole hours."""
    return setting.replace("_minutes", "_hours")


class RecognitionSchema(FormSchema):
    """A version of the recognition rules. Whether its day and figures will do is the verb's question."""

    valid_from = fields.Date(required=True)
    one_star_hours = Count(1, MOST_STAR_HOURS, required=True)
    two_star_hours = Count(1, MOST_STAR_HOURS, required=True)
    three_star_hours = Count(1, MOST_STAR_HOURS, required=True)
    four_star_hours = Count(1, MOST_STAR_HOURS, required=True)
    five_star_hours = Count(1, MOST_STAR_HOURS, required=True)
    award_title = Text(40, least=2, required=True)
    award_hours = Count(0, MOST_STAR_HOURS, required=True)
    award_activities = Count(0, MOST_ACTIVITIES, required=True)
    award_no_absence = fields.Boolean(load_default=False)
    award_grade = Count(0, max(GRADE_NAMES), load_default=0)
    reason = Text(200, least=2, required=True)

    @post_load
    def as_settings(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """Day, reason, and the settings in minutes."""
        names = (*STAR_SETTINGS, "award_minutes")
        settings = Recognition(
            **{name: typed[hours_field(name)] * COIN_MINUTES for name in names},
            **{name: typed[name] for name in ("award_title", "award_activities", "award_no_absence", "award_grade")},
        )
        return {"valid_from": typed["valid_from"], "reason": typed["reason"], "settings": settings}


class MilestoneSchema(TwoBoxes):
    """A training, an award or an evaluation, and whom it is for."""

    kind = fields.String(required=True, validate=OneOf(list(KIND_NAMES)))
    title = Text(60, least=2, required=True)
    giver = Text(60, least=2, required=True)
    on_day = fields.Date(required=True)
    words = Text(300, least=2, required=True)
    length_hours = Count(0, _MOST_LENGTH_HOURS, load_default=None)
    length_minutes = Count(0, 59, load_default=None)
    grade = Count(1, max(GRADE_NAMES), load_default=None)
    members = fields.List(Count(1), load_default=list)

    @post_load
    def in_minutes(self, typed: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        """The length in minutes."""
        typed["length_minutes"] = minutes_of(typed, "length")
        return typed


class WithdrawSchema(FormSchema):
    """Why something is taken off a card, or a list declined."""

    reason = Text(200, least=2, required=True)


class AskSchema(FormSchema):
    """What is wrong."""

    words = Text(300, least=2, required=True)


class AnswerSchema(FormSchema):
    """What came of looking into it."""

    answer = Text(300, least=2, required=True)


class CommendSchema(FormSchema):
    """Whom to propose for a year."""

    year = Count(2000, 2999, required=True)
    members = fields.List(Count(1), load_default=list)


class PrintSchema(FormSchema):
    """Whose cards, in which format. ``most``: only so many, in the order of names."""

    format = fields.String(required=True)
    team_id = Count(1, load_default=None)
    most = Count(1, load_default=None)
