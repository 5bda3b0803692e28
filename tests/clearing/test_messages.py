"""Messages that come twice, late, changed or out of order, and steps that were interrupted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.clearing.steps import Steps
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.models import (
    ACCEPTED,
    COMMITTED,
    FROZEN,
    OPEN,
    REFUSED,
    RESERVED,
    SETTLED,
    ClearingMessage,
    ClearingReceipt,
)
from timebank.clearing.rules import Envelope, digest
from timebank.clearing.service import messages
from timebank.core.errors import Refusal

LATE = NOW + timedelta(days=8)


@pytest.fixture
def between(session: Session) -> Iterator[Between]:
    made = Between(session)
    yield made
    assert made.findings() == set()


def test_each_message_twice_is_each_message_once(between: Between) -> None:
    steps = Steps(between)
    for _ in range(3):
        assert steps.deliver(steps.proposed()) == messages.AGREED
    service.conclude(between.session, steps.proposal, messages.PROPOSED, messages.AGREED, now=NOW)
    letter = steps.commit()
    for _ in range(3):
        assert steps.deliver(letter) == messages.DONE
    assert (between.owed(), between.coins(1)) == ((60, 0, 240), (660, 0))


def test_a_replayed_message_gets_the_stored_answer_even_after_its_time(between: Between) -> None:
    steps = Steps(between)
    letter = steps.proposed()
    assert steps.deliver(letter) == messages.AGREED
    assert steps.deliver(letter, now=LATE) == messages.AGREED


def test_a_message_that_comes_after_its_time_is_refused_and_frees_the_coins(between: Between) -> None:
    steps = Steps(between)
    answer = steps.deliver(steps.proposed(), now=LATE)
    assert answer == messages.LATE
    service.conclude(between.session, steps.proposal, messages.PROPOSED, answer, now=LATE)
    assert (steps.proposal.status, between.coins(0), between.owed()) == (REFUSED, (600, 0), (0, 0, 300))


def test_a_committed_message_is_booked_however_late_it_comes(between: Between) -> None:
    steps = Steps(between)
    steps.accept()
    letter = steps.commit()
    assert steps.deliver(letter, now=LATE) == messages.DONE
    assert between.owed() == (60, 0, 240)


def test_what_was_paid_is_not_cancelled_while_it_is_under_way(between: Between) -> None:
    steps = Steps(between)
    steps.accept()
    letter = steps.commit()
    with pytest.raises(service.ProposalMoved), between.session.begin_nested():
        service.cancel(between.session, steps.proposal.id, actor_id=None, now=LATE)
    assert steps.deliver(letter) == messages.DONE


def test_committed_before_anything_was_agreed_is_unknown(between: Between) -> None:
    first = Steps(between)
    letter = first.proposed()
    early = first.changed(letter, step="committed", number=1, previous=None)
    assert first.deliver(early) == messages.UNKNOWN
    assert first.deliver(letter) == messages.AGREED


def test_the_second_payment_waits_for_the_first(between: Between) -> None:
    one, other = Steps(between, 60, 1), Steps(between, 30, 2)
    for steps in (one, other):
        steps.accept()
    first, second = one.commit(), other.commit()
    assert other.deliver(second) == messages.WAIT
    assert one.deliver(first) == messages.DONE
    assert other.deliver(second) == messages.DONE
    assert between.owed() == (90, 0, 210)


def test_taking_back_overtakes_what_was_proposed(between: Between) -> None:
    steps = Steps(between)
    letter = steps.proposed()
    service.cancel(between.session, steps.proposal.id, actor_id=None, now=NOW)
    assert steps.deliver(letter) == messages.DEAD
    assert (between.coins(0), between.owed()) == ((600, 0), (0, 0, 300))


def frozen_with(between: Between, kind: str) -> None:
    assert between.pair.status == FROZEN
    assert [case.kind for case in queries.list_open_cases(between.session, between.pair.id)] == [kind]


def test_one_byte_changed_on_the_way_freezes_the_pair(between: Between) -> None:
    steps = Steps(between)
    letter = steps.proposed()
    content = letter.envelope.content.replace('"minutes":60', '"minutes":61')
    assert steps.deliver(replace(letter, envelope=Envelope(content, letter.envelope.hash))) == messages.BROKEN
    frozen_with(between, "tampered")
    assert between.owed() == (0, 0, 300)


LIES = pytest.mark.parametrize(
    "lie",
    [
        {"minutes": 61},
        {"minutes": "60"},
        {"paid": 1},
        {"taken": 600},
        {"rate": "1:2"},
        {"from": "BB", "to": "AA"},
        {"to": "CC"},
        {"unit": "point"},
    ],
    ids=str,
)


@LIES
def test_who_holds_the_key_and_asks_for_something_else_than_was_set_aside_is_stopped(
    between: Between, lie: dict[str, int | str]
) -> None:
    steps = Steps(between)
    assert steps.deliver(steps.changed(steps.proposed(), **lie)) == messages.BROKEN
    frozen_with(between, "tampered")
    assert between.owed() == (0, 0, 300)


@LIES
def test_who_holds_the_key_and_says_to_have_paid_something_else_is_not_booked(
    between: Between, lie: dict[str, int | str]
) -> None:
    steps = Steps(between)
    steps.accept()
    letter = steps.commit()
    assert steps.deliver(steps.changed(letter, **lie)) == messages.BROKEN
    frozen_with(between, "tampered")
    assert between.owed() == (0, 60, 240)
    assert steps.deliver(letter) == messages.DONE


def test_who_holds_the_key_keeps_no_space_for_longer_than_the_coins_wait(between: Between) -> None:
    steps = Steps(between)
    longer = (steps.proposal.expires_at + timedelta(days=300)).isoformat()
    assert steps.deliver(steps.changed(steps.proposed(), expires=longer)) == messages.BROKEN
    frozen_with(between, "tampered")


@pytest.mark.parametrize("step", [messages.PROPOSED, messages.CANCELLED])
def test_who_holds_the_key_has_no_say_about_a_payment_of_others(between: Between, step: str) -> None:
    """AA speaks to BB of what CC's member has set aside for BB."""
    between.connect(2, 1)
    others = between.propose(60, payer=2, payee=1)
    steps = Steps(between)
    assert steps.deliver(steps.changed(steps.proposed(), uid=others.uid, step=step)) == messages.BROKEN
    frozen_with(between, "tampered")
    assert others.status == ACCEPTED
    assert others.line_hold_id is not None


