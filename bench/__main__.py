"""Take the figures named on the command line, or all: every module in ``bench.figures`` has a ``measure()``."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from bench import figures

for module in sorted(found.name for found in pkgutil.iter_modules(figures.__path__)):
    if module in sys.argv[1:] or not sys.argv[1:]:
        importlib.import_module(f"bench.figures.{module}").measure()
