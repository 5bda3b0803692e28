"""Verbs as plain values that another process can be handed, and a crew of processes that do them at one instant.

A verb also says what it moves, so that the figures of all accounts can be reckoned from the answers alone and held
against what the database came to.
"""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from timebank.core.actor import SYSTEM
from timebank.core.db import prepare_engine, write_session
from timebank.core.errors import Refusal
from timebank.core.keys import Keys
from timebank.ledger import queries, service
from timebank.ledger.models import Account, Book
from timebank.ledger.rules import EntryDraft, TransferDraft, reversed_transfers
from timebank.ledger.service import HoldDraft, Reversal
from timebank.ledger.verification import verify

# Children come from a server that is started fresh (not forked from us), imports this module once and never opens a
# database: nothing is shared but the database itself, and a crew of sixteen stands in a second rather than in twenty.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["__main__", "tests.ledger.processes"])
KEYS = Keys(b"only-for-tests-0123456789-0123456789")
SECONDS = 90  # nothing that a crew is asked to do takes this long: it waits for ever
_GONE = {None, "57P01", "57P02", "57P03"}  # closed or refused; shut down, crashed, starting up
_LEAD = 0.05  # from the word to the common instant


# --- verbs; each answers with plain JSON ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Post:
    """``post_many``, or ``post`` for one draft; answers with the entries' ids."""

    drafts: tuple[EntryDraft, ...]
    now: datetime

    def run(self, session: Session) -> list[int]:
        if len(self.drafts) == 1:
            return [service.post(session, self.drafts[0], now=self.now).entry_id]
        return [posted.entry_id for posted in service.post_many(session, self.drafts, now=self.now)]

    def count(self, answer: list[int], reckoning: Reckoning) -> None:
        for entry_id, draft in zip(answer, self.drafts, strict=True):
            note(reckoning.entries, entry_id, draft.transfers)


@dataclass(frozen=True, kw_only=True)
class Place:
    """``hold``; answers with its id."""

    draft: HoldDraft
    now: datetime

    def run(self, session: Session) -> int:
        return service.hold(session, self.draft, now=self.now)

    def count(self, answer: int, reckoning: Reckoning) -> None:
        note(reckoning.holds, answer, self.draft)


@dataclass(frozen=True, kw_only=True)
class Take:
    """``post_hold``; answers with the entry's id."""

    hold_id: int
    draft: EntryDraft
    now: datetime

    def run(self, session: Session) -> int:
        return service.post_hold(session, self.hold_id, self.draft, now=self.now).entry_id

    def count(self, answer: int, reckoning: Reckoning) -> None:
        note(reckoning.entries, answer, self.draft.transfers)
        note(reckoning.ended, self.hold_id, "post")


@dataclass(frozen=True, kw_only=True)
class Void:
    """``void_hold``; answers with the hold."""

    hold_id: int
    now: datetime

    def run(self, session: Session) -> int:
        service.void_hold(session, self.hold_id, actor_id=None, now=self.now)
        return self.hold_id

    def count(self, answer: int, reckoning: Reckoning) -> None:
        note(reckoning.ended, answer, "void")


@dataclass(frozen=True, kw_only=True)
class Expire:
    """``expire_holds``; answers with the holds it ended."""

    source_type: str
    now: datetime

    def run(self, session: Session) -> list[int]:
        return service.expire_holds(session, source_type=self.source_type, now=self.now)

    def count(self, answer: list[int], reckoning: Reckoning) -> None:
        for hold_id in answer:
            note(reckoning.ended, hold_id, "expire")


@dataclass(frozen=True, kw_only=True)
class Undo:
    """``reverse``; answers with the reversing entry's id."""

    entry_id: int
    key: str
    now: datetime

    def run(self, session: Session) -> int:
        reversal = Reversal(key=self.key, reason="录错了", actor_id=None)
        return service.reverse(session, self.entry_id, reversal, now=self.now).reversal.entry_id

    def count(self, answer: int, reckoning: Reckoning) -> None:
        note(reckoning.reversals, answer, self.entry_id)


