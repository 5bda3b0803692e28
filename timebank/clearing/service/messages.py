"""Messages between branches: written to the outbox, read once into the inbox, answered the same way ever after.

A message is judged by the creditor's or debtor's own records alone, as on a server of its own: that the other branch
signed it, just now, that it is whole, that it is not another one under the same id, that a committed one continues the
chain. What does not fit freezes the pair and opens a case; nothing is repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.clearing.models import FROZEN as PAIR_FROZEN
from timebank.clearing.models import OPEN as PAIR_OPEN
from timebank.clearing.models import BranchPair, ClearingMessage, ClearingReceipt, Proposal
from timebank.clearing.queries import asked_of, between_of, find_pair, settled_of
from timebank.clearing.rules import Amounts, Envelope, write
from timebank.clearing.service import signing
from timebank.clearing.service.cases import Found, open_case
from timebank.clearing.service.refusals import NotConnected

PROPOSED, CANCELLED, COMMITTED = "proposed", "cancelled", "committed"
_STEPS = frozenset({PROPOSED, CANCELLED, COMMITTED})

# Answers. The first are final and kept; to the others (and to those of ``signing``) the sender comes again.
AGREED, LINE_FULL, LATE, DEAD, DONE = "accepted", "line_full", "late", "cancelled", "settled"
FROZEN, WAIT, UNKNOWN, BROKEN, OFF = "frozen", "wait", "unknown", "broken", "off"
FINAL = frozenset({AGREED, LINE_FULL, LATE, DEAD, DONE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A message on its way: who sent it, to whom, the envelope, and who signed it when."""

    from_id: int
    to_id: int
    envelope: Envelope
    signed: signing.Signed


def send(session: Session, proposal: Proposal, step: str, *, minutes: int, now: datetime) -> Letter:
    """Write a message to the outbox and sign it: ``minutes`` as they stand between the two, and both sides' own.

    The same step of a proposal again is the same content, signed anew. Raises NotConnected, KeyLost.
    """
    first = session.scalars(
        select(ClearingMessage).where(ClearingMessage.uid == proposal.uid, ClearingMessage.step == step)
    ).one_or_none()
    if first is None:
        first = _write(session, proposal, step, minutes, now)
    return sign_letter(session, first.from_id, first.to_id, Envelope(first.content, first.hash), now=now)


def sign_letter(session: Session, from_id: int, to_id: int, envelope: Envelope, *, now: datetime) -> Letter:
    """Content as it goes to the other branch (again). Raises NotConnected, KeyLost."""
    pair = find_pair(session, from_id, to_id)
    if pair is None:
        raise _not_connected(session, from_id, to_id)
    signed = signing.sign(session, pair, from_id, envelope.hash, now=now)
    return Letter(from_id=from_id, to_id=to_id, envelope=envelope, signed=signed)


def _not_connected(session: Session, from_id: int, to_id: int) -> NotConnected:
    return NotConnected(payer=get_branch(session, from_id).name, payee=get_branch(session, to_id).name)


def _write(session: Session, proposal: Proposal, step: str, minutes: int, now: datetime) -> ClearingMessage:
    last = _last_sent(session, proposal) if step == COMMITTED else None
    number = (last.number or 0) + 1 if last is not None else 1
    chain = {"number": number, "previous": last.hash if last else None} if step == COMMITTED else {}
    reversed_one = session.get(Proposal, proposal.reverses_id) if proposal.reverses_id else None
    envelope = write(
        {
            "expires": proposal.expires_at.isoformat(),
            "from": get_branch(session, proposal.payer_id).code,
            "minutes": minutes,
            **_amounts(settled_of(proposal)),
            "reverses": reversed_one.uid if reversed_one else None,
            "step": step,
            "to": get_branch(session, proposal.payee_id).code,
            "uid": proposal.uid,
            "unit": "coin",
            **chain,
        }
    )
    message = ClearingMessage(
        uid=proposal.uid,
        step=step,
        from_id=proposal.payer_id,
        to_id=proposal.payee_id,
        number=number if chain else None,
        previous_hash=last.hash if last else None,
        content=envelope.content,
        hash=envelope.hash,
        sent_at=now,
    )
    session.add(message)
    session.flush()
    return message


def _amounts(amounts: Amounts) -> dict[str, int | str]:
    return {"paid": amounts.paid, "rate": str(amounts.rate), "taken": amounts.taken}


def find_lie(session: Session, letter: Letter, proposal: Proposal | None) -> str:
    """In what a message contradicts its own way or the proposal it names; empty where in nothing.

    A key proves who speaks and not that it is true: direction, amounts, rate and the time for a yes are held against
    the proposal; what the payer's branch pays, against what was set aside or is to be paid.
    """
    fields = letter.envelope.fields
    codes = [get_branch(session, one).code for one in (letter.from_id, letter.to_id)]
    if [fields.get("from"), fields.get("to")] != codes:
        return "说的不是这两个网点、这个方向"
    if proposal is None:
        return ""
    if (proposal.payer_id, proposal.payee_id) != (letter.from_id, letter.to_id):
        return "是另外两个网点之间、或者另一个方向的清算单"
    amounts = settled_of(proposal) if fields["step"] == COMMITTED else asked_of(proposal)
    minutes = between_of(amounts, payer_id=letter.from_id, payee_id=letter.to_id)
    wanted = {**_amounts(amounts), "minutes": minutes, "unit": "coin"}
    if any(fields.get(name) != value for name, value in wanted.items()):
        return "分钟数或者折算与清算单不一样"
    if fields["step"] == PROPOSED and datetime.fromisoformat(fields["expires"]) != proposal.expires_at:
        return "有效期与清算单不一样"
    return ""


