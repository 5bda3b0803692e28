"""A batch of scans from a device: recorded first, whatever they are worth, then judged. The key decides repeats.

Order of locks: the shift (shared), then member by member the scan keys and the attendance row, members by id: two
batches of the same scans, or a batch and a scan at the door, never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import DRAFT
from timebank.activities.queries import ShiftNotFound, get_shift
from timebank.attendance.models import PERSONAL, STAFF, Scan, ScanCase, ScanEvidence, UnreadScan
from timebank.attendance.queries import UploadAnswer, find_approval, find_ground, hold_shift, list_answers
from timebank.attendance.rules import Arrival, Ground, Timing, case_of, is_clock_doubtful, kind_of, upload_key
from timebank.attendance.service.judged import add_once, ensure_row, rejudge_member
from timebank.core import codes
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Refusal
from timebank.core.keys import Keys
from timebank.members.models import Card, Member
from timebank.members.queries import BadPersonalCode, CodeReplaced, get_card_by_code
from timebank.members.rules.codes import tidy_code

_LONGEST_TEXT = 80
_NOBODY = "没有找到这位会员。"


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadedScan:
    """One scan of a device: a ``code`` that was read, or a member whom staff chose; ``wanted`` in, out or empty.

    ``roster_by_id`` and ``roster_at``: whose roster the device held, and since when, where it could prove it.
    """

    key: str
    code: str
    member_id: int | None
    wanted: str
    timing: Timing
    roster_by_id: int | None = None
    roster_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Scans of one shift, sent together; ``device`` a keyed fingerprint of the device."""

    shift_id: int
    scans: Sequence[UploadedScan]
    device: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """A scan whose member is known, with the card that was read."""

    scan: UploadedScan
    member_id: int
    card: Card | None


def record_batch(session: Session, batch: Batch, *, actor: Actor, keys: Keys, now: datetime) -> list[UploadAnswer]:
    """Record a batch and judge again whom it concerns; answers scan by scan, in the order given.

    Nothing is lost: what no rule accepts becomes a case, what names nobody is kept as it was read. A key that came
    before is answered with what became of it. Raises ShiftNotFound, NotAllowed.
    """
    hold_shift(session, batch.shift_id)
    shift = get_shift(session, batch.shift_id)
    if shift.activity.status == DRAFT:
        raise ShiftNotFound()
    actor.require("check_in.others", branch_id=shift.activity.branch_id)
    fresh = _unknown(session, batch)
    named, nobody = _read(session, keys, fresh)
    _keep_unread(session, batch, nobody, actor, now)
    approval = find_approval(session, batch.shift_id)
    waiting = approval is not None and approval.undecided
    for member_id, scans in _by_member(named).items():
        ground = find_ground(session, batch.shift_id, member_id)
        if ground is not None:
            _record(session, _Recording(batch, ground, not waiting, actor, now), scans)
    return list_answers(session, batch.shift_id, [scan.key for scan in batch.scans])


def _unknown(session: Session, batch: Batch) -> list[UploadedScan]:
    """The scans that never came before, each once."""
    fresh = {upload_key(batch.shift_id, scan.key): scan for scan in batch.scans}
    for table in (Scan, UnreadScan):
        for key in session.scalars(select(table.key).where(table.key.in_(fresh))):
            fresh.pop(key)
    return list(fresh.values())


def _read(
    session: Session, keys: Keys, scans: Iterable[UploadedScan]
) -> tuple[list[_Known], list[tuple[UploadedScan, str]]]:
    """Whom each scan means, and those that mean nobody, with why."""
    named, nobody = [], []
    for scan in scans:
        if scan.member_id is not None:
            member = session.get(Member, scan.member_id)
            if member is None:
                nobody.append((scan, _NOBODY))
            else:
                named.append(_Known(scan, member.id, None))
            continue
        try:
            card = get_card_by_code(session, keys, scan.code, at=scan.timing.claimed_at)
        except (BadPersonalCode, CodeReplaced) as unread:
            nobody.append((scan, unread.message))
        else:
            named.append(_Known(scan, card.member_id, card))
    return named, nobody


