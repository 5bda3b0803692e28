"""Reads about coins between branches that wait for a taker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.clearing.models import MOVE_ASKED, ParkedMove, ParkedPayment
from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.members.models import Member


class ParkedNotFound(NotFound):
    """No such amount, or not this branch's."""

    code = "clearing.parked_not_found"
    text = "没有找到这笔待处理款。"


def list_parked(session: Session, branch_id: int) -> Sequence[ParkedPayment]:
    """What waits at a branch, the oldest first."""
    chosen = select(ParkedPayment).where(ParkedPayment.branch_id == branch_id, ParkedPayment.ended_at.is_(None))
    return session.scalars(chosen.options(joinedload(ParkedPayment.pair)).order_by(ParkedPayment.id)).all()


def count_parked(session: Session, branch_id: int, *, before: datetime | None = None) -> int:
    """How much waits at a branch, or came before an instant and still does."""
    chosen = select(func.count()).where(ParkedPayment.branch_id == branch_id, ParkedPayment.ended_at.is_(None))
    if before is not None:
        chosen = chosen.where(ParkedPayment.parked_at < before)
    return session.scalar(chosen) or 0


def page_unparked(session: Session, branch_id: int, *, number: int = 1, size: int = 20) -> Page[ParkedPayment]:
    """What waited once, the newest end first."""
    chosen = select(ParkedPayment).where(ParkedPayment.branch_id == branch_id, ParkedPayment.ended_at.is_not(None))
    return read_page(
        session, chosen.order_by(ParkedPayment.ended_at.desc(), ParkedPayment.id.desc()), number=number, size=size
    )


def get_parked(session: Session, parked_id: int, *, lock: bool = False) -> ParkedPayment:
    """The amount. Raises ParkedNotFound."""
    found = session.get(
        ParkedPayment, parked_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if found is None:
        raise ParkedNotFound()
    return found


def find_parked_of(session: Session, proposal_id: int) -> ParkedPayment | None:
    """What of a payment found no taker, whatever became of it; the latest."""
    chosen = select(ParkedPayment).where(ParkedPayment.proposal_id == proposal_id).order_by(ParkedPayment.id.desc())
    return session.scalars(chosen.limit(1)).one_or_none()


def find_parked_in(session: Session, case_id: int) -> ParkedPayment | None:
    """The amount that a case is about."""
    return session.scalars(select(ParkedPayment).where(ParkedPayment.case_id == case_id)).one_or_none()


def get_move(session: Session, move_id: int, *, lock: bool = False) -> ParkedMove:
    """What somebody wants to be done. Raises ParkedNotFound."""
    found = session.get(
        ParkedMove, move_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if found is None:
        raise ParkedNotFound()
    return found


def find_move_by_key(session: Session, form_key: str) -> ParkedMove | None:
    """What a form asked for."""
    return session.scalars(select(ParkedMove).where(ParkedMove.form_key == form_key)).one_or_none()


def find_asked_move(session: Session, parked_id: int) -> ParkedMove | None:
    """What waits for a second person."""
    chosen = select(ParkedMove).where(ParkedMove.parked_id == parked_id, ParkedMove.status == MOVE_ASKED)
    return session.scalars(chosen).one_or_none()


def list_moves(session: Session, parked_id: int) -> Sequence[ParkedMove]:
    """Everything that was wanted for an amount, the newest first."""
    chosen = select(ParkedMove).where(ParkedMove.parked_id == parked_id).options(joinedload(ParkedMove.member))
    return session.scalars(chosen.order_by(ParkedMove.id.desc())).all()


def owner_of(session: Session, account_id: int | None) -> Member | None:
    """Whose coins an account has."""
    if account_id is None:
        return None
    chosen = select(Member).where((Member.coin_account_id == account_id) | (Member.giveaway_account_id == account_id))
    return session.scalars(chosen).first()
