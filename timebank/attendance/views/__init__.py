"""Pages of the door, the review and the approval."""

from timebank.attendance.views.base import blueprint

from timebank.attendance.views import app, approvals, check_in, conflicts, device, door, person, review, scanner  # isort: skip

__all__ = ["app", "approvals", "blueprint", "check_in", "conflicts", "device", "door", "person", "review", "scanner"]
from timebank.attendance.views import counting  # isort: skip

__all__ = ["approvals", "blueprint", "check_in", "counting", "door", "person", "review", "scanner"]
