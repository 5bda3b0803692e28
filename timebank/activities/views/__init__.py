"""Pages of activities: for everybody, for those who organise, and files to take away."""

from timebank.activities.views import family, files, limits, no_shows, organising, public, roster, writing
from timebank.activities.views.base import blueprint

__all__ = ["blueprint", "family", "files", "limits", "no_shows", "organising", "public", "roster", "writing"]
