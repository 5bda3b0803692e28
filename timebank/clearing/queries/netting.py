"""Reads about netting: circles there are now, and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from timebank.branches.queries import list_branches
from timebank.clearing.models import Netting, NettingLeg
from timebank.clearing.queries.pairs import balances
from timebank.clearing.queries.rates import list_uneven
from timebank.clearing.rules import Circle, find_circles
from timebank.core.clock import today
from timebank.core.errors import NotFound


class NettingNotFound(NotFound):
    """No such netting, or not this branch's."""

    code = "clearing.netting_not_found"
    text = "没有找到这次轧差。"


@dataclass(frozen=True, kw_only=True)
class CircleView:
    """A circle of debt with the branches' names in turn."""

    circle: Circle
    names: tuple[str, ...]


def nettable(session: Session, *, now: datetime) -> dict[tuple[int, int], int]:
    """(debtor, creditor) → minutes that may be taken off in a circle: between them a minute has to be a minute."""
    uneven = list_uneven(session, day=today(now))
    return {way: minutes for way, minutes in balances(session).items() if frozenset(way) not in uneven}


def list_circles(session: Session, branch_id: int, *, now: datetime) -> list[CircleView]:
    """The circles of debt a branch is in now, the largest amount first; at most five."""
    found = [circle for circle in find_circles(nettable(session, now=now)) if branch_id in circle.branches][:5]
    names = {branch.id: branch.name for branch in list_branches(session, closed=True)}
    return [CircleView(circle=circle, names=tuple(names[one] for one in circle.branches)) for circle in found]


def find_netting_by_key(session: Session, form_key: str) -> Netting | None:
    """The netting that a form asked for."""
    return session.scalars(select(Netting).where(Netting.form_key == form_key)).one_or_none()


def get_netting(session: Session, netting_id: int, *, lock: bool = False) -> Netting:
    """The netting. Raises NettingNotFound."""
    netting = session.get(
        Netting, netting_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if netting is None:
        raise NettingNotFound()
    return netting


def list_nettings(session: Session, branch_id: int, *, at_most: int = 20) -> Sequence[Netting]:
    """The nettings a branch takes part in, the newest first."""
    mine = select(NettingLeg.netting_id).where(NettingLeg.branch_id == branch_id)
    chosen = select(Netting).where(Netting.id.in_(mine)).order_by(Netting.id.desc()).limit(at_most)
    return session.scalars(chosen.options(selectinload(Netting.legs).joinedload(NettingLeg.branch))).all()
