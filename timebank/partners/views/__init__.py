"""Pages of organisations: for everybody, and for the staff of a branch."""

from timebank.partners.views.base import blueprint

from timebank.partners.views import agreements, deeds, everybody, organisations, people, promises, summary  # isort: skip

__all__ = ["agreements", "blueprint", "deeds", "everybody", "organisations", "people", "promises", "summary"]
