"""``cards_1000_F``: growth cards of 1,000 members in one PDF of format F, from the database to the bytes, beside a
press that prints as many empty pages; ``cards_1000_F_by_hand``: beside a press that is handed the same cards laid out
already, so that what is left is reading, signing and drawing codes. Everybody served twelve times in the past year.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import typst
from sqlalchemy.orm import Session

from bench.harness import medians, say
from bench.town import KEYS, SECRET, attend, open_shift, people
from tests import databases
from tests.world import NOW, actor_of, make_member
from timebank.app import create_app
from timebank.attendance.service import approve_shift, submit_shift
from timebank.branches.models import Branch
from timebank.core.db import db, write_session
from timebank.growth.models import TRAINING
from timebank.growth.printing import TEMPLATE, lay_out, sheets
from timebank.growth.service import MilestoneDraft, record_milestones
from timebank.web import print as paper

PEOPLE, SHIFTS, ROUNDS = 1_000, 12, 3
ADDRESS = "https://bank.example.org"
EMPTY = '#set page(paper: "{}")\n#for at in range({}) {{ if at > 0 {{ pagebreak() }}; [#at] }}'
_numbers = itertools.count()


def measure() -> None:
    databases.begin_run()
    try:
        for name, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with databases.fresh(name) as url:
                app = create_app({"DATABASE_URL": url, "SECRET_KEY": SECRET, "TIMEBANK_URL": ADDRESS})
                with app.app_context():
                    _figures(db.session(), short)
                    db.session.remove()
                    db.engine.dispose()
    finally:
        databases.end_run()


def _figures(session: Session, short: str) -> None:
    with write_session(session):
        ids = _fill(session)
    for form in ("a6", "a4"):
        taken = medians(
            {
                "ours": _timed(partial(_print_all, session, ids, form)),
                "laid out": _timed(partial(_print, _cards(session, ids, form), form)),
                "empty": _timed(partial(_print_nothing, form)),
            },
            ROUNDS,
        )
        more = {"ms_per_card": round(1_000 * taken["ours"] / PEOPLE, 2)}
        say(f"cards_1000_{form}_{short}", "s", taken["ours"], taken["empty"], **more)
        say(f"cards_1000_{form}_by_hand_{short}", "s", taken["ours"], taken["laid out"], **more)


def _cards(session: Session, ids: list[int], form: str) -> list[dict[str, Any]]:
    session.rollback()
    return [card for some in lay_out(session, ids, KEYS, form=form, address=ADDRESS, now=NOW) for card in some]


def _print_all(session: Session, ids: list[int], form: str) -> int:
    return _print(_cards(session, ids, form), form)


def _print(cards: list[dict[str, Any]], form: str) -> int:
    """Bytes of a PDF under a title of its own: the press remembers what it printed last."""
    return len(paper.pdf(TEMPLATE, sheets(cards, form, title=f"{next(_numbers)}", now=NOW)))


def _print_nothing(form: str) -> int:
    return len(typst.compile(EMPTY.format(form, PEOPLE).encode(), format="pdf"))


def _timed(work: Callable[[], int]) -> Callable[[], float]:
    def measure_once() -> float:
        start = time.perf_counter()
        if not work():
            raise RuntimeError("nothing was printed")
        return time.perf_counter() - start

    return measure_once


def _fill(session: Session) -> list[int]:
    """A branch of 1,000 members who served, were trained, and have a card; their ids."""
    ids: list[int] = []
    for number in range(SHIFTS):
        starts_at = NOW - timedelta(days=3 * (SHIFTS - number), hours=4)
        branch, shift_id = open_shift(session, starts_at=starts_at, now=starts_at - timedelta(days=1))
        ids = ids or people(session, branch, PEOPLE, now=starts_at - timedelta(days=1))
        reviewer, approver = _staff(session, branch)
        attend(session, shift_id, ids, starts_at=starts_at)
        submit_shift(session, shift_id, actor=reviewer, now=starts_at + timedelta(hours=3))
        approve_shift(session, shift_id, actor=approver, now=starts_at + timedelta(hours=4))
    draft = MilestoneDraft(
        kind=TRAINING, title="急救培训", giver="卫生服务中心", on_day=NOW.date(), words="看过签到表",
        length_minutes=180, form_key="bench",
    )  # fmt: skip
    record_milestones(session, branch.id, draft, ids[:500], actor=reviewer, now=NOW)
    return ids


def _staff(session: Session, branch: Branch) -> tuple[Any, Any]:
    reviewer, approver = (make_member(session, branch, roles=(role,)) for role in ("organiser", "manager"))
    return actor_of(session, reviewer), actor_of(session, approver)
