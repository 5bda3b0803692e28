"""With whom an offer is shared: its own branch, chosen ones, or all."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Session

from timebank.branches.queries import list_branches
from timebank.core.db import insert_once
from timebank.core.errors import Invalid
from timebank.exchange.models import CHOSEN, SHARED_NAMES, Offer, OfferShare


class BadSharing(Invalid):
    """Shared in no way there is, with nobody, with the own branch or with one that is closed."""

    code = "exchange.bad_sharing"


def check_sharing(session: Session, shared_with: str, branch_ids: frozenset[int], *, own: int) -> None:
    """Whether an offer of branch ``own`` may be shared in this way. Raises BadSharing at the field to mend."""
    if shared_with not in SHARED_NAMES:
        raise BadSharing(fields={"shared_with": "请选给哪些网点的会员看。"})
    if shared_with != CHOSEN:
        return
    if not branch_ids:
        raise BadSharing(fields={"branch_ids": "请至少勾选一个网点。只给本网点的话，请选“本网点”。"})
    if own in branch_ids or len(list_branches(session, branch_ids)) != len(branch_ids):
        raise BadSharing(fields={"branch_ids": "请从列出的网点里勾选，有的网点可能已经停办了。"})


def share(session: Session, offer: Offer, branch_ids: frozenset[int]) -> None:
    """Keep the chosen branches of an offer, and no others; none unless it is shared with chosen ones."""
    wanted = branch_ids if offer.shared_with == CHOSEN else frozenset()
    session.execute(delete(OfferShare).where(OfferShare.offer_id == offer.id, OfferShare.branch_id.not_in(wanted)))
    for branch_id in sorted(wanted):
        session.execute(insert_once(session, OfferShare).values(offer_id=offer.id, branch_id=branch_id))
    session.expire(offer, ["shares"])
