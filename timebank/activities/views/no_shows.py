"""Who did not come: one's own marks with the rule and the way to appeal; and the desk where appeals are decided."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.activities import queries
from timebank.activities.models import NoShowAppeal
from timebank.activities.rules import is_closed, sentences
from timebank.activities.schemas import AppealSchema, ReasonSchema
from timebank.activities.service import appeal, decide_appeal, lift_no_show
from timebank.activities.views.base import blueprint
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import get_member, list_names
from timebank.web.forms import Form, form_key, saying_refusals
from timebank.web.guards import current_actor, guard


@blueprint.get("/me/no-shows")
@guard("no_show.own")
def my_no_shows() -> str:
    """My marks, what counts, the rule, and a form for each that may be appealed."""
    session, now = db.session(), clock.now()
    member = get_member(session, current_actor().member_id or 0)
    limits = queries.find_limits(session, member.branch_id)
    counted = queries.count_counted(session, member.id, limits, now=now)
    return render_template(
        "activities/my_no_shows.html",
        member=member,
        marks=queries.list_no_shows_of(session, member.id),
        limits=limits,
        since=now - timedelta(days=limits.no_show_days),
        counted=counted,
        closed=is_closed(counted, limits),
        rule=sentences(limits)["缺席"],
        key=form_key(),
    )


@blueprint.post("/me/no-shows/<int:no_show_id>/appeal")
@guard("no_show.own")
def appeal_no_show(no_show_id: int) -> Response:
    """Say that a mark is wrong."""
    form = Form(AppealSchema())
    with saying_refusals(), transaction() as session:
        given = form.load()
        appeal(session, no_show_id, **given, form_key=form.key, actor=current_actor(), now=clock.now())
        flash("申诉已经收到，会由没有经手的人决定，并通知您。", "success")
    return redirect(url_for("activities.my_no_shows"))


@blueprint.get("/branch/no-shows")
@guard("no_show.decide")
def no_shows() -> str:
    """A branch's appeals that wait, and its marks within the time that counts."""
    choice, session, now = choose_branch("no_show.decide"), db.session(), clock.now()
    limits = queries.find_limits(session, choice.branch.id)
    marks = queries.list_no_shows_at(session, choice.branch.id, after=now - timedelta(days=limits.no_show_days))
    waiting = queries.list_open_appeals(session, [choice.branch.id])
    people = {mark.member_id for mark in marks}
    counts = {who: queries.count_counted(session, who, limits, now=now) for who in people}
    staff = {mark.marked_by_id for mark in marks} | {mark.lifted_by_id for mark in marks if mark.lifted_by_id}
    staff |= {one.marked_by_id for one in waiting}
    me = current_actor().member_id
    return render_template(
        "activities/no_shows.html",
        choice=choice,
        marks=marks,
        waiting=waiting,
        mine={one.id for one in waiting if me in {one.member_id, one.marked_by_id, _leads(one)}},
        closed={who for who, count in counts.items() if is_closed(count, limits)},
        limits=limits,
        names={member.id: member.name for member in list_names(session, staff).values()},
    )


def _leads(asked: NoShowAppeal) -> int:
    return asked.no_show.shift.activity.organiser_id


@blueprint.post("/branch/no-shows/<int:no_show_id>/lift")
@guard("no_show.decide")
def lift(no_show_id: int) -> Response:
    """Take a mark out of the count."""
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        lift_no_show(session, no_show_id, **form.load(), actor=current_actor(), now=clock.now())
        flash("这次缺席不再计算，本人会收到通知。", "success")
    return _back(no_show_id)


@blueprint.post("/branch/no-shows/appeals/<int:appeal_id>/agree")
@guard("no_show.decide")
def agree_appeal(appeal_id: int) -> Response:
    """The mark was wrong."""
    return _decide(appeal_id, agreed=True, said="已同意申诉，这次缺席不算了。")


@blueprint.post("/branch/no-shows/appeals/<int:appeal_id>/decline")
@guard("no_show.decide")
def decline_appeal(appeal_id: int) -> Response:
    """The mark stays."""
    return _decide(appeal_id, agreed=False, said="已答复，缺席记录不变。")


def _decide(appeal_id: int, *, agreed: bool, said: str) -> Response:
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        decide_appeal(session, appeal_id, agreed=agreed, **form.load(), actor=current_actor(), now=clock.now())
        flash(said, "success")
    return _back(queries.get_appeal(db.session(), appeal_id).no_show_id)


def _back(no_show_id: int) -> Response:
    mark = queries.get_no_show(db.session(), no_show_id)
    branch_id = queries.get_shift(db.session(), mark.shift_id).activity.branch_id
    return redirect(url_for("activities.no_shows", branch=branch_id))
