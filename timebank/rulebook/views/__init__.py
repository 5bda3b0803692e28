"""Pages of the rules: versions and their trial, and giving."""

from timebank.rulebook.views.base import blueprint

from timebank.rulebook.views import branch, giving  # isort: skip

__all__ = ["blueprint", "branch", "giving"]