@dataclass(frozen=True, kw_only=True)
class Close:
    """``close_period``; answers with the seal's hash and how many entries it covers."""

    book_id: int
    month: str
    now: datetime

    def run(self, session: Session) -> list[Any]:
        seal = service.close_period(session, self.book_id, self.month, actor=SYSTEM, keys=KEYS, now=self.now)
        return [seal.hash, seal.entry_count]

    def count(self, answer: list[Any], reckoning: Reckoning) -> None:
        note(reckoning.seals, (self.book_id, self.month), answer)


Verb = Post | Place | Take | Void | Expire | Undo | Close


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a verb: an answer or the name of a refusal; when it began and ended on the machine's clock."""

    verb: Verb
    answer: Any = None
    refusal: str | None = None
    error: str | None = None
    lost: bool = False  # the server went away: nobody knows whether it was committed
    began: float
    ended: float


def connect(url: str) -> sa.Engine:
    """An engine of this process's own, prepared like the application's."""
    engine = sa.create_engine(url)
    prepare_engine(engine, KEYS)
    return engine


def do(engine: sa.Engine, verb: Verb) -> Outcome:
    """One unit of work, as a door opens it; only what is no refusal and no answer is an error."""
    began = time.monotonic()
    answer, refusal, error, lost = None, None, None, False
    try:
        with Session(engine, expire_on_commit=False) as session, write_session(session):
            answer = verb.run(session)
    except Refusal as refused:
        refusal = type(refused).__name__
    except Exception as broken:  # told to the parent, who fails on it
        lost = is_lost(broken)
        error = None if lost else traceback.format_exc()
    return Outcome(
        verb=verb, answer=answer, refusal=refusal, error=error, lost=lost, began=began, ended=time.monotonic()
    )


def is_lost(broken: Exception) -> bool:
    """Whether the server went away or is not back yet; a deadlock or a locked database is none of that."""
    cause = broken.orig if isinstance(broken, sa.exc.DBAPIError) else broken
    return isinstance(cause, psycopg.OperationalError) and cause.sqlstate in _GONE


# --- the crew -------------------------------------------------------------------------------------------------------


def _work(orders: Connection) -> None:
    """A process of the crew: scripts come in, outcomes go out."""
    while True:
        order = orders.recv()
        if order is None:
            return
        url, script = order
        engine = connect(url)
        with engine.connect() as connection:  # what a first statement costs is paid before the word is given
            connection.execute(sa.select(sa.func.count()).select_from(Book))
        orders.send("ready")
        go_at = orders.recv()
        time.sleep(max(0.0, go_at - time.monotonic() - 0.002))
        while time.monotonic() < go_at:
            pass
        orders.send([do(engine, verb) for verb in script])
        engine.dispose()


@dataclass(frozen=True)
class Told:
    """Scripts that processes are at."""

    chosen: list[Connection]

    def hear(self) -> list[list[Outcome]]:
        """The outcomes of each script. An error in any is raised."""
        outcomes: list[list[Outcome]] = [_hear(orders) for orders in self.chosen]
        errors = [o.error or "the server went away" for script in outcomes for o in script if o.error or o.lost]
        if errors:
            raise AssertionError(f"{len(errors)} errors; the first: {errors[0]}")
        return outcomes


@dataclass
class Crew:
    """Processes with engines of their own."""

    members: list[tuple[Any, Connection]]

    def together(self, url: str, scripts: Sequence[Sequence[Verb]]) -> list[list[Outcome]]:
        """Each script in its own process, verb after verb, all let go at one instant. An error in any is raised."""
        return self.tell(url, scripts).hear()

    def tell(self, url: str, scripts: Sequence[Sequence[Verb]]) -> Told:
        """Let the scripts go, and do not wait for them."""
        chosen = [orders for _, orders in self.members[: len(scripts)]]
        for orders, script in zip(chosen, scripts, strict=True):
            orders.send((url, tuple(script)))
        for orders in chosen:
            _hear(orders)
        go_at = time.monotonic() + _LEAD
        for orders in chosen:
            orders.send(go_at)
        return Told(chosen)


