"""Venue codes: what passes, until when, and that nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.attendance.rules import (
    Claim,
    CodeForOtherUse,
    CodeStale,
    CodeUnknown,
    CodeUnreadable,
    claim_text,
    next_code_seconds,
    photo_seconds,
    read_claim,
    read_venue_code,
    venue_code,
)
from timebank.core import codes
from timebank.core.errors import Refusal
from timebank.core.keys import Keys
from timebank.members.rules import personal_code

KEYS = Keys(b"one-secret-of-thirty-two-letters")
OTHER = Keys(b"another-secret-of-thirty-letters")
AT = datetime(2026, 11, 21, 1, 0, 0, tzinfo=UTC)
SHIFTS = st.integers(min_value=1, max_value=28_000_000)
SECONDS = st.integers(min_value=0, max_value=3600)


def test_a_code_is_short_and_has_no_look_alikes() -> None:
    for shift_id, length in ((1, 11), (30, 11), (31, 12), (28_629_150, 15)):
        code = venue_code(KEYS, shift_id, AT)
        assert len(code) == length
        assert code.startswith("V1")
        assert set(code) <= set(codes.ALPHABET)


@pytest.mark.parametrize("age", [0, 5, 19, 20, 39])
def test_a_code_counts_in_its_step_and_one_grace_step(age: int) -> None:
    assert read_venue_code(KEYS, venue_code(KEYS, 7, AT), AT + timedelta(seconds=age)) == 7


@pytest.mark.parametrize("age", [40, 60, 600, 1800])
def test_a_code_of_the_last_half_hour_is_called_stale(age: int) -> None:
    with pytest.raises(CodeStale):
        read_venue_code(KEYS, venue_code(KEYS, 7, AT), AT + timedelta(seconds=age))


@pytest.mark.parametrize("age", [-1, -20, 1840, 86400])
def test_a_code_from_the_future_or_long_ago_is_unknown(age: int) -> None:
    with pytest.raises(CodeUnknown):
        read_venue_code(KEYS, venue_code(KEYS, 7, AT), AT + timedelta(seconds=age))


def test_a_photo_can_be_used_for_exactly_the_seconds_that_the_screen_says() -> None:
    for second in range(45):
        now = AT + timedelta(seconds=second)
        code, left = venue_code(KEYS, 7, now), photo_seconds(now)
        assert 20 < left <= 40
        assert read_venue_code(KEYS, code, now + timedelta(seconds=left - 1)) == 7
        with pytest.raises(CodeStale):
            read_venue_code(KEYS, code, now + timedelta(seconds=left))


def test_the_next_code_comes_when_the_screen_was_told() -> None:
    for second in range(45):
        now = AT + timedelta(seconds=second)
        due = next_code_seconds(now)
        assert 0 < due <= 20
        assert venue_code(KEYS, 7, now + timedelta(seconds=due - 1)) == venue_code(KEYS, 7, now)
        assert venue_code(KEYS, 7, now + timedelta(seconds=due)) != venue_code(KEYS, 7, now)


def test_people_may_type_it_as_they_read_it() -> None:
    code = venue_code(KEYS, 7, AT)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    for typed in (
        code.lower(),
        codes.grouped(code),
        f"  {code} ",
        wide,
        f"https://bank.example.org/c/{code}",
        f"https://bank.example.org/c/{code}/?from=groupmessage#x",
        code.replace("0", "O").replace("1", "l"),
    ):
        assert read_venue_code(KEYS, typed, AT) == 7


@pytest.mark.parametrize(
    "typed", ["", " ", "V1", "0", "扫码签到", "𠮷𠮷", "V" * 10_000, "V1ABCDEFGH", "https://evil/c/", "😀"]
)
def test_nonsense_is_unreadable(typed: str) -> None:
    with pytest.raises(CodeUnreadable):
        read_venue_code(KEYS, typed, AT)


def test_a_whole_code_of_another_purpose_is_named_as_such() -> None:
    with pytest.raises(CodeForOtherUse):
        read_venue_code(KEYS, personal_code(KEYS, "ABCDEFG"), AT)
    voucher = "D" + codes.from_bytes(b"12345678" * 2, 9)
    with pytest.raises(CodeForOtherUse):
        read_venue_code(KEYS, voucher + codes.check_character(voucher), AT)


@given(shift_id=SHIFTS, place=st.integers(min_value=0, max_value=15), to=st.sampled_from(codes.ALPHABET))
def test_one_wrong_character_never_passes(shift_id: int, place: int, to: str) -> None:
    code = venue_code(KEYS, shift_id, AT)
    place %= len(code)
    wrong = code[:place] + to + code[place + 1 :]
    if wrong != code:
        with pytest.raises(Refusal):
            read_venue_code(KEYS, wrong, AT)


@given(shift_id=SHIFTS, other=SHIFTS, seconds=SECONDS)
def test_a_code_of_another_shift_key_or_age_never_passes_for_this_one(shift_id: int, other: int, seconds: int) -> None:
    then = AT + timedelta(seconds=seconds)
    assert read_venue_code(KEYS, venue_code(KEYS, shift_id, then), then) == shift_id
    if other != shift_id:
        mixed = _with_shift_of(venue_code(KEYS, shift_id, then), venue_code(KEYS, other, then))
        with pytest.raises(Refusal):
            read_venue_code(KEYS, mixed, then)
    with pytest.raises(CodeUnknown):
        read_venue_code(KEYS, venue_code(OTHER, shift_id, then), then)
    if seconds >= 40:
        with pytest.raises(Refusal):
            read_venue_code(KEYS, venue_code(KEYS, shift_id, AT - timedelta(seconds=AT.second)), then)


def _with_shift_of(code: str, other: str) -> str:
    """The MAC of one code under the shift of another, with a fitting check character."""
    body = other[:-8] + code[-8:-1]
    return body + codes.check_character(body)


@given(body=st.text(alphabet=codes.ALPHABET, min_size=8, max_size=13))
def test_a_forged_code_with_a_fitting_check_character_never_passes(body: str) -> None:
    forged = "V1" + body
    with pytest.raises(Refusal):
        read_venue_code(KEYS, forged + codes.check_character(forged), AT)


@given(typed=st.text(max_size=40))
def test_whatever_is_typed_gets_a_sentence_not_a_crash(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_venue_code(KEYS, typed, AT)
    assert refused.value.message


@pytest.mark.parametrize(("minutes", "counts"), [(0, True), (14, True), (15, True), (16, False), (-1, False)])
@pytest.mark.parametrize("source", ["venue", "poster"])
def test_a_claim_counts_for_a_quarter_of_an_hour(minutes: int, counts: bool, source: str) -> None:
    claim = Claim(shift_id=7, seen_at=AT, source=source)
    read = read_claim(KEYS, claim_text(KEYS, claim), AT + timedelta(minutes=minutes))
    assert read == (claim if counts else None)
    assert read_claim(OTHER, claim_text(KEYS, claim), AT) is None


@given(st.text(max_size=80))
def test_a_claim_that_was_not_made_here_is_none(text: str) -> None:
    assert read_claim(KEYS, text, AT) is None
