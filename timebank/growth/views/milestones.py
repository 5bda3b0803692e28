"""``/branch/milestones``: recording trainings, awards and evaluations; ``/me/milestones``: asking about one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.activities.queries import get_shift
from timebank.branches.models import Branch
from timebank.branches.views import ID, choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.growth import queries, service
from timebank.growth.models import AWARD, GRADE_NAMES, KIND_NAMES, TRAINING, Milestone
from timebank.growth.schemas import AnswerSchema, AskSchema, MilestoneSchema, WithdrawSchema
from timebank.growth.views import blueprint
from timebank.members.models import Member
from timebank.members.queries import get_team, list_names, list_teams
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.query import Query


@blueprint.get("/branch/milestones")
@guard("milestone.read")
def milestones() -> str:
    """What a branch recorded, and the questions that wait."""
    choice, session, query = choose_branch("milestone.read"), db.session(), Query()
    kind = query.one_of("kind", KIND_NAMES)
    return render_template(
        "growth/milestones.html",
        choice=choice,
        page=queries.list_milestones(
            session, choice.branch.id, kind=kind, text=query.value("q"), number=page_number(query.value("page"))
        ),
        questions=queries.list_open_questions(session, choice.branch.id),
        query=query,
        kinds=list(KIND_NAMES.items()),
        kind_names=KIND_NAMES,
        grades=GRADE_NAMES,
        recordable=_recordable(choice.branch.id),
    )


def _recordable(branch_id: int) -> list[tuple[str, str]]:
    """The kinds that this actor may record here."""
    actor = current_actor()
    may = [kind for kind in KIND_NAMES if actor.may(service.permission_for(kind), branch_id=branch_id)]
    return [(kind, KIND_NAMES[kind]) for kind in may]


@blueprint.route("/branch/milestones/new", methods=["GET", "POST"])
@guard("milestone.record")
def new_milestone() -> Response | tuple[str, int]:
    """Record the same for one member or a whole roster: a team, who came to a shift, or anybody ticked."""
    choice, query = choose_branch("milestone.record"), Query()
    branch = choice.branch
    people, from_where = _roster(branch, query)
    kind = query.one_of("kind", dict(_recordable(branch.id)), TRAINING)
    ticked = [str(member.id) for member in people] if from_where else []
    initial = {"kind": kind, "giver": branch.name, "on_day": clock.today(clock.now()), "members": ticked}
    form = Form(MilestoneSchema(), initial=initial)
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            chosen = given.pop("members")
            draft = service.MilestoneDraft(form_key=form.key, **_fitting(given))
            made = service.record_milestones(session, branch.id, draft, chosen, actor=current_actor(), now=clock.now())
            flash(f"{KIND_NAMES[draft.kind]}“{draft.title}”记好了，{len(made)} 人。他们会收到通知。", "success")
            return redirect(url_for("growth.milestones", branch=branch.id), 303)
    return render_template(
        "growth/new_milestone.html",
        form=form,
        choice=choice,
        kinds=_recordable(branch.id),
        grades=sorted(GRADE_NAMES.items(), reverse=True),
        people=[(member.id, f"{member.name}　{member.number}") for member in people],
        from_where=from_where,
        teams=[(team.id, team.name) for team in list_teams(db.session(), branch.id)],
        query=query,
        today=clock.today(clock.now()),
        most=queries.MOST_TO_RECORD,
    ), form.status


def _fitting(given: dict[str, Any]) -> dict[str, Any]:
    """What belongs to the kind: the page has no scripts, so the fields of the other kinds stand there as well."""
    if given["kind"] != TRAINING:
        given["length_minutes"] = None
    if given["kind"] in (TRAINING, AWARD):
        given["grade"] = None
    return given


def _roster(branch: Branch, query: Query) -> tuple[list[Member], str]:
    """The people to choose from, and where they come from in words; everybody where nothing was asked for."""
    session, me = db.session(), current_actor().member_id
    team, shift, one = (_id(query, name) for name in ("team", "shift", "member"))
    words = ""
    if team is not None:
        found = get_team(session, team)
        words = found.name if found.branch_id == branch.id else ""
    elif shift is not None:
        activity = get_shift(session, shift).activity
        words = f"来过“{activity.title}”的人" if activity.branch_id == branch.id else ""
    if one is not None:
        people = queries.list_people_to_record(session, branch.id, member_id=one)
        return people, people[0].name if people else ""
    people = queries.list_people_to_record(session, branch.id, team_id=team, shift_id=shift)
    return [member for member in people if member.id != me], words


def _id(query: Query, name: str) -> int | None:
    asked = query.value(name)
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None


_ONE = f"/branch/milestones/<{ID}:milestone_id>"


@blueprint.get(_ONE)
@guard("milestone.read")
def milestone(milestone_id: int) -> str:
    """One row: what it says, who recorded and withdrew it, what was asked, and what is to be done."""
    return _shown(milestone_id, Form(WithdrawSchema()), Form(AnswerSchema()))


def _shown(milestone_id: int, withdraw_form: Form, answer_form: Form) -> str:
    session, actor = db.session(), current_actor()
    one = queries.get_milestone(session, milestone_id)
    actor.require("milestone.read", branch_id=one.branch_id)
    people = {one.recorded_by_id, one.agreed_by_id, one.withdrawn_by_id, *(q.answered_by_id for q in one.questions)}
    may = actor.may(service.permission_for(one.kind), branch_id=one.branch_id)
    return render_template(
        "growth/milestone.html",
        one=one,
        kind=KIND_NAMES[one.kind],
        grades=GRADE_NAMES,
        names=list_names(session, {member_id for member_id in people if member_id}),
        may_decide=may and actor.member_id not in (one.recorded_by_id, one.member_id),
        withdraw_form=withdraw_form,
        answer_form=answer_form,
    )


@blueprint.post(f"{_ONE}/withdraw")
@guard("milestone.record")
def withdraw(milestone_id: int) -> Response:
    """Take it off the card, with a reason."""

    def verb(session: Any, given: dict[str, Any]) -> Milestone:
        return service.withdraw_milestone(session, milestone_id, **given, actor=current_actor(), now=clock.now())

    return _press(milestone_id, WithdrawSchema(), verb, "已撤销，会员会收到通知。")


@blueprint.post(f"/branch/milestone-questions/<{ID}:question_id>/answer")
@guard("milestone.record")
def answer(question_id: int) -> Response:
    """Answer a member's question."""
    question = queries.get_question(db.session(), question_id)

    def verb(session: Any, given: dict[str, Any]) -> Any:
        return service.answer_question(session, question_id, **given, actor=current_actor(), now=clock.now())

    return _press(question.milestone_id, AnswerSchema(), verb, "已答复，会员会收到通知。")


def _press(milestone_id: int, schema: Any, verb: Callable[[Any, dict[str, Any]], Any], said: str) -> Response:
    one = queries.get_milestone(db.session(), milestone_id)
    service.require_second(one, current_actor())
    with saying_refusals(), transaction() as session:
        verb(session, Form(schema).load())
        flash(said, "success")
    return redirect(url_for("growth.milestone", milestone_id=milestone_id), 303)


@blueprint.route(f"/me/milestones/<{ID}:milestone_id>/ask", methods=["GET", "POST"])
@guard("me.change")
def ask(milestone_id: int) -> Response | tuple[str, int]:
    """Say that something on one's own card is wrong."""
    one = queries.get_milestone(db.session(), milestone_id)
    if one.member_id != current_actor().member_id:
        raise queries.MilestoneNotFound()
    form = Form(AskSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            service.ask_about(
                session, milestone_id, **form.load(), form_key=form.key, actor=current_actor(), now=clock.now()
            )
            flash("网点收到了，查清以后会通知您。", "success")
            return redirect("/me/card#milestones", 303)
    return render_template("growth/ask.html", form=form, one=one, grades=GRADE_NAMES), form.status
