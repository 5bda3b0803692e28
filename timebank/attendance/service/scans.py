"""Recording scans. What happened is kept even when it is refused; the unique key and the unique record decide races."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.queries import ShiftNotFound
from timebank.attendance.models import BY_ONESELF, NOT_GIVEN, PAPER, PENDING, READY, Scan
from timebank.attendance.queries import find_ground, hold_ground
from timebank.attendance.rules import REFUSALS, Ground, Mark, judge, next_kind, opens_at, refusal_of, under_review
from timebank.attendance.service.judged import add_once, ensure_row, rejudge_member
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.errors import Refusal

_KEY_LENGTH = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanDraft:
    """One scan about to be recorded.

    ``source`` venue, poster, personal, staff, paper or import · ``claimed_at`` when the code was seen · ``key`` made by
    the client, so that a resend gets the first answer · ``wanted`` what the button said (in, out), None when a camera
    read a code · ``device`` keyed fingerprint of the device · ``place_fit`` how far from the place, in a word, if they
    said so.
    """

    shift_id: int
    member_id: int
    source: str
    claimed_at: datetime
    key: str
    wanted: str | None = None
    device: str = ""
    place_fit: str = NOT_GIVEN


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanAnswer:
    """What became of a scan: ``kind`` in, out or again (had checked in before), or the ``refusal``."""

    kind: str
    ground: Ground  # as it stands after the scan
    repeated: bool
    refusal: Refusal | None


def record_scan(session: Session, draft: ScanDraft, *, actor: Actor, now: datetime) -> ScanAnswer:
    """Record one scan and keep attendance in step. The same key gives the first answer again and changes nothing.

    A refused scan is recorded with its reason and comes back as ``refusal``, not raised: what happened is never lost.
    Raises ShiftNotFound, NotAllowed.
    """
    ground = hold_ground(session, draft.shift_id, draft.member_id)
    if ground is None:
        raise ShiftNotFound()
    if draft.source in BY_ONESELF:
        actor.require("check_in.own", owner_id=draft.member_id)
    else:
        actor.require("check_in.others", branch_id=ground.branch_id)
    kind = next_kind(ground, draft.wanted, draft.claimed_at)
    # Who came and was not sent with the others may still leave: a part may be sent while people clear up.
    if draft.source == PAPER or (kind == "out" and ground.recorded):
        ground = under_review(ground)
    refused = refusal_of(ground, kind, draft.claimed_at)
    refusal = explained(refused, ground) if refused else None
    if not _insert(session, draft, kind, refusal, actor, now):
        return _first_answer(session, draft, ground)
    if refusal is not None:
        return ScanAnswer(kind=kind, ground=ground, repeated=False, refusal=refusal)
    kind, ground = _keep_in_step(session, draft, kind, ground)
    return ScanAnswer(kind=kind, ground=ground, repeated=False, refusal=None)


def explained(refusal: type[Refusal], ground: Ground) -> Refusal:
    """A refusal of the door with the times of this shift in its sentence."""
    opens, ends = local(opens_at(ground.policy)), local(ground.policy.ends_at)
    return refusal(opens=f"{opens:%m-%d %H:%M}", ends=f"{ends:%H:%M}")


def _insert(
    session: Session, draft: ScanDraft, kind: str, refusal: Refusal | None, actor: Actor, now: datetime
) -> bool:
    """Insert the scan; False when its key was there before."""
    row = {
        "shift_id": draft.shift_id,
        "member_id": draft.member_id,
        "kind": "out" if kind == "out" else "in",
        "source": draft.source,
        "claimed_at": draft.claimed_at,
        "received_at": now,
        "actor_id": actor.member_id,
        "device": draft.device,
        "key": _stored_key(draft),
        "refused": refusal.code if refusal else "",
        "reason": "",
        "place_fit": draft.place_fit,
    }
    connection = session.connection()
    return connection.execute(add_once(Scan, connection.dialect.name), row).one_or_none() is not None


def _stored_key(draft: ScanDraft) -> str:
    """A client's key under its member and shift, so that nobody can ask with another's key."""
    return f"{draft.source}:{draft.shift_id}:{draft.member_id}:{draft.key[:_KEY_LENGTH]}"


def _first_answer(session: Session, draft: ScanDraft, ground: Ground) -> ScanAnswer:
    scan = session.execute(select(Scan.kind, Scan.refused).where(Scan.key == _stored_key(draft))).one()
    ground = find_ground(session, draft.shift_id, draft.member_id) or ground  # the first one may have just committed
    refusal = explained(REFUSALS[scan.refused], ground) if scan.refused else None
    return ScanAnswer(kind=scan.kind, ground=ground, repeated=True, refusal=refusal)


def _keep_in_step(session: Session, draft: ScanDraft, kind: str, ground: Ground) -> tuple[str, Ground]:
    if kind == "in" and not ground.recorded:
        judged = judge([Mark(kind="in", at=draft.claimed_at)], ground.policy)
        values: dict[str, Any] = {
            "in_at": judged.in_at,
            "signed_minutes": judged.minutes,
            "status": READY if judged.complete else PENDING,
        }
        if ensure_row(session, draft.shift_id, draft.member_id, walk_in=not ground.signed_up, **values):
            return kind, replace(ground, recorded=True, in_at=judged.in_at, minutes=judged.minutes)
        kind = "again"  # another scan of the same person came first
    judged = rejudge_member(session, draft.shift_id, draft.member_id, ground.policy)
    return kind, replace(ground, recorded=True, in_at=judged.in_at, out_at=judged.out_at, minutes=judged.minutes)
