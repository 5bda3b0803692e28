"""统筹: what waits, what ends, who could not redeem and what is missing; few questions, however much there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from tests.activities import town as activities
from tests.agreements.scene import Scene, make_scene
from tests.exchange.scene import give
from tests.rulebook.saving import save_rule
from tests.world import NOW, actor_of, make_branch, make_member, sign_in
from timebank.branches.models import Branch
from timebank.core import clock
from timebank.core.db import transaction
from timebank.desks import coordinating
from timebank.desks.coordinating.ending import COINS, OFFER, ORDER, PAPER, PROMISE
from timebank.exchange import service as exchange
from timebank.exchange.models import GOODS, Offer, Order
from timebank.members.models import Member
from timebank.members.service import PaperDraft, record_paper

DAY = timedelta(days=1)


@pytest.fixture
def branch(session: Session) -> Branch:
    return make_branch(session)


def rich(session: Session, branch: Branch, minutes: int = 600, **more: Any) -> Member:
    member = make_member(session, branch, **more)
    give(session, member, minutes)
    return member


def post(session: Session, provider: Member, *, category: str = "haircut", key: str = "offer", **more: Any) -> Offer:
    draft = exchange.OfferDraft(title="上门理发", category=category, price_minutes=60, **more)
    return exchange.post_offer(session, draft, form_key=key, actor=actor_of(session, provider), now=NOW)


def ask(session: Session, offer: Offer, member: Member, *, key: str, days: int = 0) -> Order:
    draft = exchange.OrderDraft(offer_id=offer.id, form_key=key)
    return exchange.request_order(session, draft, actor=actor_of(session, member), now=NOW + days * DAY)


def decline(session: Session, order: Order, provider: Member, *, days: int = 0) -> None:
    exchange.decline_order(session, order.id, reason="不方便", actor=actor_of(session, provider), now=NOW + days * DAY)


def names(found: coordinating.Unredeemers) -> list[str]:
    return [one.member.name for one in found.rows]


def test_orders_without_an_answer_stand_by_how_long_they_wait(session: Session, branch: Branch) -> None:
    provider, member = make_member(session, branch), rich(session, branch)
    offer = post(session, provider)
    late, early = ask(session, offer, member, key="b", days=1), ask(session, offer, member, key="a")
    answered = ask(session, offer, member, key="c")
    exchange.accept_order(
        session, answered.id, exchange.Meeting(at=NOW + 3 * DAY), actor=actor_of(session, provider), now=NOW
    )
    found = coordinating.list_unanswered(session, branch.id, now=NOW + 2 * DAY)
    assert [(one.order.id, one.days, one.hours_left) for one in found] == [(early.id, 2, 120), (late.id, 1, 144)]
    assert coordinating.list_unanswered(session, make_branch(session, "XQ").id, now=NOW) == []


def test_who_has_coins_and_never_redeemed_is_found_the_richest_first(session: Session, branch: Branch) -> None:
    provider = rich(session, branch, 240, name="周阿明")
    lucky, waiting = rich(session, branch, 900, name="胡菊芬"), rich(session, branch, 900, name="洪伟民")
    rich(session, branch, 600, name="李秀英")
    rich(session, branch, 119, name="王建国")  # too little to choose from
    rich(session, make_branch(session, "XQ"), 600, name="别处的")
    offer = post(session, provider)
    done = ask(session, offer, lucky, key="done")
    exchange.accept_order(session, done.id, exchange.Meeting(at=NOW + DAY), actor=actor_of(session, provider), now=NOW)
    exchange.fulfil(session, done.voucher, actor=actor_of(session, provider), now=NOW)
    ask(session, offer, waiting, key="open")
    found = coordinating.list_unredeemed(session, branch.id, now=NOW)
    assert (names(found), found.total) == (["李秀英", "周阿明"], 2)


def test_whose_last_three_orders_came_to_nothing_is_found_too(session: Session, branch: Branch) -> None:
    provider, member = make_member(session, branch, "周阿明"), rich(session, branch, 900, name="胡菊芬")
    offer = post(session, provider)
    first = ask(session, offer, member, key="first")
    exchange.accept_order(session, first.id, exchange.Meeting(at=NOW + DAY), actor=actor_of(session, provider), now=NOW)
    exchange.fulfil(session, first.voucher, actor=actor_of(session, provider), now=NOW)
    for number in range(1, 4):
        assert names(coordinating.list_unredeemed(session, branch.id, now=NOW + 10 * DAY)) == []
        decline(session, ask(session, offer, member, key=f"{number}", days=number), provider, days=number)
    [found] = coordinating.list_unredeemed(session, branch.id, now=NOW + 10 * DAY).rows
    assert (found.asked, found.declined, found.expired, found.cancelled) == (4, 3, 0, 0)


def test_hints_say_what_could_help(session: Session, branch: Branch) -> None:
    today = clock.today(NOW)

    def said(**more: Any) -> str:
        known: dict[str, Any] = {"asked": 3, "declined": 0, "expired": 0, "cancelled": 0, "last_asked_at": NOW}
        member = more.pop("member", None) or make_member(session, branch, phone="13805740001")
        return coordinating.hint(coordinating.Unredeemed(member=member, available=600, **known | more), today=today)

    elder = make_member(session, branch, born_on=today.replace(year=1940))
    assert "上门或者打电话" in said(member=elder, asked=0)
    assert "没有登记电话" in said(member=make_member(session, branch), asked=0)
    assert "打个电话" in said(asked=0)
    assert "没有人答复" in said(expired=2, declined=1)
    assert "没有接" in said(declined=2, cancelled=1)
    assert "自己取消了" in said(cancelled=3)


def test_what_counts_begins_where_the_rules_let_people_redeem(session: Session, branch: Branch) -> None:
    rich(session, branch, 300)
    save_rule(session, branch.id, NOW, now=NOW - DAY, first_redemption_minutes=600)
    assert coordinating.least_to_redeem(session, branch.id, today=clock.today(NOW)) == 600
    assert coordinating.list_unredeemed(session, branch.id, now=NOW).total == 0


def test_what_is_asked_for_and_missing(session: Session, branch: Branch) -> None:
    provider, member = make_member(session, branch, skills="理发"), rich(session, branch, 900)
    able = make_member(session, branch, "会剪发的", skills="剪发十年")
    keeper = actor_of(session, make_member(session, branch, roles=("manager",)))
    offer = post(session, provider)
    for key in "ab":
        decline(session, ask(session, offer, member, key=key), provider)
    tickets = exchange.OfferDraft(
        kind=GOODS, branch_id=branch.id, title="越剧票", category="ticket", price_minutes=30, stock=1
    )
    last = exchange.post_offer(session, tickets, form_key="ticket", actor=keeper, now=NOW)
    order = ask(session, last, member, key="c")
    assert session.get_one(Offer, last.id).stock == 0, order
    [haircut, ticket] = coordinating.list_missing(session, branch.id, now=NOW)
    assert (haircut.name, haircut.asked, haircut.failed, haircut.offers) == ("理发", 2, 2, 1)
    assert [one.id for one in haircut.people] == [able.id]  # who provides it already is not asked again
    assert (ticket.name, ticket.sold_out, ticket.people) == ("演出门票", 1, ())
    assert coordinating.list_missing(session, branch.id, now=NOW + 100 * DAY)[0].code == "ticket"


def test_what_members_look_for_and_nobody_offers_is_missing(session: Session, branch: Branch) -> None:
    seeker = rich(session, branch)
    draft = exchange.NeedDraft(category="drain", words="下水道堵了", until=NOW.date() + 9 * DAY, form_key="need")
    exchange.post_need(session, draft, actor=actor_of(session, seeker), now=NOW)
    [drain] = coordinating.list_missing(session, branch.id, now=NOW)
    assert (drain.code, drain.asked, drain.failed, drain.offers) == ("drain", 1, 1, 0)
    assert coordinating.list_missing(session, branch.id, now=NOW + 20 * DAY) == []


def test_skills_that_coming_activities_lack_are_missing(session: Session) -> None:
    place = activities.make_town(session)
    posted = activities.post(session, place, activities.shift(48), needed_skills="haircut")
    branch_id = posted.branch_id
    [lacking] = [one for one in coordinating.list_missing(session, branch_id, now=NOW) if one.kind == "activity"]
    assert (lacking.name, lacking.asked > 0) == ("理发", True)


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def test_what_ends_soon_comes_by_its_day(session: Session, scene: Scene) -> None:
    scene.signed()
    branch = session.get_one(Branch, scene.branch_id)
    provider, member = make_member(session, branch), rich(session, branch)
    paper = PaperDraft(kind="first_aid", valid_until=clock.today(NOW + 30 * DAY), note="", seen=True, form_key="paper")
    record_paper(session, provider.id, paper, actor=scene.first, now=NOW)
    offer = post(session, provider, valid_until=clock.today(NOW + 8 * DAY))
    ask(session, offer, member, key="a")
    later = NOW + 5 * DAY
    rows = coordinating.list_endings(session, branch.id, now=later).rows
    assert [one.kind for one in rows] == [ORDER, OFFER, PROMISE, PROMISE, PAPER]
    assert (rows[0].note, rows[0].minutes) == ("还没有人答复", 60)
    assert [one.late for one in coordinating.list_endings(session, branch.id, now=NOW + 11 * DAY).rows][:2] == [
        True,
        True,
    ]


def test_coins_that_expire_within_a_month_are_told_with_their_owner(session: Session, branch: Branch) -> None:
    save_rule(session, branch.id, NOW, now=NOW - DAY, expiry_months=6)
    member = rich(session, branch, 300)
    soon = coordinating.list_endings(session, branch.id, now=NOW + 170 * DAY)
    assert (soon.coin_members, soon.coin_minutes) == (1, 300)
    assert [(one.kind, one.member.id if one.member else 0) for one in soon.rows] == [(COINS, member.id)]
    assert coordinating.list_endings(session, branch.id, now=NOW + 30 * DAY).rows == ()


def test_the_page_takes_the_same_number_of_questions_however_much_there_is(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        now = clock.now()
        branch = make_branch(session)
        boss = make_member(session, branch, roles=("manager",))
        save_rule(session, branch.id, now, now=now - DAY, expiry_months=6)
        boss_id, branch_id = boss.id, branch.id
    client = app.test_client()
    sign_in(client, boss_id)

    def fill(start: int, count: int) -> None:
        with app.app_context(), transaction() as session:
            branch = session.get_one(Branch, branch_id)
            for number in range(start, start + count):
                provider = make_member(session, branch, skills="理发")
                member = make_member(session, branch)
                give(session, member, 600, now=now)
                draft = exchange.OfferDraft(
                    title=f"理发 {number}",
                    category="haircut",
                    price_minutes=60,
                    valid_until=clock.today(now + 3 * DAY),
                )
                actor = actor_of(session, provider)
                offer = exchange.post_offer(session, draft, form_key=f"offer-{number}", actor=actor, now=now)
                for key in ("asked", "no"):
                    wish = exchange.OrderDraft(offer_id=offer.id, form_key=f"{key}-{number}")
                    order = exchange.request_order(session, wish, actor=actor_of(session, member), now=now)
                exchange.decline_order(session, order.id, reason="不方便", actor=actor, now=now)

    def questions() -> int:
        asked: list[str] = []
        with app.app_context():
            from timebank.core.db import db

            def note(*given: Any) -> None:
                asked.append(given[2])

            sa.event.listen(db.engine, "before_cursor_execute", note)
            page = client.get("/branch/coordinator")
            sa.event.remove(db.engine, "before_cursor_execute", note)
        assert page.status_code == 200
        return len(asked)

    fill(0, 2)
    few = questions()
    fill(2, 10)
    assert questions() == few <= 55


def test_it_is_a_page_and_tables_for_organisers_with_masked_names(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        branch = make_branch(session)
        organiser = make_member(session, branch, roles=("organiser",)).id
        volunteer = make_member(session, branch).id
        stranger = make_member(session, make_branch(session, "XQ"), roles=("organiser",)).id
        member = make_member(session, branch, "胡菊芬")
        give(session, member, 600, now=clock.now())
        number, branch_id = member.number, branch.id
    client = app.test_client()
    sign_in(client, organiser)
    page = client.get("/branch/coordinator").text
    assert f"胡** {number}" in page
    assert "胡菊芬" not in page
    table = client.get("/branch/coordinator.csv?part=unredeemed").text
    assert f"胡** {number},600,0,0,0,0,从来没有兑换过" in table
    for part in ("unanswered", "endings", "missing"):
        assert client.get(f"/branch/coordinator.xlsx?part={part}").status_code == 200
    for who, status in ((volunteer, 403), (stranger, 403)):
        other = app.test_client()
        sign_in(other, who)
        assert other.get(f"/branch/coordinator?branch={branch_id}").status_code == status
