"""Pages of the door, the review and the approval."""

from timebank.attendance.views.base import blueprint

from timebank.attendance.views import (  # isort: skip
    approvals,
    check_in,
    door,
    kiosk,
    person,
    poster,
    review,
    scanner,
    sheets,
)

__all__ = ["approvals", "blueprint", "check_in", "door", "kiosk", "person", "poster", "review", "scanner", "sheets"]
