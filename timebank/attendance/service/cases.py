"""Deciding what no rule could: whether a scan counts, by whom, why. The scan itself stays as it was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from timebank.activities.models import CONFIRMED, SignUp
from timebank.activities.queries import get_shift
from timebank.attendance.models import APPROVED, COUNT, VOID, Attendance, Scan, ScanCase
from timebank.attendance.queries import count_open_cases, hold_shift
from timebank.attendance.service.judged import ensure_row, rejudge_member
from timebank.attendance.service.shifts import LockedShift, lock_shift
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, NotAllowed, NotFound
from timebank.members.models import Member


class NoSuchCase(NotFound):
    """No such case at this shift."""

    code = "attendance.no_case"
    text = "没有找到这条扫码冲突。请回到“冲突处理”再选一次。"


class CaseDecided(Conflict):
    """Somebody decided the other way before."""

    code = "attendance.case_decided"
    text = "这条冲突已经有人决定过了，不能再改。如果决定有误，请到“核对”里更正这个人的时间。"


class ListWaiting(Conflict):
    """The list is with the approver; what counts may not change under their eyes."""

    code = "attendance.list_waiting"
    text = "名单已经提交，正在等审核，现在不能改。请让审核人先退回，再决定这条冲突。"


class NoAccount(Conflict):
    """Hours can only be booked to somebody who has an account."""

    code = "attendance.no_account"
    text = "{name}还没有通过入会审核，没有账户，时长没有地方存。请先通过入会申请，再回来决定。"


class CasesOpen(Conflict):
    """A list is not sent while somebody's scan waits for a decision."""

    code = "attendance.cases_open"
    text = "还有 {count} 条扫码冲突没有决定。请先到“冲突处理”逐条决定，再提交审核。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What somebody decided about some cases of a shift: ``count`` or ``dismiss``, and why."""

    shift_id: int
    case_ids: Collection[int]
    decision: str
    reason: str


def decide_cases(session: Session, draft: Decision, *, actor: Actor, now: datetime) -> int:
    """Record a decision and judge again whom it concerns; returns how many cases it decided. A repeat changes nothing.

    A booked record stays as it is: its right minutes are shown for a correction.
    Raises ShiftNotFound, ShiftNotHeld, NoSuchCase, CaseDecided, ListWaiting, NoAccount, NotAllowed.
    """
    shift = _lock(session, draft, actor)
    cases = _lock_cases(session, draft)
    if any(row.decision and row.decision != draft.decision for row in cases):
        raise CaseDecided()
    fresh = [row for row in cases if not row.decision]
    if not fresh:
        return 0
    session.execute(
        update(ScanCase)
        .where(ScanCase.id.in_([row.id for row in fresh]))
        .values(decision=draft.decision, reason=draft.reason, decided_by_id=_person(actor), decided_at=now)
        .execution_options(synchronize_session=False)
    )
    if shift is not None:
        _judge_again(session, shift, sorted({row.member_id for row in fresh}), draft.reason, actor)
    return len(fresh)


def refuse_open_cases(session: Session, shift_id: int) -> None:
    """Refuse to go on while a scan of the shift waits for a decision. Raises CasesOpen."""
    count = count_open_cases(session, shift_id)
    if count:
        raise CasesOpen(count=count)


def _lock(session: Session, draft: Decision, actor: Actor) -> LockedShift | None:
    """The shift under its lock where something will count; held as by a scan where nothing changes (then None)."""
    if draft.decision != COUNT:
        hold_shift(session, draft.shift_id)
        branch_id = get_shift(session, draft.shift_id).activity.branch_id
        actor.require("attendance.review", branch_id=branch_id)
        return None
    shift = lock_shift(session, draft.shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    approval = shift.approval
    if approval is not None and approval.undecided:
        raise ListWaiting()
    return shift


def _lock_cases(session: Session, draft: Decision) -> Sequence[Any]:
    rows = session.execute(
        select(ScanCase.id, ScanCase.decision, Scan.member_id)
        .join(Scan, Scan.id == ScanCase.scan_id)
        .where(ScanCase.shift_id == draft.shift_id, ScanCase.id.in_(draft.case_ids))
        .order_by(ScanCase.id)
        .with_for_update(of=ScanCase)
    ).all()
    if not rows or len(rows) != len(set(draft.case_ids)):
        raise NoSuchCase()
    return rows


def _judge_again(session: Session, shift: LockedShift, member_ids: Sequence[int], reason: str, actor: Actor) -> None:
    people = session.execute(
        select(Member.id, Member.name, Member.coin_account_id, SignUp.id.label("sign_up_id"))
        .outerjoin(SignUp, and_(SignUp.member_id == Member.id, SignUp.shift_id == shift.id, SignUp.status == CONFIRMED))
        .where(Member.id.in_(member_ids))
        .order_by(Member.id)
    ).all()
    for person in people:
        if person.coin_account_id is None:
            raise NoAccount(name=person.name)
        ensure_row(session, shift.id, person.id, walk_in=person.sign_up_id is None)
        rejudge_member(session, shift.id, person.id, shift.policy)
    # Whoever decides has a hand in what counts, and does not approve it.
    session.execute(
        update(Attendance)
        .where(Attendance.shift_id == shift.id, Attendance.member_id.in_(member_ids))
        .where(Attendance.status.not_in((APPROVED, VOID)))  # the reason for leaving somebody out stays
        .values(review_note=reason, reviewed_by_id=actor.member_id)
        .execution_options(synchronize_session=False)
    )


def _person(actor: Actor) -> int:
    if actor.member_id is None:
        raise NotAllowed(permission="attendance.review")
    return actor.member_id
