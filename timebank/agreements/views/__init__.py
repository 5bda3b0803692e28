"""Pages of organisations: for everybody, and for the staff of a branch."""

from timebank.agreements.views.base import blueprint

from timebank.agreements.views import agreements, deeds, everybody, organisations, people, promises, summary  # isort: skip

__all__ = ["agreements", "blueprint", "deeds", "everybody", "organisations", "people", "promises", "summary"]
