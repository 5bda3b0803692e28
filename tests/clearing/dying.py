"""Processes that are killed (SIGKILL) before their first write, their second, and so on, on the way of one payment.

One process stands ready and forks: a child walks and dies at its place, another one, fresh, takes up what is there with
the real job. The walker that dies nowhere is the last. What a child found amiss is told to the parent in words.
"""

from __future__ import annotations

import itertools
import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from tests.databases import KEYS, SECRET
from tests.world import NOW
from timebank.clearing import service
from timebank.clearing.models import ACCEPTED, EXPIRED, RESERVED, SETTLED, Proposal
from timebank.clearing.queries import find_pair, find_proposal_by_uid
from timebank.clearing.service import ProposalDraft, Settlement, messages
from timebank.core.db import db, transaction
from timebank.jobs.tasks import Place, resume_proposals
from timebank.ledger import queries as books

UNTIL = NOW + timedelta(days=7)
MINUTES = 1  # of each payment: there are many, and one line


@dataclass(frozen=True, kw_only=True)
class Town:
    """Two branches, and an account at each."""

    url: str
    folder: str
    payer_id: int
    payee_id: int
    payer_account: int
    payee_account: int

    def draft(self, number: int) -> ProposalDraft:
        return ProposalDraft(
            uid=f"dying:{number}",
            payer_id=self.payer_id,
            payee_id=self.payee_id,
            account_id=self.payer_account,
            minutes=MINUTES,
            expires_at=UNTIL,
            source_type="order",
            actor_id=None,
        )

    def settlement(self, number: int) -> Settlement:
        return Settlement(
            takers=((self.payee_account, MINUTES),),
            key=f"order:{number}:fulfil",
            source_id=number,
            occurred_at=NOW,
            actor_id=None,
            payer_member_id=None,
            payee_member_id=None,
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """How many walkers were killed, what became of each payment, and what was amiss."""

    killed: int
    ends: tuple[str, ...]
    amiss: str = ""


# --- ways: each step is a unit of work of its own -------------------------------------------------------------------


def step_by_step(town: Town, number: int) -> None:
    """Reserve, tell, answer, take note, pay, book: as two servers do it."""
    proposal_id = _agree(town, number)
    with transaction() as session:
        paid = service.commit(session, session.get_one(Proposal, proposal_id), town.settlement(number), now=NOW)
    with transaction() as session:
        service.deliver(session, paid, now=NOW)


def taken_back(town: Town, number: int) -> None:
    """Both have agreed, then the payer takes it back."""
    proposal_id = _agree(town, number)
    with transaction() as session:
        service.cancel(session, proposal_id, actor_id=None, now=NOW)


def overtaken(town: Town, number: int) -> None:
    """Taken back before the other branch had heard of it; then it hears."""
    with transaction() as session:
        proposal = service.reserve(session, town.draft(number), now=NOW)
        letter = messages.send(session, proposal, messages.PROPOSED, minutes=MINUTES, now=NOW)
        proposal_id = proposal.id
    with transaction() as session:
        service.cancel(session, proposal_id, actor_id=None, now=NOW)
    with transaction() as session:
        service.deliver(session, letter, now=NOW)


def in_one_go(town: Town, number: int) -> None:
    """As it is while both live in one database: agreed in one transaction, paid in another."""
    with transaction() as session:
        proposal_id = service.propose(session, town.draft(number), now=NOW).id
    with transaction() as session:
        service.settle(session, proposal_id, town.settlement(number), now=NOW)


def _agree(town: Town, number: int) -> int:
    with transaction() as session:
        proposal_id = service.reserve(session, town.draft(number), now=NOW).id
    with transaction() as session:
        proposal = session.get_one(Proposal, proposal_id)
        letter = messages.send(session, proposal, messages.PROPOSED, minutes=MINUTES, now=NOW)
    with transaction() as session:
        answer = service.deliver(session, letter, now=NOW)
    with transaction() as session:
        proposal = session.get_one(Proposal, proposal_id)
        service.conclude(session, proposal, messages.PROPOSED, answer, now=NOW)
    return proposal_id


WAYS: dict[str, Callable[[Town, int], None]] = {
    one.__name__: one for one in (step_by_step, taken_back, overtaken, in_one_go)
}


# --- the process that forks -----------------------------------------------------------------------------------------


def kill_everywhere(way: str, town: Town, told: Connection) -> None:
    """Walk a way until a walker gets through; answers with a Report."""
    from timebank.app import create_app

    settings = {"DATABASE_URL": town.url, "SECRET_KEY": SECRET, "TIMEBANK_DATA": town.folder, "RATE_LIMITS": False}
    app = create_app(settings)
    with app.app_context():
        WAYS[way](town, 0)  # what a first statement costs is paid once
        db.session.remove()
        db.engine.dispose()
    try:
        told.send(_walk_on(app, way, town))
    except AssertionError as amiss:
        told.send(Report(killed=0, ends=(), amiss=str(amiss)))


def _walk_on(app: Flask, way: str, town: Town) -> Report:
    ends: list[str] = []
    for at in itertools.count(1):
        died, words = _in_child(app, lambda at=at: _walk(way, town, at))  # type: ignore[misc]
        if not died:
            assert not words, f"walker {at}: {words}"
            return Report(killed=len(ends), ends=tuple(ends))
        left, found = _in_child(app, lambda at=at: take_up(way, town, at))  # type: ignore[misc]
        assert not left, f"who took up after {at} was killed"
        assert found.startswith("ended "), f"after a death before write {at}: {found}"
        ends.append(found.removeprefix("ended "))
    raise AssertionError("no walker ever got through")


def _walk(way: str, town: Town, at: int) -> str:
    writes = itertools.count(1)

    def write(*_: Any) -> None:
        if next(writes) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    @sa.event.listens_for(db.engine, "before_cursor_execute")
    def _before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            write()

    sa.event.listen(db.engine, "commit", write)
    WAYS[way](town, at)
    return ""


def take_up(way: str, town: Town, number: int) -> str:
    """What the next process finds and does: the job takes up what waits; then it ends, by time or by going on."""
    uid = f"dying:{number}"
    left = _status(uid)
    assert way != "in_one_go" or left in {"", ACCEPTED, SETTLED}, f"half of a transaction is there: {left}"
    place = Place(keys=KEYS, archives=Path(town.folder))
    resume_proposals(place, NOW)
    assert resume_proposals(place, NOW) == 0, "what was taken up waits again"
    assert _status(uid) in {"", ACCEPTED, SETTLED, "cancelled"}, f"after the job: {_status(uid)}"
    if number % 2 and _status(uid) in {RESERVED, ACCEPTED}:
        with transaction() as session:
            found = find_proposal_by_uid(session, uid)
            assert found is not None
            service.cancel(session, found.id, how=EXPIRED, actor_id=None, now=UNTIL)
    elif _status(uid) in {"", ACCEPTED}:
        in_one_go(town, number)
    pair = find_pair(db.session(), town.payer_id, town.payee_id)
    assert pair is not None
    held = [books.get_account(db.session(), one).held for one in (town.payer_account, pair.account_of(town.payee_id))]
    assert held == [0, 0], f"still set aside: {held}"
    return f"ended {_status(uid)}"


def _status(uid: str) -> str:
    db.session.rollback()
    found = find_proposal_by_uid(db.session(), uid)
    return found.status if found is not None else ""


def _in_child(app: Flask, work: Callable[[], str]) -> tuple[bool, str]:
    """Do something in a process of its own; whether it was killed, and what it said."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        words = ""
        try:
            with app.app_context():
                words = work()
        except BaseException:
            words = traceback.format_exc()
        os.write(writing, words.encode()[-60_000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, said
