"""The blueprint that all pages of requests hang on, and what they share."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

blueprint = Blueprint("requests", __name__)
ONE: Final = "/requests/<int(max=2147483647):help_request_id>"
SCORES: Final = (
    ("5", "5 分 很满意"),
    ("4", "4 分 满意"),
    ("3", "3 分 一般"),
    ("2", "2 分 不太好"),
    ("1", "1 分 不好"),
)


def back_to(help_request_id: int) -> Response:
    """The page of the request that something was done with."""
    return redirect(url_for("requests.show_request", help_request_id=help_request_id), 303)
