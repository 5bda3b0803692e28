"""How old the coins are: the short sum over accounts comes to what a plain model of lots comes to."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.ledger.bank import Bank, open_bank
from timebank.ledger import queries
from timebank.ledger.queries.ageing import Ageing, ageing, holdings
from timebank.ledger.queries.circulation import month_flows

BEGIN = datetime(2026, 7, 31, 16, tzinfo=UTC)
NAMES = ("ann", "bo", "chen")
BOUNDARIES = [BEGIN + timedelta(days=days, hours=3) for days in (150, 92, 31, 10)]
MOVES = st.lists(
    st.tuples(
        st.integers(0, 160), st.sampled_from(["earn", "earn", "pay", "goods"]), st.sampled_from(NAMES),
        st.sampled_from(NAMES), st.integers(1, 90),
    ),
    max_size=15,
)  # fmt: skip


class Lots:
    """Coins as they came in, each with its instant; the first go first."""

    def __init__(self) -> None:
        self.kept: dict[str, deque[list[Any]]] = {name: deque() for name in NAMES}

    def put(self, name: str, amount: int, at: datetime) -> None:
        self.kept[name].append([at, amount])

    def take(self, name: str, amount: int) -> None:
        lots = self.kept[name]
        while amount:
            part = min(amount, lots[0][1])
            lots[0][1] -= part
            amount -= part
            if not lots[0][1]:
                lots.popleft()

    def older(self, at: datetime) -> int:
        return sum(amount for lots in self.kept.values() for when, amount in lots if when < at)


def live(bank: Bank, moves: list[Any]) -> Lots:
    lots = Lots()
    for day, what, one, other, amount in sorted(moves):
        now = BEGIN + timedelta(days=day, hours=1)
        if what == "earn":
            bank.earn(one, amount, now=now)
            lots.put(one, amount, now)
        elif bank.stands(one)[2] < amount or (what == "pay" and one == other):
            continue
        elif what == "pay":
            bank.pay(one, other, amount, now=now)
            lots.take(one, amount)
            lots.put(other, amount, now)
        else:
            bank.coins["goods"] = bank.house("redeemed")
            bank.pay(one, "goods", amount, now=now)
            lots.take(one, amount)
    return lots


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, closes=st.integers(0, 3))
def test_the_classes_are_those_of_the_lots(session: Session, moves: list[Any], closes: int) -> None:
    with session.begin_nested() as point:
        bank = open_bank(session, "AG")
        lots = live(bank, moves)
        months = sorted(period.month for period in queries.list_periods(session, bank.book_id))
        first = months[0] if months else None
        for _ in range(closes if first else 0):
            assert first is not None
            bank.close(first, now=BEGIN + timedelta(days=400))
            first = f"2026-{int(first[5:]) + 1:02d}" if first < "2026-12" else "2027-01"
        older = [lots.older(datetime.max.replace(tzinfo=UTC)), *map(lots.older, BOUNDARIES)]
        expected = [a - b for a, b in pairwise(older)] + [older[-1]]
        found = ageing(session, bank.book_id, BOUNDARIES)
        assert list(found.classes) == expected
        assert found.total == sum(one.standing for one in holdings(session, bank.book_id)) == older[0]
        point.rollback()


def test_what_is_owed_is_shown_apart(bank: Bank) -> None:
    wrong = bank.earn("ann", 100, now=BEGIN)
    bank.pay("ann", "bo", 70, now=BEGIN)
    bank.undo(wrong.entry_id, actor_id=1, decided_by_id=2, now=BEGIN)
    [members] = [one for one in holdings(bank.session, bank.book_id) if one.kind == "member"]
    assert (members.standing, members.owed) == (70, 70)
    assert ageing(bank.session, bank.book_id, BOUNDARIES) == Ageing((0, 0, 0, 0, 70))
    total = sum(row.closing for row in queries.trial_balance(bank.session, bank.book_id) if row.kind == "member")
    assert total == members.standing - members.owed


def test_flows_take_reversals_off_where_they_were_booked(bank: Bank) -> None:
    september, october = BEGIN + timedelta(days=40), BEGIN + timedelta(days=70)
    bank.coins["goods"] = bank.house("redeemed")
    bank.earn("ann", 300, now=BEGIN)
    served = bank.pay("ann", "bo", 60, now=september)
    taken = bank.pay("ann", "goods", 30, now=september)
    bank.undo(served.entry_id, now=october)
    bank.undo(taken.entry_id, now=october)
    flows = month_flows(bank.session, bank.book_id, since="2026-08")
    figures = {month: (one.growth, one.goods, one.services) for month, one in flows.items()}
    assert figures == {"2026-08": (300, 0, 0), "2026-09": (-30, 30, 60), "2026-10": (30, -30, -60)}


def test_few_statements_however_many_accounts(bank: Bank) -> None:
    bank.earn("ann", 60, now=BEGIN)
    said: list[str] = []
    sa.event.listen(bank.session.get_bind(), "before_cursor_execute", lambda *words: said.append(words[2]))
    ageing(bank.session, bank.book_id, BOUNDARIES)
    assert len(said) <= 1 + 3 * len(BOUNDARIES)
