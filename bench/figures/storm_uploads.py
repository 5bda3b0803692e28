"""``storm_uploads``: 16 phones that had no network send 10,000 scans of 600 people, in batches of 50, all at once.

The same servers as ``storm``. The answer of every tenth upload is thrown away and a worker is killed twice meanwhile; a
phone sends again what was not answered. After it every scan is there exactly once and everybody's attendance is what
they did. The plain side is the same storm without trouble. ``BENCH_STORM=1000`` makes it smaller.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.figures.storm import PEOPLE, SCANS
from bench.harness import say
from bench.servers import served
from bench.square import WENT, Did, Square, check, make_square, sign_in
from bench.storming import (
    LOSE_EVERY,
    Answered,
    Press,
    all_at_once,
    json_press,
    longest_silence,
    losing,
    percentile,
    rate,
)
from bench.town import KEYS
from tests import databases
from timebank.attendance.rules import upload_key
from timebank.attendance.schemas import MOST_SCANS
from timebank.core import clock
from timebank.members.rules import personal_pass

PHONES = 16
_CAME = timedelta(minutes=62)  # a camera's second look within ten minutes would be the same scan


def measure() -> None:
    databases.begin_run()
    try:
        for engine, short, workers in (("sqlite", "sqlite", 1), ("postgresql", "pg", 2)):
            calm = _storm(engine, f"storm_uploads_{short}", workers, trouble=False, plain=1.0)
            _storm(engine, f"storm_uploads_{short}_trouble", workers, trouble=True, plain=calm)
    finally:
        databases.end_run()


def _storm(engine: str, name: str, workers: int, *, trouble: bool, plain: float) -> float:
    turns = -(-SCANS // PEOPLE) // 2 + 1
    with databases.fresh(engine) as url, tempfile.TemporaryDirectory() as folder:
        square = make_square(url, folder, persons=PEOPLE, shift_count=turns, came=_CAME)
        batches = list(_batches(square))
        with served("wsgi:app", square.settings, workers=workers, threads=8 // workers) as server:
            cookies, token = sign_in(server, square.organiser, f"/organise/shifts/{square.shifts[0]}/scan")
            presses = [_upload(n, batch, cookies, token) for n, batch in enumerate(batches)]
            phones = [presses[phone::PHONES] for phone in range(PHONES)]
            answers = all_at_once(server, losing(phones) if trouble else phones, kill=trouble)
        value = SCANS / len(batches) * rate(answers)
        _say(name, value, plain, answers)
        told = {key: did for each in answers for key, (did, _) in batches[int(each.name)].items()}
        check(name, square, told, wanted=SCANS)
    return value


Scanned = dict[str, object]  # one scan as a phone sends it
Batch = dict[str, tuple[Did, Scanned]]  # by the key that the server keeps


def _batches(square: Square) -> Iterator[Batch]:
    """What was scanned, shift by shift, in batches as large as a phone sends."""
    passes = {member_id: personal_pass(KEYS, serial) for member_id, serial in square.serials.items()}
    scans = itertools.islice(_scans(square, passes), SCANS)
    for _, of_shift in itertools.groupby(scans, key=lambda scan: scan[1][0].shift_id):
        while batch := dict(itertools.islice(of_shift, MOST_SCANS)):
            yield batch


def _scans(square: Square, passes: dict[int, str]) -> Iterator[tuple[str, tuple[Did, Scanned]]]:
    for shift_id in square.shifts:
        for kind, before in (("in", square.came), ("out", WENT)):
            for member_id in square.members:
                key = f"phone-{shift_id}-{member_id}-{kind}"
                did = Did(shift_id, member_id, kind)
                yield upload_key(shift_id, key), (did, _scanned(key, passes[member_id], square.now - before))


def _scanned(key: str, code: str, at: datetime) -> Scanned:
    return {"key": key, "code": code, "at": at.isoformat(), "loaded_offset": 0}


def _upload(number: int, batch: Batch, cookies: dict[str, str], token: str) -> Press:
    [shift_id] = {did.shift_id for did, _ in batch.values()}
    sent = {
        "sent_at": clock.now().isoformat(),
        "device": f"phone-{number % PHONES}",
        "scans": [scanned for _, scanned in batch.values()],
    }
    return json_press(str(number), f"/organise/shifts/{shift_id}/scans", sent, cookies, token)


def _say(name: str, value: float, plain: float, answers: list[Answered]) -> None:
    waits = [each.last_try for each in answers]
    say(
        name,
        "scans/s",
        value,
        plain,
        uploads=len(answers),
        sent_again=sum(each.tries > 1 for each in answers),
        thrown_away_every=LOSE_EVERY,
        p50_ms=round(percentile(waits, 50) * 1000),
        p99_ms=round(percentile(waits, 99) * 1000),
        longest_silence_s=round(longest_silence(answers), 2),
    )
