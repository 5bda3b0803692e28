"""Promises: written into a draft, and changed in a signed agreement by two people."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.agreements import service
from timebank.agreements.models import DRAFT, PROMISE_CATEGORIES, SIDE_NAMES, Agreement, Promise
from timebank.agreements.queries import PromiseNotFound, articles_of, get_promise
from timebank.agreements.schemas import AddedPromiseSchema, PromiseSchema
from timebank.agreements.views.base import AGREEMENT, PROMISE, agreement_for, blueprint
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard

_TERMS = ("side", "category", "words", "quantity", "unit", "due_on")


@blueprint.route(f"{AGREEMENT}/promises/new", methods=["GET", "POST"])
@guard("organisation.change")
def new_promise(agreement_id: int) -> Response | tuple[str, int]:
    """A promise more: written into a draft, or asked for in a signed agreement."""
    agreement = agreement_for("organisation.change", agreement_id)
    drafted = agreement.status == DRAFT
    form = Form(PromiseSchema() if drafted else AddedPromiseSchema(), initial={"due_on": f"{agreement.year}-12-31"})
    if form.submitted:
        with form.catching(), transaction() as session:
            typed: dict[str, Any] = form.load()
            reason = typed.pop("reason", "")
            terms, given = service.PromiseTerms(form_key=form.key, **typed), _given()
            if drafted:
                service.add_promise(session, agreement_id, terms, **given)
                flash("写进去了，可以接着写下一条。", "success")
            else:
                service.ask_promise(session, agreement_id, terms, reason, **given)
                flash("已提出，等另一位管理员同意。", "success")
            return _back(agreement_id)
    return _form_page(agreement, form, None), form.status


@blueprint.post(f"{PROMISE}/remove")
@guard("organisation.change")
def remove_promise(promise_id: int) -> Response:
    """Strike it from a draft."""
    agreement_id = _agreement_of(promise_id).id
    with saying_refusals(), transaction() as session:
        service.remove_promise(session, promise_id, actor=current_actor())
        flash("已从草稿里去掉。", "success")
    return _back(agreement_id)


@blueprint.route(f"{PROMISE}/change", methods=["GET", "POST"])
@guard("organisation.change")
def change_promise(promise_id: int) -> Response | tuple[str, int]:
    """Ask for new terms of a promise that was signed."""
    agreement = _agreement_of(promise_id)
    articles = articles_of(db.session(), [agreement], today=clock.today(clock.now()))[agreement.id]
    terms = next((one.terms for one in articles if one.root.id == promise_id and one.counts), None)
    if terms is None:
        raise PromiseNotFound()
    form = Form(AddedPromiseSchema(), initial={name: getattr(terms, name) for name in _TERMS})
    if form.submitted:
        with form.catching(), transaction() as session:
            typed: dict[str, Any] = form.load()
            reason = typed.pop("reason")
            asked = service.PromiseTerms(form_key=form.key, **typed)
            service.ask_change(session, promise_id, asked, reason, **_given())
            flash("已提出变更，等另一位管理员同意。", "success")
            return _back(agreement.id)
    return _form_page(agreement, form, terms), form.status


@blueprint.post(f"{PROMISE}/agree")
@guard("organisation.change")
def agree_change(promise_id: int) -> Response:
    """The second person's yes to a change."""
    return _decide(promise_id, agreed=True)


@blueprint.post(f"{PROMISE}/decline")
@guard("organisation.change")
def decline_change(promise_id: int) -> Response:
    """A no, or who asked takes it back."""
    return _decide(promise_id, agreed=False)


def _decide(promise_id: int, *, agreed: bool) -> Response:
    agreement_id = _agreement_of(promise_id).id
    with saying_refusals(), transaction() as session:
        service.decide_change(session, promise_id, agreed=agreed, **_given())
        flash("已同意，按新的约定算。" if agreed else "没有变更，仍按原来的约定。", "success")
    return _back(agreement_id)


def _given() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock.now()}


def _agreement_of(promise_id: int) -> Agreement:
    return agreement_for("organisation.change", get_promise(db.session(), promise_id).agreement_id)


def _form_page(agreement: Agreement, form: Form, changed: Promise | None) -> str:
    return render_template(
        "agreements/promise_form.html",
        agreement=agreement,
        form=form,
        changed=changed,
        drafted=agreement.status == DRAFT,
        sides=list(SIDE_NAMES.items()),
        categories=list(PROMISE_CATEGORIES.items()),
    )


def _back(agreement_id: int) -> Response:
    return redirect(url_for("agreements.agreement", agreement_id=agreement_id))
