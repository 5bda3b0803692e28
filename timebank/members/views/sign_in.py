"""Signing in and out."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members import service
from timebank.members.identity import load_actor
from timebank.members.schemas import NewPasswordSchema, SignInSchema
from timebank.members.service.credentials import PIN_HOURS
from timebank.members.views import blueprint
from timebank.web.forms import Form
from timebank.web.guards import SignedIn, find_actor, public
from timebank.web.keyring import keys
from timebank.web.limits import FAILED_SIGN_IN_LIMIT, SIGN_IN_LIMIT, limiter
from timebank.web.views import local_path

REMEMBERED = timedelta(days=30)
_START = "/me"


def remember(member_id: int, mark: str, *, device: bool) -> None:
    """Make this browser the member's; ``device``: for 30 days, also after it was closed."""
    session.clear()  # nothing a visitor left behind is carried into somebody's account
    login_user(SignedIn(load_actor(db.session(), member_id), mark), remember=device, duration=REMEMBERED)


def _failed(response: Response) -> bool:
    return response.status_code >= 400


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public
@limiter.limit(SIGN_IN_LIMIT, methods=["POST"])
@limiter.limit(FAILED_SIGN_IN_LIMIT, methods=["POST"], deduct_when=_failed)
def sign_in() -> Response | tuple[str, int]:
    """Sign in with phone or member number and password; with a one-time PIN, on to choosing a password."""
    target = local_path(request.values.get("next", ""))
    target = _START if target == "/" else target
    if not request.form and find_actor() is not None:
        return redirect(target)
    form = Form(SignInSchema())
    if form.submitted:
        with form.catching():
            given = form.load()
            answer = _check(given["login"], given["password"])
            if answer.by_pin:
                session["pin"] = {"member": answer.member_id, "mark": answer.mark, "next": target}
                return redirect(url_for("members.new_password"))
            remember(answer.member_id, answer.mark, device=given["remember"])
            return redirect(target)
    demo = current_app.extensions.get("timebank_demo_sign_ins", []) if current_app.config["TIMEBANK_DEMO"] else []
    demo_sign_ins = demo() if callable(demo) else demo
    return render_template("members/sign_in.html", form=form, next=target, demo_sign_ins=demo_sign_ins), form.status


def _check(login: str, password: str) -> service.SignInAnswer:
    """Three steps, so that the attempt is kept whatever happens and no lock is held while the hash is worked out."""
    with transaction() as current:
        service.begin_sign_in(current, login, keys=keys(), now=clock.now())
    answer = service.check_sign_in(db.session(), login, password, keys=keys(), now=clock.now())
    with transaction() as current:
        service.finish_sign_in(current, login, keys=keys())
    return answer


@blueprint.route("/sign-in/new-password", methods=["GET", "POST"])
@public
@limiter.limit(FAILED_SIGN_IN_LIMIT, methods=["POST"])
def new_password() -> Response | tuple[str, int]:
    """Choose a password after signing in with a one-time PIN."""
    pin = session.get("pin")
    if pin is None:
        return redirect(url_for("members.sign_in"))
    form = Form(NewPasswordSchema())
    if form.submitted:
        with form.catching():
            chosen = service.hash_password(form.load()["password"])
            with transaction() as current:
                credential = service.choose_password(
                    current, pin["member"], mark=pin["mark"], password=chosen, keys=keys(), now=clock.now()
                )
                mark = credential.session_mark
            remember(pin["member"], mark, device=False)
            flash("新密码已设好，下次用它登录。", "success")
            return redirect(local_path(pin["next"]))
    return render_template("members/new_password.html", form=form, hours=PIN_HOURS), form.status


@blueprint.post("/sign-out")
@public
def sign_out() -> Response:
    """Sign out on this device."""
    session.clear()
    logout_user()
    flash("已退出登录。", "success")
    return redirect("/")
