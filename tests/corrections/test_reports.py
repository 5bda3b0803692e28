"""Every report follows a correction, and agrees with the ledger."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.archives.months import packing_in
from tests.attendance.scene import START
from tests.corrections.town import LATER, Town, make_town
from tests.world import KEYS, actor_of
from timebank.archives import queries as archives
from timebank.archives import service as archive_service
from timebank.attendance.queries import list_approved, list_roster, month_totals, month_totals_by_branch
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.corrections.models import DONE
from timebank.desks.queries import branch_months
from timebank.exchange import queries as exchange
from timebank.exchange import service as exchange_service
from timebank.exchange.models import UNDONE
from timebank.exchange.queries.pace import category_paces
from timebank.giving.service import Donation, donate
from timebank.growth import queries as growth
from timebank.growth.queries import RecordFilter
from timebank.growth.rules import Recognition
from timebank.growth.service import RecognitionDraft, add_recognition
from timebank.ledger import queries as ledger

MONTH = "2026-11"
DECEMBER = LATER + timedelta(days=12)


@pytest.fixture
def town(session: Session) -> Town:
    """Three with two hours each: the first is corrected to an hour and a half, the second undone."""
    made = make_town(session)
    made.ask(made.entry(0), 90)
    made.ask(made.entry(1), None, reason="根本没来")
    return made


def issued(town: Town, unit: str = "coin") -> int:
    """What the branch has issued, by the ledger."""
    account = ledger.find_house_account(town.session, town.scene.branch.id, "issuance", unit)
    return -ledger.balance(town.session, account)


def test_what_a_member_served(town: Town) -> None:
    for number in range(3):
        coins, points = town.stands(number)
        assert (town.totals(number)[0], town.totals(number)[2]) == (coins, points)
    assert [town.totals(number)[1] for number in range(3)] == [1, 0, 1]


def test_what_a_branch_did_in_a_month(town: Town) -> None:
    totals = month_totals(town.session, frozenset({town.scene.branch.id}), MONTH)
    assert (totals.minutes, totals.people, totals.count, totals.shifts) == (issued(town), 2, 2, 1)
    assert month_totals_by_branch(town.session, MONTH)[town.scene.branch.id] == totals
    [branch] = branch_months(town.session, now=LATER)
    assert branch.totals == totals


def test_a_shift_of_which_nothing_is_left_does_not_count(town: Town) -> None:
    for number in (0, 2):
        town.ask(town.entry(number), None)
    totals = month_totals(town.session, None, MONTH)
    assert (totals.minutes, totals.people, totals.count, totals.shifts) == (0, 0, 0, 0)
    assert month_totals_by_branch(town.session, MONTH).get(town.scene.branch.id, totals) == totals


def test_the_list_of_approved_shifts_and_its_roster(town: Town) -> None:
    [card] = list_approved(town.session, None)
    assert (card.minutes, card.points, card.corrected) == (issued(town), issued(town, "point"), 2)
    lines = list_roster(town.session, town.scene.shift_id)
    assert sum(line.minutes for line in lines) == issued(town)
    changed = {line.approved_minutes: line.correction_reason for line in lines if line.approved_minutes is not None}
    assert len([line for line in lines if line.approved_minutes == 120]) == 2
    assert changed


def test_the_record_the_card_and_the_year(town: Town) -> None:
    for number, expected in ((0, 90), (1, 0), (2, 120)):
        member = town.member(number)
        [one] = growth.list_record(town.session, member.id, RecordFilter()).items
        assert (one.minutes, one.minutes_now) == (120, expected)
        card = growth.get_card(town.session, member, KEYS, today=clock.today(LATER))
        assert card.totals.minutes == expected == card.coin_minutes == card.stars.minutes
        assert card.days[clock.local(START).date()] == expected


def test_stars_fall_with_the_minutes(session: Session) -> None:
    town = make_town(session, 1)
    easy = RecognitionDraft(
        branch_id=town.scene.branch.id,
        valid_from=clock.today(LATER) + timedelta(days=1),
        settings=Recognition(one_star_minutes=120),
        reason="会议决定",
        form_key="easy",
    )
    add_recognition(session, easy, actor=town.manager, now=LATER)
    member, later = town.member(0), clock.today(LATER) + timedelta(days=1)
    assert growth.find_stars(session, [member], later)[member.id].count == 1
    town.ask(town.entry(0), 60)
    after = growth.find_stars(session, [member], later)[member.id]
    assert (after.count, after.missing_minutes) == (0, 60)


def test_the_statement_says_it_plainly(town: Town) -> None:
    lines = growth.get_statement(town.session, town.member(0)).lines
    assert [line.text for line in lines] == [
        "更正扣回 2 币 · 2026 年 11 月的“楼道清洁” · 签退忘了",
        "更正后存入 1 小时 30 分钟 · 参加“楼道清洁”",
        "存入 2 小时 · 参加“楼道清洁”",
    ]
    assert [line.note for line in lines] == ["", "", "这一笔后来更正了：签退忘了"]
    assert lines[0].balance == town.stands(0)[0]
    points = growth.get_statement(town.session, town.member(0), unit="point").lines
    assert [line.text for line in points][:2] == [
        "更正扣回 20 分 · 2026 年 11 月的“楼道清洁” · 签退忘了",
        "更正后获得 15 分 · 参加“楼道清洁”",
    ]


def test_orders_that_were_undone_count_nowhere(session: Session) -> None:
    town = make_town(session)
    good, bad = town.haircut(asker=0, barber=1), town.haircut(asker=0, barber=1)
    for order, score in ((good, 5), (bad, 1)):
        for who in (0, 1):
            actor = actor_of(session, town.member(who))
            exchange_service.rate(session, order.id, score=score, words="嗯", actor=actor, now=LATER)
    town.ask(bad.entry_id or 0, None)
    session.expire_all()
    scores = exchange.scores_of(session, [good.offer_id, bad.offer_id])
    assert {offer: score.average for offer, score in scores.items()} == {good.offer_id: "5.0"}
    assert exchange.score_of_member(session, town.member(0).id).average == "5.0"
    assert exchange.list_words(session, bad.offer_id) == []
    assert exchange.count_taken(session, bad.offer_id, town.member(0).id) == 0
    kept = {one.offer.id: one.fulfilled for one in exchange.list_member_offers(session, town.member(1).id)}
    assert kept == {good.offer_id: 1, bad.offer_id: 0}
    branch_id = town.scene.branch.id
    found = exchange.list_branch_orders(session, branch_id, exchange.OrderFilter(status=UNDONE)).items
    assert [order.id for order in found] == [bad.id]
    found = exchange.list_branch_orders(session, branch_id, exchange.OrderFilter(status="fulfilled")).items
    assert [order.id for order in found] == [good.id]


def test_nobody_is_asked_to_rate_what_was_undone(session: Session) -> None:
    town = make_town(session)
    order = town.haircut(asker=0, barber=1)
    assert [one.what for one in exchange.list_waiting(session, town.member(0).id, now=LATER)] == ["rate"]
    town.ask(order.entry_id or 0, None)
    session.expire_all()
    assert exchange.list_waiting(session, town.member(0).id, now=LATER) == []


# --- archives ----------------------------------------------------------------------------------------------------


def close(town: Town, month: str) -> None:
    archive_service.close_month(
        town.session, branch=town.scene.branch, month=month, actor=SYSTEM, keys=KEYS, now=after(month)
    )


def after(month: str) -> Any:
    return clock.month_range(month)[1] + timedelta(hours=1)


def package(town: Town, month: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    made = archive_service.make_package(town.session, branch=town.scene.branch, month=month, packing=packing_in(folder))
    with zipfile.ZipFile(folder / made.name) as bag:
        names = {name.rsplit("/", 1)[-1]: name for name in bag.namelist()}
        tables = ("members", "attendance", "activities", "orders")
        return {table: json.loads(bag.read(names[f"{table}.json"])) for table in tables}


def agree(town: Town, tables: dict[str, list[dict[str, Any]]], month: str) -> None:
    """Members' balances are the ledger's; service records, members and activities tell the same minutes."""
    balances = {
        row.code: row
        for row in ledger.trial_balance(town.session, town.scene.branch.id, month=month)
        if row.unit == "coin"
    }
    for row in tables["members"]:
        account = balances.get(f"member:{row['number']}")
        assert row["closing"] == (account.closing if account else 0)
        assert row["opening"] + row["earned"] - row["redeemed"] + row["received"] + row["adjusted"] == row["closing"]
    served = Counter[str]()
    for row in tables["attendance"]:
        served[row["number"]] += row["signed"] + row["manual"]
    for row in tables["members"]:
        assert row["signed"] + row["manual"] == served[row["number"]] == row["earned"]
    assert sum(row["minutes"] for row in tables["activities"]) == served.total()


def test_a_correction_of_the_same_month_is_in_its_package(town: Town, tmp_path: Path) -> None:
    close(town, MONTH)
    tables = package(town, MONTH, tmp_path)
    agree(town, tables, MONTH)
    lines = [(row["signed"], row["points"], bool(row["corrects"])) for row in tables["attendance"]]
    assert sorted(lines) == [(-120, -20, True), (-30, -5, True), (120, 20, False), (120, 20, False), (120, 20, False)]
    [shift] = tables["activities"]
    assert (shift["attended"], shift["minutes"]) == (2, 210)
    by_number = {row["number"]: row for row in tables["members"]}
    mine = by_number[town.member(0).number]
    assert (mine["earned"], mine["adjusted"], mine["closing"]) == (90, 0, 90)
    assert (mine["points_earned"], mine["points_other"], mine["points_closing"]) == (15, 0, 15)


def test_a_closed_month_is_left_alone_and_the_correction_is_in_the_next(session: Session, tmp_path: Path) -> None:
    town = make_town(session)
    order = town.haircut(asker=0, barber=1)
    close(town, MONTH)
    sealed = package(town, MONTH, tmp_path)
    number = ledger.get_entry(session, town.entry(0)).number
    for entry_id, minutes in ((town.entry(0), 90), (town.entry(2), None), (order.entry_id or 0, 20)):
        assert town.ask(entry_id, minutes, now=DECEMBER).status == DONE
    assert package(town, MONTH, tmp_path) == sealed
    close(town, "2026-12")
    tables = package(town, "2026-12", tmp_path)
    agree(town, tables, "2026-12")
    first = tables["attendance"][0]
    assert (first["signed"], first["corrects"]) == (-30, f"2026-11 第 {number} 号")
    [shift] = tables["activities"]
    assert (shift["attended"], shift["minutes"], shift["status"]) == (-1, -150, "更正")
    [given_back] = tables["orders"]
    assert (given_back["order"], given_back["amount"], given_back["status"]) == (order.id, -40, "更正数量")
    assert given_back["corrects"].startswith("2026-11 第 ")
    by_number = {row["number"]: row for row in tables["members"]}
    payer, barber = (by_number[town.member(number).number] for number in (0, 1))
    assert (payer["redeemed"], payer["earned"], payer["adjusted"]) == (-40, -30, 0)
    assert (barber["received"], barber["adjusted"]) == (-40, 0)


def test_the_table_of_a_running_month_follows_at_once(town: Town) -> None:
    rows = {row[0]: row for row in archives.list_member_rows(town.session, town.scene.branch, MONTH)}
    for number in range(3):
        row = rows[town.member(number).number]
        assert row[10] == town.stands(number)[0]


def test_a_rounding_point_counts_as_earned(session: Session, tmp_path: Path) -> None:
    from tests.attendance.scene import make_shift
    from tests.corrections.test_service import book_minutes

    town = make_town(session, 1, leaves="10:41")
    first = town.entry(0)
    _, shift_id = make_shift(session, town.scene.branch, town.scene.organiser_actor)
    book_minutes(town, shift_id, 5)  # 101 + 5 minutes are 17 points and a rest of 40; 5 minutes alone none and 50
    town.ask(first, None)
    assert (town.stands(0), town.carry(0)) == ((5, 0), 50)
    close(town, MONTH)
    tables = package(town, MONTH, tmp_path)
    [row] = [row for row in tables["members"] if row["number"] == town.member(0).number]
    assert (row["points_earned"], row["points_other"], row["points_closing"]) == (0, 0, 0)
    assert sum(one["points"] for one in tables["attendance"]) == 0
    assert town.findings() == []


def test_a_gift_that_was_undone_says_so_in_the_statement(town: Town) -> None:
    giver = town.member(2)
    gift = Donation(purse="coin", minutes=60, words="", form_key="gift")
    posted = donate(town.session, gift, actor=actor_of(town.session, giver), now=LATER)
    town.ask(posted.entry_id, None, reason="点错了")
    back, given, *_ = growth.get_statement(town.session, giver).lines
    assert (given.text, given.note) == ("捐给爱心基金 1 币", "这一笔后来更正了：点错了")
    assert (back.text, back.note) == ("更正退回 1 币 · 2026 年 11 月的记录 · 点错了", "")


def test_what_was_redeemed_counts_as_it_was_set_right(town: Town) -> None:
    undone, cheaper, kept = (town.haircut(asker=2, barber=0, minutes=30) for _ in range(3))
    for order, minutes in ((undone, None), (cheaper, 20)):
        town.ask(order.entry_id or 0, minutes)
    [one] = category_paces(town.session, town.scene.branch.id, [clock.month_range(MONTH)], today=clock.today(LATER))
    assert (one.orders, one.minutes) == ((2,), (50,))
    assert kept.amount_now == 30


def test_what_was_set_aside_for_an_order_that_was_undone_stood_until_then(town: Town) -> None:
    undone, cheaper, _ = (town.haircut(asker=2, barber=0, minutes=30) for _ in range(3))
    less = town.ask(undone.entry_id or 0, 20)
    at = LATER + timedelta(hours=3)
    town.ask(less.replacement_entry_id or 0, None, now=at)
    town.ask(cheaper.entry_id or 0, 20, now=at)
    start, end = clock.month_range(MONTH)
    placed = ledger.list_placed(town.session, town.scene.branch.id, "order", start=start, end=end)
    assert [one.until for one in placed] == [at, None, None]
