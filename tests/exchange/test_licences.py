"""Law, medicine, electrical work: an offer counts while staff have seen the giver's paper and it is valid."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, key
from tests.world import NOW, actor_of
from timebank.core import clock
from timebank.exchange import queries, service
from timebank.exchange.models import Offer
from timebank.members.models import Qualification
from timebank.members.service import PaperDraft, record_paper, withdraw_paper
from timebank.notices.models import Notice

TODAY = clock.today(NOW)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


@pytest.fixture
def advice(scene: Scene) -> Offer:
    return scene.service("法律咨询", category="legal", licence="律师执业证 13302")


def see(scene: Scene, *, kind: str = "lawyer", until: date | None = None) -> Qualification:
    draft = PaperDraft(kind=kind, valid_until=until, note="", seen=True, form_key=key())
    return record_paper(scene.session, scene.barber.id, draft, actor=actor_of(scene.session, scene.manager), now=NOW)


def is_listed(scene: Scene, *, today: date = TODAY) -> bool:
    wanted = queries.OfferFilter(branch_id=scene.branch.id)
    found = queries.list_offers(scene.session, wanted, today=today)
    return "法律咨询" in {row.offer.title for row in found.items}


def unchecked(scene: Scene, *, today: date = TODAY) -> list[str]:
    return [offer.title for offer in queries.list_unchecked(scene.session, scene.branch.id, today)]


def notices(scene: Scene, member_id: int, kind: str) -> int:
    return scene.session.query(Notice).filter_by(member_id=member_id, kind=kind).count()


def test_nobody_finds_or_orders_it_before_staff_have_seen_the_paper(scene: Scene, advice: Offer) -> None:
    assert (is_listed(scene), unchecked(scene)) == (False, ["法律咨询"])
    assert notices(scene, scene.manager.id, "offer.to_check") == 1
    with pytest.raises(service.OfferClosed, match="核对"):
        scene.order(advice)


def test_the_right_paper_puts_it_on_the_list(scene: Scene, advice: Offer) -> None:
    see(scene, kind="driver")
    assert not is_listed(scene)
    see(scene)
    assert (is_listed(scene), unchecked(scene)) == (True, [])
    assert queries.has_licence(scene.session, advice, TODAY)
    scene.order(advice)


def test_who_has_shown_a_paper_before_does_not_wait(scene: Scene) -> None:
    see(scene)
    scene.service("法律咨询", category="legal", licence="律师执业证 13302")
    assert is_listed(scene)
    assert notices(scene, scene.manager.id, "offer.to_check") == 0


def test_a_paper_that_ran_out_takes_the_offer_down_the_next_day(scene: Scene, advice: Offer) -> None:
    until = TODAY + timedelta(days=10)
    see(scene, until=until)
    after = until + timedelta(days=1)
    assert [is_listed(scene, today=day) for day in (until, after)] == [True, False]
    assert unchecked(scene, today=after) == ["法律咨询"]
    with pytest.raises(service.OfferClosed):
        scene.order(advice, now=NOW + timedelta(days=11))


def test_a_paper_that_was_taken_back_takes_the_offer_down(scene: Scene, advice: Offer) -> None:
    paper = see(scene)
    withdraw_paper(scene.session, paper.id, actor=actor_of(scene.session, scene.manager), now=NOW)
    assert not is_listed(scene)
    assert not queries.has_licence(scene.session, advice, TODAY)


def test_owners_are_told_once_before_their_paper_runs_out(scene: Scene, advice: Offer) -> None:
    see(scene, until=TODAY + timedelta(days=30))
    for _ in range(2):
        service.remind_of_lapsing(scene.session, now=NOW)
    assert notices(scene, scene.barber.id, "offer.licence_ending") == 1


def test_who_has_a_later_paper_is_not_told(scene: Scene, advice: Offer) -> None:
    see(scene, until=TODAY + timedelta(days=30))
    see(scene, until=TODAY + timedelta(days=400))
    service.remind_of_lapsing(scene.session, now=NOW)
    assert notices(scene, scene.barber.id, "offer.licence_ending") == 0


@pytest.mark.parametrize("category", ["legal", "medical", "electrical"])
def test_branches_do_not_offer_what_needs_a_persons_licence(scene: Scene, category: str) -> None:
    with pytest.raises(service.BadOffer) as refused:
        scene.service("咨询", category=category, licence="证 1", by=scene.manager, branch_id=scene.branch.id)
    assert list(refused.value.fields) == ["category"]
