"""Pages of 每月对账单 and 存折."""

from timebank.passbooks.views import months, printing
from timebank.passbooks.views.base import blueprint

__all__ = ["blueprint", "months", "printing"]
