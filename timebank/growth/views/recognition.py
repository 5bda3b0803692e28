"""``/branch/recognition``: the rules of stars and commendations by version; ``/branch/stars``: who reached one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as Redirect

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import COIN_MINUTES, hours
from timebank.growth import queries, service
from timebank.growth.models import GRADE_NAMES, RecognitionRule
from timebank.growth.rules import (
    BUILT_IN_RECOGNITION,
    STAR_SETTINGS,
    RecognitionVersion,
    recognition_on,
    recognition_sentences,
    star_name,
)
from timebank.growth.schemas import RecognitionSchema, hours_field
from timebank.growth.views import blueprint
from timebank.rulebook.rules import state_of
from timebank.web import print as paper
from timebank.web.downloads import pdf_file, table_file
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

GRADES = [(0, "不要求"), *sorted(GRADE_NAMES.items())]


@dataclass(frozen=True, kw_only=True)
class ShownRecognition:
    """A version as the list shows it."""

    rule: RecognitionRule
    name: str
    sentences: list[str]
    state: str


@blueprint.get("/branch/recognition")
@guard("rules.read")
def recognition() -> str:
    """What holds today, what is to come, and every version with its reason."""
    choice, session, today = choose_branch("rules.read"), db.session(), clock.today(clock.now())
    versions = queries.find_recognitions(session, [choice.branch.id])[choice.branch.id]
    present = recognition_on(versions, today)
    shown = []
    for rule in queries.list_recognition_rules(session, choice.branch.id):
        version = queries.recognition_version_of(rule, choice.branch.code)
        state = state_of(version, versions, today, BUILT_IN_RECOGNITION)
        shown.append(ShownRecognition(rule=rule, name=version.name, sentences=_says(version), state=state))
    return render_template(
        "growth/recognition.html",
        choice=choice,
        present=present,
        present_says=_says(present),
        built_in=present is BUILT_IN_RECOGNITION,
        shown=shown,
        may_change=current_actor().may("rules.change", branch_id=choice.branch.id),
    )


def _says(rule: RecognitionVersion) -> list[str]:
    return recognition_sentences(rule, GRADE_NAMES)


@blueprint.route("/branch/recognition/new", methods=["GET", "POST"])
@guard("rules.change")
def new_recognition() -> Redirect | tuple[str, int]:
    """Write a new version down."""
    choice, today = choose_branch("rules.change"), clock.today(clock.now())
    present = queries.find_recognition(db.session(), choice.branch.id, today)
    form = Form(RecognitionSchema(), initial=_initial(present, today))
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.RecognitionDraft(branch_id=choice.branch.id, form_key=form.key, **form.load())
            service.add_recognition(session, draft, actor=current_actor(), now=clock.now())
            flash(f"新规则已保存，从 {draft.valid_from} 起执行。已经得到的星级都不变。", "success")
            return redirect(url_for("growth.recognition", branch=choice.branch.id), 303)
    return render_template(
        "growth/new_recognition.html",
        form=form,
        choice=choice,
        star_fields=[(hours_field(name), star_name(at + 1)) for at, name in enumerate(STAR_SETTINGS)],
        grades=GRADES,
        tomorrow=today + timedelta(days=1),
    ), form.status


def _initial(present: RecognitionVersion, today: date) -> dict[str, Any]:
    """The present settings, to be changed from the first of next month on."""
    names = (*STAR_SETTINGS, "award_minutes")
    given = {hours_field(name): getattr(present, name) // COIN_MINUTES for name in names}
    kept = {name: getattr(present, name) for name in ("award_title", "award_activities", "award_grade")}
    first = f"{clock.next_month(f'{today:%Y-%m}')}-01"
    return given | kept | {"award_no_absence": "1" if present.award_no_absence else "", "valid_from": first}


@blueprint.get("/branch/stars")
@guard("member.read")
def stars() -> str:
    """Who reached a star in a month, to be congratulated."""
    choice, month = choose_branch("member.read"), _month()
    now = clock.month_of(clock.now())
    return render_template(
        "growth/stars.html",
        choice=choice,
        month=month,
        reached=_reached(choice.branch.id, month),
        earlier=clock.previous_month(month),
        later=clock.next_month(month) if month < now else "",
        star_name=star_name,
    )


def _month() -> str:
    now = clock.month_of(clock.now())
    asked = Query().month() or now
    return asked if asked <= now else now


def _reached(branch_id: int, month: str) -> list[queries.StarReached]:
    return queries.list_reached(db.session(), branch_id, month, clock.today(clock.now()))


@blueprint.get("/branch/stars.<kind>")
@guard("member.read")
@limiter.limit(DOWNLOAD_LIMIT)
def stars_file(kind: str) -> Response:
    """The same as CSV or XLSX, or as certificates to hand over, one a page."""
    choice, month = choose_branch("member.read"), _month()
    found = _reached(choice.branch.id, month)
    name = f"{choice.branch.code}-{month}-星级"
    if kind == "pdf":
        sheet = {
            "branch": choice.branch.name,
            "month": month,
            "people": [
                {
                    "name": one.member.name,
                    "number": one.member.number,
                    "star": star_name(one.reached.star),
                    "count": one.reached.star,
                    "hours": hours(one.reached.minutes),
                    "day": f"{one.reached.day.year} 年 {one.reached.day.month} 月 {one.reached.day.day} 日",
                }
                for one in found
            ],
        }
        return pdf_file(name, paper.pdf("stars.typ", sheet))
    rows = [
        (one.member.name, one.member.number, star_name(one.reached.star), f"{one.reached.day}", one.reached.rule_words)
        for one in found
    ]
    return table_file(name, kind, ("姓名", "会员号", "星级", "达到的日子", "规则"), rows)
