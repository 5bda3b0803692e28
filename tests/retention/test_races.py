"""Many at once: a list is carried out once, and a hold comes either before it or after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.exchange.scene import at_once, committed
from tests.retention.scene import LATER, make_stored
from tests.world import actor_of, make_member
from timebank.attendance.models import SheetPhoto
from timebank.core.actor import Actor
from timebank.retention import service
from timebank.retention.models import SPARED, Disposal, DisposalItem
from timebank.retention.queries import hash_now
from timebank.retention.service import NotPrepared

CROWD = 4


class Committed:
    """A prepared list that several managers may sign."""

    def __init__(self, url: str) -> None:
        self.url = url
        with committed(url) as work, work() as session:
            stored = make_stored(session)
            self.disposal_id, self.activity_id = stored.prepared().id, stored.scene.activity_id
            self.seen = hash_now(session, self.disposal_id)
            self.inspector = stored.inspector
            self.managers = [
                actor_of(session, make_member(session, stored.scene.branch, roles=("manager",))) for _ in range(CROWD)
            ]

    def sign(self, actor: Actor) -> Callable[[Session], Any]:
        seen = self.seen
        return lambda session: (
            service.sign_disposal(session, self.disposal_id, seen=seen, actor=actor, now=LATER).destroyed
        )

    def hold(self, session: Session) -> str:
        service.place_hold(session, self.activity_id, reason="信访", actor=self.inspector, now=LATER)
        return "held"

    def ended(self) -> tuple[int, int, int]:
        """Destroyed and spared as the list says, and how many photos still have their picture."""
        with committed(self.url) as work, work() as session:
            done = session.get_one(Disposal, self.disposal_id)
            kept = select(func.count()).select_from(SheetPhoto).where(SheetPhoto.destroyed_at.is_(None))
            spared = select(func.count()).select_from(DisposalItem).where(DisposalItem.result == SPARED)
            assert session.scalar(spared) == done.spared
            return done.destroyed, done.spared, session.scalar(kept) or 0


@pytest.fixture
def town(fresh_database: str) -> Committed:
    return Committed(fresh_database)


def test_of_many_signers_one_destroys(town: Committed) -> None:
    answers = at_once(town.url, [town.sign(actor) for actor in town.managers])
    assert sum(isinstance(answer, NotPrepared) for answer in answers) == CROWD - 1
    assert answers.count(3) == 1
    assert town.ended() == (3, 0, 0)


def test_a_hold_saves_everything_or_comes_too_late(town: Committed) -> None:
    answers = at_once(town.url, [town.sign(town.managers[0]), town.hold])
    assert answers[1] == "held"
    assert (answers[0], town.ended()) in {(3, (3, 0, 0)), (0, (0, 3, 1))}
