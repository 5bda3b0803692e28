"""New branches begin connected with the one above them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.branches.models import Area, Branch
from timebank.branches.queries import list_branches
from timebank.clearing import rules
from timebank.clearing.models import CLOSED, OPEN
from timebank.clearing.queries import find_pair
from timebank.clearing.service.deciding import Deciding, line_of, lock_or_make, note, open_accounts
from timebank.clearing.service.signing import have_keys
from timebank.core.actor import SYSTEM
from timebank.ledger import service as ledger


def join_branches(session: Session, *, now: datetime) -> int:
    """Connect every open branch that has no pair yet with the one above it, each with a small line; returns how many.

    The one above is the branch at the nearest area on the way up; a branch at the top has none.
    """
    branches = {branch.id: branch for branch in list_branches(session)}
    at_area: dict[int, int] = {}
    for branch_id in sorted(branches):
        at_area.setdefault(branches[branch_id].area_id, branch_id)
    joined = 0
    for branch in branches.values():
        head_id = _head_of(session, branch, at_area)
        if head_id is not None and find_pair(session, branch.id, head_id) is None:
            _join(session, branch.id, head_id, now)
            joined += 1
    return joined


def _head_of(session: Session, branch: Branch, at_area: dict[int, int]) -> int | None:
    area: Area | None = session.get_one(Area, branch.area_id)
    if at_area.get(branch.area_id) != branch.id:  # the first branch of an area stands above the others in it
        return at_area.get(branch.area_id)
    while area is not None and area.parent_id is not None:
        if area.parent_id in at_area:
            return at_area[area.parent_id]
        area = area.parent
    return None


def _join(session: Session, branch_id: int, head_id: int, now: datetime) -> None:
    pair = lock_or_make(session, branch_id, head_id, now)
    word = Deciding(branch_id=branch_id, form_key=f"{branch_id}-{head_id}", minutes=rules.DEFAULT_LINE)
    if pair.status == CLOSED and note(session, pair, "joined", word, actor=SYSTEM, now=now):
        open_accounts(session, pair)
        pair.status = OPEN
        have_keys(session, pair, now=now)
        for side in (pair.low_id, pair.high_id):
            ledger.decide_line(
                session, line_of(pair, side, word.minutes, by_id=None, key=f"join:{pair.id}:{side}"), now=now
            )
