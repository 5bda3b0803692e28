"""Pages of evidence, spot checks, the year's figures and the ministry's record."""

from flask import Blueprint

blueprint = Blueprint("reports", __name__)
ID = "int(max=2147483647)"

from timebank.reports.views import evidence, ministry, public, samples, years  # noqa: E402  (they need the blueprint)

__all__ = ["ID", "blueprint", "evidence", "ministry", "public", "samples", "years"]
