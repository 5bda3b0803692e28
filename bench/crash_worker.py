"""A process that will be killed: it does random verbs and writes down each one before it begins and after its commit.

What is in the log is in the kernel's hands (``os.write``, no buffer of ours), so a SIGKILL leaves it readable. A verb
that was begun and has no answer is what a client has whose answer was lost: it is sent again under the same key.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import random
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from tests.ledger.processes import Close, Outcome, Place, Post, Take, Undo, Verb, Void, connect, do, is_lost
from timebank.core.clock import month_range
from timebank.ledger.models import Entry, Hold, HoldEnd
from timebank.ledger.rules import EntryDraft, TransferDraft
from timebank.ledger.service import HoldDraft

BIG = 1_500  # entries in a batch that is long enough to be killed in
LONG_BATCHES = "w0"  # the process that does them; the others do what is short
_RECENT = 40
_PAUSE = 0.05  # before a client asks again after it lost the server


@dataclass(frozen=True, kw_only=True)
class BookFacts:
    """A book as a client knows it."""

    book_id: int
    issuance: int
    clearing: int
    members: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where a process works: the database, the books, the month that is being closed, its log, its name."""

    url: str
    books: tuple[BookFacts, ...]
    month: str
    log: Path
    stop: Path
    name: str


# --- the log --------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Tried:
    """One verb in a log, with its answer if there is one."""

    number: int
    verb: Verb
    began: float
    outcome: Outcome | None = None


class Log:
    """An append-only file; one line per write, whole lines only are read."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        _cut_torn_line(path)

    def begin(self, number: int, verb: Verb) -> None:
        packed = base64.b64encode(zlib.compress(pickle.dumps(verb), 1)).decode()
        size = len(verb.drafts) if isinstance(verb, Post) else 1
        self._write({"try": number, "at": time.monotonic(), "size": size, "verb": packed})

    def end(self, number: int, outcome: Outcome) -> None:
        self._write(
            {
                "done": number,
                "at": outcome.ended,
                "answer": outcome.answer,
                "refusal": outcome.refusal,
                "error": outcome.error,
            }
        )

    def note(self, **facts: Any) -> None:
        self._write(facts)

    def close(self) -> None:
        os.close(self._file)

    def _write(self, line: dict[str, Any]) -> None:
        whole = json.dumps(line).encode() + b"\n"
        if os.write(self._file, whole) != len(whole):
            raise OSError("the log took part of a line")


def _cut_torn_line(path: Path) -> None:
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        os.truncate(path, text.rfind(b"\n") + 1)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a log."""
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        yield json.loads(line)


def read_log(path: Path) -> list[Tried]:
    """Every verb a process began, in order, with the answer it got."""
    found: dict[int, Tried] = {}
    for line in read_lines(path):
        if "try" in line:
            verb = pickle.loads(zlib.decompress(base64.b64decode(line["verb"])))  # our own words
            found[line["try"]] = Tried(number=line["try"], verb=verb, began=line["at"])
        elif "done" in line:
            tried = found[line["done"]]
            answer, refusal, error = line["answer"], line["refusal"], line["error"]
            tried.outcome = Outcome(
                verb=tried.verb, answer=answer, refusal=refusal, error=error, began=tried.began, ended=line["at"]
            )
    return list(found.values())


# --- the work -------------------------------------------------------------------------------------------------------


def work(scene: Scene, seed: int) -> None:
    """Take up what was left without an answer, then do one random verb after another until told to stop."""
    engine, log = connect(scene.url), Log(scene.log)
    before = read_log(scene.log)
    if before and before[-1].outcome is None:
        log.note(again=before[-1].number, was_there=was_there(engine, before[-1].verb))
        answer(engine, log, before[-1].number, before[-1].verb)
    number = before[-1].number + 1 if before else 0
    luck = random.Random(seed)
    while not scene.stop.exists():
        verb = _insist(partial(choose, scene, engine, luck, f"{scene.name}:{number}"))
        log.begin(number, verb)
        answer(engine, log, number, verb)
        number += 1
    engine.dispose()


def answer(engine: sa.Engine, log: Log, number: int, verb: Verb) -> Outcome:
    """Do a verb until the server says something about it, and write that down."""
    outcome = do(engine, verb)
    while outcome.lost:
        time.sleep(_PAUSE)
        outcome = do(engine, verb)
    log.end(number, outcome)
    return outcome


def was_there(engine: sa.Engine, verb: Verb) -> bool | None:
    """Whether a verb that got no answer had been committed; None where its key does not tell."""

    def look() -> bool | None:
        match verb:
            case Post():
                chosen = sa.select(Entry.id).where(Entry.key == verb.drafts[0].key)
            case Take():
                chosen = sa.select(Entry.id).where(Entry.key == verb.draft.key)
            case Undo():
                chosen = sa.select(Entry.id).where(Entry.key == verb.key)
            case Place():
                chosen = sa.select(Hold.id).where(Hold.key == verb.draft.key)
            case _:
                return None
        with engine.connect() as connection:
            return connection.execute(chosen).first() is not None

    return _insist(look)


_T = TypeVar("_T")


def _insist(read: Callable[[], _T]) -> _T:
    while True:
        try:
            return read()
        except sa.exc.DBAPIError as broken:
            if not is_lost(broken):
                raise
            time.sleep(_PAUSE)


def choose(scene: Scene, engine: sa.Engine, luck: random.Random, key: str) -> Verb:
    """One random verb; what it ends or reverses is looked up among the newest rows, which others look at too."""
    makers: tuple[Callable[[Scene, sa.Engine, random.Random, str], Verb | None], ...] = (
        *(_earn, _pay, _batch, _big, _hold, _take, _void, _undo, _abroad, _close),
    )
    big = 10 if scene.name == LONG_BATCHES else 0
    [maker] = luck.choices(makers, weights=(60, 50, 10, big, 24, 18, 10, 10, 10, 2))
    return maker(scene, engine, luck, key) or _earn(scene, engine, luck, key)


