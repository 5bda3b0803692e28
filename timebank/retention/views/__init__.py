"""Pages of terms, lists, holds, and readings of stored packages."""

from flask import Blueprint

blueprint = Blueprint("retention", __name__)
ID = "int(max=2147483647)"

from timebank.retention.views import checks, disposals, holds, terms  # noqa: E402  (they need the blueprint)

__all__ = ["ID", "blueprint", "checks", "disposals", "holds", "terms"]
