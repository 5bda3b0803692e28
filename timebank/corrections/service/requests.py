"""A member asks to have an entry looked at (志愿服务记录与证明出具办法, art. 12 and 13); a manager answers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict, FormUsed
from timebank.corrections.models import DECLINED, OPEN, CorrectionRequest
from timebank.corrections.queries import find_request_by_key, get_own_entry, get_request, list_own_requests, parties_of
from timebank.corrections.rules import OwnCoins, RequestAnswered
from timebank.corrections.service.asking import lock_entry, person
from timebank.corrections.service.telling import tell_declined_request
from timebank.ledger import queries as ledger_queries


class RequestOpen(Conflict):
    """They asked before, and nobody has answered yet."""

    code = "corrections.request_open"
    text = "这一笔您已经申请过核对，网点正在处理。有结果会通知您。"


def request_check(
    session: Session, entry_id: int, *, words: str, form_key: str, actor: Actor, now: datetime
) -> CorrectionRequest:
    """Ask the branch to look at an entry of one's own. A repeat answers with the first.

    Raises NoSuchEntry, FormUsed, RequestOpen.
    """
    lock_entry(session, entry_id)
    entry = get_own_entry(session, entry_id, actor)
    first = find_request_by_key(session, form_key)
    if first is not None:
        if (first.entry_id, first.member_id, first.words) != (entry_id, actor.member_id, words):
            raise FormUsed()
        return first
    if any(one.status == OPEN for one in list_own_requests(session, person(actor), entry_id)):
        raise RequestOpen()
    request = CorrectionRequest(
        branch_id=entry.book_id,
        entry_id=entry.id,
        member_id=person(actor),
        words=words,
        asked_at=now,
        status=OPEN,
        form_key=form_key,
    )
    session.add(request)
    session.flush()
    return request


def decline_request(
    session: Session, request_id: int, *, reason: str, actor: Actor, now: datetime
) -> CorrectionRequest:
    """Answer that the entry is right, and why. A repeat is harmless. Corrections answer requests by themselves.

    Raises RequestNotFound, NotAllowed, OwnCoins, RequestAnswered.
    """
    lock_entry(session, get_request(session, request_id).entry_id)
    request = get_request(session, request_id)
    actor.require("books.correct", branch_id=request.branch_id)
    if request.status == DECLINED and (request.answered_by_id, request.answer) == (actor.member_id, reason):
        return request
    if request.status != OPEN:
        raise RequestAnswered()
    entry = ledger_queries.get_entry(session, request.entry_id)
    if actor.member_id in parties_of(session, entry):
        raise OwnCoins()
    request.status, request.answer = DECLINED, reason
    request.answered_by_id, request.answered_at = person(actor), now
    session.flush()
    tell_declined_request(session, request, entry, now=now)
    return request
