"""What a reviewer should look at, and what keeps somebody from approving."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from timebank.activities.models import ABSENT, LEFT, Activity, NoShow, Shift, SignUp
from timebank.attendance.models import (
    APPROVED,
    COUNT,
    FAR,
    PAPER,
    POSTER,
    VOID,
    Attendance,
    Kiosk,
    Overtime,
    Scan,
    ScanCase,
    ShiftApproval,
)
from timebank.attendance.queries.policy import find_overtime, policy_of
from timebank.attendance.rules import Policy, shift_minutes, shift_room, stayed_over

_SAID_BY_STAFF: Final = and_(Scan.refused == "", or_(Scan.reason != "", Scan.source == PAPER))
_WORTH_ASKING: Final = 15  # minutes; fewer go by while people put things away and queue at the screen


@dataclass(frozen=True, kw_only=True, slots=True)
class FlagKind:
    """One thing to look at: a word for the list, a sentence for the person's page, a picture beside the word."""

    code: str
    word: str
    text: str
    icon: str

    def __str__(self) -> str:
        return self.word


KINDS: Final = tuple(
    FlagKind(code=code, word=word, text=text, icon=icon)
    for code, word, text, icon in (
        ("shared_device", "同一部手机", "同一部手机签了几个人", "phone"),
        ("overlapping", "时间重叠", "同一时间还签到了别的班次", "calendar"),
        ("left", "退出了报名", "签到以后退出了报名", "sign-out"),
        ("far", "离得较远", "签到时本人附的位置离现场一公里以上", "place"),
        ("poster", "扫海报签到", "扫的是贴出来的海报码，不是现场一直在换的码，不一定人在现场", "qr"),
        ("round_hours", "补录是整数", "补录的正好是整小时或整班，请核对是不是实际时长", "edit"),
        ("overtime", "多留了时间", "结束以后多留了，还没有人确认要不要加时", "clock"),
        ("first_timer", "第一次参加", "以前没有入账的服务记录，第一次来", "star"),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flags:
    """What a reviewer should look at, never a reason to refuse: members by id, for each of ``KINDS``."""

    shared_device: frozenset[int]
    overlapping: frozenset[int]
    left: frozenset[int]
    far: frozenset[int]
    poster: frozenset[int]
    round_hours: frozenset[int]
    overtime: frozenset[int]
    first_timer: frozenset[int]

    def having(self, code: str) -> frozenset[int]:
        """The members with one kind of flag."""
        found: frozenset[int] = getattr(self, code)
        return found

    def of(self, member_id: int) -> list[FlagKind]:
        """The flags of one member."""
        return [kind for kind in KINDS if member_id in self.having(kind.code)]


def list_flags(session: Session, shift_id: int) -> Flags:
    """Who should be looked at before a shift's list goes on, and for what."""
    shift, activity = session.execute(
        select(Shift, Activity).join(Activity, Activity.id == Shift.activity_id).where(Shift.id == shift_id)
    ).one()
    policy = policy_of(shift, activity)
    records = session.execute(
        select(Attendance.member_id, Attendance.out_at, Attendance.signed_minutes, Attendance.manual_minutes).where(
            Attendance.shift_id == shift_id, Attendance.status != VOID
        )
    ).all()
    return Flags(
        shared_device=_shared_device(session, shift_id),
        overlapping=_overlapping(session, shift_id),
        left=_left(session, shift_id),
        far=_scanned(session, shift_id, Scan.place_fit == FAR),
        poster=_scanned(session, shift_id, Scan.source == POSTER),
        round_hours=frozenset(record.member_id for record in records if _is_round(record, policy)),
        overtime=_unconfirmed(session, shift_id, records, policy),
        first_timer=_first_timers(session, shift),
    )


def _shared_device(session: Session, shift_id: int) -> frozenset[int]:
    shared = (
        select(Scan.device)
        .where(Scan.shift_id == shift_id, Scan.device != "", Scan.refused == "")
        .where(Scan.device.not_in(select(Kiosk.device).where(Kiosk.shift_id == shift_id)))  # made to be shared
        .group_by(Scan.device)
        .having(func.count(Scan.member_id.distinct()) > 1)
    )
    return _scanned(session, shift_id, Scan.device.in_(shared))


def _scanned(session: Session, shift_id: int, how: ColumnElement[bool]) -> frozenset[int]:
    accepted = select(Scan.member_id).where(Scan.shift_id == shift_id, Scan.refused == "", how)
    return frozenset(session.scalars(accepted.distinct()))


def _overlapping(session: Session, shift_id: int) -> frozenset[int]:
    here, there = aliased(Attendance), aliased(Attendance)
    this, other = aliased(Shift), aliased(Shift)
    found = (
        select(here.member_id)
        .join(this, this.id == here.shift_id)
        .where(
            here.shift_id == shift_id,
            here.status != VOID,
            exists().where(
                there.member_id == here.member_id,
                there.shift_id != shift_id,
                there.status != VOID,
                other.id == there.shift_id,
                other.cancelled_at.is_(None),
                other.starts_at < this.ends_at,
                other.ends_at > this.starts_at,
            ),
        )
    )
    return frozenset(session.scalars(found))


def _left(session: Session, shift_id: int) -> frozenset[int]:
    found = (
        select(Attendance.member_id)
        .join(SignUp, and_(SignUp.shift_id == Attendance.shift_id, SignUp.member_id == Attendance.member_id))
        .where(Attendance.shift_id == shift_id, SignUp.status == LEFT, SignUp.left_at > Attendance.in_at)
    )
    return frozenset(session.scalars(found))


def _is_round(record: Any, policy: Policy) -> bool:
    """Real hours are seldom round: who typed one, or the whole shift, may have typed what was planned."""
    manual = record.manual_minutes
    whole = {shift_room(policy), shift_minutes(policy)}
    return bool(manual) and (manual % 60 == 0 or manual + record.signed_minutes in whole)


def _unconfirmed(session: Session, shift_id: int, records: Sequence[Any], policy: Policy) -> frozenset[int]:
    """Who stayed on where overtime may count, and of whom nobody said yet whether it does."""
    stayed = {record.member_id for record in records if stayed_over(record.out_at, policy) >= _WORTH_ASKING}
    if not stayed or not policy.counting.overtime_limit_minutes:
        return frozenset()
    return frozenset(stayed - find_overtime(session, shift_id, policy).keys())


def _first_timers(session: Session, shift: Shift) -> frozenset[int]:
    """Who has no approved minutes of an earlier shift."""
    here, before, earlier = aliased(Attendance), aliased(Attendance), aliased(Shift)
    served = exists().where(
        before.member_id == here.member_id,
        before.status == APPROVED,
        before.signed_minutes + before.manual_minutes > 0,
        earlier.id == before.shift_id,
        earlier.starts_at < shift.starts_at,
    )
    found = select(here.member_id).where(here.shift_id == shift.id, here.status != VOID, ~served)
    return frozenset(session.scalars(found))


def find_own_hand(session: Session, round_id: int, member_id: int, *, without: Collection[int] = ()) -> str:
    """Why this person may not approve a round, in words; empty when nothing that counts is theirs or typed by them.

    ``without``: members who are left out of it. A time that they corrected or typed from paper, or overtime that they
    confirmed, stays theirs however often others change it after them: neither is ever overwritten.
    """
    corrected = exists().where(
        Scan.shift_id == Attendance.shift_id,
        Scan.member_id == Attendance.member_id,
        Scan.actor_id == member_id,
        _SAID_BY_STAFF,
    )
    decided = exists().where(
        ScanCase.shift_id == Attendance.shift_id,
        ScanCase.decision == COUNT,
        ScanCase.decided_by_id == member_id,
        ScanCase.scan_id == Scan.id,
        Scan.member_id == Attendance.member_id,
    )
    confirmed = exists().where(
        Overtime.shift_id == Attendance.shift_id,
        Overtime.member_id == Attendance.member_id,
        Overtime.by_id == member_id,
    )
    typed = or_(
        Attendance.manual_by_id == member_id, Attendance.reviewed_by_id == member_id, corrected, decided, confirmed
    )
    own = Attendance.member_id == member_id
    counted = Attendance.signed_minutes + Attendance.manual_minutes > 0
    found = session.scalars(
        select(own).where(
            Attendance.submitted_in_id == round_id,
            Attendance.status != VOID,
            Attendance.member_id.not_in(without),
            counted,
            or_(own, typed),
        )
    ).all()
    if any(found):
        return "名单里有您自己的时长"
    if found:
        return "名单里有您亲手补录、更正或照纸录入的时长"
    marked = select(NoShow.id).where(_marked_for(round_id), NoShow.marked_by_id == member_id)
    return "名单里的缺席是您记的" if session.scalar(marked.limit(1)) else ""


def _marked_for(round_id: int) -> ColumnElement[bool]:
    """Marks of no-shows that this round would let count."""
    shift = select(ShiftApproval.shift_id).where(ShiftApproval.id == round_id).scalar_subquery()
    return and_(NoShow.shift_id == shift, NoShow.kind == ABSENT, NoShow.counted_at.is_(None))


def list_hands(session: Session, round_id: int) -> set[int]:
    """Everybody who may not approve a round: whose minutes are in it, and who had a hand in them."""
    counted = (
        Attendance.submitted_in_id == round_id,
        Attendance.status != VOID,
        Attendance.signed_minutes + Attendance.manual_minutes > 0,
    )
    records = select(Attendance.member_id, Attendance.manual_by_id, Attendance.reviewed_by_id).where(*counted)
    hands = {person for row in session.execute(records) for person in row}
    hands |= set(session.scalars(_of_records(Scan, Scan.actor_id, *counted).where(_SAID_BY_STAFF)))
    hands |= set(session.scalars(_of_records(Overtime, Overtime.by_id, *counted)))
    decided = _of_records(Scan, ScanCase.decided_by_id, *counted).join(ScanCase, ScanCase.scan_id == Scan.id)
    hands |= set(session.scalars(decided.where(ScanCase.decision == COUNT)))
    hands |= set(session.scalars(select(NoShow.marked_by_id).where(_marked_for(round_id))))
    return {person for person in hands if person is not None}


def _of_records(what: type[Scan] | type[Overtime], person: Any, *which: Any) -> Select[Any]:
    """The people who made scans, or confirmed overtime, of these records."""
    same = and_(Attendance.shift_id == what.shift_id, Attendance.member_id == what.member_id)
    return select(person).select_from(what).join(Attendance, same).where(*which)
