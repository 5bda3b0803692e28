"""Start pages."""

from flask import Blueprint

blueprint = Blueprint("desks", __name__)

from timebank.desks.views import audits, books, branch, documents, home, journals, liability, mine  # noqa: E402  (they need the blueprint)

__all__ = ["audits", "blueprint", "books", "branch", "documents", "home", "journals", "liability", "mine"]
