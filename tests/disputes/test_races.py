"""Real threads meet on one order and its case: whoever comes second is told so, and books and stock add up after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.disputes.scene import DAY, HEARD, LATER, NOW, Quarrel
from tests.exchange.scene import at_once, coins_of, committed
from tests.exchange.test_races import assert_books_agree, won
from timebank.core.errors import Refusal
from timebank.corrections import service as corrections
from timebank.disputes import service
from timebank.disputes.models import FINAL, Dispute, DisputeRuling
from timebank.exchange import service as exchange
from timebank.exchange.models import Offer, Order
from timebank.ledger.verification import verify

ROUNDS = 3
Verb = Callable[[Session], Any]


def disputing(scene: Quarrel, order: Order, *, by: str = "asker", now: datetime = LATER) -> Verb:
    actor = scene.actor(getattr(scene, by))
    draft = service.DisputeDraft(order_id=order.id, wanted="none", words="不对", form_key=f"d-{order.id}-{by}")
    return lambda session: service.open_dispute(session, draft, actor=actor, now=now).id


def fulfilling(scene: Quarrel, order: Order, part: exchange.Part | None = None) -> Verb:
    actor, voucher = scene.actor(scene.manager), order.voucher
    return lambda session: exchange.fulfil(session, voucher, part=part, actor=actor, now=LATER).order.id


def cancelling(scene: Quarrel, order: Order) -> Verb:
    actor, order_id = scene.actor(scene.asker), order.id
    return lambda session: exchange.cancel_order(session, order_id, reason="有事", actor=actor, now=LATER).id


def proposing(scene: Quarrel, order: Order) -> Verb:
    actor, order_id = scene.actor(scene.asker), order.id
    meeting = exchange.Meeting(at=LATER + DAY, form_key=f"p-{order_id}")
    return lambda session: exchange.propose_time(session, order_id, meeting, actor=actor, now=LATER).id


def correcting(scene: Quarrel, order: Order) -> Verb:
    actor, entry_id = scene.actor(scene.manager), order.entry_id or 0
    draft = corrections.CorrectionDraft(entry_id=entry_id, minutes=None, reason="退")
    key = f"c-{order.id}"
    return lambda session: corrections.ask(session, draft, form_key=key, actor=actor, now=LATER).id


def sweeping(at: datetime) -> Verb:
    return lambda session: exchange.expire_orders(session, now=at) or _nothing()


def deciding(scene: Quarrel, dispute: Dispute, by: str, outcome: str, key: str = "") -> Verb:
    actor = scene.actor(getattr(scene, by))
    draft = service.RulingDraft(
        dispute_id=dispute.id,
        outcome=outcome,
        part=20 if outcome == "part" else None,
        reason="看了",
        form_key=key or f"r-{dispute.id}-{by}-{outcome}",
    )
    return lambda session: service.decide(session, draft, actor=actor, now=HEARD).id


def withdrawing(scene: Quarrel, dispute: Dispute) -> Verb:
    actor, dispute_id = scene.actor(scene.asker), dispute.id
    return lambda session: service.withdraw(session, dispute_id, actor=actor, now=HEARD).id


def check(session: Session, scene: Quarrel) -> None:
    """Nothing was made or lost, and each order has the one end it says."""
    assert_books_agree(session)
    assert not [found for one in verify(session, scene.branch.id) for found in one.findings]
    total = coins_of(session, scene.asker)[0] + coins_of(session, scene.barber)[0]
    assert total == 180


MAKERS: dict[str, Callable[[Quarrel, Order], list[Verb]]] = {
    "dispute against fulfil": lambda scene, order: [disputing(scene, order), fulfilling(scene, order)],
    "dispute against a part": lambda scene, order: [
        disputing(scene, order),
        fulfilling(scene, order, exchange.Part(minutes=20, reason="一半")),
    ],
    "dispute against cancel": lambda scene, order: [disputing(scene, order), cancelling(scene, order)],
    "dispute against another time": lambda scene, order: [disputing(scene, order), proposing(scene, order)],
    "both sides at once": lambda scene, order: [disputing(scene, order), disputing(scene, order, by="barber")],
    "the same form twice": lambda scene, order: [disputing(scene, order), disputing(scene, order)],
    "another time against fulfil": lambda scene, order: [proposing(scene, order), fulfilling(scene, order)],
    "a part against all": lambda scene, order: [
        fulfilling(scene, order, exchange.Part(minutes=20, reason="一半")),
        fulfilling(scene, order),
    ],
    "all of them": lambda scene, order: [
        disputing(scene, order),
        fulfilling(scene, order),
        cancelling(scene, order),
        proposing(scene, order),
        disputing(scene, order, by="barber"),
    ],
}


@pytest.mark.parametrize("name", MAKERS)
def test_verbs_that_meet_on_an_agreed_order(fresh_database: str, name: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Quarrel(session)
            contests = [MAKERS[name](scene, scene.agreed()) for _ in range(ROUNDS)]
        for contest in contests:
            assert won(at_once(fresh_database, contest))
        with work() as session:
            for order in session.scalars(select(Order)):
                cases = session.scalars(select(Dispute).where(Dispute.order_id == order.id)).all()
                assert len(cases) == (1 if order.in_dispute else 0)
                assert not order.in_dispute or order.status in {"accepted", "fulfilled"}
            check(session, scene)


@pytest.mark.parametrize("stage", ["held", "booked"])
@pytest.mark.parametrize("rival", ["none", "part", "withdraw", "same form"])
def test_a_case_ends_once(fresh_database: str, rival: str, stage: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Quarrel(session)
            contests = []
            for _ in range(ROUNDS):
                dispute = scene.dispute(scene.agreed() if stage == "held" else scene.done())
                scene.say(dispute)
                first = deciding(scene, dispute, "judge", "none")
                second = {
                    "none": deciding(scene, dispute, "second", "none"),
                    "part": deciding(scene, dispute, "second", "part"),
                    "withdraw": withdrawing(scene, dispute),
                    "same form": deciding(scene, dispute, "judge", "none"),
                }[rival]
                contests.append([first, second])
        for contest in contests:
            answers = at_once(fresh_database, contest)
            assert len(won(answers)) == (2 if rival == "same form" else 1)
        with work() as session:
            for dispute in session.scalars(select(Dispute)):
                finals = session.scalar(
                    select(func.count())
                    .select_from(DisputeRuling)
                    .where(DisputeRuling.dispute_id == dispute.id, DisputeRuling.status == FINAL)
                )
                assert finals == (1 if dispute.status == "decided" else 0)
                assert dispute.status != "open"
            check(session, scene)


def test_a_correction_and_a_case_do_not_pass_each_other(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Quarrel(session)
            contests = []
            for _ in range(ROUNDS):
                order = scene.done()
                contests.append([disputing(scene, order), correcting(scene, order)])
        for contest in contests:
            assert len(won(at_once(fresh_database, contest))) == 1
        with work() as session:
            for order in session.scalars(select(Order)):
                assert order.in_dispute is not order.undone
            check(session, scene)


def test_a_decision_and_a_correction_do_not_wait_for_each_other(fresh_database: str) -> None:
    """Both take the entry's name before the order: nobody deadlocks, whoever is first."""
    with committed(fresh_database) as work:
        with work() as session:
            scene = Quarrel(session)
            contests = []
            for _ in range(ROUNDS):
                order = scene.done()
                dispute = scene.dispute(order)
                scene.say(dispute)
                contests.append([deciding(scene, dispute, "judge", "part"), correcting(scene, order)])
        for contest in contests:
            answers = at_once(fresh_database, contest)
            assert not [one for one in answers if isinstance(one, Exception) and not isinstance(one, Refusal)]
            assert won(answers)
        with work() as session:
            check(session, scene)


