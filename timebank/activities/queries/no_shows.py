"""Marks of who did not come, what of them counts, and the appeals against them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from timebank.activities.models import ABSENT, Activity, NoShow, NoShowAppeal, Shift
from timebank.activities.rules import Limits
from timebank.core.errors import NotFound
from timebank.core.paging import batched


class NoShowNotFound(NotFound):
    """No such mark, or not for this reader."""

    code = "activities.no_show_not_found"
    text = "没有找到这条缺席记录。"


def get_no_show(session: Session, no_show_id: int, *, lock: bool = False) -> NoShow:
    """A mark; with ``lock``, kept from changing until the transaction ends. Raises NoShowNotFound."""
    found = session.get(NoShow, no_show_id, with_for_update={"key_share": True} if lock else None)
    if found is None:
        raise NoShowNotFound()
    return found


def get_appeal(session: Session, appeal_id: int) -> NoShowAppeal:
    """An appeal. Raises NoShowNotFound."""
    found = session.get(NoShowAppeal, appeal_id)
    if found is None:
        raise NoShowNotFound()
    return found


def count_counted(session: Session, member_id: int, limits: Limits, *, now: datetime) -> int:
    """How many marks of a member count now: absent, approved, not lifted, and not too long ago."""
    counted = select(func.count()).where(
        NoShow.member_id == member_id,
        NoShow.kind == ABSENT,
        NoShow.counted_at.is_not(None),
        NoShow.lifted_at.is_(None),
        NoShow.happened_at > now - timedelta(days=limits.no_show_days),
    )
    return session.scalar(counted) or 0


def count_absences(session: Session, member_ids: Sequence[int], start: datetime, end: datetime) -> dict[int, int]:
    """How many absences within ``[start, end)`` stand against each of these members; who has none is left out."""
    standing = select(NoShow.member_id, func.count()).where(
        NoShow.kind == ABSENT,
        NoShow.counted_at.is_not(None),
        NoShow.lifted_at.is_(None),
        NoShow.happened_at >= start,
        NoShow.happened_at < end,
    )
    found: dict[int, int] = {}
    for some in batched(member_ids):
        counted = standing.where(NoShow.member_id.in_(some)).group_by(NoShow.member_id)
        found |= {row[0]: row[1] for row in session.execute(counted)}
    return found


def marks_of(session: Session, shift_id: int) -> dict[int, str]:
    """How those who did not come to a shift were marked, by member."""
    found = select(NoShow.member_id, NoShow.kind).where(NoShow.shift_id == shift_id)
    return {row.member_id: row.kind for row in session.execute(found)}


def list_no_shows_of(session: Session, member_id: int) -> list[NoShow]:
    """A member's own marks that were approved, newest first, with shifts and appeals."""
    found = _whole().where(NoShow.member_id == member_id, NoShow.counted_at.is_not(None))
    return list(session.scalars(found.order_by(NoShow.happened_at.desc(), NoShow.id.desc())).unique())


def list_no_shows_at(session: Session, branch_id: int, *, after: datetime, limit: int = 100) -> list[NoShow]:
    """A branch's approved marks of absence since an instant, newest first."""
    found = _whole().where(
        Activity.branch_id == branch_id,
        NoShow.kind == ABSENT,
        NoShow.counted_at.is_not(None),
        NoShow.happened_at > after,
    )
    return list(session.scalars(found.order_by(NoShow.happened_at.desc(), NoShow.id.desc()).limit(limit)).unique())


def list_open_appeals(session: Session, branch_ids: Collection[int] | None) -> list[NoShowAppeal]:
    """Appeals that wait for an answer at these branches (None: everywhere), oldest first."""
    found = (
        select(NoShowAppeal)
        .join(NoShowAppeal.no_show)
        .join(NoShow.shift)
        .join(Shift.activity)
        .where(NoShowAppeal.decided_at.is_(None), NoShow.lifted_at.is_(None))
        .options(
            contains_eager(NoShowAppeal.no_show).options(
                contains_eager(NoShow.shift).contains_eager(Shift.activity), joinedload(NoShow.member)
            )
        )
    )
    if branch_ids is not None:
        found = found.where(Activity.branch_id.in_(branch_ids))
    return list(session.scalars(found.order_by(NoShowAppeal.asked_at, NoShowAppeal.id)))


def _whole() -> Select[Any]:
    return (
        select(NoShow)
        .join(NoShow.shift)
        .join(Shift.activity)
        .options(
            contains_eager(NoShow.shift).contains_eager(Shift.activity),
            joinedload(NoShow.member),
            selectinload(NoShow.appeals),
        )
    )
