"""Pages of 网点互通: a branch's pairs, one pair, its sealed statements, nettings."""

from timebank.clearing.views.base import blueprint

from timebank.clearing.views import deciding, netting, network, pair, parking, rates, statements  # isort: skip

__all__ = ["blueprint", "deciding", "netting", "network", "pair", "parking", "rates", "statements"]
