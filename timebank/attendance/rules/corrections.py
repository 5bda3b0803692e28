"""What a correction does to a record: which of its minutes give way."""

from __future__ import annotations

from dataclasses import dataclass

from timebank.core.errors import Invalid
from timebank.core.minutes import hours


class CorrectionOutOfRange(Invalid):
    """More than the shift has room for, or less than nothing."""

    code = "attendance.correction_out_of_range"
    text = "更正后的时长最多 {most}（班次全长减去休息，加上确认过的加时）。全部不算的话，请选“整笔冲正”。"


class NothingChanges(Invalid):
    """The right amount is the one that stands there."""

    code = "attendance.nothing_changes"
    text = "现在记的就是 {now}，没有要更正的。请填写正确的时长。"


@dataclass(frozen=True, slots=True)
class Split:
    """Service minutes by where they come from: recorded at the door, or entered by hand."""

    signed: int
    manual: int

    @property
    def minutes(self) -> int:
        """All of them."""
        return self.signed + self.manual


def corrected_split(now: Split, minutes: int, *, room: int) -> Split:
    """The right ``minutes``: what is too much is taken from those entered by hand first, what is missing added there.

    Raises NothingChanges, CorrectionOutOfRange.
    """
    if minutes == now.minutes:
        raise NothingChanges(now=hours(now.minutes), fields={"minutes": f"现在记的就是 {hours(now.minutes)}。"})
    if not 0 <= minutes <= room:
        raise CorrectionOutOfRange(most=hours(room), fields={"minutes": f"最多 {hours(room)}。"})
    less = now.minutes - minutes
    manual = max(now.manual - less, 0)
    return Split(signed=minutes - manual, manual=manual)
