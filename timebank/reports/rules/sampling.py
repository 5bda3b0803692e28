"""Drawing by lot so that anybody can draw again: an activity's lot is the SHA-256 of ``seed:id``, the lowest are taken.

On any machine: ``printf '%s' 'SEED:ID' | sha256sum``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection


def lot(seed: str, number: int) -> str:
    """The lot of one activity: 64 hexadecimal characters."""
    return hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()


def draw(seed: str, numbers: Collection[int], wanted: int) -> list[int]:
    """The ``wanted`` activities with the lowest lots, the lowest first; all of them where there are no more."""
    return sorted(numbers, key=lambda number: lot(seed, number))[:wanted]


def drum_hash(numbers: Collection[int]) -> str:
    """The SHA-256 over the ids in the drum, in rising order with commas between: who was in it cannot change later."""
    return hashlib.sha256(",".join(map(str, sorted(numbers))).encode()).hexdigest()
