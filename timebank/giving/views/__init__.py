"""Pages of giving: to the fund, to each other, and what the fund does."""

from timebank.giving.views.base import blueprint

from timebank.giving.views import donating, fund, gifts  # isort: skip

__all__ = ["blueprint", "donating", "fund", "gifts"]
