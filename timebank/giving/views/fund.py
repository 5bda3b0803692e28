"""The fund: ``/fund`` for everybody, without names; ``/branch/fund`` for staff, where grants are asked and decided."""

from __future__ import annotations

from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.branches.views import BranchChoice, choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.giving import queries, service
from timebank.giving.models import GRANT_STATUS_NAMES, FundGrant
from timebank.giving.rules import fund_words
from timebank.giving.schemas import DecisionSchema, GrantSchema
from timebank.giving.views.base import blueprint
from timebank.ledger import queries as ledger
from timebank.members.queries import find_open_link, get_member
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard

_LINES = 20
_GRANT = "/branch/fund/grants/<int(max=2147483647):fund_grant_id>"


@blueprint.get("/fund")
@guard("gift.own")
def fund() -> str:
    """What the fund of one's branch has, got and gave."""
    session, now = db.session(), clock.now()
    branch = get_member(session, current_actor().member_id or 0).branch
    account_id = queries.fund_account(session, branch.id)
    before = request.args.get("before", "")
    page = ledger.statement(session, account_id, before=before, size=_LINES)
    return render_template(
        "giving/fund.html",
        branch=branch,
        figures=queries.fund_figures(session, branch.id, since=_year_began(now)),
        lines=[
            (one.posted_at, fund_words(one.kind, one.amount, reverses=one.reverses_id is not None), one.amount)
            for one in page.lines
        ],
        page=page,
        before=before,
    )


@blueprint.get("/branch/fund")
@guard("fund.read")
def fund_desk() -> str:
    """Everything about the fund of a branch: what waits, how to ask, what became of the others."""
    return _desk(choose_branch("fund.read"), Form(GrantSchema()))


@blueprint.post("/branch/fund")
@guard("fund.grant")
def ask_grant() -> Response | tuple[str, int]:
    """Ask for a grant."""
    choice, form = choose_branch("fund.grant"), Form(GrantSchema())
    with form.catching(), transaction() as session:
        draft = service.GrantDraft(branch_id=choice.branch.id, form_key=form.key, **form.load())
        grant = service.ask_grant(session, draft, actor=current_actor(), now=clock.now())
        flash(f"已经为{grant.member.name}申请，等另一位管理员同意。", "success")
        return redirect(url_for("giving.fund_desk", branch=choice.branch.id))
    return _desk(choice, form), form.status


def _desk(choice: BranchChoice, form: Form) -> str:
    session, actor, branch = db.session(), current_actor(), choice.branch
    page = queries.page_ended_grants(session, branch.id, number=page_number(request.args.get("page")))
    return render_template(
        "giving/fund_desk.html",
        choice=choice,
        branch=branch,
        form=form,
        figures=queries.fund_figures(session, branch.id, since=_year_began(clock.now())),
        waiting=[
            (one, _role(session, one, actor.member_id or 0)) for one in queries.list_waiting_grants(session, branch.id)
        ],
        page=page,
        undone=ledger.undone_of(session, queries.GRANT_SOURCE, [one.id for one in page.items]),
        statuses=GRANT_STATUS_NAMES,
        may_grant=actor.may("fund.grant", branch_id=branch.id),
    )


def _role(session: Session, grant: FundGrant, member_id: int) -> str:
    """What this person is to a grant: who asked, somebody it is too near to, or one who may decide."""
    if grant.asked_by_id == member_id:
        return "asker"
    near = grant.member_id == member_id or find_open_link(session, member_id, grant.member_id) is not None
    return "near" if near else "second"


def _year_began(now: datetime) -> datetime:
    return clock.month_range(f"{clock.today(now).year}-01")[0]


@blueprint.post(f"{_GRANT}/agree")
@guard("fund.grant")
def agree_grant(fund_grant_id: int) -> Response:
    """The second person's yes, which moves the coins."""
    return _decide(fund_grant_id, agreed=True)


@blueprint.post(f"{_GRANT}/decline")
@guard("fund.grant")
def decline_grant(fund_grant_id: int) -> Response:
    """The second person's no, with a reason."""
    return _decide(fund_grant_id, agreed=False)


def _decide(grant_id: int, *, agreed: bool) -> Response:
    form = Form(DecisionSchema())
    with saying_refusals(), transaction() as session:
        note = form.load()["note"]
        service.decide_grant(session, grant_id, agreed=agreed, note=note, actor=current_actor(), now=clock.now())
        flash("已同意，爱心币已经存给会员。" if agreed else "没有同意，基金没有动。", "success")
    return _back(grant_id)


@blueprint.post(f"{_GRANT}/withdraw")
@guard("fund.grant")
def withdraw_grant(fund_grant_id: int) -> Response:
    """Who asked takes it back."""
    with saying_refusals(), transaction() as session:
        service.withdraw_grant(session, fund_grant_id, actor=current_actor(), now=clock.now())
        flash("已撤回，基金没有动。", "success")
    return _back(fund_grant_id)


def _back(grant_id: int) -> Response:
    branch_id = queries.get_grant(db.session(), grant_id).branch_id
    return redirect(url_for("giving.fund_desk", branch=branch_id))
