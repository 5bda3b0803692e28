"""The organiser's desk: my activities, one activity with everything to do about it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from flask import current_app, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import ACTIVITY_STATUS_NAMES, CATEGORIES, JUDGED_BY_NAMES, RISKS
from timebank.activities.queries import Scope, get_shift, list_changes, list_drafts, list_shifts
from timebank.activities.rules import find_agreement_reasons
from timebank.activities.schemas import ReasonSchema
from timebank.activities.service import (
    cancel_activity,
    cancel_shift,
    copy_activity,
    discard_draft,
    draft_of,
    publish,
)
from timebank.activities.views.base import blueprint, changeable
from timebank.activities.views.counting import counting_words, trial_query
from timebank.activities.views.sharing import share_text
from timebank.activities.views.shown import ShownShift, show_changes, show_demands, show_shifts
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import list_names
from timebank.web.forms import Form, form_key, saying_refusals
from timebank.web.guards import current_actor, guard

_BACK, _AHEAD = timedelta(days=31), timedelta(days=90)


@blueprint.get("/organise")
@guard("activity.post")
def organise() -> str:
    """What runs today, what comes, drafts, and what is over and wants to be reviewed."""
    actor, now, session = current_actor(), clock.now(), db.session()
    everybody = request.args.get("of") == "branch"
    branch_ids = actor.branches("activity.change")
    scope = Scope(organiser_id=None if everybody else actor.member_id, branch_ids=branch_ids)
    over, today, ahead = _sorted_by_time(session, scope, now)
    standing = current_app.extensions["timebank_standing"](session, [one.shift.id for one in over], now=now)
    return render_template(
        "activities/organise.html",
        standing=standing,
        everybody=everybody,
        today=today,
        ahead=ahead,
        over=over,
        drafts=list_drafts(session, scope),
    )


def _sorted_by_time(
    session: Session, scope: Scope, now: datetime
) -> tuple[list[ShownShift], list[ShownShift], list[ShownShift]]:
    midnight = clock.instant(clock.today(now) + timedelta(days=1), datetime.min.time())
    shifts = list_shifts(session, scope, after=now - _BACK, before=now + _AHEAD)
    shown = show_shifts(session, shifts, None, now=now)
    over = [one for one in reversed(shown) if one.over and not one.cancelled]
    today = [one for one in shown if not one.over and one.shift.starts_at < midnight and not one.cancelled]
    ahead = [one for one in shown if one.shift.starts_at >= midnight]
    return over, today, ahead


@blueprint.get("/organise/activities/<int:activity_id>")
@guard("activity.change")
def manage(activity_id: int) -> str:
    """One activity: its state, its shifts and their people, poster, text to share, what was changed."""
    session, now = db.session(), clock.now()
    activity = changeable(session, activity_id)
    changes = list_changes(session, activity.id)
    names = {one.id: one.name for one in list_names(session, {c.actor_id for c in changes if c.actor_id}).values()}
    shifts = show_shifts(session, activity.shifts, None, now=now)
    return render_template(
        "activities/manage.html",
        activity=activity,
        status=ACTIVITY_STATUS_NAMES[activity.status],
        category=CATEGORIES.get(activity.category, activity.category),
        risk=RISKS.get(activity.risk, activity.risk),
        counting=counting_words(session, activity, now=now),
        ways=JUDGED_BY_NAMES[activity.judged_by],
        trial=trial_query(activity),
        shifts=shifts,
        open_shifts=[one for one in shifts if one.open],
        demands=show_demands(activity),
        agreement=find_agreement_reasons(draft_of(activity)),
        signed=sum(one.shift.taken + one.waiting for one in shifts if one.open),
        changes=show_changes(changes, activity.shifts, names),
        text=share_text(activity, now=now),
        copy_key=secrets.token_urlsafe(16),
    )


@blueprint.post("/organise/activities/<int:activity_id>/publish")
@guard("activity.change")
def publish_now(activity_id: int) -> Response:
    """Open a draft for sign-ups."""
    with saying_refusals(), transaction() as session:
        publish(session, activity_id, actor=current_actor(), now=clock.now())
        flash("活动已发布，现在可以报名了。把海报和文字发到群里吧。", "success")
    return redirect(url_for("activities.manage", activity_id=activity_id))


@blueprint.post("/organise/activities/<int:activity_id>/cancel")
@guard("activity.change")
def cancel(activity_id: int) -> Response:
    """Cancel every shift that has not begun."""
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        cancel_activity(session, activity_id, actor=current_actor(), now=clock.now(), **form.load())
        flash("已经取消，报了名和候补的人都会收到通知。", "success")
    return redirect(url_for("activities.manage", activity_id=activity_id))


@blueprint.post("/organise/shifts/<int:shift_id>/cancel")
@guard("activity.change")
def cancel_one(shift_id: int) -> Response:
    """Cancel one shift."""
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        cancel_shift(session, shift_id, actor=current_actor(), now=clock.now(), **form.load())
        flash("这个班次已经取消，报了名和候补的人都会收到通知。", "success")
    return redirect(url_for("activities.manage", activity_id=get_shift(db.session(), shift_id).activity_id))


@blueprint.post("/organise/activities/<int:activity_id>/copy")
@guard("activity.post")
def copy(activity_id: int) -> Response:
    """The same again a week later, as a draft to look over."""
    actor = current_actor()
    copied = activity_id
    with saying_refusals(), transaction() as session:
        copied = copy_activity(session, activity_id, form_key=form_key(), actor=actor, now=clock.now()).id
        flash("已照原样抄成新的草稿，日期推后了整周。看一遍再发布。", "success")
    return redirect(url_for("activities.manage", activity_id=copied))


@blueprint.post("/organise/activities/<int:activity_id>/discard")
@guard("activity.change")
def discard(activity_id: int) -> Response:
    """Throw a draft away."""
    with saying_refusals(), transaction() as session:
        discard_draft(session, activity_id, actor=current_actor())
        flash("草稿已删除。", "success")
        return redirect(url_for("activities.organise"))
    return redirect(url_for("activities.manage", activity_id=activity_id))
