"""The organiser's review: times corrected with a reason, minutes entered by hand, records that do not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from timebank.activities.models import CONFIRMED, SignUp
from timebank.attendance.models import (
    NOT_GIVEN,
    PENDING,
    STAFF,
    VOID,
    ApprovalHeld,
    Attendance,
    Overtime,
    Scan,
)
from timebank.attendance.queries import find_overtime
from timebank.attendance.rules import check_manual, check_overtime, closes_at, opens_at
from timebank.attendance.service.judged import ensure_row, judged_status, rejudge_all, rejudge_member
from timebank.attendance.service.shifts import LockedShift, lock_shift, refuse_booked, refuse_closed
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid, NotAllowed, NotFound
from timebank.members.models import ACTIVE, Member

BACKDATED: Final = "补登"  # how the reason begins of minutes entered for an activity posted afterwards
_LONGEST_REASON: Final = 200


class NoSuchRecord(NotFound):
    """No active member with this number, or nothing recorded of them here."""

    code = "attendance.no_record"
    text = "没有找到这个人在这个班次的记录。请从核对名单里再选一次。"


class TimesOutOfRange(Invalid):
    """Corrected times that lie in the future, outside the shift, or the wrong way round."""

    code = "attendance.times_out_of_range"
    text = "签到、签退时间要在 {opens} 到 {closes} 之间，不能晚于现在，签退要晚于签到。"


class NothingToCorrect(Invalid):
    """A correction without any time."""

    code = "attendance.nothing_to_correct"
    text = "没有要更正的时间。请填写签到时间或签退时间。"


class RecordVoid(Conflict):
    """The record was said not to count."""

    code = "attendance.record_void"
    text = "这条记录已经标为“不计”。请先点“恢复计入”，再更正或补录。"


class NotHeld(Conflict):
    """No approver asks about this record, or not any more."""

    code = "attendance.nobody_asks"
    text = "这个人没有待答复的审核意见，可能已经有人处理过了。请刷新核对名单再看。"


class NotBackdated(Conflict):
    """Only of an activity entered afterwards people are entered by the list."""

    code = "attendance.not_backdated"
    text = "这个活动不是补登的，请按签到核对；没有扫码的人，一个一个补录并写明原因。"


class NobodyMissing(Conflict):
    """Everybody who came has left."""

    code = "attendance.nobody_missing"
    text = "没有缺签退的人，不用统一补记。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """Times that staff say, with the reason; None leaves a time as it was."""

    shift_id: int
    member_id: int
    in_at: datetime | None
    out_at: datetime | None
    reason: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ManualEntry:
    """Minutes entered by hand, with the reason; 0 takes them back."""

    shift_id: int
    member_id: int
    minutes: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OvertimeDraft:
    """Minutes past the end that a person confirms for somebody, with the reason; 0 takes them back."""

    shift_id: int
    member_id: int
    minutes: int
    reason: str
    key: str


def correct_times(session: Session, draft: Correction, *, actor: Actor, now: datetime) -> None:
    """Record the times that staff say as scans with a reason, and judge again. A repeat of the key changes nothing.

    Raises ReviewClosed, NothingToCorrect, TimesOutOfRange, NoSuchRecord.
    """
    shift = _open_review(session, draft.shift_id, actor)
    times = {kind: at for kind, at in (("in", draft.in_at), ("out", draft.out_at)) if at is not None}
    if not times:
        raise NothingToCorrect(fields={"out_at": "请填写签到时间或签退时间。"})
    refuse_booked(session, shift, [draft.member_id])
    _ensure_record(session, shift, draft.member_id)
    _check_times(session, shift, draft, now)
    for kind, at in times.items():
        session.execute(insert_once(session, Scan).values(**_staff_scan(draft, kind, at, actor=actor, now=now)))
    _answer(session, shift.id, [draft.member_id])
    rejudge_member(session, shift.id, draft.member_id, shift.policy)
    _note(session, shift.id, [draft.member_id], draft.reason, actor)


def _staff_scan(draft: Correction, kind: str, at: datetime, *, actor: Actor, now: datetime) -> dict[str, object]:
    return {
        "shift_id": draft.shift_id,
        "member_id": draft.member_id,
        "kind": kind,
        "source": STAFF,
        "claimed_at": at,
        "received_at": now,
        "actor_id": actor.member_id,
        "device": "",
        "key": f"correct:{draft.shift_id}:{draft.member_id}:{draft.key[:64]}:{kind}",
        "refused": "",
        "reason": draft.reason,
        "place_fit": NOT_GIVEN,
    }


def _check_times(session: Session, shift: LockedShift, draft: Correction, now: datetime) -> None:
    known = session.execute(
        select(Attendance.in_at, Attendance.out_at).where(
            Attendance.shift_id == shift.id, Attendance.member_id == draft.member_id
        )
    ).one()
    in_at, out_at = draft.in_at or known.in_at, draft.out_at or known.out_at
    opens, closes = opens_at(shift.policy), closes_at(shift.policy)
    given = [at for at in (draft.in_at, draft.out_at) if at is not None]
    fits = all(opens <= at <= min(closes, now) for at in given)
    in_order = in_at is None or out_at is None or in_at < out_at
    if not (fits and in_order):
        words = {"opens": f"{local(opens):%H:%M}", "closes": f"{local(closes):%H:%M}"}
        text = TimesOutOfRange.text.format(**words)
        field = "in_at" if draft.in_at is not None and draft.out_at is None else "out_at"
        raise TimesOutOfRange(fields={field: text}, **words)


def close_missing(
    session: Session, shift_id: int, *, out_at: datetime, reason: str, actor: Actor, now: datetime
) -> int:
    """Give everybody who came and did not check out the same time of leaving, with one reason; returns how many.

    Raises ReviewClosed, NobodyMissing, TimesOutOfRange.
    """
    shift = _open_review(session, shift_id, actor)
    missing = session.scalars(
        select(Attendance.member_id)
        .where(
            Attendance.shift_id == shift_id,
            Attendance.status == PENDING,
            Attendance.held_reason == "",  # what an approver asks is answered one by one
            Attendance.in_at.is_not(None),
            Attendance.in_at < out_at,
        )
        .order_by(Attendance.member_id)
    ).all()
    if not missing:
        raise NobodyMissing()
    key = f"all-{out_at:%Y%m%d%H%M%S}"
    drafts = [
        Correction(shift_id=shift_id, member_id=member_id, in_at=None, out_at=out_at, reason=reason, key=key)
        for member_id in missing
    ]
    _check_times(session, shift, drafts[0], now)
    session.execute(
        insert_once(session, Scan), [_staff_scan(draft, "out", out_at, actor=actor, now=now) for draft in drafts]
    )
    _answer(session, shift_id, missing)
    for member_id in missing:
        rejudge_member(session, shift_id, member_id, shift.policy)
    _note(session, shift_id, list(missing), reason, actor)
    return len(missing)


def void(session: Session, shift_id: int, member_id: int, *, reason: str, actor: Actor) -> None:
    """Say that a record does not count, with a reason. Raises ReviewClosed, NoSuchRecord."""
    shift = _open_review(session, shift_id, actor)
    refuse_booked(session, shift, [member_id])
    changed = session.execute(
        update(Attendance)
        .where(Attendance.shift_id == shift.id, Attendance.member_id == member_id)
        .values(status=VOID, review_note=reason, reviewed_by_id=actor.member_id, held_reason="")
        .execution_options(synchronize_session=False)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NoSuchRecord()


def restore(session: Session, shift_id: int, member_id: int, *, actor: Actor) -> None:
    """Let a voided record count again, judged from its scans. Raises ReviewClosed, NoSuchRecord."""
    shift = _open_review(session, shift_id, actor)
    changed = session.execute(
        update(Attendance)
        .where(Attendance.shift_id == shift.id, Attendance.member_id == member_id, Attendance.status == VOID)
        .values(status=PENDING, review_note="", reviewed_by_id=actor.member_id)
        .execution_options(synchronize_session=False)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NoSuchRecord()
    rejudge_member(session, shift.id, member_id, shift.policy)


def set_manual(session: Session, draft: ManualEntry, *, actor: Actor) -> None:
    """Enter minutes by hand for somebody, with a reason; 0 takes them back. Raises ReviewClosed, ManualOutOfRange."""
    shift = _open_review(session, draft.shift_id, actor)
    refuse_booked(session, shift, [draft.member_id])
    _ensure_record(session, shift, draft.member_id)
    judged = rejudge_member(session, shift.id, draft.member_id, shift.policy)
    record = (Attendance.shift_id == shift.id, Attendance.member_id == draft.member_id)
    if not draft.minutes and judged.in_at is None and judged.out_at is None:
        _forget(session, shift, draft, actor)
        return
    overtime = _overtime_of(session, shift, draft.member_id)
    entered: dict[str, object] = {"manual_minutes": 0, "manual_reason": "", "manual_by_id": None, "held_reason": ""}
    if draft.minutes:
        check_manual(draft.minutes, signed_minutes=judged.minutes, policy=shift.policy, overtime=overtime)
        # Another reason for the same minutes leaves them with whoever typed them first.
        typist = case((Attendance.manual_minutes == draft.minutes, Attendance.manual_by_id), else_=actor.member_id)
        entered |= {"manual_minutes": draft.minutes, "manual_reason": draft.reason, "manual_by_id": typist}
    status = judged_status(judged, shift.policy, void=False, manual_minutes=draft.minutes, overtime=overtime)
    session.execute(
        update(Attendance).where(*record).values(status=status, **entered).execution_options(synchronize_session=False)
    )


def confirm_overtime(session: Session, draft: OvertimeDraft, *, actor: Actor, now: datetime) -> None:
    """Say that somebody's minutes past the end count, up to so many, with the reason; 0 takes it back.

    What was said is kept and the last word stands; who said it does not approve the list. A repeat of the key changes
    nothing. Raises ReviewClosed, NoSuchRecord, RecordVoid, OvertimeOutOfRange.
    """
    shift = _open_review(session, draft.shift_id, actor)
    refuse_booked(session, shift, [draft.member_id])
    if actor.member_id is None:
        raise NotAllowed(permission="attendance.review")
    known = session.scalar(
        select(Attendance.status).where(Attendance.shift_id == shift.id, Attendance.member_id == draft.member_id)
    )
    if known is None:
        raise NoSuchRecord()
    if known == VOID:
        raise RecordVoid()
    check_overtime(draft.minutes, shift.policy)
    key = f"overtime:{shift.id}:{draft.member_id}:{draft.key[:64]}"
    if session.scalar(select(Overtime.id).where(Overtime.key == key)):
        return  # said before; nobody else says it meanwhile, we hold the shift
    said = {"shift_id": shift.id, "member_id": draft.member_id, "minutes": draft.minutes, "reason": draft.reason}
    session.add(Overtime(**said, by_id=actor.member_id, at=now, key=key))
    session.flush()
    rejudge_member(session, shift.id, draft.member_id, shift.policy)
    _note(session, shift.id, [draft.member_id], draft.reason, actor)


def _overtime_of(session: Session, shift: LockedShift, member_id: int) -> int:
    return find_overtime(session, shift.id, shift.policy, (member_id,)).get(member_id, 0)


def _forget(session: Session, shift: LockedShift, draft: ManualEntry, actor: Actor) -> None:
    """Never seen, and nothing entered any more: simply not there; but whom an approver asked about stays, as void."""
    record = (Attendance.shift_id == shift.id, Attendance.member_id == draft.member_id)
    asked = select(ApprovalHeld.id).join(Attendance, Attendance.id == ApprovalHeld.attendance_id).where(*record)
    if session.scalar(asked.limit(1)) is None:
        session.execute(delete(Attendance).where(*record))
        return
    nothing = {"manual_minutes": 0, "manual_reason": "", "manual_by_id": None, "held_reason": ""}
    void_now = {"status": VOID, "review_note": draft.reason, "reviewed_by_id": actor.member_id}
    session.execute(
        update(Attendance).where(*record).values(**nothing, **void_now).execution_options(synchronize_session=False)
    )


def keep_held(session: Session, shift_id: int, member_id: int, *, reason: str, actor: Actor) -> None:
    """Answer an approver who held somebody back: the record is right as it stands, and this is why.

    Raises ReviewClosed, NotHeld.
    """
    shift = _open_review(session, shift_id, actor)
    held = select(Attendance.id).where(
        Attendance.shift_id == shift.id, Attendance.member_id == member_id, Attendance.held_reason != ""
    )
    if session.scalar(held) is None:
        raise NotHeld()
    _answer(session, shift.id, [member_id])
    rejudge_member(session, shift.id, member_id, shift.policy)
    _note(session, shift.id, [member_id], reason, actor)


def enter_backdated(
    session: Session, shift_id: int, member_ids: Sequence[int], *, minutes: int, reason: str, actor: Actor
) -> int:
    """Enter who was at an activity that was posted after it took place, all with the same minutes; returns how many.

    Raises NotBackdated, ReviewClosed, ManualOutOfRange, NoSuchRecord.
    """
    shift = _open_review(session, shift_id, actor)
    if not shift.backdated:
        raise NotBackdated()
    why = f"{BACKDATED}：{reason}"[:_LONGEST_REASON] if reason else BACKDATED
    for member_id in sorted(set(member_ids)):
        entry = ManualEntry(shift_id=shift_id, member_id=member_id, minutes=minutes, reason=why)
        set_manual(session, entry, actor=actor)
    return len(set(member_ids))


def rejudge(session: Session, shift_id: int) -> int:
    """Judge every record of a shift again from its scans; returns how many. The same scans give the same records."""
    return rejudge_all(session, shift_id, lock_shift(session, shift_id).policy)


def _open_review(session: Session, shift_id: int, actor: Actor) -> LockedShift:
    shift = lock_shift(session, shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    refuse_closed(shift)
    return shift


def _ensure_record(session: Session, shift: LockedShift, member_id: int) -> None:
    """A record to write to; a new one only of an active member, on the list or not."""
    member = session.execute(
        select(Member.status, SignUp.id.label("sign_up_id"), Attendance.status.label("record_status"))
        .outerjoin(
            SignUp,
            (SignUp.member_id == Member.id) & (SignUp.shift_id == shift.id) & (SignUp.status == CONFIRMED),
        )
        .outerjoin(Attendance, (Attendance.member_id == Member.id) & (Attendance.shift_id == shift.id))
        .where(Member.id == member_id)
    ).one_or_none()
    if member is None or (member.status != ACTIVE and member.record_status is None):
        raise NoSuchRecord()
    if member.record_status == VOID:
        raise RecordVoid()
    ensure_row(session, shift.id, member_id, walk_in=member.sign_up_id is None)


def _answer(session: Session, shift_id: int, member_ids: Sequence[int]) -> None:
    """The organiser has dealt with what an approver asked about these people."""
    session.execute(
        update(Attendance)
        .where(Attendance.shift_id == shift_id, Attendance.member_id.in_(member_ids), Attendance.held_reason != "")
        .values(held_reason="")
        .execution_options(synchronize_session=False)
    )


def _note(session: Session, shift_id: int, member_ids: list[int], reason: str, actor: Actor) -> None:
    session.execute(
        update(Attendance)
        .where(Attendance.shift_id == shift_id, Attendance.member_id.in_(member_ids))
        .values(review_note=reason, reviewed_by_id=actor.member_id)
        .execution_options(synchronize_session=False)
    )
