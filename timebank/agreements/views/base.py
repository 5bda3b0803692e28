"""The blueprint that all pages of organisations hang on, and what they share."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from timebank.agreements.models import Agreement
from timebank.agreements.queries import get_agreement
from timebank.core.db import db
from timebank.members.models import Organisation
from timebank.members.queries import get_organisation
from timebank.web.guards import current_actor

blueprint = Blueprint("agreements", __name__)
ID: Final = "int(max=2147483647)"
ORGANISATION: Final = f"/branch/organisations/<{ID}:organisation_id>"
AGREEMENT: Final = f"/branch/agreements/<{ID}:agreement_id>"
PROMISE: Final = f"/branch/promises/<{ID}:promise_id>"
AGREEMENT_TONES: Final = {"draft": "", "proposed": "wait", "signed": "ok", "ended": "bad", "dropped": ""}
TONES: Final = {"kept": "ok", "open": "", "soon": "wait", "overdue": "bad", "let_go": "", "over": "bad"}


def organisation_for(permission: str, organisation_id: int) -> Organisation:
    """The organisation, if the actor holds the permission at its branch."""
    found = get_organisation(db.session(), organisation_id)
    current_actor().require(permission, branch_id=found.branch_id)
    return found


def agreement_for(permission: str, agreement_id: int) -> Agreement:
    """The agreement, if the actor holds the permission at its branch."""
    found = get_agreement(db.session(), agreement_id)
    current_actor().require(permission, branch_id=found.branch_id)
    return found
