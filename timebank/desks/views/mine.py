"""``/me``: what I have, what comes next, what waits for me."""

from __future__ import annotations

from flask import render_template

from timebank.activities.models import OFFERED
from timebank.attendance.queries import member_totals
from timebank.core import clock
from timebank.core.db import db
from timebank.desks import queries
from timebank.desks.views import blueprint
from timebank.exchange.queries import list_waiting
from timebank.growth.queries import find_stars, list_held
from timebank.growth.rules import star_name
from timebank.ledger import queries as ledger
from timebank.members.queries import get_member
from timebank.notices.queries import count_unread, list_unread
from timebank.requests import queries as requests
from timebank.rulebook.queries import expires_soon
from timebank.web.guards import current_actor, guard

_SHOWN = 3


@blueprint.get("/me")
@guard("me.read")
def me() -> str:
    """My page."""
    session, now = db.session(), clock.now()
    actor = current_actor()
    member = get_member(session, actor.member_id or 0)
    sign_ups = queries.coming_sign_ups(session, member.id, now=now)
    mine = queries.next_shift(sign_ups)
    totals = member_totals(session, member.id)
    return render_template(
        "desks/me.html",
        member=member,
        account=ledger.get_account(session, member.coin_account_id),
        points=ledger.get_account(session, member.point_account_id),
        giveaway=ledger.get_account(session, member.giveaway_account_id) if member.giveaway_account_id else None,
        expiring=expires_soon(session, member, now=now),
        held=list_held(session, member),
        totals=totals,
        stars=find_stars(session, [member], clock.today(now))[member.id],
        star_name=star_name,
        next=mine,
        door_open=mine is not None and queries.door_is_open(mine, now),
        others=[one for one in sign_ups if one.shift is not mine],
        offers=[one for one in sign_ups if one.status == OFFERED and one.offered_until and now < one.offered_until],
        invited=requests.show_many(session, requests.list_invited(session, member.id), actor, now=now),
        unrated=requests.count_unrated(session, member.id),
        waiting=list_waiting(session, member.id, now=now),
        notices=list_unread(session, member.id, most=_SHOWN),
        unread=count_unread(session, member.id),
    )
