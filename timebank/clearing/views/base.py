"""The blueprint that all pages between branches hang on, and for which of its two branches somebody opens a pair."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, request, url_for

from timebank.branches.models import Branch
from timebank.clearing.models import ASKED, PAIR_STATUS_NAMES, BranchPair
from timebank.clearing.queries import PairNotFound, get_pair
from timebank.core.db import db
from timebank.web.guards import current_actor

blueprint = Blueprint("clearing", __name__)
ID = "int(max=2147483647)"  # an id in an address
PAIR = f"/branch/clearing/<{ID}:pair_id>"
MONTH = f"{PAIR}/statements/<month>"
READ, CHANGE = "clearing.read", "clearing.change"
TONES = {"asked": "wait", "open": "ok", "frozen": "bad", "declined": "", "closed": ""}


def status_name(pair: BranchPair, branch_id: int) -> str:
    """The state of a pair as one of its branches calls it."""
    ours = pair.status == ASKED and pair.asked_for_id != branch_id
    return "等我们同意" if ours else PAIR_STATUS_NAMES[pair.status]


@dataclass(frozen=True, kw_only=True)
class Side:
    """A pair as one of its branches opens it."""

    pair: BranchPair
    branch: Branch
    peer: Branch

    @property
    def url(self) -> str:
        """The pair's page, opened for this branch."""
        return url_for("clearing.show_pair", pair_id=self.pair.id, branch=self.branch.id)


def choose_side(pair_id: int, permission: str) -> Side:
    """The branch asked for by ``?branch=`` (id), else the actor's own, else the first where they hold ``permission``.

    Raises PairNotFound, also to whom the pair is no business.
    """
    pair, actor = get_pair(db.session(), pair_id), current_actor()
    mine = [one for one in (pair.low, pair.high) if actor.may(permission, branch_id=one.id)]
    asked = request.args.get("branch", "")
    if asked:
        found = next((one for one in mine if str(one.id) == asked), None)
    else:
        found = next((one for one in mine if one.id == actor.branch_id), mine[0] if mine else None)
    if found is None:
        raise PairNotFound()
    return Side(pair=pair, branch=found, peer=pair.peer_of(found.id))
