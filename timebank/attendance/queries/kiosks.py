"""Tablets at the entrance: which are open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import Kiosk
from timebank.attendance.rules import KioskGrant
from timebank.core.errors import NotFound


class KioskNotFound(NotFound):
    """No such kiosk."""

    code = "attendance.kiosk_not_found"
    text = "没有找到这台自助签到平板。请回到班次的“自助签到平板”页再看。"


def get_kiosk(session: Session, kiosk_id: int) -> Kiosk:
    """A kiosk with its shift and activity, open or not. Raises KioskNotFound."""
    found = session.scalar(
        select(Kiosk).where(Kiosk.id == kiosk_id).options(joinedload(Kiosk.shift).joinedload(Shift.activity))
    )
    if found is None:
        raise KioskNotFound()
    return found


def find_open_kiosk(session: Session, grant: KioskGrant, now: datetime) -> Kiosk | None:
    """The kiosk of a grant with its shift, activity and branch, while it is open."""
    shift = joinedload(Kiosk.shift).joinedload(Shift.activity).joinedload(Activity.branch)
    found = session.scalar(
        select(Kiosk)
        .where(Kiosk.id == grant.kiosk_id, Kiosk.shift_id == grant.shift_id)
        .where(Kiosk.closed_at.is_(None), Kiosk.expires_at > now)
        .options(shift)
    )
    return found if now < grant.expires_at else None


def list_open_kiosks(session: Session, shift_id: int, now: datetime) -> Sequence[Kiosk]:
    """The kiosks that take codes of a shift now, with who opened them."""
    return session.scalars(
        select(Kiosk)
        .where(Kiosk.shift_id == shift_id, Kiosk.closed_at.is_(None), Kiosk.expires_at > now)
        .options(joinedload(Kiosk.opened_by))
        .order_by(Kiosk.id)
    ).all()
