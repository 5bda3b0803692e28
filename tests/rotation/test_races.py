"""Two administrators at once, and one who presses twice."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy.orm import Session

from tests import databases
from tests.world import NOW
from timebank.core.actor import SYSTEM
from timebank.core.db import write_session
from timebank.rotation.models import PERSONAL
from timebank.rotation.queries import list_generations
from timebank.rotation.service import rotate_code_key


def _rotate_together(url: str, keys: list[str]) -> list[int]:
    engine = databases.make_engine(url)
    ready, made = threading.Barrier(len(keys)), []

    def run(key: str) -> None:
        with Session(engine) as session:
            ready.wait()
            with write_session(session):
                row = rotate_code_key(session, PERSONAL, overlap=timedelta(days=9), form_key=key, actor=SYSTEM, now=NOW)
                made.append(row.generation)

    threads = [threading.Thread(target=run, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        in_use = [one for one in list_generations(session, PERSONAL) if one.accepted_until is None]
        assert len(in_use) == 1
    engine.dispose()
    return sorted(made)


def test_rotations_at_one_moment_follow_one_another(fresh_database: str) -> None:
    assert _rotate_together(fresh_database, ["a", "b", "c", "d"]) == [1, 2, 3, 4]


def test_one_form_sent_many_times_at_once_rotates_once(fresh_database: str) -> None:
    assert _rotate_together(fresh_database, ["a"] * 6) == [1] * 6