def test_the_sweep_and_a_case_do_not_both_have_the_order(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Quarrel(session)
            contests = []
            for at in range(ROUNDS):
                start = NOW + timedelta(hours=at)
                order = scene.accept(scene.order(scene.haircut, now=start), now=start)
                end = order.expires_at
                contests.append([disputing(scene, order, now=end - timedelta(minutes=1)), sweeping(end)])
        for contest in contests:
            assert won(at_once(fresh_database, contest))
        with work() as session:
            for order in session.scalars(select(Order)):
                alive = session.scalar(select(func.count()).select_from(Dispute).where(Dispute.order_id == order.id))
                assert (order.status, alive) in {("expired", 0), ("accepted", 1)}
            check(session, scene)


def _nothing() -> None:
    raise exchange.OrderEnded(how="已经过期")


def test_yes_and_no_of_the_second_person(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Quarrel(session)
            order = scene.done()
            dispute = scene.dispute(order)
            scene.say(dispute)
            scene.order(scene.tickets, by=scene.barber)
            assert scene.decide(dispute).status == "open"
            actor, dispute_id = scene.actor(scene.second), dispute.id
            verbs: list[Verb] = [
                lambda session: service.agree(session, dispute_id, actor=actor, now=HEARD).id,
                lambda session: service.disagree(session, dispute_id, note="太重", actor=actor, now=HEARD).id,
            ]
        assert len(won(at_once(fresh_database, verbs))) == 1
        with work() as session:
            assert session.get_one(Offer, scene.tickets.id).stock == 1
            check(session, scene)
