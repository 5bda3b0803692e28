"""Reminding both sides of promises that fall due, or that are overdue; each once."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

from sqlalchemy.orm import Session

from timebank.agreements.models import ORGANISATION_SIDE, Agreement
from timebank.agreements.queries import Article, list_unkept
from timebank.agreements.rules import OVERDUE, SOON
from timebank.agreements.service.telling import PAGE, contacts_of, managers_of, tell_people
from timebank.core import clock
from timebank.notices.service import NoticeDraft

_KINDS = {SOON: "promise.due", OVERDUE: "promise.overdue"}


def remind_of_promises(session: Session, branch_id: int, *, now: datetime) -> int:
    """Tell the managers, and an organisation's contacts of what they promised; returns of how many promises.

    Promises of one side that fall due on the same day are told of together, once when the day is near and once when
    it is over.
    """
    waiting: dict[tuple[int, str, str, date], list[Article]] = defaultdict(list)
    agreements: dict[int, Agreement] = {}
    for agreement, article in list_unkept(session, branch_id, today=clock.today(now)):
        if article.standing.state in _KINDS:
            agreements[agreement.id] = agreement
            about = (agreement.id, _KINDS[article.standing.state], article.terms.side, article.terms.due_on)
            waiting[about].append(article)
    for about, articles in waiting.items():
        _remind(session, agreements[about[0]], about, articles, now)
    return sum(map(len, waiting.values()))


def _remind(
    session: Session, agreement: Agreement, about: tuple[int, str, str, date], articles: list[Article], now: datetime
) -> None:
    _, kind, side, due_on = about
    facts = {
        "count": len(articles),
        "side": "单位" if side == ORGANISATION_SIDE else "网点",
        "words": "；".join(one.terms.words for one in articles[:3]) + ("等" if len(articles) > 3 else ""),
        "until": due_on.isoformat(),
    }
    key = f"{kind}:{agreement.id}:{side}:{due_on.isoformat()}"
    notice = NoticeDraft(kind=kind, key=key, facts=facts)
    managers = managers_of(session, agreement.branch_id)
    tell_people(session, managers, agreement, notice, now=now)
    if side == ORGANISATION_SIDE:
        theirs = NoticeDraft(kind=kind, key=key, facts=facts, link=f"{PAGE}/{agreement.organisation_id}")
        contacts = contacts_of(session, agreement.organisation_id) - managers
        tell_people(session, contacts, agreement, theirs, now=now)
