"""Paper as arithmetic: times as people write them, line codes, check totals, differences, the kiosk's note."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world import KEYS, NOW
from timebank.attendance.rules import (
    CheckTotalWrong,
    KioskGrant,
    Totals,
    check_totals,
    differences,
    kiosk_text,
    line_code,
    page_of,
    place_of,
    read_clock,
    read_kiosk,
    read_sheet_number,
)
from timebank.core import codes
from timebank.core.keys import Keys

NUMBER = "F1AB3DEF"
NUMBER += codes.check_character(NUMBER)

READ = {
    "8:00": time(8),
    "８：００": time(8),
    "800": time(8),
    "0800": time(8),
    "８００": time(8),
    "8.05": time(8, 5),
    "8。05": None,
    "8 : 05": time(8, 5),
    "8点": time(8),
    "8点30分": time(8, 30),
    "8时5分": time(8, 5),
    "8": time(8),
    "23:59": time(23, 59),
    "24:00": None,
    "2400": None,
    "860": None,
    "8:60": None,
    "": None,
    "八点": None,
    "-800": None,
    "80000": None,
    "8:0a": None,
    "٨:٠٠": None,
}


@pytest.mark.parametrize(("typed", "means"), READ.items())
def test_times_are_read_as_people_write_them(typed: str, means: time | None) -> None:
    assert read_clock(typed) == means


@given(st.times())
def test_every_minute_of_the_day_is_read_back(at: time) -> None:
    minute = at.replace(second=0, microsecond=0, fold=0)
    assert {read_clock(f"{at:%H:%M}"), read_clock(f"{at:%H%M}"), read_clock(f"{at.hour}：{at:%M}")} == {minute}


@given(st.text())
def test_no_text_stumbles_the_reader_of_times(text: str) -> None:
    read_clock(text)


def test_a_sheet_number_is_read_as_typed_and_no_other_code_is_one() -> None:
    assert read_sheet_number(f" {codes.grouped(NUMBER).lower()} ") == NUMBER
    wrong = ("V1" + NUMBER[2:], NUMBER[:-1], NUMBER + "0", "", "P1" + "A" * 14)
    assert [read_sheet_number(text) for text in wrong] == [None] * len(wrong)


def test_a_line_code_names_one_line_of_one_sheet() -> None:
    shown = {line_code(NUMBER, line) for line in range(1, 61)}
    assert len(shown) == 60
    assert line_code(NUMBER, 7).startswith("07-")
    neighbours = [(line_code(NUMBER, n)[-1], line_code(NUMBER, n + 1)[-1]) for n in range(1, 60)]
    assert all(one != other for one, other in neighbours)  # the check character catches the next line


def test_lines_stand_on_pages_of_fourteen() -> None:
    assert [page_of(line) for line in (1, 14, 15, 28, 29)] == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("typed", "written", "says"),
    [
        ((12, None), (11, None), {"people": "纸上写的是 11 人，录入了 12 人，多 1 人。"}),
        ((10, None), (12, None), {"people": "纸上写的是 12 人，录入了 10 人，少 2 人。"}),
        ((2, 240), (2, 270), {"sum": "纸上合计 4 小时 30 分钟，录入的加起来是 4 小时，少 30 分钟。"}),
        (
            (2, None),
            (2, 270),
            {"sum": "纸上合计 4 小时 30 分钟，但是有人没有写全到场和离开时间，加不出来。合计可以不填。"},
        ),
        (
            (1, 60),
            (2, 50),
            {
                "people": "纸上写的是 2 人，录入了 1 人，少 1 人。",
                "sum": "纸上合计 50 分钟，录入的加起来是 1 小时，多 10 分钟。",
            },
        ),
    ],
)
def test_a_total_that_differs_names_the_difference(
    typed: tuple[int, int | None], written: tuple[int, int | None], says: dict[str, str]
) -> None:
    with pytest.raises(CheckTotalWrong) as refused:
        check_totals(Totals(people=typed[0], minutes=typed[1]), Totals(people=written[0], minutes=written[1]))
    assert refused.value.fields == says


@pytest.mark.parametrize(("typed", "written"), [((2, 240), (2, 240)), ((2, None), (2, None)), ((0, 0), (0, None))])
def test_totals_that_agree_pass(typed: tuple[int, int | None], written: tuple[int, int | None]) -> None:
    check_totals(Totals(people=typed[0], minutes=typed[1]), Totals(people=written[0], minutes=written[1]))


def row(line: int, member_id: int = 1, came: str = "09:00", left: str = "11:00") -> dict[str, object]:
    return {"line": line, "member_id": member_id, "in": came, "out": left}


def test_differences_between_two_readings_are_told_by_line() -> None:
    first = [row(1), row(2, 2), row(3, 3, left="")]
    second = [row(1), row(2, 2, came="09:30"), row(4, 4)]
    assert differences(first, second) == [
        (2, "第一次：09:00 到 11:00；复核：09:30 到 11:00"),
        (3, "第一次：09:00 到 —；复核：空着"),
        (4, "第一次：空着；复核：09:00 到 11:00"),
    ]
    assert differences(first, first) == []


def test_the_same_times_of_another_person_are_a_difference() -> None:
    assert [line for line, _ in differences([row(5, 7)], [row(5, 8)])] == [5]


def test_a_scan_says_where_on_paper_it_stands() -> None:
    assert place_of(f"paper:3:7:{NUMBER}-12-in") == f"{codes.grouped(NUMBER)} 第 12 行"
    assert place_of("venue:3:7:abc") == place_of("paper:3:7:x") == ""


GRANT = KioskGrant(kiosk_id=7, shift_id=3, expires_at=NOW)


def test_a_kiosks_note_is_read_back() -> None:
    assert read_kiosk(KEYS, kiosk_text(KEYS, GRANT)) == GRANT


@given(st.integers(0, 80), st.sampled_from("0123456789ABCDXY."))
def test_no_changed_note_makes_a_kiosk(place: int, letter: str) -> None:
    text = kiosk_text(KEYS, GRANT)
    changed = text[:place] + letter + text[place + 1 :]
    assert read_kiosk(KEYS, changed) in {None, GRANT if changed == text else None}


@pytest.mark.parametrize("text", ["", ".", "7.3.1795222800", "7.3.1795222800.", "x" * 500, "7.3.1795222800.é"])
def test_what_is_no_note_makes_no_kiosk(text: str) -> None:
    assert read_kiosk(KEYS, text) is None


def test_a_note_of_another_instance_or_of_a_claim_makes_no_kiosk() -> None:
    from timebank.attendance.rules import Claim, claim_text

    assert read_kiosk(Keys(b"another-secret-0123456789-0123456789"), kiosk_text(KEYS, GRANT)) is None
    assert (
        read_kiosk(KEYS, claim_text(KEYS, Claim(shift_id=3, seen_at=NOW + timedelta(hours=1), source="venue"))) is None
    )
