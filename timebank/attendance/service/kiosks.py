"""Opening a tablet at the entrance for one shift, and closing it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from timebank.attendance.models import Kiosk
from timebank.attendance.queries.kiosks import get_kiosk
from timebank.attendance.rules import closes_at
from timebank.attendance.service.sheets import person_of
from timebank.attendance.service.shifts import lock_shift
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed
from timebank.core.keys import Keys

EARLIEST_HOURS = 12  # before the start: a tablet is put up in the morning, not the week before


class KioskNotNow(Conflict):
    """Long before the shift, or after its check-outs are over."""

    code = "attendance.kiosk_not_now"
    text = "自助签到可以在开始前 {earliest} 小时内打开，{closes} 结束。现在打不开。"


def open_kiosk(session: Session, shift_id: int, *, form_key: str, actor: Actor, keys: Keys, now: datetime) -> Kiosk:
    """Open a kiosk that ends with the shift's check-outs. The same form gives the same kiosk.

    Raises ShiftNotFound, ShiftNotHeld, KioskNotNow, FormUsed.
    """
    shift = lock_shift(session, shift_id)
    actor.require("check_in.others", branch_id=shift.branch_id)
    closes = closes_at(shift.policy)
    if not shift.starts_at - timedelta(hours=EARLIEST_HOURS) <= now < closes:
        raise KioskNotNow(earliest=EARLIEST_HOURS, closes=f"{local(closes):%m-%d %H:%M}")
    row = {
        "shift_id": shift.id,
        "device": keys.index("device", f"kiosk {form_key}"),
        "opened_by_id": person_of(actor),
        "opened_at": now,
        "expires_at": closes,
        "form_key": form_key,
    }
    session.execute(insert_once(session, Kiosk).values(**row))
    kiosk = session.scalars(select(Kiosk).where(Kiosk.form_key == form_key)).one_or_none()
    if kiosk is None or (kiosk.shift_id, kiosk.opened_by_id) != (shift.id, actor.member_id):
        raise FormUsed()
    return kiosk


def close_kiosk(session: Session, kiosk_id: int, *, actor: Actor, now: datetime) -> Kiosk:
    """Close a kiosk at once; closing it again changes nothing. Raises KioskNotFound."""
    kiosk = get_kiosk(session, kiosk_id)
    actor.require("check_in.others", branch_id=kiosk.shift.activity.branch_id)
    session.execute(
        update(Kiosk)
        .where(Kiosk.id == kiosk_id, Kiosk.closed_at.is_(None))
        .values(closed_at=now, closed_by_id=person_of(actor))
        .execution_options(synchronize_session=False)
    )
    return kiosk
