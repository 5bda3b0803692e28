"""Pages of people."""

from flask import Blueprint

blueprint = Blueprint("members", __name__)

from timebank.members.views import (  # noqa: E402  (they need the blueprint)
    member,
    mine,
    passes,
    people,
    registration,
    roles,
    sign_in,
    teams,
)

__all__ = ["blueprint", "member", "mine", "passes", "people", "registration", "roles", "sign_in", "teams"]
