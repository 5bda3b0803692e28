"""What the options of an activity do to minutes: tables of cases, and what holds for any scans under any options."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attendance.scene import END, START, at
from tests.attendance.test_judging import marks, policy
from timebank.activities import models as activities
from timebank.activities.rules import (
    OPTION_FIELDS,
    PRESETS,
    Counting,
    counting_sentences,
    filled_in,
    own_options,
)
from timebank.activities.rules.counting import ACTUAL, MOST_GRACE, MOST_OVERTIME, PLANNED, WHOLE
from timebank.attendance.rules import (
    ManualOutOfRange,
    Mark,
    OvertimeOutOfRange,
    Policy,
    check_manual,
    check_overtime,
    closes_at,
    judge,
    opens_at,
    shift_minutes,
    shift_room,
    weigh,
)

# --- tables: a shift from 09:00 to 11:00 -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "scans", "minutes"),
    [
        ({"late_grace_minutes": 10}, "in 09:10, out 11:00", 120),  # a little late is in time
        ({"late_grace_minutes": 10}, "in 09:11, out 11:00", 109),  # more is late from the start on
        ({"late_grace_minutes": 10}, "in 08:50, out 10:50", 110),  # leaving early has no grace
        ({"early_counts": True}, "in 08:40, out 10:40", 120),  # came earlier, left earlier
        ({"early_counts": True}, "in 08:40, out 11:00", 120),  # never more than the shift
        ({"early_counts": True}, "in 08:40, out 11:30", 120),
        ({}, "in 08:40, out 10:40", 100),
        ({"lowest_share": 50}, "in 09:00, out 10:00", 60),  # just half
        ({"lowest_share": 50}, "in 09:00, out 09:59", 0),  # less is nothing
        ({"judged_by": WHOLE, "lowest_share": 80}, "in 09:24, out 11:00", 120),  # 96 of 120 minutes
        ({"judged_by": WHOLE, "lowest_share": 80}, "in 09:25, out 11:00", 95),  # below: what was served
        ({"judged_by": WHOLE}, "in 09:00, out 09:01", 120),
        ({"judged_by": WHOLE}, "in 08:10, out 08:50", 0),  # gone before it began
        ({"judged_by": WHOLE, "lowest_share": 80}, "in 09:00", 0),  # not seen leaving
        ({"break_after_minutes": 60, "break_minutes": 30}, "in 09:00, out 09:50", 50),  # too short for the break
        ({"break_after_minutes": 60, "break_minutes": 30}, "in 09:00, out 10:10", 60),  # ten minutes of the break
        ({"break_after_minutes": 60, "break_minutes": 30}, "in 09:00, out 11:00", 90),
        ({"rounding_minutes": 15, "rounds_to_nearest": True}, "in 09:00, out 10:08", 75),
        ({"rounding_minutes": 15, "rounds_to_nearest": True}, "in 09:00, out 10:07", 60),
        ({"rounding_minutes": 10, "rounds_to_nearest": True}, "in 09:00, out 10:05", 70),  # half a step is enough
        ({"rounding_minutes": 30, "rounds_to_nearest": True, "break_minutes": 5}, "in 09:00, out 11:00", 90),
        ({"rounding_minutes": 1, "rounds_to_nearest": True}, "in 09:00, out 10:07", 67),
    ],
)
def test_one_option_at_a_time(options: dict[str, Any], scans: str, minutes: int) -> None:
    assert judge(marks(scans), policy(**options)).minutes == minutes


@pytest.mark.parametrize(
    ("options", "scans", "confirmed", "minutes"),
    [
        ({}, "in 09:00, out 11:40", 0, 120),  # nobody said so
        ({}, "in 09:00, out 11:40", 30, 150),
        ({}, "in 09:00, out 11:20", 30, 140),  # no more than was stayed
        ({}, "in 09:00, out 10:30", 30, 90),  # left early: nothing to add
        ({}, "in 09:00, out 12:30", 90, 180),  # the activity allows an hour
        ({}, "in 10:00, out 11:30", 30, 90),
        ({"judged_by": PLANNED}, "in 09:30, out 11:20", 30, 140),
        ({"judged_by": PLANNED}, "in 09:30", 30, 120),  # not seen leaving: nothing past the end
        ({"judged_by": WHOLE, "lowest_share": 50}, "in 09:55, out 11:20", 30, 140),
        ({"judged_by": WHOLE, "lowest_share": 80}, "in 10:30, out 11:20", 30, 50),  # overtime is no share of the shift
        ({"early_counts": True}, "in 08:30, out 11:20", 30, 140),
        ({"overtime_limit_minutes": 0}, "in 09:00, out 11:30", 30, 120),
        ({"break_minutes": 15}, "in 09:00, out 11:30", 30, 135),
        ({"rounding_minutes": 30, "rounds_to_nearest": True}, "in 09:00, out 11:20", 30, 120),  # 20 stayed, not 30
    ],
)
def test_overtime_counts_when_a_person_said_so(
    options: dict[str, Any], scans: str, confirmed: int, minutes: int
) -> None:
    rules = policy(**({"overtime_limit_minutes": 60} | options))
    assert judge(marks(scans), rules, overtime=confirmed).minutes == minutes


def test_check_outs_are_taken_as_long_as_overtime_could_last() -> None:
    assert closes_at(policy()) == END + timedelta(minutes=60)
    assert closes_at(policy(overtime_limit_minutes=90)) == END + timedelta(minutes=150)


def test_the_steps_tell_how_minutes_came_about() -> None:
    rules = policy(late_grace_minutes=5, overtime_limit_minutes=60, break_minutes=15, step=10)
    weighed = weigh(marks("in 09:04, out 11:38"), rules, overtime=30)
    assert (weighed.counts_from, weighed.counts_until, weighed.extra) == (START, at("11:30"), 30)
    assert (weighed.present, weighed.granted, weighed.break_taken, weighed.minutes) == (150, 150, 15, 130)
    assert not weigh(marks("in 09:04"), rules).complete
    assert weigh(marks("in 09:04, out 10:00"), replace_options(rules, lowest_share=80)).too_short
    assert weigh(marks("in 09:04, out 11:00"), replace_options(rules, judged_by=WHOLE)).whole


def replace_options(rules: Policy, **options: Any) -> Policy:
    return replace(rules, counting=replace(rules.counting, **options))


def test_manual_minutes_fit_into_the_shift_and_the_confirmed_overtime() -> None:
    rules = policy(overtime_limit_minutes=60)
    check_manual(150, signed_minutes=0, policy=rules, overtime=30)
    with pytest.raises(ManualOutOfRange):
        check_manual(151, signed_minutes=0, policy=rules, overtime=30)
    assert shift_room(rules, 90) == 180  # more was never allowed


@pytest.mark.parametrize(("minutes", "fine"), [(0, True), (60, True), (61, False), (-1, False)])
def test_overtime_has_the_limit_that_the_activity_gave(minutes: int, fine: bool) -> None:
    if fine:
        check_overtime(minutes, policy(overtime_limit_minutes=60))
    else:
        with pytest.raises(OvertimeOutOfRange, match="1 小时"):
            check_overtime(minutes, policy(overtime_limit_minutes=60))


# --- what holds for any scans under any options ----------------------------------------------------------------------

INSTANTS = st.integers(min_value=-4500, max_value=5 * 3600).map(lambda second: START + timedelta(seconds=second))
SCANS = st.lists(
    st.builds(Mark, kind=st.sampled_from(["in", "out"]), at=INSTANTS, correction=st.booleans()), max_size=8
)
COUNTINGS = st.builds(
    Counting,
    judged_by=st.sampled_from([ACTUAL, PLANNED, WHOLE]),
    late_grace_minutes=st.integers(0, MOST_GRACE),
    early_counts=st.booleans(),
    overtime_limit_minutes=st.integers(0, MOST_OVERTIME),
    break_after_minutes=st.integers(0, 300),
    rounding_minutes=st.sampled_from([0, 1, 5, 10, 15, 30]),
    rounds_to_nearest=st.booleans(),
    lowest_share=st.integers(0, 100),
)
POLICIES = st.builds(
    Policy,
    starts_at=st.just(START),
    ends_at=st.integers(1, 240).map(lambda length: START + timedelta(minutes=length)),
    break_minutes=st.integers(0, 200),
    counting=COUNTINGS,
)
OVERTIME = st.integers(0, 300)


@given(scans=SCANS, rules=POLICIES, overtime=OVERTIME)
def test_minutes_lie_between_nothing_and_the_room(scans: list[Mark], rules: Policy, overtime: int) -> None:
    judged = judge(scans, rules, overtime=overtime)
    assert 0 <= judged.minutes <= shift_room(rules, overtime)
    assert judged.minutes % max(rules.counting.rounding_minutes, 1) == 0
    assert shift_minutes(rules) <= shift_room(rules)


@given(scans=SCANS, rules=POLICIES, overtime=OVERTIME, order=st.randoms(use_true_random=False))
def test_the_same_scans_give_the_same_minutes_in_whatever_order_they_were_recorded(
    scans: list[Mark], rules: Policy, overtime: int, order: random.Random
) -> None:
    """Only corrections have an order: the last word stands. A scan sent twice says nothing new."""
    judged = judge(scans, rules, overtime=overtime)
    corrections = [mark for mark in scans if mark.correction]
    scanned = [mark for mark in scans if not mark.correction] * 2
    order.shuffle(scanned)
    assert judge(scans, rules, overtime=overtime) == judged
    assert judge([*scanned, *corrections], rules, overtime=overtime) == judged
    assert judge([*corrections, *scanned], rules, overtime=overtime) == judged


@given(came=INSTANTS, left=INSTANTS, rules=POLICIES, overtime=OVERTIME, sooner=st.integers(0, 90), later=OVERTIME)
def test_whoever_stays_longer_never_counts_less(
    came: datetime, left: datetime, rules: Policy, overtime: int, sooner: int, later: int
) -> None:
    def minutes(came: datetime, left: datetime, overtime: int) -> int:
        return judge([Mark(kind="in", at=came), Mark(kind="out", at=left)], rules, overtime=overtime).minutes

    came = max(came, opens_at(rules))
    left = max(min(left, closes_at(rules)), came)  # a check-out before the check-in is a mistake, not a stay
    earlier = max(came - timedelta(minutes=sooner), opens_at(rules))
    longer = min(left + timedelta(minutes=later), closes_at(rules))
    if not opens_at(rules) <= came <= closes_at(rules):
        return
    assert minutes(came, left, overtime) <= minutes(earlier, left, overtime)
    assert minutes(came, left, overtime) <= minutes(came, longer, overtime)
    assert minutes(came, left, overtime) <= minutes(came, left, overtime + later)


@given(scans=SCANS, rules=POLICIES, overtime=OVERTIME, out_at=INSTANTS)
def test_a_correction_decides_and_what_was_scanned_comes_back_with_it(
    scans: list[Mark], rules: Policy, overtime: int, out_at: datetime
) -> None:
    """Correct a time, and correct it back to what had been judged: nothing is left of the detour."""
    judged = judge(scans, rules, overtime=overtime)
    detour = [*scans, Mark(kind="out", at=min(max(out_at, opens_at(rules)), closes_at(rules)), correction=True)]
    if judged.out_at is not None:
        back = [*detour, Mark(kind="out", at=judged.out_at, correction=True)]
        assert judge(back, rules, overtime=overtime) == judged
    assert judge(detour, rules, overtime=overtime).out_at == detour[-1].at


def minutes_of_old(scans: list[Mark], rules: Policy) -> tuple[int, bool]:
    """The judgement as it was before there were options, written down once more."""

    def shown(instant: datetime) -> datetime:
        return instant.replace(second=0, microsecond=0)

    def span(start: datetime, end: datetime) -> int:
        return max((shown(end) - shown(start)) // timedelta(minutes=1), 0)

    def counted(minutes: int) -> int:
        left = max(minutes - rules.break_minutes, 0)
        return left - left % max(rules.counting.rounding_minutes, 1)

    def decisive(kind: str) -> datetime | None:
        given = [mark.at for mark in found if mark.kind == kind and mark.correction]
        scanned = [mark.at for mark in found if mark.kind == kind]
        return given[-1] if given else (min if kind == "in" else max)(scanned, default=None)

    window = timedelta(minutes=60)
    found = [mark for mark in scans if rules.starts_at - window <= mark.at <= rules.ends_at + window]
    came, left = decisive("in"), decisive("out")
    if came is None or (left is None and not rules.by_plan):
        return 0, False
    if rules.by_plan or left is None:
        return counted(span(rules.starts_at, rules.ends_at)), True
    return counted(span(max(came, rules.starts_at), min(left, rules.ends_at))), True


@given(scans=SCANS, rules=POLICIES, by_plan=st.booleans(), step=st.sampled_from([0, 1, 5, 10, 15, 30]))
def test_the_settings_of_old_give_the_minutes_of_old(
    scans: list[Mark], rules: Policy, by_plan: bool, step: int
) -> None:
    """What the columns begin with, whatever an activity had before."""
    old = replace(rules, counting=Counting(judged_by=PLANNED if by_plan else ACTUAL, rounding_minutes=step))
    judged = judge(scans, old)
    assert (judged.minutes, judged.complete) == minutes_of_old(scans, old)
    assert shift_room(old) == max((old.ends_at - old.starts_at) // timedelta(minutes=1) - old.break_minutes, 0)


# --- presets and words -----------------------------------------------------------------------------------------------


def test_the_tables_and_the_rules_name_the_ways_of_counting_alike() -> None:
    assert (activities.ACTUAL, activities.PLANNED, activities.WHOLE) == (ACTUAL, PLANNED, WHOLE)
    assert list(activities.JUDGED_BY_NAMES) == list(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_in_what_was_left_open(name: str) -> None:
    preset = PRESETS[name]
    assert filled_in(name, {}) == {option: getattr(preset, option) for option in OPTION_FIELDS}
    tuned = replace(preset, late_grace_minutes=7, early_counts=True)
    assert own_options(tuned) == {"late_grace_minutes": 7, "early_counts": True}
    assert filled_in(name, own_options(tuned) | {"lowest_share": None}) == {
        option: getattr(tuned, option) for option in OPTION_FIELDS
    }
    assert filled_in(name, {"late_grace_minutes": 0})["late_grace_minutes"] == 0


@given(counting=COUNTINGS)
def test_the_words_name_every_option_that_matters(counting: Counting) -> None:
    said = "".join(counting_sentences(counting))
    assert all(sentence.endswith("。") for sentence in counting_sentences(counting))
    if counting.judged_by != PLANNED:
        assert ("早到的时间可以补" in said) == counting.early_counts
        assert (f"{counting.late_grace_minutes} 分钟算准时" in said) == bool(counting.late_grace_minutes)
        assert (f"{counting.lowest_share}%" in said) == bool(counting.lowest_share)
    assert ("确认才算" in said) == bool(counting.overtime_limit_minutes)
    assert ("进一格" in said) == (counting.rounds_to_nearest and counting.rounding_minutes > 1)
