"""A member's own offers, and the form that both members and branches use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.queries import list_area_choices, list_branches
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.exchange import queries, rules, schemas, service
from timebank.exchange.models import (
    CATEGORIES,
    GOODS,
    LISTED,
    OFFER_STATUS_NAMES,
    OWN_BRANCH,
    SERVICE,
    SERVICE_CATEGORIES,
    SHARED_NAMES,
    Offer,
)
from timebank.exchange.views import ID, blueprint
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.views import local_path

FIELDS = (
    "category",
    "title",
    "description",
    "place",
    "valid_until",
    "licence",
    "per_member_limit",
    "use_by",
    "area_id",
    "capacity",
    "shared_with",
    "answer_days",
    "serve_days",
)
_TURNS = {"pause": service.pause_offer, "resume": service.resume_offer, "end": service.end_offer}
_SAID = {"pause": "已暂停，暂时不接新的兑换。", "resume": "已恢复，大家又可以兑换了。", "end": "已下架。"}


@blueprint.get("/me/offers")
@guard("offer.own")
def my_offers() -> str:
    """What the actor offers."""
    kept, today = queries.list_member_offers(db.session(), _me()), clock.today(clock.now())
    return render_template(
        "exchange/my_offers.html",
        kept=kept,
        categories=CATEGORIES,
        statuses=OFFER_STATUS_NAMES,
        today=today,
        soon=rules.OFFERED_AGAIN.days,
        wanted=queries.count_needs_for(db.session(), [one.offer for one in kept if one.offer.status == LISTED], today),
        unchecked={one.offer.id for one in kept if not queries.has_licence(db.session(), one.offer, today)},
    )


@blueprint.route("/me/offers/new", methods=["GET", "POST"])
@guard("offer.own")
def new_offer() -> Response | tuple[str, int]:
    """Offer a service."""
    asked = request.args.get("category", "")
    fresh = {"price": 60, "shared_with": OWN_BRANCH, "category": asked if asked in SERVICE_CATEGORIES else ""}
    form = Form(schemas.ServiceSchema(), initial=fresh)
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            key = given.pop("form_key")
            offer = service.post_offer(
                session, service.OfferDraft(**given), form_key=key, actor=current_actor(), now=clock.now()
            )
            flash(posted(offer), "success")
            return redirect(url_for("exchange.my_offers"))
    return service_form(form, None), form.status


@blueprint.route(f"/me/offers/<{ID}:offer_id>/edit", methods=["GET", "POST"])
@guard("offer.own")
def edit_offer(offer_id: int) -> Response | tuple[str, int]:
    """Change a service."""
    offer = own_offer(offer_id)
    if offer.kind != SERVICE:
        where = "exchange.edit_goods" if offer.kind == GOODS else "exchange.edit_resource"
        return redirect(url_for(where, offer_id=offer.id))
    form = Form(schemas.ServiceSchema(), initial=initial_of(offer))
    back = "exchange.my_offers" if _is_mine(offer) else "exchange.branch_offers"
    return change(offer, form, back) or (service_form(form, queries.get_offer(db.session(), offer_id)), form.status)


@blueprint.post(f"/me/offers/<{ID}:offer_id>/<any(pause,resume,end):turn>")
@guard("offer.own")
def turn_offer(offer_id: int, turn: str) -> Response:
    """Pause, resume or take down an offer; also for the branch's goods."""
    try:
        with transaction() as session:
            _TURNS[turn](session, offer_id, actor=current_actor())
        flash(_SAID[turn], "success")
    except service.OfferEnded as refusal:
        flash(refusal.message, "error")
    return redirect(local_path(request.form.get("next", url_for("exchange.my_offers"))))


