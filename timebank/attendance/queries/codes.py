"""What a code at the door means now: which shift, and whether it was the screen or the paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import POSTER, VENUE, ShiftPoster
from timebank.attendance.queries.policy import policy_of
from timebank.attendance.rules import (
    CodeUnknown,
    Policy,
    TooEarly,
    TooLate,
    closes_at,
    is_poster_code,
    opens_at,
    poster_code,
    read_poster_code,
    read_venue_code,
    tidy_code,
    venue_code,
)
from timebank.core.clock import local
from timebank.core.errors import Conflict
from timebank.core.keys import Keys
from timebank.rotation import models as rotation
from timebank.rotation.queries import generation_in_use, list_generations
from timebank.rotation.rules import accepted


class PosterReplaced(Conflict):
    """A newer poster took its place, or it was taken down."""

    code = "attendance.poster_replaced"
    text = "这张签到海报已经停用或换成新的了。请扫现场现在的码，或者找组织者签到。"


class PosterOutdated(Conflict):
    """Made with a generation of the key that is over."""

    code = "attendance.poster_outdated"
    text = "这张签到海报的码已经换代，不能再用。请找组织者签到；组织者可以在“签到码大屏”里重新打印海报。"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenCode:
    """A code that counts: of which shift, and from where (venue, poster)."""

    shift_id: int
    source: str


def present_code(session: Session, keys: Keys, shift_id: int, at: datetime) -> str:
    """The code that the screen at the door shows at an instant."""
    return venue_code(keys, shift_id, at, generation_in_use(session, rotation.VENUE))


def read_code(session: Session, keys: Keys, typed: str, *, now: datetime) -> SeenCode:
    """What somebody scanned or typed to check themselves in.

    Raises CodeUnreadable, CodeForOtherUse, CodeStale, CodeUnknown; of posters also PosterOutdated, PosterReplaced,
    TooEarly, TooLate.
    """
    code = tidy_code(typed)
    if is_poster_code(code):
        return SeenCode(shift_id=_read_poster(session, keys, code, now), source=POSTER)
    generations = list_generations(session, rotation.VENUE)
    return SeenCode(shift_id=read_venue_code(keys, code, now, generations), source=VENUE)


def _read_poster(session: Session, keys: Keys, code: str, now: datetime) -> int:
    known = list_generations(session, rotation.POSTER)
    read = read_poster_code(keys, code, accepted(known, now))
    if read is None:
        raise PosterOutdated() if read_poster_code(keys, code, known) else CodeUnknown()
    row = session.execute(
        select(ShiftPoster.revoked_at, Shift, Activity)
        .join(Shift, Shift.id == ShiftPoster.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(ShiftPoster.shift_id == read.shift_id, ShiftPoster.number == read.number)
    ).one_or_none()
    if row is None:
        raise CodeUnknown()
    if row.revoked_at is not None:
        raise PosterReplaced()
    _refuse_outside(policy_of(row.Shift, row.Activity), now)
    return read.shift_id


def _refuse_outside(policy: Policy, now: datetime) -> None:
    """A poster hangs there all day, so whoever scans it before or after is told at once, without signing in."""
    if now < opens_at(policy):
        raise TooEarly(opens=f"{local(opens_at(policy)):%m-%d %H:%M}")
    if now >= closes_at(policy):
        raise TooLate(ends=f"{local(policy.ends_at):%H:%M}")


def find_poster(session: Session, shift_id: int) -> ShiftPoster | None:
    """The poster of a shift that counts."""
    valid = select(ShiftPoster).where(ShiftPoster.shift_id == shift_id, ShiftPoster.revoked_at.is_(None))
    return session.scalars(valid).one_or_none()


def code_of_poster(session: Session, keys: Keys, poster: ShiftPoster) -> str:
    """The code to print on a poster now, made with the generation in use."""
    return poster_code(keys, poster.shift_id, poster.number, generation_in_use(session, rotation.POSTER))


def count_posters(session: Session, *, now: datetime) -> int:
    """How many posters count for shifts that have not ended."""
    chosen = (
        select(func.count(ShiftPoster.id))
        .join(Shift, Shift.id == ShiftPoster.shift_id)
        .where(ShiftPoster.revoked_at.is_(None), Shift.ends_at > now, Shift.cancelled_at.is_(None))
    )
    return session.scalar(chosen) or 0
