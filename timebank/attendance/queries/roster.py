"""The list of a shift: everybody signed up and everybody who came, with what is known of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, Select, and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from timebank.activities.models import CONFIRMED, SignUp
from timebank.attendance.models import APPROVED, PENDING, READY, VOID, Attendance, Overtime, Scan, ScanCase
from timebank.members.models import ACTIVE, Member
from timebank.members.rules import read_member_number


@dataclass(frozen=True, kw_only=True, slots=True)
class RosterLine:
    """One person of a shift. ``status`` is empty for who signed up and has not been seen.

    Minutes and points are what counts now; ``approved_minutes`` is what was approved before a correction, else None.
    """

    member_id: int
    name: str
    alias: str
    number: str
    phone_tail: str | None
    signed_up: bool
    walk_in: bool
    in_at: datetime | None
    out_at: datetime | None
    signed_minutes: int
    manual_minutes: int
    manual_reason: str
    manual_by_id: int | None
    review_note: str
    reviewed_by_id: int | None
    status: str
    entry_id: int | None
    points: int
    branch_id: int
    overtime_minutes: int | None = None  # past the end, confirmed by a person; None: nobody said a word
    approved_minutes: int | None = None
    submitted: bool = False  # in a round that was sent
    held_reason: str = ""  # why an approver held this person back, until the organiser answers
    correction_reason: str = ""

    @property
    def minutes(self) -> int:
        """Service minutes that count."""
        return 0 if self.status == VOID else self.signed_minutes + self.manual_minutes

    @property
    def here(self) -> bool:
        """Came and has not left."""
        return self.in_at is not None and self.out_at is None and self.status in {PENDING, READY}

    @property
    def no_show(self) -> bool:
        """Signed up, was never seen, and nothing was entered by hand."""
        return not self.status

    @property
    def pending(self) -> bool:
        """A person has to decide: a check-out, or a check-in, is missing."""
        return self.status == PENDING

    @property
    def approved(self) -> bool:
        """Booked, or recorded with nothing to book."""
        return self.status == APPROVED


def _lines(shift_id: int) -> Select[Any, Any, Any, Any]:
    return (
        select(Member, SignUp, Attendance, _said_overtime(shift_id))
        .outerjoin(
            SignUp,
            and_(SignUp.shift_id == shift_id, SignUp.member_id == Member.id, SignUp.status == CONFIRMED),
        )
        .outerjoin(Attendance, and_(Attendance.shift_id == shift_id, Attendance.member_id == Member.id))
        .options(selectinload(Attendance.corrections))
        .execution_options(populate_existing=True)
    )


def _said_overtime(shift_id: int) -> ScalarSelect[int]:
    """The last word about somebody's overtime; nothing where nobody said one."""
    said = select(Overtime.minutes).where(Overtime.shift_id == shift_id, Overtime.member_id == Member.id)
    return said.order_by(Overtime.id.desc()).limit(1).correlate(Member).scalar_subquery()


def _line(member: Member, sign_up: SignUp | None, found: Attendance | None, overtime: int | None) -> RosterLine:
    return RosterLine(
        member_id=member.id,
        name=member.name,
        alias=member.alias,
        number=member.number,
        phone_tail=member.phone_tail,
        signed_up=sign_up is not None,
        walk_in=sign_up is None,
        in_at=found.in_at if found else None,
        out_at=found.out_at if found else None,
        signed_minutes=found.signed_now if found else 0,
        manual_minutes=found.manual_now if found else 0,
        manual_reason=found.manual_reason if found else "",
        manual_by_id=found.manual_by_id if found else None,
        review_note=found.review_note if found else "",
        reviewed_by_id=found.reviewed_by_id if found else None,
        status=found.status if found else "",
        entry_id=(found.entry_now_id or found.entry_id) if found else None,
        points=found.points_now if found else 0,
        branch_id=member.branch_id,
        overtime_minutes=overtime,
        approved_minutes=found.minutes if found and found.corrections else None,
        submitted=found is not None and found.submitted_in_id is not None,
        held_reason=found.held_reason if found else "",
        correction_reason=found.corrections[-1].reason if found and found.corrections else "",
    )


def list_roster(session: Session, shift_id: int) -> list[RosterLine]:
    """Everybody signed up or recorded at a shift, by name."""
    named = or_(SignUp.id.is_not(None), Attendance.id.is_not(None))
    return [_line(*row) for row in session.execute(_lines(shift_id).where(named).order_by(Member.name, Member.id))]


def find_roster_line(session: Session, shift_id: int, member_id: int) -> RosterLine | None:
    """One member as the list of a shift shows them, on it or not; None when there is no such member."""
    row = session.execute(_lines(shift_id).where(Member.id == member_id)).one_or_none()
    return None if row is None else _line(*row)


def list_scans(session: Session, shift_id: int, member_id: int) -> Sequence[Scan]:
    """Every scan of one member at one shift, refused ones too, in the order they were recorded."""
    return session.scalars(
        select(Scan).where(Scan.shift_id == shift_id, Scan.member_id == member_id).order_by(Scan.id)
    ).all()


def list_decided(session: Session, shift_id: int, member_id: int) -> dict[int, str]:
    """Scan → what a person decided about it (count, dismiss), of one member at one shift."""
    decided = (
        select(ScanCase.scan_id, ScanCase.decision)
        .join(Scan, Scan.id == ScanCase.scan_id)
        .where(Scan.shift_id == shift_id, Scan.member_id == member_id, ScanCase.decision != "")
    )
    return {row.scan_id: row.decision for row in session.execute(decided)}


def search_members(
    session: Session, text: str, *, branch_id: int, without: Collection[int] = (), limit: int = 8
) -> Sequence[Member]:
    """Active members by part of a name or the last four digits of a phone (of this branch), or by number (of any)."""
    wanted = text.strip()
    number = read_member_number(wanted)
    if number:
        which = Member.number == number
    elif wanted.isascii() and wanted.isdigit():
        which = and_(Member.branch_id == branch_id, Member.phone_tail == wanted[-4:], func.length(wanted) >= 4)
    else:
        escaped = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        named = or_(Member.name.like(f"%{escaped}%", escape="\\"), Member.alias.like(f"%{escaped}%", escape="\\"))
        which = and_(Member.branch_id == branch_id, named)
    if not wanted:
        return ()
    found = select(Member).where(which, Member.status == ACTIVE, Member.id.not_in(without))
    return session.scalars(found.order_by(Member.name, Member.id).limit(limit)).all()
