"""Other programs that come to the same balances from the same journal, each in a process of its own."""

from __future__ import annotations

import csv
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# A small process between: what a program took at most is counted from its parent's size on.
_STARTER = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
"""
_BEANCOUNT = """
import sys
from beancount import loader
from beancount.core import realization
entries, errors, _ = loader.load_file(sys.argv[1])
assert not errors, errors[:3]
total = 0
for account in realization.iter_children(realization.realize(entries)):
    for position in account.balance:
        total += abs(int(position.units.number))
print(total)
"""
_BY_HAND = """
import sys
from pathlib import Path
from tests.journal_parser import balances
found = balances(Path(sys.argv[1]).read_text(encoding="utf-8"))
print(sum(abs(amount) for amounts in found.values() for amount in amounts.values()))
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a peer took: seconds, of processor too, peak memory in MB; the sum of all balances, without signs."""

    seconds: float
    cpu: float
    megabytes: float
    standing: int


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A program: its name with the version, how it is called for a folder with the journals, how its answer is read."""

    name: str
    command: Callable[[Path], Sequence[str]]
    read: Callable[[str], int] = int

    def measure(self, folder: Path) -> Measured:
        """Let it come to the balances of the journal in ``folder``."""
        command = [sys.executable, "-c", _STARTER, *self.command(folder)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, cpu, kilobytes = done.stderr.splitlines()[-1].split()
        return Measured(
            seconds=float(seconds), cpu=float(cpu), megabytes=int(kilobytes) / 1024, standing=self.read(done.stdout)
        )


def _hledger() -> Peer | None:
    program = shutil.which("hledger")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    words = ("balance", "--flat", "--no-total", "--layout=bare", "-O", "csv")
    return Peer(
        name=said.split(",")[0],
        command=lambda folder: [program, "-f", str(folder / "journal.hledger"), *words],
        read=lambda text: sum(abs(int(line[2])) for line in list(csv.reader(text.splitlines()))[1:]),
    )


def _in_python(name: str, program: str, journal: str) -> Peer:
    return Peer(name=name, command=lambda folder: [sys.executable, "-c", program, str(folder / journal)])


def list_peers(transfers: int) -> list[Peer]:
    """The peers for a size: hledger where it is installed; beancount, too slow for a million; a pass in Python."""
    found = [_hledger()]
    if importlib.util.find_spec("beancount") and transfers <= 100_000:
        found.append(_in_python("beancount", _BEANCOUNT, "journal.beancount"))
    found.append(_in_python("by hand", _BY_HAND, "journal.hledger"))
    return [peer for peer in found if peer is not None]
