"""The arithmetic of the rules: tables of cases, and what must hold for any figures."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert len(sentences(NO_RULE)) == 1


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


moves = st.lists(
    st.tuples(st.sampled_from(["earn", "spend", "night"]), st.integers(1, 40), st.integers(1, 200)),
    max_size=30,
)


@given(moves, st.integers(1, 6), st.none() | st.integers(20, 400))
def test_expiry_without_lots_is_expiry_by_lots(
    course_of_life: list[tuple[str, int, int]], months: int, ends_after: int | None
) -> None:
    """Earn, spend and expire for a while; a queue of lots, oldest first, always agrees with the running sums."""
    start = date(2026, 1, 10)
    versions = [version(1, start, expiry_months=months)]
    if ends_after is not None:
        versions.append(version(2, start + timedelta(days=ends_after)))
    today = start - timedelta(days=30)
    lots: deque[list[object]] = deque()
    credits: list[tuple[date, int]] = []
    spent = expired = 0
    for what, amount, days in course_of_life:
        today += timedelta(days=days % 60)
        standing = sum(int(lot[1]) for lot in lots)  # type: ignore[call-overload]
        if what == "earn":
            lots.append([today, amount])
            credits.append((today, amount))
        elif what == "spend":
            taken = min(amount, standing)
            spent += taken
            _take(lots, taken)
        else:
            came = [CameIn(_by(credits, one.start), _by(credits, one.cut)) for one in stretches(versions, today)]
            due = sum(to_expire(came, spent=spent, expired=expired, available=standing))
            old = [lot for lot in lots if any(one.start <= lot[0] < one.cut for one in stretches(versions, today))]  # type: ignore[operator]
            assert due == sum(int(lot[1]) for lot in old)  # type: ignore[call-overload]
            for lot in old:
                lots.remove(lot)
            expired += due


def _by(credits: list[tuple[date, int]], day: date) -> int:
    return sum(amount for at, amount in credits if at < day)


def _take(lots: deque[list[object]], amount: int) -> None:
    while amount:
        lot = lots[0]
        part = min(amount, int(lot[1]))  # type: ignore[call-overload]
        lot[1] = int(lot[1]) - part  # type: ignore[call-overload]
        amount -= part
        if not lot[1]:
            lots.popleft()


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
