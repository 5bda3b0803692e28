"""Pages."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("archives", __name__)
