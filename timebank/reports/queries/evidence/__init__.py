"""The evidence of one activity: what was recorded, as tables."""

from timebank.reports.queries.evidence.sources import Photo
from timebank.reports.queries.evidence.tables import Evidence, Rows

__all__ = ["Evidence", "Photo", "Rows"]
