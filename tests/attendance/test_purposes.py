"""No string of another purpose, age, shift, generation or key is ever accepted; and what people type is what was shown.

One maker and one reader for each purpose (``core.tags``), tried against each other and against what chance makes of
codes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from timebank.attendance.rules import (
    PosterRead,
    poster_code,
    read_poster_code,
    read_venue_code,
    tidy_code,
    venue_code,
)
from timebank.core import codes, tags
from timebank.core.errors import Refusal
from timebank.core.keys import Keys
from timebank.exchange.rules import read_voucher, voucher_code
from timebank.members.rules import (
    member_number,
    personal_code,
    personal_pass,
    read_member_number,
    read_personal_code,
    read_personal_pass,
)
from timebank.members.rules.codes import tidy_code as tidy_personal
from timebank.rotation.rules import Generation

KEYS = Keys(b"one-secret-of-thirty-two-letters")
OTHER = Keys(b"another-secret-of-thirty-letters")
AT = datetime(2026, 11, 21, 1, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = 3, 4  # the generations that count at AT; 0 to 2 are over, 5 is not made yet
COUNTED = (
    Generation(number=NEW, from_at=AT - DAY, accepted_until=None),
    Generation(number=OLD, from_at=AT - 9 * DAY, accepted_until=AT + DAY),
)

SHIFTS = st.integers(min_value=1, max_value=2**31 - 1)
NUMBERS = st.integers(min_value=1, max_value=960)
SERIALS = st.text(alphabet=codes.ALPHABET, min_size=7, max_size=7)
GENERATIONS = st.sampled_from([OLD, NEW])
OVER = st.sampled_from([0, 1, 2, 5, OLD + 31, NEW + 31, 2**20])


def _venue(text: str) -> int | None:
    try:
        return read_venue_code(KEYS, text, AT, COUNTED)
    except Refusal:
        return None


def _poster(text: str) -> PosterRead | None:
    try:
        return read_poster_code(KEYS, tidy_code(text), COUNTED)
    except Refusal:
        return None


def _voucher(text: str) -> str | None:
    try:
        return read_voucher(text)
    except Refusal:
        return None


READERS: dict[str, Callable[[str], Any]] = {
    tags.VENUE: _venue,
    tags.POSTER: _poster,
    tags.PERSONAL: lambda text: read_personal_code(KEYS, text, COUNTED),
    tags.SCANNED: lambda text: read_personal_pass(KEYS, text, COUNTED),
    tags.VOUCHER: _voucher,
    tags.MEMBER: lambda text: read_member_number(tidy_personal(text)),
}
VENUE_CODES = st.builds(lambda shift, one: venue_code(KEYS, shift, AT, one), SHIFTS, GENERATIONS)
POSTER_CODES = st.builds(lambda shift, number, one: poster_code(KEYS, shift, number, one), SHIFTS, NUMBERS, GENERATIONS)
PERSONAL_CODES = st.builds(lambda serial, one: personal_code(KEYS, serial, one), SERIALS, GENERATIONS)
PASSES = st.builds(lambda serial, one: personal_pass(KEYS, serial, one), SERIALS, GENERATIONS)
MADE: dict[str, st.SearchStrategy[str]] = {
    tags.VENUE: VENUE_CODES,
    tags.POSTER: POSTER_CODES,
    tags.PERSONAL: PERSONAL_CODES,
    tags.SCANNED: PASSES,
    tags.VOUCHER: st.builds(voucher_code, st.text(alphabet=codes.ALPHABET, min_size=9, max_size=9)),
    tags.MEMBER: st.builds(member_number, st.integers(min_value=1, max_value=10**8)),
}
SIGNED = (tags.VENUE, tags.POSTER, tags.PERSONAL, tags.SCANNED)
ANY = st.sampled_from(sorted(MADE)).flatmap(lambda tag: st.tuples(st.just(tag), MADE[tag]))
ANY_SIGNED = st.sampled_from(SIGNED).flatmap(lambda tag: st.tuples(st.just(tag), MADE[tag]))
PLACES = st.sampled_from(
    ["", "https://bank.example/c/", "HTTPS://BANK.EXAMPLE/P/", "/vouchers/", "/check-in/code?x=/c/"]
)


def takers(text: str) -> list[str]:
    """The purposes whose readers accept a text."""
    return [tag for tag, read in READERS.items() if read(text) is not None]


def signed_takers(text: str) -> list[str]:
    """Without the readers that look at the shape alone: vouchers are looked up then, member numbers are no secret."""
    return [tag for tag in takers(text) if tag in SIGNED]


def test_no_tag_begins_another_and_each_can_be_typed() -> None:
    for tag in tags.TAG_NAMES:
        assert [other for other in tags.TAG_NAMES if other.startswith(tag)] == [tag]
        assert codes.tidy(tag) == tag
        assert set(tag) <= set(codes.ALPHABET)


@given(made=ANY)
def test_each_code_is_taken_by_its_own_reader_alone(made: tuple[str, str]) -> None:
    tag, code = made
    assert codes.tidy(code).startswith(tag)
    assert takers(code) == [tag]


@given(made=ANY, place=PLACES, end=st.sampled_from(["", "/", "?from=groupmessage", "#x"]))
def test_the_address_around_a_code_changes_nothing_about_its_purpose(
    made: tuple[str, str], place: str, end: str
) -> None:
    tag, code = made
    assert set(takers(f"{place}{code}{end}")) <= {tag}


@given(made=ANY, to=st.sampled_from(sorted(tags.TAG_NAMES)))
def test_a_code_with_the_tag_of_another_purpose_is_none(made: tuple[str, str], to: str) -> None:
    """Also with a fitting check character, and also where the lengths are the same."""
    tag, code = made
    assume(to not in {tag, tags.VOUCHER, tags.MEMBER})  # vouchers are looked up and numbers are no secret
    body = to + codes.tidy(code)[len(tag) : -1]
    assert takers(body + codes.check_character(body)) == []
    assert takers(to + codes.tidy(code)[len(tag) :]) == []


@given(shift=SHIFTS, number=NUMBERS, serial=SERIALS, over=OVER)
def test_a_code_of_a_generation_that_does_not_count_is_none(shift: int, number: int, serial: str, over: int) -> None:
    for code in (
        venue_code(KEYS, shift, AT, over),
        poster_code(KEYS, shift, number, over),
        personal_code(KEYS, serial, over),
        personal_pass(KEYS, serial, over),
    ):
        assert takers(code) == []


@given(shift=SHIFTS, number=NUMBERS, serial=SERIALS, one=GENERATIONS)
def test_a_code_of_another_key_is_none(shift: int, number: int, serial: str, one: int) -> None:
    for code in (
        venue_code(OTHER, shift, AT, one),
        poster_code(OTHER, shift, number, one),
        personal_code(OTHER, serial, one),
        personal_pass(OTHER, serial, one),
    ):
        assert takers(code) == []


@given(shift=SHIFTS, other=SHIFTS, number=NUMBERS, of=NUMBERS, one=GENERATIONS)
def test_a_code_names_its_own_shift_and_poster_and_no_other(
    shift: int, other: int, number: int, of: int, one: int
) -> None:
    assert _venue(venue_code(KEYS, shift, AT, one)) == shift
    assert _poster(poster_code(KEYS, shift, number, one)) == PosterRead(shift_id=shift, number=number)
    assume((shift, number) != (other, of))
    grafted = _graft(poster_code(KEYS, shift, number, one), poster_code(KEYS, other, of, one), signed=9)
    assert _poster(grafted) is None


@given(serial=SERIALS, other=SERIALS, one=GENERATIONS)
def test_the_signature_of_one_card_fits_no_other(serial: str, other: str, one: int) -> None:
    assume(serial != other)
    typed = _graft(personal_code(KEYS, serial, one), personal_code(KEYS, other, one), signed=7)
    mine, theirs = personal_pass(KEYS, serial, one), personal_pass(KEYS, other, one)
    assert takers(typed) == []
    assert takers(theirs[:10] + mine[10:]) == []


def _graft(code: str, onto: str, *, signed: int) -> str:
    """The signature of one code on the body of another, with a fitting check character."""
    body = onto[:-signed] + code[-signed:-1]
    return body + codes.check_character(body)


@given(seconds=st.integers(min_value=40, max_value=10**8), shift=SHIFTS, one=GENERATIONS)
def test_a_screen_code_of_another_time_is_none(seconds: int, shift: int, one: int) -> None:
    for age in (seconds, -seconds, -20):
        assert _venue(venue_code(KEYS, shift, AT - timedelta(seconds=age), one)) is None


# --- chance ----------------------------------------------------------------------------------------------------------


@given(made=ANY_SIGNED, place=st.integers(min_value=0, max_value=200), to=st.characters())
def test_one_wrong_character_is_never_accepted(made: tuple[str, str], place: int, to: str) -> None:
    _, code = made
    place %= len(code)
    wrong = code[:place] + to + code[place + 1 :]
    assume(_means(wrong) != code)
    assert signed_takers(wrong) == []


@given(made=ANY_SIGNED, place=st.integers(min_value=0, max_value=200))
def test_two_letters_in_the_wrong_order_are_never_accepted(made: tuple[str, str], place: int) -> None:
    _, code = made
    place %= len(code) - 1
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assume(wrong != code)
    assert signed_takers(wrong) == []


@given(made=ANY_SIGNED, cut=st.integers(min_value=1, max_value=200), end=st.booleans())
def test_a_piece_of_a_code_is_never_accepted(made: tuple[str, str], cut: int, end: bool) -> None:
    _, code = made
    cut = cut % (len(code) - 1) + 1
    assert signed_takers(code[:-cut] if end else code[cut:]) == []


@given(made=ANY_SIGNED, place=st.integers(min_value=0, max_value=200), more=st.sampled_from(codes.ALPHABET))
def test_a_letter_too_many_is_never_accepted(made: tuple[str, str], place: int, more: str) -> None:
    _, code = made
    place %= len(code) + 1
    assert signed_takers(code[:place] + more + code[place:]) == []


@given(tag=st.sampled_from(SIGNED), body=st.text(alphabet=codes.ALPHABET, min_size=1, max_size=20))
def test_a_made_up_body_with_a_fitting_check_character_is_never_accepted(tag: str, body: str) -> None:
    assert signed_takers(tag + body + codes.check_character(tag + body)) == []


@given(head=SERIALS, signature=st.binary(min_size=64, max_size=64))
def test_a_made_up_signature_is_never_accepted(head: str, signature: bytes) -> None:
    assert signed_takers(f"P2{codes.ALPHABET[NEW]}{head}{codes.encode(signature, 104)}") == []


@given(serial=SERIALS, one=GENERATIONS)
def test_a_signature_has_one_form(serial: str, one: int) -> None:
    """S + L is the same number to a careless reader (RFC 8032, 5.1.7 forbids it): one pass, one text."""
    made = personal_pass(KEYS, serial, one)
    raw = codes.decode(made[10:], 64)
    assert raw is not None
    order = 2**252 + 27742317777372353535851937790883648493
    more = int.from_bytes(raw[32:], "little") + order
    assert signed_takers(made[:10] + codes.encode(raw[:32] + more.to_bytes(32, "little"), 104)) == []


@given(text=st.text(max_size=150))
def test_whatever_is_scanned_is_answered_without_a_crash(text: str) -> None:
    assert signed_takers(text) == []


@given(text=st.text(max_size=150), tag=st.sampled_from(sorted(tags.TAG_NAMES)))
def test_nor_does_anything_behind_a_tag(text: str, tag: str) -> None:
    assert signed_takers(tag + text) == []


# --- what people type ------------------------------------------------------------------------------------------------

LOOKS = {"0": "0oOＯ", "1": "1iIlLＩ", "2": "2zZ"}


@st.composite
def typed_by_people(draw: st.DrawFn, code: str) -> str:
    """A code as somebody may type it: any case, look-alikes, full width, gaps, in groups, with a line end."""
    letters = []
    for letter in code:
        seen = draw(st.sampled_from(LOOKS.get(letter, letter + letter.lower() + chr(ord(letter) + 0xFEE0))))
        letters.append(seen + draw(st.sampled_from(["", "", "", "-", " ", "－", "·"])))
    return draw(st.sampled_from(["", " ", "\n"])) + "".join(letters) + draw(st.sampled_from(["", " ", "\r\n"]))


def _means(text: str) -> str:
    return codes.tidy(text)


@given(data=st.data(), made=ANY)
def test_what_people_type_is_read_as_what_was_shown(data: st.DataObject, made: tuple[str, str]) -> None:
    tag, code = made
    typed = data.draw(typed_by_people(codes.tidy(code)))
    assert takers(typed) == [tag]
    assert READERS[tag](typed) == READERS[tag](code)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (lambda: personal_code(KEYS, "ABCDEFG"), "个人码"),
        (lambda: personal_pass(KEYS, "ABCDEFG"), "个人码"),
        (lambda: personal_pass(KEYS, "ABCDEFG")[:60], "个人码"),
        (lambda: voucher_code("ABCDEFGHJ"), "兑换券"),
    ],
)
def test_who_scans_the_wrong_thing_is_told_what_it_is(made: Callable[[], str], what: str) -> None:
    with pytest.raises(Refusal, match=what):
        tidy_code(made())
