"""``/me/give``: coins for the branch's fund, said once more in numbers before they go."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import coins
from timebank.giving.models import COIN, GIVEAWAY, PURSES
from timebank.giving.queries import fund_account
from timebank.giving.schemas import DonationSchema
from timebank.giving.service import Donation, check_donation, donate
from timebank.giving.views.base import blueprint, purse_options, purses_of
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard


@blueprint.route("/me/give", methods=["GET", "POST"])
@guard("gift.own")
def give_to_fund() -> str | Response | tuple[str, int]:
    """Choose, look at it once more, give."""
    session, actor = db.session(), current_actor()
    member = get_member(session, actor.member_id or 0)
    purses = purses_of(session, member)
    form = Form(DonationSchema(), initial={"purse": GIVEAWAY if purses[GIVEAWAY] else COIN})
    if form.submitted:
        with form.catching():
            draft = Donation(form_key=form.key, **form.load())
            then = request.form.get("then")
            if then == "give":
                with transaction() as writing:
                    posted = donate(writing, draft, actor=actor, now=clock.now())
                    said = "这一笔之前已经捐过" if posted.repeated else "谢谢您！已捐出"
                    flash(f"{said}：{coins(draft.minutes)}。", "success")
                return redirect(url_for("giving.give_to_fund"))
            if then != "change":
                check_donation(session, draft, actor=actor)
                return _look(member, draft, form, purses)
    return render_template(
        "giving/donate.html",
        form=form,
        purses=purses,
        options=purse_options(purses),
        fund=ledger.get_account(session, fund_account(session, member.branch_id)).balance,
    ), form.status


def _look(member: Member, draft: Donation, form: Form, purses: dict[str, int]) -> str:
    return render_template(
        "giving/donate_look.html",
        form=form,
        member=member,
        draft=draft,
        purse=PURSES[draft.purse],
        left=purses[draft.purse] - draft.minutes,
        fields=form.typed(),
    )
