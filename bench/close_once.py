"""Close and pack one month in a process of its own; prints seconds and peak memory in MB. Started by ``close_100k``."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from sqlalchemy.orm import Session

from tests import databases
from tests.world import KEYS
from timebank.archives.package import Packing
from timebank.archives.service import close_month, keep_package, make_package
from timebank.branches.queries import get_branch_by_code
from timebank.core.actor import SYSTEM
from timebank.core.clock import month_range
from timebank.core.db import write_session


def main(url: str, branch_code: str, month: str, folder: str) -> None:
    """Everything ``flask archive close`` does, timed."""
    engine = databases.make_engine(url)
    now = month_range(month)[1]
    start = time.perf_counter()
    with Session(engine) as session:
        branch = get_branch_by_code(session, branch_code)
        with write_session(session):
            close_month(session, branch=branch, month=month, actor=SYSTEM, keys=KEYS, now=now)
        packing = Packing(folder=Path(folder), keys=KEYS)
        package = make_package(session, branch=branch, month=month, packing=packing)
        with write_session(session):
            keep_package(session, branch=branch, month=month, package=package, actor=SYSTEM, now=now)
    taken = time.perf_counter() - start
    engine.dispose()
    print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
