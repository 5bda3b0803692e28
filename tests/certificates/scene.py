"""A morning whose volunteers have booked records, and certificates about them in short."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tests.corrections.town import LATER, Town, make_town
from tests.world import KEYS, actor_of
from timebank.certificates import service
from timebank.certificates.models import Certificate
from timebank.core.actor import Actor

ADDRESS = "https://bank.example.org/certificates"
_keys = itertools.count(1)


def key() -> str:
    """A form's key."""
    return f"certificate-{next(_keys)}"


def issue(
    town: Town, number: int = 0, *, actor: Actor | None = None, now: datetime = LATER, **more: Any
) -> Certificate:
    """Volunteer ``number`` issues a certificate of their own branch, or somebody does it for them."""
    member = town.member(number)
    given = {"member_id": member.id, "branch_id": town.scene.branch.id, "form_key": key(), "address": ADDRESS} | more
    draft = service.CertificateDraft(**given)
    return service.issue(town.session, draft, actor=actor or actor_of(town.session, member), keys=KEYS, now=now)


def reissue(town: Town, certificate: Certificate, **more: Any) -> Certificate:
    """The holder replaces one that was withdrawn."""
    owner = actor_of(town.session, certificate.member)
    sent = service.Sent(form_key=more.pop("form_key", "") or key(), address=ADDRESS)
    return service.reissue(town.session, certificate.id, sent, **({"actor": owner, "keys": KEYS, "now": LATER} | more))


def town_of(session: Session, people: int = 2, **more: Any) -> Town:
    """Everybody served from nine to eleven; approved."""
    return make_town(session, people, **more)
