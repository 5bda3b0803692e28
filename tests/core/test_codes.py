"""Typed codes: no look-alikes, and a check character that catches slips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.core import codes

bodies = st.text(st.sampled_from(codes.ALPHABET), min_size=1, max_size=20)


def test_the_alphabet_has_a_prime_number_of_characters_and_no_look_alikes():
    assert len(codes.ALPHABET) == len(set(codes.ALPHABET)) == 31
    assert not set("ILOUZ") & set(codes.ALPHABET)


@given(bodies, st.data())
def test_every_single_wrong_character_is_caught(body, data):
    code = body + codes.check_character(body)
    place = data.draw(st.integers(0, len(code) - 1))
    wrong = data.draw(st.sampled_from([c for c in codes.ALPHABET if c != code[place]]))
    assert codes.is_valid(code)
    assert not codes.is_valid(code[:place] + wrong + code[place + 1 :])


@given(bodies.filter(lambda body: len(body) > 1), st.data())
def test_every_swap_of_neighbours_in_the_body_is_caught(body, data):
    code = body + codes.check_character(body)
    place = data.draw(st.integers(0, len(body) - 2))
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert swapped == code or not codes.is_valid(swapped)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("abcd-efgh", "ABCDEFGH"),
        (" ＡＢ　１２ ", "AB12"),
        ("o0 i1 l1 z2", "00111122"),
        ("", ""),
        ("——，。", ""),
    ],
)
def test_what_people_type_is_read_as_what_they_mean(typed, meant):
    assert codes.tidy(typed) == meant


@given(st.text())
def test_no_text_makes_the_check_crash(text):
    assert codes.is_valid(codes.tidy(text)) in {True, False}


def test_random_codes_are_valid_and_differ():
    made = {codes.random_code(10) for _ in range(500)}
    assert len(made) == 500
    assert all(codes.is_valid(code) and len(code) == 10 for code in made)
