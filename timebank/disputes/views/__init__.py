"""Pages of 争议: opening a case, the case for its sides, the desk and the decision."""

from timebank.disputes.views import deciding, desk, sides
from timebank.disputes.views.base import blueprint

__all__ = ["blueprint", "deciding", "desk", "sides"]
