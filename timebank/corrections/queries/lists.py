"""Corrections and requests as pages list them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, selectinload

from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.corrections.models import OPEN, WAITING, Correction, CorrectionRequest


class CorrectionNotFound(NotFound):
    """No such correction."""

    code = "corrections.not_found"
    text = "没有找到这个更正。"


class RequestNotFound(NotFound):
    """No such request."""

    code = "corrections.request_not_found"
    text = "没有找到这个核对申请。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What waits in a branch: corrections for a second person, requests for an answer."""

    waiting: int
    requests: int


def find_by_key(session: Session, form_key: str) -> Correction | None:
    """The correction that a form made."""
    return session.scalars(select(Correction).where(Correction.form_key == form_key)).one_or_none()


def get_correction(session: Session, correction_id: int) -> Correction:
    """A correction as it is now. Raises CorrectionNotFound."""
    found = session.get(Correction, correction_id, populate_existing=True)
    if found is None:
        raise CorrectionNotFound()
    return found


def find_waiting(session: Session, entry_id: int) -> Correction | None:
    """The correction of an entry that waits for a second person."""
    return session.scalars(_whole().where(Correction.entry_id == entry_id, Correction.status == WAITING)).one_or_none()


def list_of_entry(session: Session, entry_id: int) -> Sequence[Correction]:
    """Every correction asked for of an entry, or carried out by it, newest first."""
    concerned: tuple[ColumnElement[bool], ...] = (
        Correction.entry_id == entry_id,
        Correction.reversal_entry_id == entry_id,
        Correction.replacement_entry_id == entry_id,
    )
    chosen = _whole().where(concerned[0] | concerned[1] | concerned[2])
    return session.scalars(chosen.order_by(Correction.id.desc())).all()


def list_waiting(session: Session, branch_id: int) -> Sequence[Correction]:
    """What waits for a second person in a branch, oldest first."""
    chosen = _whole().where(Correction.branch_id == branch_id, Correction.status == WAITING)
    return session.scalars(chosen.order_by(Correction.id)).all()


def list_ended(session: Session, branch_id: int, *, number: int = 1, size: int = 30) -> Page[Correction]:
    """The corrections of a branch that have ended, the latest first."""
    chosen = _whole().where(Correction.branch_id == branch_id, Correction.status != WAITING)
    return read_page(
        session, chosen.order_by(Correction.decided_at.desc(), Correction.id.desc()), number=number, size=size
    )


def list_requests(session: Session, branch_id: int) -> Sequence[CorrectionRequest]:
    """What members of a branch asked to have looked at and nobody answered yet, oldest first."""
    chosen = _requests().where(CorrectionRequest.branch_id == branch_id, CorrectionRequest.status == OPEN)
    return session.scalars(chosen.order_by(CorrectionRequest.id)).all()


def list_own_requests(session: Session, member_id: int, entry_id: int) -> Sequence[CorrectionRequest]:
    """What a member asked about an entry, newest first."""
    chosen = _requests().where(CorrectionRequest.member_id == member_id, CorrectionRequest.entry_id == entry_id)
    return session.scalars(chosen.order_by(CorrectionRequest.id.desc())).all()


def list_open_requests_of(session: Session, entry_id: int) -> Sequence[CorrectionRequest]:
    """The unanswered requests about an entry."""
    return session.scalars(
        _requests().where(CorrectionRequest.entry_id == entry_id, CorrectionRequest.status == OPEN)
    ).all()


def find_request_by_key(session: Session, form_key: str) -> CorrectionRequest | None:
    """The request that a form made."""
    return session.scalars(select(CorrectionRequest).where(CorrectionRequest.form_key == form_key)).one_or_none()


def get_request(session: Session, request_id: int) -> CorrectionRequest:
    """A request. Raises RequestNotFound."""
    found = session.get(CorrectionRequest, request_id, populate_existing=True)
    if found is None:
        raise RequestNotFound()
    return found


def count_open(session: Session, branch_id: int) -> Counts:
    """How much waits in a branch."""
    waiting = session.scalar(
        select(func.count()).where(Correction.branch_id == branch_id, Correction.status == WAITING)
    )
    requests = session.scalar(
        select(func.count()).where(CorrectionRequest.branch_id == branch_id, CorrectionRequest.status == OPEN)
    )
    return Counts(waiting=waiting or 0, requests=requests or 0)


def _whole() -> Select[Correction]:
    return select(Correction).options(selectinload(Correction.asked_by), selectinload(Correction.decided_by))


def _requests() -> Select[CorrectionRequest]:
    return select(CorrectionRequest).options(
        selectinload(CorrectionRequest.member), selectinload(CorrectionRequest.answered_by)
    )
