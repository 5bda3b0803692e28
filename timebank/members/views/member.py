"""One person as staff see them, and what staff do there. Sealed fields stay masked until somebody says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.queries import area_path
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import NotAllowed, NotFound, Refusal
from timebank.core.masking import mask_id_number, mask_phone
from timebank.core.permissions import ROLES
from timebank.members import queries, service
from timebank.members.models import SEXES, STATUS_NAMES, Member
from timebank.members.rules import age_on
from timebank.members.rules.consent import CONSENT_NAMES
from timebank.members.schemas import IdentitySchema, MemberChangeSchema, ReasonSchema, UnmaskSchema
from timebank.members.service.credentials import PIN_HOURS
from timebank.members.views import blueprint
from timebank.members.views.values import ID, STATUS_TONES, area_options, profile_values, time_options
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys, pass_url
from timebank.web.qr import svg

_PAGE = f"/branch/members/<{ID}:member_id>"


@blueprint.get(_PAGE)
@guard("member.read")
def member(member_id: int) -> str:
    """Everything about a person that staff need, masked."""
    return _page(member_id)


def _page(member_id: int, *, opened: dict[str, str] | None = None, pin: str = "") -> str:
    session, now, actor = db.session(), clock.now(), current_actor()
    shown = _readable(member_id)
    accesses = queries.list_accesses(session, member_id)
    seen_by = {access.seen_by_id for access in accesses} | {shown.decided_by_id}
    return render_template(
        "members/member.html",
        member=shown,
        status_name=STATUS_NAMES[shown.status],
        tone=STATUS_TONES[shown.status],
        age=age_on(shown.born_on, clock.today(now)) if shown.born_on else None,
        sex=SEXES.get(shown.sex or "", ""),
        area=area_path(session, shown.area_id, clock.today(now)) if shown.area_id else "",
        masked=_masked(shown),
        opened=opened or {},
        pin=pin,
        pin_hours=PIN_HOURS,
        card=queries.find_card(session, member_id),
        grants=queries.list_grants_of(session, member_id),
        role_names=ROLES,
        teams=queries.list_teams_of(session, member_id),
        consents=queries.list_consents(session, member_id),
        consent_names=CONSENT_NAMES,
        accesses=accesses,
        names=queries.list_names(session, {one for one in seen_by if one}),
        may_change=actor.may("member.change", branch_id=shown.branch_id),
        may_approve=actor.may("member.approve", branch_id=shown.branch_id),
        may_unmask=actor.may("member.unmask", branch_id=shown.branch_id),
    )


def _readable(member_id: int) -> Member:
    """The person, if the actor may look at their page."""
    shown = queries.get_member(db.session(), member_id)
    current_actor().require("member.read", branch_id=shown.branch_id)
    return shown


def _masked(shown: Member) -> dict[str, str]:
    phone = queries.open_field(shown, "phone", keys())
    number = queries.open_field(shown, "id_number", keys())
    return {
        "phone": mask_phone(phone) if phone else "",
        "id_number": mask_id_number(number) if number else "",
        "guardian": "已登记" if shown.guardian_sealed else "",
    }


def _press(member_id: int, said: str, verb: Callable[..., Any], **given: Any) -> Response:
    """Answer a button: do it and say so, or say why not, and show the person again."""
    try:
        with transaction() as session:
            done = verb(session, member_id, **given, actor=current_actor(), now=clock.now())
            flash(said.format(name=getattr(done, "name", "")), "success")
    except (NotAllowed, NotFound):
        raise  # to the error page: the person's own page would not open either
    except Refusal as refusal:
        flash(refusal.message, "error")
    return redirect(url_for("members.member", member_id=member_id))


def _reason() -> dict[str, Any]:
    given: dict[str, Any] = Form(ReasonSchema()).load()
    return given


@blueprint.post(f"{_PAGE}/approve")
@guard("member.approve")
def approve(member_id: int) -> Response:
    """Let a person act."""
    return _press(member_id, "已通过。{name}现在可以登录，账户和成长卡都开好了。", service.approve_member)


@blueprint.post(f"{_PAGE}/decline")
@guard("member.approve")
def decline(member_id: int) -> Response:
    """Turn an application down."""
    return _with_reason(member_id, "没有通过，{name}登录时会看到原因。", service.decline_member)


@blueprint.post(f"{_PAGE}/suspend")
@guard("member.change")
def suspend(member_id: int) -> Response:
    """Stop a person from acting."""
    return _with_reason(member_id, "{name}已停用，各处登录已退出。时长和爱心币都还在。", service.suspend_member)


@blueprint.post(f"{_PAGE}/resume")
@guard("member.change")
def resume(member_id: int) -> Response:
    """Let a suspended person act again."""
    return _press(member_id, "{name}已恢复。", service.resume_member)


@blueprint.post(f"{_PAGE}/card")
@guard("member.change")
def reissue_card(member_id: int) -> Response:
    """Replace a lost card."""
    return _with_reason(member_id, "成长卡已换新，旧的个人码不能再用。", service.reissue_card)


def _with_reason(member_id: int, said: str, verb: Callable[..., Any]) -> Response:
    _readable(member_id)
    try:
        given = _reason()
    except Refusal as refusal:
        flash("；".join(getattr(refusal, "fields", {}).values()) or refusal.message, "error")
        return redirect(url_for("members.member", member_id=member_id))
    return _press(member_id, said, verb, **given)


@blueprint.post(f"{_PAGE}/pin")
@guard("member.change")
def set_pin(member_id: int) -> Response | str:
    """Set a one-time PIN and show it this once; no redirect, since a PIN belongs in no cookie."""
    pin = service.new_pin()
    try:
        with transaction() as session:
            service.set_pin(session, member_id, pin, actor=current_actor(), now=clock.now())
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        flash(refusal.message, "error")
        return redirect(url_for("members.member", member_id=member_id))
    return _page(member_id, pin=pin.text)


@blueprint.post(f"{_PAGE}/unmask")
@guard("member.unmask")
def unmask(member_id: int) -> Response | str:
    """Show a sealed field whole, this once, after writing down who looked and why."""
    _readable(member_id)
    try:
        given = Form(UnmaskSchema()).load()
        with transaction() as session:
            shown = service.unmask(session, member_id, **given, actor=current_actor(), now=clock.now())
            opened = {given["field"]: queries.open_field(shown, given["field"], keys())}
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        flash("；".join(getattr(refusal, "fields", {}).values()) or refusal.message, "error")
        return redirect(url_for("members.member", member_id=member_id))
    return _page(member_id, opened=opened)


@blueprint.route(f"{_PAGE}/edit", methods=["GET", "POST"])
@guard("member.change")
def edit_member(member_id: int) -> Response | tuple[str, int]:
    """Correct what the branch knows about a person."""
    shown = _changeable(member_id)
    initial = profile_values(shown) | {"name": shown.name, "sex": shown.sex, "born_on": shown.born_on, "phone": ""}
    form = Form(MemberChangeSchema(), initial=initial)
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            given["phone"] = given["phone"] or None  # the number is not shown here, so an empty field leaves it alone
            change = service.MemberChange(**given)
            service.change_member(session, member_id, change, actor=current_actor(), keys=keys(), now=clock.now())
            flash("已保存。", "success")
            return redirect(url_for("members.member", member_id=member_id))
    return render_template(
        "members/edit_member.html",
        form=form,
        member=shown,
        masked=_masked(shown),
        areas=area_options(),
        times=time_options(shown.free_times),
        sexes=list(SEXES.items()),
    ), form.status


@blueprint.route(f"{_PAGE}/identity", methods=["GET", "POST"])
@guard("member.change")
def identity(member_id: int) -> Response | tuple[str, int]:
    """Record a person's ID number from the document."""
    shown = _changeable(member_id)
    form = Form(IdentitySchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            document = service.Document(number=given["id_number"], consented=given["identity_consent"])
            service.record_identity(session, member_id, document, actor=current_actor(), keys=keys(), now=clock.now())
            flash("证件号已加密登记。", "success")
            return redirect(url_for("members.member", member_id=member_id))
    return render_template("members/identity.html", form=form, member=shown, masked=_masked(shown)), form.status


@blueprint.get(f"{_PAGE}/card")
@guard("member.change")
def card(member_id: int) -> str:
    """A person's card to print, for those who carry no phone."""
    shown = _changeable(member_id)
    valid = queries.find_card(db.session(), member_id)
    codes = queries.show_codes(db.session(), keys(), valid) if valid else None
    picture = svg(pass_url(codes.scanned), f"{shown.name}的个人码") if codes else ""
    return render_template("members/card.html", member=shown, code=codes.typed if codes else "", picture=picture)


def _changeable(member_id: int) -> Member:
    shown = queries.get_member(db.session(), member_id)
    current_actor().require("member.change", branch_id=shown.branch_id)
    return shown
