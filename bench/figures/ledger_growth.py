"""Whether the books get slower as they grow: post, balance and statement at 10^4, 10^5, 10^6 transfers, both engines.

``BENCH_LONG=1`` adds 10^7, which is long; ``BENCH_SIZES=10000,100000`` chooses. Two lines per figure:
beside the same work by hand at the same size (calls per second: above 1 is faster than by hand), and ``…_flat``: time
at this size divided by time at 10^4 in the same round, the median of the rounds; the bar is 1.20. ``issuance`` is the
hot account that takes a leg of every deposit: 5,000 of them stand in the open month, at every size. PostgreSQL has
1 GB of shared buffers, so that no size is measured by what it has to fetch from the system.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from statistics import median

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench import by_hand, histories
from bench.by_hand import PERIOD, Known
from bench.harness import in_turn, say
from bench.histories import History, fill
from tests import databases
from tests.postgres import SETTINGS
from timebank.core.clock import month_range
from timebank.ledger import queries

SHORT, LONG = (10_000, 100_000, 1_000_000), (10_000_000,)
FLAT_BAR = 1.20
POSTINGS = 60
READS = 20
ROUNDS = 15
_PAGE = 25  # lines; a member has 30 in two months, so that the smallest history fills a page too


def measure() -> None:
    SETTINGS["shared_buffers"] = "1GB"  # as anybody would have it for a million entries; the default is 128 MB
    databases.begin_run()
    try:
        for engine_name, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with ExitStack() as opened:
                _measure(short, [opened.enter_context(_history(engine_name, size)) for size in _sizes()])
    finally:
        databases.end_run()


def _sizes() -> Sequence[int]:
    if "BENCH_SIZES" in os.environ:
        return [int(size) for size in os.environ["BENCH_SIZES"].split(",")]
    return SHORT + (LONG if os.environ.get("BENCH_LONG") == "1" else ())


@contextmanager
def _history(engine_name: str, size: int) -> Iterator[History]:
    with databases.fresh(engine_name) as url:
        engine = databases.make_engine(url)
        town = by_hand.make_town(engine, now=month_range(histories.FIRST_MONTH)[0])
        history = fill(town, size)
        if size <= SHORT[0] and (found := histories.findings(history.town)):
            raise RuntimeError(f"the bulk is not what the ledger would have written: {len(found)} times, {found[:3]}")
        yield history
        engine.dispose()


def _measure(short: str, made: Sequence[History]) -> None:
    """Posts come last, since they add to the open month."""
    for name, unit, pair in _READS:
        _compare(f"{name}_{short}", unit, made, [pair(history) for history in made], READS)
    posts = [
        (partial(by_hand.post_all, h.town, POSTINGS), partial(by_hand.plain_post_all, h.town, POSTINGS)) for h in made
    ]
    _compare(f"post_{short}", "entries/s", made, posts, POSTINGS)
    first = made[0].last_close_seconds
    for history in made:
        say(f"close_month_{short}_at_{history.transfers}", "s", history.last_close_seconds, first)


Pair = tuple[Callable[[], object], Callable[[], object]]  # ours and by hand


def _compare(name: str, unit: str, made: Sequence[History], pairs: Sequence[Pair], calls: int) -> None:
    measures: dict[str, Callable[[], float]] = {}
    for history, (ours, hand) in zip(made, pairs, strict=True):
        measures[f"ours {history.transfers}"] = partial(_rate, ours, calls)
        measures[f"hand {history.transfers}"] = partial(_rate, hand, calls)
    for work in measures.values():
        work()  # once to warm up: connections, compiled statements, pages in memory
    taken = in_turn(measures, ROUNDS)
    first = taken[f"ours {made[0].transfers}"]
    for history in made:
        size = history.transfers
        mine = taken[f"ours {size}"]
        say(f"{name}_at_{size}", unit, median(mine), median(taken[f"hand {size}"]))
        if history is not made[0]:
            flat = median(small / large for small, large in zip(first, mine, strict=True))
            say(f"{name}_at_{size}_flat", "times", flat, 1.0, bar=FLAT_BAR, holds=flat <= FLAT_BAR)


def _rate(work: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    work()
    return calls / (time.perf_counter() - start)


# --- reads ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Question:
    """A balance or statement of one account at one instant (None: now), with what by-hand reads are told of it."""

    known: Known
    start: datetime | None = None
    end: datetime | None = None


def _questions(history: History, who: str, when: str) -> list[Question]:
    """The same number of questions for every size; the accounts and instants by a fixed seed."""
    luck, town = random.Random(f"{who}:{when}"), history.town
    with town.engine.connect() as connection:
        rows = connection.execute(sa.select(PERIOD.c.month, PERIOD.c.id).where(PERIOD.c.book_id == town.book_id))
        periods = {row.month: row.id for row in rows}
    asked = []
    for _ in range(READS):
        account = town.issuance if who == "issuance" else luck.choice(town.members)
        month = town.month if when == "now" else luck.choice(history.closed)
        at = None if when == "now" else month_range(month)[0] + timedelta(days=luck.uniform(1, 27))
        newest = [periods[each] for each in sorted(periods, reverse=True) if each <= month]
        # A member moves 15 times in a month; the hot account fills a page from one month.
        page = newest[:1] if who == "issuance" or when == "past" else newest[:2]
        known = Known(account_id=account, month=month, period_id=periods[month], at=at, periods=page)
        asked.append(Question(known=known, start=month_range(month)[0] if at else None, end=at))
    return asked


def _balances(history: History, who: str, when: str) -> Pair:
    asked, engine = _questions(history, who, when), history.town.engine

    def ours() -> list[int]:
        answers = []
        for question in asked:  # a session each, as a page has
            with Session(engine) as session:
                answers.append(queries.balance(session, question.known.account_id, at=question.known.at))
        return answers

    def hand() -> list[int]:
        answers = []
        for question in asked:
            with engine.connect() as connection:
                answers.append(by_hand.plain_balance(connection, question.known))
        return answers

    if ours() != hand():
        raise RuntimeError("the two sides do not read the same balances")
    return ours, hand


def _statements(history: History, who: str, when: str) -> Pair:
    """Now: the newest page of all. Past: the newest page of a month up to an instant in it."""
    asked, engine = _questions(history, who, when), history.town.engine

    def ours() -> list[list[tuple[int, int]]]:
        answers = []
        for question in asked:
            with Session(engine) as session:
                page = queries.statement(
                    session, question.known.account_id, start=question.start, end=question.end, size=_PAGE
                )
                answers.append([(line.amount, line.balance) for line in page.lines])
        return answers

    def hand() -> list[list[tuple[int, int]]]:
        answers = []
        for question in asked:
            with engine.connect() as connection:
                lines = by_hand.plain_statement(connection, question.known, _PAGE)
                answers.append([(line[-2], line[-1]) for line in lines])
        return answers

    if ours() != hand():
        raise RuntimeError("the two sides do not read the same statements")
    return ours, hand


_READS: Sequence[tuple[str, str, Callable[[History], Pair]]] = [
    (f"{what}_{who}_{when}", f"{what}s/s", partial(read, who=who, when=when))
    for what, read in (("balance", _balances), ("statement", _statements))
    for who in ("member", "issuance")
    for when in ("now", "past")
]
