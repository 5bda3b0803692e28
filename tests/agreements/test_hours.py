"""Hours of an organisation's people: those whose shift ended while they belonged, corrections included."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, Scene, make_scene
from tests.world import KEYS, NOW
from timebank.agreements.queries import people_hours, year_hours
from timebank.corrections import service as corrections
from timebank.ledger.models import Entry
from timebank.members.models import ORGANISATION_STAFF, Organisation
from timebank.members.service import OrganisationDraft, join_organisation, leave_organisation, register_organisation

BEFORE = NOW - timedelta(days=30)


@pytest.fixture
def scene(session: Session) -> Scene:
    """Three volunteers who served two hours each on one morning, approved."""
    scene = make_scene(session)
    for number in range(3):
        scene.attend(session, number)
    scene.submit(session)
    scene.approve(session)
    return scene


def make_organisation(session: Session, scene: Scene, name: str = "新碶小学") -> Organisation:
    draft = OrganisationDraft(name=name, kind="school", branch_id=scene.branch.id, form_key=name)
    return register_organisation(session, draft, actor=scene.manager_actor, keys=KEYS, now=BEFORE)


def join(session: Session, scene: Scene, school: Organisation, number: int, *, at: datetime = BEFORE) -> Any:
    who = scene.volunteers[number].number
    return join_organisation(session, school.id, who, ORGANISATION_STAFF, actor=scene.manager_actor, now=at)


def leave(session: Session, scene: Scene, school: Organisation, number: int, *, at: datetime) -> None:
    leave_organisation(session, school.id, scene.volunteers[number].id, actor=scene.manager_actor, now=at)


def test_only_what_ended_while_they_belonged(session: Session, scene: Scene) -> None:
    school = make_organisation(session, scene)
    join(session, scene, school, 0)
    join(session, scene, school, 1)
    leave(session, scene, school, 1, at=END)  # until then, and not then
    join(session, scene, school, 2, at=END)  # from then on
    hours = year_hours(session, [school.id], 2026)[school.id]
    assert (hours.minutes, hours.people) == (240, 2)
    assert hours.months == (0,) * 10 + (240, 0)
    assert year_hours(session, [school.id], 2025)[school.id].minutes == 0
    assert {one: found.year for one, found in people_hours(session, school.id, 2026).items()} == {
        scene.volunteers[0].id: 120,
        scene.volunteers[2].id: 120,
    }


def test_hours_go_with_the_organisation_they_were_served_for(session: Session, scene: Scene) -> None:
    school, bank = make_organisation(session, scene), make_organisation(session, scene, "农商银行")
    join(session, scene, school, 0)
    leave(session, scene, school, 0, at=AFTER)
    join(session, scene, bank, 0, at=AFTER)
    found = year_hours(session, [school.id, bank.id], 2026)
    assert (found[school.id].minutes, found[bank.id].minutes) == (120, 0)


def test_what_was_undone_does_not_count(session: Session, scene: Scene) -> None:
    school = make_organisation(session, scene)
    join(session, scene, school, 0)
    entry = session.scalars(sa.select(Entry.id).where(Entry.for_member_id == scene.volunteers[0].id)).one()
    draft = corrections.CorrectionDraft(entry_id=entry, minutes=30, reason="只来了半小时")
    corrections.ask(session, draft, form_key="half", actor=scene.manager_actor, now=AFTER)
    assert year_hours(session, [school.id], 2026)[school.id].minutes == 30
    assert people_hours(session, school.id, 2026)[scene.volunteers[0].id].all == 30
