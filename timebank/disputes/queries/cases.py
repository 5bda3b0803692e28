"""Cases, as both sides and as desks see them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.disputes.models import DECIDED, FINAL, OPEN, WAITING, Dispute, DisputeRuling, DisputeStatement
from timebank.exchange.models import Order


class DisputeNotFound(NotFound):
    """No such case, or not for this actor."""

    code = "disputes.not_found"
    text = "没有找到这个争议。只有双方和本网点工作人员能看。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Everything about one case."""

    dispute: Dispute
    statements: Sequence[DisputeStatement]
    rulings: Sequence[DisputeRuling]

    @property
    def final(self) -> DisputeRuling | None:
        """The decision that stands."""
        return next((one for one in self.rulings if one.status == FINAL), None)

    @property
    def waiting(self) -> DisputeRuling | None:
        """The decision that waits for a second person."""
        return next((one for one in self.rulings if one.status == WAITING), None)


def _whole() -> Select[Dispute]:
    order = selectinload(Dispute.order)
    return select(Dispute).options(
        order.selectinload(Order.offer),
        order.selectinload(Order.member),
        order.selectinload(Order.provider),
        order.selectinload(Order.corrections),
        selectinload(Dispute.branch),
        selectinload(Dispute.opened_by),
        selectinload(Dispute.other),
    )


def get_dispute(session: Session, dispute_id: int) -> Dispute:
    """A case as it is now. Raises DisputeNotFound."""
    found = session.get(Dispute, dispute_id, populate_existing=True)
    if found is None:
        raise DisputeNotFound()
    return found


def get_case(session: Session, dispute_id: int) -> Case:
    """A case with what was said and decided. Raises DisputeNotFound."""
    dispute = session.scalars(_whole().where(Dispute.id == dispute_id)).one_or_none()
    if dispute is None:
        raise DisputeNotFound()
    said = select(DisputeStatement).where(DisputeStatement.dispute_id == dispute_id).order_by(DisputeStatement.id)
    ruled = select(DisputeRuling).where(DisputeRuling.dispute_id == dispute_id).order_by(DisputeRuling.id)
    return Case(
        dispute=dispute,
        statements=session.scalars(said.options(selectinload(DisputeStatement.by))).all(),
        rulings=session.scalars(
            ruled.options(selectinload(DisputeRuling.by), selectinload(DisputeRuling.second))
        ).all(),
    )


def find_of_order(session: Session, order_id: int) -> Dispute | None:
    """The case about an order that is open or was decided; else the last one that was taken back."""
    found = select(Dispute).where(Dispute.order_id == order_id)
    return session.scalars(found.order_by(Dispute.ended_at.is_(None).desc(), Dispute.id.desc()).limit(1)).first()


def is_alive(dispute: Dispute | None) -> bool:
    """Whether a case stands in the way of another."""
    return dispute is not None and dispute.status in {OPEN, DECIDED}


def opened_before(session: Session, order_id: int, member_id: int) -> bool:
    """Whether this side opened a case about the order once."""
    found = select(Dispute.id).where(Dispute.order_id == order_id, Dispute.opened_by_id == member_id)
    return session.scalar(found) is not None


def find_by_key(session: Session, form_key: str) -> Dispute | None:
    """The case that a form opened."""
    return session.scalars(select(Dispute).where(Dispute.form_key == form_key)).one_or_none()


def find_statement_by_key(session: Session, form_key: str) -> DisputeStatement | None:
    """The statement that a form made."""
    return session.scalars(select(DisputeStatement).where(DisputeStatement.form_key == form_key)).one_or_none()


def find_ruling_by_key(session: Session, form_key: str) -> DisputeRuling | None:
    """The decision that a form made."""
    return session.scalars(select(DisputeRuling).where(DisputeRuling.form_key == form_key)).one_or_none()


def find_waiting_ruling(session: Session, dispute_id: int) -> DisputeRuling | None:
    """The decision of a case that waits for a second person."""
    found = select(DisputeRuling).where(DisputeRuling.dispute_id == dispute_id, DisputeRuling.status == WAITING)
    return session.scalars(found.execution_options(populate_existing=True)).one_or_none()


def has_spoken(session: Session, dispute_id: int, by_id: int | None) -> bool:
    """Whether somebody has said something of a case after it was opened."""
    found = select(DisputeStatement.id).where(
        DisputeStatement.dispute_id == dispute_id, DisputeStatement.by_id == by_id
    )
    return session.scalar(found.limit(1)) is not None


def list_open(session: Session, branch_id: int) -> Sequence[Dispute]:
    """The cases of a branch that wait for a decision, the most urgent first."""
    found = _whole().where(Dispute.branch_id == branch_id, Dispute.status == OPEN)
    return session.scalars(found.order_by(Dispute.due_on, Dispute.id)).all()


def list_open_everywhere(session: Session) -> Sequence[Dispute]:
    """Every case that waits for a decision, by branch."""
    return session.scalars(_whole().where(Dispute.status == OPEN).order_by(Dispute.branch_id, Dispute.id)).all()


def page_ended(session: Session, branch_id: int, *, number: int = 1, size: int = 20) -> Page[Dispute]:
    """The cases of a branch that were decided or taken back, newest first."""
    ended = _whole().where(Dispute.branch_id == branch_id, Dispute.status != OPEN)
    return read_page(session, ended.order_by(Dispute.ended_at.desc(), Dispute.id.desc()), number=number, size=size)


def finals_of(session: Session, dispute_ids: Collection[int]) -> dict[int, DisputeRuling]:
    """The decisions that stand, by case."""
    found = select(DisputeRuling).where(DisputeRuling.dispute_id.in_(dispute_ids), DisputeRuling.status == FINAL)
    return {ruling.dispute_id: ruling for ruling in session.scalars(found)}
