"""Samples by lot: reproducible, on record, checked by somebody else than whoever led the activity."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, Scene, make_scene, make_shift
from tests.world import actor_of, make_member
from timebank.core.actor import SYSTEM, Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.rules import Place
from timebank.members.service import grant_role
from timebank.reports import queries, service
from timebank.reports.models import FINE, REMARK
from timebank.reports.rules import draw, drum_hash
from timebank.reports.service import FindingDraft, NothingToDraw, NotPicked, OwnActivity, SampleDraft


@pytest.fixture
def scene(session: Session) -> Scene:
    made = make_scene(session)
    made.attend(session, 0)
    made.submit(session)
    made.approve(session)
    make_shift(session, made.branch, made.organiser_actor, title="没有人来的")
    return made


def inspector(session: Session, scene: Scene, *roles: str) -> Actor:
    return actor_of(session, make_member(session, scene.branch, roles=roles or ("inspector",)))


def sample_of(session: Session, scene: Scene, actor: Actor, **more: object) -> object:
    given = {"month": "2026-11", "wanted": 2, "form_key": "sample"} | more
    return service.draw_sample(
        session,
        SampleDraft(branch_id=scene.branch.id, **given),
        actor=actor,
        now=AFTER,  # type: ignore[arg-type]
    )


def finding(sample_id: int, activity_id: int, **more: object) -> FindingDraft:
    given = {"result": FINE, "words": "", "form_key": "finding"} | more
    return FindingDraft(sample_id=sample_id, activity_id=activity_id, **given)  # type: ignore[arg-type]


def test_a_sample_is_drawn_from_what_was_booked_and_can_be_drawn_again(session: Session, scene: Scene) -> None:
    sample = queries.get_sample(session, sample_of(session, scene, inspector(session, scene)).id)  # type: ignore[attr-defined]
    drum = queries.list_drum(session, scene.branch.id, "2026-11")
    assert drum == [scene.activity_id]
    assert (sample.population, sample.population_hash) == (1, drum_hash(drum))
    assert [pick.activity.id for pick in queries.list_picked(session, sample)] == draw(sample.seed, drum, 2)


def test_the_same_form_draws_once(session: Session, scene: Scene) -> None:
    who = inspector(session, scene)
    assert sample_of(session, scene, who) is sample_of(session, scene, who)
    with pytest.raises(FormUsed):
        sample_of(session, scene, who, wanted=1)


def test_a_month_without_booked_hours_has_nothing_to_draw(session: Session, scene: Scene) -> None:
    with pytest.raises(NothingToDraw):
        sample_of(session, scene, inspector(session, scene), month="2026-10")


def test_a_manager_neither_draws_nor_judges(session: Session, scene: Scene) -> None:
    with pytest.raises(NotAllowed):
        sample_of(session, scene, scene.manager_actor)
    sample = sample_of(session, scene, inspector(session, scene))
    draft = finding(sample.id, scene.activity_id)  # type: ignore[attr-defined]
    with pytest.raises(NotAllowed):
        service.record_finding(session, draft, actor=scene.manager_actor, now=AFTER)


def test_the_newest_finding_holds_and_the_first_stays(session: Session, scene: Scene) -> None:
    who = inspector(session, scene)
    sample = sample_of(session, scene, who)
    assert queries.count_unchecked(session, scene.branch.id) == 1
    for number, (result, words) in enumerate(((REMARK, "照片少一张"), (FINE, "补来了"))):
        draft = finding(sample.id, scene.activity_id, result=result, words=words, form_key=f"f{number}")  # type: ignore[attr-defined]
        first = service.record_finding(session, draft, actor=who, now=AFTER)
        assert service.record_finding(session, draft, actor=who, now=AFTER) is first
    [picked] = queries.list_picked(session, queries.get_sample(session, sample.id))  # type: ignore[attr-defined]
    assert [one.words for one in picked.findings] == ["补来了", "照片少一张"]
    assert queries.count_unchecked(session, scene.branch.id) == 0


def test_nobody_judges_what_they_led_or_what_was_not_drawn(session: Session, scene: Scene) -> None:
    who = inspector(session, scene)
    sample = sample_of(session, scene, who)
    with pytest.raises(NotPicked):
        service.record_finding(session, finding(sample.id, scene.activity_id + 1), actor=who, now=AFTER)  # type: ignore[attr-defined]

    grant_role(session, scene.organiser.id, "inspector", Place(branch_id=scene.branch.id), actor=SYSTEM, now=AFTER)
    both = actor_of(session, scene.organiser)
    with pytest.raises(OwnActivity):
        service.record_finding(session, finding(sample.id, scene.activity_id), actor=both, now=AFTER)  # type: ignore[attr-defined]


def test_the_database_keeps_a_sample_as_it_was_drawn(session: Session, scene: Scene) -> None:
    sample_of(session, scene, inspector(session, scene))
    for statement in ("UPDATE spot_sample SET seed = '0'", "DELETE FROM spot_pick", "DELETE FROM spot_sample"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(statement))
