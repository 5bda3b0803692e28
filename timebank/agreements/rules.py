"""Whether a promise is kept: from what was agreed and what was done. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

KEPT, OPEN, SOON, OVERDUE, LET_GO, OVER = "kept", "open", "soon", "overdue", "let_go", "over"
STANDING_NAMES: Final = {
    KEPT: "已兑现",
    OPEN: "进行中",
    SOON: "快到期",
    OVERDUE: "已逾期",
    LET_GO: "协商取消",
    OVER: "协议终止，没有完成",
}
UNKEPT: Final = (OPEN, SOON, OVERDUE)  # what somebody still has to do something about
SOON_DAYS: Final = 30
MOST: Final = 100_000  # of anything that one side promises or does at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a promise stands on a day: what is done of what was promised, when it was kept, whether after its day."""

    state: str
    done: int
    promised: int
    kept_on: date | None = None
    late: bool = False

    @property
    def left(self) -> int:
        """What is still to be done."""
        return max(self.promised - self.done, 0)


def standing(
    promised: int, due_on: date, deeds: Iterable[tuple[date, int]], *, today: date, ended_on: date | None = None
) -> Standing:
    """How a promise of ``promised`` until ``due_on`` (that day included) stands.

    ``deeds`` are (day, quantity) of what was done and not taken back; ``ended_on`` is the day an agreement ended early.
    """
    deeds = sorted(deeds)
    done = sum(quantity for _, quantity in deeds)
    if not promised:
        return Standing(state=LET_GO, done=done, promised=0)
    kept_on = _reached(promised, deeds)
    if kept_on is not None:
        return Standing(state=KEPT, done=done, promised=promised, kept_on=kept_on, late=kept_on > due_on)
    if ended_on is not None and due_on >= ended_on:
        return Standing(state=OVER, done=done, promised=promised)
    if due_on < today:
        return Standing(state=OVERDUE, done=done, promised=promised)
    soon = due_on - today <= timedelta(days=SOON_DAYS)
    return Standing(state=SOON if soon else OPEN, done=done, promised=promised)


def _reached(promised: int, deeds: list[tuple[date, int]]) -> date | None:
    done = 0
    for day, quantity in deeds:
        done += quantity
        if done >= promised:
            return day
    return None
