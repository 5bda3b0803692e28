"""What an order of an offer means: whether it can be made, who answers it, how much of it, until when it lives."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.errors import Conflict
from timebank.exchange import rules
from timebank.exchange.models import GOODS, LISTED, RESOURCE, SERVICE, Offer
from timebank.exchange.queries import has_licence
from timebank.members.models import ACTIVE


class OfferClosed(Conflict):
    """Paused, taken down, past its last day, its giver is away, or nobody has seen their licence."""

    code = "exchange.offer_closed"
    text = "“{title}”现在不能兑换（{why}）。请看看别的项目。"


def refuse_closed(session: Session, offer: Offer, now: datetime) -> None:
    """Refuse an offer that cannot be redeemed now, whoever asks. Raises OfferClosed."""
    why = why_closed(session, offer, now)
    if why:
        raise OfferClosed(title=offer.title, why=why)


def why_closed(session: Session, offer: Offer, now: datetime) -> str:
    """Why an offer cannot be redeemed now, in a few words; empty when it can."""
    today = clock.today(now)
    if not rules.is_open_for_orders(offer.status, offer.valid_until, today):
        return "已过有效期" if offer.status == LISTED else "已暂停或下架"
    giver = offer.answers
    if giver is not None and giver.status != ACTIVE:
        return "提供服务的会员暂时不在"
    if offer.team_id is not None and giver is None:
        return "这支服务队现在没有队长"
    if offer.organisation is not None and offer.organisation.closed_at is not None:
        return "提供的单位已经退出"
    return "" if has_licence(session, offer, today) else "网点还没有核对从业证书"


def terms_of(offer: Offer) -> rules.Terms:
    """How long things wait under an offer."""
    return rules.terms_of(offer.answer_days, offer.serve_days)


def is_ready(offer: Offer) -> bool:
    """Whether an order needs nobody's word: goods stand on the shelf, and the calendar says yes for rooms."""
    return offer.kind != SERVICE


def most_at_once(offer: Offer) -> int:
    """How many one order may take: pieces, times, or hours in a row."""
    return {GOODS: rules.MAX_QUANTITY, RESOURCE: rules.MOST_SLOTS}.get(offer.kind, 1)


def expiry_of(offer: Offer, quantity: int, starts_at: datetime | None, now: datetime) -> datetime:
    """When a fresh order dies if nothing happens: goods never after the last day on which they can be used."""
    if offer.kind == RESOURCE and starts_at is not None:
        return starts_at + quantity * rules.SLOT + rules.CONFIRM_TIME
    ends = rules.expiry_at_request(offer.kind, now, terms_of(offer))
    if offer.use_by is None:
        return ends
    return min(ends, clock.instant(offer.use_by + timedelta(days=1), time()))


def hold_until(offer: Offer, expires_at: datetime, now: datetime) -> datetime:
    """The latest instant at which an order can still be alive: its coins are set aside until then."""
    return expires_at if offer.kind == RESOURCE else rules.hold_expiry(offer.kind, now, terms_of(offer))
