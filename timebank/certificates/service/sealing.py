"""The picture of a branch's stamp: put in use, replaced, taken away. A certificate keeps the one it was issued with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.certificates.models import CertificateSeal
from timebank.certificates.queries import SEAL_PURPOSE, find_seal, seal_about
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import NotAllowed
from timebank.core.keys import Keys
from timebank.core.photos import Photo

LONGEST_SIDE = 480  # pixels: four centimetres of paper at 300 to the inch


def keep_seal(
    session: Session, branch_id: int, photo: Photo, *, actor: Actor, keys: Keys, now: datetime
) -> CertificateSeal:
    """Use this picture from now on. The one in use already stays as it is. Raises BranchNotFound, NotAllowed."""
    get_branch(session, branch_id)
    by_id = _begin(session, branch_id, actor)
    before = find_seal(session, branch_id)
    if before is not None and before.digest == photo.digest:
        return before
    _end(session, before, by_id, now)
    seal = CertificateSeal(
        branch_id=branch_id,
        sealed=keys.seal(SEAL_PURPOSE, photo.jpeg, seal_about(branch_id, photo.digest)),
        digest=photo.digest,
        by_id=by_id,
        at=now,
    )
    session.add(seal)
    session.flush()
    return seal


def remove_seal(session: Session, branch_id: int, *, actor: Actor, now: datetime) -> None:
    """Use no picture from now on: a place to stamp is left. A repeat is harmless. Raises NotAllowed."""
    by_id = _begin(session, branch_id, actor)
    _end(session, find_seal(session, branch_id), by_id, now)


def _begin(session: Session, branch_id: int, actor: Actor) -> int:
    actor.require("certificate.seal", branch_id=branch_id)
    if actor.member_id is None:
        raise NotAllowed(permission="certificate.seal")
    lock_name(session, f"certificate-seal:{branch_id}")
    return actor.member_id


def _end(session: Session, seal: CertificateSeal | None, by_id: int, now: datetime) -> None:
    if seal is not None:
        seal.ended_at, seal.ended_by_id = now, by_id
        session.flush()
