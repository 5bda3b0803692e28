"""Pages of partners: their desk, the managers' list of desks, the slips."""

from timebank.partners.views.base import blueprint

from timebank.partners.views import desk, desks, slips  # isort: skip

__all__ = ["blueprint", "desk", "desks", "slips"]
