"""A branch with what can be past its term: a photo, scans with evidence, notices, looks; and two managers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.attendance.paper import printed
from tests.attendance.scene import AFTER, Scene, make_scene
from tests.world import KEYS, actor_of, make_member
from timebank.archives import service as archives
from timebank.attendance.models import Scan, ScanEvidence, Sheet, SheetPhoto
from timebank.attendance.service import look_at_photo
from timebank.core.actor import SYSTEM, Actor
from timebank.retention import service
from timebank.retention.models import Disposal
from timebank.retention.queries import hash_now

DECEMBER = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
LATER = datetime(2032, 1, 5, 2, 0, tzinfo=UTC)  # past every term as it is at first


@dataclass
class Stored:
    """The scene, the sheet and its photo, and the people."""

    session: Session
    scene: Scene
    sheet: Sheet
    photo: SheetPhoto
    deputy: Actor
    inspector: Actor

    @property
    def manager(self) -> Actor:
        """Who prepares."""
        return self.scene.manager_actor

    def propose(self, now: datetime = LATER) -> Disposal | None:
        """What the night proposes."""
        return service.propose_disposal(self.session, self.scene.branch, now=now)

    def prepared(self, now: datetime = LATER) -> Disposal:
        """A list that the manager prepared."""
        found = self.propose(now)
        assert found is not None
        return self.prepare(found, now=now)

    def prepare(
        self, disposal: Disposal, *, seen: str | None = None, actor: Actor | None = None, now: datetime = LATER
    ) -> Disposal:
        """Somebody, or the manager, takes the list as it stands, or as it was seen."""
        seen = hash_now(self.session, disposal.id) if seen is None else seen
        who = actor or self.manager
        return service.prepare_disposal(self.session, disposal.id, words="过了期限", seen=seen, actor=who, now=now)

    def sign(
        self, disposal: Disposal, *, seen: str | None = None, actor: Actor | None = None, now: datetime = LATER
    ) -> Disposal:
        """The deputy, or somebody, signs the list as it stands, or as it was seen."""
        seen = hash_now(self.session, disposal.id) if seen is None else seen
        return service.sign_disposal(self.session, disposal.id, seen=seen, actor=actor or self.deputy, now=now)


def make_stored(session: Session, *, approved: bool = True, closed: bool = True) -> Stored:
    """Two people served; the list is booked and November closed, unless told otherwise."""
    scene = make_scene(session, 2)
    scene.attend(session, 0)
    scene.attend(session, 1)
    sheet = printed(session, scene)
    photo = session.scalars(select(SheetPhoto)).one()
    look_at_photo(session, sheet.number, photo.id, actor=scene.manager_actor, keys=KEYS, now=AFTER)
    scan = session.scalars(select(Scan).order_by(Scan.id)).first()
    assert scan is not None
    session.add(ScanEvidence(scan_id=scan.id, device="d" * 64, device_at=scan.claimed_at, sent_offset=2))
    session.flush()
    if approved:
        scene.submit(session)
        scene.approve(session)
    stored = Stored(
        session=session,
        scene=scene,
        sheet=sheet,
        photo=photo,
        deputy=actor_of(session, make_member(session, scene.branch, "林副站", roles=("manager",))),
        inspector=actor_of(session, make_member(session, scene.branch, "严监督", roles=("inspector",))),
    )
    if closed:
        archives.close_month(session, branch=scene.branch, month="2026-11", actor=SYSTEM, keys=KEYS, now=DECEMBER)
    return stored
