"""Branches: opening one with its books, and changing how it can be reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.branches.queries import get_area, get_branch
from timebank.branches.rules import branch_code
from timebank.branches.service.areas import AreaClosed
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import Conflict
from timebank.ledger.service import open_book


class BranchCodeTaken(Conflict):
    """The code belongs to another branch."""

    code = "branches.branch_code_taken"
    text = "代码 {branch_code} 已经是网点“{name}”的，请换一个。"


@dataclass(frozen=True, kw_only=True)
class BranchDraft:
    """What a branch is called and where it is; ``code`` never changes afterwards."""

    code: str
    name: str
    area_id: int
    address: str = ""
    phone: str = ""


def open_branch(session: Session, draft: BranchDraft, *, actor: Actor, now: datetime) -> Branch:
    """Open a branch with books of its own, or find the one already open under this code and name.

    Raises BadBranchCode, AreaClosed, BranchCodeTaken.
    """
    actor.require("area.change")
    code = branch_code(draft.code)
    area = get_area(session, draft.area_id, lock=True)
    if area.closed_on is not None:
        raise AreaClosed(name=area.names[-1].name, closed_on=area.closed_on)
    taken = session.scalars(select(Branch).where(Branch.code == code)).one_or_none()
    if taken is not None:
        if (taken.name, taken.area_id) != (draft.name, draft.area_id):
            raise BranchCodeTaken(branch_code=code, name=taken.name)
        return taken
    branch = Branch(
        id=open_book(session, code=code),
        code=code,
        name=draft.name,
        area_id=area.id,
        address=draft.address,
        phone=draft.phone,
        opened_on=clock.today(now),
    )
    session.add(branch)
    session.flush()
    return branch


def change_branch(session: Session, branch_id: int, *, name: str, address: str, phone: str, actor: Actor) -> Branch:
    """Change what a branch is called and how it is reached."""
    actor.require("branch.change", branch_id=branch_id)
    branch = get_branch(session, branch_id)
    branch.name, branch.address, branch.phone = name, address, phone
    session.flush()
    return branch