def _hear(orders: Connection) -> Any:
    if not orders.poll(SECONDS):
        raise AssertionError(f"a process did not answer within {SECONDS} seconds")
    return orders.recv()


@contextmanager
def crew(size: int) -> Iterator[Crew]:
    """A crew that goes home afterwards."""
    members = []
    for _ in range(size):
        ours, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        members.append((process, ours))
    yield Crew(members)
    for _, orders in members:
        orders.send(None)
    for process, _ in members:
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()


# --- what it should have come to ------------------------------------------------------------------------------------


@dataclass
class Reckoning:
    """The figures of all accounts, reckoned from answers in whatever order they came."""

    entries: dict[int, tuple[TransferDraft, ...]] = field(default_factory=dict)
    reversals: dict[int, int] = field(default_factory=dict)  # reversing entry → reversed
    holds: dict[int, HoldDraft] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    seals: dict[tuple[int, str], list[Any]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Count what was answered; an answer given before counts once and has to say the same."""
        if outcome.refusal is not None or outcome.error is not None or outcome.lost:
            return
        outcome.verb.count(outcome.answer, self)

    def add_all(self, outcomes: Sequence[Sequence[Outcome]]) -> None:
        for script in outcomes:
            for outcome in script:
                self.add(outcome)

    def transfers_of(self, entry_id: int) -> tuple[TransferDraft, ...]:
        """What an entry moved, or the reverse of what it reverses moved."""
        if entry_id in self.reversals:
            return reversed_transfers(self.transfers_of(self.reversals[entry_id]))
        return self.entries[entry_id]

    def figures(self) -> dict[int, tuple[int, int, int]]:
        """Account → in, out, held; accounts that nothing touched are left out."""
        totals: dict[int, list[int]] = {}
        for entry_id in self.entries.keys() | self.reversals.keys():
            for transfer in self.transfers_of(entry_id):
                totals.setdefault(transfer.credit_id, [0, 0, 0])[0] += transfer.amount
                totals.setdefault(transfer.debit_id, [0, 0, 0])[1] += transfer.amount
        for hold_id, draft in self.holds.items():
            totals.setdefault(draft.account_id, [0, 0, 0])[2] += 0 if hold_id in self.ended else draft.amount
        return {account_id: (came, went, held) for account_id, (came, went, held) in totals.items()}


def note(kept: dict[Any, Any], id_: Any, what: Any) -> None:
    """Keep what was answered for; two answers for one thing have to be the same."""
    if kept.setdefault(id_, what) != what:
        raise AssertionError(f"{id_} was answered for {kept[id_]} and for {what}")


def standing(session: Session) -> dict[int, tuple[int, int, int]]:
    """Account → in, out, held as the database keeps them; what moved nothing is left out."""
    kept: dict[int, tuple[int, int, int]] = {}
    for account in session.scalars(sa.select(Account).execution_options(populate_existing=True)):
        replayed = queries.figures_at(session, account.id)
        figures = (replayed.posted_in, replayed.posted_out, account.held)
        if account.runs and (account.posted_in, account.posted_out) != figures[:2]:
            raise AssertionError(f"account {account.code} does not keep what its transfers say")
        if any(figures) or replayed.movements:
            kept[account.id] = figures
    return kept


def differences(session: Session, expected: Mapping[int, tuple[int, int, int]]) -> list[str]:
    """Accounts that stand otherwise than reckoned."""
    kept, nothing = standing(session), (0, 0, 0)
    return [
        f"account {id_}: reckoned {expected.get(id_, nothing)}, kept {kept.get(id_, nothing)}"
        for id_ in sorted(expected.keys() | kept.keys())
        if expected.get(id_, nothing) != kept.get(id_, nothing)
    ]


def findings(session: Session) -> list[str]:
    """What the self-audit finds in any book."""
    return [
        f"book {book.code} / {found.check}: {found.row}: {found.text}"
        for book in session.scalars(sa.select(Book)).all()
        for check in verify(session, book.id)
        for found in check.findings
    ]
