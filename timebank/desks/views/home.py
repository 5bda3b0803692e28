"""``/``: what is on, what was done this month; for visitors what this is, for members their next step."""

from __future__ import annotations

from flask import render_template

from timebank.activities.queries import ShiftFilter, list_coming
from timebank.activities.views.shown import show_shifts
from timebank.core import clock
from timebank.core.db import db
from timebank.desks import queries
from timebank.desks.views import blueprint
from timebank.ledger import queries as ledger
from timebank.members.queries import get_member
from timebank.web.guards import find_actor, public

_SHOWN_SHIFTS = 5


@blueprint.get("/")
@public
def home() -> str:
    """The start page."""
    session, now, actor = db.session(), clock.now(), find_actor()
    member = get_member(session, actor.member_id) if actor and actor.member_id else None
    near = ShiftFilter(branch_ids={member.branch_id} if member else None)
    coming = list_coming(session, near, now=now, size=_SHOWN_SHIFTS)
    sign_ups = queries.coming_sign_ups(session, member.id, now=now) if member else []
    mine = queries.next_shift(sign_ups)
    months = queries.branch_months(session, now=now)
    return render_template(
        "desks/home.html",
        member=member,
        account=ledger.get_account(session, member.coin_account_id) if member and member.coin_account_id else None,
        greeting=_greeting(clock.local(now).hour),
        mine=mine,
        door_open=mine is not None and queries.door_is_open(mine, now),
        coming=show_shifts(session, coming.items, member.id if member else None, now=now),
        total=coming.total,
        months=months,
        month=clock.month_of(now),
        sums=_sums(months),
        most=max([one.totals.minutes for one in months] or [0]),
    )


def _sums(months: list[queries.BranchMonth]) -> dict[str, int]:
    return {
        "minutes": sum(one.totals.minutes for one in months),
        "people": sum(one.totals.people for one in months),
        "shifts": sum(one.totals.shifts for one in months),
    }


def _greeting(hour: int) -> str:
    """Good morning at the hour of the wall clock."""
    for until, words in ((5, "夜深了"), (11, "早上好"), (13, "中午好"), (18, "下午好")):
        if hour < until:
            return words
    return "晚上好"
