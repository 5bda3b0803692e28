"""The page on which an organiser writes an activity down, and changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import (
    ACTUAL,
    CANCELLED,
    CATEGORIES,
    DRAFT,
    JUDGED_BY_NAMES,
    PUBLISHED,
    RISKS,
    Activity,
    Shift,
)
from timebank.activities.rules import OPTION_FIELDS, ActivityDraft, counting_of, find_overlaps
from timebank.activities.rules.drafts import SPECIAL
from timebank.activities.schemas import ActivitySchema, BackdatedActivitySchema
from timebank.activities.service import ActivityCancelled, change_activity, post_activity, publish
from timebank.activities.views.base import blueprint, changeable
from timebank.activities.views.counting import WAYS, option_choices, options_written
from timebank.branches.models import Branch
from timebank.branches.queries import list_branches
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import list_teams
from timebank.members.rules.papers import PAPERS, SKILL_NAMES, codes_in
from timebank.rulebook.queries import find_rule
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.headers import allow_geolocation

_SHIFT_CELLS = ("date", "start", "end")


class ActivityForm(Form):
    """The form of an activity; rows that were ticked off or left blank do not count."""

    def _typed(self) -> dict[str, Any]:
        typed = super()._typed()
        numbers = self._row_numbers.get("shifts", [])
        rows = list(zip(numbers, typed.get("shifts", []), strict=True))
        kept = [(at, row) for at, row in rows if not row.get("drop") and any(row.get(cell) for cell in _SHIFT_CELLS)]
        self._row_numbers["shifts"] = [at for at, _ in kept]
        return typed | {"shifts": [row for _, row in kept]}

    def draft(self, branch_id: int) -> ActivityDraft:
        """What was typed, as a draft for a branch (its own choice where the form gives one). Raises Invalid."""
        loaded = self.load()
        chosen = loaded.pop("branch_id") or branch_id
        return ActivityDraft(branch_id=chosen, form_key=self.key, **loaded)


@blueprint.route("/organise/activities/new", methods=["GET", "POST"])
@guard("activity.post")
def new() -> str | Response | tuple[str, int]:
    """Write a new activity down: keep it as a draft, or publish it at once."""
    actor = current_actor()
    branches = list_branches(db.session(), actor.branches("activity.post"))
    first = next((branch for branch in branches if branch.id == actor.branch_id), branches[0] if branches else None)
    form = ActivityForm(ActivitySchema(), initial=_blank(first, actor.name))
    if form.submitted and not request.form.get("more"):
        with form.catching(), transaction() as session:
            draft = form.draft(first.id if first else 0)
            activity = post_activity(session, draft, actor=actor, now=clock.now())
            return _finish(session, activity, draft)
    return _page(form, branches=branches, activity=None), form.status


@blueprint.route("/organise/activities/backdated", methods=["GET", "POST"])
@guard("activity.post")
def backdated() -> str | Response | tuple[str, int]:
    """Write down an activity that took place already, with the reason why it comes so late."""
    actor = current_actor()
    branches = list_branches(db.session(), actor.branches("activity.post"))
    first = next((branch for branch in branches if branch.id == actor.branch_id), branches[0] if branches else None)
    form = ActivityForm(BackdatedActivitySchema(), initial=_blank(first, actor.name) | {"walk_ins": False})
    if form.submitted and not request.form.get("more"):
        with form.catching(), transaction() as session:
            draft = form.draft(first.id if first else 0)
            activity = post_activity(session, draft, actor=actor, now=clock.now())
            return _finish(session, activity, draft)
    return _page(form, branches=branches, activity=None, late=True), form.status


@blueprint.route("/organise/activities/<int:activity_id>/edit", methods=["GET", "POST"])
@guard("activity.change")
def edit(activity_id: int) -> str | Response | tuple[str, int]:
    """Change an activity; those signed up are told when time or place changed."""
    actor, now = current_actor(), clock.now()
    activity = changeable(db.session(), activity_id)
    if activity.status == CANCELLED:
        raise ActivityCancelled(title=activity.title)
    open_shifts = [s for s in activity.shifts if activity.status == DRAFT or (not s.cancelled_at and now < s.starts_at)]
    shape = BackdatedActivitySchema if activity.backdated_reason and activity.status == DRAFT else ActivitySchema
    form = ActivityForm(shape(), initial=_written(activity, open_shifts))
    if form.submitted and not request.form.get("more"):
        with form.catching(), transaction() as session:
            draft = form.draft(activity.branch_id)
            changed = change_activity(session, activity_id, draft, actor=actor, now=now)
            return _finish(session, changed, draft)
        activity = changeable(db.session(), activity_id)
    return _page(form, branches=[], activity=activity), form.status


def _finish(session: Session, activity: Activity, draft: ActivityDraft) -> Response:
    published_before = activity.status == PUBLISHED
    if request.form.get("then") == "publish" and not published_before:
        publish(session, activity.id, actor=current_actor(), now=clock.now())
    if activity.backdated_reason and activity.status == PUBLISHED and not published_before:
        flash("活动已补登。请到“核对服务记录”里给当时在场的人打勾。", "success")
    elif published_before:
        flash("修改已保存。时间或地点有变的，已通知报名的人。", "success")
    elif activity.status == PUBLISHED:
        flash("活动已发布，现在可以报名了。把海报和文字发到群里吧。", "success")
    else:
        flash("草稿已保存，只有本网点的组织者看得到。", "success")
    for one, other in find_overlaps(draft.shifts)[:3]:
        flash(f"提醒：第 {one + 1} 个和第 {other + 1} 个班次时间有重叠。如果是分头做，就不用改。", "notice")
    return redirect(url_for("activities.manage", activity_id=activity.id))


def _page(form: ActivityForm, *, branches: Sequence[Branch], activity: Activity | None, late: bool = False) -> str:
    allow_geolocation()  # for the button that writes down where it is held
    more = bool(request.form.get("more"))
    rows = form.rows("shifts")
    session = db.session()
    places = [branch.id for branch in branches] if activity is None else [activity.branch_id]
    return render_template(
        "activities/write.html",
        form=form,
        rows=range(len(rows) + 1) if more else rows,
        activity=activity,
        published=activity is not None and activity.status == PUBLISHED,
        backdated=late or (activity is not None and bool(activity.backdated_reason)),
        backdate_days=_backdate_days(session, places),
        branches=[(branch.id, branch.name) for branch in branches],
        teams=[(team.id, team.name) for place in places for team in list_teams(session, place)],
        categories=list(CATEGORIES.items()),
        risks=[
            ("low", RISKS["low"], "室内陪伴、整理、宣传等"),
            ("medium", RISKS["medium"], "户外、骑行、搬运等，要写明怎样防护"),
            ("high", RISKS["high"], "登高、下水、用电、救援等，不能有未成年人"),
        ],
        judged_by=[(name, JUDGED_BY_NAMES[name], text) for name, text in WAYS.items()],
        options=option_choices(),
        tuned=any(form.value(name) not in {"", None} or form.error(name) for name in OPTION_FIELDS),
        skills=list(SKILL_NAMES.items()),
        papers=list(PAPERS.items()),
        special=list(SPECIAL.items()),
        today=clock.today(clock.now()),
    )


def _backdate_days(session: Session, branch_ids: Sequence[int]) -> int:
    """How far back one may enter an activity, at the branch that allows most."""
    today = clock.today(clock.now())
    return max((find_rule(session, branch_id, today).backdate_days for branch_id in branch_ids), default=0)


def _blank(branch: Branch | None, name: str) -> dict[str, Any]:
    return {
        "branch_id": branch.id if branch else "",
        "contact_name": name,
        "contact_phone": branch.phone if branch else "",
        "risk": "low",
        "walk_ins": True,
        "judged_by": ACTUAL,
    }


def _written(activity: Activity, shifts: Sequence[Shift]) -> Mapping[str, Any]:
    names = {field.name for field in fields(ActivityDraft)} - {"shifts", "form_key", "branch_id", *OPTION_FIELDS}
    initial: dict[str, Any] = {name: getattr(activity, name) for name in names}
    initial |= options_written(counting_of(activity))
    if activity.spot_latitude is not None and activity.spot_longitude is not None:
        initial["spot"] = f"{activity.spot_latitude / 1e6:.6f}, {activity.spot_longitude / 1e6:.6f}"
    initial |= {name: codes_in(initial[name]) for name in ("needed_skills", "needed_papers", "special")}
    for row, shift in enumerate(shifts):
        start, end = clock.local(shift.starts_at), clock.local(shift.ends_at)
        initial |= {
            f"shifts-{row}-id": shift.id,
            f"shifts-{row}-date": f"{start:%Y-%m-%d}",
            f"shifts-{row}-start": f"{start:%H:%M}",
            f"shifts-{row}-end": f"{end:%H:%M}",
            f"shifts-{row}-place": shift.place,
            f"shifts-{row}-capacity": shift.capacity,
            f"shifts-{row}-break_minutes": shift.break_minutes or "",
        }
    return initial
