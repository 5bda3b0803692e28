"""Offers with a last day: their owners are told before, and prolong them with one press."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.exchange import rules
from timebank.exchange.models import ENDED, LISTED, Offer
from timebank.exchange.queries import list_licences_ending
from timebank.exchange.service.offers import OfferEnded, get_own
from timebank.members.queries import list_deciding
from timebank.notices.service import NoticeDraft, tell_each


def renew_offer(session: Session, offer_id: int, *, actor: Actor, now: datetime) -> Offer:
    """Let an offer run on for three months from today; one without a last day stays as it is. Twice a day is calm.

    Raises OfferNotFound, NotAllowed, OfferEnded.
    """
    offer = get_own(session, offer_id, actor)
    if offer.status == ENDED:
        raise OfferEnded()
    if offer.valid_until is not None:
        offer.valid_until = max(offer.valid_until, clock.today(now) + rules.RENEWED_FOR)
        session.flush()
    return offer


def remind_of_lapsing(session: Session, *, now: datetime) -> int:
    """Tell the owners of offers that end within three days, or ended yesterday; each last day once.

    A team's leader is told of its services; a branch's managers of its own, of organisations', and of a team that has
    no leader. Whose licence runs out within a month is told once, too. Returns of how many offers.
    """
    today = clock.today(now)
    ending = session.scalars(
        select(Offer)
        .where(
            Offer.status == LISTED,
            Offer.valid_until >= today - rules.LAPSED_FOR,
            Offer.valid_until <= today + rules.TOLD_BEFORE,
        )
        .order_by(Offer.id)
    ).all()
    told = []
    for offer in ending:
        kind = "offer.lapsed" if offer.valid_until is not None and offer.valid_until < today else "offer.lapsing"
        notice = NoticeDraft(
            kind=kind,
            key=f"{kind}:{offer.id}:{offer.valid_until}",
            facts={"title": offer.title, "until": str(offer.valid_until)},
            link="/me/offers" if offer.answers is not None else "/branch/offers",
        )
        told += [(member_id, notice) for member_id in _owners(session, offer)]
    licences = list_licences_ending(session, today, today + rules.LICENCE_TOLD_BEFORE)
    for offer, until in licences:
        told.append((offer.provider_id or 0, _licence_notice(offer, until)))
    tell_each(session, told, now=now)
    return len(ending) + len(licences)


def _licence_notice(offer: Offer, until: date) -> NoticeDraft:
    return NoticeDraft(
        kind="offer.licence_ending",
        key=f"offer.licence_ending:{offer.id}:{until}",
        facts={"title": offer.title, "until": str(until)},
        link="/me/offers",
    )


def _owners(session: Session, offer: Offer) -> list[int]:
    if offer.answers is not None:
        return [offer.answers.id]
    return list_deciding(session, offer.branch_id)
