"""What keeps a branch's members from redeeming at another, told before they try; the service decides again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.clearing.models import FROZEN, OPEN
from timebank.clearing.queries.pairs import ceiling_of, find_pair, gauge_of, spent_outside
from timebank.clearing.queries.rates import between_of, rate_of_pair
from timebank.core.clock import today


@dataclass(frozen=True, kw_only=True)
class WhyNot:
    """Why members of one branch cannot redeem at another.

    ``peer``: that other branch's name · ``limit`` and ``used``: minutes of the line that is full, or of the ceiling
    that is reached (``ceiling`` at that branch, ``ceiling_in_all`` outside in all); 0 otherwise.
    """

    kind: Literal["not_connected", "frozen", "ceiling", "ceiling_in_all", "line_full"]
    peer: str
    limit: int = 0
    used: int = 0


def why_not(session: Session, *, payer_id: int, payee_id: int, minutes: int, now: datetime) -> WhyNot | None:
    """What keeps a member of ``payer_id`` from redeeming for a price of ``payee_id`` now; None where nothing does.

    In the order in which the service refuses: not connected, paused, a ceiling, the line.
    """
    pair, peer = find_pair(session, payer_id, payee_id), get_branch(session, payee_id).name
    if pair is None or pair.status not in {OPEN, FROZEN}:
        return WhyNot(kind="not_connected", peer=peer)
    if pair.status == FROZEN:
        return WhyNot(kind="frozen", peer=peer)
    amounts = rate_of_pair(session, pair, payer_id=payer_id, day=today(now)).cost(minutes)
    for peer_id in (payee_id, None):
        ceiling = ceiling_of(session, payer_id, peer_id)
        used = spent_outside(session, payer_id, peer_id, now=now) if ceiling is not None else 0
        if ceiling is not None and used + amounts.paid > ceiling:
            return WhyNot(kind="ceiling_in_all" if peer_id is None else "ceiling", peer=peer, limit=ceiling, used=used)
    gauge = gauge_of(session, pair, creditor_id=payee_id)
    full = between_of(amounts, payer_id=payer_id, payee_id=payee_id) > gauge.free
    return WhyNot(kind="line_full", peer=peer, limit=gauge.line, used=gauge.used) if full else None
