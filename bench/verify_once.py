"""Verify one package in a process of its own; prints seconds and peak memory in MB. Started by ``verify_package``."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from timebank.archives.reading import read_package


def main(path: str, key: str) -> None:
    """Everything ``flask archive verify`` does with a file, timed."""
    start = time.perf_counter()
    report = read_package(Path(path), keys=[key])
    taken = time.perf_counter() - start
    if not report.sound:
        raise SystemExit("\n".join(map(str, report.damages)))
    print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
