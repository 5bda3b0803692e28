"""What all jobs share: what they are given, one branch after the other, batch after batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.orm import Session

from timebank.branches.queries import list_branches
from timebank.core.db import db, transaction
from timebank.core.errors import Conflict
from timebank.core.keys import Keys

log = structlog.get_logger()
BATCH: Final = 500


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a job needs of the running program: its keys, the archives' folder, the public address if it is set."""

    keys: Keys
    archives: Path
    site: str = ""


class JobFailed(Conflict):
    """A job did not come to its end. Its sentence is kept with the run: it names branches and counts, never people."""

    code = "jobs.failed"


class BranchesFailed(JobFailed):
    """A job went wrong, not merely was refused, at some branches; the others were done."""

    code = "jobs.branches_failed"
    text = "{branches} 的{what}出错，没有完成；{others}。原因见{where}。"


def each_branch(event: str, work: Callable[[int, str], int]) -> tuple[int, str]:
    """Do one branch's work after the other's; the sum of what it counted, and the codes of those where it failed."""
    places = [(branch.id, branch.code) for branch in list_branches(db.session(), closed=True)]
    return one_by_one(event, "branch", places, work)


def one_by_one(
    event: str, kind: str, places: Iterable[tuple[int, str]], work: Callable[[int, str], int]
) -> tuple[int, str]:
    """Do one place's work after the other's; the sum of what it counted, and the codes of those where it failed."""
    done, failed = 0, []
    for place_id, code in places:
        try:
            done += work(place_id, code)
        except Exception as error:
            db.session.rollback()
            failed.append(code)
            log.error(event, **{kind: code}, kind=type(error.__cause__ or error).__name__)
    return done, "、".join(failed)


def in_batches(work: Callable[[Session, int], int]) -> int:
    """Do at most so much in one unit of work, and again until there is less to do; returns how much was done."""
    done = 0
    while True:
        with transaction() as session:
            batch = work(session, BATCH)
        done += batch
        if batch < BATCH:
            return done
