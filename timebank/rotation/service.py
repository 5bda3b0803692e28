"""Making a new generation of a purpose's key."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.rotation.models import PURPOSES, CodeKey
from timebank.rotation.queries import list_code_keys
from timebank.rotation.rules import LONGEST_OVERLAP, MOST_ACCEPTED


class UnknownPurpose(Invalid):
    """There are no codes of this purpose."""

    code = "rotation.unknown_purpose"
    text = "没有这种码。可以换代的是：{purposes}。"


class OverlapOutOfRange(Invalid):
    """Older codes cannot count for less than no time, nor for years on end."""

    code = "rotation.overlap_out_of_range"
    text = "新旧并用的时间要在 0 到 {most} 天之间；0 天就是旧码马上作废。"

    def __init__(self) -> None:
        super().__init__(fields={"days": self.text.format(most=LONGEST_OVERLAP.days)}, most=LONGEST_OVERLAP.days)


class TooManyAccepted(Conflict):
    """So many generations count at once that the next would carry the mark of one of them."""

    code = "rotation.too_many_accepted"
    text = "现在还有 {count} 代旧码同时有效，不能再换。请把新旧并用的时间改短，或者等旧码到期。"


def rotate_code_key(
    session: Session, purpose: str, *, overlap: timedelta, form_key: str, actor: Actor, now: datetime
) -> CodeKey:
    """Make the next generation of a purpose, in use from now; older codes count for ``overlap`` more at most.

    An older generation that would have ended sooner keeps its end; none lasts longer than the new overlap says, so
    no overlap at all ends every older code at once. The same form again finds what it made.
    Raises NotAllowed, UnknownPurpose, OverlapOutOfRange, FormUsed, TooManyAccepted.
    """
    actor.require("keys.rotate")
    if purpose not in PURPOSES:
        raise UnknownPurpose(purposes="、".join(PURPOSES))
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise OverlapOutOfRange()
    lock_name(session, f"code_key:{purpose}")  # generations follow one another
    made = session.scalars(select(CodeKey).where(CodeKey.form_key == form_key)).one_or_none()
    if made is not None:
        if made.purpose != purpose:
            raise FormUsed()
        return made
    before = _end_older(session, purpose, until=now + overlap, now=now)
    made = CodeKey(
        purpose=purpose,
        generation=before + 1,
        from_at=now,
        accepted_until=None,
        rotated_by_id=actor.member_id,
        form_key=form_key,
    )
    session.add(made)
    session.flush()
    return made


def _end_older(session: Session, purpose: str, *, until: datetime, now: datetime) -> int:
    """Let older generations end no later than ``until``; returns the number of the newest."""
    rows = list(list_code_keys(session, purpose))
    if not rows:
        rows = [CodeKey(purpose=purpose, generation=0, from_at=None, accepted_until=None)]
        session.add(rows[0])
    for row in rows:
        if row.accepted_until is None or row.accepted_until > until:
            row.accepted_until = until
    counted = sum(1 for row in rows if row.accepted_until is not None and row.accepted_until > now)
    if counted >= MOST_ACCEPTED:
        raise TooManyAccepted(count=counted)
    session.flush()
    return rows[0].generation
