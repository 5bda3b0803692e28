"""Pages of one's own record."""

from flask import Blueprint

blueprint = Blueprint("growth", __name__)

from timebank.growth.views import card, statement  # noqa: E402  (they need the blueprint)

__all__ = ["blueprint", "card", "statement"]
