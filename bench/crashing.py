"""Rounds of load and violence on a database, and the check of everything that was ever answered.

Processes do random verbs on two books and write down each answer after its commit. Meanwhile some are killed
(SIGKILL), one of them in the middle of a long batch, once all together; PostgreSQL is stopped at once
(``pg_ctl stop -m immediate``) in mid-load and started again. Whoever has lost an answer sends the verb again under its
key. After each round: every answered key is there exactly once with its content and nothing else is, holds ended as
answered, the figures of all accounts are what the answers add up to, late repeats get the first answer, the audit of
every book is clean.

A SIGKILL does not lose what the kernel has been given; that the disk has it too rests on fsync, which no test without
pulling a plug can show. One line of JSON per round and one for all; the exit code is 1 when anything was lost, doubled
or found.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from sqlalchemy.orm import Session

from bench.crash_worker import (
    BookFacts,
    Log,
    Scene,
    Tried,
    answer,
    closing,
    draft,
    read_lines,
    read_log,
    was_there,
    work,
)
from tests.ledger.processes import CONTEXT, Place, Post, Reckoning, Take, Undo, Verb, connect, differences, do, findings
from tests.postgres import DURABLE, Cluster, cluster_in
from timebank.cli.database import run_alembic
from timebank.core.clock import month_range, next_month
from timebank.core.db import write_session
from timebank.ledger import queries, service
from timebank.ledger.models import Entry, Hold, HoldEnd, Period, Seal, Transfer
from timebank.ledger.rules import content_hash, hold_hash

FIRST_MONTH = "2026-01"
MEMBERS = 12
PROCESSES = 5
CONTEXT.set_forkserver_preload(["bench.crash_worker"])  # a killed process is replaced at once
SILENCE_BAR = 5.0  # seconds without an answer while the server runs, on a machine that does nothing else
_RESENT = 40  # late repeats in a round
_KEEPER = "keeper"  # the log of what we do ourselves


@dataclass(kw_only=True)
class Round:
    """What one round was and found."""

    engine: str
    round: int
    processes_killed: int = 0
    server_stops: int = 0
    answered: int = 0
    refused: int = 0
    asked_again: int = 0
    of_these_committed: int = 0
    entries_in_books: int = 0
    longest_silence_s: float = 0.0
    silence_after_restart_s: float = 0.0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other_faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing twice, nothing else."""
        return not (self.lost or self.doubled or self.other_faults)


# --- the place ------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Grounds:
    """A database that can be killed, its books, and the logs of all who ever worked on it."""

    engine_name: str
    folder: Path
    url: str
    cluster: Cluster | None
    silence_bar: float = SILENCE_BAR
    books: tuple[BookFacts, ...] = ()

    def scene(self, name: str, month: str) -> Scene:
        return Scene(
            url=self.url,
            books=self.books,
            month=month,
            log=self.folder / f"{name}.log",
            stop=self.folder / "stop",
            name=name,
        )

    def logs(self) -> dict[str, list[Tried]]:
        return {path.stem: read_log(path) for path in sorted(self.folder.glob("*.log"))}


@contextmanager
def grounds(engine_name: str, settings: Mapping[str, str] = DURABLE) -> Iterator[Grounds]:
    """A migrated database of its own with two books and some members who have money."""
    folder = Path(tempfile.mkdtemp(prefix="tc", dir="/tmp"))
    cluster = None
    if engine_name == "postgresql":
        cluster = cluster_in(folder / "pg", settings)
        cluster.start()
    url = cluster.url if cluster else f"sqlite:///{folder / 'crash.db'}"
    try:
        run_alembic(connect(url), command.upgrade, revision="head")
        made = Grounds(engine_name=engine_name, folder=folder, url=url, cluster=cluster)
        made.books = tuple(_book(made, code, other) for code, other in (("BL", "XG"), ("XG", "BL")))
        _fund(made)
        yield made
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _book(here: Grounds, code: str, other: str) -> BookFacts:
    engine = connect(here.url)
    with Session(engine) as session, write_session(session):
        book_id = service.open_book(session, code=code)
        codes = [f"member:{number}" for number in range(MEMBERS)]
        found = service.open_accounts(session, book_id=book_id, codes=codes, kind="member", unit="coin")
        facts = BookFacts(
            book_id=book_id,
            issuance=queries.find_house_account(session, book_id, "issuance"),
            clearing=service.open_account(
                session, book_id=book_id, code=f"clearing:{other}", kind="clearing", unit="coin"
            ),
            members=tuple(found[each] for each in codes),
        )
    engine.dispose()
    return facts


def _fund(here: Grounds) -> None:
    now = month_range(FIRST_MONTH)[0]
    for book in here.books:
        drafts = [draft(book, f"start:{id_}", (book.issuance, id_, 3_000), now=now) for id_ in book.members]
        _keep(here, Post(drafts=tuple(drafts), now=now))