def _keep_unread(
    session: Session, batch: Batch, scans: Iterable[tuple[UploadedScan, str]], actor: Actor, now: datetime
) -> None:
    rows = [
        {
            "shift_id": batch.shift_id,
            "text": _as_evidence(scan),
            "why": why,
            "claimed_at": scan.timing.claimed_at,
            "received_at": now,
            "actor_id": actor.member_id,
            "device": batch.device,
            "key": upload_key(batch.shift_id, scan.key),
        }
        for scan, why in scans
    ]
    for row in sorted(rows, key=lambda row: str(row["key"])):
        session.execute(insert_once(session, UnreadScan), row)


def _as_evidence(scan: UploadedScan) -> str:
    """What was read, as staff may see it: a code of ours for another use (a voucher) opens doors, so only its tag."""
    if scan.member_id is not None:
        return f"会员 {scan.member_id}"
    code = tidy_code(scan.code)
    whole = len(code) > len("V1") and codes.is_valid(code) and not code.startswith("P")
    return f"{code[:2]}…" if whole else scan.code[:_LONGEST_TEXT]


def _by_member(named: Iterable[_Known]) -> dict[int, list[_Known]]:
    found: dict[int, list[_Known]] = {}
    for one in sorted(named, key=lambda one: (one.member_id, one.scan.key)):
        found.setdefault(one.member_id, []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class _Recording:
    """What all scans of one member in a batch are recorded with."""

    batch: Batch
    ground: Ground
    approved: bool
    actor: Actor
    now: datetime


def _record(session: Session, doing: _Recording, scans: Iterable[_Known]) -> None:
    """Insert one member's scans with their evidence and cases, then judge the member again if any of them counts."""
    ground = doing.ground
    counted = False
    for one in scans:
        found = case_of(ground, _arrival(doing, one))
        scan_id = _insert(session, doing, one, found[1] if found else None)
        if scan_id is None:  # sent twice at once: the other one recorded it
            continue
        if found is None:
            counted = True
        else:
            _open_case(session, doing, scan_id, found[0])
    if counted:
        ensure_row(session, ground.shift_id, ground.member_id, walk_in=not ground.signed_up)
        rejudge_member(session, ground.shift_id, ground.member_id, ground.policy)


def _arrival(doing: _Recording, one: _Known) -> Arrival:
    timing = one.scan.timing
    return Arrival(
        at=timing.claimed_at,
        wanted=one.scan.wanted,
        now=doing.now,
        approved=doing.approved,
        revoked_at=one.card.revoked_at if one.card else None,
        clock_doubtful=is_clock_doubtful(timing, doing.now),
    )


def _insert(session: Session, doing: _Recording, one: _Known, refused: type[Refusal] | None) -> int | None:
    scan, timing, ground = one.scan, one.scan.timing, doing.ground
    row = {
        "shift_id": ground.shift_id,
        "member_id": one.member_id,
        "kind": scan.wanted or kind_of(timing.claimed_at, ground.in_at or timing.claimed_at, ground.policy),
        "source": PERSONAL if scan.member_id is None else STAFF,
        "claimed_at": timing.claimed_at,
        "received_at": doing.now,
        "actor_id": doing.actor.member_id,
        "device": "",  # whose phone it was is asked of volunteers; a scanner reads everybody
        "key": upload_key(ground.shift_id, scan.key),
        "refused": refused.code if refused else "",
        "reason": "",
    }
    connection = session.connection()
    scan_id = connection.execute(add_once(Scan, connection.dialect.name), row).scalar_one_or_none()
    if scan_id is not None:
        session.execute(insert_once(session, ScanEvidence), _evidence(doing, one) | {"scan_id": scan_id})
    return scan_id


def _evidence(doing: _Recording, one: _Known) -> dict[str, Any]:
    timing = one.scan.timing
    return {
        "wanted": one.scan.wanted,
        "device": doing.batch.device,
        "device_at": timing.device_at,
        "loaded_offset": timing.loaded_offset,
        "sent_offset": timing.sent_offset,
        "card": one.card.serial if one.card else "",
        "roster_by_id": one.scan.roster_by_id,
        "roster_at": one.scan.roster_at,
    }


def _open_case(session: Session, doing: _Recording, scan_id: int, kind: str) -> None:
    case = {"scan_id": scan_id, "shift_id": doing.ground.shift_id, "kind": kind, "opened_at": doing.now}
    session.execute(insert_once(session, ScanCase), case | {"decision": "", "reason": ""})
