"""Pages of the door, the review and the approval."""

from timebank.attendance.views.base import blueprint

from timebank.attendance.views import approvals, check_in, door, kiosk, person, review, scanner, sheets  # isort: skip

__all__ = ["approvals", "blueprint", "check_in", "door", "kiosk", "person", "review", "scanner", "sheets"]