def _keep(here: Grounds, verb: Verb) -> None:
    log = Log(here.folder / f"{_KEEPER}.log")
    number = len(read_log(here.folder / f"{_KEEPER}.log"))
    engine = connect(here.url)
    log.begin(number, verb)
    answer(engine, log, number, verb)
    engine.dispose()
    log.close()


# --- one round ------------------------------------------------------------------------------------------------------


@dataclass
class Load:
    """The processes at work, which can be killed and replaced."""

    here: Grounds
    month: str
    luck: random.Random
    running: dict[str, BaseProcess] = field(default_factory=dict)
    killed: int = 0
    restarts: list[float] = field(default_factory=list)  # when what had been taken away was back
    away: list[tuple[float, float]] = field(default_factory=list)  # when the server was

    def start(self, name: str) -> None:
        seed = self.luck.randrange(2**32)
        process = CONTEXT.Process(target=work, args=(self.here.scene(name, self.month), seed), daemon=True)
        process.start()
        self.running[name] = process

    def wait_for_answers(self) -> list[str]:
        """Let everybody have had an answer first; an empty list, or who had none."""
        deadline = time.monotonic() + 30
        logs = {name: self.here.scene(name, self.month).log for name in self.running}
        sizes = {name: log.stat().st_size if log.exists() else 0 for name, log in logs.items()}
        waiting = set(logs)
        while waiting and time.monotonic() < deadline:
            time.sleep(0.05)
            waiting = {n for n in waiting if not logs[n].exists() or logs[n].stat().st_size <= sizes[n]}
        return [f"{name} never got to work" for name in waiting]

    def kill(self, names: Sequence[str]) -> None:
        """SIGKILL, all named at once, and the same names again as a supervisor would start them."""
        for name in names:
            self.running[name].kill()
        for name in names:
            self.running[name].join()
            self.start(name)
        self.killed += len(names)
        self.restarts.append(time.monotonic())

    def kill_in_a_long_batch(self, seconds: float) -> None:
        """Wait until somebody is in a long batch, let a part of it pass, and kill him."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name in list(self.running):
                *_, last = [{}, *read_lines(self.here.folder / f"{name}.log")]
                if last.get("size", 0) > 1_000:
                    time.sleep(self.luck.uniform(0, 0.4))
                    self.kill([name])
                    return
            time.sleep(0.01)

    def stop_server(self, cluster: Cluster) -> None:
        gone = time.monotonic()
        cluster.stop()
        cluster.start()
        back = time.monotonic()
        self.away.append((gone, back))
        self.restarts.append(back)

    def finish(self) -> list[str]:
        """Let everybody end what he is at; whoever does not is named."""
        self.here.scene("", self.month).stop.touch()
        stuck = []
        for name, process in self.running.items():
            process.join(30)
            if process.exitcode != 0:
                stuck.append(f"process {name} ended with {process.exitcode}")
                process.kill()
                process.join()
        self.here.scene("", self.month).stop.unlink()
        return stuck


def one_round(here: Grounds, number: int, month: str, seconds: float) -> Round:
    """Load, kills, restart, repeats, checks."""
    found = Round(engine=here.engine_name, round=number)
    luck = random.Random(f"{here.engine_name}:{number}")
    load = Load(here, month, luck)
    begun = time.monotonic()
    names = [f"w{place}" for place in range(PROCESSES)]
    for name in names:
        load.start(name)
    found.other_faults += load.wait_for_answers()
    violence: list[Callable[[], None]] = [
        lambda: load.kill([luck.choice(names)]),
        lambda: load.kill(luck.sample(names, 2)),
        lambda: load.kill(names),
        lambda: load.kill_in_a_long_batch(seconds),
    ]
    if here.cluster is not None:
        cluster = here.cluster
        violence.append(lambda: load.stop_server(cluster))
    luck.shuffle(violence)
    for act in violence:
        time.sleep(luck.uniform(0.1, 2 * seconds / len(violence)))
        act()
    time.sleep(seconds * 0.4)
    found.other_faults += load.finish()
    found.processes_killed, found.server_stops = load.killed, len(load.away)
    _ask_again(here)
    for book in here.books:  # the month is closed by the end of its round, by us if by nobody else
        _keep(here, closing(here.scene(_KEEPER, month), book))
    _silences(here, load, begun, found)
    check(here, found, begun)
    return found


def _ask_again(here: Grounds) -> None:
    """What has no answer yet is sent once more."""
    engine = connect(here.url)
    for path in sorted(here.folder.glob("*.log")):
        tried, log = read_log(path), Log(path)
        if tried and tried[-1].outcome is None:
            log.note(again=tried[-1].number, was_there=was_there(engine, tried[-1].verb), at=time.monotonic())
            answer(engine, log, tried[-1].number, tried[-1].verb)
        log.close()
    engine.dispose()


def _silences(here: Grounds, load: Load, begun: float, found: Round) -> None:
    """How long nobody got an answer: at all while the server ran, and after each restart."""
    answers = sorted(
        line["at"]
        for path in here.folder.glob("w*.log")
        for line in read_lines(path)
        if "done" in line and line["at"] >= begun
    )
    gaps = [
        (later - earlier) - sum(max(0.0, min(later, back) - max(earlier, gone)) for gone, back in load.away)
        for earlier, later in itertools.pairwise(answers)
    ]
    found.longest_silence_s = round(max(gaps, default=0.0), 2)
    waits = [next((at - back for at in answers if at > back), 99.0) for back in load.restarts]
    found.silence_after_restart_s = round(max(waits, default=0.0), 2)
    if max(found.longest_silence_s, found.silence_after_restart_s) > here.silence_bar:
        found.other_faults.append(f"silence of more than {here.silence_bar} s")


# --- what is there --------------------------------------------------------------------------------------------------


def check(here: Grounds, found: Round, begun: float) -> None:
    """Hold everything ever answered against the database."""
    logs = here.logs()
    tried = [each for log in logs.values() for each in log]
    _count(here, tried, begun, found)
    engine = connect(here.url)
    reckoning = Reckoning()
    for each in tried:
        if each.outcome is not None:
            reckoning.add(each.outcome)
    with Session(engine) as session:
        _check_entries(session, tried, reckoning, found)
        _check_holds(session, tried, reckoning, found)
        _check_seals(session, reckoning, found)
        found.other_faults += differences(session, reckoning.figures())
        found.other_faults += findings(session)
    _check_late_repeats(engine, tried, found)
    with Session(engine) as session:
        found.other_faults += differences(session, reckoning.figures())
    engine.dispose()


def _count(here: Grounds, tried: Sequence[Tried], begun: float, found: Round) -> None:
    mine = [each for each in tried if each.began >= begun]
    results = Counter("none" if e.outcome is None else "refused" if e.outcome.refusal else "answered" for e in mine)
    found.answered, found.refused = results["answered"], results["refused"]
    found.lost += [f"no answer after all: {each.verb}" for each in mine if each.outcome is None]
    found.other_faults += [each.outcome.error for each in mine if each.outcome and each.outcome.error]
    for path in here.folder.glob("w*.log"):
        numbers = {each.number for each in read_log(path) if each.began >= begun}
        again = [line for line in read_lines(path) if line.get("again") in numbers]
        found.asked_again += len(again)
        found.of_these_committed += sum(line["was_there"] is True for line in again)


def _check_entries(session: Session, tried: Sequence[Tried], reckoning: Reckoning, found: Round) -> None:
    """Each answered key has its entry with its content, and there is no entry that nobody was told of."""
    kept = {(row.book_id, row.key): row for row in session.execute(_ENTRIES)}
    if len(kept) != session.scalar(sa.select(sa.func.count()).select_from(Entry)):
        found.doubled.append("a key stands under two entries")
    moved: dict[int, list[tuple[int, int, int, str]]] = {}
    for row in session.execute(_TRANSFERS):
        moved.setdefault(row.entry_id, []).append((row.debit_id, row.credit_id, row.amount, row.unit))
    told = dict(_told(tried))
    for key, (entry_id, mark) in told.items():
        entry = kept.get(key)
        if entry is None or entry.id != entry_id or mark not in {None, entry.content_hash}:
            found.lost.append(f"entry {key} was answered as {entry_id}")
        elif moved[entry_id] != [(t.debit_id, t.credit_id, t.amount, t.unit) for t in reckoning.transfers_of(entry_id)]:
            found.lost.append(f"entry {key} has other transfers")
    found.entries_in_books = len(kept)
    found.doubled += [f"entry {key} is there and nobody was told" for key in kept.keys() - told.keys()]


_ENTRIES = sa.select(Entry.book_id, Entry.key, Entry.id, Entry.content_hash)
_TRANSFERS = sa.select(
    Transfer.entry_id, Transfer.debit_id, Transfer.credit_id, Transfer.amount, Transfer.unit
).order_by(Transfer.entry_id, Transfer.seq)


def _told(tried: Sequence[Tried]) -> Iterator[tuple[tuple[int, str], tuple[int, str | None]]]:
    """(book, key) → (entry, content) of every answer that names an entry."""
    books = {}
    for each in tried:
        if each.outcome is None or each.outcome.refusal or each.outcome.error:
            continue
        match each.verb:
            case Post():
                for entry_id, one in zip(each.outcome.answer, each.verb.drafts, strict=True):
                    books[entry_id] = one.book_id
                    yield (one.book_id, one.key), (entry_id, content_hash(one))
            case Take():
                one = each.verb.draft
                books[each.outcome.answer] = one.book_id
                yield (one.book_id, one.key), (each.outcome.answer, content_hash(one))
    for each in tried:
        if isinstance(each.verb, Undo) and each.outcome is not None and each.outcome.answer is not None:
            yield (books[each.verb.entry_id], each.verb.key), (each.outcome.answer, None)


def _check_holds(session: Session, tried: Sequence[Tried], reckoning: Reckoning, found: Round) -> None:
    """Each answered hold is there with its content; it ended as answered, and no other ended."""
    marks = dict(session.execute(sa.select(Hold.id, Hold.content_hash)).all())
    keys = dict(session.execute(sa.select(Hold.id, Hold.key)).all())
    for each in tried:
        if isinstance(each.verb, Place) and each.outcome is not None and each.outcome.answer is not None:
            wanted, id_ = each.verb.draft, each.outcome.answer
            mark = hold_hash(wanted.account_id, wanted.amount, wanted.source_type, wanted.source_id)
            if (keys.get(id_), marks.get(id_)) != (wanted.key, mark):
                found.lost.append(f"hold {wanted.key} was answered as {id_}")
    found.doubled += [f"hold {id_} is there and nobody was told" for id_ in marks.keys() - reckoning.holds.keys()]
    ended = dict(session.execute(sa.select(HoldEnd.hold_id, HoldEnd.how)).all())
    for hold_id in ended.keys() | reckoning.ended.keys():
        if ended.get(hold_id) != reckoning.ended.get(hold_id):
            found.lost.append(f"hold {hold_id}: {ended.get(hold_id)}, answered {reckoning.ended.get(hold_id)}")


def _check_seals(session: Session, reckoning: Reckoning, found: Round) -> None:
    """Each answered close has its seal, and it covers as many entries as stand in its month."""
    counts = dict(session.execute(sa.select(Entry.period_id, sa.func.count()).group_by(Entry.period_id)).all())
    kept = {
        (row.book_id, row.month): [row.hash, row.entry_count]
        for row in session.execute(
            sa.select(Seal.book_id, Period.month, Seal.hash, Seal.entry_count, Seal.period_id).join(
                Period, Period.id == Seal.period_id
            )
        )
        if counts.get(row.period_id, 0) == row.entry_count
    }
    if kept != reckoning.seals:
        found.lost.append(f"seals {kept} are not the answered {reckoning.seals}")


def _check_late_repeats(engine: sa.Engine, tried: Sequence[Tried], found: Round) -> None:
    """Some answered verbs once more, long after: the first answer again."""
    answered = [each for each in tried if each.outcome is not None and each.outcome.answer is not None]
    for each in random.Random(found.round).sample(answered, min(_RESENT, len(answered))):
        again = do(engine, each.verb)
        if each.outcome is not None and again.answer != each.outcome.answer:
            found.doubled.append(f"{each.verb} answered {each.outcome.answer}, then {again}")


# --- all rounds -----------------------------------------------------------------------------------------------------


def run(chosen: argparse.Namespace, say: Callable[[str], None]) -> list[Round]:
    """All rounds on one database, whose books grow and whose months close one after another."""
    done, month = [], FIRST_MONTH
    careless = {"synchronous_commit": "off", "wal_writer_delay": "10s"} if chosen.careless else {}
    with grounds(chosen.engine, DURABLE | careless) as here:
        here.silence_bar = chosen.silence
        for number in range(1, chosen.rounds + 1):
            done.append(one_round(here, number, month, chosen.seconds))
            say(json.dumps(asdict(done[-1]), ensure_ascii=False))
            month = next_month(month)
    return done


def summary(done: Sequence[Round]) -> dict[str, object]:
    """All rounds in one line."""
    add = ("processes_killed", "server_stops", "answered", "refused", "asked_again", "of_these_committed")
    most = ("longest_silence_s", "silence_after_restart_s", "entries_in_books")
    return {
        "engine": done[0].engine,
        "rounds": len(done),
        **{name: sum(getattr(each, name) for each in done) for name in add},
        **{name: max(getattr(each, name) for each in done) for name in most},
        **{name: sum(len(getattr(each, name)) for each in done) for name in ("lost", "doubled", "other_faults")},
    }


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0, help="load per round, roughly")
    parser.add_argument(
        "--silence", type=float, default=SILENCE_BAR, help="seconds without an answer that are too many"
    )
    parser.add_argument("--careless", action="store_true", help="PostgreSQL answers before it has written: has to fail")
    chosen = parser.parse_args(words)
    done = run(chosen, lambda line: print(line, flush=True))
    print(json.dumps(summary(done)), flush=True)
    return 0 if all(each.sound for each in done) else 1
