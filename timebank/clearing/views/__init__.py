"""Pages of 网点互通: a branch's pairs, one pair, its sealed statements, nettings."""

from timebank.clearing.views.base import blueprint

from timebank.clearing.views import deciding, heaps, netting, network, pair, statement_files, statements  # isort: skip

__all__ = ["blueprint", "deciding", "heaps", "netting", "network", "pair", "statement_files", "statements"]
from timebank.clearing.views import parking, rates  # isort: skip

__all__ = ["blueprint", "deciding", "netting", "network", "pair", "parking", "rates", "statements"]
