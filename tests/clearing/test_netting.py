"""Netting along a circle: agreed by all, no coins of anybody moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.world import NOW, actor_of
from timebank.clearing import queries, service
from timebank.clearing.models import NETTING_DECLINED, NETTING_SETTLED, Netting
from timebank.clearing.rules import Circle, find_circles
from timebank.clearing.service import NettingDraft
from timebank.core.errors import FormUsed, NotAllowed


@pytest.fixture
def circle(session: Session) -> Iterator[Between]:
    """AA owes BB 90, BB owes CC 70, CC owes AA 50."""
    between = Between(session)
    between.connect(1, 2)
    between.connect(2, 0)
    for number, (payer, minutes) in enumerate(((0, 90), (1, 70), (2, 50)), start=1):
        between.pay(minutes, payer=payer, payee=(payer + 1) % 3, source_id=number)
    yield between
    assert between.findings() == set()
    assert service.reconcile_all(session, now=NOW) == 0


def owed(between: Between) -> list[int]:
    ids = [branch.id for branch in between.branches]
    found = queries.balances(between.session)
    return [found.get((ids[at], ids[(at + 1) % 3]), 0) for at in range(3)]


def ask(between: Between, minutes: int = 50, **more: object) -> Netting:
    ids = tuple(branch.id for branch in between.branches)
    draft = NettingDraft(**{"branches": ids, "minutes": minutes, "form_key": key()} | more)  # type: ignore[arg-type]
    return service.ask_netting(between.session, draft, branch_id=ids[0], actor=between.boss(0), now=NOW)


def agree(between: Between, netting: Netting, at: int) -> Netting:
    branch_id = between.branches[at].id
    return service.agree_netting(between.session, netting.id, branch_id=branch_id, actor=between.boss(at), now=NOW)


def test_the_circle_is_found_with_the_most_it_can_take(circle: Between) -> None:
    [found] = queries.list_circles(circle.session, circle.branches[0].id, now=NOW)
    assert (found.circle.minutes, found.names) == (50, ("AA 站", "BB 站", "CC 站"))


def test_when_all_have_agreed_every_debt_comes_down_and_nobodys_coins_move(circle: Between) -> None:
    coins = [circle.coins(at) for at in range(3)]
    netting = ask(circle)
    agree(circle, netting, 1)
    assert owed(circle) == [90, 70, 50]
    agree(circle, netting, 2)
    assert netting.status == NETTING_SETTLED
    assert owed(circle) == [40, 20, 0]
    assert [circle.coins(at) for at in range(3)] == coins
    assert all(leg.entry_id for leg in netting.legs)


def test_agreeing_twice_is_agreeing_once(circle: Between) -> None:
    netting = ask(circle, 10)
    for at in (1, 1, 2, 2):
        agree(circle, netting, at)
    assert owed(circle) == [80, 60, 40]


def test_one_no_ends_it(circle: Between) -> None:
    netting = ask(circle)
    branch_id = circle.branches[1].id
    with pytest.raises(service.WordsMissing):
        service.decline_netting(
            circle.session, netting.id, branch_id=branch_id, words="", actor=circle.boss(1), now=NOW
        )
    for _ in range(2):
        service.decline_netting(
            circle.session, netting.id, branch_id=branch_id, words="再等等", actor=circle.boss(1), now=NOW
        )
    assert netting.status == NETTING_DECLINED
    with pytest.raises(service.NettingEnded):
        agree(circle, netting, 2)


@pytest.mark.parametrize("minutes", [51, 0, -5])
def test_no_more_than_the_smallest_debt_is_netted(circle: Between, minutes: int) -> None:
    with pytest.raises(service.NotACircle):
        ask(circle, minutes)


def test_two_branches_are_no_circle(circle: Between) -> None:
    with pytest.raises(service.NotACircle):
        ask(circle, 10, branches=tuple(branch.id for branch in circle.branches[:2]))


def test_debts_that_shrank_meanwhile_stop_it(circle: Between) -> None:
    netting = ask(circle)
    agree(circle, netting, 1)
    circle.pay(20, payer=0, payee=2, source_id=9)
    with pytest.raises(service.NotACircle), circle.session.begin_nested():
        agree(circle, netting, 2)


def test_nobody_speaks_for_two_branches(circle: Between) -> None:
    netting = ask(circle)
    with pytest.raises(NotAllowed):
        service.agree_netting(
            circle.session, netting.id, branch_id=circle.branches[1].id, actor=circle.boss(0), now=NOW
        )


def test_a_branch_outside_the_circle_has_no_say(circle: Between) -> None:
    netting = ask(circle)
    with pytest.raises(queries.NettingNotFound):
        service.agree_netting(circle.session, netting.id, branch_id=10_000, actor=circle.boss(0), now=NOW)


def test_members_do_not_net(circle: Between) -> None:
    actor = actor_of(circle.session, circle.members[0])
    draft = NettingDraft(branches=(1, 2, 3), minutes=1, form_key=key())
    with pytest.raises(NotAllowed):
        service.ask_netting(circle.session, draft, branch_id=circle.branches[0].id, actor=actor, now=NOW)


def test_a_form_asks_once(circle: Between) -> None:
    form = key()
    assert ask(circle, form_key=form) is ask(circle, form_key=form)
    with pytest.raises(FormUsed):
        ask(circle, 20, form_key=form)


def test_a_frozen_pair_of_the_circle_stops_it(circle: Between) -> None:
    netting = ask(circle)
    agree(circle, netting, 1)
    service.freeze_pair(circle.session, circle.pair.id, circle.word(0), actor=circle.boss(0), now=NOW)
    with pytest.raises(service.PairFrozen), circle.session.begin_nested():
        agree(circle, netting, 2)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE netting SET minutes = 1", "UPDATE netting_leg SET branch_id = 99", "DELETE FROM netting_leg"],
)
def test_the_database_keeps_a_netting(circle: Between, statement: str) -> None:
    ask(circle)
    with pytest.raises(sa.exc.IntegrityError), circle.session.begin_nested():
        circle.session.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("owed", "circles"),
    [
        ({}, []),
        ({(1, 2): 5, (2, 1): 5}, []),
        ({(1, 2): 5, (2, 3): 4, (3, 1): 9}, [Circle((1, 2, 3), 4)]),
        ({(1, 2): 5, (2, 3): 4, (3, 1): 0}, []),
        ({(2, 1): 5, (1, 3): 4, (3, 2): 9}, [Circle((1, 3, 2), 4)]),
        ({(1, 2): 5, (2, 3): 4, (3, 4): 9, (4, 1): 2, (3, 1): 3}, [Circle((1, 2, 3), 3), Circle((1, 2, 3, 4), 2)]),
        ({(1, 2): 1, (2, 3): 1, (3, 4): 1, (4, 5): 1, (5, 6): 1, (6, 1): 1}, []),
    ],
)
def test_circles_are_found_once_each_the_largest_first(owed: dict[tuple[int, int], int], circles: list[Circle]) -> None:
    assert find_circles(owed) == circles
