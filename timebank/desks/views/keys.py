"""``/keys``: generations of the keys that codes are made with, and the button that makes the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.desks.queries import codes_on_paper
from timebank.desks.views import blueprint
from timebank.members.queries import list_names
from timebank.rotation.models import PERSONAL, POSTER, PURPOSE_NAMES, PURPOSES, VENUE
from timebank.rotation.queries import list_code_keys, list_generations
from timebank.rotation.rules import Generation
from timebank.rotation.schemas import OverlapSchema
from timebank.rotation.service import rotate_code_key
from timebank.web.filters import moment
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

_USUAL_DAYS = {PERSONAL: 90, VENUE: 1, POSTER: 30}  # cards are printed anew, screens change by themselves


@dataclass(frozen=True, kw_only=True)
class ShownPurpose:
    """One purpose with its generations, who made each, and how many printed things carry its codes."""

    purpose: str
    name: str
    generations: Sequence[Generation]
    by: dict[int, str]
    on_paper: int | None  # None: nothing of this purpose is ever printed
    form: Form


@blueprint.get("/keys")
@guard("keys.rotate")
def keys_page() -> str:
    """Every purpose with its generations and a form to make the next."""
    return _page()


def _page(refused: str = "", form: Form | None = None) -> str:
    session, now = db.session(), clock.now()
    rows = {purpose: list_code_keys(session, purpose) for purpose in PURPOSES}
    people = list_names(session, {row.rotated_by_id for found in rows.values() for row in found if row.rotated_by_id})
    counts = codes_on_paper(session, now=now)
    shown = [
        ShownPurpose(
            purpose=purpose,
            name=PURPOSE_NAMES[purpose],
            generations=list_generations(session, purpose),
            by={
                row.generation: people[row.rotated_by_id].name if row.rotated_by_id in people else "命令行"
                for row in rows[purpose]
                if row.generation
            },
            on_paper=counts.get(purpose),
            form=form if form and purpose == refused else _empty_form(purpose),
        )
        for purpose in PURPOSES
    ]
    return render_template("desks/keys.html", shown=shown, refused=refused, now=now)


def _empty_form(purpose: str) -> Form:
    return Form(OverlapSchema(), initial={"days": _USUAL_DAYS[purpose]})


@blueprint.post("/keys/<purpose>/rotate")
@guard("keys.rotate")
def rotate(purpose: str) -> Response | tuple[str, int]:
    """Make the next generation; older codes count for the days given."""
    if purpose not in PURPOSES:
        abort(404)
    form, now = _empty_form(purpose), clock.now()
    with form.catching():
        overlap = timedelta(days=form.load()["days"])
        with transaction() as session:
            made = rotate_code_key(
                session, purpose, overlap=overlap, form_key=form.key, actor=current_actor(), now=now
            ).generation
        flash(f"{PURPOSE_NAMES[purpose]}：第 {made} 代已启用，旧码用到 {moment(now + overlap)}。", "success")
        return redirect(url_for("desks.keys_page"), 303)
    return _page(purpose, form), form.status
