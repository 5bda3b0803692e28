"""What a reviewer should look at, and what keeps somebody from approving."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from timebank.activities.models import LEFT, Shift, SignUp
from timebank.attendance.models import PAPER, POSTER, VOID, Attendance, Kiosk, Scan


@dataclass(frozen=True, kw_only=True, slots=True)
class Flags:
    """What a reviewer should look at, never a reason to refuse: members by id."""

    shared_device: frozenset[int]
    overlapping: frozenset[int]
    left: frozenset[int]
    poster: frozenset[int] = frozenset()

    def of(self, member_id: int) -> list[str]:
        """The flags of one member, in words."""
        words = {
            "同一部手机签了几个人": self.shared_device,
            "同一时间还签到了别的班次": self.overlapping,
            "签到以后退出了报名": self.left,
            "扫海报码，需核对": self.poster,
        }
        return [text for text, members in words.items() if member_id in members]


def list_flags(session: Session, shift_id: int) -> Flags:
    """Who shared a device with somebody else here, was at two shifts at once, left the list after coming, or scanned
    the code on paper."""
    shared = (
        select(Scan.device)
        .where(Scan.shift_id == shift_id, Scan.device != "", Scan.refused == "")
        .where(Scan.device.not_in(select(Kiosk.device).where(Kiosk.shift_id == shift_id)))  # made to be shared
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
    poster = select(Scan.member_id).where(Scan.shift_id == shift_id, Scan.source == POSTER, Scan.refused == "")
    return Flags(
        shared_device=frozenset(session.scalars(devices)),
        overlapping=frozenset(session.scalars(overlapping)),
        left=frozenset(session.scalars(left)),
        poster=frozenset(session.scalars(poster.distinct())),
    )


def find_own_hand(session: Session, shift_id: int, member_id: int) -> str:
    """Why this person may not approve the list, in words; empty when nothing that counts is theirs or typed by them.

    A time that they corrected, or typed from paper, stays theirs however often others correct it after them: scans are
    never overwritten.
    """
    corrected = exists().where(
        Scan.shift_id == shift_id,
        Scan.member_id == Attendance.member_id,
        Scan.actor_id == member_id,
        Scan.refused == "",
        or_(Scan.reason != "", Scan.source == PAPER),
    )
    typed = or_(Attendance.manual_by_id == member_id, Attendance.reviewed_by_id == member_id, corrected)
    own = Attendance.member_id == member_id
    counted = Attendance.signed_minutes + Attendance.manual_minutes > 0
    found = session.scalars(
        select(own).where(Attendance.shift_id == shift_id, Attendance.status != VOID, counted, or_(own, typed))
    ).all()
    if any(found):
        return "名单里有您自己的时长"
    return "名单里有您亲手补录、更正或照纸录入的时长" if found else ""
