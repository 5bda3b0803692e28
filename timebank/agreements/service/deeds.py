"""What was done towards a promise: written down once, never changed; a mistake is taken back by a row of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity
from timebank.agreements.models import AGREED, AGREEMENT_STATUS_NAMES, SIGNED, WRITTEN, Agreement, PromiseDeed
from timebank.agreements.queries import PromiseNotFound, find_deed_by_key, get_agreement, get_deed, get_promise
from timebank.agreements.rules import MOST
from timebank.agreements.service.agreements import AgreementFinal
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.exchange.models import Order


class BadDeed(Invalid):
    """It cannot have been done so."""

    code = "agreements.bad_deed"


class TakenBack(Conflict):
    """A record is taken back once."""

    code = "agreements.taken_back"
    text = "这条履约记录已经撤销，或者它本身就是一条撤销，不能再撤。"


@dataclass(frozen=True, kw_only=True)
class DeedDraft:
    """What was done when, how much of it, how one knows; perhaps in which activity, or by which order."""

    done_on: date
    quantity: int
    words: str
    activity_id: int | None = None
    order_id: int | None = None
    form_key: str


def record_deed(session: Session, promise_id: int, draft: DeedDraft, *, actor: Actor, now: datetime) -> PromiseDeed:
    """Write down what was done towards a promise of a signed agreement. The same form again finds the first.

    Raises PromiseNotFound, NotAllowed, AgreementFinal, BadDeed, FormUsed.
    """
    lock_name(session, f"deed:{draft.form_key}")  # the same form may be sent twice at once
    promise = get_promise(session, promise_id)
    agreement = _signed(session, promise.agreement_id, actor)
    if promise.root_id is not None or promise.status not in (WRITTEN, AGREED):
        raise PromiseNotFound()
    first = find_deed_by_key(session, draft.form_key)
    if first is not None:
        sent = (promise_id, draft.done_on, draft.quantity, draft.words.strip(), draft.activity_id, draft.order_id)
        known = (first.promise_id, first.done_on, first.quantity, first.words, first.activity_id, first.order_id)
        if sent != known:
            raise FormUsed()
        return first
    _check(session, agreement, draft, clock.today(now))
    deed = PromiseDeed(
        promise_id=promise.id,
        done_on=draft.done_on,
        quantity=draft.quantity,
        words=draft.words.strip(),
        activity_id=draft.activity_id,
        order_id=draft.order_id,
        by_id=actor.member_id,
        at=now,
        form_key=draft.form_key,
    )
    session.add(deed)
    session.flush()
    return deed


def _check(session: Session, agreement: Agreement, draft: DeedDraft, today: date) -> None:
    faults = {}
    if draft.done_on > today:
        faults["done_on"] = "还没有到的日子不能记。"
    elif draft.done_on < (agreement.signed_on or today):
        faults["done_on"] = f"协议是 {agreement.signed_on} 签的，之前做的不算。"
    if not 1 <= draft.quantity <= MOST:
        faults["quantity"] = f"请填 1 到 {MOST} 之间的数。"
    if not draft.words.strip():
        faults["words"] = "请写一句做了什么、凭什么，例如活动名称、签收单。"
    activity = session.get(Activity, draft.activity_id) if draft.activity_id is not None else None
    if draft.activity_id is not None and not _is_of(activity, agreement):
        faults["activity_id"] = "请从列出的活动里选。"
    order = session.get(Order, draft.order_id) if draft.order_id is not None else None
    if draft.order_id is not None and not _is_of(order, agreement):
        faults["order_id"] = "本网点没有这个编号的兑换单。"
    if faults:
        raise BadDeed(fields=faults)


def _is_of(document: Activity | Order | None, agreement: Agreement) -> bool:
    return document is not None and document.branch_id == agreement.branch_id


def take_back_deed(
    session: Session, deed_id: int, reason: str, *, form_key: str, actor: Actor, now: datetime
) -> PromiseDeed:
    """Let a record count no more, in a row that names it. The same form again finds the first.

    Raises DeedNotFound, NotAllowed, AgreementFinal, Invalid, TakenBack, FormUsed.
    """
    lock_name(session, f"deed:{form_key}")
    deed = get_deed(session, deed_id)
    _signed(session, deed.promise.agreement_id, actor)
    first = find_deed_by_key(session, form_key)
    if first is not None:
        if (first.takes_back_id, first.words) != (deed_id, reason.strip()):
            raise FormUsed()
        return first
    if not reason.strip():
        raise Invalid(fields={"reason": "请写明为什么撤销。"})
    gone = select(PromiseDeed.id).where(PromiseDeed.takes_back_id == deed.id)
    if deed.takes_back_id is not None or session.scalar(gone) is not None:
        raise TakenBack()
    taken = PromiseDeed(
        promise_id=deed.promise_id,
        takes_back_id=deed.id,
        done_on=deed.done_on,
        quantity=-deed.quantity,
        words=reason.strip(),
        by_id=actor.member_id,
        at=now,
        form_key=form_key,
    )
    session.add(taken)
    session.flush()
    return taken


def _signed(session: Session, agreement_id: int, actor: Actor) -> Agreement:
    agreement = get_agreement(session, agreement_id, lock=True)
    actor.require("promise.record", branch_id=agreement.branch_id)
    if agreement.status != SIGNED:
        raise AgreementFinal(status=AGREEMENT_STATUS_NAMES[agreement.status])
    return agreement
