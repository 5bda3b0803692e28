"""What nobody else may move meanwhile: a pair, its proposals."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.clearing.models import FROZEN, OPEN, BranchPair, Proposal
from timebank.clearing.queries import find_pair, get_proposal, list_proposals
from timebank.clearing.service.refusals import NotConnected, PairFrozen


def lock_proposal(session: Session, proposal_id: int) -> tuple[BranchPair, Proposal]:
    """A proposal and its pair, nobody else's to move until we commit. Raises ProposalNotFound."""
    found = get_proposal(session, proposal_id)
    pair = lock_pair(session, found.payer_id, found.payee_id)
    return pair, get_proposal(session, proposal_id, lock=True)


def lock_pairs(session: Session, proposal_ids: Collection[int]) -> None:
    """The pairs of many proposals, in id order, before any of their accounts."""
    ways = {tuple(sorted((one.payer_id, one.payee_id))) for one in list_proposals(session, proposal_ids)}
    for low, high in sorted(ways):
        lock_pair(session, low, high)


def lock_pair(session: Session, payer_id: int, payee_id: int) -> BranchPair:
    """The pair of two branches, nobody else's to move until we commit. Raises NotConnected."""
    pair = find_pair(session, payer_id, payee_id, lock=True)
    if pair is None:
        raise NotConnected(**names_of(session, payer_id, payee_id))
    return pair


def open_pair(session: Session, payer_id: int, payee_id: int) -> BranchPair:
    """A locked pair between which things may move. Raises NotConnected, PairFrozen."""
    pair = lock_pair(session, payer_id, payee_id)
    refuse_still(session, pair, payer_id, payee_id)
    return pair


def refuse_still(session: Session, pair: BranchPair, payer_id: int, payee_id: int) -> None:
    """Refuse where nothing may move between the two. Raises NotConnected, PairFrozen."""
    if pair.status not in {OPEN, FROZEN}:
        raise NotConnected(**names_of(session, payer_id, payee_id))
    if pair.status == FROZEN:
        raise PairFrozen(**names_of(session, payer_id, payee_id))


def names_of(session: Session, payer_id: int, payee_id: int) -> dict[str, str]:
    """What the two are called in a refusal."""
    return {"payer": get_branch(session, payer_id).name, "payee": get_branch(session, payee_id).name}
