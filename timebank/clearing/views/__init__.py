"""Pages of 网点互通: a branch's pairs, one pair, its sealed statements, nettings."""

from timebank.clearing.views.base import blueprint

from timebank.clearing.views import deciding, heaps, netting, network, pair, statement_files, statements  # isort: skip

__all__ = ["blueprint", "deciding", "heaps", "netting", "network", "pair", "statement_files", "statements"]
