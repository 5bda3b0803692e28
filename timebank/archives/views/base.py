"""The blueprint, and where packages lie."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, current_app

blueprint = Blueprint("archives", __name__)


def folder() -> Path:
    """The archives' folder."""
    return Path(current_app.config["TIMEBANK_DATA"]) / "archives"
