"""``/inspect/samples``: activities drawn by lot, and what the inspector found of each."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.masking import mask_name
from timebank.reports import queries, service
from timebank.reports.models import RESULT_NAMES, SpotSample
from timebank.reports.schemas import FindingSchema, SampleSchema
from timebank.reports.views import ID, blueprint
from timebank.web.forms import Form, Untouched
from timebank.web.guards import current_actor, guard


@blueprint.route("/inspect/samples", methods=["GET"])
@guard("evidence.read")
def samples() -> str:
    """The samples of a branch, and the form to draw another."""
    choice = choose_branch("evidence.read")
    before = clock.previous_month(clock.month_of(clock.now()))
    return _list_page(choice, Untouched(SampleSchema(), initial={"month": before, "wanted": 3}))


def _list_page(choice: object, form: Form) -> str:
    branch = choice.branch  # type: ignore[attr-defined]
    return render_template(
        "reports/samples.html",
        choice=choice,
        branch=branch,
        samples=queries.list_samples(db.session(), branch.id),
        may_draw=current_actor().may("sample.draw", branch_id=branch.id),
        form=form,
        mask_name=mask_name,
    )


@blueprint.post("/inspect/samples")
@guard("sample.draw")
def draw() -> Response | tuple[str, int]:
    """Draw a sample of a month."""
    choice, form = choose_branch("sample.draw"), Form(SampleSchema())
    with form.catching():
        given = form.load()
        with transaction() as session:
            draft = service.SampleDraft(branch_id=choice.branch.id, **given)
            sample = service.draw_sample(session, draft, actor=current_actor(), now=clock.now())
            flash(f"抽好了：{sample.population} 个活动里抽出 {min(sample.wanted, sample.population)} 个。", "success")
            return redirect(url_for("reports.sample", sample_id=sample.id), 303)
    return _list_page(choice, form), form.status


@blueprint.get(f"/inspect/samples/<{ID}:sample_id>")
@guard("evidence.read")
def sample(sample_id: int) -> str:
    """One sample: seed, lots, findings."""
    return _page(_reached(sample_id, "evidence.read"), Untouched(FindingSchema()), 0)


def _page(shown: SpotSample, form: Form, activity_id: int) -> str:
    """``activity_id``: of which picked activity the form was sent."""
    return render_template(
        "reports/sample.html",
        sample=shown,
        branch=shown.branch,
        picks=queries.list_picked(db.session(), shown),
        drum=queries.list_drum(db.session(), shown.branch_id, shown.month),
        results=RESULT_NAMES,
        may_check=current_actor().may("sample.draw", branch_id=shown.branch_id),
        form=form,
        sent=activity_id,
        blank=Untouched(FindingSchema()),
        mask_name=mask_name,
    )


@blueprint.post(f"/inspect/samples/<{ID}:sample_id>/<{ID}:activity_id>")
@guard("sample.draw")
def find(sample_id: int, activity_id: int) -> Response | tuple[str, int]:
    """Keep what was found of one activity."""
    shown, form = _reached(sample_id, "sample.draw"), Form(FindingSchema())
    with form.catching():
        given = form.load()
        with transaction() as session:
            draft = service.FindingDraft(sample_id=sample_id, activity_id=activity_id, **given)
            service.record_finding(session, draft, actor=current_actor(), now=clock.now())
            flash("结论记下了。", "success")
            return redirect(url_for("reports.sample", sample_id=sample_id), 303)
    return _page(_reached(shown.id, "sample.draw"), form, activity_id), form.status


def _reached(sample_id: int, permission: str) -> SpotSample:
    found = queries.get_sample(db.session(), sample_id)
    current_actor().require(permission, branch_id=found.branch_id)
    return found
