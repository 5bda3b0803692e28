"""Commands: ``flask db|branches|members|ledger|archive|jobs|demo``. Doors without a browser."""

from __future__ import annotations

import importlib
import pkgutil

from flask import Flask
from flask.cli import AppGroup


def init_app(app: Flask) -> None:
    """Give the ``flask`` command its groups."""
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for value in vars(module).values():
            if isinstance(value, AppGroup):
                app.cli.add_command(value)
