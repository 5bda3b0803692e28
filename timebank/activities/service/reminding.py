"""Reminders: once for each shift, time and person, however often the job runs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import PUBLISHED, Activity, Shift
from timebank.activities.queries import list_confirmed
from timebank.activities.rules.reminding import LEADS, TOMORROW, due_reminder, knew_before
from timebank.activities.service.locks import lock_shift
from timebank.activities.service.telling import facts_of, shift_link
from timebank.members.models import ACTIVE
from timebank.notices.queries import was_told
from timebank.notices.service import NoticeDraft, tell_all


def list_to_remind(session: Session, *, now: datetime) -> list[int]:
    """Shifts that begin within a day and take place, soonest first."""
    found = (
        select(Shift.id)
        .join(Shift.activity)
        .where(
            Shift.starts_at > now,
            Shift.starts_at <= now + LEADS[TOMORROW],
            Shift.cancelled_at.is_(None),
            Activity.status == PUBLISHED,
        )
        .order_by(Shift.starts_at, Shift.id)
    )
    return list(session.scalars(found))


def remind_shift(session: Session, shift_id: int, *, now: datetime) -> int:
    """Remind who has a place on a shift, and tell its organiser how many come; returns how many people were reminded.

    Nobody is told twice, or after the start, or of a shift that was cancelled. A shift that is moved is another time,
    so people are reminded of it anew.
    """
    shift = lock_shift(session, shift_id)
    kind = due_reminder(now, shift.starts_at)
    if kind is None or shift.cancelled_at is not None or shift.activity.status != PUBLISHED:
        return 0
    when = f"{shift.id}:{shift.starts_at:%Y%m%dT%H%M}"
    to_organiser = NoticeDraft(kind="shift.expected", key=f"shift.expected:{kind}:{when}")
    organiser = shift.activity.organiser_id
    if was_told(session, organiser, to_organiser.key):
        return 0
    confirmed = [one for one in list_confirmed(session, shift_id) if one.member.status == ACTIVE]
    people = [one.member_id for one in confirmed if knew_before(one.confirmed_at, shift.starts_at, kind)]
    facts = facts_of(shift) | {
        "count": len(confirmed),
        "contact": shift.activity.contact_name,
        "phone": shift.activity.contact_phone,
        "bring": f"请带：{shift.activity.bring}。" if shift.activity.bring else "",
    }
    told = NoticeDraft(kind=f"shift.{kind}", facts=facts, link=shift_link(shift), key=f"shift.{kind}:{when}")
    tell_all(session, people, told, now=now)
    roster = NoticeDraft(
        kind=to_organiser.kind, facts=facts, link=f"/organise/shifts/{shift.id}/roster", key=to_organiser.key
    )
    tell_all(session, [organiser], roster, now=now)
    return len(people)
