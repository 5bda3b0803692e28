"""“我需要……”: a wish that offers are matched with, both ways; nobody is told of the same pair twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.exchange.models import CATEGORIES, LISTED, Need, NeedMatch, Offer
from timebank.exchange.queries import find_need_by_key, get_need, has_licence, list_own_needs, needs_for, offers_for
from timebank.exchange.service.people import refuse_inactive
from timebank.notices.service import NoticeDraft, tell_all

MOST_NEEDS: Final = 5
LONGEST: Final = timedelta(days=90)
USUAL: Final = timedelta(days=30)
TOLD_AT_ONCE: Final = 10  # of one need or offer: the first who fit, not the whole town


class BadNeed(Invalid):
    """A field of a need breaks a rule; ``fields`` says which."""

    code = "exchange.bad_need"


class NeedsFull(Conflict):
    """A member looks for as much as one may at a time."""

    code = "exchange.needs_full"
    text = "您正在找的已经有 {most} 条了。请先撤下不用的，再写新的。"


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedDraft:
    """What somebody looks for, in a few words, until when; the form's key makes a repeat harmless."""

    category: str
    words: str
    until: date
    form_key: str


def post_need(session: Session, draft: NeedDraft, *, actor: Actor, now: datetime) -> Need:
    """Say what one looks for; those whose offers fit are told. A repeat with the same key returns the first.

    Raises NotActive, NotAllowed, BadNeed, NeedsFull, FormUsed.
    """
    member = refuse_inactive(session, actor.member_id)
    actor.require("order.own", owner_id=member.id)
    today = clock.today(now)
    _check(draft, today)
    said = {"member_id": member.id, "category": draft.category, "words": draft.words.strip(), "until": draft.until}
    if find_need_by_key(session, draft.form_key) is None:
        if len(list_own_needs(session, member.id, today)) >= MOST_NEEDS:
            raise NeedsFull(most=MOST_NEEDS)
        fixed = {"branch_id": member.branch_id, "created_at": now, "form_key": draft.form_key}
        session.execute(insert_once(session, Need).values(said | fixed))
    need = find_need_by_key(session, draft.form_key)
    if need is None or {name: getattr(need, name) for name in said} != said:
        raise FormUsed()
    for offer in offers_for(session, need, today, most=TOLD_AT_ONCE):
        if offer.answers is not None:
            _tell_giver(session, need, offer, now)
    return need


def end_need(session: Session, need_id: int, *, actor: Actor, now: datetime) -> Need:
    """Look for it no longer; a repeat changes nothing. Raises NeedNotFound."""
    need = get_need(session, need_id, actor.member_id)
    if need.ended_at is None:
        need.ended_at = now
        session.flush()
    return need


def tell_seekers(session: Session, offer: Offer, *, now: datetime) -> int:
    """Tell those who look for what an offer gives, each pair once; returns how many. Nobody hears of hidden offers."""
    today = clock.today(now)
    if offer.status != LISTED or not has_licence(session, offer, today):
        return 0
    fresh = [need for need in needs_for(session, offer, today, most=TOLD_AT_ONCE) if _is_new(session, need, offer, now)]
    for need in fresh:
        facts = {"title": offer.title, "giver": offer.given_by, "words": need.words}
        key = f"need.found:{need.id}:{offer.id}"
        notice = NoticeDraft(kind="need.found", key=key, facts=facts, link=f"/offers/{offer.id}")
        tell_all(session, [need.member_id], notice, now=now)
    return len(fresh)


def _tell_giver(session: Session, need: Need, offer: Offer, now: datetime) -> None:
    if offer.answers is None or not _is_new(session, need, offer, now):
        return
    facts = {"title": offer.title, "words": need.words, "member": need.member.alias}
    notice = NoticeDraft(kind="need.wanted", key=f"need.wanted:{need.id}", facts=facts, link="/needs?side=others")
    tell_all(session, [offer.answers.id], notice, now=now)  # once for a need, however many of one's offers fit it


def _is_new(session: Session, need: Need, offer: Offer, now: datetime) -> bool:
    row = {"need_id": need.id, "offer_id": offer.id, "at": now}
    made = session.scalar(insert_once(session, NeedMatch).values(row).returning(NeedMatch.need_id))
    return made is not None


def _check(draft: NeedDraft, today: date) -> None:
    if draft.category not in CATEGORIES:
        raise BadNeed(fields={"category": "请从列出的类别里选一个。"})
    if not 2 <= len(draft.words.strip()) <= 60:
        raise BadNeed(fields={"words": "请用 2 到 60 个字说说想找什么。"})
    if not today <= draft.until <= today + LONGEST:
        raise BadNeed(fields={"until": f"请选今天以后、{LONGEST.days} 天以内的一天。"})
