"""The branch's shelf and its desk."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.exchange import queries, rules, schemas, service
from timebank.exchange.models import (
    CATEGORIES,
    DISPUTED,
    DISPUTED_NAME,
    GOODS,
    GOODS_CATEGORIES,
    KIND_NAMES,
    OFFER_STATUS_NAMES,
    ORDER_STATUS_NAMES,
    OWN_BRANCH,
    UNDONE,
    UNDONE_NAME,
    Offer,
    status_name,
)
from timebank.exchange.views import ID, blueprint
from timebank.exchange.views.keeping import change, initial_of, own_offer, service_form, sharing_choices
from timebank.exchange.views.orders import TONES, status_now
from timebank.members.queries import list_organisations
from timebank.members.rules.papers import PAPERS, RESERVED
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query

STATUS_CHOICES = (
    ("open", "进行中"), *ORDER_STATUS_NAMES.items(), (DISPUTED, DISPUTED_NAME), (UNDONE, UNDONE_NAME),
)  # fmt: skip


@blueprint.get("/branch/offers")
@guard("offer.branch")
def branch_offers() -> str:
    """The branch's goods, and its members' services."""
    session, choice, today = db.session(), choose_branch("offer.branch"), clock.today(clock.now())
    branch = choice.branch
    return render_template(
        "exchange/branch_offers.html",
        choice=choice,
        branch=branch,
        goods=queries.list_branch_goods(session, branch.id),
        services=queries.list_branch_services(session, branch.id),
        resources=queries.list_branch_resources(session, branch.id),
        unchecked=queries.list_unchecked(session, branch.id, today),
        papers={category: [PAPERS[kind] for kind in kinds] for category, kinds in RESERVED.items()},
        hours=rules.hours_in_words,
        capacity=queries.redemption_capacity(session, branch.id, today=today),
        categories=CATEGORIES,
        statuses=OFFER_STATUS_NAMES,
        today=today,
        soon=rules.OFFERED_AGAIN.days,
    )


@blueprint.route("/branch/offers/new", methods=["GET", "POST"])
@guard("offer.branch")
def new_goods() -> Response | tuple[str, int]:
    """Put goods on the shelf."""
    branch = choose_branch("offer.branch").branch
    form = Form(schemas.NewGoodsSchema(), initial=_fresh(branch))
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            key = given.pop("form_key")
            draft = service.OfferDraft(kind=GOODS, branch_id=branch.id, **given)
            offer = service.post_offer(session, draft, form_key=key, actor=current_actor(), now=clock.now())
            flash(f"“{offer.title}”已上架，共 {offer.stock} 份。", "success")
            return redirect(url_for("exchange.branch_offers", branch=offer.branch_id))
    return _goods_form(form, None, branch), form.status


@blueprint.route("/branch/services/new", methods=["GET", "POST"])
@guard("offer.branch")
def new_branch_service() -> Response | tuple[str, int]:
    """Offer a service of the branch or of an organisation."""
    branch = choose_branch("offer.branch").branch
    form = Form(schemas.BranchServiceSchema(), initial={"price": 60, "shared_with": OWN_BRANCH})
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            key = given.pop("form_key")
            draft = service.OfferDraft(branch_id=branch.id, **given)
            offer = service.post_offer(session, draft, form_key=key, actor=current_actor(), now=clock.now())
            flash(f"“{offer.title}”已发布，由网点答复和核销。", "success")
            return redirect(url_for("exchange.branch_offers", branch=offer.branch_id))
    page = service_form(form, None, branch=branch, organisations=organisation_choices(branch.id))
    return page, form.status


def organisation_choices(branch_id: int) -> list[tuple[int, str]]:
    """The organisations of a branch to choose from."""
    return [(one.id, one.name) for one in list_organisations(db.session(), branch_id)]


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
    session, now, choice = db.session(), clock.now(), choose_branch("order.read")
    branch = choice.branch
    typed = Query()
    wanted = queries.OrderFilter(
        text=typed.value("text"),
        status=typed.one_of("status", dict(STATUS_CHOICES)),
        kind=typed.one_of("kind", KIND_NAMES),
    )
    return render_template(
        "exchange/branch_orders.html",
        choice=choice,
        branch=branch,
        form=typed,
        page=queries.list_branch_orders(session, branch.id, wanted, number=page_number(request.args.get("page"))),
        counts=queries.count_for_branch(session, branch.id, now=now, today=clock.today(now)),
        may_fulfil=current_actor().may("order.fulfil", branch_id=branch.id),
        desk=Form(schemas.VoucherSchema()),
        status_choices=STATUS_CHOICES,
        kinds=KIND_NAMES,
        status_name=status_name,
        tones=TONES,
        status_at=status_now,
    )


def _goods_form(form: Form, offer: Offer | None, branch: Branch) -> str:
    return render_template(
        "exchange/goods_form.html",
        form=form,
        offer=offer,
        branch=branch,
        categories=[*GOODS_CATEGORIES.items(), ("other", "其他")],
        today=clock.today(clock.now()),
        stock_form=Form(schemas.StockSchema()),
        photos=queries.list_photos(db.session(), offer.id) if offer else [],
        most_photos=service.MOST_PHOTOS,
        sharing=sharing_choices(branch.id),
        organisations=organisation_choices(branch.id),
    )


def _fresh(branch: Branch) -> dict[str, str]:
    return {"place": branch.address or branch.name, "category": "daily", "shared_with": OWN_BRANCH}
