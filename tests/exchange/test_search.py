"""Finding an offer: by words, by what it is, by where it is wanted; the nearest first, a page at a time."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene
from tests.world import NOW, actor_of, make_member
from timebank.branches.models import Area
from timebank.branches.queries import find_area_by_code
from timebank.branches.service import AreaDraft, BranchDraft, add_area, open_branch
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.exchange import queries, service
from timebank.exchange.models import EVERYWHERE, Offer

TODAY = clock.today(NOW)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


@pytest.fixture
def town(scene: Scene) -> dict[str, Area]:
    """Around the branch's community: two grids, a community next door, the next street, the next district, a city."""
    session, own = scene.session, scene.branch.area
    street = own.parent
    assert street is not None
    assert street.parent is not None
    district = street.parent
    city = find_area_by_code(session, "330200")
    assert city is not None
    areas = {"own": own, "street": street, "district": district, "city": city}
    for name, code, parent in (
        ("grid", "01", own),
        ("other grid", "02", own),
        ("next community", "330206003009", street),
        ("next street", "330206009", district),
        ("next district", "330212", city),
        ("next city", "330300", None),
    ):
        draft = AreaDraft(code=code, name=name, parent_id=parent.id if parent is not None else None)
        areas[name] = add_area(session, draft, actor=SYSTEM, now=NOW)
    return areas


def offer_at(scene: Scene, area: Area, title: str = "", **more: Any) -> Offer:
    given = {"category": "other", "area_id": area.id}
    return scene.service(title or f"在{area.names[0].name}", **given | more)


def found(scene: Scene, **wanted: Any) -> list[str]:
    rows = queries.list_offers(scene.session, queries.OfferFilter(**wanted), today=TODAY).items
    return [row.offer.title for row in rows]


PLACES = ("next city", "next district", "next street", "next community", "other grid")


@pytest.mark.parametrize("narrowed", [{}, {"category": "other"}, {"text": "在"}], ids=["all", "category", "words"])
def test_the_nearest_comes_first(scene: Scene, town: dict[str, Area], narrowed: dict[str, str]) -> None:
    for name in ("grid", *PLACES):
        offer_at(scene, town[name])
    wanted = queries.OfferFilter(home_id=town["grid"].id, branch_id=scene.branch.id, **narrowed)  # type: ignore[arg-type]
    rows = queries.list_offers(scene.session, wanted, today=TODAY).items
    mine = [(row.offer.title, row.near) for row in rows if row.offer.category == "other"]
    assert mine == [
        ("在other grid", "本社区"),
        ("在grid", "本社区"),
        ("在next community", "本街道"),
        ("在next street", "本区（县）"),
        ("在next district", "本市"),
        ("在next city", "更远"),
    ]


@pytest.mark.parametrize("narrowed", [{}, {"category": "other"}], ids=["all", "category"])
@pytest.mark.parametrize(("near", "count"), [("community", 1), ("street", 2), ("district", 3), ("city", 4), ("", 5)])
def test_how_far_away_can_be_limited(
    scene: Scene, town: dict[str, Area], near: str, count: int, narrowed: dict[str, str]
) -> None:
    for name in PLACES:
        offer_at(scene, town[name])
    titles = found(scene, home_id=town["grid"].id, near=near, **narrowed)
    assert len([title for title in titles if title.startswith("在")]) == count


def test_without_an_area_served_an_offer_is_where_its_branch_is(scene: Scene, town: dict[str, Area]) -> None:
    draft = BranchDraft(code="NX", name="隔壁站", area_id=town["next street"].id, address="", phone="")
    neighbour = open_branch(scene.session, draft, actor=SYSTEM, now=NOW)
    there = make_member(scene.session, neighbour, "周师傅")
    scene.service("隔壁修伞", category="repair", by=there, shared_with=EVERYWHERE)
    rows = queries.list_offers(
        scene.session, queries.OfferFilter(home_id=town["grid"].id, branch_id=scene.branch.id), today=TODAY
    ).items
    assert {row.offer.title: row.near for row in rows} == {
        "隔壁修伞": "本区（县）",
        "上门理发": "本社区",
        "越剧门票": "本社区",
    }


