"""``/me/give``: coins for the branch's fund, said once more in numbers before they go."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import coins
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.rulebook.schemas import GiftSchema
from timebank.rulebook.service import PURSES, GiftDraft, check_gift, give
from timebank.rulebook.views.base import blueprint
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard


@blueprint.route("/me/give", methods=["GET", "POST"])
@guard("gift.own")
def give_coins() -> str | Response | tuple[str, int]:
    """Choose, look at it once more, give."""
    session, actor = db.session(), current_actor()
    member = get_member(session, actor.member_id or 0)
    purses = _purses(member)
    form = Form(GiftSchema(), initial={"purse": "giveaway" if purses["giveaway"] else "coin"})
    if form.submitted:
        with form.catching():
            draft = GiftDraft(form_key=form.key, **form.load())
            then = request.form.get("then")
            if then == "give":
                with transaction() as writing:
                    posted = give(writing, draft, actor=actor, now=clock.now())
                    said = "这一笔之前已经捐过" if posted.repeated else "谢谢您！已捐出"
                    flash(f"{said}：{coins(draft.minutes)}。", "success")
                return redirect(url_for("rulebook.give_coins"))
            if then != "change":
                check_gift(session, draft, actor=actor)
                return _look(member, draft, form, purses)
    return render_template(
        "rulebook/give.html",
        form=form,
        member=member,
        purses=purses,
        options=[
            (name, title, f"现在有 {coins(purses[name])}")
            for name, title in PURSES.items()
            if purses[name] or not any(purses.values())
        ],
        fund=_fund(member),
    ), form.status


def _look(member: Member, draft: GiftDraft, form: Form, purses: dict[str, int]) -> str:
    return render_template(
        "rulebook/give_look.html",
        form=form,
        member=member,
        draft=draft,
        purse=PURSES[draft.purse],
        left=purses[draft.purse] - draft.minutes,
        fields={name: request.form[name] for name in form.schema.fields if request.form.get(name)},
    )


def _purses(member: Member) -> dict[str, int]:
    """What may be given from each purse now."""
    accounts = {"giveaway": member.giveaway_account_id, "coin": member.coin_account_id}
    return {
        name: max(ledger.get_account(db.session(), account_id).available, 0) if account_id is not None else 0
        for name, account_id in accounts.items()
    }


def _fund(member: Member) -> int:
    fund = ledger.find_house_account(db.session(), member.branch_id, "fund")
    return ledger.get_account(db.session(), fund).balance
