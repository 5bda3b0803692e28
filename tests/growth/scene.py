"""A branch with people who served, and staff who recognise it, for tests of milestones, commendations and prints."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, Scene, make_scene
from tests.world import NOW, actor_of, make_member
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.growth import service
from timebank.growth.models import AWARD, EVALUATION, TRAINING, Milestone
from timebank.growth.rules import Recognition
from timebank.members.models import Member

LATER = AFTER + timedelta(days=2)  # a rule saved after the morning holds by then
TODAY = clock.today(LATER)
EASY = Recognition(one_star_minutes=60, two_star_minutes=120, award_minutes=60, award_activities=1)
_keys = itertools.count(1)


def key() -> str:
    """A form's key."""
    return f"growth-{next(_keys)}"


@dataclass
class Hall:
    """Three volunteers with two approved hours each, an organiser, a manager and a deputy."""

    session: Session
    scene: Scene
    deputy: Actor

    @property
    def branch_id(self) -> int:
        """Everybody's branch."""
        return self.scene.branch.id

    @property
    def manager(self) -> Actor:
        """Who grants awards."""
        return self.scene.manager_actor

    @property
    def organiser(self) -> Actor:
        """Who records trainings and evaluations."""
        return self.scene.organiser_actor

    @property
    def people(self) -> list[Member]:
        """The volunteers."""
        return self.scene.volunteers

    def actor(self, number: int) -> Actor:
        """A volunteer as an actor."""
        return self.scene.volunteer_actors[number]

    def record(self, kind: str, *numbers: int, **more: Any) -> list[Milestone]:
        """Staff record something of these volunteers."""
        given = {
            "by": self.manager if kind == AWARD else self.organiser,
            "title": "急救培训",
            "giver": "卫生服务中心",
            "on_day": TODAY,
            "words": "看过签到表",
            "form_key": key(),
            "length_minutes": 180 if kind == TRAINING else None,
            "grade": 3 if kind == EVALUATION else None,
        } | more
        by = given.pop("by")
        draft = service.MilestoneDraft(kind=kind, **given)
        ids = [self.people[number].id for number in numbers]
        return service.record_milestones(self.session, self.branch_id, draft, ids, actor=by, now=LATER)

    def set_rules(self, settings: Recognition = EASY, *, valid_from: date = TODAY, now: datetime = NOW) -> None:
        """The manager saves a version."""
        draft = service.RecognitionDraft(
            branch_id=self.branch_id, valid_from=valid_from, settings=settings, reason="会议决定", form_key=key()
        )
        service.add_recognition(self.session, draft, actor=self.manager, now=now)

    def propose(self, *numbers: int, **more: Any) -> Any:
        """The manager puts volunteers on the year's list."""
        given = {"actor": self.manager, "form_key": key(), "year": TODAY.year} | more
        ids = [self.people[number].id for number in numbers]
        draft = service.CommendationDraft(
            branch_id=self.branch_id, year=given.pop("year"), member_ids=ids, form_key=given.pop("form_key")
        )
        return service.propose_commendation(self.session, draft, **given, now=LATER)


def make_hall(session: Session, *, served: bool = True) -> Hall:
    """The morning, approved where ``served``; and a deputy."""
    scene = make_scene(session)
    if served:
        for number in range(3):
            scene.attend(session, number)
        scene.submit(session)
        scene.approve(session)
    deputy = make_member(session, scene.branch, "副站长", roles=("manager",), now=NOW)
    return Hall(session, scene, actor_of(session, deputy))
