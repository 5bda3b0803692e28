"""A payment between branches whose process is really killed, before each of its writes and commits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.clearing.dying import MINUTES, WAYS, Report, Town, kill_everywhere
from tests.clearing.scene import Between
from tests.clearing.test_races import whole
from tests.exchange.scene import committed
from tests.ledger.processes import CONTEXT, SECONDS
from timebank.clearing.models import CANCELLED, EXPIRED, SETTLED, Proposal
from timebank.ledger import queries as books
from timebank.ledger.models import Entry, Hold, HoldEnd


def run(way: str, town: Town) -> Report:
    """Everybody who can be killed on this way was killed, and somebody fresh took up after each."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=kill_everywhere, args=(way, town, theirs), daemon=True)
    process.start()
    try:
        assert ours.poll(SECONDS), "nobody answered"
        report: Report = ours.recv()
    finally:
        process.kill()
        process.join()
    assert not report.amiss, report.amiss
    return report


@pytest.mark.parametrize("way", WAYS)
def test_wherever_a_process_dies_the_books_balance_and_nothing_is_lost_or_twice(
    fresh_database: str, tmp_path: Path, way: str
) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            between = Between(session)
            town = Town(
                url=fresh_database,
                folder=str(tmp_path),
                payer_id=between.branches[0].id,
                payee_id=between.branches[1].id,
                payer_account=between.members[0].coin_account_id or 0,
                payee_account=between.members[1].coin_account_id or 0,
            )
        report = run(way, town)
        assert report.killed > 10, "a way has more writes than that"
        with work() as session:
            ends = Counter(session.scalars(sa.select(Proposal.status)))
            assert set(ends) <= {SETTLED, CANCELLED, EXPIRED}
            assert ends[SETTLED] > 0
            paid = MINUTES * ends[SETTLED]
            assert whole(session, between) == paid
            at_home, there = (books.get_account(session, one) for one in (town.payer_account, town.payee_account))
            assert (at_home.balance, at_home.held, there.balance) == (600 - paid, 0, 600 + paid)
            counted = [session.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Hold, HoldEnd)]
            assert counted[0] == counted[1]
            booked = sa.select(sa.func.count()).where(Entry.kind == "inter_branch")
            assert session.scalar(booked) == 2 * ends[SETTLED]
