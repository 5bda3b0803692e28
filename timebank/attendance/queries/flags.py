"""What a reviewer should look at, and what keeps somebody from approving."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from timebank.activities.models import LEFT, Shift, SignUp
from timebank.attendance.models import VOID, Attendance, Scan


@dataclass(frozen=True, kw_only=True, slots=True)
class Flags:
    """What a reviewer should look at, never a reason to refuse: members by id."""

    shared_device: frozenset[int]
    overlapping: frozenset[int]
    left: frozenset[int]

    def of(self, member_id: int) -> list[str]:
        """The flags of one member, in words."""
        words = {
            "同一部手机签了几个人": self.shared_device,
            "同一时间还签到了别的班次": self.overlapping,
            "签到以后退出了报名": self.left,
        }
        return [text for text, members in words.items() if member_id in members]


def list_flags(session: Session, shift_id: int) -> Flags:
    """Who shared a device with somebody else here, who was at two shifts at once, who left the list after coming."""
    shared = (
        select(Scan.device)
        .where(Scan.shift_id == shift_id, Scan.device != "", Scan.refused == "")
        .group_by(Scan.device)
        .having(func.count(Scan.member_id.distinct()) > 1)
    )
    devices = select(Scan.member_id).where(Scan.shift_id == shift_id, Scan.device.in_(shared)).distinct()
    here, there = aliased(Attendance), aliased(Attendance)
    this, other = aliased(Shift), aliased(Shift)
    overlapping = (
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
    left = (
        select(here.member_id)
        .join(SignUp, and_(SignUp.shift_id == here.shift_id, SignUp.member_id == here.member_id))
        .where(here.shift_id == shift_id, SignUp.status == LEFT, SignUp.left_at > here.in_at)
    )
    return Flags(
        shared_device=frozenset(session.scalars(devices)),
        overlapping=frozenset(session.scalars(overlapping)),
        left=frozenset(session.scalars(left)),
    )


def find_own_hand(session: Session, round_id: int, member_id: int, *, without: Collection[int] = ()) -> str:
    """Why this person may not approve a round, in words; empty when nothing that counts is theirs or typed by them.

    ``without``: members who are left out of it. A time that they corrected stays theirs however often others correct
    it after them: scans are never overwritten.
    """
    corrected = exists().where(
        Scan.shift_id == Attendance.shift_id,
        Scan.member_id == Attendance.member_id,
        Scan.actor_id == member_id,
        Scan.reason != "",
    )
    typed = or_(Attendance.manual_by_id == member_id, Attendance.reviewed_by_id == member_id, corrected)
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
    return "名单里有您亲手补录或更正的时长" if found else ""


def list_hands(session: Session, round_id: int) -> set[int]:
    """Everybody who may not approve a round: whose minutes are in it, and who typed, reviewed or corrected them."""
    counted = (
        Attendance.submitted_in_id == round_id,
        Attendance.status != VOID,
        Attendance.signed_minutes + Attendance.manual_minutes > 0,
    )
    records = select(Attendance.member_id, Attendance.manual_by_id, Attendance.reviewed_by_id).where(*counted)
    corrected = (
        select(Scan.actor_id)
        .join(Attendance, and_(Attendance.shift_id == Scan.shift_id, Attendance.member_id == Scan.member_id))
        .where(*counted, Scan.reason != "")
    )
    hands = {person for row in session.execute(records) for person in row} | set(session.scalars(corrected))
    return {person for person in hands if person is not None}
