"""What is judged: accepted scans and those that a person decided to count, as marks of their shift."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from timebank.attendance.models import COUNT, Scan, ScanCase, ScanEvidence
from timebank.attendance.rules import Mark, Policy, settled

_SCANS = (
    select(
        Scan.member_id,
        Scan.kind,
        Scan.claimed_at,
        Scan.reason,
        ScanEvidence.wanted,
        ScanCase.decision,
    )
    .outerjoin(ScanEvidence, ScanEvidence.scan_id == Scan.id)
    .outerjoin(ScanCase, ScanCase.scan_id == Scan.id)
    .where(Scan.shift_id == bindparam("shift_id"), or_(Scan.refused == "", ScanCase.decision == COUNT))
    .order_by(Scan.id)
)
_OF_ONE = _SCANS.where(Scan.member_id == bindparam("member_id"))


def marks_of(session: Session, shift_id: int, policy: Policy) -> dict[int, list[Mark]]:
    """Member → marks at a shift, in the order they were recorded."""
    marks: dict[int, list[Mark]] = {}
    for scan in session.execute(_SCANS, {"shift_id": shift_id}):
        marks.setdefault(scan.member_id, []).append(_mark(scan))
    return {member_id: settled(found, policy) for member_id, found in marks.items()}


def marks_of_member(session: Session, shift_id: int, member_id: int, policy: Policy) -> list[Mark]:
    """One member's marks at a shift, in the order they were recorded."""
    scans = session.execute(_OF_ONE, {"shift_id": shift_id, "member_id": member_id})
    return settled([_mark(scan) for scan in scans], policy)


def _mark(scan: Any) -> Mark:
    return Mark(
        kind=scan.kind,
        at=scan.claimed_at,
        correction=bool(scan.reason),
        either=scan.wanted == "",  # None where it was not uploaded
        decided=scan.decision == COUNT,
    )
