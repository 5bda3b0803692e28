"""网点: the list of people, and registering somebody who is here."""

from __future__ import annotations

from collections.abc import Iterator

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.masking import mask_phone
from timebank.core.paging import page_number
from timebank.members import queries, service
from timebank.members.models import SEXES, STATUS_NAMES, Member
from timebank.members.rules import ADULT_ENOUGH, CONSENT_VERSION, words_for_address
from timebank.members.schemas import StaffRegistrationSchema
from timebank.members.views import blueprint
from timebank.members.views.values import STATUS_TONES, area_options, time_options
from timebank.web.downloads import table_file
from timebank.web.forms import Form, tidy_text
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.query import Query

_EXPORT_ROWS = 1_000  # people read at a time


@blueprint.get("/branch/members")
@guard("member.read")
def members() -> str | Response:
    """A branch's people, found by name, number or the last digits of the phone."""
    choice, query, session = choose_branch("member.read"), Query(), db.session()
    words, status = query.value("q"), query.one_of("status", STATUS_NAMES)
    if words_for_address(words) != words:
        return _found(choice.branch.id, words, status)
    chosen = queries.MemberFilter(text=words, status=status)
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


@blueprint.get("/branch/members.<kind>")
@guard("member.read")
def members_file(kind: str) -> Response:
    """The same people as a CSV or XLSX file, as filtered; phones masked."""
    choice, query, session = choose_branch("member.read"), Query(), db.session()
    words = words_for_address(query.value("q"))
    chosen = queries.MemberFilter(text=words, status=query.one_of("status", STATUS_NAMES))
    teams: dict[int, list[str]] = {}
    for team in queries.list_teams(session, choice.branch.id):
        for membership in team.members:
            teams.setdefault(membership.member_id, []).append(team.name)
    rows = [
        (
            member.number,
            member.name,
            mask_phone(phone) if (phone := queries.open_field(member, "phone", keys())) else "",
            STATUS_NAMES[member.status],
            "、".join(teams.get(member.id, [])),
            clock.local(member.registered_at).date().isoformat(),
        )
        for member in _everybody(choice.branch.id, chosen)
    ]
    titles = ("会员号", "姓名", "电话", "状态", "服务队", "登记日期")
    return table_file(f"{choice.branch.code}-会员名单", kind, titles, rows)


def _everybody(branch_id: int, chosen: queries.MemberFilter) -> Iterator[Member]:
    number, pages = 1, 1
    while number <= pages:
        page = queries.list_members(
            db.session(), branch_id=branch_id, chosen=chosen, keys=keys(), number=number, size=_EXPORT_ROWS
        )
        yield from page.items
        number, pages = number + 1, page.pages


@blueprint.post("/branch/members")
@guard("member.read")
def find_people() -> Response:
    """Lead to the people looked for; by POST, since a whole phone number must not get into an address."""
    choice = choose_branch("member.read")
    status = request.form.get("status", "")
    return _found(choice.branch.id, tidy_text(request.form.get("q", ""))[:60], status if status in STATUS_NAMES else "")


def _found(branch_id: int, words: str, status: str) -> Response:
    q = words_for_address(words)
    return redirect(url_for("members.members", branch=branch_id, q=q or None, status=status or None), 303)


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
