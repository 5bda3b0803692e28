"""What keeps members from redeeming at another branch, told before they try; the same as the service then refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.world import NOW
from timebank.clearing import queries, service
from timebank.clearing.queries import WhyNot
from timebank.clearing.service import CeilingReached, LineFull, NotConnected, PairFrozen
from timebank.core.errors import Refusal


@pytest.fixture
def between(session: Session) -> Between:
    return Between(session)


def why(between: Between, minutes: int = 60, *, payee: int = 1) -> WhyNot | None:
    ids = [branch.id for branch in between.branches]
    return queries.why_not(between.session, payer_id=ids[0], payee_id=ids[payee], minutes=minutes, now=NOW)


def limit(between: Between, minutes: int, *, in_all: bool) -> None:
    peer_id = None if in_all else between.branches[1].id
    ceiling = service.Ceiling(branch_id=between.branches[0].id, peer_id=peer_id, minutes=minutes, form_key=key())
    service.set_ceiling(between.session, ceiling, actor=between.boss(0), now=NOW)


def pause(between: Between) -> None:
    service.freeze_pair(between.session, between.pair.id, between.word(1), actor=between.boss(1), now=NOW)


def part(between: Between) -> None:
    service.close_pair(between.session, between.pair.id, between.word(1), actor=between.boss(1), now=NOW)


def test_nothing_keeps_connected_branches_apart(between: Between) -> None:
    assert why(between, 300) is None


def test_strangers_are_not_connected(between: Between) -> None:
    assert why(between, payee=2) == WhyNot(kind="not_connected", peer="CC 站")


WAYS: list[tuple[Callable[[Between], None], WhyNot, type[Refusal]]] = [
    (part, WhyNot(kind="not_connected", peer="BB 站"), NotConnected),
    (pause, WhyNot(kind="frozen", peer="BB 站"), PairFrozen),
    (
        lambda between: limit(between, 59, in_all=False),
        WhyNot(kind="ceiling", peer="BB 站", limit=59),
        CeilingReached,
    ),
    (
        lambda between: limit(between, 30, in_all=True),
        WhyNot(kind="ceiling_in_all", peer="BB 站", limit=30),
        CeilingReached,
    ),
    (lambda between: between.propose(250), WhyNot(kind="line_full", peer="BB 站", limit=300, used=250), LineFull),
]


@pytest.mark.parametrize(
    ("happens", "expected", "refusal"), WAYS, ids=["parted", "paused", "ceiling", "ceiling_in_all", "line_full"]
)
def test_what_is_told_is_what_is_refused(
    between: Between, happens: Callable[[Between], None], expected: WhyNot, refusal: type[Refusal]
) -> None:
    happens(between)
    assert why(between) == expected
    with pytest.raises(refusal):
        between.propose(60)


def test_a_smaller_wish_still_fits(between: Between) -> None:
    between.propose(250)
    assert why(between, 50) is None


def test_an_unanswered_netting_waits_for_a_branch(between: Between) -> None:
    between.connect(1, 2)
    between.connect(2, 0)
    for number, (payer, minutes) in enumerate(((0, 90), (1, 70), (2, 50)), start=1):
        between.pay(minutes, payer=payer, payee=(payer + 1) % 3, source_id=number)
    ids = tuple(branch.id for branch in between.branches)
    waiting = [queries.count_waiting(between.session, one) for one in ids]
    draft = service.NettingDraft(branches=ids, minutes=50, form_key=key())
    netting = service.ask_netting(between.session, draft, branch_id=ids[0], actor=between.boss(0), now=NOW)
    assert [queries.count_waiting(between.session, one) for one in ids] == [waiting[0], waiting[1] + 1, waiting[2] + 1]
    service.agree_netting(between.session, netting.id, branch_id=ids[1], actor=between.boss(1), now=NOW)
    assert queries.count_waiting(between.session, ids[1]) == waiting[1]