def test_a_search_for_a_place_finds_who_serves_it(scene: Scene, town: dict[str, Area]) -> None:
    for name in PLACES:
        offer_at(scene, town[name])
    offer_at(scene, town["street"], "全街道")
    assert set(found(scene, area_id=town["grid"].id)) == {"全街道", "上门理发", "越剧门票"}
    assert "在next community" in found(scene, area_id=town["street"].id)
    assert "在next street" not in found(scene, area_id=town["street"].id)


def test_words_are_looked_for_in_what_it_says_and_in_who_gives_it(scene: Scene) -> None:
    scene.service("修Wi-Fi", category="repair", description="路由器也行", place="凤凰山")
    for text in ("wi-fi", "WI-FI", "路由器", "凤凰", "家电维修", "王师傅 路由"):
        assert "修Wi-Fi" in found(scene, text=text), text
    for text in ("路由器 理发", "%", "_", "100%"):
        assert "修Wi-Fi" not in found(scene, text=text), text


def test_what_is_sold_out_comes_last_however_near(scene: Scene, town: dict[str, Area]) -> None:
    gone = scene.goods("空了", stock=0)
    offer_at(scene, town["next city"])
    for narrowed in ({}, {"most_minutes": 600}):
        assert found(scene, home_id=town["grid"].id, **narrowed)[-1] == gone.title


@pytest.mark.parametrize("narrowed", [{}, {"kind": "service"}], ids=["all", "narrowed"])
def test_pages_follow_each_other_without_gaps(scene: Scene, town: dict[str, Area], narrowed: dict[str, str]) -> None:
    for at in range(9):
        offer_at(scene, town[PLACES[at % 5]], f"第{at}项")
    wanted = queries.OfferFilter(home_id=town["grid"].id, **narrowed)  # type: ignore[arg-type]
    whole = [row.offer.id for row in queries.list_offers(scene.session, wanted, today=TODAY, size=50).items]
    pages = [queries.list_offers(scene.session, wanted, today=TODAY, number=at, size=4) for at in (1, 2, 3, 4)]
    assert [row.offer.id for page in pages for row in page.items] == whole
    last = -(-len(whole) // 4)
    assert [page.more for page in pages[:last]] == [True] * (last - 1) + [False]
    assert queries.list_offers(scene.session, wanted, today=TODAY, number=-3, size=4).number == 1


def test_a_page_takes_as_many_statements_however_many_offers(scene: Scene, town: dict[str, Area]) -> None:
    wanted = queries.OfferFilter(home_id=town["grid"].id, branch_id=scene.branch.id)

    def statements() -> int:
        count = 0

        def counted(*_: Any) -> None:
            nonlocal count
            count += 1

        scene.session.expire_all()
        engine = scene.session.get_bind()
        event.listen(engine, "before_cursor_execute", counted)
        for row in queries.list_offers(scene.session, wanted, today=TODAY).items:
            assert row.offer.given_by
        event.remove(engine, "before_cursor_execute", counted)
        return count

    offer_at(scene, town["grid"])
    few = statements()
    for at in range(12):
        offer_at(scene, town[PLACES[at % 5]], f"第{at}项")
    assert statements() <= few


def test_a_changed_offer_is_found_under_its_new_words_and_place(scene: Scene, town: dict[str, Area]) -> None:
    draft = service.OfferDraft(title="修表", category="repair", price_minutes=60, area_id=town["next city"].id)
    actor = actor_of(scene.session, scene.barber)
    service.change_offer(scene.session, scene.haircut.id, draft, actor=actor, now=NOW)
    assert found(scene, text="修表", area_id=town["next city"].id) == ["修表"]
    assert found(scene, text="理发") == []
