"""``storm``: 10,000 scans by 600 people who sign in first, through real server workers, beside the bare endpoint.

SQLite with one worker of eight threads (as ``make run``), PostgreSQL with two of four. The same crowd of 32 requests at
once does both sides in turn. Then the same storm with a worker killed twice in its middle, and with the answer of every
tenth press thrown away. After each: every press is there exactly once and nothing else is, and everybody's attendance
is what they did. ``BENCH_STORM=1000`` makes it smaller.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bench.harness import say
from bench.servers import Server, served
from bench.storming import Answered, Crowd, Press, form_press, longest_silence, percentile
from bench.town import KEYS, SECRET, open_shift, people
from tests import databases
from timebank.app import create_app
from timebank.attendance.models import Attendance, Scan
from timebank.attendance.rules import Claim, claim_text
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.models import Credential, Member
from timebank.members.service import hash_password

SCANS = int(os.environ.get("BENCH_STORM", "10000"))
PEOPLE = 600
ROUNDS = 4  # of ours and of the bare endpoint, in turn
BAR = 0.50
LOSE_EVERY = 10
PASSWORD = "滨河路三号院"
_CAME, _WENT = timedelta(minutes=8), timedelta(minutes=2)  # before the storm; a claim lasts a quarter of an hour
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def measure() -> None:
    databases.begin_run()
    try:
        for engine, short, workers in (("sqlite", "sqlite", 1), ("postgresql", "pg", 2)):
            _storm(engine, short, workers, "")
            _storm(engine, short, workers, "killed")
            _storm(engine, short, workers, "lost")
    finally:
        databases.end_run()


@dataclass(frozen=True, kw_only=True)
class Square:
    """Where it happens: shifts that run now, the people, and when the storm is said to be."""

    url: str
    settings: dict[str, Any]
    shifts: list[int]
    logins: list[str]
    members: list[int]
    now: datetime


def _storm(engine: str, short: str, workers: int, trouble: str) -> None:
    name = "_".join(filter(None, ("storm", short, trouble)))
    with databases.fresh(engine) as url, tempfile.TemporaryDirectory() as folder:
        square = _square(url, folder)
        with served("wsgi:app", square.settings, workers=workers, threads=8 // workers) as ours:
            signed_in = _sign_in(ours, square, name if not trouble else "")
            phones = [_presses(square, n, cookies, token) for n, (cookies, token) in enumerate(signed_in)]
            _cut(phones, SCANS)
            if trouble == "lost":
                phones = _losing(phones)
            if trouble:
                answers = _all_at_once(ours, phones, kill=trouble == "killed")
                _say_trouble(name, answers, [p for phone in phones for p in phone])
            else:
                answers = _beside_bare(name, ours, square, phones, workers)
        _check(name, square, answers)


def _square(url: str, folder: str) -> Square:
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET, "TIMEBANK_DATA": folder}
    app = create_app(settings)
    with app.app_context():
        now = clock.now()
        hashed = hash_password(PASSWORD).hash
        with transaction() as session:
            shifts = []
            for _ in range(-(-SCANS // PEOPLE) // 2 + 1):  # each person comes to and leaves one after another
                branch, shift_id = open_shift(session, starts_at=now - timedelta(minutes=10), now=now)
                shifts.append(shift_id)
            members = people(session, branch, PEOPLE, now=now)
            session.add_all(
                Credential(member_id=id_, password_hash=hashed, session_mark="storm", changed_at=now) for id_ in members
            )
            logins = list(session.scalars(sa.select(Member.number).where(Member.id.in_(members)).order_by(Member.id)))
        db.session.remove()
        db.engine.dispose()
    return Square(url=url, settings=settings, shifts=shifts, logins=logins, members=sorted(members), now=now)


# --- signing in -----------------------------------------------------------------------------------------------------


def _sign_in(server: Server, square: Square, name: str) -> list[tuple[dict[str, str], str]]:
    """Everybody opens the page and signs in, from one address, eight at once; their cookies and form tokens."""
    found: list[tuple[dict[str, str], str]] = [({}, "")] * len(square.logins)
    waits: list[float] = []
    todo = iter(enumerate(square.logins))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                turn = next(todo, None)
            if turn is None:
                return
            began = time.monotonic()
            found[turn[0]] = _one_signs_in(server, turn[1])
            waits.append(time.monotonic() - began)

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(waits) != len(square.logins):
        raise RuntimeError("not everybody could sign in")
    if name:
        taken = time.monotonic() - began
        say(f"{name}_sign_ins", "people/s", len(waits) / taken, 1.0, p99_ms=round(percentile(waits, 99) * 1000))
    return found


def _one_signs_in(server: Server, login: str) -> tuple[dict[str, str], str]:
    cookies: dict[str, str] = {}
    page = server.ask("GET", "/sign-in", {}, cookies)
    form = {"csrf_token": _token(page), "login": login, "password": PASSWORD}
    server.ask("POST", "/sign-in", form, cookies, status=302)
    return cookies, _token(server.ask("GET", "/check-in", {}, cookies))


def _token(page: str) -> str:
    found = _TOKEN.search(page)
    if found is None:
        raise RuntimeError("the page has no form token")
    return found[1]


# --- pressing -------------------------------------------------------------------------------------------------------


def _presses(square: Square, number: int, cookies: dict[str, str], token: str) -> list[Press]:
    """One person comes to and leaves each shift, one after another."""
    presses = []
    for shift_id in square.shifts:
        for kind, before in (("in", _CAME), ("out", _WENT)):
            claim = claim_text(KEYS, Claim(shift_id=shift_id, seen_at=square.now - before, source="venue"))
            key = f"{shift_id}-{kind}"
            presses.append(
                form_press(
                    f"venue:{shift_id}:{square.members[number]}:{key}",
                    "/check-in",
                    {"csrf_token": token, "form_key": key, "wanted": kind},
                    cookies | {"claim": claim},
                )
            )
    return presses


def _cut(phones: list[list[Press]], count: int) -> None:
    """Leave ``count`` presses: whole turns of everybody, and of the last turn as many as are missing."""
    turns, rest = divmod(count, len(phones))
    for place, phone in enumerate(phones):
        del phone[turns + (place < rest) :]


def _losing(phones: Sequence[Sequence[Press]]) -> list[list[Press]]:
    """The same, but the first answer of every tenth press is thrown away."""
    number = itertools.count(1)
    return [[replace(press, throw_away=next(number) % LOSE_EVERY == 0) for press in phone] for phone in phones]


def _all_at_once(server: Server, phones: list[list[Press]], *, kill: bool) -> list[Answered]:
    crowd = Crowd(server.port, phones)
    crowd.go()
    if kill:
        luck = random.Random(7)
        for _ in range(2):
            time.sleep(luck.uniform(3, 6))
            os.kill(luck.choice(server.workers()), signal.SIGKILL)
    return crowd.answers()


def _say_trouble(name: str, answers: Sequence[Answered], presses: Sequence[Press]) -> None:
    again = sum(each.tries > 1 for each in answers)
    taken = max(each.answered for each in answers) - min(each.sent for each in answers)
    say(
        name,
        "scans/s",
        len(answers) / taken,
        1.0,
        scans=len(answers),
        sent_again=again,
        thrown_away=sum(press.throw_away for press in presses),
        p99_ms=round(percentile([each.last_try for each in answers], 99) * 1000),
        longest_silence_s=round(longest_silence(answers), 2),
    )


def _beside_bare(name: str, ours: Server, square: Square, phones: list[list[Press]], workers: int) -> list[Answered]:
    """The storm in four parts, each beside as many rows through the bare endpoint."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    answers: list[Answered] = []
    rows = (
        form_press(str(n), "/scan", {"key": str(n), "shift": "1", "member": str(n)}, {}, status=204) for n in _count
    )
    with served("bench.bare:app", square.settings, workers=workers, threads=8 // workers) as bare:
        for part in _parts(phones, min(ROUNDS, SCANS // PEOPLE)):
            size = sum(map(len, part))
            plain = [list(itertools.islice(rows, len(phone))) for phone in part]
            for side, server, given in (("ours", ours, part), ("bare", bare, plain)):
                done = _all_at_once(server, given, kill=False)
                taken = max(each.answered for each in done) - min(each.sent for each in done)
                rates[side].append(size / taken)
                answers += done if side == "ours" else []
    value, base = (statistics.median(rates[side]) for side in ("ours", "bare"))
    waits = [each.last_try for each in answers]
    say(
        name,
        "scans/s",
        value,
        base,
        bar=BAR,
        holds=value / base >= BAR,
        p50_ms=round(percentile(waits, 50) * 1000),
        p99_ms=round(percentile(waits, 99) * 1000),
    )
    return answers


_count = itertools.count()


def _parts(phones: list[list[Press]], count: int) -> list[list[list[Press]]]:
    """Everybody's presses in as many stretches, in order."""
    cuts = [[len(phone) * part // count for part in range(count + 1)] for phone in phones]
    return [
        [phone[cut[part] : cut[part + 1]] for phone, cut in zip(phones, cuts, strict=True)] for part in range(count)
    ]


# --- what is there --------------------------------------------------------------------------------------------------


def _check(name: str, square: Square, answers: Sequence[Answered]) -> None:
    """Every answered press is there once, nothing else is, and attendance says what was done."""
    told = {each.name for each in answers}
    expected: dict[tuple[int, int], set[str]] = {}
    for each in told:
        _, shift_id, member_id, _, kind = re.split("[:-]", each)
        expected.setdefault((int(shift_id), int(member_id)), set()).add(kind)
    engine = sa.create_engine(square.url)
    with engine.connect() as connection:
        scans = connection.execute(sa.select(Scan.key, Scan.refused)).all()
        records = connection.execute(
            sa.select(
                Attendance.shift_id,
                Attendance.member_id,
                Attendance.in_at,
                Attendance.out_at,
                Attendance.signed_minutes,
            )
        ).all()
    engine.dispose()
    kept = {scan.key for scan in scans}
    served_minutes = int((_CAME - _WENT).total_seconds()) // 60
    wrong = [
        record
        for record in records
        if (record.in_at is not None, record.out_at is not None)
        != ("in" in (did := expected.get((record.shift_id, record.member_id), set())), "out" in did)
        or record.signed_minutes != (served_minutes if "out" in did else 0)
    ]
    faults = {
        "unanswered": SCANS - len(answers),
        "lost": len(told - kept),
        "unknown": len(kept - told),
        "twice": len(scans) - len(kept) + len(records) - len(expected),
        "refused": sum(bool(scan.refused) for scan in scans),
        "wrong_records": len(wrong),
    }
    say(f"{name}_kept", "scans", len(scans), SCANS, **faults)
    if any(faults.values()):
        raise RuntimeError(f"{name}: {faults}")
