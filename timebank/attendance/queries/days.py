"""What members have had of a day already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import Shift
from timebank.attendance.models import Attendance
from timebank.core.clock import instant
from timebank.core.paging import batched
from timebank.ledger import queries as ledger

SOURCE: Final = "attendance"  # what entries name as their document


def coins_of_day(session: Session, member_ids: Sequence[int], day: date, *, without: int) -> dict[int, int]:
    """Member → coins issued for the shifts that ended on a local day, less what was reversed; one shift left out."""
    start, end = instant(day, time()), instant(day + timedelta(days=1), time())
    whose: dict[int, int] = {}
    for some in batched(member_ids):
        chosen = (
            select(Attendance.id, Attendance.member_id)
            .join(Shift, Shift.id == Attendance.shift_id)
            .where(Attendance.member_id.in_(some), Attendance.entry_id.is_not(None))
            .where(Shift.ends_at >= start, Shift.ends_at < end, Shift.id != without)
        )
        whose |= {row.id: row.member_id for row in session.execute(chosen)}
    coins: dict[int, int] = defaultdict(int)
    for record_id, minutes in ledger.issued_by_source(session, SOURCE, list(whose)).items():
        coins[whose[record_id]] += minutes
    return dict(coins)
