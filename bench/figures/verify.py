"""``verify_package``: the package of a month with 100,000 transfers of 10,000 members is looked through whole, offline.

Beside plain ``sha256sum`` over the same file, which reads it packed and knows nothing of it. The same beside unpacking
and ``sha256sum`` of what is inside (``_unpacked``), the least that anybody has to do who looks at the contents. Memory:
beside the bar of 300 MB.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from bench.figures.close import MEMORY_BAR_MB, MONTH, WHOLE, filled
from bench.harness import medians, say, seconds
from bench.peers import ROOT
from tests import databases
from tests.world import KEYS
from timebank.archives.signatures import public_key


def measure() -> None:
    databases.begin_run()
    try:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), _packed(Path(folder)))
    finally:
        databases.end_run()


def _measure(folder: Path, package: Path) -> None:
    memory: list[float] = []

    def verified() -> float:
        command = [sys.executable, "-m", "bench.verify_once", str(package), public_key(KEYS)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        taken, megabytes = map(float, done.stdout.split()[-2:])
        memory.append(megabytes)
        return taken

    taken = medians({
        "verify": verified,
        "packed": seconds(lambda: subprocess.run(["sha256sum", package], check=True, capture_output=True)),
        "unpacked": seconds(lambda: _unpack_and_sum(package, folder / "unpacked")),
    })  # fmt: skip
    with zipfile.ZipFile(package) as bag:
        size = {"packed_mb": _mb(package.stat().st_size), "unpacked_mb": _mb(sum(e.file_size for e in bag.infolist()))}
    say("verify_package", "s", taken["verify"], taken["packed"], **size)
    say("verify_package_unpacked", "s", taken["verify"], taken["unpacked"], **size)
    say("verify_package_memory", "MB", max(memory), MEMORY_BAR_MB)


def _mb(size: int) -> float:
    return round(size / 1e6, 1)


def _packed(folder: Path) -> Path:
    """The package that a close of such a month makes."""
    database = filled(folder, WHOLE)
    command = [sys.executable, "-m", "bench.close_once", f"sqlite:///{database}", "BL", MONTH, str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [package] = folder.rglob("*.zip")
    return package


def _unpack_and_sum(package: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    with zipfile.ZipFile(package) as bag:
        bag.extractall(target)
    files = [str(path) for path in target.rglob("*") if path.is_file()]
    subprocess.run(["sha256sum", *files], check=True, capture_output=True)