def test_nobody_takes_back_what_the_other_side_proposed(between: Between) -> None:
    theirs = between.propose(60, payer=1, payee=0)
    steps = Steps(between)
    lie = steps.changed(steps.proposed(), uid=theirs.uid, step=messages.CANCELLED)
    assert steps.deliver(lie) == messages.BROKEN
    assert between.owed(creditor=0) == (0, 60, 240)


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": "settled"},
        {"step": None},
        {"uid": 7},
        {"expires": "soon"},
        {"expires": None},
        {"number": 1},
        {"step": "committed"},
        {"step": "committed", "number": "1", "previous": None},
        {"step": "committed", "number": 1},
    ],
    ids=str,
)
def test_a_signed_message_that_is_none_is_a_case_and_no_payment(
    between: Between, wrong: dict[str, int | str | None]
) -> None:
    steps = Steps(between)
    assert steps.deliver(steps.changed(steps.proposed(), **wrong)) == messages.BROKEN
    frozen_with(between, "tampered")
    assert between.owed() == (0, 0, 300)


def test_a_signed_message_that_is_no_list_of_fields_is_a_case(between: Between) -> None:
    steps = Steps(between)
    letter = steps.proposed()
    content = "[1]"
    assert steps.deliver(steps.signed(letter, Envelope(content, digest(content)))) == messages.BROKEN
    frozen_with(between, "tampered")


def test_another_message_under_the_same_id_freezes_the_pair(between: Between) -> None:
    steps = Steps(between)
    steps.accept()
    letter = steps.commit()
    assert steps.deliver(letter) == messages.DONE
    assert steps.deliver(steps.changed(letter, minutes=600)) == messages.BROKEN
    frozen_with(between, "tampered")
    assert between.owed() == (60, 0, 240)


def test_a_peer_restored_from_yesterday_counts_backwards_and_is_stopped(between: Between) -> None:
    between.pay(60)
    steps = Steps(between, 30, 2)
    steps.accept()
    letter = steps.commit()
    assert steps.deliver(steps.changed(letter, number=1)) == messages.BROKEN
    frozen_with(between, "out_of_chain")
    between.session.refresh(steps.proposal)
    assert (steps.proposal.status, between.owed()) == (COMMITTED, (60, 30, 210))
    assert steps.deliver(letter) == messages.DONE  # what is true is booked all the same


def test_a_chain_that_does_not_continue_is_stopped(between: Between) -> None:
    between.pay(60)
    steps = Steps(between, 30, 2)
    steps.accept()
    letter = steps.commit()
    assert steps.deliver(steps.changed(letter, previous="0" * 64)) == messages.BROKEN
    frozen_with(between, "out_of_chain")
    assert steps.deliver(letter) == messages.DONE


def _reserve_only(steps: Steps) -> None:
    """Coins are set aside, nobody was told."""


def _told(steps: Steps) -> None:
    steps.proposed()


def _answered(steps: Steps) -> None:
    """The other side has reserved its space, the answer was lost."""
    steps.deliver(steps.proposed())


