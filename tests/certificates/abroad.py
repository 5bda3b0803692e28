"""Somebody serves at another branch's activity: recorded there, booked at home."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, START, YESTERDAY, make_shift
from tests.world import actor_of, make_branch, make_member
from timebank.attendance.models import STAFF
from timebank.attendance.service import ScanDraft, approve_shift, record_scan, submit_shift

HOURS_LATER = END - START


def serve_abroad(session: Session, member_id: int) -> int:
    """An hour in the afternoon at XG; returns that branch's id."""
    branch = make_branch(session, "XG", now=YESTERDAY)
    lead = actor_of(session, make_member(session, branch, "外队长", roles=("organiser",), now=YESTERDAY))
    boss = actor_of(session, make_member(session, branch, "外站长", roles=("manager",), now=YESTERDAY))
    starts = END + HOURS_LATER
    _, shift_id = make_shift(
        session, branch, lead, title="外场服务", starts_at=starts, ends_at=starts + HOURS_LATER / 2
    )
    for wanted, when in (("in", starts), ("out", starts + HOURS_LATER / 2)):
        draft = ScanDraft(
            shift_id=shift_id, member_id=member_id, source=STAFF, claimed_at=when, key=f"abroad-{wanted}", wanted=wanted
        )
        assert record_scan(session, draft, actor=lead, now=when).refusal is None
    after = AFTER + 3 * HOURS_LATER
    submit_shift(session, shift_id, actor=lead, now=after)
    approve_shift(session, shift_id, actor=boss, now=after)
    return branch.id
