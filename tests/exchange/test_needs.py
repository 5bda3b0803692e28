"""What members look for is matched with what is offered, both ways; nobody hears of the same pair twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, at_once, committed, key
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.core import clock
from timebank.core.errors import FormUsed
from timebank.exchange import queries, service
from timebank.exchange.models import EVERYWHERE, Need, NeedMatch
from timebank.members.models import Member
from timebank.notices.models import Notice

TODAY = clock.today(NOW)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def need(scene: Scene, words: str = "想剪个头发", *, by: Member | None = None, **more: Any) -> Need:
    given = {"category": "haircut", "words": words, "until": TODAY + timedelta(days=30), "form_key": key()}
    draft = service.NeedDraft(**given | more)
    return service.post_need(scene.session, draft, actor=actor_of(scene.session, by or scene.asker), now=NOW)


def told(scene: Scene, member: Member, kind: str) -> int:
    return scene.session.query(Notice).filter_by(member_id=member.id, kind=kind).count()


def fitting(scene: Scene, one: Need) -> list[str]:
    return [offer.title for offer in queries.offers_for(scene.session, one, TODAY, most=9)]


def test_a_need_finds_what_is_offered_and_its_giver_is_told(scene: Scene) -> None:
    assert fitting(scene, need(scene)) == ["上门理发"]
    assert told(scene, scene.barber, "need.wanted") == 1


def test_a_new_offer_finds_who_looks_for_it(scene: Scene) -> None:
    one = need(scene, "修水龙头", category="repair")
    assert fitting(scene, one) == []
    offer = scene.service("修水管", category="repair")
    assert told(scene, scene.asker, "need.found") == 1
    assert queries.needs_for(scene.session, offer, TODAY, most=9) == [one]
    assert queries.count_needs_for(scene.session, [offer, scene.haircut], TODAY) == {offer.id: 1}


def test_nobody_is_told_of_the_same_pair_twice(scene: Scene) -> None:
    form = key()
    need(scene, form_key=form)
    need(scene, form_key=form)
    assert service.tell_seekers(scene.session, scene.haircut, now=NOW + timedelta(days=1)) == 0
    assert (told(scene, scene.barber, "need.wanted"), told(scene, scene.asker, "need.found")) == (1, 0)
    scene.service("剪发", category="haircut")
    assert told(scene, scene.asker, "need.found") == 1


def test_who_gives_several_things_that_fit_hears_once(scene: Scene) -> None:
    scene.service("剪发", category="haircut")
    need(scene)
    assert told(scene, scene.barber, "need.wanted") == 1


def test_one_does_not_find_oneself(scene: Scene) -> None:
    own = need(scene, by=scene.barber)
    assert fitting(scene, own) == []
    assert told(scene, scene.barber, "need.wanted") == 0
    assert queries.needs_for(scene.session, scene.haircut, TODAY, most=9) == []


def test_where_the_kind_says_nothing_words_are_compared(scene: Scene) -> None:
    scene.service("遛狗", category="other", description="早晚各一次")
    assert fitting(scene, need(scene, "遛狗，浇花", category="other")) == ["遛狗"]
    assert fitting(scene, need(scene, "下棋", category="other")) == []
    scene.service("陪人下棋", category="other")
    assert told(scene, scene.asker, "need.found") == 1


def test_only_what_the_seeker_may_see_fits(scene: Scene) -> None:
    neighbour = make_member(scene.session, make_branch(scene.session, "XQ"))
    one = need(scene, by=neighbour)
    assert fitting(scene, one) == []
    assert queries.needs_for(scene.session, scene.haircut, TODAY, most=9) == []
    scene.service("剪发", category="haircut", shared_with=EVERYWHERE)
    assert told(scene, neighbour, "need.found") == 1


def test_offers_that_nobody_can_have_fit_nobody(scene: Scene) -> None:
    service.pause_offer(scene.session, scene.haircut.id, actor=actor_of(scene.session, scene.barber))
    scene.goods("空了", stock=0)
    scene.service("咨询", category="legal", licence="律师证 1")
    assert fitting(scene, need(scene)) == []
    assert fitting(scene, need(scene, "戏票", category="ticket")) == ["越剧门票"]
    assert fitting(scene, need(scene, "打官司", category="legal")) == []
    scene.service("再咨询", category="legal", licence="律师证 1")
    assert told(scene, scene.asker, "need.found") == 0


def test_a_need_ends_with_its_last_day_or_when_it_is_taken_back(scene: Scene) -> None:
    one, two = need(scene), need(scene, "染发", until=TODAY)
    tomorrow = TODAY + timedelta(days=1)
    assert queries.list_own_needs(scene.session, scene.asker.id, tomorrow) == [one]
    actor = actor_of(scene.session, scene.asker)
    first = service.end_need(scene.session, one.id, actor=actor, now=NOW)
    service.end_need(scene.session, one.id, actor=actor, now=NOW + timedelta(days=1))
    assert first.ended_at == NOW
    assert queries.list_own_needs(scene.session, scene.asker.id, TODAY) == [two]
    with pytest.raises(queries.NeedNotFound):
        service.end_need(scene.session, two.id, actor=actor_of(scene.session, scene.barber), now=NOW)


def test_neighbours_of_the_branch_read_what_others_look_for(scene: Scene) -> None:
    need(scene, "染发")
    read = queries.list_neighbours_needs
    assert [one.words for one in read(scene.session, scene.branch.id, scene.barber.id, TODAY, most=9)] == ["染发"]
    assert read(scene.session, scene.branch.id, scene.asker.id, TODAY, most=9) == []
    assert read(scene.session, make_branch(scene.session, "XQ").id, scene.barber.id, TODAY, most=9) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"category": "gold"}, "category"),
        ({"words": " "}, "words"),
        ({"words": "长" * 61}, "words"),
        ({"until": date(2026, 11, 20)}, "until"),
        ({"until": date(2027, 6, 1)}, "until"),
    ],
)
def test_a_need_that_breaks_a_rule_is_refused_at_its_field(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(service.BadNeed) as refused:
        need(scene, **wrong)
    assert list(refused.value.fields) == [field]


def test_five_at_a_time_and_a_form_once(scene: Scene) -> None:
    first = need(scene, "第一条", form_key="same")
    for at in range(4):
        need(scene, f"第{at}条")
    assert need(scene, "第一条", form_key="same") is first
    with pytest.raises(FormUsed):
        need(scene, "别的", form_key="same")
    with pytest.raises(service.NeedsFull):
        need(scene)


def test_the_same_form_at_once_tells_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            actor, barber = actor_of(session, scene.asker), scene.barber.id
            draft = service.NeedDraft(category="haircut", words="剪头发", until=TODAY, form_key="same")
        answers = at_once(
            fresh_database,
            [lambda session: service.post_need(session, draft, actor=actor, now=NOW).id for _ in range(4)],
        )
        assert len(set(answers)) == 1
        with work() as session:
            assert session.query(NeedMatch).count() == 1
            assert session.query(Notice).filter_by(member_id=barber, kind="need.wanted").count() == 1
