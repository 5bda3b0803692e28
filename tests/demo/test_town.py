"""The town on paper: that its tables fit together, before anything is loaded."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from timebank.activities.models import CATEGORIES as ACTIVITY_CATEGORIES
from timebank.activities.models import RISKS
from timebank.core.clock import local, month_of
from timebank.demo.calendar import closed_months, first_day, list_occasions
from timebank.demo.diary import Diary
from timebank.demo.town.coming import (
    COMING,
    ESCORT_SOON,
    MARKET_NOW,
    REVIEW,
    WAITING,
    WAITING_XINQI,
    WATCH_NOW,
    WATCH_SOON,
)
from timebank.demo.town.offers import GOODS, PAUSED, PRAISE, SERVICES, WISHES
from timebank.demo.town.once import CANCELLED, PAST
from timebank.demo.town.people import NEWCOMER, PEOPLE, SUSPENDED
from timebank.demo.town.places import DAQI, STREETS, TEAMS, XINQI
from timebank.demo.town.sign_ins import SIGN_INS
from timebank.demo.town.weekly import SERIES
from timebank.exchange.models import CATEGORIES as OFFER_CATEGORIES
from timebank.exchange.rules import LICENSED

NOW = datetime(2026, 11, 21, 1, 7, tzinfo=UTC)
PRESENT = (MARKET_NOW, WATCH_NOW, ESCORT_SOON, WATCH_SOON, REVIEW, WAITING, WAITING_XINQI)
PLANS = (*SERIES, *PAST, CANCELLED, *COMING, *PRESENT)
BY_NAME = {person.name: person for person in PEOPLE}


def test_nobodys_name_repeats_and_no_phone_is_given_twice() -> None:
    assert len(BY_NAME) == len(PEOPLE) >= 80
    assert len({known.login for known in SIGN_INS}) == len(SIGN_INS)


def test_people_of_every_age_live_in_places_that_exist() -> None:
    homes = {
        (street.branch_code, f"{community.name}-{number:02d}")
        for street in STREETS
        for community in street.communities
        for number in range(1, community.grids + 1)
    }
    teams = {(team.branch, team.name) for team in TEAMS}
    ages = [person.age for person in PEOPLE]

    assert (min(ages), max(ages)) == (16, 86)
    assert all((person.branch, person.home) in homes for person in PEOPLE)
    assert all((person.branch, name) in teams for person in PEOPLE for name in person.teams)
    assert Counter(person.state for person in PEOPLE)[NEWCOMER] >= 3
    assert Counter(person.state for person in PEOPLE)[SUSPENDED] == 1
    assert sum(not person.phone for person in PEOPLE) >= 8


def test_every_sign_in_is_a_resident_with_a_phone() -> None:
    assert {known.role.split("，")[0] for known in SIGN_INS} == {
        "志愿者",
        "网格员",
        "活动组织者",
        "网点管理员",
        "监督员",
        "系统管理员",
    }
    assert all(BY_NAME[known.name].phone for known in SIGN_INS)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.key)
def test_a_plan_can_be_announced(plan) -> None:  # type: ignore[no-untyped-def]
    teams = {(team.branch, team.name) for team in TEAMS}

    assert plan.category in ACTIVITY_CATEGORIES
    assert plan.risk in RISKS
    assert (plan.risk == "low") == (not plan.risk_text)
    assert not plan.team or (plan.branch, plan.team) in teams
    assert BY_NAME[plan.organiser].branch == plan.branch
    assert all(BY_NAME[name].branch == plan.branch for name in plan.surely)
    assert len(plan.title) + len("（12 月）") <= 60
    assert len(plan.content) >= 30
    assert 0 <= plan.break_minutes < plan.minutes


def test_plans_read_differently() -> None:
    assert len({plan.content for plan in PLANS}) == len(PLANS)
    assert len({plan.category for plan in PLANS}) >= 8


def test_offers_have_providers_words_and_licences_where_the_law_asks() -> None:
    assert len({offer.title for offer in (*SERVICES, *GOODS)}) == len(SERVICES) + len(GOODS)
    assert PAUSED in {service.title for service in SERVICES}
    for service in SERVICES:
        assert BY_NAME[service.provider].phone
        assert WISHES[service.category]
        assert PRAISE[service.category]
        assert bool(service.licence) == (service.category in LICENSED)
    assert {offer.category for offer in (*SERVICES, *GOODS)} <= set(OFFER_CATEGORIES)
    assert {goods.branch for goods in GOODS} == {DAQI, XINQI}


@pytest.mark.parametrize(
    "now",
    [
        NOW,
        datetime(2026, 10, 31, 16, 1, tzinfo=UTC),  # one minute into November
        datetime(2027, 1, 31, 15, 59, tzinfo=UTC),  # the last minute of January
        datetime(2028, 2, 29, 4, 0, tzinfo=UTC),
        datetime(2027, 2, 28, 18, 0, tzinfo=UTC),  # in the night before the second of a month
    ],
    ids=str,
)
def test_the_calendar_fits_any_day(now: datetime) -> None:
    occasions = list_occasions(now)
    starts = [start for occasion in occasions for start in occasion.starts]
    months = closed_months(now)

    assert len({occasion.key for occasion in occasions}) == len(occasions) >= 60
    assert first_day(now).isoformat() == f"{months[0]}-01"
    assert months[1] < month_of(now)
    assert all(occasion.published_at < min(occasion.starts) for occasion in occasions)
    assert {month_of(start) for start in starts} >= set(months)
    assert any(start <= now < start + timedelta(hours=1) for start in starts)
    assert any(now < start <= now + timedelta(minutes=34) for start in starts)
    assert sum(start > now for start in starts) >= 15
    assert max(starts) < now + timedelta(days=15)
    assert all(start.second == 0 for start in starts)


def test_at_night_a_watch_is_kept_instead_of_a_market() -> None:
    night = NOW.replace(hour=17)

    assert local(night).hour == 1
    assert WATCH_NOW.title in {occasion.title for occasion in list_occasions(night)}
    assert MARKET_NOW.title in {occasion.title for occasion in list_occasions(NOW)}


def test_the_diary_is_played_in_order_up_to_now() -> None:
    diary, told = Diary(), []
    diary.note(NOW + timedelta(minutes=1), lambda at: told.append("too late"))
    diary.note(NOW, lambda at: told.append("now"))
    diary.note(NOW - timedelta(hours=2), lambda at: diary.note(at + timedelta(hours=1), lambda _: told.append("then")))
    diary.note(NOW, lambda at: told.append("also now"))

    assert diary.play(NOW) == 4
    assert told == ["then", "now", "also now"]
