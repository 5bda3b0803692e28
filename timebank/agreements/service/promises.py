"""What both sides promise: written while the agreement is a draft; once it is signed, only added by two people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from timebank.agreements.models import (
    AGREED,
    ASKED,
    DECLINED,
    DRAFT,
    PROMISE_CATEGORIES,
    SIDE_NAMES,
    SIGNED,
    WRITTEN,
    Agreement,
    Promise,
)
from timebank.agreements.queries import PromiseNotFound, articles_of, find_promise_by_key, get_promise
from timebank.agreements.rules import MOST
from timebank.agreements.service.agreements import SameHand, take
from timebank.agreements.service.telling import tell_others, tell_people
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.notices.service import NoticeDraft

_FACTS = ("side", "category", "words", "quantity", "unit", "due_on")


class BadPromise(Invalid):
    """Nobody could say whether it is kept."""

    code = "agreements.bad_promise"


class ChangeWaiting(Conflict):
    """One change of a promise after the other."""

    code = "agreements.change_waiting"
    text = "这条承诺已经有一个变更等第二人确认，请先办完那一个。"


class ChangeDecided(Conflict):
    """It ended in another way."""

    code = "agreements.change_decided"
    text = "这个变更已经有了结果，不能再改。请刷新页面再看一看。"


class NothingChanges(Invalid):
    """The terms are the same."""

    code = "agreements.nothing_changes"
    text = "内容和现在的约定一样，没有要变更的。"


@dataclass(frozen=True, kw_only=True)
class PromiseTerms:
    """Who promises so much of what until which day; ``quantity`` 0 lets go of what is left of a promise."""

    side: str
    category: str
    words: str
    quantity: int
    unit: str
    due_on: date
    form_key: str


def add_promise(session: Session, agreement_id: int, terms: PromiseTerms, *, actor: Actor, now: datetime) -> Promise:
    """Write a promise into a draft. The same form again finds the first.

    Raises AgreementNotFound, NotAllowed, AgreementFinal, BadPromise, FormUsed.
    """
    lock_name(session, f"promise:{terms.form_key}")  # the same form may be sent twice at once
    agreement = take(session, agreement_id, actor, DRAFT)
    first = _sent_before(session, agreement, terms, root=None, reason="")
    if first is not None:
        return first
    _check(agreement, terms, least=1)
    return _insert(session, agreement, terms, status=WRITTEN, asked_by_id=actor.member_id, asked_at=now)


def remove_promise(session: Session, promise_id: int, *, actor: Actor) -> Agreement:
    """Strike a promise from a draft. Raises PromiseNotFound, NotAllowed, AgreementFinal."""
    promise = get_promise(session, promise_id)
    agreement = take(session, promise.agreement_id, actor, DRAFT)
    session.delete(promise)
    session.flush()
    return agreement


def ask_promise(
    session: Session, agreement_id: int, terms: PromiseTerms, reason: str, *, actor: Actor, now: datetime
) -> Promise:
    """Ask for a promise more in a signed agreement; another manager decides. The same form again finds the first.

    Raises AgreementNotFound, NotAllowed, AgreementFinal, BadPromise, FormUsed.
    """
    lock_name(session, f"promise:{terms.form_key}")  # the same form may be sent twice at once
    agreement = take(session, agreement_id, actor, SIGNED)
    first = _sent_before(session, agreement, terms, root=None, reason=reason)
    if first is not None:
        return first
    _check(agreement, terms, least=1, reason=reason)
    asked = _insert(session, agreement, terms, **_asked(reason, actor, now))
    _tell_asked(session, agreement, asked, actor=actor, now=now)
    return asked


def ask_change(
    session: Session, promise_id: int, terms: PromiseTerms, reason: str, *, actor: Actor, now: datetime
) -> Promise:
    """Ask for new terms of a promise in a signed agreement; its side stays. Another manager decides.

    Raises PromiseNotFound, NotAllowed, AgreementFinal, BadPromise, NothingChanges, ChangeWaiting, FormUsed.
    """
    lock_name(session, f"promise:{terms.form_key}")
    root = get_promise(session, promise_id)
    agreement = take(session, root.agreement_id, actor, SIGNED)
    first = _sent_before(session, agreement, terms, root=root, reason=reason)
    if first is not None:
        return first
    articles = {one.root.id: one for one in articles_of(session, [agreement], today=clock.today(now))[agreement.id]}
    article = articles.get(root.id)
    if article is None or not article.counts or terms.side != root.side:
        raise PromiseNotFound()
    if article.asked is not None:
        raise ChangeWaiting()
    _check(agreement, terms, least=0, reason=reason)
    if all(getattr(article.terms, name) == getattr(terms, name) for name in _FACTS):
        raise NothingChanges()
    asked = _insert(session, agreement, terms, root_id=root.id, **_asked(reason, actor, now))
    _tell_asked(session, agreement, asked, actor=actor, now=now)
    return asked


def decide_change(session: Session, promise_id: int, *, agreed: bool, actor: Actor, now: datetime) -> Promise:
    """Agree to what was asked for, which needs another person, or decline; who asked may decline, that is take it back.

    The same decision again is calm. Raises PromiseNotFound, NotAllowed, AgreementFinal, SameHand, ChangeDecided.
    """
    asked = get_promise(session, promise_id)
    agreement = take(session, asked.agreement_id, actor, SIGNED)
    session.refresh(asked)
    if asked.status == WRITTEN:
        raise PromiseNotFound()
    status = AGREED if agreed else DECLINED
    if asked.status != ASKED:
        if (asked.status, asked.decided_by_id) != (status, actor.member_id):
            raise ChangeDecided()
        return asked
    if agreed and (actor.member_id is None or actor.member_id == asked.asked_by_id):
        raise SameHand()
    asked.status, asked.decided_by_id, asked.decided_at = status, actor.member_id, now
    session.flush()
    if asked.asked_by_id is not None and asked.asked_by_id != actor.member_id:
        facts = {"by": actor.name, "words": asked.words, "outcome": "同意了" if agreed else "没有同意"}
        notice = NoticeDraft(kind="agreement.change_decided", key=f"agreement.change_decided:{asked.id}", facts=facts)
        tell_people(session, [asked.asked_by_id], agreement, notice, now=now)
    return asked


def _sent_before(
    session: Session, agreement: Agreement, terms: PromiseTerms, *, root: Promise | None, reason: str
) -> Promise | None:
    first = find_promise_by_key(session, terms.form_key)
    if first is None:
        return None
    same = all(getattr(first, name) == getattr(terms, name) for name in _FACTS)
    whose = (first.agreement_id, first.root_id, first.reason)
    if not same or whose != (agreement.id, root.id if root else None, reason.strip()):
        raise FormUsed()
    return first


def _check(agreement: Agreement, terms: PromiseTerms, *, least: int, reason: str | None = None) -> None:
    faults = {}
    if terms.side not in SIDE_NAMES:
        faults["side"] = "请选择是哪一方的承诺。"
    if terms.category not in PROMISE_CATEGORIES:
        faults["category"] = "请从列出的类别里选一种。"
    if not terms.words.strip():
        faults["words"] = "请写清楚承诺做什么。"
    if not least <= terms.quantity <= MOST:
        faults["quantity"] = f"请填 {least} 到 {MOST} 之间的数。" + ("填 0 就是协商取消。" if not least else "")
    if not terms.unit.strip():
        faults["unit"] = "请填单位，例如 场次、小时、件。"
    if terms.due_on.year != agreement.year:
        faults["due_on"] = f"要在协议的年份里，{agreement.year} 年。"
    if reason is not None and not reason.strip():
        faults["reason"] = "请写一句为什么变更，第二个人要看。"
    if faults:
        raise BadPromise(fields=faults)


def _insert(session: Session, agreement: Agreement, terms: PromiseTerms, **how: Any) -> Promise:
    promise = Promise(
        agreement_id=agreement.id, form_key=terms.form_key, **{name: getattr(terms, name) for name in _FACTS}, **how
    )
    session.add(promise)
    session.flush()
    return promise


def _asked(reason: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return {"status": ASKED, "reason": reason.strip(), "asked_by_id": actor.member_id, "asked_at": now}


def _tell_asked(session: Session, agreement: Agreement, asked: Promise, *, actor: Actor, now: datetime) -> None:
    facts = {"by": actor.name, "words": asked.words, "reason": asked.reason}
    notice = NoticeDraft(kind="agreement.change_asked", key=f"agreement.change_asked:{asked.id}", facts=facts)
    tell_others(session, agreement, notice, actor=actor, now=now)
