"""What people read: amounts exact to the minute, personal data masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.core import masking, minutes


@pytest.mark.parametrize(
    ("amount", "coins", "hours"),
    [
        (0, "0 币", "0 小时"),
        (1, "1 分", "1 分钟"),
        (59, "59 分", "59 分钟"),
        (60, "1 币", "1 小时"),
        (100, "1 币 40 分", "1 小时 40 分钟"),
        (-90, "−1 币 30 分", "−1 小时 30 分钟"),
    ],
)
def test_amounts_are_exact_to_the_minute(amount, coins, hours):
    assert (minutes.coins(amount), minutes.hours(amount)) == (coins, hours)


@pytest.mark.parametrize(("amount", "text"), [(0, "0 分"), (1200, "1,200 分"), (-5, "−5 分")])
def test_points_are_grouped(amount, text):
    assert minutes.points(amount) == text


@pytest.mark.parametrize(
    ("name", "masked"), [("张小红", "张**"), ("李", "李*"), ("买买提·吐尔逊", "买******"), ("", ""), ("𠮷野", "𠮷*")]
)
def test_a_name_keeps_its_first_character(name, masked):
    assert masking.mask_name(name) == masked


@given(st.text(max_size=30))
def test_a_mask_never_shows_a_middle(text):
    assert (
        text[3:-4] not in masking.mask_phone(text)
        or not text[3:-4]
        or set(text[3:-4]) <= set("*" + text[:3] + text[-4:])
    )


@pytest.mark.parametrize(("phone", "masked"), [("13812345678", "138****5678"), ("123456", "****"), ("", "****")])
def test_a_phone_keeps_three_and_four_digits(phone, masked):
    assert masking.mask_phone(phone) == masked


def test_an_id_number_keeps_one_character_at_each_end():
    assert masking.mask_id_number("11010519491231002X") == "1****************X"
