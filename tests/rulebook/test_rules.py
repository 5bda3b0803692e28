"""The arithmetic of the rules: tables of cases, and what must hold for any figures."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.ledger.rules import Corrected, came_in_by, went_out_by
from timebank.rulebook.rules import (
    BUILT_IN,
    Asked,
    CameIn,
    Earning,
    Settings,
    Share,
    Split,
    Step,
    Stretch,
    Version,
    aside,
    compare,
    count_refused,
    course,
    facts_of,
    in_force,
    kept_of,
    months_before,
    points_of,
    sentences,
    settings_of,
    split,
    stretches,
    to_expire,
    try_out,
)

DAY = date(2026, 11, 21)
NO_RULE = Settings()
amounts = st.integers(0, 1_000)
settings = st.builds(
    Settings,
    points_per_hour=st.integers(1, 40),
    daily_cap_minutes=st.none() | st.integers(1, 700),
    holding_cap_minutes=st.none() | st.integers(1, 2_000),
    group_hours_give_away=st.booleans(),
)


def version(number: int, day: date, **more: object) -> Version:
    return Version(name=f"rules/BL/{number}", number=number, valid_from=day, **more)  # type: ignore[arg-type]


def parts_of(kept: int, given: int, fund: int, capped: int) -> Split:
    return Split(kept=kept, given=given, fund=fund, capped=capped)


# --- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "number"),
    [(date(2026, 11, 30), 0), (date(2026, 12, 1), 2), (date(2026, 12, 31), 2), (date(2027, 1, 1), 3)],
)
def test_the_version_of_a_day(day: date, number: int) -> None:
    versions = [
        version(1, date(2026, 12, 1)),
        version(2, date(2026, 12, 1)),  # of two of one day the later number wins
        version(3, date(2027, 1, 1)),
    ]
    assert in_force(versions, day).number == number


def test_a_later_number_that_begins_earlier_gives_way_when_the_other_begins() -> None:
    versions = [version(1, date(2027, 1, 1)), version(2, date(2026, 12, 1))]
    assert [in_force(versions, day).number for day in (DAY, date(2026, 12, 5), date(2027, 1, 1))] == [0, 2, 1]
    assert [(one.number, end) for one, end in course(versions)] == [(2, date(2027, 1, 1)), (1, None)]


def test_without_a_version_an_hour_is_a_coin_and_ten_points() -> None:
    assert in_force([], DAY) is BUILT_IN
    assert (BUILT_IN.name, settings_of(BUILT_IN)) == ("rules/0", NO_RULE)
    assert split(Earning(minutes=90, group=True, today=999, balance=9_999), BUILT_IN) == parts_of(90, 0, 0, 0)


def test_versions_that_were_overtaken_before_they_began_never_ruled() -> None:
    day = date(2026, 12, 1)
    assert [one.number for one, _end in course([version(1, day), version(2, day), version(3, day)])] == [3]


def test_sentences_say_every_rule() -> None:
    said = "".join(
        sentences(
            Settings(
                points_per_hour=12,
                daily_cap_minutes=240,
                holding_cap_minutes=6_000,
                first_redemption_minutes=300,
                group_hours_give_away=True,
                expiry_months=24,
            )
        )
    )
    for words in ("12 个积分", "4 币", "100 币", "5 小时", "可赠币", "24 个月"):
        assert words in said
    assert len(sentences(Settings(gift_month_minutes=None))) == 1
    assert "每人每月最多送给别的会员 10 币" in sentences(NO_RULE)[1]
    assert "不能送给别的会员" in sentences(Settings(gift_month_minutes=0))[1]


# --- an earning ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earning", "rule", "parts"),
    [
        (Earning(minutes=120), Settings(daily_cap_minutes=240), parts_of(120, 0, 0, 0)),
        (Earning(minutes=300), Settings(daily_cap_minutes=240), parts_of(240, 0, 0, 60)),
        (Earning(minutes=120, today=180), Settings(daily_cap_minutes=240), parts_of(60, 0, 0, 60)),
        (Earning(minutes=120, today=240), Settings(daily_cap_minutes=240), parts_of(0, 0, 0, 120)),
        (Earning(minutes=120, today=300), Settings(daily_cap_minutes=240), parts_of(0, 0, 0, 120)),
        (Earning(minutes=120, balance=500), Settings(holding_cap_minutes=600), parts_of(100, 0, 20, 0)),
        (Earning(minutes=120, balance=700), Settings(holding_cap_minutes=600), parts_of(0, 0, 120, 0)),
        (Earning(minutes=120, balance=-60), Settings(holding_cap_minutes=100), parts_of(120, 0, 0, 0)),
        (Earning(minutes=90, group=True), Settings(group_hours_give_away=True), parts_of(0, 90, 0, 0)),
        (Earning(minutes=90), Settings(group_hours_give_away=True), parts_of(90, 0, 0, 0)),
        (Earning(minutes=90, group=True), NO_RULE, parts_of(90, 0, 0, 0)),
        (
            Earning(minutes=200, group=True, today=50, balance=999),
            Settings(group_hours_give_away=True, daily_cap_minutes=120, holding_cap_minutes=10),
            parts_of(0, 70, 0, 130),  # what may only be given away is not held
        ),
        (
            Earning(minutes=200, today=50, balance=5),
            Settings(daily_cap_minutes=120, holding_cap_minutes=10),
            parts_of(5, 0, 65, 130),  # the day's cap first, then the holding cap
        ),
    ],
)
def test_where_the_minutes_of_an_earning_go(earning: Earning, rule: Settings, parts: Split) -> None:
    assert split(earning, rule) == parts


@given(amounts, st.booleans(), amounts, st.integers(-500, 3_000), settings)
def test_no_minute_is_made_or_lost(minutes: int, group: bool, today: int, balance: int, rule: Settings) -> None:
    parts = split(Earning(minutes=minutes, group=group, today=today, balance=balance), rule)
    assert parts.minutes == minutes
    assert min(parts.kept, parts.given, parts.fund, parts.capped) >= 0
    if rule.daily_cap_minutes is not None and today <= rule.daily_cap_minutes:
        assert today + parts.coins <= rule.daily_cap_minutes
    if rule.holding_cap_minutes is not None and parts.kept:
        assert balance + parts.kept <= rule.holding_cap_minutes


@given(st.lists(st.integers(0, 300), min_size=1, max_size=4), st.integers(0, 400), settings, st.booleans())
def test_the_order_of_a_days_shifts_does_not_change_the_day(
    shifts: list[int], balance: int, rule: Settings, group: bool
) -> None:
    days = set()
    for order in permutations(shifts):
        today, standing, sums = 0, balance, [0, 0, 0, 0]
        for minutes in order:
            parts = split(Earning(minutes=minutes, group=group, today=today, balance=standing), rule)
            today, standing = today + parts.coins, standing + parts.kept
            sums = [a + b for a, b in zip(sums, (parts.kept, parts.given, parts.fund, parts.capped), strict=True)]
        days.add(tuple(sums))
    assert len(days) == 1


@given(amounts, st.integers(-500, 3_000), settings)
def test_a_holding_cap_never_takes_what_is_there(amount: int, balance: int, rule: Settings) -> None:
    assert 0 <= kept_of(amount, balance=balance, rule=rule) <= amount


def test_what_did_not_go_to_the_member_is_named() -> None:
    assert facts_of(parts_of(120, 0, 0, 0)) == {}
    assert aside({}) == ""
    facts = facts_of(parts_of(60, 0, 30, 90))
    assert facts == {"capped_minutes": 90, "fund_minutes": 30}
    assert aside(facts) == "30 分 超过持有上限，转入爱心基金；1 小时 30 分钟 超过当天上限，记时长、不存币"
    assert aside(facts_of(parts_of(0, 60, 0, 0))) == "1 币 记入可赠币"


# --- points --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "carry", "rate", "points", "left"),
    [
        (60, 0, 10, 10, 0), (118, 0, 10, 19, 40), (2, 40, 10, 1, 0), (5, 0, 10, 0, 50), (1, 59, 10, 1, 9),
        (0, 59, 10, 0, 59), (6000, 0, 10, 1000, 0), (60, 59, 15, 15, 59), (1, 0, 1, 0, 1),
    ],
)  # fmt: skip
def test_points_carry_what_is_left_over(minutes: int, carry: int, rate: int, points: int, left: int) -> None:
    assert points_of(minutes, carry=carry, rule=Settings(points_per_hour=rate)) == (points, left)


@given(st.lists(st.integers(0, 600), max_size=50), st.integers(1, 100))
def test_many_small_services_earn_as_much_as_one_long_one(minutes: list[int], rate: int) -> None:
    rule = Settings(points_per_hour=rate)
    total = carry = 0
    for some in minutes:
        points, carry = points_of(some, carry=carry, rule=rule)
        total += points
    assert total == sum(minutes) * rate // 60
    assert 0 <= carry < 60


# --- expiry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2026, 11, 21), 1, date(2026, 10, 21)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2026, 1, 15), 25, date(2023, 12, 15)),
        (date(2026, 12, 31), 12, date(2025, 12, 31)),
    ],
)
def test_months_before(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


def test_only_what_was_earned_under_a_version_with_expiry_expires() -> None:
    assert stretches([], DAY) == []
    assert stretches([version(1, date(2020, 1, 1))], DAY) == []
    one = version(1, date(2025, 3, 1), expiry_months=12)
    assert stretches([one], date(2026, 3, 1)) == []  # nothing has stood for twelve months yet
    assert stretches([one], date(2026, 3, 2)) == [Stretch(date(2025, 3, 1), date(2025, 3, 2), one)]
    ended = [one, version(2, date(2025, 6, 1))]
    assert stretches(ended, DAY) == [Stretch(date(2025, 3, 1), date(2025, 6, 1), one)]
    shorter = [one, version(2, date(2025, 6, 1), expiry_months=6)]
    assert stretches(shorter, date(2026, 3, 1)) == [Stretch(date(2025, 6, 1), date(2025, 9, 1), shorter[1])]


@pytest.mark.parametrize(
    ("came_in", "spent", "expired", "available", "due"),
    [
        ([CameIn(0, 100)], 0, 0, 100, 100),
        ([CameIn(0, 100)], 30, 0, 70, 70),  # the oldest are spent first
        ([CameIn(0, 100)], 100, 0, 50, 0),
        ([CameIn(40, 100)], 30, 0, 120, 60),  # earned before the version: never
        ([CameIn(40, 100)], 70, 0, 80, 30),
        ([CameIn(0, 100)], 0, 60, 40, 40),
        ([CameIn(0, 100)], 0, 100, 40, 0),
        ([CameIn(0, 100)], 0, 0, 25, 25),  # never more than is there
        ([CameIn(0, 100)], 0, 0, -5, 0),
        ([CameIn(0, 50), CameIn(80, 120)], 20, 0, 200, 70),
        ([CameIn(0, 50), CameIn(80, 120)], 90, 0, 200, 30),
        ([], 0, 0, 100, 0),
    ],
)
def test_what_expires(came_in: list[CameIn], spent: int, expired: int, available: int, due: int) -> None:
    assert sum(to_expire(came_in, spent=spent, expired=expired, available=available)) == due


def test_what_expired_before_is_the_oldest() -> None:
    came_in = [CameIn(0, 50), CameIn(80, 120)]
    assert to_expire(came_in, spent=20, expired=0, available=200) == [30, 40]
    assert to_expire(came_in, spent=20, expired=10, available=200) == [20, 40]
    assert to_expire(came_in, spent=20, expired=40, available=200) == [0, 30]
    assert to_expire(came_in, spent=20, expired=0, available=45) == [30, 15]


# What happens, how much, how many days later, and for corrections to which of the movements so far.
moves = st.lists(
    st.tuples(
        st.sampled_from(["earn", "spend", "night", "undo", "correct"]),
        st.integers(1, 40),
        st.integers(1, 59),
        st.integers(0, 30),
    ),
    max_size=30,
)


@dataclass
class Life:
    """An account as it was booked, with what was set right since, and the story as it should have been from the start.

    ``right`` maps the day and place of each earning and spending to its right amount; below zero what went out.
    """

    right: list[tuple[date, int]] = field(default_factory=list)
    corrected: list[Corrected] = field(default_factory=list)
    booked: list[tuple[date, int]] = field(default_factory=list)
    stands: dict[int, tuple[date, int, Corrected | None]] = field(default_factory=dict)  # which entry stands for it

    def move(self, today: date, amount: int) -> None:
        """Coins come in or go out."""
        self.stands[len(self.right)] = (today, amount, None)
        self.right.append((today, amount))
        self.booked.append((today, amount))

    def set_right(self, which: int, today: date, amount: int) -> None:
        """The movement is reversed, and booked anew with the right amount where one is left."""
        at, wrong, as_replacement = self.stands[which]
        if as_replacement is not None:
            self.corrected.remove(as_replacement)
        self.corrected += [
            Corrected(at=_noon(at), amount=wrong, counts_from=None),
            Corrected(at=_noon(today), amount=-wrong, counts_from=None),
        ]
        self.booked.append((today, -wrong))
        origin = self.right[which][0]
        self.right[which] = (origin, amount)
        if amount:
            instead = Corrected(at=_noon(today), amount=amount, counts_from=_noon(origin))
            self.corrected.append(instead)
            self.booked.append((today, amount))
            self.stands[which] = (today, amount, instead)
        else:
            del self.stands[which]

    def came_in(self, day: date) -> int:
        """What expiry is told of what had come in before a day."""
        booked = sum(amount for at, amount in self.booked if amount > 0 and at < day)
        return came_in_by(_noon(day) - HALF_A_DAY, booked, self.corrected)

    def spent(self) -> int:
        """What expiry is told of what went out otherwise."""
        return went_out_by(None, -sum(amount for _, amount in self.booked if amount < 0), self.corrected)


HALF_A_DAY = timedelta(hours=12)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@given(moves, st.integers(1, 6), st.none() | st.integers(20, 400))
def test_expiry_without_lots_is_expiry_by_lots(
    course_of_life: list[tuple[str, int, int, int]], months: int, ends_after: int | None
) -> None:
    """Earn, spend, correct and expire for a while; a queue of lots, oldest first, made anew from the story as it should
    have been, always agrees with the running sums. So coins earned outside the version never expire.
    """
    start = date(2026, 1, 10)
    versions = [version(1, start, expiry_months=months)]
    if ends_after is not None:
        versions.append(version(2, start + timedelta(days=ends_after)))
    today = start - timedelta(days=30)
    life, expired = Life(), 0
    nights: list[tuple[int, list[Stretch], int]] = []  # after how many movements, what was old then, what expired
    for what, amount, days, which in course_of_life:
        today += timedelta(days=days)
        standing = sum(amount for _, amount in life.booked) - expired
        if what == "earn":
            life.move(today, amount)
        elif what == "spend" and standing > 0:
            life.move(today, -min(amount, standing))
        elif what in {"undo", "correct"} and life.stands:
            chosen = sorted(life.stands)[which % len(life.stands)]
            _, wrong, _ = life.stands[chosen]
            less = 0 if what == "undo" else min(amount, abs(wrong) - 1)
            life.set_right(chosen, today, less if wrong > 0 else -less)
        elif what == "night":
            spans = stretches(versions, today)
            came = [CameIn(life.came_in(one.start), life.came_in(one.cut)) for one in spans]
            due = sum(to_expire(came, spent=life.spent(), expired=expired, available=standing))
            lots, too_much = _lots(life.right, nights)
            old = sum(lot[1] for lot in _old(lots, spans))
            assert due == max(0, min(old - too_much, standing))
            nights.append((len(life.right), spans, due))
            expired += due


def _lots(right: list[tuple[date, int]], nights: list[tuple[int, list[Stretch], int]]) -> tuple[deque[list[Any]], int]:
    """What is left of each earning; and what expired too much, because less had come in than it seemed."""
    lots: deque[list[Any]] = deque()
    short = too_much = 0
    for place in range(len(right) + 1):
        for spans, amount in ((spans, amount) for after, spans, amount in nights if after == place):
            too_much += _take(lots, _old(lots, spans), amount)
        if place < len(right):
            at, amount = right[place]
            if amount > 0:
                lots.append([at, amount])
            short = _take(lots, list(lots), short + max(0, -amount))
    return lots, too_much


def _old(lots: deque[list[Any]], spans: list[Stretch]) -> list[list[Any]]:
    return [lot for lot in lots if any(one.start <= lot[0] < one.cut for one in spans)]


def _take(lots: deque[list[Any]], some: list[list[Any]], amount: int) -> int:
    """Take from some lots, the oldest first; returns what they did not have."""
    for lot in some:
        part = min(amount, lot[1])
        lot[1] -= part
        amount -= part
        if not lot[1]:
            lots.remove(lot)
    return amount


# --- a month tried out ---------------------------------------------------------------------------------------------


def earn(who: int, minutes: int, day: int = 1, **more: bool) -> Step:
    return Step(member_id=who, kind="earn", minutes=minutes, day=date(2026, 10, day), **more)


def test_a_month_under_another_version() -> None:
    steps = [
        earn(1, 200),
        earn(1, 100),  # the same day
        earn(2, 90, group=True),
        Step(member_id=1, kind="other", minutes=-150, day=date(2026, 10, 2)),
        earn(1, 120, day=3),
        Step(member_id=2, kind="serve", minutes=60, day=date(2026, 10, 4)),
    ]
    plain = try_out(steps, {1: 30}, NO_RULE)
    assert plain.shares[1] == Share(minutes=420, coins=420, points=70)
    assert plain.shares[2] == Share(minutes=90, coins=150, points=15)
    strict = Settings(points_per_hour=12, daily_cap_minutes=240, holding_cap_minutes=200, group_hours_give_away=True)
    changed = try_out(steps, {1: 30}, strict)
    # 170 of 200 fit; 40 of the next 100 are within the day and go to the fund; 150 are spent; then 120 fit again.
    assert changed.shares[1] == Share(minutes=420, coins=290, fund=70, capped=60, points=84)
    assert changed.shares[2] == Share(minutes=90, coins=60, given=90, points=18)
    assert changed.total == Share(minutes=510, coins=350, given=90, fund=70, capped=60, points=102)
    assert [(one.member_id, one.difference) for one in compare(plain, changed)] == [(1, -130), (2, -90)]
    assert compare(plain, try_out(steps, {1: 30}, NO_RULE)) == []


@given(
    st.lists(
        st.builds(earn, st.integers(1, 3), st.integers(0, 400), st.integers(1, 5), group=st.booleans()), max_size=20
    ),
    settings,
)
def test_a_month_tried_out_loses_no_minute(steps: list[Step], rule: Settings) -> None:
    total = try_out(steps, {}, rule).total
    assert total.minutes == sum(step.minutes for step in steps)
    assert total.coins + total.given + total.fund + total.capped == total.minutes


T0 = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def asked(account: int, hours: int, earned: int, until: int | None = None) -> Asked:
    end = None if until is None else T0 + until * HOUR
    return Asked(account_id=account, at=T0 + hours * HOUR, earned=earned, until=end)


@pytest.mark.parametrize(
    ("orders", "refused"),
    [
        ([], 0),
        ([asked(1, 1, 300)], 0),
        ([asked(1, 1, 299)], 1),
        ([asked(1, 1, 299), asked(1, 2, 299), asked(2, 1, 0)], 3),
        ([asked(1, 1, 299), asked(1, 5, 300), asked(1, 6, 0)], 1),  # the third has an order that stands before it
        ([asked(1, -5, 0), asked(1, 1, 0)], 0),  # asked for before the month
        ([asked(1, -5, 0, until=-2), asked(1, 1, 0)], 1),  # that one was taken back
        ([asked(1, -5, 0, until=3), asked(1, 1, 0), asked(1, 9, 0)], 0),
    ],
)
def test_which_first_orders_would_have_been_refused(orders: list[Asked], refused: int) -> None:
    assert count_refused(orders, Settings(first_redemption_minutes=300), since=T0) == refused
    assert count_refused(orders, NO_RULE, since=T0) == 0


def test_settings_of_a_version_compare_without_its_day() -> None:
    one = version(1, DAY, daily_cap_minutes=60)
    assert settings_of(one) == settings_of(replace(one, number=2, valid_from=date(2027, 1, 1)))
