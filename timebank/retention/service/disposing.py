"""A list of what is to be destroyed: proposed by night, prepared by one person, signed and carried out by another.

What is destroyed is exactly what the second person signed, less what came under a hold or into dispute meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from timebank.attendance.models import Scan, ScanEvidence, Sheet, SheetLook, SheetPhoto, UnreadScan
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.core.clock import today
from timebank.core.db import lock_name
from timebank.core.errors import Conflict
from timebank.members.models import MemberAccess
from timebank.notices.models import Notice
from timebank.retention.models import (
    DESTROYED,
    DONE,
    DROPPED,
    PREPARED,
    PROPOSED,
    SIGNED,
    SPARED,
    Disposal,
    DisposalItem,
)
from timebank.retention.queries import (
    find_proposed,
    get_disposal,
    list_past,
    months_of,
    past_before,
    read_items,
    spared_why,
)
from timebank.retention.rules import DISPOSABLE, Listed, hash_of_list

_BATCH: Final = 500
_GONE: Final = "已经不在了"
_LONGER: Final = "保管期限改长了"


class NotPrepared(Conflict):
    """Only a list that one person prepared can be signed."""

    code = "retention.not_prepared"
    text = "这张清单还没有人列好，或者已经办完。请刷新页面看一看。"


class AlreadyDecided(Conflict):
    """The list was prepared, signed or dropped before."""

    code = "retention.already_decided"
    text = "这张清单已经有人办过了。请刷新页面看一看。"


class NotTheSamePerson(Conflict):
    """Whoever prepared a list does not sign it."""

    code = "retention.not_the_same_person"
    text = "清单是您列的，要另一位管理员签字。"


class ListChanged(Conflict):
    """The items are not those that were shown, or not those whose hash was prepared."""

    code = "retention.list_changed"
    text = "清单和您看到的不一样，可能刚刚重新列过。请再看一遍；列好以后才变的，请作废重新列。"


def propose_disposal(session: Session, branch: Branch, *, now: datetime) -> Disposal | None:
    """What is past its term today as a list, in place of the one proposed before; None when there is nothing."""
    lock_name(session, f"retention:{branch.id}")
    before = find_proposed(session, branch.id)
    if before is not None:
        session.execute(delete(DisposalItem).where(DisposalItem.disposal_id == before.id))
        session.delete(before)
        session.flush()
    listed = _unlisted(session, list_past(session, branch, months_of(session, today(now)), now=now))
    if not listed:
        return None
    newest = session.scalar(select(func.max(Disposal.number)).where(Disposal.branch_id == branch.id)) or 0
    disposal = Disposal(branch_id=branch.id, number=newest + 1, state=PROPOSED, proposed_at=now)
    session.add(disposal)
    session.flush()
    session.add_all(
        DisposalItem(
            disposal_id=disposal.id,
            kind=one.kind,
            row_id=one.row_id,
            about=one.about,
            digest=one.digest,
            dated=one.dated,
        )
        for one in listed
    )
    session.flush()
    return disposal


def _unlisted(session: Session, listed: list[Listed]) -> list[Listed]:
    """Without what waits in a list that was prepared already."""
    waiting = (
        select(DisposalItem.kind, DisposalItem.row_id)
        .join(Disposal, Disposal.id == DisposalItem.disposal_id)
        .where(Disposal.state == PREPARED)
    )
    taken = {(row.kind, row.row_id) for row in session.execute(waiting)}
    return [one for one in listed if (one.kind, one.row_id) not in taken]


def _locked(session: Session, disposal_id: int, actor: Actor) -> Disposal:
    branch_id = get_disposal(session, disposal_id).branch_id
    actor.require("retention.dispose", branch_id=branch_id)
    lock_name(session, f"retention:{branch_id}")
    disposal = get_disposal(session, disposal_id)
    session.refresh(disposal)
    return disposal


def prepare_disposal(
    session: Session, disposal_id: int, *, words: str, seen: str, actor: Actor, now: datetime
) -> Disposal:
    """Take a proposed list as it stands, with why; it changes no more. Pressing again is harmless.

    ``seen`` is the hash of the list that the person read: a night may have put another in its place.
    Raises DisposalNotFound, NotAllowed, AlreadyDecided, ListChanged.
    """
    disposal = _locked(session, disposal_id, actor)
    same = (disposal.prepared_by_id, disposal.words, disposal.list_hash) == (actor.member_id, words, seen)
    if disposal.state == PREPARED and same:
        return disposal
    if disposal.state != PROPOSED:
        raise AlreadyDecided()
    list_hash = hash_of_list(read_items(session, disposal.id))
    if list_hash != seen:
        raise ListChanged()
    disposal.list_hash = list_hash
    disposal.words = words
    disposal.prepared_by_id, disposal.prepared_at = actor.person("retention.dispose"), now
    disposal.state = PREPARED
    session.flush()
    return disposal


def drop_disposal(session: Session, disposal_id: int, *, reason: str, actor: Actor, now: datetime) -> Disposal:
    """Give a prepared list up; what is in it is proposed anew. Pressing again is harmless.

    Raises DisposalNotFound, NotAllowed, AlreadyDecided.
    """
    disposal = _locked(session, disposal_id, actor)
    if disposal.state == DROPPED:
        return disposal
    if disposal.state != PREPARED:
        raise AlreadyDecided()
    disposal.state = DROPPED
    disposal.dropped_by_id, disposal.dropped_at, disposal.dropped_why = actor.person("retention.dispose"), now, reason
    session.flush()
    return disposal


def sign_disposal(session: Session, disposal_id: int, *, seen: str, actor: Actor, now: datetime) -> Disposal:
    """Sign a prepared list as the second person, and destroy what is in it. Pressing again is harmless.

    ``seen`` is the hash of the list that the person read. What came under a hold or into dispute meanwhile, is gone, or
    has a longer term by now, is spared and says why.
    Raises DisposalNotFound, NotAllowed, NotPrepared, NotTheSamePerson, ListChanged.
    """
    disposal = _locked(session, disposal_id, actor)
    if disposal.state == DONE and disposal.signed_by_id == actor.member_id:
        return disposal
    if disposal.state != PREPARED:
        raise NotPrepared()
    if disposal.prepared_by_id == actor.member_id:
        raise NotTheSamePerson()
    items = read_items(session, disposal.id)
    if not hash_of_list(items) == disposal.list_hash == seen:
        raise ListChanged()
    disposal.signed_by_id, disposal.signed_at = actor.person("retention.dispose"), now
    disposal.state = SIGNED
    session.flush()
    disposal.destroyed, disposal.spared = _carry_out(session, disposal, items, now)
    disposal.state = DONE
    session.flush()
    return disposal


def _carry_out(session: Session, disposal: Disposal, items: list[Listed], now: datetime) -> tuple[int, int]:
    destroyed = 0
    months = months_of(session, today(now))
    by_kind: dict[str, list[Listed]] = defaultdict(list)
    for one in items:
        by_kind[one.kind].append(one)
    for kind, listed in by_kind.items():
        before = past_before(months[kind], now)
        for at in range(0, len(listed), _BATCH):
            some = listed[at : at + _BATCH]
            spared = _spared(session, disposal.branch_id, kind, some, before)
            going = [one.row_id for one in some if one.row_id not in spared]
            _destroy(session, kind, going, now)
            _note(session, disposal.id, kind, going, spared)
            destroyed += len(going)
    return destroyed, len(items) - destroyed


_ROWS: Final[dict[str, Any]] = {
    "sheet_photos": SheetPhoto.id,
    "scan_evidence": ScanEvidence.scan_id,
    "unread_scans": UnreadScan.id,
    "notices": Notice.id,
    "sheet_looks": SheetLook.id,
    "member_looks": MemberAccess.id,
}


def _spared(session: Session, branch_id: int, kind: str, listed: list[Listed], before: datetime) -> dict[int, str]:
    """Why some of these records stay."""
    key, ids = _ROWS[kind], [one.row_id for one in listed]
    there = set(session.scalars(select(key).where(key.in_(ids))))
    spared = dict.fromkeys((one.row_id for one in listed if one.dated >= before), _LONGER)
    spared |= dict.fromkeys((row_id for row_id in ids if row_id not in there), _GONE)
    if DISPOSABLE[kind].of_activity:
        shifts = _shifts(session, kind, ids)
        why = spared_why(session, branch_id, set(shifts.values()))
        spared |= {row_id: why[shift_id] for row_id, shift_id in shifts.items() if shift_id in why}
    return spared


def _shifts(session: Session, kind: str, ids: list[int]) -> Mapping[int, int]:
    """Record → the shift it hangs on."""
    chosen = {
        "sheet_photos": select(SheetPhoto.id, Sheet.shift_id).join(Sheet, Sheet.id == SheetPhoto.sheet_id),
        "scan_evidence": select(ScanEvidence.scan_id, Scan.shift_id).join(Scan, Scan.id == ScanEvidence.scan_id),
        "unread_scans": select(UnreadScan.id, UnreadScan.shift_id),
        "sheet_looks": select(SheetLook.id, Sheet.shift_id)
        .join(SheetPhoto, SheetPhoto.id == SheetLook.photo_id)
        .join(Sheet, Sheet.id == SheetPhoto.sheet_id),
    }[kind]
    return {row[0]: row[1] for row in session.execute(chosen.where(_ROWS[kind].in_(ids)))}


def _destroy(session: Session, kind: str, ids: list[int], now: datetime) -> None:
    """Really: a photo loses its picture, other rows go."""
    unsynced = {"synchronize_session": False}
    if kind == "sheet_photos":
        gone = update(SheetPhoto).where(SheetPhoto.id.in_(ids)).values(sealed=b"", destroyed_at=now)
        session.execute(gone, execution_options=unsynced)
        return
    key = _ROWS[kind]
    session.execute(delete(key.class_).where(key.in_(ids)), execution_options=unsynced)


def _note(session: Session, disposal_id: int, kind: str, going: list[int], spared: Mapping[int, str]) -> None:
    own = update(DisposalItem).where(DisposalItem.disposal_id == disposal_id, DisposalItem.kind == kind)
    unsynced = {"synchronize_session": False}
    session.execute(own.where(DisposalItem.row_id.in_(going)).values(result=DESTROYED), execution_options=unsynced)
    for row_id, why in spared.items():
        one = own.where(DisposalItem.row_id == row_id).values(result=SPARED, why=why)
        session.execute(one, execution_options=unsynced)
