"""Pages of 更正: an entry set right, what waits in a branch, a member's question."""

from flask import Blueprint

blueprint = Blueprint("corrections", __name__)
ENTRY = "int(max=9007199254740991):entry_id"
ID = "int(max=2147483647)"

from timebank.corrections.views import asking, deciding, requests  # noqa: E402  (they need the blueprint)

__all__ = ["ENTRY", "ID", "asking", "blueprint", "deciding", "requests"]
