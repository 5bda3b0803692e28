"""``storm``: 10,000 scans by 600 people who sign in first, through real server workers, beside the bare endpoint.

SQLite with one worker of eight threads (as ``make run``), PostgreSQL with two of four. The same crowd of 32 requests at
once does both sides in turn. Then the same storm with a worker killed twice in its middle, and with the answer of every
tenth press thrown away. After each: every press is there exactly once and nothing else is, and everybody's attendance
is what they did. ``BENCH_STORM=1000`` makes it smaller.
"""

from __future__ import annotations

import itertools
import os
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import timedelta

from bench.harness import say
from bench.servers import Server, served
from bench.square import WENT, Did, Square, check, make_square, sign_in
from bench.storming import Answered, Press, all_at_once, form_press, longest_silence, losing, percentile, rate
from bench.town import KEYS
from tests import databases
from timebank.attendance.rules import Claim, claim_text

SCANS = int(os.environ.get("BENCH_STORM", "10000"))
PEOPLE = 600
ROUNDS = 4  # of ours and of the bare endpoint, in turn
BAR = 0.50
_CAME = timedelta(minutes=8)  # before the storm; a claim lasts a quarter of an hour


def measure() -> None:
    databases.begin_run()
    try:
        for engine, short, workers in (("sqlite", "sqlite", 1), ("postgresql", "pg", 2)):
            _storm(engine, short, workers, "")
            _storm(engine, short, workers, "killed")
            _storm(engine, short, workers, "lost")
    finally:
        databases.end_run()


def _storm(engine: str, short: str, workers: int, trouble: str) -> None:
    name = "_".join(filter(None, ("storm", short, trouble)))
    with databases.fresh(engine) as url, tempfile.TemporaryDirectory() as folder:
        turns = -(-SCANS // PEOPLE) // 2 + 1  # each person comes to and leaves one after another
        square = make_square(url, folder, persons=PEOPLE, shift_count=turns, came=_CAME)
        with served("wsgi:app", square.settings, workers=workers, threads=8 // workers) as ours:
            signed_in = _sign_in(ours, square, name if not trouble else "")
            phones = [_presses(square, n, cookies, token) for n, (cookies, token) in enumerate(signed_in)]
            _cut(phones, SCANS)
            if trouble == "lost":
                phones = losing(phones)
            if trouble:
                answers = all_at_once(ours, phones, kill=trouble == "killed")
                _say_trouble(name, answers, [p for phone in phones for p in phone])
            else:
                answers = _beside_bare(name, ours, square, phones, workers)
        told = {each.name: _did(each.name) for each in answers}
        check(name, square, told, wanted=SCANS)


def _did(name: str) -> Did:
    _, shift_id, member_id, _, kind = re.split("[:-]", name)
    return Did(int(shift_id), int(member_id), kind)


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
            found[turn[0]] = sign_in(server, turn[1], "/check-in")
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


# --- pressing -------------------------------------------------------------------------------------------------------


def _presses(square: Square, number: int, cookies: dict[str, str], token: str) -> list[Press]:
    """One person comes to and leaves each shift, one after another."""
    presses = []
    for shift_id in square.shifts:
        for kind, before in (("in", _CAME), ("out", WENT)):
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


def _say_trouble(name: str, answers: Sequence[Answered], presses: Sequence[Press]) -> None:
    again = sum(each.tries > 1 for each in answers)
    say(
        name,
        "scans/s",
        rate(answers),
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
            plain = [list(itertools.islice(rows, len(phone))) for phone in part]
            for side, server, given in (("ours", ours, part), ("bare", bare, plain)):
                done = all_at_once(server, given, kill=False)
                rates[side].append(rate(done))
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
