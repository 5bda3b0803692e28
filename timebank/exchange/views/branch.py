"""The branch's shelf and its desk."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.branches.views import NoBranchWithinReach
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.exchange import queries, rules, schemas, service
from timebank.exchange.models import (
    CATEGORIES,
    GOODS,
    GOODS_CATEGORIES,
    KIND_NAMES,
    OFFER_STATUS_NAMES,
    ORDER_STATUS_NAMES,
    status_name,
)
from timebank.exchange.views import blueprint
from timebank.exchange.views.keeping import change, initial_of, own_offer
from timebank.exchange.views.orders import TONES
from timebank.exchange.views.values import ID, Values
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

STATUS_CHOICES = (("open", "进行中"), *ORDER_STATUS_NAMES.items())


@blueprint.get("/branch/offers")
@guard("offer.branch")
def branch_offers() -> str:
    """The branch's goods, and its members' services."""
    session, branches = db.session(), _branches("offer.branch")
    branch = _chosen(branches)
    today = clock.today(clock.now())
    return render_template(
        "exchange/branch_offers.html",
        branch=branch,
        branches=branches,
        goods=queries.list_branch_goods(session, branch.id),
        services=queries.list_branch_services(session, branch.id),
        capacity=queries.redemption_capacity(session, branch.id, today=today),
        categories=CATEGORIES,
        statuses=OFFER_STATUS_NAMES,
        today=today,
    )


@blueprint.route("/branch/offers/new", methods=["GET", "POST"])
@guard("offer.branch")
def new_goods() -> Response | tuple[str, int]:
    """Put goods on the shelf."""
    branch = _chosen(_branches("offer.branch"))
    form = Form(schemas.NewGoodsSchema(), initial={"place": branch.address or branch.name, "category": "daily"})
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            key = given.pop("form_key")
            draft = service.OfferDraft(kind=GOODS, branch_id=branch.id, **given)
            offer = service.post_offer(session, draft, form_key=key, actor=current_actor(), now=clock.now())
            flash(f"“{offer.title}”已上架，共 {offer.stock} 份。", "success")
            return redirect(url_for("exchange.branch_offers", branch=offer.branch_id))
    return _goods_form(form, None, branch), form.status


@blueprint.route(f"/branch/offers/<{ID}:offer_id>/edit", methods=["GET", "POST"])
@guard("offer.branch")
def edit_goods(offer_id: int) -> Response | tuple[str, int]:
    """Change what is said of goods; their stock has a form of its own."""
    offer = own_offer(offer_id)
    if offer.kind != GOODS:
        return redirect(url_for("exchange.edit_offer", offer_id=offer.id))
    form = Form(schemas.GoodsSchema(), initial=initial_of(offer))
    answer = change(offer, form, "exchange.branch_offers")
    return answer or (_goods_form(form, own_offer(offer_id), offer.branch), form.status)


@blueprint.post(f"/branch/offers/<{ID}:offer_id>/stock")
@guard("offer.branch")
def change_stock(offer_id: int) -> Response | tuple[str, int]:
    """Set the stock, if nobody moved it in between."""
    own_offer(offer_id)
    form = Form(schemas.StockSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            offer = service.change_stock(session, offer_id, **form.load(), actor=current_actor())
            flash(f"“{offer.title}”现在有 {offer.stock} 份。", "success")
            return redirect(url_for("exchange.branch_offers", branch=offer.branch_id))
    flash(next(iter(form.errors.values()), form.message), "error")
    return redirect(url_for("exchange.edit_goods", offer_id=offer_id))


@blueprint.get("/branch/orders")
@guard("order.read")
def branch_orders() -> str:
    """Every order of the branch, and the desk where vouchers are taken."""
    session, now = db.session(), clock.now()
    branches = _branches("order.read")
    branch = _chosen(branches)
    typed = Values("text", "status", "kind")
    wanted = queries.OrderFilter(
        text=typed.value("text")[:60],
        status=typed.one_of("status", dict(STATUS_CHOICES)),
        kind=typed.one_of("kind", KIND_NAMES),
    )
    return render_template(
        "exchange/branch_orders.html",
        branch=branch,
        branches=branches,
        form=typed,
        page=queries.list_branch_orders(session, branch.id, wanted, number=page_number(request.args.get("page"))),
        counts=queries.count_for_branch(session, branch.id, now=now, today=clock.today(now)),
        may_fulfil=current_actor().may("order.fulfil", branch_id=branch.id),
        desk=Form(schemas.VoucherSchema()),
        status_choices=STATUS_CHOICES,
        kinds=KIND_NAMES,
        status_name=status_name,
        tones=TONES,
        status_at=lambda order: rules.status_at(order.status, order.expires_at, now),
    )


def _branches(permission: str) -> list[Branch]:
    """The branches that the actor's roles reach for this, by code."""
    reached = current_actor().branches(permission)
    chosen = select(Branch).order_by(Branch.code)
    return list(db.session.scalars(chosen if reached is None else chosen.where(Branch.id.in_(reached))))


def _chosen(branches: list[Branch]) -> Branch:
    """The branch the page is about: the one asked for, else the actor's own, else the first. Raises NotAllowed."""
    by_id = {str(branch.id): branch for branch in branches}
    asked = request.values.get("branch", "")
    if not branches or (asked and asked not in by_id):
        raise NoBranchWithinReach()
    return by_id[asked] if asked else by_id.get(str(current_actor().branch_id), branches[0])


def _goods_form(form: Form, offer: object, branch: Branch) -> str:
    return render_template(
        "exchange/goods_form.html",
        form=form,
        offer=offer,
        branch=branch,
        categories=[*GOODS_CATEGORIES.items(), ("other", "其他")],
        today=clock.today(clock.now()),
        stock_form=Form(schemas.StockSchema()),
    )
