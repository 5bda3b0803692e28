"""How far services have come, read from their shifts, records and rounds: there is no second truth about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, selectinload

from timebank.activities.models import Shift
from timebank.attendance.models import APPROVED, VOID, Attendance, ShiftApproval
from timebank.requests.models import CLAIMED, HelpRequest
from timebank.requests.rules import Progress, Service, progress_of


def service_of(session: Session, request: HelpRequest) -> Service | None:
    """What is known of the service of a request; None where none was agreed on."""
    if request.shift_id is None:
        return None
    found = _services(session, [request])
    return found.get(request.id)


def progress_of_many(session: Session, requests: Sequence[HelpRequest], *, now: datetime) -> dict[int, Progress]:
    """How far the services of claimed requests have come; others are left out."""
    claimed = [one for one in requests if one.status == CLAIMED and one.shift_id is not None]
    return {which: progress_of(service, now=now) for which, service in _services(session, claimed).items()}


def _services(session: Session, requests: Sequence[HelpRequest]) -> dict[int, Service]:
    if not requests:
        return {}
    ids = [one.id for one in requests]
    rows: Sequence[Any] = session.execute(
        select(HelpRequest.id, Shift, Attendance)
        .join(Shift, Shift.id == HelpRequest.shift_id)
        .outerjoin(
            Attendance,
            and_(Attendance.shift_id == Shift.id, Attendance.member_id == HelpRequest.volunteer_id),
        )
        .where(HelpRequest.id.in_(ids))
        .options(selectinload(Attendance.corrections))
        .execution_options(populate_existing=True)
    ).all()
    rounds = session.scalars(select(ShiftApproval).where(ShiftApproval.shift_id.in_([row[1].id for row in rows]))).all()
    found = {}
    for request_id, shift, record in rows:
        mine = [one for one in rounds if one.shift_id == shift.id]
        counts = record is not None and record.status != VOID
        found[request_id] = Service(
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
            here=counts and record.in_at is not None and record.out_at is None,
            recorded=counts,
            minutes=record.minutes_now if record is not None and record.status == APPROVED else 0,
            approved=record is not None and record.status == APPROVED,
            list_waits=any(one.undecided for one in mine),
            list_decided=any(one.approved_at is not None for one in mine),
        )
    return found
