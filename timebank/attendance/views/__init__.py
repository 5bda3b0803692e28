"""Pages of the door, the review and the approval."""

from timebank.attendance.views.base import blueprint

from timebank.attendance.views import absences, approvals, check_in, door, person, review, scanner  # isort: skip

__all__ = ["absences", "approvals", "blueprint", "check_in", "door", "person", "review", "scanner"]
