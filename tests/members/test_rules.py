"""Numbers, codes, names, phones, ID numbers, passwords: what people type and what it means."""

from __future__ import annotations

from datetime import date

import pytest

from tests.world import KEYS
from timebank.core import codes
from timebank.core.keys import Keys
from timebank.members.rules import (
    BadIdNumber,
    BadName,
    BadPhone,
    WeakPassword,
    age_on,
    alias_for,
    check_password,
    member_number,
    personal_code,
    read_id_number,
    read_member_number,
    read_personal_code,
    tidy_name,
    tidy_password,
    tidy_phone,
)

TODAY = date(2026, 11, 21)
ID = "11010519491231002X"  # the sample of GB 11643 itself


# --- member numbers and personal codes ------------------------------------------------------------------------------


@pytest.mark.parametrize("ordinal", [1, 7, 123, 99_999, 1_234_567])
def test_a_member_number_reads_back_however_it_is_typed(ordinal: int) -> None:
    number = member_number(ordinal)
    for typed in (
        number,
        number.lower(),
        number[2:],
        f" {number[:2]} {number[2:5]}-{number[5:]} ",
        number.replace("0", "Ｏ"),
    ):
        assert read_member_number(typed) == number


def test_every_single_slip_in_a_member_number_is_noticed() -> None:
    number = member_number(48_216)
    for at in range(2, len(number)):
        for wrong in codes.ALPHABET:
            if wrong != number[at]:
                assert read_member_number(number[:at] + wrong + number[at + 1 :]) is None


@pytest.mark.parametrize("typed", ["", "HL", "13800000000", "张小红", "😀" * 9, "H" * 10_000, "HL00012"])
def test_what_is_no_member_number_is_none(typed: str) -> None:
    assert read_member_number(typed) is None


def test_a_personal_code_reads_back_from_link_and_keyboard() -> None:
    code = personal_code(KEYS, "7AB3KXY")
    assert len(code) == 16
    assert not set(code) & set("ILOUZ")
    grouped = codes.grouped(code)
    for typed in (
        code,
        grouped,
        grouped.lower(),
        f"https://bank.example/c/{code}",
        f"/c/{code}?x=1",
        code.replace("1", "l"),
    ):
        assert read_personal_code(KEYS, typed) == "7AB3KXY"


def test_a_personal_code_of_another_key_or_with_a_slip_is_none() -> None:
    code = personal_code(KEYS, "7AB3KXY")
    assert read_personal_code(Keys(b"another secret of this length, at least"), code) is None
    for at in range(len(code)):
        wrong = "A" if code[at] != "A" else "B"
        assert read_personal_code(KEYS, code[:at] + wrong + code[at + 1 :]) is None


def test_a_code_of_another_purpose_is_none() -> None:
    body = f"V1{personal_code(KEYS, '7AB3KXY')[2:-1]}"
    assert read_personal_code(KEYS, body + codes.check_character(body)) is None


# --- ID numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        ID,
        "11010519491231002x",
        " 110105 19491231 002X ",
        "１１０１０５１９４９１２３１００２ｘ",
        "110105-19491231-002X",
    ],
)
def test_an_id_number_says_birthday_and_sex(typed: str) -> None:
    read = read_id_number(typed, today=TODAY)
    assert (read.number, read.born_on, read.sex) == (ID, date(1949, 12, 31), "f")


@pytest.mark.parametrize("number", ["810000199408230021", "330113199001011233"])
def test_real_cards_that_common_checkers_refuse_are_taken(number: str) -> None:
    assert read_id_number(number, today=TODAY).number == number


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "18 位"),
        ("11010519491231002", "18 位"),
        ("1101051949123100XX", "18 位"),
        ("110105194912310021", "校验"),
        ("11010519491231003X", "校验"),
        ("000105194912310024", "省"),
        ("110105203012310018", "出生日期"),
        ("1" * 10_000, "18 位"),
        ("身份证号码一二三四五六七八九十甲乙丙", "18 位"),
        ("😀" * 18, "18 位"),
    ],
)
def test_an_id_number_that_cannot_exist_says_why(typed: str, why: str) -> None:
    with pytest.raises(BadIdNumber, match=why):
        read_id_number(typed, today=TODAY)


def test_an_id_number_agrees_with_what_else_was_said() -> None:
    assert read_id_number(ID, today=TODAY, sex="f", born_on=date(1949, 12, 31))
    with pytest.raises(BadIdNumber, match="性别"):
        read_id_number(ID, today=TODAY, sex="m")
    with pytest.raises(BadIdNumber, match="出生日期"):
        read_id_number(ID, today=TODAY, born_on=date(1949, 12, 30))


# --- names, phones, ages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张小红", "张小红"),
        (" 张　小 红 ", "张小红"),
        ("买买提•吐尔逊", "买买提·吐尔逊"),
        ("𠮷野正子", "𠮷野正子"),
        ("Anna  Müller", "Anna Müller"),
        ("O’Neill", "O’Neill"),
        ("武〇", "武〇"),
    ],
)
def test_a_name_is_tidied(typed: str, name: str) -> None:
    assert tidy_name(typed) == name


@pytest.mark.parametrize("typed", ["", " ", "张", "张3", "张😀", "张" * 61, "张" * 10_000, "<b>张", "·张三", "１２３"])
def test_what_is_no_name_is_refused(typed: str) -> None:
    with pytest.raises(BadName):
        tidy_name(typed)


@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("13800138000", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("0574-86780000", "057486780000"),
        ("（0574）86780000", "057486780000"),
        ("", ""),
        ("   ", ""),
    ],
)
def test_a_phone_is_tidied(typed: str, phone: str) -> None:
    assert tidy_phone(typed) == phone


@pytest.mark.parametrize(
    "typed", ["1380013800", "12345678901", "86780000", "abc", "1.38e10", "1" * 10_000, "😀", "١٣٨٠٠١٣٨٠٠٠"]
)
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(BadPhone):
        tidy_phone(typed)


@pytest.mark.parametrize(
    ("name", "sex", "alias"),
    [
        ("张小红", "f", "张女士"),
        ("欧阳明", "m", "欧阳先生"),
        ("欧阳", "m", "欧先生"),
        ("张小红", None, "张**"),
        ("买买提·吐尔逊", "m", "买******"),
        ("𠮷野正子", "f", "𠮷女士"),
        ("Anna", "f", "A***"),
    ],
)
def test_an_alias_gives_no_full_name_away(name: str, sex: str | None, alias: str) -> None:
    assert alias_for(name, sex) == alias


@pytest.mark.parametrize(
    ("born_on", "age"), [("2012-11-21", 14), ("2012-11-22", 13), ("2012-02-29", 14), ("2026-11-21", 0)]
)
def test_an_age_is_whole_years(born_on: str, age: int) -> None:
    assert age_on(date.fromisoformat(born_on), TODAY) == age


# --- passwords ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["binhelu-3", "滨河路三号院子里", "a" * 60 + "bc", "correct horse battery"])
def test_a_long_enough_password_is_taken(password: str) -> None:
    check_password(tidy_password(password), phone="13800138000", number="HL000123K")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "1234567",
        "12345678",
        "Password1",
        "aaaaaaaa",
        "abababab",
        "13800138000",
        "x13800138000",
        "hl000123k",
        "a" * 129,
    ],
)
def test_a_password_that_protects_nothing_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(tidy_password(password), phone="13800138000", number="HL000123K")


def test_full_width_letters_are_the_same_password() -> None:
    assert tidy_password("ＢｉｎＨｅ２０２６") == "BinHe2026"
