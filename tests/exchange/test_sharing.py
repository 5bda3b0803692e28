"""Which branches' members see an offer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, give, key
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.core import clock
from timebank.core.errors import FormUsed
from timebank.exchange import queries, service
from timebank.exchange.models import CHOSEN, EVERYWHERE, OWN_BRANCH, Offer


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


@pytest.fixture
def next_door(session: Session, scene: Scene) -> Branch:
    return make_branch(session, "XQ")


def seen(scene: Scene, branch: Branch) -> set[str]:
    wanted = queries.OfferFilter(branch_id=branch.id)
    return {row.offer.title for row in queries.list_offers(scene.session, wanted, today=clock.today(NOW)).items}


def draft_of(offer: Offer, **more: Any) -> service.OfferDraft:
    return service.OfferDraft(title=offer.title, category=offer.category, price_minutes=offer.price_minutes, **more)


def test_an_offer_is_its_own_branchs_unless_its_owner_shares_it(scene: Scene, next_door: Branch) -> None:
    assert scene.haircut.shared_with == OWN_BRANCH
    assert seen(scene, next_door) == set()
    assert not queries.is_shared_with(scene.session, scene.haircut, next_door.id)
    assert queries.is_shared_with(scene.session, scene.haircut, scene.branch.id)


def test_what_is_shared_with_all_is_seen_everywhere(scene: Scene, next_door: Branch) -> None:
    offer = scene.service("修伞", category="repair", shared_with=EVERYWHERE)
    assert seen(scene, next_door) == {"修伞"}
    assert queries.is_shared_with(scene.session, offer, next_door.id)
    assert queries.is_shared_with(scene.session, offer, None)


def test_chosen_branches_see_it_and_others_do_not(scene: Scene, next_door: Branch) -> None:
    third = make_branch(scene.session, "DQ")
    offer = scene.service("修伞", category="repair", shared_with=CHOSEN, branch_ids=frozenset({next_door.id}))
    assert (seen(scene, next_door), seen(scene, third)) == ({"修伞"}, set())
    assert "修伞" in seen(scene, scene.branch)
    shared = [queries.is_shared_with(scene.session, offer, id_) for id_ in (next_door.id, third.id, None)]
    assert shared == [True, False, False]


def test_goods_are_shared_in_the_same_way(scene: Scene, next_door: Branch) -> None:
    scene.goods("米", stock=3, shared_with=EVERYWHERE)
    assert seen(scene, next_door) == {"米"}


def test_changing_an_offer_changes_who_sees_it(scene: Scene, next_door: Branch) -> None:
    third = make_branch(scene.session, "DQ")
    actor, offer = actor_of(scene.session, scene.barber), scene.haircut
    for branches in ({next_door.id}, {third.id}):
        draft = draft_of(offer, shared_with=CHOSEN, branch_ids=frozenset(branches))
        service.change_offer(scene.session, offer.id, draft, actor=actor, now=NOW)
        assert queries.list_shares(scene.session, offer.id) == branches
        assert [one.branch_id for one in offer.shares] == list(branches)
    service.change_offer(scene.session, offer.id, draft_of(offer), actor=actor, now=NOW)
    assert queries.list_shares(scene.session, offer.id) == frozenset()
    assert seen(scene, third) == set()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"shared_with": "town"}, "shared_with"),
        ({"shared_with": CHOSEN}, "branch_ids"),
        ({"shared_with": CHOSEN, "branch_ids": frozenset({999})}, "branch_ids"),
    ],
)
def test_sharing_with_nobody_is_refused_at_its_field(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(service.BadSharing) as refused:
        scene.service("修伞", category="repair", **wrong)
    assert list(refused.value.fields) == [field]


def test_the_own_branch_is_not_chosen_besides(scene: Scene, next_door: Branch) -> None:
    both = frozenset({scene.branch.id, next_door.id})
    with pytest.raises(service.BadSharing):
        scene.service("修伞", category="repair", shared_with=CHOSEN, branch_ids=both)


def test_a_form_sent_twice_shares_once_and_other_branches_are_another_form(scene: Scene, next_door: Branch) -> None:
    third = make_branch(scene.session, "DQ")
    actor, form_key = actor_of(scene.session, scene.barber), key()
    draft = draft_of(scene.haircut, shared_with=CHOSEN, branch_ids=frozenset({next_door.id}))
    first = service.post_offer(scene.session, draft, form_key=form_key, actor=actor, now=NOW)
    assert service.post_offer(scene.session, draft, form_key=form_key, actor=actor, now=NOW) is first
    other = replace(draft, branch_ids=frozenset({third.id}))
    with pytest.raises(FormUsed):
        service.post_offer(scene.session, other, form_key=form_key, actor=actor, now=NOW)


def test_ordering_across_branches_is_refused(scene: Scene, next_door: Branch) -> None:
    neighbour = make_member(scene.session, next_door)
    give(scene.session, neighbour, 60)
    with pytest.raises(service.OtherBranch):
        scene.order(scene.haircut, by=neighbour)
