"""Pages of requests: what one may take, one's own, one from every side, and the branch's desk."""

from timebank.requests.views.base import blueprint

from timebank.requests.views import asking, desk, one, taking  # isort: skip

__all__ = ["asking", "blueprint", "desk", "one", "taking"]
