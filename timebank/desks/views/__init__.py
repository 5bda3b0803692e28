"""Start pages."""

from flask import Blueprint

blueprint = Blueprint("desks", __name__)

from timebank.desks.views import account, books, branch, documents, home, mine  # noqa: E402  (they need the blueprint)

__all__ = ["account", "blueprint", "books", "branch", "documents", "home", "mine"]
