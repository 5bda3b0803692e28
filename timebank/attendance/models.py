"""Scans as they happened, cases that people decide, attendance as it was judged, approvals as they were given."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.activities.models import Shift
from timebank.core.db import BIG, Base
from timebank.members.models import Member

IN, OUT = "in", "out"
VENUE, POSTER, PERSONAL, STAFF, PAPER, IMPORT = "venue", "poster", "personal", "staff", "paper", "import"
SOURCE_NAMES: Final = {
    VENUE: "扫现场码",
    POSTER: "扫海报码",
    PERSONAL: "扫个人码",
    STAFF: "工作人员登记",
    PAPER: "纸质签到表",
    IMPORT: "导入",
}
BY_ONESELF: Final = frozenset({VENUE, POSTER})  # scanned by the member's own phone

INSIDE, NEAR, FAR, NOT_GIVEN = "inside", "near", "far", ""
PLACE_FIT_NAMES: Final = {INSIDE: "在现场", NEAR: "在附近", FAR: "离现场较远", NOT_GIVEN: "没有附位置"}

PENDING, READY, APPROVED, VOID = "pending", "ready", "approved", "void"
ATTENDANCE_STATUS_NAMES: Final = {
    PENDING: "缺签退",
    READY: "已核对",
    APPROVED: "已入账",
    VOID: "不计",
}


class Scan(Base):
    """What happened at the door, append-only; a refused scan keeps its reason code."""

    __tablename__ = "scan"
    __table_args__ = (
        CheckConstraint("kind IN ('in', 'out')", name="kind"),
        CheckConstraint("source IN ('venue', 'poster', 'personal', 'staff', 'paper', 'import')", name="source"),
        CheckConstraint("reason = '' OR source = 'staff'", name="only_staff_correct"),
        CheckConstraint("place_fit IN ('', 'inside', 'near', 'far')", name="place_fit"),
        Index("ix_scan_shift_id_member_id", "shift_id", "member_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    kind: Mapped[str] = mapped_column(String(4))
    source: Mapped[str] = mapped_column(String(10))
    claimed_at: Mapped[datetime]  # when the code was seen, or when staff say it happened
    received_at: Mapped[datetime]
    actor_id: Mapped[int | None]
    device: Mapped[str] = mapped_column(String(64), default="")  # keyed fingerprint of a device cookie
    key: Mapped[str] = mapped_column(String(120), unique=True)
    refused: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(200), default="")  # staff correct a time; outweighs what was scanned
    # How far from the place, in a word and only where the member said so; where they were is kept nowhere.
    place_fit: Mapped[str] = mapped_column(String(8), default=NOT_GIVEN, server_default=NOT_GIVEN)


class Overtime(Base):
    """Somebody's word that a person's minutes past the end count, up to so many; append-only, the last word stands."""

    __tablename__ = "overtime"
    __table_args__ = (
        CheckConstraint("minutes >= 0", name="minutes_not_negative"),
        CheckConstraint("reason <> ''", name="has_reason"),
        Index("ix_overtime_shift_id_member_id", "shift_id", "member_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    minutes: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(120), unique=True)


_VALID = text("revoked_at IS NULL")


class ShiftPoster(Base):
    """A paper poster with a code that does not move, for one shift; a shift has one that counts at most.

    ``number`` counts a shift's posters from 1 and is in the code, so that a new one makes the others worthless.
    """

    __tablename__ = "shift_poster"
    __table_args__ = (
        UniqueConstraint("shift_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        Index("uq_shift_poster_valid", "shift_id", unique=True, sqlite_where=_VALID, postgresql_where=_VALID),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    number: Mapped[int]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[int | None]
    form_key: Mapped[str] = mapped_column(String(80), unique=True)


class Attendance(Base):
    """One member at one shift, judged from scans; approved once, then changed only by new entries.

    ``pending`` somebody is here, or left without checking out, or an approver held them back (``held_reason``) ·
    ``ready`` it counts ``minutes`` · ``void`` staff said that it does not count. While it stands in a round that is
    not decided (``submitted_in_id``) it stays as it was sent.
    """

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint("shift_id", "member_id"),
        CheckConstraint("status IN ('pending', 'ready', 'approved', 'void')", name="status"),
        CheckConstraint("signed_minutes >= 0 AND manual_minutes >= 0", name="minutes_not_negative"),
        CheckConstraint(
            "manual_minutes = 0 OR (manual_reason <> '' AND manual_by_id IS NOT NULL)", name="manual_has_reason"
        ),
        CheckConstraint("(status = 'approved') = (approval_id IS NOT NULL)", name="approved_has_approval"),
        CheckConstraint("capped_minutes >= 0", name="capped_minutes"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    in_at: Mapped[datetime | None]
    out_at: Mapped[datetime | None]
    walk_in: Mapped[bool] = mapped_column(default=False)
    signed_minutes: Mapped[int] = mapped_column(default=0)
    manual_minutes: Mapped[int] = mapped_column(default=0)
    manual_reason: Mapped[str] = mapped_column(String(200), default="")
    manual_by_id: Mapped[int | None]
    review_note: Mapped[str] = mapped_column(String(200), default="")
    reviewed_by_id: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(10), default=PENDING)
    approval_id: Mapped[int | None] = mapped_column(ForeignKey("shift_approval.id"))
    entry_id: Mapped[int | None]
    points: Mapped[int] = mapped_column(default=0)
    capped_minutes: Mapped[int] = mapped_column(default=0, server_default="0")  # served, but above the day's cap
    submitted_in_id: Mapped[int | None] = mapped_column(ForeignKey("shift_approval.id"), index=True)  # the round
    held_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")  # until the organiser answers

    shift: Mapped[Shift] = relationship()
    member: Mapped[Member] = relationship()
    corrections: Mapped[list[AttendanceCorrection]] = relationship(order_by="AttendanceCorrection.id", viewonly=True)

    @property
    def minutes(self) -> int:
        """Service minutes as they were approved: signed plus manual. ``minutes_now`` is what counts."""
        return self.signed_minutes + self.manual_minutes

    @property
    def signed_now(self) -> int:
        """Signed minutes with every correction since."""
        return self.signed_minutes + sum(one.signed_minutes for one in self.corrections)

    @property
    def manual_now(self) -> int:
        """Manual minutes with every correction since."""
        return self.manual_minutes + sum(one.manual_minutes for one in self.corrections)

    @property
    def minutes_now(self) -> int:
        """Service minutes that count, with every correction since; none are left of a record that was undone."""
        return self.signed_now + self.manual_now

    @property
    def points_now(self) -> int:
        """Points that count, with every correction since."""
        return self.points + sum(one.points for one in self.corrections)

    @property
    def entry_now_id(self) -> int | None:
        """The entry that stands for this record in the books; None when nothing does any more."""
        if not self.minutes_now:
            return None
        return self.corrections[-1].replacement_id if self.corrections else self.entry_id


class AttendanceCorrection(Base):
    """What was changed about an approved record, with the entries that did it; append-only, the record stays as it was.

    ``corrects_id`` is the entry that was wrong, ``entry_id`` its reversal, ``replacement_id`` what took its place.
    """

    __tablename__ = "attendance_correction"
    __table_args__ = (
        CheckConstraint("signed_minutes <> 0 OR manual_minutes <> 0", name="changes_minutes"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    attendance_id: Mapped[int] = mapped_column(ForeignKey("attendance.id"), index=True)
    signed_minutes: Mapped[int]
    manual_minutes: Mapped[int]
    points: Mapped[int]
    corrects_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    entry_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    replacement_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"), unique=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]


class Sheet(Base):
    """A list on paper, as it was printed: its lines are frozen, so line numbers keep their meaning. Append-only."""

    __tablename__ = "sheet"
    __table_args__ = (CheckConstraint("pages > 0", name="has_pages"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    pages: Mapped[int]
    printed_at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    shift: Mapped[Shift] = relationship()
    by: Mapped[Member] = relationship()
    lines: Mapped[list[SheetLine]] = relationship(order_by="SheetLine.line", viewonly=True)


class SheetLine(Base):
    """One line of a sheet: whose it is (nobody's yet where it is blank), and what was printed on it. Append-only."""

    __tablename__ = "sheet_line"
    __table_args__ = (
        UniqueConstraint("sheet_id", "member_id"),
        CheckConstraint("line > 0", name="line_positive"),
    )
    sheet_id: Mapped[int] = mapped_column(ForeignKey("sheet.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    shown: Mapped[str] = mapped_column(String(60), default="")
    tail: Mapped[str] = mapped_column(String(8), default="")


class SheetPhoto(Base):
    """A photo of a page that was signed, sealed; ``digest`` is the SHA-256 of the picture as shown. Append-only."""

    __tablename__ = "sheet_photo"
    __table_args__ = (
        UniqueConstraint("sheet_id", "page", "digest"),
        CheckConstraint("page > 0", name="page_positive"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("sheet.id"))
    page: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # read only when somebody looks
    digest: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]

    sheet: Mapped[Sheet] = relationship()
    by: Mapped[Member] = relationship()


class SheetTyping(Base):
    """A page as somebody typed it. ``round`` 1 made the scans, 2 is another person's control. Append-only.

    ``people`` and ``minutes`` are the check totals written on the paper; they were equal to what was typed.
    """

    __tablename__ = "sheet_typing"
    __table_args__ = (
        UniqueConstraint("sheet_id", "page", "round"),
        UniqueConstraint("sheet_id", "page", "by_id"),
        CheckConstraint("round IN (1, 2)", name="round"),
        CheckConstraint("people >= 0 AND (minutes IS NULL OR minutes >= 0)", name="totals_not_negative"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("sheet.id"))
    page: Mapped[int]
    round: Mapped[int]
    photo_id: Mapped[int] = mapped_column(ForeignKey("sheet_photo.id"))
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    people: Mapped[int]
    minutes: Mapped[int | None]
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]

    by: Mapped[Member] = relationship()


class SheetLook(Base):
    """Who looked at a photo, and when. Rows are only ever added."""

    __tablename__ = "sheet_look"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("sheet_photo.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]

    by: Mapped[Member] = relationship()
    photo: Mapped[SheetPhoto] = relationship()


class Kiosk(Base):
    """A tablet at the entrance that takes personal codes of one shift until it expires or is closed; nothing else.

    ``device`` is what its scans carry, so that many people at one kiosk are not taken for people sharing a phone.
    """

    __tablename__ = "kiosk"
    __table_args__ = (
        CheckConstraint("expires_at > opened_at", name="expires_later"),
        CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", name="closed_by"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    device: Mapped[str] = mapped_column(String(64), unique=True)
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    form_key: Mapped[str] = mapped_column(String(80), unique=True)

    shift: Mapped[Shift] = relationship()
    opened_by: Mapped[Member] = relationship(foreign_keys=opened_by_id)


UNDECIDED: Final = "approved_at IS NULL AND returned_at IS NULL"


class ShiftApproval(Base):
    """A round: records of one shift sent for approval together, and what was decided; at most one waits per shift.

    What makes one person's yes too little is kept as it was when the round was sent: ``large_minutes`` by hand for one
    person, more than ``hand_share`` percent of the list by hand, an activity entered afterwards (``backdated``).
    """

    __tablename__ = "shift_approval"
    __table_args__ = (
        UniqueConstraint("shift_id", "number"),
        Index(
            "uq_shift_approval_undecided",
            "shift_id",
            unique=True,
            sqlite_where=text(UNDECIDED),
            postgresql_where=text(UNDECIDED),
        ),
        CheckConstraint("approved_by_id IS NULL OR approved_by_id <> submitted_by_id", name="four_eyes"),
        CheckConstraint("(approved_by_id IS NULL) = (approved_at IS NULL)", name="approved_by"),
        CheckConstraint("approved_at IS NULL OR returned_at IS NULL", name="approved_or_returned"),
        CheckConstraint(
            "first_approved_by_id IS NULL OR first_approved_by_id <> submitted_by_id", name="first_four_eyes"
        ),
        CheckConstraint("(first_approved_by_id IS NULL) = (first_approved_at IS NULL)", name="first_approved_by"),
        CheckConstraint("first_approved_by_id IS NULL OR approved_by_id <> first_approved_by_id", name="two_people"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("large_minutes >= 0 AND hand_share BETWEEN 0 AND 100", name="second_limits"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    number: Mapped[int] = mapped_column(default=1)
    submitted_by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    submitted_at: Mapped[datetime]
    large_minutes: Mapped[int]
    hand_share: Mapped[int]
    backdated: Mapped[bool] = mapped_column(default=False, server_default=false())
    first_approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    first_approved_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    approved_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    returned_reason: Mapped[str] = mapped_column(String(200), default="")
    people: Mapped[int] = mapped_column(default=0)
    minutes: Mapped[int] = mapped_column(default=0)
    points: Mapped[int] = mapped_column(default=0)

    shift: Mapped[Shift] = relationship()

    @property
    def undecided(self) -> bool:
        """Sent, and neither booked nor given back."""
        return self.approved_at is None and self.returned_at is None


class ApprovalHeld(Base):
    """Somebody whom an approver left out of a round, and why; append-only."""

    __tablename__ = "approval_held"
    __table_args__ = (
        UniqueConstraint("approval_id", "attendance_id"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    approval_id: Mapped[int] = mapped_column(ForeignKey("shift_approval.id"))
    attendance_id: Mapped[int] = mapped_column(ForeignKey("attendance.id"), index=True)
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    at: Mapped[datetime]


COUNT, DISMISS = "count", "dismiss"
CASE_KINDS: Final = {
    "cancelled": "班次已取消",
    "inactive": "账户没有启用",
    "approved": "名单已经入账",
    "submitted": "名单已经提交",
    "revoked": "用的是作废的卡",
    "clock": "手机时间不准",
    "future": "时间在将来",
    "early": "还没到签到时间",
    "late": "已经过了时间",
    "unlisted": "没有报名，不接受现场加入",
}


class ScanEvidence(Base):
    """How an uploaded scan came to its time, append-only: beside the scan, which says what it counts as.

    Offsets are seconds that the server's clock ran ahead of the device's: measured when the roster was loaded (None
    where it never was), and when the scan was sent.
    """

    __tablename__ = "scan_evidence"
    __table_args__ = (CheckConstraint("wanted IN ('', 'in', 'out')", name="wanted"),)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id"), primary_key=True, autoincrement=False)
    wanted: Mapped[str] = mapped_column(String(4), default="")  # what was pressed; empty: a camera only read a code
    device: Mapped[str] = mapped_column(String(64), default="")  # keyed fingerprint of the scanning device
    device_at: Mapped[datetime]
    loaded_offset: Mapped[int | None]
    sent_offset: Mapped[int]
    card: Mapped[str] = mapped_column(String(16), default="")  # serial of the card that was read
    roster_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # whose roster the device held
    roster_at: Mapped[datetime | None]


class ScanCase(Base):
    """A scan that no rule accepts: it does not count unless somebody decides so. Decided once, with a reason."""

    __tablename__ = "scan_case"
    __table_args__ = (
        CheckConstraint(f"kind IN {tuple(CASE_KINDS)}", name="kind"),
        CheckConstraint("decision IN ('', 'count', 'dismiss')", name="decision"),
        CheckConstraint(
            "(decision = '') = (decided_at IS NULL) AND (decision = '') = (decided_by_id IS NULL) "
            "AND (decision = '') = (reason = '')",
            name="decided_with_reason",
        ),
        Index("ix_scan_case_shift_id_decision", "shift_id", "decision"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id"), unique=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"))
    kind: Mapped[str] = mapped_column(String(10))
    opened_at: Mapped[datetime]
    decision: Mapped[str] = mapped_column(String(8), default="")
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    reason: Mapped[str] = mapped_column(String(200), default="")


class UnreadScan(Base):
    """A code at a shift that names nobody: forged, mistyped or something else. Kept as evidence, append-only."""

    __tablename__ = "unread_scan"
    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id"), index=True)
    text: Mapped[str] = mapped_column(String(80))
    why: Mapped[str] = mapped_column(String(200))
    claimed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    actor_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    device: Mapped[str] = mapped_column(String(64), default="")
    key: Mapped[str] = mapped_column(String(120), unique=True)


class PointsCarry(Base):
    """What was left over when a member's minutes became whole points; carried to the next approval."""

    __tablename__ = "points_carry"
    __table_args__ = (CheckConstraint("carry >= 0", name="carry_not_negative"),)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    carry: Mapped[int]
