"""The organiser's review of a shift: who came, what it counts, what is still open; then on to approval."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import Shift
from timebank.activities.queries import marks_of
from timebank.attendance.models import ShiftApproval
from timebank.attendance.queries import Flags, RosterLine, find_approval, list_flags, list_roster, search_members
from timebank.attendance.schemas import CloseMissingSchema
from timebank.attendance.service import close_missing, submit_shift
from timebank.attendance.views.base import blueprint, instant_near, is_cancelled, reached, saying_refusals
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import list_names
from timebank.web.filters import clocktime
from timebank.web.forms import Form, tidy_text
from timebank.web.guards import current_actor, guard

_LONGEST_SEARCH = 60


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A shift's list, sorted by what it asks of the reviewer."""

    shift: Shift
    approval: ShiftApproval | None
    open: list[RosterLine]  # a time is missing
    counted: list[RosterLine]
    void: list[RosterLine]
    no_shows: list[RosterLine]
    flags: Flags
    names: dict[int, str]  # of staff who sent, typed or approved

    @property
    def lines(self) -> list[RosterLine]:
        """Everybody that anything is recorded of."""
        return [*self.open, *self.counted, *self.void]

    @property
    def minutes(self) -> int:
        """What the shift counts as it stands."""
        return sum(line.minutes for line in self.counted)

    @property
    def points(self) -> int:
        """The points it brought as they count now."""
        return sum(line.points for line in self.counted)

    @property
    def corrected(self) -> list[RosterLine]:
        """Those whose record was corrected after it was booked."""
        return [line for line in self.counted if line.approved_minutes is not None]

    @property
    def without_out(self) -> list[RosterLine]:
        """Those who came and did not check out."""
        return [line for line in self.open if line.in_at is not None]

    @property
    def state(self) -> str:
        """``open`` to changes, ``submitted`` or ``approved``."""
        if self.approval is None or self.approval.returned_at is not None:
            return "open"
        return "approved" if self.approval.approved_at is not None else "submitted"


def review_of(session: Session, shift: Shift) -> Reviewed:
    """Everything a reviewer and an approver look at."""
    roster, approval = list_roster(session, shift.id), find_approval(session, shift.id)
    staff = {line.manual_by_id for line in roster} | {line.reviewed_by_id for line in roster}
    if approval is not None:
        staff |= {approval.submitted_by_id, approval.approved_by_id}
    people = list_names(session, {one for one in staff if one is not None})
    return Reviewed(
        shift=shift,
        approval=approval,
        open=[line for line in roster if line.pending],
        counted=[line for line in roster if line.status in {"ready", "approved"}],
        void=[line for line in roster if line.status == "void"],
        no_shows=[line for line in roster if line.no_show],
        flags=list_flags(session, shift.id),
        names={member.id: member.name for member in people.values()},
    )


@blueprint.get("/organise/shifts/<int:shift_id>/review")
@guard("attendance.review")
def review(shift_id: int) -> str:
    """The list to review; read-only once it was sent, with entry numbers once it is booked."""
    session, now = db.session(), clock.now()
    shift = reached(session, shift_id, "attendance.review")
    reviewed = review_of(session, shift)
    wanted = tidy_text(request.args.get("q", ""))[:_LONGEST_SEARCH]
    listed = [line.member_id for line in [*reviewed.lines, *reviewed.no_shows]]
    return render_template(
        "attendance/review.html",
        reviewed=reviewed,
        shift=shift,
        cancelled=is_cancelled(shift),
        over=now >= shift.ends_at,
        wanted=wanted,
        found=search_members(session, wanted, branch_id=shift.activity.branch_id, without=listed) if wanted else (),
        marks=marks_of(session, shift_id),
        missing=Form(CloseMissingSchema(), initial={"out_at": clocktime(shift.ends_at), "reason": ""}),
    )


@blueprint.post("/organise/shifts/<int:shift_id>/review/close-missing")
@guard("attendance.review")
def close_all(shift_id: int) -> Response:
    """Give everybody who forgot to check out one time of leaving."""
    shift = reached(db.session(), shift_id, "attendance.review")
    form = Form(CloseMissingSchema())
    with saying_refusals():
        given = form.load()
        out_at = instant_near(shift, given["out_at"])
        if out_at is not None:
            with transaction() as session:
                count = close_missing(
                    session, shift_id, out_at=out_at, reason=given["reason"], actor=current_actor(), now=clock.now()
                )
                flash(f"已给 {count} 位补记签退时间 {clocktime(out_at)}。", "success")
    return redirect(url_for("attendance.review", shift_id=shift_id), 303)


@blueprint.post("/organise/shifts/<int:shift_id>/review/submit")
@guard("attendance.review")
def submit(shift_id: int) -> Response:
    """Send the list for approval."""
    with saying_refusals(), transaction() as session:
        submit_shift(session, shift_id, actor=current_actor(), now=clock.now())
        flash("已提交审核。请另一位工作人员在“待审核”里确认入账。", "success")
    return redirect(url_for("attendance.review", shift_id=shift_id), 303)
