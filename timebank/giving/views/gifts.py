"""``/me/gifts``: coins for a relative or a friend, said once more in numbers before they go; what came and went."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.clearing.rules import Amounts
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import coins
from timebank.core.paging import page_number
from timebank.giving.models import COIN, GIVEAWAY, PURSES
from timebank.giving.queries import GIFT_SOURCE, arrived_of, page_gifts, sum_given
from timebank.giving.rules import left_to_give
from timebank.giving.schemas import GiftSchema
from timebank.giving.service import GiftDraft, arriving, check_gift, give
from timebank.giving.views.base import blueprint, purse_options, purses_of
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.members.queries import get_member, list_family
from timebank.rulebook.queries import find_rule
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.limits import CODE_LIMIT, limiter


@blueprint.route("/me/gifts", methods=["GET", "POST"])
@guard("gift.own")
@limiter.limit(CODE_LIMIT, methods=["POST"], deduct_when=lambda response: response.status_code == 422)
def gifts() -> str | Response | tuple[str, int]:
    """Say to whom and how much, look at it once more, give."""
    session, actor = db.session(), current_actor()
    member = get_member(session, actor.member_id or 0)
    purses = purses_of(session, member)
    form = Form(GiftSchema(), initial={"purse": COIN if purses[COIN] else GIVEAWAY})
    if form.submitted:
        with form.catching():
            draft = GiftDraft(form_key=form.key, **form.load())
            then = request.form.get("then")
            if then == "give":
                with transaction() as writing:
                    gift = give(writing, draft, actor=actor, now=clock.now())
                    flash(f"已经送给{gift.receiver.alias} {coins(gift.minutes)}。", "success")
                return redirect(url_for("giving.gifts"))
            if then != "change":
                checked = check_gift(session, draft, actor=actor, now=clock.now())
                arrives = arriving(session, checked, draft.minutes, now=clock.now())
                return _look(checked.receiver, draft, form, purses, arrives)
    return _page(session, member, form, purses)


def _page(session: Session, member: Member, form: Form, purses: dict[str, int]) -> tuple[str, int]:
    now = clock.now()
    cap = find_rule(session, member.branch_id, clock.today(now)).gift_month_minutes
    given = sum_given(session, member.id, *clock.month_range(clock.month_of(now)))
    family = [one.other for one in list_family(session, member.id) if one.confirmed]
    page = page_gifts(session, member.id, number=page_number(request.args.get("page")))
    return render_template(
        "giving/gifts.html",
        form=form,
        purses=purses,
        options=purse_options(purses),
        cap=cap,
        left=left_to_give(cap, given),
        family=[one for one in family if one.branch_id == member.branch_id],
        page=page,
        undone=ledger.undone_of(session, GIFT_SOURCE, [one.id for one in page.items]),
        arrived=arrived_of(session, [one.id for one in page.items]),
        me=member.id,
    ), form.status


def _look(receiver: Member, draft: GiftDraft, form: Form, purses: dict[str, int], arrives: Amounts) -> str:
    return render_template(
        "giving/gift_look.html",
        form=form,
        receiver=receiver,
        draft=draft,
        arrives=None if arrives.rate.even else arrives,
        purse=PURSES[draft.purse],
        left=purses[draft.purse] - draft.minutes,
        fields=form.typed() | {"seen_rate": str(arrives.rate)},
    )
