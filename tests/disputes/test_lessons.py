"""Mistakes that other time banks made with orders and the coins set aside for them, tried on ours."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.disputes.scene import HEARD, LATER, Quarrel, key
from tests.exchange.scene import coins_of
from timebank.core.errors import NotAllowed
from timebank.corrections import service as corrections
from timebank.corrections.rules import AlreadyCorrected
from timebank.disputes import service
from timebank.exchange import service as exchange
from timebank.exchange.models import Offer
from timebank.growth.queries import get_statement, list_held
from timebank.ledger import queries as books
from timebank.ledger import service as ledger
from timebank.ledger.models import Entry
from timebank.ledger.verification import verify
from timebank.members.service import suspend_member
from timebank.notices.models import Notice
from timebank.notices.queries import sentence
from timebank.notices.rules import SENTENCES


@pytest.fixture
def scene(session: Session) -> Quarrel:
    return Quarrel(session)


def entries(scene: Quarrel) -> int:
    return scene.session.scalar(select(func.count()).select_from(Entry)) or 0


def test_a_yes_and_another_time_move_no_coin(scene: Quarrel) -> None:
    """Accepting a job credited the worker and debited nobody."""
    before = entries(scene)
    order = scene.agreed()
    scene.propose(order, LATER)
    scene.accept(order, at=LATER)
    assert entries(scene) == before
    assert coins_of(scene.session, scene.barber) == (0, 0)


def test_taking_back_twice_frees_one_order_and_not_the_next(scene: Quarrel) -> None:
    """A repeated cancel moved credits twice."""
    first, second = scene.order(scene.haircut), scene.order(scene.haircut)
    for _ in range(3):
        scene.cancel(first)
    assert coins_of(scene.session, scene.asker) == (180, 60)
    assert second.status == "requested"


def test_a_part_posts_no_more_than_was_set_aside(scene: Quarrel) -> None:
    """A custom split of an exchange could mint hours."""
    for minutes in (61, 6_000):
        with pytest.raises(exchange.BadPart):
            scene.fulfil(scene.agreed(), part=exchange.Part(minutes=minutes, reason="多做了"))
    assert coins_of(scene.session, scene.barber) == (0, 0)


def test_a_done_exchange_is_reversed_once_whichever_way(scene: Quarrel) -> None:
    """A completed exchange could not be corrected at all, or twice."""
    order = scene.done()
    first = order.entry_id or 0
    scene.decide(scene.dispute(order))
    actor = scene.actor(scene.manager)
    draft = corrections.CorrectionDraft(entry_id=first, minutes=None, reason="再退一次")
    with pytest.raises(AlreadyCorrected):
        corrections.ask(scene.session, draft, form_key=key(), actor=actor, now=HEARD)
    again = ledger.Reversal(key="again", reason="x", actor_id=None)
    with pytest.raises(ledger.AlreadyReversed):
        ledger.reverse(scene.session, first, again, now=HEARD)
    assert coins_of(scene.session, scene.asker) == (180, 0)


def test_nobody_falls_below_nothing_without_two_people_and_being_told(scene: Quarrel) -> None:
    """A reversal pushed a member past the limit with no notice."""
    dispute = scene.dispute(scene.done())
    scene.order(scene.tickets, by=scene.barber)
    scene.decide(dispute)
    assert coins_of(scene.session, scene.barber) == (60, 30)
    service.agree(scene.session, dispute.id, actor=scene.actor(scene.second), now=HEARD)
    kinds = set(scene.session.scalars(select(Notice.kind).where(Notice.member_id == scene.barber.id)))
    assert {"dispute.decided", "correction.booked"} <= kinds
    with pytest.raises(exchange.CoinsShort):
        scene.order(scene.tickets, by=scene.barber)


def test_every_balance_and_list_follows_a_decision(scene: Quarrel) -> None:
    """Undoing a transfer left balances changed and reports as they were."""
    order = scene.done()
    scene.decide(scene.dispute(order), "part", part=45)
    scene.session.expire_all()
    assert get_statement(scene.session, scene.asker).closing == 135
    assert get_statement(scene.session, scene.barber).closing == 45
    assert order.amount_now == 45
    assert not [found for check in verify(scene.session, scene.branch.id) for found in check.findings]


def test_what_is_set_aside_says_that_it_is_in_dispute(scene: Quarrel) -> None:
    scene.dispute(scene.agreed())
    [held] = list_held(scene.session, scene.asker)
    assert held.text == "上门理发（有争议）"


def test_a_suspended_member_opens_no_case_and_one_against_them_goes_on(scene: Quarrel) -> None:
    """Blocked members still acted, and their open exchanges hung for ever."""
    first, second = scene.agreed(), scene.agreed()
    suspend_member(scene.session, scene.barber.id, reason="本人要求", actor=scene.actor(scene.manager), now=LATER)
    with pytest.raises(NotAllowed):
        scene.dispute(first, by=scene.barber)
    dispute = scene.dispute(second)
    assert scene.decide(dispute).status == "decided"
    assert coins_of(scene.session, scene.asker)[1] == 60  # the other one is still set aside


def test_goods_are_counted_once_when_a_case_ends(scene: Quarrel) -> None:
    order = scene.order(scene.tickets, quantity=2)
    dispute = scene.dispute(order)
    for _ in range(2):
        scene.decide(dispute, "none", form_key="once")
    scene.session.expire_all()
    assert scene.session.get_one(Offer, scene.tickets.id).stock == 2
    assert books.get_account(scene.session, scene.asker.coin_account_id).held == 0


def test_every_notice_of_a_case_reads_as_a_sentence(scene: Quarrel) -> None:
    """A line was stored in the officer's language, with holes."""
    dispute = scene.dispute(scene.done())
    scene.say(dispute)
    scene.order(scene.tickets, by=scene.barber)
    scene.decide(dispute)
    service.disagree(scene.session, dispute.id, note="太重", actor=scene.actor(scene.second), now=HEARD)
    scene.decide(dispute, "part", part=40)
    other = scene.dispute(scene.agreed())
    service.remind_of_disputes(scene.session, now=LATER.replace(month=12, day=2))
    service.remind_of_disputes(scene.session, now=LATER.replace(month=12, day=30))
    service.withdraw(scene.session, other.id, actor=scene.actor(scene.asker), now=HEARD)
    found: dict[str, Any] = {
        notice.kind: sentence(notice.kind, notice.facts)
        for notice in scene.session.scalars(select(Notice).where(Notice.kind.startswith("dispute.")))
    }
    assert set(found) == {kind for kind in SENTENCES if kind.startswith("dispute.")}
    for title, text in found.values():
        assert "{" not in title + text
        assert "元" not in title + text
