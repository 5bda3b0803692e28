"""Who is believed: signatures, time stamps, nonces and keys that change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.clearing.steps import Steps
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.models import (
    ACCEPTED,
    CLOSED,
    FROZEN,
    OPEN,
    BranchPair,
    ClearingNonce,
    ClearingReceipt,
    PairEvent,
    PairKey,
)
from timebank.clearing.queries.keys import list_old_keys
from timebank.clearing.rules import KEY_AGE, NONCES_KEPT, OVERLAP, SENT_AHEAD, SENT_WITHIN, Envelope
from timebank.clearing.service import messages, signing
from timebank.clearing.service.messages import Letter
from timebank.core.db import keys_of
from timebank.core.errors import FormUsed, NotAllowed
from timebank.ledger import service as ledger

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def between(session: Session) -> Iterator[Between]:
    made = Between(session)
    yield made
    assert made.findings() == set()


def take(between: Between, letter: Letter, now: datetime = NOW) -> str:
    """The message as it is, signature and all."""
    return service.deliver(between.session, letter, now=now)


def cases(between: Between) -> list[str]:
    return [case.kind for case in queries.list_open_cases(between.session, between.pair.id)]


def renew(between: Between, at: int = 0, *, days: int = 7, now: datetime = NOW, **more: str) -> None:
    word = between.word(at, **more)
    service.renew_key(between.session, between.pair.id, word, days=days, actor=between.boss(at), now=now)


def keys(between: Between, at: int, now: datetime = NOW) -> list[PairKey]:
    mine = between.branches[at].id
    return [one for one in queries.list_keys(between.session, between.pair.id, at=now) if one.branch_id == mine]


def untouched(between: Between) -> bool:
    return between.owed() == (0, 0, 300)


def test_what_was_not_signed_by_the_other_branch_is_tampered_with(between: Between) -> None:
    letter = Steps(between).proposed()
    forged = replace(letter, signed=replace(letter.signed, value="00" * 64))
    assert take(between, forged) == messages.BROKEN
    assert (cases(between), between.pair.status) == (["tampered"], FROZEN)
    assert untouched(between)


def test_a_signature_that_is_no_number_is_tampered_with(between: Between) -> None:
    letter = Steps(between).proposed()
    assert take(between, replace(letter, signed=replace(letter.signed, value="没有"))) == messages.BROKEN
    assert cases(between) == ["tampered"]


@pytest.mark.parametrize("stamp", [NOW + SECOND, NOW - SECOND])
def test_a_time_stamp_is_signed_too(between: Between, stamp: datetime) -> None:
    letter = Steps(between).proposed()
    assert take(between, replace(letter, signed=replace(letter.signed, sent_at=stamp))) == messages.BROKEN
    assert cases(between) == ["tampered"]


def test_a_signature_of_another_content_is_none_of_this_one(between: Between) -> None:
    one, other = Steps(between, 60, 1).proposed(), Steps(between, 30, 2).proposed()
    assert take(between, replace(one, signed=other.signed)) == messages.BROKEN
    assert untouched(between)


def test_a_message_that_became_unreadable_is_a_case_and_no_crash(between: Between) -> None:
    letter = Steps(between).proposed()
    content = letter.envelope.content[:-1]
    assert take(between, replace(letter, envelope=Envelope(content, letter.envelope.hash))) == messages.BROKEN
    assert cases(between) == ["tampered"]


def test_a_key_that_nobody_knows_is_not_listened_to_and_stops_nothing(between: Between) -> None:
    letter = Steps(between).proposed()
    assert take(between, replace(letter, signed=replace(letter.signed, key="0" * 32))) == signing.UNKNOWN_KEY
    assert (cases(between), between.pair.status) == ([], OPEN)
    assert untouched(between)


def test_keys_are_renewed_in_the_order_in_which_all_take_pairs(between: Between) -> None:
    later, last = between.connect(1, 2), between.connect(0, 2)
    assert between.pair.id < later.id < last.id
    old = list_old_keys(between.session, before=NOW)
    assert [one.pair_id for one in old] == [one.id for one in (between.pair, last, later) for _ in range(2)]


def test_the_key_of_another_pair_is_unknown_in_this_one(between: Between) -> None:
    other = between.connect(0, 2)
    letter = Steps(between).proposed()
    signed = signing.sign(between.session, other, between.branches[0].id, letter.envelope.hash, now=NOW)
    assert take(between, replace(letter, signed=signed)) == signing.UNKNOWN_KEY


def test_the_receivers_own_key_does_not_speak_for_the_sender(between: Between) -> None:
    letter = Steps(between).proposed()
    signed = signing.sign(between.session, between.pair, between.branches[1].id, letter.envelope.hash, now=NOW)
    assert take(between, replace(letter, signed=signed)) == signing.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("later", "answer"),
    [
        (SENT_WITHIN, messages.AGREED),
        (SENT_WITHIN + SECOND, signing.STALE),
        (-SENT_AHEAD, messages.AGREED),
        (-SENT_AHEAD - SECOND, signing.EARLY),
    ],
)
def test_a_message_is_listened_to_within_its_window(between: Between, later: timedelta, answer: str) -> None:
    letter = Steps(between).proposed()
    assert take(between, letter, NOW + later) == answer
    assert untouched(between) is (answer != messages.AGREED)


def test_what_came_too_late_is_sent_again_with_a_fresh_stamp(between: Between) -> None:
    steps = Steps(between)
    letter, later = steps.proposed(), NOW + DAY
    assert take(between, letter, later) == signing.STALE
    assert service.resume_proposal(between.session, steps.proposal.id, now=later) == messages.AGREED
    assert steps.proposal.status == ACCEPTED


def test_who_repeats_a_message_signs_it_anew_over_the_same_content(between: Between) -> None:
    steps = Steps(between)
    first, again = steps.proposed(), steps.proposed()
    assert again.envelope == first.envelope
    assert again.signed.nonce != first.signed.nonce
    assert [take(between, one) for one in (first, first, again, again)] == [messages.AGREED] * 4
    assert between.owed() == (0, 60, 240)


def test_a_nonce_stands_for_one_content_only(between: Between) -> None:
    first, other = Steps(between, 60, 1), Steps(between, 30, 2)
    letter, second = first.proposed(), other.proposed()
    assert take(between, letter) == messages.AGREED
    private = keys_of(between.session).signer(f"clearing/{between.pair.id}/{between.branches[0].id}/g1")
    bare = replace(second.signed, nonce=letter.signed.nonce)
    signed = replace(bare, value=private.sign(bare.text(second.envelope.hash)).hex())
    assert take(between, replace(second, signed=signed)) == messages.BROKEN
    assert cases(between) == ["tampered"]
    assert between.owed() == (0, 60, 240)


def test_nonces_are_forgotten_when_their_messages_are_too_old_anyway(between: Between) -> None:
    steps = Steps(between)
    letter = steps.proposed()
    take(between, letter)
    service.renew_old_keys(between.session, now=NOW + NONCES_KEPT)
    assert between.session.scalar(sa.select(sa.func.count()).select_from(ClearingNonce)) == 1
    service.renew_old_keys(between.session, now=NOW + NONCES_KEPT + SECOND)
    assert between.session.scalar(sa.select(sa.func.count()).select_from(ClearingNonce)) == 0
    assert take(between, letter, NOW + NONCES_KEPT + SECOND) == signing.STALE


def test_every_receipt_keeps_what_proves_it(between: Between) -> None:
    between.pay(60)
    receipts = between.session.scalars(sa.select(ClearingReceipt)).all()
    assert len(receipts) == 2
    [mine] = keys(between, 0)
    assert all(mine.fingerprint in (one.signed or "") for one in receipts)


def test_a_payment_back_is_signed_by_the_branch_that_pays_it(between: Between) -> None:
    done = between.pay(60)
    service.reverse_settled(between.session, done.id, ledger.Reversal(key="a", reason="错", actor_id=1), now=NOW)
    back = between.session.scalars(sa.select(ClearingReceipt).where(ClearingReceipt.uid.endswith(":back"))).all()
    [theirs] = keys(between, 1)
    assert len(back) == 2
    assert all(theirs.fingerprint in (one.signed or "") for one in back)


# --- keys ----------------------------------------------------------------------------------------------------------


def test_both_sides_have_a_key_once_both_have_agreed(between: Between) -> None:
    mine, theirs = keys(between, 0), keys(between, 1)
    assert [(one.generation, one.accepted_until) for one in (*mine, *theirs)] == [(1, None), (1, None)]
    assert mine[0].fingerprint != theirs[0].fingerprint


def test_nothing_is_heard_before_both_managers_have_agreed(between: Between) -> None:
    asked = between.word(0, minutes=300)
    pair = service.ask_pair(between.session, between.branches[2].id, asked, actor=between.boss(0), now=NOW)
    letter = Steps(between).proposed()
    signed = signing.sign(between.session, pair, between.branches[0].id, letter.envelope.hash, now=NOW)
    there = replace(letter, to_id=between.branches[2].id, signed=signed)
    assert take(between, there) == messages.OFF


def test_a_pair_that_was_parted_is_deaf_and_begins_again_with_new_keys(between: Between) -> None:
    letter = Steps(between).proposed()
    before = keys(between, 0)[0]
    service.cancel(between.session, queries.list_in_flight(between.session, between.pair)[0].id, actor_id=None, now=NOW)
    service.close_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=NOW)
    assert take(between, letter) == messages.OFF
    assert keys(between, 0) == []
    between.connect(0, 1)
    assert take(between, letter) == signing.KEY_ENDED
    [after] = keys(between, 0)
    assert (after.generation, after.accepted_until) == (2, None)
    assert after.fingerprint != before.fingerprint


def test_an_older_key_is_believed_for_the_overlap_and_not_longer(between: Between) -> None:
    """Signed with the old key, and arriving a second before it ends and right when it does."""
    end = NOW + timedelta(days=3)
    steps = Steps(between)
    just_before, at_the_end = (between.again(steps.proposed(), now=at) for at in (end - SECOND, end))
    renew(between, days=3)
    assert take(between, just_before, end - SECOND) == messages.AGREED
    assert take(between, at_the_end, end) == signing.KEY_ENDED
    assert between.pair.status == OPEN


def test_without_overlap_an_older_key_is_refused_at_once_and_what_is_sent_again_goes_through(between: Between) -> None:
    steps = Steps(between)
    letter = steps.proposed()
    renew(between, days=0)
    assert take(between, letter) == signing.KEY_ENDED
    assert steps.resume() == messages.AGREED


def test_a_shorter_overlap_shortens_the_earlier_one_and_a_longer_does_not_prolong_it(between: Between) -> None:
    renew(between, days=7)
    renew(between, days=1)
    renew(between, days=30)
    ends = [one.accepted_until for one in keys(between, 0)]
    assert ends == [None, NOW + timedelta(days=30), NOW + DAY, NOW + DAY]


def test_changing_a_key_is_told_to_the_other_side_and_kept_with_the_pair(between: Between) -> None:
    renew(between, words="换了管理员")
    [event] = [one for one in queries.list_events(between.session, between.pair.id) if one.what == "keyed"]
    assert (event.branch_id, event.by_id) == (between.branches[0].id, between.managers[0].id)
    assert event.words == "旧密钥再用 7 天。换了管理员"
    assert [one.generation for one in keys(between, 0)] == [2, 1]
    assert [one.generation for one in keys(between, 1)] == [1]


def test_the_same_form_changes_a_key_once(between: Between) -> None:
    form = key()
    for _ in range(2):
        renew(between, form_key=form)
    assert len(keys(between, 0)) == 2
    with pytest.raises(FormUsed):
        renew(between, form_key=form, days=8)


def test_the_managers_of_one_side_do_not_change_the_others_key(between: Between) -> None:
    word = between.word(1)
    with pytest.raises(NotAllowed):
        service.renew_key(between.session, between.pair.id, word, days=7, actor=between.boss(0), now=NOW)


@pytest.mark.parametrize("days", [-1, 91])
def test_an_older_key_is_not_believed_for_ever(between: Between, days: int) -> None:
    with pytest.raises(service.BadOverlap):
        renew(between, days=days)


def test_a_pair_that_was_parted_has_no_key_to_change(between: Between) -> None:
    service.close_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=NOW)
    with pytest.raises(service.PairNotReady), between.session.begin_nested():
        renew(between)


def test_after_a_year_keys_change_by_themselves_once(between: Between) -> None:
    a_year_later = NOW + KEY_AGE
    assert service.renew_old_keys(between.session, now=a_year_later - SECOND) == 0
    assert service.renew_old_keys(between.session, now=a_year_later) == 2
    assert service.renew_old_keys(between.session, now=a_year_later) == 0
    for at in (0, 1):
        assert [one.accepted_until for one in keys(between, at, a_year_later)] == [None, a_year_later + OVERLAP]
    said = [one for one in queries.list_events(between.session, between.pair.id) if one.what == "keyed"]
    assert [(one.branch_id, one.by_id) for one in said] == [(None, None)] * 2
    assert all("用满一年" in one.words for one in said)


def test_a_branch_whose_secret_is_another_now_says_so_until_its_key_is_changed(between: Between) -> None:
    """As after a new SECRET_KEY: what is derived from it is not what the other branch keeps."""
    other = PairKey(
        pair_id=between.pair.id,
        branch_id=between.branches[0].id,
        generation=2,
        public="0" * 64,
        fingerprint="0" * 32,
        from_at=NOW,
    )
    signing.end_keys(between.session, between.pair, {between.branches[0].id}, until=NOW)
    between.session.add(other)
    between.session.flush()
    with pytest.raises(service.KeyLost), between.session.begin_nested():
        between.propose(60)
    renew(between, days=0)
    assert between.propose(60).status == ACCEPTED


def test_a_pair_from_before_there_were_keys_gets_one_with_its_next_message(between: Between) -> None:
    """Such a pair was agreed to by both sides; nothing else is missing."""
    low, high = sorted(one.id for one in (between.branches[0], between.branches[2]))
    pair = BranchPair(low_id=low, high_id=high, status=CLOSED, asked_for_id=low, asked_minutes=0, changed_at=NOW)
    between.session.add(pair)
    between.session.flush()
    signed = signing.sign(between.session, pair, low, "0" * 64, now=NOW)
    assert signing.doubt(between.session, pair, low, "0" * 64, signed, now=NOW) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pair_key SET public = fingerprint || fingerprint",
        "UPDATE pair_key SET accepted_until = NULL WHERE accepted_until IS NOT NULL",
        "UPDATE pair_key SET accepted_until = '2030-01-01 00:00:00+00:00' WHERE accepted_until IS NOT NULL",
        "DELETE FROM pair_key",
        "UPDATE clearing_nonce SET hash = nonce || nonce",
        "UPDATE clearing_receipt SET signed = NULL",
    ],
)
def test_the_database_keeps_keys_and_what_was_signed(between: Between, statement: str) -> None:
    renew(between)
    between.propose(60)
    with pytest.raises(sa.exc.IntegrityError), between.session.begin_nested():
        between.session.execute(sa.text(statement))


def test_a_branch_signs_with_one_key_at_a_time(between: Between) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="pair_key"), between.session.begin_nested():
        signing.make_key(between.session, between.pair, between.branches[0].id, by_id=None, now=NOW)


def test_nothing_that_could_sign_is_stored(between: Between) -> None:
    renew(between)
    private = [
        keys_of(between.session).signer(f"clearing/{between.pair.id}/{between.branches[0].id}/g{n}").private_bytes_raw()
        for n in (1, 2)
    ]
    stored = " ".join(str(value) for row in between.session.execute(sa.select(PairKey.__table__)) for value in row)
    assert all(one.hex() not in stored for one in private)
    assert (
        between.session.scalar(sa.select(sa.func.count()).select_from(PairEvent).where(PairEvent.what == "keyed")) == 1
    )
