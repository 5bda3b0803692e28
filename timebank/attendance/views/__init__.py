"""Pages of the door, the review and the approval."""

from timebank.attendance.views.base import blueprint

from timebank.attendance.views import app, check_in, device, door, kiosk, poster, scanner  # isort: skip
from timebank.attendance.views import absences, approvals, conflicts, counting, person, review, sheets  # isort: skip

__all__ = [
    "absences",
    "app",
    "approvals",
    "blueprint",
    "check_in",
    "conflicts",
    "counting",
    "device",
    "door",
    "kiosk",
    "person",
    "poster",
    "review",
    "scanner",
    "sheets",
]
