"""我的: password, contact, what is stored about me."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches.queries import area_path
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.members import queries, service
from timebank.members.models import ORGANISATION_ROLES, SEXES
from timebank.members.rules.consent import CONSENT_NAMES
from timebank.members.schemas import ChangePasswordSchema, LostCardSchema, ProfileSchema
from timebank.members.views import blueprint
from timebank.members.views.sign_in import remember
from timebank.members.views.values import area_options, profile_values, time_options
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.limits import FAILED_SIGN_IN_LIMIT, limiter


def _me() -> int:
    """The actor's own id: what is behind a guard has one."""
    member_id = current_actor().member_id
    assert member_id is not None  # noqa: S101 - the system has no browser
    return member_id


@blueprint.route("/me/password", methods=["GET", "POST"])
@guard("me.change")
@limiter.limit(FAILED_SIGN_IN_LIMIT, methods=["POST"])
def password() -> Response | tuple[str, int]:
    """Change one's password; this device stays signed in, the others do not."""
    form = Form(ChangePasswordSchema())
    if form.submitted:
        with form.catching():
            given, actor = form.load(), current_actor()
            before = service.confirm_password(db.session(), given["current"], actor=actor)
            chosen = service.hash_password(given["password"])
            with transaction() as session:
                credential = service.change_password(
                    session, mark=before, password=chosen, actor=actor, keys=keys(), now=clock.now()
                )
                mark = credential.session_mark
            remember(_me(), mark, device="remember_token" in request.cookies)
            flash("密码已修改。其他手机和电脑上的登录已经退出。", "success")
            return redirect(url_for("members.privacy"))
    return render_template("members/password.html", form=form), form.status


@blueprint.route("/me/profile", methods=["GET", "POST"])
@guard("me.change")
def profile() -> Response | tuple[str, int]:
    """Change one's contact, skills and free times."""
    member = queries.get_member(db.session(), _me())
    form = Form(ProfileSchema(), initial=profile_values(member))
    if form.submitted:
        with form.catching(), transaction() as session:
            change = service.ProfileChange(**form.load())
            service.change_profile(session, change, actor=current_actor(), keys=keys())
            flash("已保存。", "success")
            return redirect(url_for("members.privacy"))
    return render_template(
        "members/profile.html", form=form, member=member, areas=area_options(), times=time_options(member.free_times)
    ), form.status


@blueprint.get("/me/privacy")
@guard("me.read")
def privacy() -> str:
    """What is stored about me, what I agreed to, who looked."""
    session, now = db.session(), clock.now()
    member = queries.get_member(session, _me())
    accesses = queries.list_accesses(session, member.id)
    return render_template(
        "members/privacy.html",
        member=member,
        phone=queries.open_field(member, "phone", keys()),
        id_number=queries.open_field(member, "id_number", keys()),
        sex=SEXES.get(member.sex or "", "没有登记"),
        area=area_path(session, member.area_id, clock.today(now)) if member.area_id else "没有登记",
        belongs=queries.find_organisation_of(session, member.id),
        roles=ORGANISATION_ROLES,
        consents=queries.list_consents(session, member.id),
        consent_names=CONSENT_NAMES,
        accesses=accesses,
        names=queries.list_names(session, {access.seen_by_id for access in accesses if access.seen_by_id}),
    )


@blueprint.post("/me/privacy/remove-identity")
@guard("me.change")
def remove_identity() -> Response:
    """Withdraw the consent to one's ID number."""
    with transaction() as session:
        service.remove_identity(session, actor=current_actor(), now=clock.now())
        flash("证件号已删除，服务记录不受影响。", "success")
    return redirect(url_for("members.privacy"))


@blueprint.post("/me/card/replace")
@guard("me.change")
def replace_card() -> Response:
    """Report one's card as lost: every copy of its code is worthless at once, and the new code stands on the card."""
    form = Form(LostCardSchema())
    try:
        with transaction() as session:
            given = form.load()
            service.reissue_card(session, _me(), **given, actor=current_actor(), now=clock.now())
            flash("旧卡已作废，下面是新码。纸质卡请到网点重新打印。", "success")
    except Refusal as refusal:
        flash("；".join(getattr(refusal, "fields", {}).values()) or refusal.message, "error")
    return redirect("/me/card", 303)
