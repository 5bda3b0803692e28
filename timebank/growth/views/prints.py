"""``/branch/cards``: many cards in one PDF, made by a job while the page says how far it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Response, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response as Redirect

from timebank.branches.models import Branch
from timebank.branches.views import ID, choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.growth import making, queries, service
from timebank.growth.models import MAKING, PRINT_NAMES, QUEUED
from timebank.growth.schemas import PrintSchema
from timebank.growth.views import blueprint
from timebank.members.queries import TeamNotFound, get_team, list_names, list_teams
from timebank.web.downloads import pdf_file
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys, lasting_base
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_PRINT = f"/branch/cards/<{ID}:print_id>"
_SOON = timedelta(minutes=3)  # the schedule looks every minute: longer than this, it is not running
TONES = {"queued": "wait", "making": "wait", "ready": "ok", "failed": "bad", "removed": ""}


def folder() -> Path:
    """Where the sealed files lie."""
    return Path(current_app.config["TIMEBANK_DATA"]) / "cards"


@blueprint.route("/branch/cards", methods=["GET", "POST"])
@guard("card.print")
def cards() -> Redirect | tuple[str, int]:
    """Ask for cards of a branch or a team; what was asked for before."""
    choice = choose_branch("card.print")
    branch = choice.branch
    form = Form(PrintSchema(), initial={"format": "a6"})
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = _draft(form, branch)
            made = service.ask_print(session, draft, actor=current_actor(), now=clock.now())
            return redirect(url_for("growth.card_print", print_id=made.id), 303)
    prints = queries.list_prints(db.session(), branch.id)
    return render_template(
        "growth/cards.html",
        form=form,
        choice=choice,
        formats=list(service.FORMATS.items()),
        teams=[(team.id, f"{team.name}（{len(team.members)} 人）") for team in list_teams(db.session(), branch.id)],
        most=service.MOST_CARDS,
        prints=prints,
        names=list_names(db.session(), {one.asked_by_id for one in prints}),
        statuses=PRINT_NAMES,
        tones=TONES,
        kept_days=service.KEPT.days,
    ), form.status


def _draft(form: Form, branch: Branch) -> service.PrintDraft:
    session, given = db.session(), form.load()
    team = get_team(session, given["team_id"]) if given["team_id"] else None
    if team is not None and team.branch_id != branch.id:
        raise TeamNotFound()
    people = queries.list_people_in(session, frozenset({branch.id}), team_id=team.id if team else None)
    people = sorted(people, key=lambda member: (member.name, member.id))[: given["most"]]
    return service.PrintDraft(
        branch_id=branch.id,
        title=team.name if team else branch.name,
        format=given["format"],
        member_ids=[member.id for member in people],
        address=lasting_base(),
        form_key=form.key,
    )


@blueprint.get(_PRINT)
@guard("card.print")
def card_print(print_id: int) -> str:
    """How far it is; the page loads itself anew until the file is there."""
    session = db.session()
    asked = queries.get_print(session, print_id)
    current_actor().require("card.print", branch_id=asked.branch_id)
    taken = queries.list_taken(session, print_id)
    return render_template(
        "growth/card_print.html",
        asked=asked,
        going_on=asked.status in (QUEUED, MAKING),
        stuck=asked.status == QUEUED and clock.now() - asked.asked_at > _SOON,
        taken=taken,
        names=list_names(session, {asked.asked_by_id, *(one.by_id for one in taken)}),
        statuses=PRINT_NAMES,
        tones=TONES,
        formats=service.FORMATS,
        until=asked.finished_at + service.KEPT if asked.finished_at else None,
    )


@blueprint.post(f"{_PRINT}/take")
@guard("card.print")
@limiter.limit(DOWNLOAD_LIMIT)
def take_cards(print_id: int) -> Response | Redirect:
    """The file; who takes it is written down."""
    asked = queries.get_print(db.session(), print_id)
    current_actor().require("card.print", branch_id=asked.branch_id)
    content = making.open_file(keys(), folder(), asked)
    with transaction() as session:
        service.take_print(session, print_id, actor=current_actor(), now=clock.now())
    return pdf_file(f"成长卡-{asked.title}-{asked.total} 张", content)
