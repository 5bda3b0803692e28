"""Posting and keeping offers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed, NotAllowed
from timebank.exchange import rules
from timebank.exchange.models import CHOSEN, ENDED, GOODS, LISTED, PAUSED, SERVICE, Offer
from timebank.exchange.queries import find_offer_by_key, get_offer, has_licence, leads, list_shares
from timebank.exchange.service.drafts import BadOffer, OfferDraft, check_draft, check_stock, columns_of
from timebank.exchange.service.needs import tell_seekers
from timebank.exchange.service.people import refuse_inactive
from timebank.exchange.service.sharing import check_sharing, share
from timebank.members.queries import find_organisation, get_team, list_deciding
from timebank.notices.service import NoticeDraft, tell_all


class OfferEnded(Conflict):
    """An offer that was taken down does not come back."""

    code = "exchange.offer_ended"
    text = "这一项已经下架，不能再改。需要的话请重新发布。"


class StockMoved(Conflict):
    """Somebody ordered, cancelled or counted in between."""

    code = "exchange.stock_moved"
    text = "库存刚刚变成了 {stock} 份（有人兑换或退回）。请按现在的数再改一次。"


def post_offer(session: Session, draft: OfferDraft, *, form_key: str, actor: Actor, now: datetime) -> Offer:
    """List what somebody gives: see ``OfferDraft`` for whose it is. A repeat with the same key returns the first.

    Raises NotAllowed, NotActive, BadOffer, BadHours, LicenceMissing, BadSharing, FormUsed (by somebody else, or for
    another offer).
    """
    owner = _owner(session, draft, actor)
    check_draft(session, draft, clock.today(now))
    check_stock(draft)
    check_sharing(session, draft.shared_with, draft.branch_ids, own=owner["branch_id"])
    offer = _insert(session, draft, owner, form_key=form_key, now=now)
    if not has_licence(session, offer, clock.today(now)):
        _ask_for_a_look(session, offer, now)
    tell_seekers(session, offer, now=now)
    return offer


def change_offer(session: Session, offer_id: int, draft: OfferDraft, *, actor: Actor, now: datetime) -> Offer:
    """Change what an offer says (not its kind, whose it is, or its stock); orders made before keep their price.

    Raises OfferNotFound, NotAllowed, OfferEnded, BadOffer, BadHours, LicenceMissing, BadSharing.
    """
    offer = get_own(session, offer_id, actor)
    if offer.status == ENDED:
        raise OfferEnded()
    check_draft(session, draft, clock.today(now), before=offer)
    check_sharing(session, draft.shared_with, draft.branch_ids, own=offer.branch_id)
    for name, value in columns_of(draft, offer.branch).items():
        setattr(offer, name, value)
    session.flush()
    share(session, offer, draft.branch_ids)
    return offer


def pause_offer(session: Session, offer_id: int, *, actor: Actor) -> Offer:
    """Take no orders for a while; those already made go on."""
    return _turn(session, offer_id, PAUSED, actor)


def resume_offer(session: Session, offer_id: int, *, actor: Actor) -> Offer:
    """Take orders again."""
    return _turn(session, offer_id, LISTED, actor)


def end_offer(session: Session, offer_id: int, *, actor: Actor) -> Offer:
    """Take it down for good; orders already made go on."""
    return _turn(session, offer_id, ENDED, actor)


def change_stock(session: Session, offer_id: int, *, stock: int, seen: int, actor: Actor) -> Offer:
    """Set how many there are to ``stock``, if there still are ``seen``; a repeat is harmless.

    Raises OfferNotFound, NotAllowed, BadOffer, StockMoved.
    """
    offer = get_own(session, offer_id, actor)
    if offer.kind != GOODS:
        raise NotAllowed()
    if not 0 <= stock <= rules.MAX_STOCK:
        raise BadOffer(fields={"stock": f"库存要在 0 到 {rules.MAX_STOCK} 之间。"})
    changed = session.execute(
        update(Offer).where(Offer.id == offer_id, Offer.stock == seen).values(stock=stock)
    ).rowcount  # type: ignore[attr-defined]
    session.refresh(offer)
    if not changed and offer.stock != stock:
        raise StockMoved(stock=offer.stock)
    return offer


def _ask_for_a_look(session: Session, offer: Offer, now: datetime) -> None:
    """Ask the branch to see the licence; until then the offer is not on the list."""
    facts = {"title": offer.title, "member": offer.given_by, "licence": offer.licence}
    notice = NoticeDraft(kind="offer.to_check", key=f"offer.to_check:{offer.id}", facts=facts, link="/branch/offers")
    tell_all(session, list_deciding(session, offer.branch_id), notice, now=now)


def _owner(session: Session, draft: OfferDraft, actor: Actor) -> dict[str, Any]:
    """Whose an offer is going to be, if the actor may speak for them."""
    owner: dict[str, Any] = dict.fromkeys(("provider_id", "team_id", "organisation_id"))
    owner["posted_by_id"] = actor.member_id
    if draft.is_own:
        member = refuse_inactive(session, actor.member_id)
        actor.require("offer.own", owner_id=member.id)
        return owner | {"branch_id": member.branch_id, "provider_id": member.id}
    if draft.team_id is not None:
        team = get_team(session, draft.team_id)
        if draft.kind != SERVICE:
            raise BadOffer(fields={"team_id": "服务队只发布服务。物品和场地请由网点发布。"})
        if not leads(session, team.id, actor.member_id):
            actor.require("offer.branch", branch_id=team.branch_id)
        else:
            refuse_inactive(session, actor.member_id)
        return owner | {"branch_id": team.branch_id, "team_id": team.id}
    actor.require("offer.branch", branch_id=draft.branch_id)
    if draft.organisation_id is not None:
        organisation = find_organisation(session, draft.organisation_id)
        if organisation is None or organisation.branch_id != draft.branch_id or organisation.closed_at is not None:
            raise BadOffer(fields={"organisation_id": "请从本网点的单位里选一家。"})
    return owner | {"branch_id": draft.branch_id, "organisation_id": draft.organisation_id}


def _insert(session: Session, draft: OfferDraft, owner: dict[str, Any], *, form_key: str, now: datetime) -> Offer:
    said = columns_of(draft, get_branch(session, owner["branch_id"])) | owner | {"kind": draft.kind}
    fixed = {"stock": draft.stock, "form_key": form_key, "created_at": now, "status": LISTED}
    made = session.scalar(insert_once(session, Offer).values(said | fixed).returning(Offer.id))
    offer = find_offer_by_key(session, form_key)
    if offer is None or {name: getattr(offer, name) for name in said} != said:  # not the stock: orders move it
        raise FormUsed()
    if made is not None:
        share(session, offer, draft.branch_ids)
    elif draft.shared_with == CHOSEN and list_shares(session, offer.id) != draft.branch_ids:
        raise FormUsed()
    return offer


def get_own(session: Session, offer_id: int, actor: Actor) -> Offer:
    """An offer that the actor may change. Raises OfferNotFound, NotAllowed."""
    offer = get_offer(session, offer_id)
    giver = offer.answers
    if giver is None:
        actor.require("offer.branch", branch_id=offer.branch_id)
    elif not actor.may("offer.branch", branch_id=offer.branch_id):  # the branch may take a member's offer down too
        actor.require("offer.own", owner_id=giver.id)
    return offer


def _turn(session: Session, offer_id: int, status: str, actor: Actor) -> Offer:
    offer = get_own(session, offer_id, actor)
    if offer.status == ENDED and status != ENDED:
        raise OfferEnded()
    offer.status = status
    session.flush()
    return offer
