"""Numbers in addresses: no larger than a row's id can be, so that a longer one is not found instead of an error."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**31 - 1


class RowIdConverter(IntegerConverter):
    """``<int:…>``, with the largest id as its limit unless the route gives another."""

    def __init__(self, map: Map, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max", LARGEST_ID)
        super().__init__(map, *args, **kwargs)


def init_app(app: Flask) -> None:
    """Read ``int`` in every route that is registered from now on like this."""
    app.url_map.converters["int"] = RowIdConverter
