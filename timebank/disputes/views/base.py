"""The blueprint that all pages of 争议 hang on, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, render_template
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.db import db
from timebank.core.minutes import coins
from timebank.core.workdays import working_days_left
from timebank.disputes import queries, rules
from timebank.disputes.models import (
    BOOKED,
    DECLINED,
    HELD,
    NONE,
    OPEN,
    OUTCOME_NAMES,
    PART,
    RULING_NAMES,
    STATUS_NAMES,
    TALK,
    TALK_NAME,
    WAITING,
    WHOLE,
    WITHDRAWN,
    Dispute,
    DisputeRuling,
)
from timebank.web.filters import moment

blueprint = Blueprint("disputes", __name__)
ID = "int(max=2147483647)"
TONES = {"open": "wait", "decided": "ok", "withdrawn": ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One line of a case's course."""

    when: str
    title: str
    text: str
    tone: str = ""


def wishes(dispute_stage: str, *, provides: bool) -> list[tuple[str, str]]:
    """What a side may wish for: what it could get, or that things are talked over."""
    names = OUTCOME_NAMES[dispute_stage]
    found = {
        (HELD, False): (NONE, PART),
        (HELD, True): (WHOLE, PART),
        (BOOKED, False): (NONE, PART),
        (BOOKED, True): (),
    }[dispute_stage, provides]
    return [*((code, names[code]) for code in found), (TALK, TALK_NAME)]


def wish_name(dispute: Dispute) -> str:
    """What the side that opened it wishes for."""
    return TALK_NAME if dispute.wanted == TALK else OUTCOME_NAMES[dispute.stage][dispute.wanted]


def course(case: queries.Case) -> list[Step]:
    """Everything that happened, in order; people by alias."""
    dispute = case.dispute
    opened = f"{dispute.opened_by.alias} 提出，希望：{wish_name(dispute)}"
    steps = [(dispute.opened_at, Step(when=moment(dispute.opened_at), title=opened, text=dispute.words))]
    for said in case.statements:
        who = said.by.alias if said.by_id in dispute.sides else "网点"
        steps.append((said.at, Step(when=moment(said.at), title=f"{who} 说明", text=said.words)))
    for ruling in case.rulings:
        steps.append((ruling.at, _ruled(dispute, ruling)))
        if ruling.answered_at is not None and ruling.second is not None:
            steps.append((ruling.answered_at, _seconded(ruling.answered_at, ruling)))
    if dispute.status == WITHDRAWN and dispute.ended_at is not None:
        title = f"{dispute.opened_by.alias} 撤回了"
        steps.append((dispute.ended_at, Step(when=moment(dispute.ended_at), title=title, text="")))
    return [step for _, step in sorted(steps, key=lambda one: one[0])]


def _ruled(dispute: Dispute, ruling: DisputeRuling) -> Step:
    state = f"（{RULING_NAMES[ruling.status]}）" if ruling.status != "final" else ""
    title = f"决定{state}：{OUTCOME_NAMES[dispute.stage][ruling.outcome]}，最后算 {coins(ruling.minutes)}"
    tone = {WAITING: "wait", DECLINED: ""}.get(ruling.status, "ok")
    return Step(when=moment(ruling.at), title=title, text=f"{ruling.by.alias}：{ruling.reason}", tone=tone)


def _seconded(at: datetime, ruling: DisputeRuling) -> Step:
    who = ruling.second.alias if ruling.second is not None else ""
    word = "没有同意" if ruling.status == DECLINED else "同意"
    return Step(when=moment(at), title=f"{who} 作为第二人{word}", text=ruling.note)


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """How a case stands with its deadline."""

    day: date
    words: str
    tone: str


def due_of(dispute: Dispute, now: datetime) -> Due:
    """The deadline in words."""
    day = clock.today(now)
    left = working_days_left(dispute.due_on, day)
    if day > dispute.due_on:
        return Due(day=dispute.due_on, words=f"逾期 {-left} 个工作日" if left else "已经到期", tone="bad")
    words = f"还剩 {left} 个工作日" if left else "今天到期"
    return Due(day=dispute.due_on, words=words, tone="wait" if left <= rules.SOON else "")


def case_page(template: str, dispute_id: int, **more: object) -> str:
    """A page about one case."""
    session: Session = db.session()
    case, now = queries.get_case(session, dispute_id), clock.now()
    dispute = case.dispute
    return render_template(
        template,
        case=case,
        dispute=dispute,
        order=dispute.order,
        steps=course(case),
        due=due_of(dispute, now),
        status_name=STATUS_NAMES[dispute.status],
        tone=TONES[dispute.status],
        wish=wish_name(dispute),
        names=OUTCOME_NAMES[dispute.stage],
        may_say=dispute.status == OPEN and clock.today(now) <= dispute.due_on,
        **more,
    )
