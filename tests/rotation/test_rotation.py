"""Generations of keys: what a fresh database has, what rotating does to older codes, and who may do it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.core.actor import SYSTEM
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.models import Card
from timebank.members.queries import (
    CodeReplaced,
    find_card,
    find_member_by_code,
    get_card_by_code,
    list_revoked_serials,
    show_codes,
)
from timebank.members.service import reissue_card, suspend_member
from timebank.rotation.models import PERSONAL, PURPOSES, VENUE, CodeKey
from timebank.rotation.queries import generation_in_use, list_code_keys, list_generations
from timebank.rotation.rules import FIRST, Generation, accepted, accepted_since, newest
from timebank.rotation.service import OverlapOutOfRange, TooManyAccepted, UnknownPurpose, rotate_code_key

DAY = timedelta(days=1)


def rotate(session: Session, days: int = 90, *, purpose: str = PERSONAL, key: str = "form", after: int = 0) -> CodeKey:
    """The administrator's button, pressed ``after`` days from now."""
    return rotate_code_key(
        session, purpose, overlap=days * DAY, form_key=f"{key}-{after}", actor=SYSTEM, now=NOW + after * DAY
    )


# --- the rules -------------------------------------------------------------------------------------------------------


def test_what_counts_is_what_has_not_ended() -> None:
    old = Generation(number=0, from_at=None, accepted_until=NOW)
    mid = Generation(number=1, from_at=NOW - DAY, accepted_until=NOW + DAY)
    new = Generation(number=2, from_at=NOW, accepted_until=None)

    assert accepted([old, mid, new], NOW) == [new, mid]
    assert accepted([old, mid, new], NOW - timedelta(seconds=1)) == [new, mid, old]
    assert newest([old, new, mid]) is new


def test_the_oldest_that_counts_says_which_lost_cards_still_matter() -> None:
    first = Generation(number=0, from_at=None, accepted_until=NOW)
    second = Generation(number=1, from_at=NOW - DAY, accepted_until=None)

    assert accepted_since([FIRST], NOW) is None
    assert accepted_since([second, first], NOW - timedelta(seconds=1)) is None
    assert accepted_since([second, first], NOW) == NOW - DAY


# --- the verb --------------------------------------------------------------------------------------------------------


def test_a_fresh_database_has_one_generation_of_everything_without_a_row(session: Session) -> None:
    for purpose in PURPOSES:
        assert list(list_generations(session, purpose)) == [FIRST]
        assert generation_in_use(session, purpose) == 0
        assert list_code_keys(session, purpose) == []


def test_rotating_makes_the_next_and_lets_the_older_count_for_the_overlap(session: Session) -> None:
    made = rotate(session, 90)

    assert (made.generation, made.from_at, made.accepted_until) == (1, NOW, None)
    new, old = list_generations(session, PERSONAL)
    assert (old.number, old.from_at, old.accepted_until) == (0, None, NOW + 90 * DAY)
    assert new.number == generation_in_use(session, PERSONAL) == 1
    assert generation_in_use(session, VENUE) == 0  # each purpose by itself


def test_no_older_generation_outlasts_a_shorter_overlap_and_none_lives_longer_for_a_longer_one(
    session: Session,
) -> None:
    rotate(session, 10)
    rotate(session, 90, after=1)
    assert [one.accepted_until for one in list_generations(session, PERSONAL)] == [
        None,
        NOW + 91 * DAY,
        NOW + 10 * DAY,
    ]
    rotate(session, 0, after=2)
    ended = [one.accepted_until for one in list_generations(session, PERSONAL)]
    assert ended == [None, NOW + 2 * DAY, NOW + 2 * DAY, NOW + 2 * DAY]


def test_the_same_form_again_finds_what_it_made(session: Session) -> None:
    first = rotate(session)
    assert rotate(session).id == first.id
    assert len(list_generations(session, PERSONAL)) == 2
    with pytest.raises(FormUsed):
        rotate(session, purpose=VENUE)


@pytest.mark.parametrize("days", [-1, 731])
def test_an_overlap_is_between_nothing_and_two_years(session: Session, days: int) -> None:
    with pytest.raises(OverlapOutOfRange, match="730"):
        rotate(session, days)


def test_there_are_three_purposes(session: Session) -> None:
    with pytest.raises(UnknownPurpose, match="personal"):
        rotate(session, purpose="voucher")


@pytest.mark.parametrize("role", ["organiser", "manager", "inspector"])
def test_only_an_administrator_rotates(session: Session, role: str) -> None:
    branch = make_branch(session)
    somebody = actor_of(session, make_member(session, branch, roles=(role,)))
    with pytest.raises(NotAllowed):
        rotate_code_key(session, PERSONAL, overlap=DAY, form_key="k", actor=somebody, now=NOW)
    boss = make_member(session, branch, roles=("administrator",))
    made = rotate_code_key(session, PERSONAL, overlap=DAY, form_key="k", actor=actor_of(session, boss), now=NOW)
    assert made.rotated_by_id == boss.id


