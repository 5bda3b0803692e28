"""Close and pack one month in a process of its own, started by ``bench close``.

Prints JSON: seconds to check, freeze and seal, and until it is packed as well; each also as seconds of processor,
with the peak memory in MB.
"""

from __future__ import annotations

import json
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
from timebank.ledger.export import write_journal
from timebank.ledger.queries import trial_balance


def main(url: str, branch_code: str, month: str, folder: str) -> None:
    """Everything ``flask archive close`` does, timed; then, not timed, the journal and the balances for a peer."""
    engine = databases.make_engine(url)
    now = month_range(month)[1]
    told: dict[str, float] = {}
    start, cpu = time.perf_counter(), time.process_time()
    with Session(engine) as session:
        branch = get_branch_by_code(session, branch_code)
        with write_session(session):
            close_month(session, branch=branch, month=month, actor=SYSTEM, keys=KEYS, now=now)
        told |= {"closed": time.perf_counter() - start, "closed_cpu": time.process_time() - cpu, "closed_mb": _peak()}
        packing = Packing(folder=Path(folder), keys=KEYS)
        package = make_package(session, branch=branch, month=month, packing=packing)
        with write_session(session):
            keep_package(session, branch=branch, month=month, package=package, actor=SYSTEM, now=now)
        told |= {"packed": time.perf_counter() - start, "packed_cpu": time.process_time() - cpu, "packed_mb": _peak()}
        with (Path(folder) / "journal.hledger").open("w", encoding="utf-8") as out:
            write_journal(session, out, book_id=branch.id, style="hledger")
        with (Path(folder) / "journal.beancount").open("w", encoding="utf-8") as out:
            write_journal(session, out, book_id=branch.id, style="beancount")
        standing = [abs(row.closing) for row in trial_balance(session, branch.id, month=month)]
        told["standing"] = sum(standing)
    engine.dispose()
    print(json.dumps(told))


def _peak() -> float:
    """The high-water mark of this program; ``getrusage`` would count what its parent was before ``exec`` as well."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
