"""Pages of the months and their packages, and the public pages on which anybody checks a package."""

from timebank.archives.views.base import blueprint

from timebank.archives.views import months, verify  # isort: skip

__all__ = ["blueprint", "months", "verify"]
