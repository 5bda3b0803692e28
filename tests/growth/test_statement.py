"""A member's statement: whose, in which words, with which balances."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from tests.archives.months import AUGUST, OCTOBER, SEPTEMBER, earn, haircut, small_town
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.core.clock import month_range, today
from timebank.exchange.service import OfferDraft, OrderDraft, post_offer, request_order
from timebank.growth import queries
from timebank.ledger import queries as ledger
from timebank.members.queries import find_member_by_code


def test_both_sides_read_the_same_haircut_in_their_own_words(session: Session) -> None:
    _, anna, bert = small_town(session)
    mine = queries.get_statement(session, anna)
    assert [(line.text, line.amount, line.balance) for line in mine.lines] == [
        (f"兑换 1 币 · {bert.alias} 为您提供“上门理发”", -60, 120),
        ("存入 3 小时 · 参加志愿服务", 180, 180),
    ]
    assert mine.lines[0].link.startswith("/orders/")
    theirs = queries.get_statement(session, bert)
    assert theirs.lines[0].text == f"收到 1 币 · 您为 {anna.alias} 提供“上门理发”"
    assert theirs.closing == ledger.get_account(session, bert.coin_account_id).balance


def test_a_month_begins_with_what_stood_there(session: Session) -> None:
    _, anna, _ = small_town(session)
    october = queries.get_statement(session, anna, span=month_range("2026-10"))
    assert (october.opening, october.closing, october.count) == (180, 120, 1)
    empty = queries.get_statement(session, anna, span=month_range("2026-09"))
    assert (empty.opening, empty.closing, empty.lines) == (180, 180, [])


def test_pages_carry_the_balance_on_until_the_last(session: Session) -> None:
    branch = make_branch(session, now=AUGUST)
    member = make_member(session, branch, now=AUGUST)
    for day in range(7):
        earn(session, branch, member, 10, at=AUGUST + timedelta(days=day))
    pages = [queries.get_statement(session, member, size=3)]
    while pages[-1].older:
        pages.append(queries.get_statement(session, member, before=pages[-1].older, size=3))
    assert [[line.balance for line in page.lines] for page in pages] == [[70, 60, 50], [40, 30, 20], [10]]


def test_points_have_a_statement_of_their_own(session: Session) -> None:
    _, anna, _ = small_town(session)
    points = queries.get_statement(session, anna, unit="point")
    assert [(line.text, line.balance) for line in points.lines] == [("获得 30 分 · 参加志愿服务", 30)]


def test_what_is_held_names_its_order(session: Session) -> None:
    _, anna, bert = small_town(session)
    offer = post_offer(
        session,
        OfferDraft(category="repair", title="修水龙头", price_minutes=30),
        actor=actor_of(session, bert),
        form_key="held",
        now=OCTOBER,
    )
    order = request_order(
        session, OrderDraft(offer_id=offer.id, form_key="held-order"), actor=actor_of(session, anna), now=OCTOBER
    )
    [held] = queries.list_held(session, anna)
    assert (held.amount, held.text, held.link) == (30, "修水龙头（等待确认）", f"/orders/{order.id}")
    assert queries.list_held(session, bert) == []


def test_the_card_carries_the_code_that_finds_its_holder(session: Session) -> None:
    _, anna, _ = small_town(session)
    card = queries.get_card(session, anna, KEYS, today=today(OCTOBER))
    assert card.codes is not None
    for code in (card.codes.typed, card.codes.scanned):
        assert find_member_by_code(session, KEYS, code, at=OCTOBER).id == anna.id
    assert (card.coin_minutes, card.points) == (120, 30)
    assert (card.stars.count, card.totals.count) == (0, 0)


def test_a_record_without_service_is_empty(session: Session) -> None:
    branch = make_branch(session, now=SEPTEMBER)
    member = make_member(session, branch, now=SEPTEMBER)
    assert queries.list_record(session, member.id, queries.RecordFilter()).items == []
    assert queries.list_years(session, member.id) == []
    assert queries.get_statement(session, member).lines == []


def test_a_second_haircut_is_a_second_line(session: Session) -> None:
    _, anna, bert = small_town(session)
    haircut(session, bert, anna, at=OCTOBER + timedelta(days=2))
    assert [line.amount for line in queries.get_statement(session, anna).lines] == [-60, -60, 180]