@blueprint.post(f"/me/offers/<{ID}:offer_id>/renew")
@guard("offer.own")
def renew_offer(offer_id: int) -> Response:
    """Let an offer run on for three months."""
    with saying_refusals(), transaction() as session:
        offer = service.renew_offer(session, offer_id, actor=current_actor(), now=clock.now())
        flash(
            f"“{offer.title}”续到 {offer.valid_until}。" if offer.valid_until else "没有截止日期，不用续。", "success"
        )
    return redirect(local_path(request.form.get("next", url_for("exchange.my_offers"))))


def posted(offer: Offer) -> str:
    """What is said when an offer was posted: who needs a licence waits until staff have seen it."""
    if queries.has_licence(db.session(), offer, clock.today(clock.now())):
        return f"“{offer.title}”已发布，邻居们可以兑换了。"
    return f"“{offer.title}”已交给网点核对证书。请带证书原件到网点，核对以后邻居就能看到。"


def own_offer(offer_id: int) -> Offer:
    """An offer that the actor may change; to others it does not exist."""
    offer, actor = queries.get_offer(db.session(), offer_id), current_actor()
    giver = offer.answers
    mine = giver is not None and giver.id == actor.member_id
    if not mine and not actor.may("offer.branch", branch_id=offer.branch_id):
        raise queries.OfferNotFound()
    return offer


def change(offer: Offer, form: Form, back: str) -> Response | None:
    """Take in the form of an existing offer; None when it was not sent, or has to be mended."""
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            given.pop("form_key")
            draft = service.OfferDraft(**given)
            changed = service.change_offer(session, offer.id, draft, actor=current_actor(), now=clock.now())
            flash(f"“{changed.title}”已改好。", "success")
            return redirect(url_for(back))
    return None


def initial_of(offer: Offer) -> Mapping[str, Any]:
    """What the form shows of an offer."""
    shares = {"branch_ids": queries.list_shares(db.session(), offer.id)}
    said = {name: getattr(offer, name) for name in FIELDS}
    return said | {"price": offer.price_minutes} | shares | hours_rows(offer.hours)


def hours_rows(text: str) -> dict[str, Any]:
    """Weekly hours as the rows of a form."""
    return {
        f"hours-{at}-{name}": value
        for at, span in enumerate(rules.read_hours(text))
        for name, value in zip(
            ("first", "last", "opens", "closes"), (span.first, span.last, *span.clock.split("-")), strict=True
        )
    }


def sharing_choices(own: int | None) -> dict[str, Any]:
    """What the form asks about sharing an offer of branch ``own``: the ways, and the branches there are besides."""
    others = [one for one in list_branches(db.session()) if one.id != own]
    return {"ways": SHARED_NAMES.items(), "others": [(one.id, one.name, one.address) for one in others]}


def service_form(form: Form, offer: Offer | None, **more: Any) -> str:
    """The page with the form of a service."""
    return render_template(
        "exchange/service_form.html",
        form=form,
        offer=offer,
        mine=offer is None or _is_mine(offer),
        categories=[*SERVICE_CATEGORIES.items(), ("other", "其他")],
        licensed="、".join(name for code, name in SERVICE_CATEGORIES.items() if code in rules.LICENSED),
        today=clock.today(clock.now()),
        sharing=sharing_choices(offer.branch_id if offer else current_actor().branch_id),
        teams=[(one.id, one.name) for one in queries.list_led_by(db.session(), _me())] if offer is None else [],
        days=rules.DAY_NAMES.items(),
        areas=area_choices(),
        photos=queries.list_photos(db.session(), offer.id) if offer else [],
        most_photos=service.MOST_PHOTOS,
        licensed_now=offer is None or queries.has_licence(db.session(), offer, clock.today(clock.now())),
        **more,
    )


def area_choices() -> list[tuple[int, str]]:
    """The open areas to choose from, indented by level."""
    return list_area_choices(db.session(), clock.today(clock.now()))


def _is_mine(offer: Offer) -> bool:
    return offer.answers is not None and offer.answers.id == _me()


def _me() -> int:
    return current_actor().member_id or 0
