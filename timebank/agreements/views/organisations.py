"""``/branch/organisations``: which organisations are with a branch, and everything about one of them."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.agreements import queries
from timebank.agreements.models import AGREEMENT_STATUS_NAMES, DROPPED
from timebank.agreements.schemas import OrganisationChangeSchema, OrganisationSchema, ReasonSchema
from timebank.agreements.views.base import AGREEMENT_TONES, ORGANISATION, blueprint, organisation_for
from timebank.branches.queries import area_name, list_area_choices
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members import queries as members
from timebank.members import service
from timebank.members.models import ORGANISATION_KINDS, ORGANISATION_ROLES, Organisation
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.query import Query


@blueprint.get("/branch/organisations")
@guard("organisation.read")
def organisations() -> str:
    """The organisations of a branch, with what is open in this year's agreement; or those that left."""
    choice, session = choose_branch("organisation.read"), db.session()
    left = Query().one_of("show", {"left"}) == "left"
    today = clock.today(clock.now())
    return render_template(
        "agreements/organisations.html",
        choice=choice,
        branch=choice.branch,
        year=today.year,
        left=left,
        rows=[] if left else queries.summary_of_year(session, choice.branch.id, today.year, today=today),
        gone=members.list_organisations(session, choice.branch.id, closed=True),
        kinds=ORGANISATION_KINDS,
        statuses=AGREEMENT_STATUS_NAMES,
        tones=AGREEMENT_TONES,
        may_change=current_actor().may("organisation.change", branch_id=choice.branch.id),
    )


@blueprint.route("/branch/organisations/new", methods=["GET", "POST"])
@guard("organisation.change")
def new_organisation() -> Response | tuple[str, int]:
    """Take an organisation in."""
    choice, form = choose_branch("organisation.change"), Form(OrganisationSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.OrganisationDraft(branch_id=choice.branch.id, form_key=form.key, **form.load())
            made = service.register_organisation(session, draft, actor=current_actor(), keys=keys(), now=clock.now())
            flash(f"“{made.name}”登记好了，现在可以加他们的人、起草协议。", "success")
            return redirect(url_for("agreements.organisation", organisation_id=made.id))
    return _form_page(form, choice.branch.name, None), form.status


@blueprint.get(ORGANISATION)
@guard("organisation.read")
def organisation(organisation_id: int) -> str:
    """One organisation: who they are, their people, their agreements, their hours."""
    return organisation_page(organisation_for("organisation.read", organisation_id))


def organisation_page(shown: Organisation, *, phone: str = "") -> str:
    """The page; with ``phone``, the contact's whole number, which somebody's look was written down for."""
    session, today, query = db.session(), clock.today(clock.now()), Query()
    agreements = queries.list_agreements(session, shown.id)
    articles = queries.articles_of(session, agreements, today=today)
    years = sorted({today.year, *(one.year for one in agreements)}, reverse=True)
    year = int(query.one_of("year", {str(one) for one in years}, str(today.year)))
    people = members.list_organisation_people(session, shown.id, left=True)
    looks = members.list_contact_looks(session, shown.id)
    taken, actor = {one.year for one in agreements if one.status != DROPPED}, current_actor()
    return render_template(
        "agreements/organisation.html",
        organisation=shown,
        area=area_name(shown.area, today) if shown.area else "",
        masked=members.masked_contact_phone(shown, keys()),
        phone=phone,
        people=[one for one in people if one.left_at is None],
        gone=[one for one in people if one.left_at is not None],
        looks=looks,
        names=members.list_names(session, {one.seen_by_id for one in looks if one.seen_by_id}),
        served=queries.people_hours(session, shown.id, year),
        agreements=[(one, queries.count_promises(articles[one.id])) for one in agreements],
        hours=queries.year_hours(session, [shown.id], year)[shown.id],
        year=year,
        years=years,
        next_years=[one for one in (today.year, today.year + 1) if one not in taken],
        kinds=ORGANISATION_KINDS,
        roles=ORGANISATION_ROLES,
        statuses=AGREEMENT_STATUS_NAMES,
        tones=AGREEMENT_TONES,
        form=Form(OrganisationSchema()),
        may_change=actor.may("organisation.change", branch_id=shown.branch_id),
    )


@blueprint.route(f"{ORGANISATION}/edit", methods=["GET", "POST"])
@guard("organisation.change")
def edit_organisation(organisation_id: int) -> Response | tuple[str, int]:
    """Correct what is known about it."""
    shown = organisation_for("organisation.change", organisation_id)
    names = ("name", "kind", "credit_code", "contact_name", "area_id", "address", "words")
    form = Form(OrganisationChangeSchema(), initial={name: getattr(shown, name) for name in names})
    if form.submitted:
        with form.catching(), transaction() as session:
            facts = service.OrganisationFacts(**form.load())
            service.change_organisation(session, organisation_id, facts, actor=current_actor(), keys=keys())
            flash("已改好。", "success")
            return redirect(url_for("agreements.organisation", organisation_id=organisation_id))
    return _form_page(form, shown.branch.name, shown), form.status


def _form_page(form: Form, branch_name: str, shown: Organisation | None) -> str:
    session = db.session()
    return render_template(
        "agreements/organisation_form.html",
        form=form,
        branch_name=branch_name,
        organisation=shown,
        masked=members.masked_contact_phone(shown, keys()) if shown else "",
        kinds=list(ORGANISATION_KINDS.items()),
        areas=list_area_choices(session, clock.today(clock.now())),
    )


@blueprint.post(f"{ORGANISATION}/close")
@guard("organisation.change")
def close_organisation(organisation_id: int) -> Response:
    """It leaves; its people belong to it no longer."""
    form = Form(ReasonSchema())
    organisation_for("organisation.change", organisation_id)
    with saying_refusals(), transaction() as session:
        reason = form.load()["reason"]
        service.close_organisation(session, organisation_id, reason=reason, actor=current_actor(), now=clock.now())
        flash("已办理退出。协议和兑现的记录都保留。", "success")
    return redirect(url_for("agreements.organisation", organisation_id=organisation_id))


@blueprint.post(f"{ORGANISATION}/reopen")
@guard("organisation.change")
def reopen_organisation(organisation_id: int) -> Response:
    """It is with the branch again."""
    with saying_refusals(), transaction() as session:
        service.reopen_organisation(session, organisation_id, actor=current_actor())
        flash("已恢复，请把他们的人重新加进来。", "success")
    return redirect(url_for("agreements.organisation", organisation_id=organisation_id))