def test_two_generations_that_count_never_share_a_mark(session: Session) -> None:
    """There are 31 marks: the thirty-first rotation within one overlap is refused until one has ended."""
    for after in range(30):
        rotate(session, 700, after=after)
    with pytest.raises(TooManyAccepted, match="31 代"):
        rotate(session, 700, after=30)
    assert rotate(session, 0, after=31).generation == 31  # which takes the mark of 0, as nothing older counts any more
    assert len(accepted(list_generations(session, PERSONAL), NOW + 31 * DAY)) == 1


@pytest.mark.parametrize(
    "row",
    [
        {"purpose": "personal", "generation": 7, "from_at": NOW, "form_key": "b"},  # a second one in use
        {"purpose": "personal", "generation": 1, "from_at": NOW, "form_key": "b", "accepted_until": NOW},  # twice
        {"purpose": "voucher", "generation": 1, "from_at": NOW, "form_key": "b"},
        {"purpose": "venue", "generation": -1, "from_at": NOW, "form_key": "b"},
        {"purpose": "venue", "generation": 1, "from_at": None, "form_key": "b"},
        {"purpose": "venue", "generation": 1, "from_at": NOW, "form_key": None},
        {"purpose": "venue", "generation": 1, "from_at": NOW, "form_key": "form-0"},
    ],
)
def test_the_database_refuses_rows_that_cannot_be(session: Session, row: dict[str, object]) -> None:
    rotate(session)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(CodeKey).values(**row))


def test_no_key_material_is_in_the_database(session: Session) -> None:
    rotate(session)
    columns = set(session.execute(text("SELECT * FROM code_key")).keys())
    assert columns == {"id", "purpose", "generation", "from_at", "accepted_until", "rotated_by_id", "form_key"}


# --- what it means for cards -----------------------------------------------------------------------------------------


def test_an_older_card_counts_for_the_overlap_and_is_then_refused_with_a_sentence(session: Session) -> None:
    member = make_member(session, make_branch(session))
    card = find_card(session, member.id)
    assert card is not None
    printed = show_codes(session, KEYS, card)
    rotate(session, 90)
    shown = show_codes(session, KEYS, card)

    assert (shown.typed, shown.scanned) != (printed.typed, printed.scanned)
    for code in (printed.typed, printed.scanned, shown.typed, shown.scanned):
        last = NOW + 90 * DAY - timedelta(seconds=1)
        assert find_member_by_code(session, KEYS, code, at=last).id == member.id
    for code in (printed.typed, printed.scanned):
        with pytest.raises(CodeReplaced, match=r"已经换代.*我的成长卡"):
            find_member_by_code(session, KEYS, code, at=NOW + 90 * DAY)
    for code in (shown.typed, shown.scanned):
        assert find_member_by_code(session, KEYS, code, at=NOW + 900 * DAY).id == member.id


def test_what_was_scanned_without_a_network_is_judged_by_its_own_hour(session: Session) -> None:
    member = make_member(session, make_branch(session))
    card = find_card(session, member.id)
    assert card is not None
    code = show_codes(session, KEYS, card).scanned
    rotate(session, 1)
    reissue_card(session, member.id, reason="卡丢了", actor=SYSTEM, now=NOW)

    assert get_card_by_code(session, KEYS, code, at=NOW + timedelta(hours=1)).id == card.id
    with pytest.raises(CodeReplaced):
        get_card_by_code(session, KEYS, code, at=NOW + DAY)


def test_a_device_is_told_of_lost_cards_that_could_still_verify_and_of_no_others(session: Session) -> None:
    home, other = make_branch(session, "BL"), make_branch(session, "DX")
    people = [make_member(session, home) for _ in range(3)]
    guest, stranger = make_member(session, other), make_member(session, other)
    serials = {card.member_id: card.serial for card in session.scalars(select(Card))}
    for member in (people[0], guest, stranger):
        reissue_card(session, member.id, reason="卡丢了", actor=SYSTEM, now=NOW)
    suspend_member(session, people[1].id, reason="停用", actor=SYSTEM, now=NOW)
    suspended = find_card(session, people[1].id)
    assert suspended is not None

    def told(at_days: int) -> set[str]:
        since = accepted_since(list_generations(session, PERSONAL), NOW + at_days * DAY)
        return set(list_revoked_serials(session, branch_id=home.id, member_ids=[guest.id], since=since))

    assert told(0) == {serials[people[0].id], serials[guest.id], suspended.serial}
    rotate(session, 5, after=1)
    assert told(5) == {serials[people[0].id], serials[guest.id], suspended.serial}
    assert told(6) == {suspended.serial}  # revoked before the only generation that counts began
