"""A correction goes by the rules its entry was booked by: caps, overflow, give-away hours, points."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, START, YESTERDAY, make_scene, make_shift
from tests.corrections.test_service import book_minutes
from tests.corrections.town import LATER, Town, make_town
from tests.exchange.scene import give
from tests.rulebook.saving import save_rule
from tests.world import actor_of, make_member
from timebank.corrections import queries, rules
from timebank.corrections.models import DONE, WAITING
from timebank.exchange.service import NotEnoughEarned
from timebank.ledger import queries as ledger
from timebank.notices.queries import list_notices


def ruled(session: Session, *, before: int = 0, scene: dict[str, Any] | None = None, **settings: Any) -> Town:
    """One volunteer with two approved hours under rules of their own, and ``before`` minutes from earlier."""
    made = make_scene(session, 1, **(scene or {}))
    save_rule(session, made.branch.id, START, now=YESTERDAY, **settings)
    if before:
        give(session, made.volunteers[0], before, now=YESTERDAY)
    made.attend(session, 0)
    made.submit(session)
    made.approve(session)
    deputy = actor_of(session, make_member(session, made.branch, roles=("manager",)))
    return Town(session=session, scene=made, deputy=deputy, inspector=deputy)


def another(town: Town, minutes: int) -> int:
    """One more approved shift of the same day; returns its entry."""
    _, shift_id = make_shift(town.session, town.scene.branch, town.scene.organiser_actor)
    book_minutes(town, shift_id, minutes)
    return ledger.list_entries(town.session, town.scene.branch.id)[0][0].id


def fund(town: Town) -> int:
    account = ledger.find_house_account(town.session, town.scene.branch.id, "fund")
    return ledger.get_account(town.session, account).balance


def test_points_by_the_ratio_of_the_day(session: Session) -> None:
    town = ruled(session, points_per_hour=7)
    save_rule(session, town.scene.branch.id, START + timedelta(days=1), now=AFTER, points_per_hour=99)
    town.ask(town.entry(0), 50)
    assert (town.stands(0), town.carry(0)) == ((50, 5), 50)
    assert town.totals(0) == (50, 1, 5)
    assert town.findings() == []


def test_what_the_days_cap_kept_out_stays_out(session: Session) -> None:
    town = ruled(session, daily_cap_minutes=90)
    assert town.stands(0)[0] == 90
    town.set_right(town.entry(0), 100)
    assert (town.stands(0)[0], town.totals(0)[0]) == (90, 100)
    town.ask(town.entry(0), 60)
    assert (town.stands(0)[0], town.totals(0)[0]) == (60, 60)
    assert town.findings() == []


def test_nothing_to_book_is_refused_and_undoing_it_is_not(session: Session) -> None:
    town = ruled(session, daily_cap_minutes=120)
    beyond = another(town, 120)
    assert town.stands(0) == (120, 40)
    with pytest.raises(rules.NothingBooked):
        town.ask(beyond, 3)
    assert town.ask(beyond, None).status == DONE
    assert (town.stands(0), town.totals(0)) == ((120, 20), (120, 1, 20))
    assert town.findings() == []


def test_what_overflowed_into_the_fund_goes_back_first(session: Session) -> None:
    town = ruled(session, before=220, holding_cap_minutes=300)
    assert (town.stands(0)[0], fund(town)) == (300, 40)
    town.ask(town.entry(0), 90)
    assert (town.stands(0)[0], fund(town)) == (300, 10)
    town.ask(town.entry(0), 50)
    assert (town.stands(0)[0], fund(town)) == (270, 0)
    assert town.findings() == []


def test_what_came_in_since_takes_nothing_from_what_there_was_room_for(session: Session) -> None:
    town = ruled(session, holding_cap_minutes=200)
    give(session, town.member(0), 300, now=LATER)  # no service: the cap does not ask
    assert (town.stands(0)[0], fund(town)) == (420, 0)
    town.ask(town.entry(0), 90)
    assert (town.stands(0)[0], fund(town)) == (390, 0)
    assert town.findings() == []


def test_what_is_added_stays_under_the_holding_cap(session: Session) -> None:
    town = ruled(session, before=100, holding_cap_minutes=240)
    town.ask(town.entry(0), 80)
    give(session, town.member(0), 30, now=LATER)
    town.set_right(town.entry(0), 120)
    assert (town.stands(0)[0], fund(town)) == (240, 10)
    town.set_right(town.entry(0), 70)
    assert (town.stands(0)[0], fund(town)) == (200, 0)
    assert town.findings() == []


@pytest.mark.parametrize(
    ("paid", "keeps", "overflow"), [(50, 40, 10), (40, 40, 0), (15, 15, 0)], ids=["part", "all", "more than all"]
)
def test_an_order_that_costs_less_takes_back_from_the_fund_first(
    session: Session, paid: int, keeps: int, overflow: int
) -> None:
    town = make_town(session, 2)
    save_rule(session, town.scene.branch.id, LATER, now=LATER - timedelta(days=1), holding_cap_minutes=160)
    order = town.haircut(asker=0, barber=1)
    assert (town.stands(0)[0], town.stands(1)[0], fund(town)) == (60, 160, 20)
    done = town.ask(order.entry_id or 0, paid)
    assert (town.stands(0)[0], town.stands(1)[0], fund(town)) == (120 - paid, 120 + keeps, overflow)
    instead = ledger.get_entry(session, done.replacement_entry_id or 0)
    assert instead.facts.get("fund_minutes", 0) == overflow
    session.expire_all()
    town.ask(order.entry_now_id or 0, 5)
    assert (town.stands(0)[0], town.stands(1)[0], fund(town)) == (115, 125, 0)
    assert town.findings() == []


def test_an_order_that_went_to_the_fund_alone_costs_less_there(session: Session) -> None:
    town = make_town(session, 2)
    save_rule(session, town.scene.branch.id, LATER, now=LATER - timedelta(days=1), holding_cap_minutes=60)
    order = town.haircut(asker=0, barber=1)
    done = town.ask(order.entry_id or 0, 25)
    assert (town.stands(0)[0], town.stands(1)[0], fund(town)) == (95, 120, 25)
    assert ledger.get_entry(session, done.replacement_entry_id or 0).facts["fund_minutes"] == 25


def test_who_redeemed_nothing_but_what_was_undone_asks_for_the_first_time(session: Session) -> None:
    town = make_town(session, 2)
    order = town.haircut(asker=0, barber=1)
    tomorrow = LATER + timedelta(days=1)
    save_rule(session, town.scene.branch.id, tomorrow, now=LATER, first_redemption_minutes=300)
    less = town.ask(order.entry_id or 0, 30)
    more = town.spend(0, 10, now=tomorrow)  # something is left of the first
    for entry_id in (less.replacement_entry_id, more.entry_id):
        town.ask(entry_id or 0, None)
    with pytest.raises(NotEnoughEarned):
        town.spend(0, 10, now=tomorrow)


def test_give_away_hours_are_given_back_as_such(session: Session) -> None:
    town = ruled(session, scene={"group_activity": True}, group_hours_give_away=True)
    session.expire_all()  # the account was opened by the approval
    account = town.member(0).giveaway_account_id
    town.ask(town.entry(0), 45)
    assert (ledger.get_account(session, account).balance, town.stands(0)) == (45, (0, 7))
    newest, *_ = list_notices(session, town.member(0).id).items
    assert newest.text.startswith("可赠币变动 −1 币 15 分，爱心币变动 0 币，积分变动 −13 分。")
    town.ask(town.entry(0), None)
    assert (ledger.get_account(session, account).balance, town.stands(0)) == (0, (0, 0))
    assert town.findings() == []


def capped_group_record(session: Session) -> tuple[Town, int]:
    """Group hours that brought no coin, since the day's cap was used up by a shift that turns out to be wrong."""
    made = make_scene(session, 1, group_activity=True)
    more = {"daily_cap_minutes": 60, "group_hours_give_away": True}
    save_rule(session, made.branch.id, START, now=YESTERDAY, **more)
    deputy = actor_of(session, make_member(session, made.branch, roles=("manager",)))
    town = Town(session=session, scene=made, deputy=deputy, inspector=deputy)
    wrong = another(town, 60)
    made.attend(session, 0)
    made.submit(session)
    made.approve(session)
    town.ask(wrong, None)
    assert town.member(0).giveaway_account_id is None
    return town, town.entry(0)


def test_a_give_away_account_is_opened_where_a_correction_needs_one(session: Session) -> None:
    town, entry_id = capped_group_record(session)
    look = queries.look(session, ledger.get_entry(session, entry_id), 100)
    assert [(one.account.kind, one.after) for one in look.effects if one.account.unit == "coin"] == [("giveaway", 60)]
    waits = town.ask(entry_id, 100)
    assert waits.status == WAITING  # fewer hours, but coins that were not there before
    town.approve(waits)
    session.expire_all()
    account = ledger.get_account(session, town.member(0).giveaway_account_id)
    assert (account.balance, town.stands(0)) == (60, (0, 16))
    assert town.findings() == []
