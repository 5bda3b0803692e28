"""What is easily forgotten: requests that nobody takes, visits of tomorrow, wishes that nobody says came true."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.activities.models import Shift
from timebank.core import clock
from timebank.requests.models import ASKED, CLAIMED, OPEN, HelpRequest, HelpStep
from timebank.requests.rules import CALL_AFTER, REMIND_BEFORE, ask_whether_on
from timebank.requests.service import telling

_UNTAKEN_FOR = timedelta(days=1)  # so long a new request may wait before the branch is reminded


def remind_of_requests(session: Session, *, now: datetime) -> int:
    """Remind coordinators of what nobody took with two days left, managers of what nobody took up, those who wait for
    somebody tomorrow, and those who can say whether a wish came true; each once. Returns of how many requests.
    """
    today = clock.today(now)
    waiting = session.scalars(
        select(HelpRequest).where(HelpRequest.status.in_((ASKED, OPEN)), HelpRequest.last_day >= today)
    ).all()
    reminded = 0
    for request in waiting:
        soon = request.last_day <= today + REMIND_BEFORE
        late = request.status == ASKED and request.asked_at <= now - _UNTAKEN_FOR
        if soon or late:
            telling.of_waiting(session, request, soon=soon, now=now)
            reminded += 1
    return reminded + _remind_of_tomorrow(session, today + timedelta(days=1), now) + _remind_of_wishes(session, now)


def _remind_of_tomorrow(session: Session, day: date, now: datetime) -> int:
    start, end = clock.instant(day, time()), clock.instant(day + timedelta(days=1), time())
    coming = session.scalars(
        select(HelpRequest)
        .join(HelpRequest.shift)
        .where(HelpRequest.status == CLAIMED, Shift.starts_at >= start, Shift.starts_at < end)
    ).all()
    for request in coming:
        telling.of_tomorrow(session, request, now=now)
    return len(coming)


def _remind_of_wishes(session: Session, now: datetime) -> int:
    """A wish that takes no time has no list to be approved: it stays claimed until somebody says that it came true."""
    claimed_at = (
        select(func.max(HelpStep.at))
        .where(HelpStep.request_id == HelpRequest.id, HelpStep.what == "claimed")
        .scalar_subquery()
    )
    rows = session.execute(
        select(HelpRequest, claimed_at.label("claimed_at")).where(
            HelpRequest.status == CLAIMED, HelpRequest.minutes == 0, HelpRequest.shift_id.is_(None)
        )
    ).all()
    today, reminded = clock.today(now), 0
    for request, claimed in rows:
        day = ask_whether_on(clock.today(claimed), request.last_day)
        if today >= day:
            telling.of_unsaid_wish(session, request, call=today >= day + CALL_AFTER, now=now)
            reminded += 1
    return reminded
