"""成长卡: issuing one, and replacing it, which makes every copy of the old code worthless."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core import codes
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict
from timebank.members.models import Card
from timebank.members.queries import find_card, get_member
from timebank.members.queries.people import require_active
from timebank.members.rules.codes import SERIAL_LENGTH

_TRIES = 5  # one in 27 billion serials collides with a given card


def issue_card(session: Session, member_id: int, *, now: datetime) -> Card:
    """The person's valid card, issued now if there is none."""
    for _ in range(_TRIES):
        found = find_card(session, member_id)
        if found is not None:
            return found
        serial = codes.from_bytes(secrets.token_bytes(16), SERIAL_LENGTH)
        session.execute(insert_once(session, Card).values(member_id=member_id, serial=serial, issued_at=now))
    raise Conflict()


def reissue_card(
    session: Session, member_id: int, *, reason: str, actor: Actor, now: datetime, card_id: int | None = None
) -> Card:
    """Revoke the card in use (lost, shown around) and issue another.

    ``card_id`` is the card that the form was about: if another one took its place meanwhile, the form came twice, and
    that one stays. People do this for themselves too. Raises MemberNotActive, NotAllowed.
    """
    member = get_member(session, member_id, lock=True)
    if member.id != actor.member_id:
        actor.require("member.change", branch_id=member.branch_id)
    require_active(member)
    old = find_card(session, member_id)
    if old is not None and card_id is not None and old.id != card_id:
        return old
    if old is not None:
        old.revoked_at = now
        old.revoked_reason = reason
        session.flush()
    return issue_card(session, member_id, now=now)
