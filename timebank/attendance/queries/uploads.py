"""What became of uploaded scans: the same answer the first time and ever after, with how the record stands now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import COUNT, VOID, Attendance, Scan, ScanCase, ScanEvidence, UnreadScan
from timebank.attendance.queries.policy import policy_of
from timebank.attendance.rules import Policy, kind_of, upload_key
from timebank.members.models import Member


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadAnswer:
    """What became of one scan.

    ``state`` counted; case (a person has to decide, or decided that it does not count: ``refused`` says why); void
    (staff said that the record does not count); unread (names nobody, ``why``); lost (no such key: it was not taken).
    ``kind`` in, again or out.
    """

    key: str
    state: str
    kind: str = ""
    why: str = ""
    refused: str = ""
    decided: bool = False
    member_id: int | None = None
    name: str = ""
    in_at: datetime | None = None
    out_at: datetime | None = None
    minutes: int = 0
    walk_in: bool = False


def list_answers(session: Session, shift_id: int, keys: Sequence[str]) -> list[UploadAnswer]:
    """The answers to these keys of a device, in their order."""
    stored = {upload_key(shift_id, key): key for key in keys}
    shift, activity = session.execute(
        select(Shift, Activity).join(Activity, Activity.id == Shift.activity_id).where(Shift.id == shift_id)
    ).one()
    policy = policy_of(shift, activity)
    found = {row.key: _answer(stored[row.key], row, policy) for row in session.execute(_scans(list(stored)))}
    unread = session.execute(select(UnreadScan.key, UnreadScan.why).where(UnreadScan.key.in_(stored)))
    found |= {row.key: UploadAnswer(key=stored[row.key], state="unread", why=row.why) for row in unread}
    return [found.get(name) or UploadAnswer(key=key, state="lost") for name, key in stored.items()]


def _scans(keys: list[str]) -> Any:
    return (
        select(
            Scan.key,
            Scan.kind,
            Scan.claimed_at,
            Scan.refused,
            Scan.member_id,
            Member.name,
            ScanEvidence.wanted,
            ScanCase.decision,
            Attendance.in_at,
            Attendance.out_at,
            Attendance.signed_minutes,
            Attendance.walk_in,
            Attendance.status,
        )
        .join(Member, Member.id == Scan.member_id)
        .outerjoin(ScanEvidence, ScanEvidence.scan_id == Scan.id)
        .outerjoin(ScanCase, ScanCase.scan_id == Scan.id)
        .outerjoin(Attendance, and_(Attendance.shift_id == Scan.shift_id, Attendance.member_id == Scan.member_id))
        .where(Scan.key.in_(keys))
    )


def _answer(key: str, row: Any, policy: Policy) -> UploadAnswer:
    counts = not row.refused or row.decision == COUNT
    state = "case" if not counts else "void" if row.status == VOID else "counted"
    return UploadAnswer(
        key=key,
        state=state,
        kind=_kind(row, policy),
        refused=row.refused,
        decided=bool(row.decision),
        member_id=row.member_id,
        name=row.name,
        in_at=row.in_at,
        out_at=row.out_at,
        minutes=row.signed_minutes or 0,
        walk_in=bool(row.walk_in),
    )


def _kind(row: Any, policy: Policy) -> str:
    """What the scan is now that all are known: a check-in that another came before is one ``again``."""
    kind = row.kind
    if row.wanted == "" and row.in_at is not None:
        kind = kind_of(row.claimed_at, row.in_at, policy)
    return "again" if kind == "in" and row.in_at is not None and row.claimed_at > row.in_at else str(kind)
