"""Numbers, what guessing them comes to, canonical content, signatures."""

from __future__ import annotations

from datetime import date

import pytest

from tests.world import KEYS
from timebank.certificates import rules
from timebank.certificates.rules import Person, Served
from timebank.certificates.views.public import GUESSES_AN_HOUR
from timebank.core import codes


def served(attendance_id: int = 1, **more: object) -> Served:
    given = {
        "attendance_id": attendance_id,
        "entry_id": 100 + attendance_id,
        "branch_id": 1,
        "day": date(2026, 11, attendance_id),
        "hours": "09:00–11:00",
        "title": "楼道清洁",
        "category": "环境清洁",
        "place": "三号院",
        "minutes": 120,
    }
    return Served(**given | more)  # type: ignore[arg-type]


def test_guessing_numbers_is_useless() -> None:
    """Ten thousand addresses that guess as fast as they are let for ten years, against a million certificates."""
    space = len(codes.ALPHABET) ** rules.NUMBER_RANDOM
    assert space > 2**64
    guesses = 10_000 * GUESSES_AN_HOUR * 24 * 365 * 10
    assert guesses * 1_000_000 / space < 0.01  # expected hits


def test_a_number_is_read_however_it_is_typed() -> None:
    number = rules.number_of("0ABC123DEF456")
    assert len(number) == 16
    assert rules.read_number(codes.grouped(number).lower()) == number
    assert rules.read_number(f" {number.replace('0', 'o')} ") == number


@pytest.mark.parametrize("at", range(16))
def test_a_slip_of_the_finger_is_no_number(at: int) -> None:
    number = rules.number_of("0ABC123DEF456")
    other = codes.ALPHABET[(codes.ALPHABET.index(number[at]) + 1) % len(codes.ALPHABET)]
    assert rules.read_number(number[:at] + other + number[at + 1 :]) == rules.NO_NUMBER


def test_no_number_is_no_number() -> None:
    assert rules.read_number(rules.NO_NUMBER) == rules.NO_NUMBER
    assert codes.tidy(rules.NO_NUMBER) != rules.NO_NUMBER  # nothing that can be issued


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ({}, [1, 2, 3]),
        ({"period": rules.period_of("range", first=date(2026, 11, 2))}, [2, 3]),
        ({"period": rules.period_of("range", last=date(2026, 11, 2))}, [1, 2]),
        ({"period": rules.period_of("year", year=2026)}, [1, 2, 3]),
        ({"only": {3}}, [3]),
    ],
)
def test_what_is_listed(asked: dict[str, object], listed: list[int]) -> None:
    found = [served(1), served(2), served(3), served(4, branch_id=2)]
    chosen = rules.choose(found, **{"branch_id": 1, "period": rules.EVER} | asked)  # type: ignore[arg-type]
    assert [one.attendance_id for one in chosen] == listed


def test_nothing_and_too_much_are_refused() -> None:
    with pytest.raises(rules.NothingToCertify):
        rules.choose([served()], branch_id=2, period=rules.EVER)
    with pytest.raises(rules.NothingToCertify):
        rules.choose([served()], branch_id=1, period=rules.period_of("year", year=2025))
    with pytest.raises(rules.TooManyServices):
        rules.choose([served()] * (rules.MOST_SERVICES + 1), branch_id=1, period=rules.EVER)


def test_the_hash_is_over_everything_the_name_included() -> None:
    content = rules.plain({"number": "C1", "minutes": 120})
    first = rules.digest(content, Person(name="王梅"))
    assert first == rules.digest(rules.plain({"minutes": 120, "number": "C1"}), Person(name="王梅"))
    for other, person in (
        (content, Person(name="王美")),
        (content, Person(name="王梅", document="居民身份证尾号 0001")),
        (rules.plain({"number": "C1", "minutes": 121}), Person(name="王梅")),
    ):
        assert rules.digest(other, person) != first


def test_a_signature_holds_for_its_hash_alone() -> None:
    signed = rules.sign(KEYS.signing_key(), "ab" * 32)
    assert rules.is_signed(signed, "ab" * 32)
    assert not rules.is_signed(signed, "ac" * 32)
    assert not rules.is_signed(rules.Signed(signed.signature, "00" * 31), "ab" * 32)
    assert not rules.is_signed(rules.Signed("zz", signed.public_key), "ab" * 32)


def test_a_person_is_not_shown_by_accident() -> None:
    assert "王梅" not in repr(Person(name="王梅", document="尾号 0001"))
