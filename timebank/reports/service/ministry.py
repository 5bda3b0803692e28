"""Batches for the ministry's system: made, handed out once, submitted, answered record by record, or cancelled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.core.keys import Keys
from timebank.members.models import MemberAccess
from timebank.reports.models import (
    ACCEPTED,
    CANCELLED,
    PERSON,
    PREPARED,
    REJECTED,
    SERVICE,
    SUBMITTED,
    MinistryBatch,
    MinistryRecord,
)
from timebank.reports.queries import (
    MOST_LINES,
    Line,
    due_of,
    get_batch,
    list_answers,
    list_records,
    make_lines,
)
from timebank.reports.rules import Answer

Write = Callable[[Sequence[Line]], bytes]
_WHY_LENGTH = 120


class NothingDue(Conflict):
    """Everything was sent, and nothing is different since."""

    code = "reports.nothing_due"
    text = "没有新的或者改过的记录要上报。"


class AlreadyHanded(Conflict):
    """The file was handed out before; it is kept nowhere."""

    code = "reports.already_handed"
    text = "这个批次的文件已经取走了，系统里没有留。文件丢了，请作废这个批次，重新做一个。"


class NotHanded(Conflict):
    """Nobody can have submitted what nobody has."""

    code = "reports.not_handed"
    text = "请先取文件，上报以后再登记。"


class RecordsChanged(Conflict):
    """What the batch was made of is different now."""

    code = "reports.records_changed"
    text = "有 {count} 条记录在做批次以后变过。请作废这个批次，重新做一个。"


class AlreadyAnswered(Conflict):
    """Answers came, so the batch stands as it is; or it is over."""

    code = "reports.already_answered"
    text = "这个批次已经有答复，或者已经作废，不能这样办。"


class UnknownNumber(Invalid):
    """An answer names something that is not in the batch."""

    code = "reports.unknown_number"
    text = "这个批次里没有编号 {numbers}。请核对是不是别的批次的名单。"


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchDraft:
    """Whose records are to be sent, and for what."""

    branch_id: int
    reason: str
    form_key: str


def make_batch(
    session: Session,
    draft: BatchDraft,
    lines: Sequence[Line] | None = None,
    *,
    actor: Actor,
    keys: Keys,
    now: datetime,
) -> MinistryBatch:
    """Put what is due into a batch, up to ``MOST_LINES``. A repeat answers with the first.

    Reading every record takes long: a door hands in the ``lines`` that it read before. Which of them are still due is
    looked up here; one that says something else by now is refused when the file is handed out.
    Raises NotAllowed, NothingDue, FormUsed.
    """
    actor.require("ministry.submit", branch_id=draft.branch_id)
    lock_name(session, f"ministry:{draft.branch_id}")
    first = session.scalar(select(MinistryBatch).where(MinistryBatch.form_key == draft.form_key))
    if first is not None:
        if (first.branch_id, first.reason) != (draft.branch_id, draft.reason):
            raise FormUsed()
        return first
    if lines is None:
        lines = list(make_lines(session, get_branch(session, draft.branch_id), keys))
    due = due_of(session, draft.branch_id, lines)
    if not due:
        raise NothingDue()
    newest = select(func.max(MinistryBatch.number)).where(MinistryBatch.branch_id == draft.branch_id)
    batch = MinistryBatch(
        branch_id=draft.branch_id,
        number=(session.scalar(newest) or 0) + 1,
        reason=draft.reason,
        made_by_id=actor.person("ministry.submit"),
        made_at=now,
        form_key=draft.form_key,
    )
    session.add(batch)
    session.flush()
    session.add_all(
        MinistryRecord(
            batch_id=batch.id,
            kind=one.line.kind,
            source_id=one.line.source_id,
            member_id=one.line.member_id,
            digest=one.line.digest,
            state=PREPARED,
        )
        for one in due[:MOST_LINES]
    )
    session.flush()
    return batch


def _locked(session: Session, batch_id: int, actor: Actor) -> MinistryBatch:
    batch = get_batch(session, batch_id)
    actor.require("ministry.submit", branch_id=batch.branch_id)
    lock_name(session, f"ministry:{batch.branch_id}")
    session.refresh(batch)
    return batch


def hand_out(
    session: Session, batch_id: int, write: Write, *, actor: Actor, keys: Keys, now: datetime
) -> tuple[MinistryBatch, bytes]:
    """The file of a batch with the full numbers, made by ``write``, once. Whose numbers are in it is written down.

    Raises BatchNotFound, NotAllowed, AlreadyHanded, AlreadyAnswered, RecordsChanged.
    """
    batch = _locked(session, batch_id, actor)
    actor.require("member.unmask", branch_id=batch.branch_id)
    if batch.cancelled_at is not None:
        raise AlreadyAnswered()
    if batch.handed_at is not None:
        raise AlreadyHanded()
    records = list_records(session, batch.id)
    only = {kind: {one.source_id for one in records if one.kind == kind} for kind in (PERSON, SERVICE)}
    branch = get_branch(session, batch.branch_id)
    lines = list(make_lines(session, branch, keys, full=True, only=only))
    now_said = {(line.kind, line.source_id): line.digest for line in lines}
    changed = sum(now_said.get((one.kind, one.source_id)) != one.digest for one in records)
    if changed:
        raise RecordsChanged(count=changed)
    content = write(lines)
    why = f"上报批次 {batch.number}：{batch.reason}"[:_WHY_LENGTH]
    whose = {one.member_id: one.member for one in records}
    session.add_all(
        MemberAccess(member_id=member.id, seen_by_id=actor.member_id, field=field, reason=why, at=now)
        for member in whose.values()
        for field in ("id_number", "phone")
        if getattr(member, f"{field}_sealed")
    )
    batch.handed_by_id, batch.handed_at = actor.person("ministry.submit"), now
    batch.handed_hash = hashlib.sha256(content).hexdigest()
    session.flush()
    return batch, content


def submit_batch(session: Session, batch_id: int, *, actor: Actor, now: datetime) -> MinistryBatch:
    """Say that the file went to the ministry's system. Pressing again is harmless.

    Raises BatchNotFound, NotAllowed, NotHanded, AlreadyAnswered.
    """
    batch = _locked(session, batch_id, actor)
    if batch.submitted_at is not None:
        return batch
    if batch.cancelled_at is not None:
        raise AlreadyAnswered()
    if batch.handed_at is None:
        raise NotHanded()
    batch.submitted_by_id, batch.submitted_at = actor.person("ministry.submit"), now
    _move(session, batch.id, (PREPARED,), SUBMITTED)
    session.flush()
    return batch


def cancel_batch(session: Session, batch_id: int, *, reason: str, actor: Actor, now: datetime) -> MinistryBatch:
    """Give a batch up before any answer came: its records are due again. Pressing again is harmless.

    Raises BatchNotFound, NotAllowed, AlreadyAnswered.
    """
    batch = _locked(session, batch_id, actor)
    if batch.cancelled_at is not None:
        return batch
    if any(record.state in {ACCEPTED, REJECTED} for record in list_records(session, batch.id)):
        raise AlreadyAnswered()
    batch.cancelled_by_id, batch.cancelled_at, batch.cancelled_why = actor.person("ministry.submit"), now, reason
    _move(session, batch.id, (PREPARED, SUBMITTED), CANCELLED)
    session.flush()
    return batch


def _move(session: Session, batch_id: int, before: tuple[str, ...], state: str) -> None:
    moved = update(MinistryRecord).where(MinistryRecord.batch_id == batch_id, MinistryRecord.state.in_(before))
    session.execute(moved.values(state=state), execution_options={"synchronize_session": "fetch"})


def answer_records(session: Session, batch_id: int, answers: Sequence[Answer], *, actor: Actor, now: datetime) -> int:
    """Keep what the ministry's system said of records; returns how many were new. The same answer again is harmless.

    All of them or none: raises BatchNotFound, NotAllowed, NotHanded, UnknownNumber, AlreadyAnswered.
    """
    batch = _locked(session, batch_id, actor)
    if batch.submitted_at is None:
        raise NotHanded()
    known = list_answers(session, batch.id)
    strange = [one.number for one in answers if one.number not in known]
    if strange:
        refusal = UnknownNumber(numbers="、".join(strange[:5]))
        refusal.fields = {"answers": refusal.message}
        raise refusal
    fresh = 0
    for one in answers:
        record, state = known[one.number], ACCEPTED if one.accepted else REJECTED
        if (record.state, record.words) == (state, one.words):
            continue
        if record.state != SUBMITTED:
            raise AlreadyAnswered()
        record.state, record.words = state, one.words
        record.answered_by_id, record.answered_at = actor.person("ministry.submit"), now
        fresh += 1
    session.flush()
    return fresh
