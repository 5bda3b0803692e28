"""Posting and keeping offers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.exchange import rules
from timebank.exchange.models import (
    ENDED,
    GOODS,
    GOODS_CATEGORIES,
    LISTED,
    PAUSED,
    SERVICE,
    SERVICE_CATEGORIES,
    Offer,
)
from timebank.exchange.queries import find_offer_by_key, get_offer
from timebank.exchange.service.people import refuse_inactive


class LicenceMissing(Invalid):
    """A profession that needs a licence, without one."""

    code = "exchange.licence_missing"
    text = "法律、医疗、电工这几类服务要有从业资格。请填写证书名称和编号。"


class BadOffer(Invalid):
    """A field of an offer breaks a rule; ``fields`` says which."""

    code = "exchange.bad_offer"


class OfferEnded(Conflict):
    """An offer that was taken down does not come back."""

    code = "exchange.offer_ended"
    text = "这一项已经下架，不能再改。需要的话请重新发布。"


class StockMoved(Conflict):
    """Somebody ordered, cancelled or counted in between."""

    code = "exchange.stock_moved"
    text = "库存刚刚变成了 {stock} 份（有人兑换或退回）。请按现在的数再改一次。"


@dataclass(frozen=True, kw_only=True)
class OfferDraft:
    """What an offer says; price in minutes, each time or apiece. Goods have a branch, stock, perhaps a limit."""

    kind: str = SERVICE
    branch_id: int | None = None
    stock: int | None = None
    category: str
    title: str
    price_minutes: int
    description: str = ""
    place: str = ""
    valid_until: date | None = None
    licence: str = ""
    per_member_limit: int | None = None
    answer_days: int | None = None
    serve_days: int | None = None


def post_offer(session: Session, draft: OfferDraft, *, form_key: str, actor: Actor, now: datetime) -> Offer:
    """List a service of the actor, or goods of a branch. A repeat with the same key returns the first offer.

    Raises NotAllowed, NotActive, BadOffer, LicenceMissing, FormUsed (by somebody else, or for another offer).
    """
    if draft.kind == GOODS:
        actor.require("offer.branch", branch_id=draft.branch_id)
        owner = {"branch_id": draft.branch_id, "provider_id": None, "posted_by_id": actor.member_id}
    else:
        member = refuse_inactive(session, actor.member_id)
        actor.require("offer.own", owner_id=member.id)
        owner = {"branch_id": member.branch_id, "provider_id": member.id, "posted_by_id": member.id}
    _check(draft, draft.kind, clock.today(now))
    _check_stock(draft)
    return _insert(session, draft, owner, form_key=form_key, now=now)


def change_offer(session: Session, offer_id: int, draft: OfferDraft, *, actor: Actor, now: datetime) -> Offer:
    """Change what an offer says (not its kind, branch or stock); orders made before keep their price.

    Raises OfferNotFound, NotAllowed, OfferEnded, BadOffer, LicenceMissing.
    """
    offer = get_own(session, offer_id, actor)
    if offer.status == ENDED:
        raise OfferEnded()
    _check(draft, offer.kind, clock.today(now), before=offer.valid_until)
    for name, value in _columns(draft).items():
        setattr(offer, name, value)
    session.flush()
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


def _insert(session: Session, draft: OfferDraft, owner: dict[str, Any], *, form_key: str, now: datetime) -> Offer:
    fixed = {"kind": draft.kind, "stock": draft.stock, "form_key": form_key, "created_at": now, "status": LISTED}
    session.execute(insert_once(session, Offer).values(_columns(draft) | owner | fixed))
    offer = find_offer_by_key(session, form_key)
    content = _columns(draft) | owner | {"kind": draft.kind}  # not the stock: orders move it
    if offer is None or {name: getattr(offer, name) for name in content} != content:
        raise FormUsed()
    return offer


def _columns(draft: OfferDraft) -> dict[str, Any]:
    names = (
        "category", "title", "description", "place", "price_minutes", "valid_until", "licence", "per_member_limit",
        "answer_days", "serve_days",
    )  # fmt: skip
    return {name: getattr(draft, name) for name in names}


def _check(draft: OfferDraft, kind: str, today: date, *, before: date | None = None) -> None:
    known = SERVICE_CATEGORIES if kind == SERVICE else GOODS_CATEGORIES
    if draft.category not in known and draft.category != "other":
        raise BadOffer(fields={"category": "请从列出的类别里选一个。"})
    if not rules.MIN_PRICE_MINUTES <= draft.price_minutes <= rules.MAX_PRICE_MINUTES:
        raise BadOffer(fields={"price": "请填写每次要多少时长，1 分钟到 100 小时。"})
    if draft.valid_until is not None and draft.valid_until < today and draft.valid_until != before:
        raise BadOffer(fields={"valid_until": "有效期不能早于今天。不限期的话请留空。"})
    _check_terms(draft)
    if draft.category in rules.LICENSED and not draft.licence.strip():
        raise LicenceMissing(fields={"licence": LicenceMissing.text})


def _check_terms(draft: OfferDraft) -> None:
    for name, days, most in (
        ("answer_days", draft.answer_days, rules.MOST_ANSWER_DAYS),
        ("serve_days", draft.serve_days, rules.MOST_SERVE_DAYS),
    ):
        if days is not None and not 1 <= days <= most:
            raise BadOffer(fields={name: f"请填 1 到 {most} 天；不填就按一般的办。"})


def _check_stock(draft: OfferDraft) -> None:
    if draft.kind == SERVICE and draft.stock is None:
        return
    if draft.kind == SERVICE or draft.stock is None or not 0 <= draft.stock <= rules.MAX_STOCK:
        raise BadOffer(fields={"stock": f"库存要在 0 到 {rules.MAX_STOCK} 之间。"})


def get_own(session: Session, offer_id: int, actor: Actor) -> Offer:
    """An offer that the actor may change. Raises OfferNotFound, NotAllowed."""
    offer = get_offer(session, offer_id)
    if offer.kind == GOODS:
        actor.require("offer.branch", branch_id=offer.branch_id)
    elif not actor.may("offer.branch", branch_id=offer.branch_id):  # the branch may take a member's offer down too
        actor.require("offer.own", owner_id=offer.provider_id)
    return offer


def _turn(session: Session, offer_id: int, status: str, actor: Actor) -> Offer:
    offer = get_own(session, offer_id, actor)
    if offer.status == ENDED and status != ENDED:
        raise OfferEnded()
    offer.status = status
    session.flush()
    return offer
