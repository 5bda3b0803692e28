"""Reads about proposals and their messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from timebank.clearing.models import COMMITTED, IN_FLIGHT, RESERVED, SETTLED, BranchPair, Proposal
from timebank.clearing.queries.rates import settled_of
from timebank.clearing.rules import Amounts
from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.ledger import queries as ledger

_UNANSWERED: Final = (RESERVED, COMMITTED)


class ProposalNotFound(NotFound):
    """No such proposal."""

    code = "clearing.proposal_not_found"
    text = "没有找到这张清算单。"


def find_proposal_by_uid(session: Session, uid: str, *, lock: bool = False) -> Proposal | None:
    """The proposal that a message is about."""
    chosen = select(Proposal).where(Proposal.uid == uid)
    if lock:
        chosen = chosen.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(chosen).one_or_none()


def get_proposal(session: Session, proposal_id: int, *, lock: bool = False) -> Proposal:
    """The proposal. Raises ProposalNotFound."""
    proposal = session.get(
        Proposal, proposal_id, with_for_update={"key_share": True} if lock else None, populate_existing=lock
    )
    if proposal is None:
        raise ProposalNotFound()
    return proposal


def list_in_flight(session: Session, pair: BranchPair) -> Sequence[Proposal]:
    """What between two branches has neither been settled nor ended, the oldest first."""
    chosen = select(Proposal).where(_between(pair), Proposal.status.in_(IN_FLIGHT))
    return session.scalars(chosen.order_by(Proposal.id)).all()


def list_waiting_payments(session: Session, branch_id: int) -> Sequence[Proposal]:
    """Payments from or to a branch whose last message got no answer yet, the oldest first."""
    ours = or_(Proposal.payer_id == branch_id, Proposal.payee_id == branch_id)
    chosen = select(Proposal).where(ours, Proposal.status.in_(_UNANSWERED))
    return session.scalars(chosen.order_by(Proposal.id)).all()


def page_proposals(session: Session, pair: BranchPair, *, number: int = 1, size: int = 20) -> Page[Proposal]:
    """Everything between two branches, the newest first."""
    chosen = select(Proposal).where(_between(pair)).order_by(Proposal.id.desc())
    return read_page(session, chosen, number=number, size=size)


def find_settled_by_entry(session: Session, payee_entry_id: int) -> Proposal | None:
    """The payment whose entry in the creditor's book this is."""
    return session.scalars(select(Proposal).where(Proposal.payee_entry_id == payee_entry_id)).one_or_none()


def list_proposals(session: Session, proposal_ids: Collection[int]) -> Sequence[Proposal]:
    """Some proposals."""
    return session.scalars(select(Proposal).where(Proposal.id.in_(proposal_ids))).all() if proposal_ids else []


def list_by_uid(session: Session, uids: Collection[str]) -> dict[str, Proposal]:
    """The proposals that messages or books name."""
    found = session.scalars(select(Proposal).where(Proposal.uid.in_(uids))) if uids else ()
    return {one.uid: one for one in found}


def settled_for(session: Session, source_type: str, source_ids: Collection[int]) -> dict[int, Amounts]:
    """Document → what was paid for it between branches at first, on both sides."""
    chosen = select(Proposal).where(
        Proposal.source_type == source_type,
        Proposal.source_id.in_(source_ids),
        Proposal.status == SETTLED,
        Proposal.reverses_id.is_(None),
    )
    found = session.scalars(chosen.order_by(Proposal.id.desc())).all() if source_ids else []
    return {one.source_id or 0: settled_of(one) for one in found}


def list_came_back(session: Session, branch_id: int, source_type: str, *, between: tuple[int, int]) -> Sequence[int]:
    """The entries, within a range of ids, by which a branch's own members got back what they had paid elsewhere."""
    chosen = select(Proposal.payee_entry_id).where(
        Proposal.payee_id == branch_id,
        Proposal.source_type == source_type,
        Proposal.reverses_id.is_not(None),
        Proposal.payee_entry_id.between(*between),
    )
    return [entry_id for entry_id in session.scalars(chosen.order_by(Proposal.payee_entry_id)) if entry_id is not None]


def lines_of(session: Session, proposal_ids: Collection[int]) -> set[int]:
    """The accounts on which space was reserved for proposals."""
    if not proposal_ids:
        return set()
    holds = session.scalars(select(Proposal.line_hold_id).where(Proposal.id.in_(proposal_ids)))
    return {ledger.get_hold(session, hold_id).account_id for hold_id in holds if hold_id is not None}


def list_unanswered(session: Session, *, at_most: int) -> Sequence[int]:
    """Proposals whose last message got no answer yet, the oldest first."""
    chosen = select(Proposal.id).where(Proposal.status.in_(_UNANSWERED)).order_by(Proposal.id)
    return session.scalars(chosen.limit(at_most)).all()


def _between(pair: BranchPair) -> ColumnElement[bool]:
    one, other = pair.low_id, pair.high_id
    return or_(
        and_(Proposal.payer_id == one, Proposal.payee_id == other),
        and_(Proposal.payer_id == other, Proposal.payee_id == one),
    )