def moment(scene: Scene, luck: random.Random) -> datetime:
    """An instant late in the month that is being closed, or early in the next."""
    turn = month_range(scene.month)[1]
    return turn + timedelta(seconds=luck.randint(-80_000, 80_000))


def draft(book: BookFacts, key: str, *moved: tuple[int, int, int], kind: str = "earn", now: datetime) -> EntryDraft:
    """An entry of (debit, credit, minutes)."""
    return EntryDraft(
        book_id=book.book_id,
        kind=kind,
        key=key,
        transfers=tuple(TransferDraft(debit_id=a, credit_id=b, amount=amount, unit="coin") for a, b, amount in moved),
        source_type="crash",
        source_id=1,
        occurred_at=now,
        actor_id=None,
    )


def _earn(scene: Scene, _engine: sa.Engine, luck: random.Random, key: str) -> Verb:
    book, now = luck.choice(scene.books), moment(scene, luck)
    moved = (book.issuance, luck.choice(book.members), luck.randint(30, 240))
    return Post(drafts=(draft(book, key, moved, now=now),), now=now)


def _pay(scene: Scene, _engine: sa.Engine, luck: random.Random, key: str) -> Verb | None:
    book, now = luck.choice(scene.books), moment(scene, luck)
    payer, payee = luck.sample(book.members, 2)
    return Post(drafts=(draft(book, key, (payer, payee, luck.randint(1, 200)), kind="redeem", now=now),), now=now)


def _batch(scene: Scene, _engine: sa.Engine, luck: random.Random, key: str) -> Verb | None:
    """Some members pay each other in a ring, in random order."""
    book, now = luck.choice(scene.books), moment(scene, luck)
    some = luck.sample(book.members, luck.randint(3, len(book.members)))
    ring = zip(some, [*some[1:], some[0]], strict=True)
    return Post(drafts=tuple(draft(book, f"{key}:{a}", (a, b, 1), kind="redeem", now=now) for a, b in ring), now=now)


def _big(scene: Scene, _engine: sa.Engine, luck: random.Random, key: str) -> Verb | None:
    book, now = luck.choice(scene.books), moment(scene, luck)
    moves = [(book.issuance, luck.choice(book.members), 1) for _ in range(BIG)]
    return Post(drafts=tuple(draft(book, f"{key}:{n}", moved, now=now) for n, moved in enumerate(moves)), now=now)


def _abroad(scene: Scene, _engine: sa.Engine, luck: random.Random, key: str) -> Verb | None:
    """From a member of one book to a member of the other, over both clearing accounts."""
    now = moment(scene, luck)
    here, there = luck.sample(scene.books, 2)
    out = draft(here, key, (luck.choice(here.members), here.clearing, 5), kind="inter_branch", now=now)
    back = draft(there, key, (there.clearing, luck.choice(there.members), 5), kind="inter_branch", now=now)
    return Post(drafts=(out, back), now=now)


def _hold(scene: Scene, _engine: sa.Engine, luck: random.Random, key: str) -> Verb | None:
    book, now = luck.choice(scene.books), moment(scene, luck)
    wanted = HoldDraft(
        account_id=luck.choice(book.members),
        amount=luck.randint(5, 60),
        key=key,
        expires_at=now + timedelta(days=7),
        source_type="crash",
        source_id=1,
        actor_id=None,
    )
    return Place(draft=wanted, now=now)


def _take(scene: Scene, engine: sa.Engine, luck: random.Random, key: str) -> Verb | None:
    found = _open_holds(engine)
    if not found:
        return None
    hold_id, book_id, account_id, amount = luck.choice(found)
    now = moment(scene, luck)
    [book] = [book for book in scene.books if book.book_id == book_id]
    payee = luck.choice([member for member in book.members if member != account_id])
    moved = (account_id, payee, luck.randint(1, amount))
    return Take(hold_id=hold_id, draft=draft(book, key, moved, kind="redeem", now=now), now=now)


def _void(scene: Scene, engine: sa.Engine, luck: random.Random, _key: str) -> Verb | None:
    found = _open_holds(engine)
    return Void(hold_id=luck.choice(found)[0], now=moment(scene, luck)) if found else None


def _open_holds(engine: sa.Engine) -> list[tuple[int, int, int, int]]:
    chosen = (
        sa.select(Hold.id, Hold.book_id, Hold.account_id, Hold.amount)
        .outerjoin(HoldEnd, HoldEnd.hold_id == Hold.id)
        .where(HoldEnd.hold_id.is_(None))
        .order_by(Hold.id.desc())
        .limit(_RECENT)
    )
    with engine.connect() as connection:
        return [(row[0], row[1], row[2], row[3]) for row in connection.execute(chosen)]


def _undo(scene: Scene, engine: sa.Engine, luck: random.Random, key: str) -> Verb | None:
    chosen = sa.select(Entry.id).where(Entry.kind.in_(["earn", "redeem"])).order_by(Entry.id.desc()).limit(_RECENT)
    with engine.connect() as connection:
        found = connection.execute(chosen).scalars().all()
    return Undo(entry_id=luck.choice(found), key=key, now=moment(scene, luck)) if found else None


def _close(scene: Scene, _engine: sa.Engine, luck: random.Random, _key: str) -> Verb | None:
    return closing(scene, luck.choice(scene.books))


def closing(scene: Scene, book: BookFacts) -> Close:
    """The close of the month that this round is about."""
    now = month_range(scene.month)[1] + timedelta(days=1)
    return Close(book_id=book.book_id, month=scene.month, now=now)
