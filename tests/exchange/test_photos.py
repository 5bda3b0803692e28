"""Pictures of offers: a few, each once, by who may change the offer."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.attendance.paper import a_photo
from tests.exchange.scene import Scene
from tests.world import NOW, actor_of, make_member
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed
from timebank.core.photos import Photo
from timebank.exchange import queries, service
from timebank.exchange.models import OfferPhoto

COLOURS = ("red", "green", "blue", "navy", "teal")


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def show(scene: Scene, photo: Photo) -> OfferPhoto:
    actor = actor_of(scene.session, scene.barber)
    return service.show_photo(scene.session, scene.haircut.id, photo, actor=actor, now=NOW)


def test_a_picture_is_kept_once_and_shown_to_all(scene: Scene) -> None:
    first = show(scene, a_photo("red"))
    assert show(scene, a_photo("red")).id == first.id
    second = show(scene, a_photo("blue"))
    assert [one.id for one in queries.list_photos(scene.session, scene.haircut.id)] == [first.id, second.id]
    assert queries.first_photos(scene.session, [scene.haircut.id, scene.tickets.id]) == {scene.haircut.id: first.id}
    assert queries.get_picture(scene.session, scene.haircut.id, first.id).jpeg == a_photo("red").jpeg


def test_four_are_enough(scene: Scene) -> None:
    for colour in COLOURS[:4]:
        show(scene, a_photo(colour))
    with pytest.raises(service.PhotosFull):
        show(scene, a_photo(COLOURS[4]))
    service.remove_photo(
        scene.session,
        scene.haircut.id,
        queries.list_photos(scene.session, scene.haircut.id)[0].id,
        actor=actor_of(scene.session, scene.barber),
    )
    show(scene, a_photo(COLOURS[4]))


def test_pictures_are_the_offers_and_its_owners(scene: Scene) -> None:
    photo = show(scene, a_photo("red"))
    stranger = actor_of(scene.session, make_member(scene.session, scene.branch))
    with pytest.raises(NotAllowed):
        service.show_photo(scene.session, scene.haircut.id, a_photo("blue"), actor=stranger, now=NOW)
    with pytest.raises(NotAllowed):
        service.remove_photo(scene.session, scene.haircut.id, photo.id, actor=stranger)
    with pytest.raises(NotAllowed):
        service.show_photo(scene.session, scene.haircut.id, a_photo("blue"), actor=SYSTEM, now=NOW)
    with pytest.raises(queries.PhotoNotFound):
        queries.get_picture(scene.session, scene.tickets.id, photo.id)


def test_the_branch_may_take_a_picture_away_and_a_repeat_is_calm(scene: Scene) -> None:
    photo, manager = show(scene, a_photo("red")), actor_of(scene.session, scene.manager)
    for _ in range(2):
        service.remove_photo(scene.session, scene.haircut.id, photo.id, actor=manager)
    assert queries.list_photos(scene.session, scene.haircut.id) == []


def test_an_offer_that_was_taken_down_takes_no_pictures(scene: Scene) -> None:
    service.end_offer(scene.session, scene.haircut.id, actor=actor_of(scene.session, scene.barber))
    with pytest.raises(service.OfferEnded):
        show(scene, a_photo("red"))
