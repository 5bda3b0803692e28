"""Many at once: a file is handed out once, what is due goes into one batch, one version is published by one person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.corrections.town import make_town
from tests.exchange.scene import at_once, committed
from tests.reports.test_yearly import DECEMBER, close
from tests.world import KEYS, actor_of, make_member
from timebank.core.actor import Actor
from timebank.members.models import MemberAccess
from timebank.reports import service
from timebank.reports.models import EvidencePack, MinistryBatch
from timebank.reports.service import (
    AlreadyHanded,
    AlreadyPublished,
    BatchDraft,
    NothingDue,
    PackDraft,
    YearDraft,
)

CROWD = 4


class Committed:
    """A closed month whose managers act in threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        with committed(url) as work, work() as session:
            town = make_town(session, 1)
            make_member(session, town.scene.branch, phone="13805740099")
            close(session, town)
            self.branch_id, self.activity_id = town.scene.branch.id, town.scene.activity_id
            self.managers = [
                actor_of(session, make_member(session, town.scene.branch, roles=("manager",))) for _ in range(CROWD)
            ]
            draft = YearDraft(branch_id=self.branch_id, year=2026, words="", form_key="year")
            self.report_id = service.prepare_year(session, draft, actor=town.manager, now=DECEMBER).id

    def count(self, what: Any, *where: Any) -> int:
        with committed(self.url) as work, work() as session:
            return session.scalar(select(func.count()).select_from(what).where(*where)) or 0

    def batch(self, actor: Actor, key: str) -> Callable[[Session], Any]:
        draft = BatchDraft(branch_id=self.branch_id, reason="例行", form_key=key)
        return lambda session: service.make_batch(session, draft, actor=actor, keys=KEYS, now=DECEMBER).id


@pytest.fixture
def town(fresh_database: str) -> Committed:
    return Committed(fresh_database)


def test_what_is_due_goes_into_one_batch_and_its_file_to_one_person(town: Committed) -> None:
    made = at_once(town.url, [town.batch(actor, f"b{at}") for at, actor in enumerate(town.managers)])
    [batch_id] = [answer for answer in made if isinstance(answer, int)]
    assert sum(isinstance(answer, NothingDue) for answer in made) == CROWD - 1
    assert town.count(MinistryBatch) == 1

    def take(actor: Actor) -> Callable[[Session], Any]:
        return lambda session: service.hand_out(
            session, batch_id, lambda lines: b"file", actor=actor, keys=KEYS, now=DECEMBER
        )[1]

    taken = at_once(town.url, [take(actor) for actor in town.managers])
    assert taken.count(b"file") == 1
    assert sum(isinstance(answer, AlreadyHanded) for answer in taken) == CROWD - 1
    assert town.count(MemberAccess, MemberAccess.field == "phone") == 1


def test_one_form_from_many_threads_is_one_batch(town: Committed) -> None:
    made = at_once(town.url, [town.batch(town.managers[0], "same") for _ in range(CROWD)])
    assert len(set(made)) == 1
    assert town.count(MinistryBatch) == 1


def test_one_person_publishes(town: Committed) -> None:
    def publish(actor: Actor) -> Callable[[Session], Any]:
        return lambda session: service.publish_year(session, town.report_id, actor=actor, now=DECEMBER).published_by_id

    answers = at_once(town.url, [publish(actor) for actor in town.managers])
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyPublished) for answer in answers) == CROWD - 1


def test_packs_made_at_once_have_numbers_of_their_own(town: Committed) -> None:
    def make(actor: Actor, key: str) -> Callable[[Session], Any]:
        draft = PackDraft(activity_id=town.activity_id, reason="抽查", named=False, pictured=False, form_key=key)

        def made(session: Session) -> int:
            return service.begin_pack(session, draft, actor=actor, now=DECEMBER).number

        return made

    answers = at_once(town.url, [make(actor, f"p{at}") for at, actor in enumerate(town.managers)])
    assert sorted(answers) == list(range(1, CROWD + 1))
    assert town.count(EvidencePack) == CROWD
