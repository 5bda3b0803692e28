"""``/organisations``: who is with the branch, what they promised each other, and what was kept. For everybody."""

from __future__ import annotations

from flask import render_template

from timebank.agreements import queries
from timebank.agreements.models import ENDED, PROMISE_CATEGORIES, SIDE_NAMES, SIGNED
from timebank.agreements.rules import STANDING_NAMES
from timebank.agreements.views.base import ID, TONES, blueprint
from timebank.branches.queries import area_name, list_branches
from timebank.core import clock
from timebank.core.db import db
from timebank.exchange.queries import list_organisation_offers
from timebank.members import queries as members
from timebank.members.models import ORGANISATION_KINDS
from timebank.members.queries import OrganisationNotFound
from timebank.web.guards import find_actor, public


@blueprint.get("/organisations")
@public
def public_organisations() -> str:
    """The organisations of every branch; of one's own first."""
    session, actor = db.session(), find_actor()
    branches = sorted(list_branches(session), key=lambda one: actor is None or one.id != actor.branch_id)
    there = [(branch, members.list_organisations(session, branch.id)) for branch in branches]
    return render_template(
        "agreements/public_list.html", branches=[pair for pair in there if pair[1]], kinds=ORGANISATION_KINDS
    )


@blueprint.get(f"/organisations/<{ID}:organisation_id>")
@public
def public_organisation(organisation_id: int) -> str:
    """One of them, with the signed agreements of its years."""
    session, today = db.session(), clock.today(clock.now())
    shown = members.get_organisation(session, organisation_id)
    if shown.closed_at is not None:
        raise OrganisationNotFound()
    agreements = [one for one in queries.list_agreements(session, shown.id) if one.status in (SIGNED, ENDED)]
    articles = queries.articles_of(session, agreements, today=today)
    return render_template(
        "agreements/public.html",
        organisation=shown,
        area=area_name(shown.area, today) if shown.area else "",
        agreements=[(one, [article for article in articles[one.id] if article.counts]) for one in agreements],
        hours=queries.year_hours(session, [shown.id], today.year)[shown.id],
        year=today.year,
        offers=list_organisation_offers(session, shown.id, today=today),
        kinds=ORGANISATION_KINDS,
        sides=SIDE_NAMES,
        categories=PROMISE_CATEGORIES,
        standings=STANDING_NAMES,
        tones=TONES,
    )
