"""A month that does not agree is sealed when a manager of each side has signed it as it is, and not before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.world import KEYS, NOW, actor_of, make_member
from timebank.clearing import queries, service
from timebank.clearing.models import FROZEN, PairException, PairSignature, PairStatement
from timebank.clearing.rules import digest, exception_text
from timebank.clearing.service.cases import Found, open_case
from timebank.core.errors import NotAllowed
from timebank.notices.models import Notice

NOVEMBER, DECEMBER, JANUARY = "2026-11", "2026-12", "2027-01"
AFTER = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
YEAR_AFTER = datetime(2027, 1, 1, 1, 0, tzinfo=UTC)
FEBRUARY = datetime(2027, 2, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def between(session: Session) -> Between:
    """AA has booked 5 minutes that BB has not; the month was closed and the pair is frozen."""
    found = Between(session)
    found.pay(60)
    found.book_alone(0, 5, key="alone")
    seal(found)
    return found


def seal(between: Between, month: str = NOVEMBER, *, now: datetime = AFTER) -> list[PairStatement]:
    return service.seal_statements(between.session, between.branches[0].id, month, now=now)


def signing(between: Between, at: int, month: str = NOVEMBER, **more: Any) -> service.Signing:
    seen = queries.look_at_month(between.session, between.pair, month).exception_hash
    given = {"branch_id": between.branches[at].id, "month": month, "words": "年底要交账", "seen": seen}
    return service.Signing(**given | more)


def sign(
    between: Between, at: int, month: str = NOVEMBER, *, now: datetime = AFTER, **more: Any
) -> PairStatement | None:
    word = signing(between, at, month, **more)
    return service.sign_exception(between.session, between.pair.id, word, actor=between.boss(at), keys=KEYS, now=now)


def both(between: Between, month: str = NOVEMBER, *, now: datetime = AFTER) -> dict[str, Any]:
    """What is sealed once both have signed."""
    assert sign(between, 0, month, now=now) is None
    sealed = sign(between, 1, month, now=now)
    assert sealed is not None
    return dict(json.loads(sealed.content))


def why(between: Between, month: str = NOVEMBER, *, now: datetime = AFTER) -> str:
    return queries.why_no_statement(
        between.session, queries.look_at_month(between.session, between.pair, month), now=now
    )


def test_nothing_is_sealed_before_both_sides_have_signed(between: Between) -> None:
    assert why(between) == "case"
    assert sign(between, 0) is None
    assert queries.list_statements(between.session, between.pair.id) == []


def test_the_statement_lists_both_versions_the_difference_and_the_open_case(between: Between) -> None:
    fields = both(between)
    assert (fields["by_low"]["closing"], fields["by_high"]["closing"]) == (65, 60)
    assert fields["heaps"] == {"only_low": [["order:99", 5, 0]], "only_high": [], "differs": []}
    assert fields["left"] == {"order:99": 5}
    [case] = queries.list_open_cases(between.session, between.pair.id)
    assert [row[:2] for row in fields["cases"]] == [[str(case.id), "difference"]]


def test_what_was_signed_is_what_is_sealed_and_both_signatures_hold(between: Between) -> None:
    fields = both(between)
    exception = fields.pop("exception")
    assert digest(json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))) == exception["hash"]
    assert len(exception["signatures"]) == 2
    for one, at in zip(exception["signatures"], (0, 1), strict=True):
        said = json.loads(one["signed"])
        assert (said["exception"], said["branch"]) == (exception["hash"], between.branches[at].code)
        assert (said["by"], said["words"]) == (between.managers[at].number, "年底要交账")
        assert one["hash"] == digest(one["signed"])
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(one["public_key"]))
        key.verify(bytes.fromhex(one["signature"]), exception_text(one["hash"]))


def test_a_signature_under_an_exception_is_none_under_a_seal(between: Between) -> None:
    """The same key seals months, over a bare hash."""
    for one in both(between)["exception"]["signatures"]:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(one["public_key"]))
        with pytest.raises(InvalidSignature):
            key.verify(bytes.fromhex(one["signature"]), bytes.fromhex(one["hash"]))


def test_a_sealed_exception_mends_nothing(between: Between) -> None:
    both(between)
    assert between.pair.status == FROZEN
    assert len(queries.list_open_items(between.session, between.pair.id)) == 1
    assert seal(between) != []


def test_the_same_signature_again_is_harmless(between: Between) -> None:
    word = signing(between, 0)
    for _ in range(2):
        args = {"actor": between.boss(0), "keys": KEYS, "now": AFTER}
        assert service.sign_exception(between.session, between.pair.id, word, **args) is None
    sealed = sign(between, 1)
    assert service.sign_exception(between.session, between.pair.id, word, **args) == sealed
    assert between.session.scalar(sa.select(sa.func.count()).select_from(PairSignature)) == 2


def test_one_side_signs_once(between: Between) -> None:
    sign(between, 0)
    with pytest.raises(service.SideSigned):
        sign(between, 0, words="还是要签")


def test_one_person_does_not_sign_for_both(between: Between) -> None:
    boss = actor_of(between.session, make_member(between.session, between.branches[2], roles=("administrator",)))
    for at in (0, 1):
        word = signing(between, at)
        if at:
            with pytest.raises(service.OneHandPair):
                service.sign_exception(between.session, between.pair.id, word, actor=boss, keys=KEYS, now=AFTER)
        else:
            service.sign_exception(between.session, between.pair.id, word, actor=boss, keys=KEYS, now=AFTER)
    assert queries.list_statements(between.session, between.pair.id) == []


def test_the_database_refuses_a_second_signature_of_one_person(between: Between) -> None:
    sign(between, 0)
    with pytest.raises(sa.exc.IntegrityError), between.session.begin_nested():
        between.session.execute(
            sa.text(
                "INSERT INTO pair_signature (exception_id, branch_id, by_id, words, content, hash, signature, "
                "public_key, signed_at) SELECT exception_id, :other, by_id, words, content, hash, signature, "
                "public_key, signed_at FROM pair_signature"
            ),
            {"other": between.branches[1].id},
        )


def test_nobody_signs_for_a_branch_that_is_not_theirs(between: Between) -> None:
    word = signing(between, 1)
    with pytest.raises(NotAllowed):
        service.sign_exception(between.session, between.pair.id, word, actor=between.boss(0), keys=KEYS, now=AFTER)


def test_a_branch_outside_the_pair_signs_nothing(between: Between) -> None:
    with pytest.raises(queries.PairNotFound):
        sign(between, 2)


def test_words_are_needed(between: Between) -> None:
    with pytest.raises(service.WordsMissing):
        sign(between, 0, words=" ")


def test_what_changed_since_it_was_read_is_not_signed(between: Between) -> None:
    word = signing(between, 0)
    between.book_alone(0, 3, key="one more", now=NOW)
    with pytest.raises(service.ExceptionMoved):
        service.sign_exception(between.session, between.pair.id, word, actor=between.boss(0), keys=KEYS, now=AFTER)


def test_a_signature_is_overtaken_when_something_changes_before_the_other_signs(between: Between) -> None:
    sign(between, 0)
    found = Found(kind="unpaid", facts="收款人的账户不能用", key="unpaid")
    open_case(between.session, between.pair, found, now=AFTER)
    assert sign(between, 1) is None
    assert len(between.session.scalars(sa.select(PairException)).all()) == 2
    sealed = sign(between, 0)
    assert sealed is not None
    assert len(json.loads(sealed.content)["cases"]) == 2


def test_a_month_that_is_not_over_is_not_signed(between: Between) -> None:
    with pytest.raises(service.MonthRunning):
        sign(between, 0, DECEMBER, now=AFTER)


def test_a_month_that_is_sealed_is_not_signed_again(between: Between) -> None:
    both(between)
    with pytest.raises(service.AlreadySealed):
        sign(between, 0, words="再签一次")


def test_a_month_on_which_both_agree_needs_no_exception(session: Session) -> None:
    between = Between(session)
    between.pay(60)
    with pytest.raises(service.NothingToExcept):
        sign(between, 0)


def test_an_earlier_month_comes_first(between: Between) -> None:
    assert why(between, DECEMBER, now=YEAR_AFTER) == "earlier"
    with pytest.raises(service.EarlierMonthFirst):
        sign(between, 0, DECEMBER, now=YEAR_AFTER)


def test_equal_books_with_an_open_case_are_sealed_by_an_exception_too(session: Session) -> None:
    between = Between(session)
    between.pay(60)
    open_case(session, between.pair, Found(kind="unpaid", facts="账户停用", key="unpaid"), now=NOW)
    assert seal(between) == []
    fields = both(between)
    assert (fields["by_low"], fields["left"]) == (fields["by_high"], {})
    assert [row[1] for row in fields["cases"]] == ["unpaid"]


def settle_case(between: Between, now: datetime) -> None:
    [case] = queries.list_open_cases(between.session, between.pair.id)
    for at in (0, 1):
        branch_id = between.branches[at].id
        service.settle_case(
            between.session, case.id, branch_id=branch_id, words="补记了", actor=between.boss(at), now=now
        )


def test_what_is_settled_later_is_told_in_the_next_statement(between: Between) -> None:
    both(between)
    between.book_alone(1, -5, key="booked at last", now=AFTER)
    [case] = queries.list_open_cases(between.session, between.pair.id)
    settle_case(between, AFTER)
    [sealed] = seal(between, DECEMBER, now=YEAR_AFTER)
    fields = json.loads(sealed.content)
    assert [row[:2] for row in fields["settled"]] == [[str(case.id), "difference"]]
    assert (fields["carried"], fields["left"]) == ({"order:99": 5}, {})
    assert (fields["by_low"]["closing"], fields["by_high"]["closing"]) == (65, 65)
    [following] = seal(between, JANUARY, now=FEBRUARY)
    fields = json.loads(following.content)
    assert (fields["opening"], "settled" in fields, following.previous_hash) == (65, False, sealed.hash)


def test_what_two_exceptions_named_is_told_once_when_it_is_settled(between: Between) -> None:
    both(between)
    both(between, DECEMBER, now=YEAR_AFTER)
    between.book_alone(1, -5, key="booked at last", now=YEAR_AFTER)
    settle_case(between, YEAR_AFTER)
    [sealed] = seal(between, JANUARY, now=FEBRUARY)
    fields = json.loads(sealed.content)
    assert ([row[1] for row in fields["settled"]], fields["left"]) == (["difference"], {})
    assert seal(between, "2027-02", now=FEBRUARY + timedelta(days=28))[0].content.count("settled") == 0


def test_only_the_statement_before_is_read_to_look_at_a_month(between: Between) -> None:
    """The others grow in number; what of them still counts the last one tells."""
    both(between)
    both(between, DECEMBER, now=YEAR_AFTER)
    between.session.expunge_all()
    kept = [queries.look_at_month(between.session, between.pair, JANUARY)]
    read = [one.month for one in between.session.identity_map.values() if isinstance(one, PairStatement)]
    assert (read, kept[0].carried) == ([DECEMBER], {"order:99": 5})


def test_a_case_settled_in_a_month_without_movement_is_told_all_the_same(session: Session) -> None:
    between = Between(session)
    open_case(session, between.pair, Found(kind="tampered", facts="消息不一样", key="tampered"), now=NOW)
    between.book_alone(0, 5, key="there", now=NOW)
    between.book_alone(0, -5, key="and back", now=NOW)
    both(between)
    settle_case(between, AFTER)
    [sealed] = seal(between, DECEMBER, now=YEAR_AFTER)
    fields = json.loads(sealed.content)
    assert (fields["lines"], len(fields["settled"])) == ([], 1)


def test_a_mistake_that_was_taken_back_in_its_month_needs_no_exception(session: Session) -> None:
    """One book has two lines more, and both come to the same: both versions are told."""
    between = Between(session)
    between.pay(60)
    between.book_alone(0, 5, key="typed twice")
    between.book_alone(0, -5, key="taken back")
    [sealed] = seal(between)
    fields = json.loads(sealed.content)
    assert [len(fields[side]["lines"]) for side in ("by_low", "by_high")] == [3, 1]
    assert (fields["left"], "exception" in fields) == ({}, False)
    assert seal(between) == [sealed]


def test_as_long_as_the_books_differ_every_month_needs_its_own_exception(between: Between) -> None:
    both(between)
    assert seal(between, DECEMBER, now=YEAR_AFTER) == []
    fields = both(between, DECEMBER, now=YEAR_AFTER)
    assert (fields["carried"], fields["left"]) == ({"order:99": 5}, {"order:99": 5})
    assert len(queries.list_open_cases(between.session, between.pair.id)) == 1


def test_both_sides_words_alone_do_not_seal_books_that_differ(between: Between) -> None:
    settle_case(between, AFTER)
    assert seal(between) == []
    assert why(between) == "differs"
    assert both(between)["cases"] == []


def test_a_book_that_is_changed_after_an_exception_opens_another_case(between: Between) -> None:
    both(between)
    between.book_alone(0, 3, key="one more", now=NOW)
    assert seal(between) == []
    assert len(queries.list_open_cases(between.session, between.pair.id)) == 2


def test_a_payment_on_its_way_at_the_end_of_a_month_waits_and_stands_in_two_months(session: Session) -> None:
    """The payer's book has it in November, the other's in December: nothing is frozen, both sides look at it."""
    between = Between(session)
    letter = between.half_pay(60)
    assert seal(between) == []
    assert queries.list_open_cases(session, between.pair.id) == []
    service.deliver(session, between.again(letter, now=AFTER), now=AFTER)
    assert seal(between, now=AFTER + timedelta(hours=2)) == []
    assert [case.kind for case in queries.list_open_cases(session, between.pair.id)] == ["stuck"]
    assert between.pair.status != FROZEN
    both(between)
    settle_case(between, AFTER)
    [sealed] = seal(between, DECEMBER, now=YEAR_AFTER)
    assert json.loads(sealed.content)["left"] == {}


def test_the_night_makes_up_for_the_months_in_order_once_the_books_agree(between: Between) -> None:
    between.book_alone(1, -5, key="booked in time", now=NOW)
    settle_case(between, AFTER)
    [november] = seal(between)
    [december] = seal(between, DECEMBER, now=YEAR_AFTER)
    assert december.previous_hash == november.hash


def test_closing_a_later_month_seals_the_earlier_one_first(session: Session) -> None:
    between = Between(session)
    between.pay(60)
    [december] = seal(between, DECEMBER, now=YEAR_AFTER)
    assert [one.month for one in queries.list_statements(session, between.pair.id)] == [DECEMBER, NOVEMBER]
    assert december.previous_hash is not None


def test_the_other_side_is_asked_to_sign_and_both_learn_that_it_is_sealed(between: Between) -> None:
    sign(between, 0)
    waiting = [len(queries.list_unsigned(between.session, one.id)) for one in between.branches[:2]]
    assert waiting == [0, 1]
    sign(between, 1)
    assert queries.list_unsigned(between.session, between.branches[1].id) == []
    told = between.session.execute(
        sa.select(Notice.member_id, Notice.kind).where(Notice.kind.in_(("clearing.exception", "clearing.excepted")))
    ).all()
    low, high = (one.id for one in between.managers[:2])
    assert sorted(map(tuple, told)) == sorted(
        [(high, "clearing.exception"), (low, "clearing.excepted"), (high, "clearing.excepted")]
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pair_exception SET content = '{}'",
        "DELETE FROM pair_exception",
        "UPDATE pair_signature SET words = 'x'",
        "DELETE FROM pair_signature",
    ],
)
def test_what_was_signed_stays(between: Between, statement: str) -> None:
    sign(between, 0)
    with pytest.raises(sa.exc.IntegrityError), between.session.begin_nested():
        between.session.execute(sa.text(statement))
