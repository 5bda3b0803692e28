"""The state machine as a table, time, vouchers, scores."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.core import codes
from timebank.exchange import rules
from timebank.exchange.models import ORDER_STATUS_NAMES

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
R, A, F, D, C, E = "requested", "accepted", "fulfilled", "declined", "cancelled", "expired"
TABLE = {
    "accept": {R: A, A: A, F: rules.AlreadyFulfilled, D: rules.OrderEnded, C: rules.OrderEnded, E: rules.OrderEnded},
    "propose": {R: R, A: R, F: rules.AlreadyFulfilled, D: rules.OrderEnded, C: rules.OrderEnded, E: rules.OrderEnded},
    "decline": {
        R: D,
        A: rules.AlreadyAccepted,
        F: rules.AlreadyFulfilled,
        D: D,
        C: rules.OrderEnded,
        E: rules.OrderEnded,
    },
    "cancel": {R: C, A: C, F: rules.AlreadyFulfilled, D: rules.OrderEnded, C: C, E: rules.OrderEnded},
    "fulfil": {R: rules.NotAcceptedYet, A: F, F: F, D: rules.OrderEnded, C: rules.OrderEnded, E: rules.OrderEnded},
    "rate": {
        R: rules.NotFulfilledYet,
        A: rules.NotFulfilledYet,
        F: F,
        D: rules.OrderEnded,
        C: rules.OrderEnded,
        E: rules.OrderEnded,
    },
}


@pytest.mark.parametrize(("verb", "status"), [(verb, status) for verb in TABLE for status in ORDER_STATUS_NAMES])
def test_every_verb_in_every_state(verb: rules.Verb, status: str) -> None:
    wanted = TABLE[verb][status]
    if isinstance(wanted, str):
        assert rules.decide(verb, status) == wanted
        return
    with pytest.raises(wanted) as refused:
        rules.decide(verb, status)
    assert type(refused.value) is wanted
    assert "{" not in refused.value.message


@pytest.mark.parametrize("verb", TABLE)
def test_nothing_is_done_while_a_case_is_open(verb: rules.Verb) -> None:
    with pytest.raises(rules.InDispute):
        rules.decide(verb, "disputed")


@pytest.mark.parametrize("status", [A, F])
def test_time_does_not_run_out_while_a_case_is_open(status: str) -> None:
    assert rules.status_at(status, NOW, NOW + timedelta(days=99), in_dispute=True) == "disputed"


@given(price=st.integers(1, 6000), quantity=st.integers(1, 20), taken=st.integers(-1, 21))
def test_a_share_of_goods_is_whole_pieces_at_their_price(price: int, quantity: int, taken: int) -> None:
    share = rules.share_of_goods(price * quantity, quantity, taken)
    if not 0 < taken <= quantity:
        assert share is None
        return
    assert share == rules.Share(price * taken, taken, whole=taken == quantity)


@pytest.mark.parametrize(("minutes", "whole"), [(0, None), (-5, None), (1, False), (59, False), (60, True), (61, None)])
def test_a_share_of_a_service_is_some_of_its_minutes(minutes: int, whole: bool | None) -> None:
    share = rules.share_of_service(60, minutes)
    assert share == (None if whole is None else rules.Share(minutes, 1, whole=whole))


@pytest.mark.parametrize(
    ("status", "left", "wanted"),
    [
        (R, timedelta(seconds=1), R),
        (R, timedelta(), E),
        (A, -timedelta(seconds=1), E),
        (F, -timedelta(days=9), F),
        (C, -timedelta(days=9), C),
    ],
)
def test_an_open_order_is_expired_the_moment_its_time_runs_out(status: str, left: timedelta, wanted: str) -> None:
    assert rules.status_at(status, NOW + left, NOW) == wanted


@pytest.mark.parametrize("kind", ["service", "goods"])
def test_coins_stay_set_aside_as_long_as_an_order_can_live(kind: str) -> None:
    longest = rules.expiry_at_request(kind, NOW) + (rules.SERVE_TIME if kind == "service" else timedelta())
    assert rules.hold_expiry(kind, NOW) == longest


@pytest.mark.parametrize(
    ("status", "until", "wanted"),
    [
        ("listed", None, True),
        ("listed", date(2026, 11, 21), True),
        ("listed", date(2026, 11, 20), False),
        ("paused", None, False),
        ("ended", None, False),
    ],
)
def test_an_offer_is_open_up_to_and_including_its_last_day(status: str, until: date | None, wanted: bool) -> None:
    assert rules.is_open_for_orders(status, until, date(2026, 11, 21)) is wanted


VOUCHER = rules.voucher_code("A1B2C3D4E5")


@pytest.mark.parametrize(
    "typed",
    [
        VOUCHER,
        VOUCHER.lower(),
        codes.grouped(VOUCHER),
        f"  {codes.grouped(VOUCHER)} ",
        "".join(chr(ord(c) + 0xFEE0) for c in VOUCHER),
        f"https://bank.example.org/vouchers/{VOUCHER}",
        f"https://bank.example.org/vouchers/{VOUCHER}/?from=scan#x",
    ],
)
def test_a_voucher_is_read_however_people_type_it(typed: str) -> None:
    assert rules.read_voucher(typed) == VOUCHER


@pytest.mark.parametrize("typed", ["", "P1ABCDEFGHJKMNPQ", "HL000123K", "你好", "😀", "/", "A" * 10_000, "123456"])
def test_codes_of_other_purposes_are_not_vouchers(typed: str) -> None:
    with pytest.raises(rules.NotAVoucher):
        rules.read_voucher(typed)


@pytest.mark.parametrize(
    "typed", ["D", VOUCHER[:-1], VOUCHER + "0", "D" * 10_000, VOUCHER[0] + VOUCHER[2] + VOUCHER[1] + VOUCHER[3:]]
)
def test_slips_of_the_finger_are_noticed(typed: str) -> None:
    with pytest.raises(rules.MistypedVoucher):
        rules.read_voucher(typed)


@given(st.text())
def test_reading_a_voucher_never_breaks(typed: str) -> None:
    with suppress(rules.NotAVoucher, rules.MistypedVoucher):
        assert rules.read_voucher(typed).startswith("D")


@pytest.mark.parametrize(
    ("total", "count", "average"),
    [(0, 0, ""), (5, 1, "5.0"), (9, 2, "4.5"), (14, 3, "4.7"), (13, 3, "4.3"), (1, 1, "1.0")],
)
def test_an_average_has_one_decimal_and_rounds_halves_up(total: int, count: int, average: str) -> None:
    assert rules.Score(total, count).average == average


@pytest.mark.parametrize("purpose", ["V1", "P1", "HL"])
def test_a_voucher_looks_like_no_other_code(purpose: str) -> None:
    assert VOUCHER[0] != purpose[0]
    body = purpose.replace("L", "1") + "A1B2C3D4"
    with pytest.raises(rules.NotAVoucher):
        rules.read_voucher(body + codes.check_character(body))
