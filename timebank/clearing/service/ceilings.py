"""How much a branch lets its own members spend outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.clearing.models import CeilingDecision
from timebank.clearing.service.deciding import CHANGE, refuse_line
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import FormUsed


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """How much a branch's own members may spend outside in a month, at one peer or (None) in all; None: no ceiling."""

    branch_id: int
    peer_id: int | None
    minutes: int | None
    form_key: str


def set_ceiling(session: Session, ceiling: Ceiling, *, actor: Actor, now: datetime) -> None:
    """Decide a ceiling; the same form again is harmless. Raises NotAllowed, BadLine, FormUsed."""
    actor.require(CHANGE, branch_id=ceiling.branch_id)
    refuse_line(ceiling.minutes or 0)
    row = {
        "branch_id": ceiling.branch_id,
        "peer_id": ceiling.peer_id,
        "minutes": ceiling.minutes,
        "by_id": actor.member_id,
        "at": now,
        "key": f"ceiling:{ceiling.form_key}",
    }
    if session.scalar(insert_once(session, CeilingDecision).values(row).returning(CeilingDecision.id)) is None:
        first = session.scalars(select(CeilingDecision).where(CeilingDecision.key == row["key"])).one()
        if any(getattr(first, name) != row[name] for name in ("branch_id", "peer_id", "minutes", "by_id")):
            raise FormUsed()
