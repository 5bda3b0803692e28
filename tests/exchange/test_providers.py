"""Whose offers there are besides members': teams', organisations' and the branch's own."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, coins_of, give, key
from tests.world import KEYS, NOW, actor_of, make_member
from timebank.core import clock
from timebank.core.errors import FormUsed, NotAllowed
from timebank.exchange import queries, service
from timebank.exchange.models import EXPIRED, GOODS, REQUESTED, Offer, Order
from timebank.ledger import queries as books
from timebank.members.models import Member, Organisation, Team
from timebank.members.service import (
    OrganisationDraft,
    close_organisation,
    create_team,
    join_team,
    register_organisation,
    set_leader,
    suspend_member,
)
from timebank.notices.models import Notice

TODAY = clock.today(NOW)


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


@pytest.fixture
def manager(scene: Scene) -> Any:
    return actor_of(scene.session, scene.manager)


@pytest.fixture
def team(scene: Scene, manager: Any) -> Team:
    made = create_team(scene.session, branch_id=scene.branch.id, name="银发维修队", kind="", actor=manager, now=NOW)
    for member in (scene.barber, make_member(scene.session, scene.branch, "孙扳手")):
        join_team(scene.session, made.id, member.id, actor=manager, now=NOW)
    set_leader(scene.session, made.id, scene.barber.id, actor=manager)
    return made


@pytest.fixture
def theatre(scene: Scene, manager: Any) -> Organisation:
    draft = OrganisationDraft(name="北仑大剧院", kind="company", branch_id=scene.branch.id, form_key="theatre")
    return register_organisation(scene.session, draft, actor=manager, keys=KEYS, now=NOW)


def of_team(scene: Scene, team: Team, by: Member | None = None) -> Offer:
    return scene.service("修门窗", category="repair", by=by, team_id=team.id)


def told(session: Session, member: Member) -> set[str]:
    return {one.kind for one in session.query(Notice).filter_by(member_id=member.id)}


def listed(scene: Scene) -> set[str]:
    wanted = queries.OfferFilter(branch_id=scene.branch.id)
    return {row.offer.title for row in queries.list_offers(scene.session, wanted, today=TODAY).items}


def test_a_leader_posts_for_the_team_and_answers(scene: Scene, team: Team) -> None:
    offer = of_team(scene, team)
    assert (offer.given_by, offer.answers, offer.provider_id) == ("银发维修队", scene.barber, None)
    order = scene.order(offer)
    assert (order.status, order.provider_id) == (REQUESTED, scene.barber.id)
    assert "order.requested" in told(scene.session, scene.barber)
    scene.fulfil(scene.accept(order))
    assert coins_of(scene.session, scene.barber)[0] == 60


def test_who_does_not_lead_does_not_post_for_the_team(scene: Scene, team: Team) -> None:
    other = next(one.member for one in team.members if not one.is_leader)
    with pytest.raises(NotAllowed):
        of_team(scene, team, by=other)
    assert of_team(scene, team, by=scene.manager).team_id == team.id


def test_a_new_leader_answers_for_what_the_old_one_posted(scene: Scene, team: Team, manager: Any) -> None:
    offer = of_team(scene, team)
    other = next(one.member for one in team.members if not one.is_leader)
    set_leader(scene.session, team.id, other.id, actor=manager)
    assert scene.order(offer).provider_id == other.id
    assert [row.offer for row in queries.list_member_offers(scene.session, other.id)] == [offer]
    with pytest.raises(NotAllowed):
        service.pause_offer(scene.session, offer.id, actor=actor_of(scene.session, scene.barber))


def test_nobody_orders_from_a_team_they_lead_and_others_of_it_may(scene: Scene, team: Team) -> None:
    offer = of_team(scene, team)
    give(scene.session, scene.barber, 60)
    with pytest.raises(service.OwnOffer):
        scene.order(offer, by=scene.barber)
    other = next(one.member for one in team.members if not one.is_leader)
    give(scene.session, other, 60)
    assert scene.order(offer, by=other).provider_id == scene.barber.id


def test_a_team_without_an_active_leader_takes_no_orders(scene: Scene, team: Team, manager: Any) -> None:
    offer = of_team(scene, team)
    suspend_member(scene.session, scene.barber.id, reason="搬走了", actor=manager, now=NOW)
    with pytest.raises(service.OfferClosed):
        scene.order(offer)
    for membership in team.members:
        membership.is_leader = False
    with pytest.raises(service.OfferClosed, match="没有队长"):
        scene.order(offer)


def test_a_team_gives_services_and_no_goods(scene: Scene, team: Team) -> None:
    with pytest.raises(service.BadOffer) as refused:
        scene.goods("工具", stock=1, team_id=team.id)
    assert list(refused.value.fields) == ["team_id"]


def test_goods_of_an_organisation_are_posted_by_the_branch(scene: Scene, theatre: Organisation) -> None:
    offer = scene.goods("话剧票", stock=3, organisation_id=theatre.id)
    assert offer.given_by == "北仑大剧院"
    scene.fulfil(scene.order(offer))
    redeemed = books.find_house_account(scene.session, scene.branch.id, "redeemed")
    assert books.balance(scene.session, redeemed) == 30


def test_a_service_of_the_branch_is_answered_by_its_managers_and_its_coins_are_redeemed(scene: Scene) -> None:
    offer = scene.service("代收快递", category="other", by=scene.manager, branch_id=scene.branch.id)
    order = scene.order(offer)
    assert (order.provider_id, offer.given_by) == (None, scene.branch.name)
    assert "order.requested" in told(scene.session, scene.manager)
    actor = actor_of(scene.session, scene.manager)
    service.accept_order(scene.session, order.id, service.Meeting(at=NOW + timedelta(days=1)), actor=actor, now=NOW)
    scene.fulfil(order, by=scene.manager)
    redeemed = books.find_house_account(scene.session, scene.branch.id, "redeemed")
    assert books.balance(scene.session, redeemed) == 60


def test_only_an_organisation_of_the_branch_that_is_there(scene: Scene, theatre: Organisation, manager: Any) -> None:
    close_organisation(scene.session, theatre.id, reason="搬走", actor=manager, now=NOW)
    for wrong in (theatre.id, 999):
        with pytest.raises(service.BadOffer):
            scene.goods("票", stock=1, organisation_id=wrong)


def test_what_an_organisation_gave_goes_when_it_leaves(scene: Scene, theatre: Organisation, manager: Any) -> None:
    offer = scene.goods("话剧票", stock=3, organisation_id=theatre.id)
    assert "话剧票" in listed(scene)
    close_organisation(scene.session, theatre.id, reason="搬走", actor=manager, now=NOW)
    assert "话剧票" not in listed(scene)
    with pytest.raises(service.OfferClosed, match="已经退出"):
        scene.order(offer)


def test_members_do_not_post_for_the_branch(scene: Scene) -> None:
    with pytest.raises(NotAllowed):
        scene.service("代收快递", category="other", branch_id=scene.branch.id)


def test_a_form_sent_twice_for_somebody_else_is_another_form(scene: Scene, theatre: Organisation, manager: Any) -> None:
    form = key()
    one = {
        "kind": GOODS,
        "branch_id": scene.branch.id,
        "category": "ticket",
        "title": "票",
        "price_minutes": 30,
        "stock": 1,
    }
    service.post_offer(scene.session, service.OfferDraft(**one), form_key=form, actor=manager, now=NOW)  # type: ignore[arg-type]
    other = service.OfferDraft(**one, organisation_id=theatre.id)  # type: ignore[arg-type]
    with pytest.raises(FormUsed):
        service.post_offer(scene.session, other, form_key=form, actor=manager, now=NOW)


def test_the_database_knows_one_giver(scene: Scene, team: Team, theatre: Organisation) -> None:
    haircut, tickets = scene.haircut.id, scene.tickets.id
    for change in (
        f"UPDATE offer SET team_id = {team.id} WHERE id = {haircut}",
        f"UPDATE offer SET team_id = {team.id} WHERE id = {tickets}",
        f"UPDATE offer SET organisation_id = {theatre.id} WHERE id = {haircut}",
        f"UPDATE offer SET use_by = '2026-12-01' WHERE id = {haircut}",
        f"UPDATE offer SET capacity = 2 WHERE id = {haircut}",
        f"UPDATE offer SET kind = 'resource' WHERE id = {haircut}",
    ):
        with pytest.raises(IntegrityError), scene.session.begin_nested():
            scene.session.execute(text(change))


# --- the last day of a voucher ---------------------------------------------------------------------------------------


def test_a_voucher_ends_with_the_last_day_on_which_it_can_be_used(scene: Scene) -> None:
    day = TODAY + timedelta(days=3)
    offer = scene.goods("戏票", stock=2, valid_until=day, use_by=day)
    order = scene.order(offer)
    assert clock.today(order.expires_at - timedelta(seconds=1)) == day
    with pytest.raises(service.OrderEnded):
        scene.fulfil(order, now=order.expires_at)
    service.expire_orders(scene.session, now=order.expires_at)
    assert (order.status, queries.get_offer(scene.session, offer.id).stock) == (EXPIRED, 2)


def test_goods_that_keep_longer_wait_as_long_as_others(scene: Scene) -> None:
    far = TODAY + timedelta(days=300)
    order = scene.order(scene.goods("米", stock=2, valid_until=far, use_by=far))
    assert order.expires_at == NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({"use_by": date(2026, 11, 20)}, "use_by"),
        ({"use_by": date(2026, 12, 1)}, "valid_until"),
        ({"use_by": date(2026, 12, 1), "valid_until": date(2026, 12, 2)}, "valid_until"),
    ],
)
def test_goods_are_not_given_after_their_last_day(scene: Scene, days: dict[str, date], field: str) -> None:
    with pytest.raises(service.BadOffer) as refused:
        scene.goods("戏票", stock=2, **days)
    assert list(refused.value.fields) == [field]


def test_services_have_no_last_day_of_use(scene: Scene) -> None:
    with pytest.raises(service.BadOffer) as refused:
        scene.service("修伞", category="repair", use_by=TODAY)
    assert list(refused.value.fields) == ["use_by"]


# --- who of the team goes --------------------------------------------------------------------------------------------


def other_of(team: Team) -> Member:
    return next(one.member for one in team.members if not one.is_leader)


def send(scene: Scene, order: Order, member: Member, *, by: Member | None = None) -> Order:
    actor = actor_of(scene.session, by or scene.barber)
    return service.send_member(scene.session, order.id, member.id, actor=actor, now=NOW)


def test_the_coins_go_to_who_was_sent(scene: Scene, team: Team) -> None:
    order, sent = scene.accept(scene.order(of_team(scene, team))), other_of(team)
    send(scene, order, sent)
    send(scene, order, sent)
    assert {"order.sent"} <= told(scene.session, sent)
    assert {"order.comes"} <= told(scene.session, scene.asker)
    assert [one.order for one in queries.list_waiting(scene.session, sent.id, now=NOW)] == [order]
    scene.fulfil(order, by=sent)
    assert (coins_of(scene.session, sent)[0], coins_of(scene.session, scene.barber)[0]) == (60, 0)
    entry = books.get_entry(scene.session, order.entry_id or 0)
    assert entry.facts["provider_id"] == sent.id


def test_both_rate_and_the_leader_may_change_their_mind(scene: Scene, team: Team) -> None:
    order = scene.accept(scene.order(of_team(scene, team)))
    send(scene, order, other_of(team))
    send(scene, order, scene.barber)
    scene.fulfil(order)
    assert coins_of(scene.session, scene.barber)[0] == 60
    with pytest.raises(service.AlreadyFulfilled):
        send(scene, order, other_of(team))


def test_only_people_of_the_team_are_sent_and_nobody_to_themselves(scene: Scene, team: Team, manager: Any) -> None:
    sent = other_of(team)
    give(scene.session, sent, 60)
    order = scene.order(of_team(scene, team), by=sent)
    for wrong in (scene.asker, sent):
        with pytest.raises(service.NotOfTheTeam):
            send(scene, order, wrong)
    with pytest.raises(NotAllowed):
        send(scene, scene.order(scene.haircut), sent)
    with pytest.raises(queries.OrderNotFound):
        send(scene, order, scene.barber, by=scene.asker)
    gone = scene.order(of_team(scene, team))
    scene.cancel(gone)
    with pytest.raises(service.OrderEnded):
        send(scene, gone, sent)
    suspend_member(scene.session, sent.id, reason="搬走了", actor=manager, now=NOW)
    with pytest.raises(service.NotOfTheTeam):
        send(scene, scene.order(of_team(scene, team)), sent)


def test_where_nobody_earns_nothing_goes_to_the_fund(scene: Scene) -> None:
    offer = scene.service("代收快递", category="other", by=scene.manager, branch_id=scene.branch.id)
    assert service.kept_and_fund(scene.session, scene.order(offer), 60, now=NOW) == (60, 0)
