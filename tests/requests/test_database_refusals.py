"""What the database refuses by itself around requests: raw SQL, on both engines."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.requests.scene import NO_COINS, Scene
from tests.world import KEYS
from timebank.requests import service
from timebank.requests.models import FUND


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def refuses(session: Session, statement: str) -> None:
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(sa.text(statement))


@pytest.mark.parametrize(
    "change",
    [
        "title = '别的'",
        "recipient_id = asked_by_id",
        "asked_by_id = recipient_id",
        "confidential = true",
        "place_sealed = 'x'",
        "last_day = '2027-01-01'",
        "form_key = 'other'",
        "minutes = 30",
        "source = 'none', hold_id = NULL",
        "hold_id = NULL",
    ],
)
def test_what_was_asked_and_what_is_set_aside_stays(session: Session, scene: Scene, change: str) -> None:
    scene.dispatch(scene.ask())
    refuses(session, f"UPDATE help_request SET {change}")


@pytest.mark.parametrize(
    "change",
    [
        "status = 'claimed'",
        "status = 'done', ended_at = asked_at",
        "volunteer_id = asked_by_id",
        "status = 'claimed', volunteer_id = recipient_id",
        "status = 'withdrawn'",
        "status = 'declined', ended_at = asked_at",
        "status = 'open', coordinator_id = NULL",
    ],
)
def test_states_mean_what_they_say(session: Session, scene: Scene, change: str) -> None:
    scene.dispatch(scene.ask())
    refuses(session, f"UPDATE help_request SET {change}")


def test_two_people_stand_behind_what_the_fund_pays(session: Session, scene: Scene) -> None:
    scene.dispatch(scene.ask(source=FUND))
    refuses(session, "UPDATE help_request SET coordinator_id = asked_by_id")
    refuses(session, "UPDATE help_request SET coordinator_id = recipient_id")
    refuses(session, "UPDATE help_request SET status = 'claimed', volunteer_id = asked_by_id")


def test_a_confidential_one_is_neither_paid_by_the_recipient_nor_open_to_all(session: Session, scene: Scene) -> None:
    scene.ask(confidential=True, **NO_COINS)
    refuses(session, "UPDATE help_request SET source = 'own'")
    refuses(session, "UPDATE help_request SET to_all = true")


def test_nothing_begins_as_dispatched_and_nothing_is_deleted(session: Session, scene: Scene) -> None:
    scene.dispatch(scene.ask(**NO_COINS))
    columns = [one["name"] for one in sa.inspect(session.connection()).get_columns("help_request")]
    others = ", ".join(name for name in columns if name not in {"id", "form_key"})
    refuses(session, f"INSERT INTO help_request (form_key, {others}) SELECT 'copy', {others} FROM help_request")
    refuses(session, "DELETE FROM help_request")


def test_what_has_ended_is_final(session: Session, scene: Scene) -> None:
    request = scene.done()
    assert request.ended_at is not None
    for change in ("status = 'open', ended_at = NULL", "end_reason = 'x'", "coordinator_id = asked_by_id"):
        refuses(session, f"UPDATE help_request SET {change}")


def test_steps_looks_and_ratings_are_only_added(session: Session, scene: Scene) -> None:
    request = scene.running()
    service.look(session, request.id, actor=scene.actor(scene.wang), keys=KEYS, now=request.asked_at)
    scene.serve(request)
    scene.approve(request)
    service.rate(session, request.id, score=5, actor=scene.actor(scene.lady), now=request.asked_at)
    for table, change in (("help_step", "words = 'x'"), ("help_look", "at = at"), ("help_rating", "score = 1")):
        refuses(session, f"UPDATE {table} SET {change}")
        refuses(session, f"DELETE FROM {table}")
    refuses(session, "INSERT INTO help_rating (request_id, side, by_id, score, words, at) "
                     "SELECT request_id, side, by_id, 1, '', at FROM help_rating")  # fmt: skip


def test_what_paid_a_service_stays_with_it(session: Session, scene: Scene) -> None:
    request = scene.running()
    scene.serve(request)
    scene.approve(request)
    refuses(session, f"UPDATE shift SET paid_hold_id = NULL WHERE id = {request.shift_id}")


def test_one_hold_pays_one_service(session: Session, scene: Scene) -> None:
    scene.running()
    other = scene.dispatch(scene.ask(**NO_COINS))
    scene.claim(other, by=scene.zhou)
    refuses(session, "UPDATE shift SET paid_hold_id = (SELECT max(id) FROM hold)")
