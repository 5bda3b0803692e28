"""Rooms and equipment: putting them on the list, their calendar, the days on which they are closed."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.exchange import queries, rules, schemas, service
from timebank.exchange.models import OWN_BRANCH, RESOURCE, RESOURCE_CATEGORIES, Offer
from timebank.exchange.views import ID, blueprint
from timebank.exchange.views.branch import organisation_choices
from timebank.exchange.views.keeping import change, hours_rows, initial_of, own_offer, sharing_choices
from timebank.web.forms import Form
from timebank.web.guards import current_actor, find_actor, guard, public

USUAL_HOURS = "1-5 08:30-11:30;1-5 13:30-17:30"


@blueprint.route("/branch/resources/new", methods=["GET", "POST"])
@guard("offer.branch")
def new_resource() -> Response | tuple[str, int]:
    """Put a room or equipment on the list."""
    branch = choose_branch("offer.branch").branch
    fresh = {"place": branch.address or branch.name, "category": "room", "capacity": 1, "shared_with": OWN_BRANCH}
    form = Form(schemas.NewResourceSchema(), initial=fresh | {"price": 60} | hours_rows(USUAL_HOURS))
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            key = given.pop("form_key")
            draft = service.OfferDraft(kind=RESOURCE, branch_id=branch.id, **given)
            offer = service.post_offer(session, draft, form_key=key, actor=current_actor(), now=clock.now())
            flash(f"“{offer.title}”可以预订了。", "success")
            return redirect(url_for("exchange.branch_offers", branch=offer.branch_id))
    return _form(form, None, branch), form.status


@blueprint.route(f"/branch/resources/<{ID}:offer_id>/edit", methods=["GET", "POST"])
@guard("offer.branch")
def edit_resource(offer_id: int) -> Response | tuple[str, int]:
    """Change what is said of a room or equipment; what is booked stays booked."""
    offer = own_offer(offer_id)
    if offer.kind != RESOURCE:
        return redirect(url_for("exchange.edit_offer", offer_id=offer.id))
    form = Form(schemas.ResourceSchema(), initial=initial_of(offer))
    answer = change(offer, form, "exchange.branch_offers")
    return answer or (_form(form, own_offer(offer_id), offer.branch), form.status)


@blueprint.get(f"/offers/<{ID}:offer_id>/calendar")
@public
def calendar(offer_id: int) -> str | Response:
    """A week of a room or equipment: which hours are free."""
    session, actor, now = db.session(), find_actor(), clock.now()
    offer = queries.get_offer(session, offer_id)
    if offer.kind != RESOURCE:
        return redirect(url_for("exchange.show_offer", offer_id=offer.id))
    today = clock.today(now)
    last = today + rules.BOOKED_AHEAD
    first = min(max(clock.read_day(request.args.get("from", "")) or today, today), last)
    week = timedelta(days=queries.WEEK)
    return render_template(
        "exchange/calendar.html",
        offer=offer,
        days=queries.week_of(session, offer, first, member_id=actor.member_id if actor is not None else None, now=now),
        before=max(first - week, today) if first > today else None,
        after=first + week if first + week <= last else None,
        hours=rules.hours_in_words(offer.hours),
        today=today,
        ahead=rules.BOOKED_AHEAD.days,
        may_keep=actor is not None and actor.may("offer.branch", branch_id=offer.branch_id),
    )


@blueprint.route(f"/branch/resources/<{ID}:offer_id>/closures", methods=["GET", "POST"])
@guard("offer.branch")
def closures(offer_id: int) -> Response | tuple[str, int]:
    """The days on which it is closed, and the form for more."""
    offer = own_offer(offer_id)
    if offer.kind != RESOURCE:
        raise queries.OfferNotFound()
    form, today = Form(schemas.ClosureSchema()), clock.today(clock.now())
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.ClosureDraft(offer_id=offer_id, **form.load())
            service.close_days(session, draft, actor=current_actor(), now=clock.now())
            flash("这几天已经关闭，日历上会写明原因。", "success")
            return redirect(url_for("exchange.closures", offer_id=offer_id), 303)
    page = render_template(
        "exchange/closures.html",
        offer=own_offer(offer_id),
        form=form,
        rows=queries.list_closures(db.session(), offer_id, today, today + timedelta(days=3 * 366)),
        today=today,
    )
    return page, form.status


@blueprint.post(f"/branch/resources/<{ID}:offer_id>/closures/<{ID}:closure_id>/lift")
@guard("offer.branch")
def open_days(offer_id: int, closure_id: int) -> Response:
    """Take a closure back."""
    own_offer(offer_id)
    with transaction() as session:
        service.open_days(session, offer_id, closure_id, actor=current_actor())
        flash("已经恢复开放。", "success")
    return redirect(url_for("exchange.closures", offer_id=offer_id), 303)


def _form(form: Form, offer: Offer | None, branch: Branch) -> str:
    return render_template(
        "exchange/resource_form.html",
        form=form,
        offer=offer,
        branch=branch,
        categories=[*RESOURCE_CATEGORIES.items(), ("other", "其他")],
        organisations=organisation_choices(branch.id) if offer is None else [],
        days=rules.DAY_NAMES.items(),
        today=clock.today(clock.now()),
        sharing=sharing_choices(branch.id),
        photos=queries.list_photos(db.session(), offer.id) if offer else [],
        most_photos=service.MOST_PHOTOS,
        most=rules.MOST_CAPACITY,
    )
