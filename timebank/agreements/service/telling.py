"""Who is told of what happens to an agreement: the managers of the branch, and those who speak for the organisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.agreements.models import Agreement
from timebank.core.actor import Actor
from timebank.members.models import CONTACT
from timebank.members.queries import list_deciding, list_organisation_people
from timebank.notices.service import NoticeDraft, tell_all

DESK = "/branch/agreements"
PAGE = "/organisations"


def managers_of(session: Session, branch_id: int) -> set[int]:
    """Whoever decides about agreements at a branch."""
    return set(list_deciding(session, branch_id))


def contacts_of(session: Session, organisation_id: int) -> set[int]:
    """Whoever speaks for an organisation."""
    return {one.member_id for one in list_organisation_people(session, organisation_id) if one.role == CONTACT}


def tell_others(session: Session, agreement: Agreement, about: NoticeDraft, *, actor: Actor, now: datetime) -> None:
    """Tell the other managers what waits for a second person; where there is no other, the administrators."""
    others = list_deciding(session, agreement.branch_id, without={actor.member_id})
    tell_people(session, others, agreement, about, now=now)


def tell_people(
    session: Session, member_ids: Iterable[int], agreement: Agreement, about: NoticeDraft, *, now: datetime
) -> None:
    """Tell these people; every notice of an agreement names the organisation and the year."""
    facts: Mapping[str, object] = {"organisation": agreement.organisation.name, "year": str(agreement.year)}
    link = about.link or f"{DESK}/{agreement.id}"
    told = NoticeDraft(kind=about.kind, key=about.key, facts={**facts, **about.facts}, link=link)
    tell_all(session, sorted(member_ids), told, now=now)
