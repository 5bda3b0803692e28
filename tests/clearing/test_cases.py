"""What is found about a pair and what both sides say about it wait for each other."""

from __future__ import annotations

import threading

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.exchange.scene import committed
from tests.world import NOW, actor_of
from timebank.clearing import queries, service
from timebank.clearing.models import BranchPair, ClearingCase, PairItem
from timebank.members.models import Member

_A_MOMENT = 0.5  # seconds in which words would have slipped in if they did not wait


def test_words_about_a_case_wait_for_the_night_that_adds_to_it(fresh_database: str) -> None:
    """Else an item could stay open for good that belongs to a settled case."""
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            between.book_alone(0, 5, key="alone")
            assert service.reconcile(session, between.pair, now=NOW) == 1
            pair_id, [case] = between.pair.id, queries.list_open_cases(session, between.pair.id)
            sides = [(between.branches[at].id, between.managers[at].id) for at in (0, 1)]

        def speak(session: Session, branch_id: int, manager_id: int) -> None:
            actor = actor_of(session, session.get_one(Member, manager_id))
            service.settle_case(session, case.id, branch_id=branch_id, words="查过", actor=actor, now=NOW)

        def both_speak() -> None:
            for branch_id, manager_id in sides:
                with work() as session:
                    speak(session, branch_id, manager_id)

        words = threading.Thread(target=both_speak)
        with work() as session:
            between.session, between.pair = session, session.get_one(BranchPair, pair_id)
            between.book_alone(0, 7, key="more", proposal="another")
            assert service.reconcile(session, between.pair, now=NOW) == 2
            words.start()
            words.join(_A_MOMENT)
        words.join()
        with work() as session:
            assert session.get_one(ClearingCase, case.id).settled_at == NOW
            rows = session.execute(sa.select(PairItem.case_id, PairItem.settled_at).order_by(PairItem.id)).all()
            assert [tuple(row) for row in rows] == [(case.id, NOW), (case.id, NOW)]
