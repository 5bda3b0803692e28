"""Start pages."""

from flask import Blueprint

blueprint = Blueprint("desks", __name__)

from timebank.desks.views import (  # noqa: E402  (they need the blueprint)
    account,
    audits,
    books,
    branch,
    coordinator,
    documents,
    home,
    journals,
    keys,
    liability,
    mine,
)

__all__ = [
    "account",
    "audits",
    "blueprint",
    "books",
    "branch",
    "coordinator",
    "documents",
    "home",
    "journals",
    "keys",
    "liability",
    "mine",
]