def _last_sent(session: Session, proposal: Proposal) -> ClearingMessage | None:
    return session.scalars(
        select(ClearingMessage)
        .where(
            ClearingMessage.from_id == proposal.payer_id,
            ClearingMessage.to_id == proposal.payee_id,
            ClearingMessage.number.is_not(None),
        )
        .order_by(ClearingMessage.number.desc())
        .limit(1)
    ).one_or_none()


def find_receipt(session: Session, letter: Letter) -> ClearingReceipt | None:
    """What was answered to this message before."""
    fields = letter.envelope.fields
    return session.scalars(
        select(ClearingReceipt).where(
            ClearingReceipt.from_id == letter.from_id,
            ClearingReceipt.uid == fields["uid"],
            ClearingReceipt.step == fields["step"],
        )
    ).one_or_none()


def keep_receipt(session: Session, letter: Letter, answer: str, *, now: datetime) -> None:
    """Remember what was answered, if it is final."""
    fields = letter.envelope.fields
    if answer in FINAL:
        session.add(
            ClearingReceipt(
                from_id=letter.from_id,
                to_id=letter.to_id,
                uid=fields["uid"],
                step=fields["step"],
                number=fields.get("number"),
                hash=letter.envelope.hash,
                answer=answer,
                received_at=now,
                signed=letter.signed.proof,
            )
        )
        session.flush()


def judge(session: Session, letter: Letter, *, now: datetime) -> str | None:
    """An answer that needs no look at the proposal: not believed, broken, known or out of turn; else None."""
    pair = find_pair(session, letter.from_id, letter.to_id, lock=True)
    if pair is None:
        raise _not_connected(session, letter.from_id, letter.to_id)
    if pair.status not in {PAIR_OPEN, PAIR_FROZEN}:
        return OFF
    doubted = _doubt(session, pair, letter, now)
    if doubted is not None:
        return doubted
    known = find_receipt(session, letter)
    if known is not None:
        if known.hash != letter.envelope.hash:
            return broken(session, pair, letter, "同一个编号第二次来的内容不一样", now)
        return known.answer
    return _out_of_turn(session, pair, letter, now)


def _doubt(session: Session, pair: BranchPair, letter: Letter, now: datetime) -> str | None:
    """Whether the other branch sent this, just now and whole; a time stamp is looked at once the signature is good."""
    content_hash, signed = letter.envelope.hash, letter.signed
    why = signing.doubt(session, pair, letter.from_id, content_hash, signed, now=now)
    if why == signing.FORGED:
        return broken(session, pair, letter, "签名不是对方网点的", now)
    if why is not None:
        return why
    if not letter.envelope.is_whole:
        return broken(session, pair, letter, "内容与它的校验值不符", now)
    if not _is_readable(letter.envelope):
        return broken(session, pair, letter, "不是约定的格式", now)
    if not signing.is_first_use(session, letter.from_id, content_hash, signed):
        return broken(session, pair, letter, "用过的一次性标记，第二次来的内容不一样", now)
    return None


def _is_readable(envelope: Envelope) -> bool:
    """Whether a message has what is looked at: a known step, an id, a time, for what was paid a place in the chain."""
    try:
        fields = envelope.fields
        datetime.fromisoformat(fields["expires"])
    except (KeyError, TypeError, ValueError):
        return False
    numbered = type(fields.get("number")) is int and "previous" in fields
    return (
        fields.get("step") in _STEPS
        and isinstance(fields.get("uid"), str)
        and (numbered if fields["step"] == COMMITTED else "number" not in fields)
    )


def _out_of_turn(session: Session, pair: BranchPair, letter: Letter, now: datetime) -> str | None:
    """A committed message continues the chain; one from further on waits, one from before is a broken chain."""
    fields = letter.envelope.fields
    if fields["step"] != COMMITTED:
        return None
    last = session.scalars(
        select(ClearingReceipt)
        .where(
            ClearingReceipt.from_id == letter.from_id,
            ClearingReceipt.to_id == letter.to_id,
            ClearingReceipt.number.is_not(None),
        )
        .order_by(ClearingReceipt.number.desc())
        .limit(1)
    ).one_or_none()
    had, head = (last.number or 0, last.hash) if last is not None else (0, None)
    if fields["number"] > had + 1:
        return WAIT
    if fields["number"] <= had:
        return broken(session, pair, letter, f"编号 {fields['number']}，已经收到过 {had}", now, kind="out_of_chain")
    if fields["previous"] != head:
        return broken(session, pair, letter, f"第 {fields['number']} 号接不上前一号", now, kind="out_of_chain")
    return None


def broken(
    session: Session, pair: BranchPair, letter: Letter, why: str, now: datetime, *, kind: str = "tampered"
) -> str:
    """Freeze the pair and open a case about a message; the answer to it."""
    try:
        uid = str(letter.envelope.fields.get("uid"))[:60]
    except (TypeError, ValueError):  # changed so that it is no JSON any more, or none that says something
        uid = f"校验值 {letter.envelope.hash[:12]}…"
    found = Found(kind=kind, facts=f"{uid}：{why}", key=f"{kind}:{pair.id}:{letter.envelope.hash}"[:120])
    open_case(session, pair, found, now=now)
    return BROKEN
