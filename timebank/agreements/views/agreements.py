"""``/branch/agreements/…``: an agreement from its first draft to its end, on the screen and on paper."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.agreements import queries, service
from timebank.agreements.models import AGREEMENT_STATUS_NAMES, PROMISE_CATEGORIES, SIDE_NAMES, Agreement
from timebank.agreements.queries import Article
from timebank.agreements.rules import STANDING_NAMES
from timebank.agreements.schemas import AgreementSchema, ReasonSchema, SigningSchema, WordsSchema
from timebank.agreements.views.base import (
    AGREEMENT,
    AGREEMENT_TONES,
    ORGANISATION,
    TONES,
    agreement_for,
    blueprint,
    organisation_for,
)
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.web import print as paper
from timebank.web.downloads import pdf_file
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter


@blueprint.post(f"{ORGANISATION}/agreements")
@guard("organisation.change")
def draft_agreement(organisation_id: int) -> Response:
    """Begin an agreement for a year."""
    organisation_for("organisation.change", organisation_id)
    form = Form(AgreementSchema())
    with saying_refusals(), transaction() as session:
        draft = service.AgreementDraft(organisation_id=organisation_id, form_key=form.key, **form.load())
        made = service.draft_agreement(session, draft, actor=current_actor(), now=clock.now())
        flash("草稿建好了。把双方的承诺一条条写进去，签字以后提交。", "success")
        return redirect(url_for("agreements.agreement", agreement_id=made.id))
    return redirect(url_for("agreements.organisation", organisation_id=organisation_id))


@blueprint.get(AGREEMENT)
@guard("organisation.read")
def agreement(agreement_id: int) -> str:
    """The agreement: what both sides promise, how it stands, what can be done."""
    shown, session = agreement_for("organisation.read", agreement_id), db.session()
    today, actor = clock.today(clock.now()), current_actor()
    return render_template(
        "agreements/agreement.html",
        agreement=shown,
        articles=queries.articles_of(session, [shown], today=today)[shown.id],
        sides=SIDE_NAMES,
        categories=PROMISE_CATEGORIES,
        statuses=AGREEMENT_STATUS_NAMES,
        standings=STANDING_NAMES,
        agreement_tones=AGREEMENT_TONES,
        tones=TONES,
        form=Form(WordsSchema(), initial={"words": shown.words}),
        me=actor.member_id,
        may_change=actor.may("organisation.change", branch_id=shown.branch_id),
        may_record=actor.may("promise.record", branch_id=shown.branch_id),
    )


@blueprint.post(f"{AGREEMENT}/words")
@guard("organisation.change")
def reword_agreement(agreement_id: int) -> Response:
    """Change the words of a draft."""
    with saying_refusals(), transaction() as session:
        words = Form(WordsSchema()).load()["words"]
        service.reword_agreement(session, agreement_id, words, actor=current_actor())
        flash("已改好。", "success")
    return _back(agreement_id)


@blueprint.route(f"{AGREEMENT}/sign", methods=["GET", "POST"])
@guard("organisation.change")
def propose_agreement(agreement_id: int) -> Response | tuple[str, int]:
    """Say that both sides signed the paper."""
    shown = agreement_for("organisation.change", agreement_id)
    initial = {"signed_on": clock.today(clock.now()), "organisation_signer": shown.organisation.contact_name}
    form = Form(SigningSchema(), initial=initial)
    if form.submitted:
        with form.catching(), transaction() as session:
            signing = service.Signing(**form.load())
            service.propose_agreement(session, agreement_id, signing, actor=current_actor(), now=clock.now())
            flash("已提交，等另一位管理员对照纸质协议确认。", "success")
            return _back(agreement_id)
    return render_template("agreements/sign.html", agreement=shown, form=form), form.status


@blueprint.post(f"{AGREEMENT}/confirm")
@guard("organisation.change")
def confirm_agreement(agreement_id: int) -> Response:
    """The second person's yes."""
    with saying_refusals(), transaction() as session:
        service.confirm_agreement(session, agreement_id, actor=current_actor(), now=clock.now())
        flash("已签订。从现在起内容不能再改，增减要办变更。", "success")
    return _back(agreement_id)


@blueprint.post(f"{AGREEMENT}/send-back")
@guard("organisation.change")
def send_back_agreement(agreement_id: int) -> Response:
    """Back to the draft, to be put right."""
    return _with_reason(service.send_back_agreement, agreement_id, "已退回成草稿。")


@blueprint.post(f"{AGREEMENT}/drop")
@guard("organisation.change")
def drop_agreement(agreement_id: int) -> Response:
    """It never comes to be."""
    return _with_reason(service.drop_agreement, agreement_id, "这份草稿不签了。")


@blueprint.post(f"{AGREEMENT}/end")
@guard("organisation.change")
def end_agreement(agreement_id: int) -> Response:
    """It ends before its time."""
    return _with_reason(service.end_agreement, agreement_id, "协议已终止，兑现的记录都保留。")


def _with_reason(verb: Any, agreement_id: int, said: str) -> Response:
    agreement_for("organisation.change", agreement_id)
    with saying_refusals(), transaction() as session:
        verb(session, agreement_id, Form(ReasonSchema()).load()["reason"], actor=current_actor(), now=clock.now())
        flash(said, "success")
    return _back(agreement_id)


def _back(agreement_id: int) -> Response:
    return redirect(url_for("agreements.agreement", agreement_id=agreement_id))


@blueprint.get(f"{AGREEMENT}.pdf")
@guard("organisation.read")
@limiter.limit(DOWNLOAD_LIMIT)
def agreement_pdf(agreement_id: int) -> Response:
    """The agreement on paper: to be signed while it is a draft, with what came of it afterwards."""
    shown, today = agreement_for("organisation.read", agreement_id), clock.today(clock.now())
    articles = queries.articles_of(db.session(), [shown], today=today)[shown.id]
    content = paper.pdf("agreement.typ", _on_paper(shown, [one for one in articles if one.counts]))
    return pdf_file(f"共建协议-{shown.organisation.name}-{shown.year}", content)


def _on_paper(shown: Agreement, articles: list[Article]) -> dict[str, Any]:
    """What ``agreement.typ`` wants."""
    stands = shown.status in ("signed", "ended")
    return {
        "title": f"{shown.year} 年驻区单位共建协议",
        "branch": shown.organisation.branch.name,
        "organisation": shown.organisation.name,
        "code": shown.organisation.credit_code or "",
        "year": str(shown.year),
        "words": shown.words,
        "status": AGREEMENT_STATUS_NAMES[shown.status],
        "stands": stands,
        "signed_on": shown.signed_on.isoformat() if shown.signed_on else "",
        "branch_signer": shown.branch_signer if stands else "",
        "organisation_signer": shown.organisation_signer if stands else "",
        "printed": f"{clock.local(clock.now()):%Y-%m-%d %H:%M}",
        "sides": [
            {
                "name": name,
                "articles": [_article_on_paper(one) for one in articles if one.terms.side == side],
            }
            for side, name in SIDE_NAMES.items()
        ],
    }


def _article_on_paper(article: Article) -> dict[str, Any]:
    terms, standing = article.terms, article.standing
    return {
        "number": str(article.number),
        "category": PROMISE_CATEGORIES[terms.category],
        "words": terms.words,
        "quantity": f"{terms.quantity} {terms.unit}",
        "due": terms.due_on.isoformat(),
        "standing": f"{STANDING_NAMES[standing.state]} {standing.done} {terms.unit}",
        "changed": "已按变更" if article.changes else "",
    }
