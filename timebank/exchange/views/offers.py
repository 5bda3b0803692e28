"""What can be redeemed, for everybody; and asking for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.queries import area_path, get_branch
from timebank.clearing.queries import WhyNot, cost_abroad, why_not
from timebank.clearing.rules import Amounts, rate_words
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.exchange import queries, rules, schemas, service
from timebank.exchange.models import CATEGORIES, GOODS, KIND_NAMES, RESOURCE, SERVICE, Offer
from timebank.exchange.views import ID, blueprint
from timebank.exchange.views.keeping import area_choices
from timebank.ledger import queries as ledger_queries
from timebank.members.models import Member
from timebank.web.forms import Form
from timebank.web.guards import current_actor, find_actor, guard, public
from timebank.web.query import Query

_ORDERED = {
    GOODS: "兑换好了，请凭兑换券领取。",
    RESOURCE: "订好了，到时候请出示兑换券。",
    SERVICE: "已经告诉对方，请等对方约时间。",
}
PRICE_CHOICES = tuple((str(hours * 60), f"{hours} 币以内") for hours in (1, 2, 3, 5, 10))


@blueprint.get("/offers")
@public
def list_offers() -> str:
    """What can be redeemed, the nearest first; a member sees their branch's, and what others share with it."""
    actor = find_actor()
    typed, areas = Query(), area_choices()
    wanted = queries.OfferFilter(
        text=typed.value("text"),
        category=typed.one_of("category", CATEGORIES),
        kind=typed.one_of("kind", KIND_NAMES),
        most_minutes=int(typed.one_of("price", dict(PRICE_CHOICES)) or 0) or None,
        near=typed.one_of("near", queries.NEAR),
        area_id=int(typed.one_of("area", {str(one): name for one, name in areas}) or 0) or None,
        branch_id=actor.branch_id if actor is not None else None,
        home_id=_home(),
    )
    page = queries.list_offers(
        db.session(), wanted, today=clock.today(clock.now()), number=page_number(request.args.get("page"))
    )
    return render_template(
        "exchange/offers.html",
        page=page,
        form=typed,
        categories=CATEGORIES,
        kinds=KIND_NAMES,
        prices=PRICE_CHOICES,
        nearness=queries.NEAR,
        areas=areas,
        available=_available(),
    )


@blueprint.get(f"/offers/<{ID}:offer_id>")
@public
def show_offer(offer_id: int) -> str:
    """One offer, what it would leave of the balance, and the form to ask for it."""
    return _offer_page(offer_id, Form(schemas.OrderSchema(), initial={"quantity": 1, "starts_at": _asked_time()}))


@blueprint.post(f"/offers/<{ID}:offer_id>")
@guard("order.own")
def request_order(offer_id: int) -> Response | tuple[str, int]:
    """Ask for it."""
    form = Form(schemas.OrderSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.OrderDraft(offer_id=offer_id, **form.load())
            order = service.request_order(session, draft, actor=current_actor(), now=clock.now())
            flash(_ORDERED[order.offer.kind], "success")
            return redirect(url_for("exchange.show_order", order_id=order.id))
    return _offer_page(offer_id, form), form.status


def _offer_page(offer_id: int, form: Form) -> str:
    session, actor, now = db.session(), find_actor(), clock.now()
    offer = queries.get_offer(session, offer_id)
    terms = rules.terms_of(offer.answer_days, offer.serve_days)
    cost = _cost(offer)
    return render_template(
        "exchange/offer.html",
        offer=offer,
        form=form,
        category=CATEGORIES.get(offer.category, "其他"),
        score=queries.scores_of(session, [offer.id]).get(offer.id, rules.Score()),
        words=queries.list_words(session, offer.id),
        available=_available(),
        cost=cost,
        rate_told=_told(offer, cost),
        need=cost.paid if cost is not None else offer.price_minutes,
        why_not=_why_not(offer),
        closed_why=service.why_closed(session, offer, now),
        abroad=_abroad(offer),
        from_abroad=actor is not None and actor.branch_id not in {None, offer.branch_id},
        taken=queries.count_taken(session, offer.id, actor.member_id)
        if actor is not None and actor.member_id is not None
        else 0,
        most=service.most_at_once(offer),
        starts_at=_read_time(form.value("starts_at")) if offer.kind == RESOURCE else None,
        photos=queries.list_photos(session, offer.id),
        hours=rules.hours_in_words(offer.hours),
        area=area_path(session, offer.area_id, clock.today(now)) if offer.area_id is not None else "",
        licensed_now=queries.has_licence(session, offer, clock.today(now)),
        answer_days=terms.answer.days,
        pick_up_days=terms.serve.days,
        today=clock.today(now),
    )


def _asked_time() -> str:
    """The hour that the calendar led here with, as the form sends it on; empty for anything else."""
    asked = request.args.get("at", "")
    return asked if _read_time(asked) is not None else ""


def _read_time(text: str) -> datetime | None:
    try:
        found = datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 (a wall clock's time; the zone comes next)
    except ValueError:
        return None
    return clock.instant(found.date(), found.time())


def _why_not(offer: Offer) -> str:
    """What keeps the visitor from asking, said before they try; the service decides again."""
    actor = find_actor()
    if service.why_closed(db.session(), offer, clock.now()):
        return "closed"
    if actor is None:
        return "visitor"
    if not actor.may("order.own"):
        return "inactive"
    if offer.answers is not None and offer.answers.id == actor.member_id:
        return "own"
    if not queries.is_shared_with(db.session(), offer, actor.branch_id):
        return "other_branch"
    if _abroad(offer) is not None:
        return "abroad"
    return "sold_out" if offer.stock == 0 else ""


def _abroad(offer: Offer) -> WhyNot | None:
    """What keeps the visitor's branch from redeeming at the offer's; None where nothing does, or it is their own."""
    actor = find_actor()
    if actor is None or actor.branch_id in {None, offer.branch_id}:
        return None
    return why_not(
        db.session(),
        payer_id=actor.branch_id or 0,
        payee_id=offer.branch_id,
        minutes=offer.price_minutes,
        now=clock.now(),
    )


def _cost(offer: Offer) -> Amounts | None:
    """What one of it costs in the visitor's own minutes, where a minute of their branch is not one of the offer's."""
    actor = find_actor()
    if actor is None or actor.branch_id in {None, offer.branch_id}:
        return None
    cost = cost_abroad(
        db.session(),
        payer_id=actor.branch_id or 0,
        payee_id=offer.branch_id,
        minutes=offer.price_minutes,
        now=clock.now(),
    )
    return None if cost.rate.even else cost


def _told(offer: Offer, cost: Amounts | None) -> str:
    """By which rate, in words; the visitor's branch first."""
    if cost is None:
        return ""
    home = get_branch(db.session(), current_actor().branch_id or 0)
    return rate_words(home.name, offer.branch.name, cost.rate.payer, cost.rate.payee)


def _home() -> int | None:
    """The area from which the visitor looks: their own, else their branch's; None for who is not signed in."""
    actor = find_actor()
    member = db.session.get(Member, actor.member_id) if actor is not None and actor.member_id else None
    if member is None:
        return None
    return member.area_id if member.area_id is not None else member.branch.area_id


def _available() -> int | None:
    """The minutes the visitor can spend now; None without an account."""
    actor = find_actor()
    member: Any = db.session.get(Member, actor.member_id) if actor is not None and actor.member_id else None
    if member is None or member.coin_account_id is None:
        return None
    return ledger_queries.get_account(db.session(), member.coin_account_id).available
