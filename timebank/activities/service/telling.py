"""What members are told of a shift."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import LEFT, Shift, SignUp
from timebank.notices.service import NoticeDraft, tell, tell_all


def facts_of(shift: Shift) -> dict[str, object]:
    """What every notice about a shift says of it."""
    return {"title": shift.activity.title, "start": shift.starts_at, "end": shift.ends_at, "place": shift.where}


def link_of(activity_id: int) -> str:
    """Where a notice about an activity leads."""
    return f"/activities/{activity_id}"


def tell_people(session: Session, shift: Shift, draft: NoticeDraft, *, now: datetime) -> None:
    """Tell all who are signed up for a shift or wait for it."""
    people: Collection[int] = session.scalars(
        select(SignUp.member_id).where(SignUp.shift_id == shift.id, SignUp.status != LEFT)
    ).all()
    tell_all(session, people, draft, now=now)


def shift_link(shift: Shift) -> str:
    """Where a notice about one shift leads: its card on the activity's page, with its buttons."""
    return f"{link_of(shift.activity_id)}#shift-{shift.id}"


def tell_signed(session: Session, signed: SignUp, kind: str, now: datetime, **facts: object) -> None:
    """Tell one person something about their own sign-up."""
    tell(
        session,
        member_id=signed.member_id,
        kind=kind,
        facts=facts_of(signed.shift) | facts,
        link=shift_link(signed.shift),
        # One person may be told the same twice, after having left and queued again.
        key=f"{kind}:{signed.id}:{now.timestamp():.3f}",
        now=now,
    )
