"""What is on, one activity, and signing up for it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import CATEGORIES, CONFIRMED, JUDGED_BY_NAMES, LAPSED, LEFT, OFFERED, RISKS, SignUp
from timebank.activities.queries import (
    ShiftFilter,
    get_shift,
    line_position,
    list_changes,
    list_coming,
    list_month,
)
from timebank.activities.rules import find_agreement_reasons
from timebank.activities.schemas import GivenSchema, ReasonSchema, TogetherSchema
from timebank.activities.service import (
    Given,
    Together,
    accept_offer,
    draft_of,
    leave,
    leave_together,
    sign_up,
    sign_up_together,
)
from timebank.activities.views.base import blueprint, visible
from timebank.activities.views.counting import counting_words
from timebank.activities.views.sharing import share_text
from timebank.activities.views.shown import by_day, show_changes, show_demands, show_shifts, weeks_of
from timebank.branches.queries import list_area_choices, list_branch_ids_in, list_branches
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.members.queries import list_signable
from timebank.web.forms import Form, form_key, saying_refusals
from timebank.web.guards import current_actor, find_actor, guard, public


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the filter bar says; looks like a form to the field macros."""

    area: int | None
    branch: int | None
    category: str | None

    def value(self, name: str) -> object:
        """What stands in a field."""
        return getattr(self, name)

    def error(self, _name: str) -> str:
        """A filter is never wrong: what it does not know, it leaves open."""
        return ""

    @property
    def query(self) -> dict[str, object]:
        """The choices as query values, to keep them in links."""
        pairs = {"area": self.area, "branch": self.branch, "category": self.category}
        return {name: value for name, value in pairs.items() if value is not None}


def _chosen() -> Chosen:
    category = request.args.get("category")
    return Chosen(
        area=_identifier("area"),
        branch=_identifier("branch"),
        category=category if category in CATEGORIES else None,
    )


