"""One pair, from one of its two sides: how full the lines are, what does not agree, what was paid and decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import render_template, request
from sqlalchemy.orm import Session

from timebank.clearing import queries
from timebank.clearing.models import (
    ASKED,
    CASE_NAMES,
    EVENT_NAMES,
    FROZEN,
    OPEN,
    RATE_ASKED,
    RATE_STATUS_NAMES,
    ClearingCase,
    PairEvent,
    PairRate,
)
from timebank.clearing.rules import DEFAULT_LINE, OVERLAP, PROPOSAL_STATUS_NAMES, rate_words
from timebank.clearing.schemas import CeilingSchema, LineSchema, NewKeySchema, RateSchema
from timebank.clearing.views.base import CHANGE, PAIR, READ, TONES, Side, blueprint, choose_side, status_name
from timebank.clearing.views.keys import keys_view
from timebank.core import clock
from timebank.core.db import db
from timebank.core.minutes import coins
from timebank.core.paging import page_number
from timebank.members.queries import list_names
from timebank.web.filters import moment
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class CaseView:
    """A case with what each side said: None where it has not said its word.

    ``parked``: at which branch the coins wait that it is about; 0 where it is about none.
    """

    case: ClearingCase
    name: str
    ours: str | None
    theirs: str | None
    parked: int


@dataclass(frozen=True, kw_only=True)
class RatesView:
    """How the two convert: now, what waits for an answer, and every one before. Each told in words."""

    now: str
    even: bool
    waiting: tuple[PairRate, str] | None
    past: list[tuple[PairRate, str, str]]
    tomorrow: date


@dataclass(frozen=True, kw_only=True)
class May:
    """Which forms the page offers."""

    answer: bool
    decide: bool
    pause: bool
    resume: bool
    part: bool
    paused_there: bool


@blueprint.get(PAIR)
@guard(READ)
def show_pair(pair_id: int) -> str:
    """One pair."""
    return pair_page(choose_side(pair_id, READ))


def pair_page(side: Side, **sent: Form) -> str:
    """The page; ``sent`` are forms that were sent and refused: line, ceiling, key, rate."""
    session, pair, now = db.session(), side.pair, clock.now()
    owed = queries.gauge_of(session, pair, creditor_id=side.branch.id)
    cases = [_case(side, one) for one in queries.list_cases(session, pair.id)]
    asked_here = pair.status == ASKED and pair.asked_for_id != side.branch.id
    first_line = DEFAULT_LINE if asked_here else owed.line
    return render_template(
        "clearing/pair.html",
        side=side,
        pair=pair,
        status=status_name(pair, side.branch.id),
        tone=TONES[pair.status],
        owed=owed,
        owing=queries.gauge_of(session, pair, creditor_id=side.peer.id),
        cases=[one for one in cases if one.case.settled_at is None],
        settled=[one for one in cases if one.case.settled_at is not None],
        open_items=len(queries.list_open_items(session, pair.id)),
        page=queries.page_proposals(session, pair, number=page_number(request.args.get("page"))),
        proposal_names=PROPOSAL_STATUS_NAMES,
        events=_events(session, side),
        statements=queries.list_statements(session, pair.id),
        keys=keys_view(session, side, now),
        month=clock.previous_month(clock.month_of(now)),
        forms={
            "line": Form(LineSchema(), initial={"amount": first_line}),
            "ceiling": Form(CeilingSchema()),
            "key": Form(NewKeySchema(), initial={"days": OVERLAP.days}),
            "rate": Form(RateSchema(), initial={"worth": 60, "valid_from": clock.today(now) + _DAY}),
            **sent,
        },
        rates=_rates(session, side, clock.today(now)),
        amounts=queries.settled_of,
        most=queries.ceiling_of(session, side.branch.id, side.peer.id),
        spent=queries.spent_outside(session, side.branch.id, side.peer.id, now=now),
        may=_may(session, side, owed.owed, asked_here=asked_here),
    )


def _rates(session: Session, side: Side, today: date) -> RatesView:
    """How the two convert, told from the side that looks: the other branch first."""
    here = queries.rate_of_pair(session, side.pair, payer_id=side.peer.id, day=today)
    found = queries.list_rates(session, side.pair.id)
    return RatesView(
        now=rate_words(side.peer.name, side.branch.name, here.payer, here.payee),
        even=here.even,
        waiting=next(((one, _rate_told(side, one)) for one in found if one.status == RATE_ASKED), None),
        past=[(one, _rate_told(side, one), RATE_STATUS_NAMES[one.status]) for one in found if one.status != RATE_ASKED],
        tomorrow=today + _DAY,
    )


def _rate_told(side: Side, rate: PairRate) -> str:
    units = (rate.low_units, rate.high_units)
    theirs, ours = units if side.peer.id == side.pair.low_id else units[::-1]
    return rate_words(side.peer.name, side.branch.name, theirs, ours)


def _may(session: Session, side: Side, owed: int, *, asked_here: bool) -> May:
    status, here = side.pair.status, current_actor().may(CHANGE, branch_id=side.branch.id)
    living = here and status in {OPEN, FROZEN}
    paused_there = _paused_there(session, side)
    clear = not owed and not queries.list_in_flight(session, side.pair)
    return May(
        answer=here and asked_here,
        decide=living,
        pause=here and status == OPEN,
        resume=here and status == FROZEN and not paused_there and not queries.list_open_cases(session, side.pair.id),
        part=living and clear,
        paused_there=paused_there,
    )


def _paused_there(session: Session, side: Side) -> bool:
    """Whether the other branch paused the pair, and so resumes it."""
    events = queries.list_events(session, side.pair.id)
    paused_by = next((one.branch_id for one in events if one.what == "frozen"), None)
    return side.pair.status == FROZEN and paused_by == side.peer.id


def _case(side: Side, case: ClearingCase) -> CaseView:
    low = (case.low_words if case.low_by_id is not None else None, case.high_words if case.high_by_id else None)
    ours, theirs = low if side.branch.id == side.pair.low_id else low[::-1]
    waits = queries.find_parked_in(db.session(), case.id) if case.settled_at is None else None
    parked = waits.branch_id if waits is not None and waits.ended_at is None else 0
    return CaseView(case=case, name=CASE_NAMES[case.kind], ours=ours, theirs=theirs, parked=parked)


def _events(session: Session, side: Side) -> list[dict[str, str]]:
    """What was decided, for a timeline: one's own staff by name, the other side only as the branch."""
    events = queries.list_events(session, side.pair.id)
    ours = [one.by_id for one in events if one.branch_id == side.branch.id and one.by_id is not None]
    people = list_names(session, ours)
    return [_told(side, one, people[one.by_id].name if one.by_id in people else "") for one in events]


def _told(side: Side, event: PairEvent, name: str) -> dict[str, str]:
    if event.branch_id is None:
        who = "系统"
    elif event.branch_id == side.branch.id:
        who = f"本网点{f' {name}' if name else ''}"
    else:
        who = side.peer.name
    amount = f" {coins(event.minutes)}" if event.minutes is not None and event.what != "closed" else ""
    tone = {"opened": "ok", "joined": "ok", "resumed": "ok", "frozen": "bad", "declined": "bad"}.get(event.what, "")
    title = f"{EVENT_NAMES[event.what]}{'，给对方的额度' if amount else ''}{amount}"
    text = f"{who}{f'：{event.words}' if event.words else ''}"
    return {"when": moment(event.at), "title": title, "text": text, "tone": tone}