@pytest.mark.parametrize("stop", [_reserve_only, _told, _answered])
def test_after_an_interruption_before_the_yes_it_goes_on(between: Between, stop: Callable[[Steps], None]) -> None:
    steps = Steps(between)
    stop(steps)
    assert steps.proposal.status == RESERVED
    assert queries.list_unanswered(between.session, at_most=9) == [steps.proposal.id]
    assert steps.resume() == messages.AGREED
    assert (steps.proposal.status, between.owed()) == (ACCEPTED, (0, 60, 240))


@pytest.mark.parametrize("booked", [False, True])
def test_after_an_interruption_behind_the_payment_it_is_booked_once(between: Between, booked: bool) -> None:
    steps = Steps(between)
    steps.accept()
    letter = steps.commit()
    if booked:
        steps.deliver(letter)
    steps.resume()
    assert steps.proposal.status == SETTLED
    assert (between.owed(), between.coins(1)) == ((60, 0, 240), (660, 0))


def test_an_interruption_between_refusal_and_note_frees_the_coins_later(between: Between) -> None:
    between.pay(290)
    steps = Steps(between, 60, 2)
    assert steps.deliver(steps.proposed()) == messages.LINE_FULL
    assert steps.resume() == messages.LINE_FULL
    assert (steps.proposal.status, between.coins(0)) == (REFUSED, (310, 0))


def test_what_has_had_no_answer_for_a_day_is_open_too_long_and_stops_nothing_else(between: Between) -> None:
    steps = Steps(between)
    assert service.reconcile(between.session, between.pair, now=NOW + timedelta(hours=23)) == 0
    for _ in range(2):
        assert service.reconcile(between.session, between.pair, now=NOW + timedelta(days=1)) == 1
    assert [item.heap for item in queries.list_open_items(between.session, between.pair.id)] == ["open_long"]
    assert queries.list_open_cases(between.session, between.pair.id) == []
    assert between.pair.status == OPEN
    assert steps.resume() == messages.AGREED
    assert service.reconcile(between.session, between.pair, now=NOW + timedelta(days=2)) == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_whatever_order_three_payments_arrive_the_books_end_alike(between: Between, order: tuple[int, ...]) -> None:
    steps = [Steps(between, minutes, number) for number, minutes in enumerate((10, 20, 30), start=1)]
    for one in steps:
        one.accept()
    letters = [one.commit() for one in steps]
    for _ in steps:
        for place in order:
            steps[place].deliver(letters[place])
    assert (between.owed(), between.coins(1)) == ((60, 0, 240), (660, 0))
    assert between.pair.status == OPEN


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clearing_message SET content = ''",
        "DELETE FROM clearing_message",
        "UPDATE clearing_receipt SET answer = 'late'",
        "DELETE FROM clearing_receipt",
        "UPDATE proposal SET amount_minutes = 1",
        "UPDATE proposal SET status = 'accepted', payer_entry_id = NULL, payee_entry_id = NULL",
        "DELETE FROM proposal",
        "UPDATE branch_pair SET high_id = high_id + 1",
        "DELETE FROM branch_pair",
        "UPDATE pair_event SET words = ''",
        "DELETE FROM pair_event",
    ],
)
def test_the_database_keeps_what_was_sent_received_and_decided(between: Between, statement: str) -> None:
    between.pay(60)
    with pytest.raises(sa.exc.IntegrityError), between.session.begin_nested():
        between.session.execute(sa.text(statement))


def test_numbers_have_no_gaps_and_each_names_the_one_before(between: Between) -> None:
    for source_id in (1, 2, 3):
        between.pay(10, source_id=source_id)
    between.pay(10, payer=1, payee=0, source_id=4)
    here, there = (branch.id for branch in between.branches[:2])
    chosen = sa.select(ClearingMessage).where(ClearingMessage.number.is_not(None)).order_by(ClearingMessage.id)
    sent = between.session.scalars(chosen).all()
    assert [(one.from_id, one.number) for one in sent] == [(here, 1), (here, 2), (here, 3), (there, 1)]
    assert [one.previous_hash for one in sent] == [None, sent[0].hash, sent[1].hash, None]
    assert between.session.scalar(sa.select(sa.func.count()).select_from(ClearingReceipt)) == 8


def test_messages_name_nobody(between: Between) -> None:
    between.pay(60)
    told = " ".join(between.session.scalars(sa.select(ClearingMessage.content)))
    for member in between.members:
        assert member.name not in told
        assert member.number not in told


def test_a_stranger_has_no_say(between: Between) -> None:
    letter = Steps(between).proposed()
    with pytest.raises(Refusal):
        service.deliver(between.session, replace(letter, to_id=between.branches[2].id), now=NOW)