def _identifier(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _wanted(session: Session, chosen: Chosen) -> ShiftFilter:
    branches: set[int] | None = None
    if chosen.area is not None:
        branches = list_branch_ids_in(session, [chosen.area])
    if chosen.branch is not None:
        branches = {chosen.branch} if branches is None else branches & {chosen.branch}
    return ShiftFilter(branch_ids=branches, category=chosen.category)


@blueprint.get("/activities")
@public
def coming() -> str:
    """What is on, as a list by day or as a month."""
    now, session, chosen = clock.now(), db.session(), _chosen()
    actor = find_actor()
    member_id = actor.member_id if actor else None
    wanted = _wanted(session, chosen)
    common = {
        "chosen": chosen,
        "today": clock.today(now),
        "areas": list_area_choices(session, clock.today(now)),
        "branches": [(branch.id, branch.name) for branch in list_branches(session)],
        "categories": list(CATEGORIES.items()),
    }
    if request.args.get("view") == "calendar":
        this_month = clock.month_of(now)
        asked = request.args.get("month", "")
        month = asked if clock.is_month(asked) and "2000" < asked < "2100" else this_month
        shown = show_shifts(session, list_month(session, wanted, month), member_id, now=now)
        return render_template(
            "activities/calendar.html",
            month=month,
            this_month=this_month,
            previous=clock.previous_month(month),
            following=clock.next_month(month),
            weeks=weeks_of(month, shown),
            days=by_day(shown),
            **common,
        )
    page = list_coming(session, wanted, now=now, number=page_number(request.args.get("page")))
    days = by_day(show_shifts(session, page.items, member_id, now=now))
    return render_template("activities/coming.html", page=page, days=days, **common)


@blueprint.get("/activities/<int:activity_id>")
@public
def show(activity_id: int) -> str:
    """Everything about one activity, its shifts, and the buttons to come along."""
    now, session, actor = clock.now(), db.session(), find_actor()
    activity = visible(session, activity_id)
    changes = list_changes(session, activity.id)
    return render_template(
        "activities/show.html",
        activity=activity,
        category=CATEGORIES.get(activity.category, activity.category),
        risk=RISKS.get(activity.risk, activity.risk),
        counting=counting_words(session, activity, now=now),
        ways=JUDGED_BY_NAMES[activity.judged_by],
        shifts=show_shifts(session, activity.shifts, actor.member_id if actor else None, now=now),
        demands=show_demands(activity),
        agreement=find_agreement_reasons(draft_of(activity)),
        family=list_signable(session, actor.member_id, clock.today(now)) if actor and actor.member_id else [],
        together_key=form_key(),
        changes=show_changes(changes, activity.shifts, {}),
        text=share_text(activity, now=now),
        may_change=bool(actor and actor.may("activity.change", branch_id=activity.branch_id)),
    )


@blueprint.post("/shifts/<int:shift_id>/sign-up")
@guard("sign_up.own")
def join(shift_id: int) -> Response:
    """Sign up for a shift."""
    actor, form = current_actor(), Form(GivenSchema())
    with saying_refusals(), transaction() as session:
        given = Given(risk_read=form.load()["risk_read"])
        signed = sign_up(session, shift_id, member_id=actor.member_id or 0, actor=actor, now=clock.now(), given=given)
        flash(*_joined(session, signed))
    return _back_to(shift_id)


@blueprint.post("/shifts/<int:shift_id>/sign-up-together")
@guard("sign_up.own")
def join_together(shift_id: int) -> Response:
    """Sign several people up who come together."""
    form = Form(TogetherSchema())
    with saying_refusals(), transaction() as session:
        loaded = form.load()
        given = Given(risk_read=loaded["risk_read"])
        who = tuple(loaded["who"]) or (current_actor().member_id or 0,)
        together = Together(member_ids=who, form_key=form.key, given=given)
        placed = sign_up_together(session, shift_id, together, actor=current_actor(), now=clock.now())
        if all(one.status == CONFIRMED for one in placed):
            flash(f"{len(placed)} 个人都报名成功，每个人都会收到通知。", "success")
        else:
            flash(f"名额不够 {len(placed)} 个人一起去，大家一起排在候补。轮到时会通知每个人。", "notice")
    return _back_to(shift_id)


@blueprint.post("/shifts/<int:shift_id>/leave-together")
@guard("sign_up.own")
def quit_together(shift_id: int) -> Response:
    """Leave with everybody whom one has signed up."""
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        left = leave_together(session, shift_id, **form.load(), actor=current_actor(), now=clock.now())
        flash(f"{len(left)} 个人都退出了。谢谢您提前说一声。" if left else "没有要退出的人。", "success")
    return _back_to(shift_id)


@blueprint.post("/shifts/<int:shift_id>/leave/<int(max=2147483647):member_id>")
@guard("sign_up.own")
def quit_for(shift_id: int, member_id: int) -> Response:
    """Take somebody off whom one has signed up."""
    form = Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        leave(session, shift_id, member_id=member_id, actor=current_actor(), now=clock.now(), **form.load())
        flash("已经替这位退出，本人会收到通知。", "success")
    return _back_to(shift_id)


def _joined(session: Session, signed: SignUp) -> tuple[str, str]:
    """What to say to who pressed the button, and in which tone."""
    if signed.status == CONFIRMED:
        return "报名成功。请准时到，去不了请提前退出，把名额让给别人。", "success"
    if signed.status == OFFERED:
        return "已经轮到您了，请点“我要去”或“不去了”。", "notice"
    place = line_position(session, signed)
    return f"名额已满，您排在候补第 {place} 位。轮到您时会发通知，请在时限内答复。", "notice"


@blueprint.post("/shifts/<int:shift_id>/accept")
@guard("sign_up.own")
def accept(shift_id: int) -> Response:
    """Take the place that was offered."""
    actor = current_actor()
    with saying_refusals(), transaction() as session:
        answered = accept_offer(session, shift_id, member_id=actor.member_id or 0, actor=actor, now=clock.now())
        if answered.status == LEFT:
            flash("答复晚了，名额已经让给下一位。还想去，可以重新排候补。", "error")
        else:
            flash("好的，名额是您的了。请准时到。", "success")
    return _back_to(shift_id)


@blueprint.post("/shifts/<int:shift_id>/leave")
@guard("sign_up.own")
def quit_shift(shift_id: int) -> Response:
    """Give a place, or a place in the line, back."""
    actor, form = current_actor(), Form(ReasonSchema())
    with saying_refusals(), transaction() as session:
        left = leave(session, shift_id, member_id=actor.member_id or 0, actor=actor, now=clock.now(), **form.load())
        if left.left_how == LAPSED:
            flash("这个名额已经过了答复的时限，让给下一位了。", "notice")
        else:
            flash("已经退出。谢谢您提前说一声。", "success")
    return _back_to(shift_id)


def _back_to(shift_id: int) -> Response:
    if request.form.get("back") == "me":
        return redirect("/me")
    shift = get_shift(db.session(), shift_id)
    return redirect(url_for("activities.show", activity_id=shift.activity_id, _anchor=f"shift-{shift_id}"))
