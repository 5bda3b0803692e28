"""Pages of one's own record, and of what staff recognise and print."""

from flask import Blueprint

blueprint = Blueprint("growth", __name__)

# They need the blueprint.
from timebank.growth.views import (  # noqa: E402
    card,
    commending,
    milestones,
    prints,
    recognition,
    standings,
    statement,
)

__all__ = ["blueprint", "card", "commending", "milestones", "prints", "recognition", "standings", "statement"]
