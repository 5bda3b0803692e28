"""Pages of the rules: versions and their trial."""

from timebank.rulebook.views.base import blueprint

from timebank.rulebook.views import branch  # isort: skip

__all__ = ["blueprint", "branch"]
