"""``/requests/<id>``: one request from every side, and 查看服务对象."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from flask import render_template
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import db, transaction
from timebank.members.queries import get_member
from timebank.requests import queries, schemas, service
from timebank.requests.models import (
    ASKED,
    CLAIMED,
    DONE,
    HEARD_NAMES,
    OPEN,
    PARTS_OF_DAY,
    SERVED,
    SOURCE_NAMES,
    VOLUNTEER,
    HelpInvitation,
    HelpRequest,
)
from timebank.requests.queries import Shown
from timebank.requests.views.base import ONE, SCORES, blueprint
from timebank.web.forms import Form, FormSchema, Untouched
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys

_HOURS = {"afternoon": 14, "evening": 18}


@blueprint.get(ONE)
@guard("request.own")
def show_request(help_request_id: int) -> str:
    """One request: where it stands, what the reader can do, what happened."""
    return request_page(help_request_id)


@blueprint.post(f"{ONE}/look")
@guard("request.own")
def look(help_request_id: int) -> str:
    """Name, phone and place of who is served, on record; there is no address of this page to pass on."""
    with transaction() as session:
        seen = service.look(session, help_request_id, actor=current_actor(), keys=keys(), now=clock.now())
    return request_page(help_request_id, looked=seen)


@dataclass(frozen=True, kw_only=True)
class May:
    """What the reader can press."""

    claim: bool
    refuse: bool
    move: bool
    release: bool
    withdraw: bool
    confirm: bool
    rate: bool
    look: bool
    take_up: bool
    dispatch: bool
    open_to_all: bool
    decline: bool
    invite: bool
    hand_over: bool


def request_page(help_request_id: int, looked: service.Looked | None = None, **typed: Form) -> str:
    """The page; forms that were sent keep what was typed and what was wrong with it."""
    session, actor, now = db.session(), current_actor(), clock.now()
    request = queries.get_request(session, help_request_id, actor)
    one = queries.show(session, request, actor, now=now)
    ratings = queries.ratings_of(session, request.id)
    asked = queries.list_invitations(session, request.id) if one.sides.reader else []
    mine = _own_invitation(session, request, actor)
    may = _may(request, one, mine, unsuitable=_why(session, request, actor), rated=set(ratings), actor=actor)
    side = VOLUNTEER if one.sides.volunteer else SERVED
    return render_template(
        "requests/show.html",
        one=one,
        may=may,
        unplaced=[form for name, form in typed.items() if not getattr(may, name)],  # whose section is not shown
        looked=looked,
        has_place=request.place_sealed is not None,
        timeline=queries.timeline(session, request, one.sides),
        looks=queries.list_looks(session, request.id) if one.sides.reader or one.sides.recipient else [],
        invitations=asked,
        suggestions=queries.list_suggestions(session, request) if may.invite else [],
        ratings=ratings,
        rates=side,
        scores=SCORES,
        parts=PARTS_OF_DAY,
        heard=HEARD_NAMES,
        sources=[(code, name) for code, name in SOURCE_NAMES.items() if not (one.confidential and code == "own")],
        first=_first_time(request, now),
        may_review=actor.may("attendance.review", branch_id=request.branch_id),
        forms=_forms(request, typed, now),
    )


def _own_invitation(session: Session, request: HelpRequest, actor: Actor) -> HelpInvitation | None:
    found = queries.list_invitations(session, request.id)
    return next((one for one in found if one.member_id == actor.member_id), None)


def _why(session: Session, request: HelpRequest, actor: Actor) -> str:
    return queries.why_unsuitable(session, request, get_member(session, actor.member_id or 0))


def _may(
    request: HelpRequest, one: Shown, mine: HelpInvitation | None, *, unsuitable: str, rated: set[str], actor: Actor
) -> May:
    sides, status = one.sides, one.status
    before = status == CLAIMED and one.progress in {None, "agreed", "missed"}
    needing = sides.recipient or sides.asker
    nobody = request.coordinator_id is None
    return May(
        claim=status == OPEN and (sides.may_take or sides.invited) and not unsuitable,
        refuse=status == OPEN and mine is not None and mine.answer == "",
        move=before and one.starts_at is not None and (sides.volunteer or sides.staff),
        release=before and (sides.volunteer or sides.staff),
        withdraw=(needing or sides.staff) and (status in {ASKED, OPEN} or before),
        confirm=status == CLAIMED and not request.minutes and (needing or sides.staff) and not sides.volunteer,
        rate=status == DONE and _rates(one) and (VOLUNTEER if sides.volunteer else SERVED) not in rated,
        look=(sides.volunteer and request.status == CLAIMED)
        or sides.coordinator
        or (sides.staff and not request.confidential),
        take_up=sides.staff and status == ASKED and nobody and not sides.recipient,
        dispatch=sides.staff and status == ASKED and (nobody or sides.coordinator) and not sides.recipient,
        open_to_all=sides.coordinator and status == OPEN and not request.confidential and not request.to_all,
        decline=sides.staff and status in {ASKED, OPEN},
        invite=sides.coordinator and status == OPEN,
        hand_over=status in {ASKED, OPEN, CLAIMED}
        and not nobody
        and (sides.coordinator or actor.may("branch.change", branch_id=request.branch_id)),
    )


def _rates(one: Shown) -> bool:
    return one.sides.volunteer or one.sides.recipient or one.sides.asker or one.sides.staff


def _first_time(request: HelpRequest, now: datetime) -> str:
    """Nine in the morning (or what suits the part of the day) of the first day that is left: what the form proposes."""
    day, hour = max(request.first_day, clock.today(now)), _HOURS.get(request.part_of_day, 9)
    if clock.instant(day, time(hour)) <= now:
        day += timedelta(days=1)
    return f"{day.isoformat()}T{hour:02}:00" if day <= request.last_day else ""


def _agreed_time(request: HelpRequest) -> str:
    return clock.local(request.shift.starts_at).strftime("%Y-%m-%dT%H:%M") if request.shift is not None else ""


def _forms(request: HelpRequest, typed: dict[str, Form], now: datetime) -> dict[str, Form]:
    """A form for each thing one can do here."""
    made: dict[str, tuple[FormSchema, dict[str, Any]]] = {
        "claim": (schemas.ClaimSchema(), {"starts_at": _first_time(request, now)}),
        "move": (schemas.MoveSchema(), {"starts_at": _agreed_time(request)}),
        "release": (schemas.ReasonSchema(), {}),
        "withdraw": (schemas.ReasonSchema(), {}),
        "confirm": (FormSchema(), {}),
        "rate": (schemas.RateSchema(), {}),
        "decline": (schemas.ReasonSchema(), {}),
        "invite": (schemas.InviteSchema(), {}),
        "hand_over": (schemas.HandOverSchema(), {}),
        "dispatch": (
            schemas.DispatchSchema(),
            {
                "source": request.source,
                "length": request.minutes,
                "to_all": "" if request.confidential else "1",
                "consented": "1" if request.consented else "",
            },
        ),
    }
    return {name: typed.get(name) or Untouched(schema, initial=initial) for name, (schema, initial) in made.items()}
