"""网点: the list of people, and registering somebody who is here."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.paging import page_number
from timebank.members import queries, service
from timebank.members.models import SEXES, STATUS_NAMES
from timebank.members.rules import ADULT_ENOUGH, CONSENT_VERSION
from timebank.members.schemas import StaffRegistrationSchema
from timebank.members.views import blueprint
from timebank.members.views.values import STATUS_TONES, Query, area_options, time_options
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys


@blueprint.get("/branch/members")
@guard("member.read")
def members() -> str:
    """A branch's people, found by name, number or the last digits of the phone."""
    choice, query, session = choose_branch("member.read"), Query(), db.session()
    status = query.value("status")
    chosen = queries.MemberFilter(text=query.value("q"), status=status if status in STATUS_NAMES else "")
    page = queries.list_members(
        session, branch_id=choice.branch.id, chosen=chosen, keys=keys(), number=page_number(query.value("page"))
    )
    actor = current_actor()
    return render_template(
        "members/members.html",
        choice=choice,
        query=query,
        page=page,
        chosen=chosen,
        counts=queries.count_by_status(session, choice.branch.id),
        status_names=STATUS_NAMES,
        tones=STATUS_TONES,
        may_register=actor.may("member.register", branch_id=choice.branch.id),
        may_import=actor.may("member.import", branch_id=choice.branch.id),
    )


@blueprint.route("/branch/members/new", methods=["GET", "POST"])
@guard("member.register")
def new_member() -> Response | tuple[str, int]:
    """Register somebody who is here, with or without a phone."""
    choice = choose_branch("member.register")
    form = Form(StaffRegistrationSchema(), initial={"branch_id": choice.branch.id})
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            key = given.pop("form_key")
            member = service.register_by_staff(
                session,
                service.NewMember(**given),
                form_key=key,
                actor=current_actor(),
                keys=keys(),
                now=clock.now(),
            )
            flash(f"{member.name}已登记，会员号 {member.number}。本人要用手机登录的，请在本页设一次性密码。", "success")
            return redirect(url_for("members.member", member_id=member.id))
    return render_template(
        "members/new_member.html",
        form=form,
        choice=choice,
        branches=[(branch.id, branch.name) for branch in choice.others],
        areas=area_options(),
        times=time_options(),
        sexes=list(SEXES.items()),
        consent_version=CONSENT_VERSION,
        age=ADULT_ENOUGH,
    ), form.status
