"""What is past its term and may go: nothing that is held, disputed, to be checked, not booked, or in an open month."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, literal, or_, select, union
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, NoShow, NoShowAppeal, Shift
from timebank.attendance.models import (
    PENDING,
    READY,
    Attendance,
    AttendanceCorrection,
    Scan,
    ScanCase,
    ScanEvidence,
    Sheet,
    SheetLook,
    SheetPhoto,
    ShiftApproval,
    UnreadScan,
)
from timebank.branches.models import Branch
from timebank.core.clock import month_of
from timebank.corrections.models import OPEN, WAITING, Correction, CorrectionRequest
from timebank.ledger.queries import closed_months
from timebank.members.models import Member, MemberAccess
from timebank.notices.models import Notice
from timebank.reports.models import SpotFinding, SpotPick
from timebank.retention.models import LegalHold
from timebank.retention.queries.terms import past_before
from timebank.retention.rules import DISPOSABLE, Listed

_NOTHING: Final = literal("").label("digest")  # of kinds without a hash of their own
MOST: Final = 2_000  # of each kind in one list: what a person can answer for; the rest comes in the next
_BATCH: Final = 500


def list_past(session: Session, branch: Branch, months: Mapping[str, int], *, now: datetime) -> list[Listed]:
    """What of a branch is past its term and may be destroyed now, the oldest first."""
    found: list[Listed] = []
    for kind, select_rows in _SELECTIONS.items():
        rows = session.execute(select_rows(branch.id, past_before(months[kind], now))).all()
        if DISPOSABLE[kind].of_activity:
            spared = spared_why(session, branch.id, {row.shift_id for row in rows})
            rows = [row for row in rows if row.shift_id not in spared]
        found += [_listed(kind, row) for row in rows[:MOST]]
    return found


def _listed(kind: str, row: Any) -> Listed:
    return Listed(kind=kind, row_id=row.id, about=_WORDS[kind](row), digest=row.digest, dated=row.dated)


def _photos(branch_id: int, before: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            SheetPhoto.id, SheetPhoto.digest, SheetPhoto.at.label("dated"),
            Sheet.shift_id, Sheet.number, SheetPhoto.page,
        )
        .join(Sheet, Sheet.id == SheetPhoto.sheet_id)
        .join(Shift, Shift.id == Sheet.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Activity.branch_id == branch_id, SheetPhoto.at < before, SheetPhoto.destroyed_at.is_(None))
        .order_by(SheetPhoto.at, SheetPhoto.id)
    )  # fmt: skip


def _evidence(branch_id: int, before: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            ScanEvidence.scan_id.label("id"), _NOTHING, Scan.received_at.label("dated"), Scan.shift_id, Activity.title,
        )
        .join(Scan, Scan.id == ScanEvidence.scan_id)
        .join(Shift, Shift.id == Scan.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Activity.branch_id == branch_id, Scan.received_at < before)
        .order_by(Scan.received_at, Scan.id)
    )  # fmt: skip


def _unread(branch_id: int, before: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(UnreadScan.id, _NOTHING, UnreadScan.received_at.label("dated"), UnreadScan.shift_id, Activity.title)
        .join(Shift, Shift.id == UnreadScan.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Activity.branch_id == branch_id, UnreadScan.received_at < before)
        .order_by(UnreadScan.received_at, UnreadScan.id)
    )


def _notices(branch_id: int, before: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(Notice.id, _NOTHING, Notice.read_at.label("dated"), Notice.kind)
        .join(Member, Member.id == Notice.member_id)
        .where(Member.branch_id == branch_id, Notice.read_at < before)
        .order_by(Notice.id)
        .limit(MOST)
    )


def _sheet_looks(branch_id: int, before: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(SheetLook.id, _NOTHING, SheetLook.at.label("dated"), Sheet.shift_id, SheetPhoto.page, Sheet.number)
        .join(SheetPhoto, SheetPhoto.id == SheetLook.photo_id)
        .join(Sheet, Sheet.id == SheetPhoto.sheet_id)
        .join(Shift, Shift.id == Sheet.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Activity.branch_id == branch_id, SheetLook.at < before)
        .order_by(SheetLook.id)
    )


def _member_looks(branch_id: int, before: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(MemberAccess.id, _NOTHING, MemberAccess.at.label("dated"), Member.number)
        .join(Member, Member.id == MemberAccess.member_id)
        .where(Member.branch_id == branch_id, MemberAccess.at < before)
        .order_by(MemberAccess.id)
        .limit(MOST)
    )


_SELECTIONS: Final[Mapping[str, Callable[[int, datetime], Select[*tuple[Any, ...]]]]] = {
    "sheet_photos": _photos,
    "scan_evidence": _evidence,
    "unread_scans": _unread,
    "notices": _notices,
    "sheet_looks": _sheet_looks,
    "member_looks": _member_looks,
}
_WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "sheet_photos": lambda row: f"{row.number} 第 {row.page} 页",
    "scan_evidence": lambda row: row.title,
    "unread_scans": lambda row: row.title,
    "notices": lambda row: row.kind,
    "sheet_looks": lambda row: f"{row.number} 第 {row.page} 页",
    "member_looks": lambda row: row.number,
}


# --- what is left alone --------------------------------------------------------------------------------------------


def spared_why(session: Session, branch_id: int, shift_ids: Collection[int]) -> dict[int, str]:
    """Which of some shifts are left alone now, and why, in words."""
    found: dict[int, str] = {}
    ids = sorted(shift_ids)
    for at in range(0, len(ids), _BATCH):
        some = ids[at : at + _BATCH]
        for why, shifts in _reasons(session, branch_id, some):
            for shift_id in shifts:
                found.setdefault(shift_id, why)
    return found


def _reasons(session: Session, branch_id: int, ids: Collection[int]) -> Iterator[tuple[str, Collection[int]]]:
    def shifts(chosen: Select[*tuple[Any, ...]]) -> set[int]:
        return set(session.scalars(chosen))

    held = select(Shift.id).join(LegalHold, LegalHold.activity_id == Shift.activity_id)
    yield "有人暂停了销毁", shifts(held.where(Shift.id.in_(ids), LegalHold.lifted_at.is_(None)))
    checked = select(SpotFinding.id).where(
        SpotFinding.sample_id == SpotPick.sample_id, SpotFinding.activity_id == SpotPick.activity_id
    )
    picked = select(Shift.id).join(SpotPick, SpotPick.activity_id == Shift.activity_id)
    yield "抽查抽到，还没有查", shifts(picked.where(Shift.id.in_(ids), ~checked.exists()))
    yield "有争议没有办完", shifts(_disputed(ids))
    appeals = select(NoShow.shift_id).join(NoShowAppeal, NoShowAppeal.no_show_id == NoShow.id)
    yield "有缺席申诉没有决定", shifts(appeals.where(NoShow.shift_id.in_(ids), NoShowAppeal.decided_at.is_(None)))
    cases = select(ScanCase.shift_id).where(ScanCase.shift_id.in_(ids), ScanCase.decision == "")
    yield "有疑问扫码没有决定", shifts(cases)
    loose = select(Attendance.shift_id).where(Attendance.shift_id.in_(ids), Attendance.status.in_((PENDING, READY)))
    yield "还有时长没有入账", shifts(loose)
    yield "名单还没有审批", shifts(_undecided(ids))
    yield "账期还没有封签", _unsealed(session, branch_id, ids)


def _unsealed(session: Session, branch_id: int, ids: Collection[int]) -> set[int]:
    """Shifts with hours in a month that is open at the branch, or at a guest's own, where the guest's are booked."""
    rounds = select(ShiftApproval.shift_id, ShiftApproval.approved_at, literal(branch_id).label("book_id")).where(
        ShiftApproval.shift_id.in_(ids), ShiftApproval.approved_at.is_not(None)
    )
    booked = (
        select(ShiftApproval.shift_id, ShiftApproval.approved_at, Member.branch_id.label("book_id"))
        .join(Attendance, Attendance.approval_id == ShiftApproval.id)
        .join(Member, Member.id == Attendance.member_id)
        .where(ShiftApproval.shift_id.in_(ids), ShiftApproval.approved_at.is_not(None))
    )
    rows = session.execute(union(rounds, booked)).all()
    closed = {book_id: set(closed_months(session, book_id)) for book_id in {row.book_id for row in rows}}
    return {row.shift_id for row in rows if month_of(row.approved_at) not in closed[row.book_id]}


def _undecided(ids: Collection[int]) -> Select[*tuple[Any, ...]]:
    undecided = ShiftApproval.approved_at.is_(None) & ShiftApproval.returned_at.is_(None)
    return select(ShiftApproval.shift_id).where(ShiftApproval.shift_id.in_(ids), undecided)


def _disputed(ids: Collection[int]) -> Select[*tuple[Any, ...]]:
    """Shifts with a record whose entry somebody asked to have looked at, or set right."""
    asked = select(CorrectionRequest.entry_id).where(CorrectionRequest.status == OPEN)
    waiting = select(Correction.entry_id).where(Correction.status == WAITING)
    again = select(AttendanceCorrection.id).where(
        AttendanceCorrection.attendance_id == Attendance.id,
        or_(AttendanceCorrection.replacement_id.in_(asked), AttendanceCorrection.replacement_id.in_(waiting)),
    )
    return select(Attendance.shift_id).where(
        Attendance.shift_id.in_(ids),
        or_(Attendance.entry_id.in_(asked), Attendance.entry_id.in_(waiting), again.exists()),
    )
