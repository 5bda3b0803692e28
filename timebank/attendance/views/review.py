"""The organiser's review of a shift: who came, what it counts, what is still open; then on to approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import Shift
from timebank.activities.queries import marks_of
from timebank.activities.rules import counting_of, counting_sentences
from timebank.attendance.models import ShiftApproval
from timebank.attendance.queries import (
    KINDS,
    FlagKind,
    Flags,
    HeldBack,
    Paper,
    RosterLine,
    count_open_cases,
    list_flags,
    list_held,
    list_papers,
    list_roster,
    list_rounds,
    policy_of,
    search_members,
)
from timebank.attendance.rules import shift_minutes
from timebank.attendance.schemas import BackdatedSchema, CloseMissingSchema
from timebank.attendance.service import close_missing, enter_backdated, submit_shift
from timebank.attendance.views.base import blueprint, instant_near, is_cancelled, reached
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.models import Member
from timebank.members.queries import list_active_members, list_names
from timebank.web.filters import clocktime
from timebank.web.forms import Form, saying_refusals, tidy_text
from timebank.web.guards import current_actor, guard

_LONGEST_SEARCH = 60
ANY: Final = "any"
_MOST_TICKS = 500


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A shift's list, sorted by what it asks of the reviewer."""

    shift: Shift
    approval: ShiftApproval | None  # the last round
    rounds: Sequence[ShiftApproval]
    held: Mapping[int, Sequence[HeldBack]]  # by the round's number
    open: list[RosterLine]  # a time is missing, or an approver asked something
    counted: list[RosterLine]
    void: list[RosterLine]
    no_shows: list[RosterLine]
    flags: Flags
    names: dict[int, str]  # of staff who sent, typed or approved
    papers: list[Paper]  # pages typed in from paper

    @property
    def lines(self) -> list[RosterLine]:
        """Everybody that anything is recorded of."""
        return [*self.open, *self.counted, *self.void]

    @property
    def policy(self) -> list[str]:
        """How the activity counts, in words."""
        return counting_sentences(counting_of(self.shift.activity))

    @property
    def flagged(self) -> list[RosterLine]:
        """Those of whom there is something to look at."""
        return self.only(self.lines, ANY)

    @property
    def flag_counts(self) -> list[tuple[FlagKind, int]]:
        """The kinds of flags that anybody has, and how many have them."""
        counts = [(kind, len(self.only(self.lines, kind.code))) for kind in KINDS]
        return [(kind, count) for kind, count in counts if count]

    def only(self, lines: Sequence[RosterLine], flag: str) -> list[RosterLine]:
        """The lines with a flag: of one kind, of any, or all lines for none."""
        if not flag:
            return list(lines)
        if flag == ANY:
            return [line for line in lines if self.flags.of(line.member_id)]
        return [line for line in lines if line.member_id in self.flags.having(flag)]

    @property
    def ready(self) -> list[RosterLine]:
        """Reviewed, and neither sent nor booked; people who came without a place stand in ``walk_ins``."""
        return [line for line in self._unsent if not self._apart(line)]

    @property
    def walk_ins(self) -> list[RosterLine]:
        """Reviewed and not sent, who came without a place on the list."""
        return [line for line in self._unsent if self._apart(line)]

    def _apart(self, line: RosterLine) -> bool:
        return line.walk_in and not self.shift.activity.backdated_reason  # nobody signs up for what is over

    @property
    def _unsent(self) -> list[RosterLine]:
        return [line for line in self.counted if not line.submitted]

    @property
    def sent(self) -> list[RosterLine]:
        """In a round that waits for its approval."""
        return [line for line in self.counted if line.submitted and not line.approved]

    @property
    def booked(self) -> list[RosterLine]:
        """In the books, or approved with nothing to book."""
        return [line for line in self.counted if line.approved]

    @property
    def to_send(self) -> list[RosterLine]:
        """What the next round would cover."""
        return self._unsent

    @property
    def given(self) -> list[ShiftApproval]:
        """The rounds that were approved."""
        return [one for one in self.rounds if one.approved_at is not None]

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
        return [line for line in self.open if line.in_at is not None and not line.held_reason]

    @property
    def state(self) -> str:
        """``submitted`` while a round waits, ``approved`` when nothing is left, else ``open``."""
        if self.approval is not None and self.approval.undecided:
            return "submitted"
        return "approved" if self.given and not self.open and not self.to_send else "open"


def review_of(session: Session, shift: Shift) -> Reviewed:
    """Everything a reviewer and an approver look at."""
    roster, rounds, held = list_roster(session, shift.id), list_rounds(session, shift.id), list_held(session, shift.id)
    staff = {line.manual_by_id for line in roster} | {line.reviewed_by_id for line in roster}
    for one in rounds:
        staff |= {one.submitted_by_id, one.first_approved_by_id, one.approved_by_id}
    staff |= {one.by_id for some in held.values() for one in some}
    people = list_names(session, {one for one in staff if one is not None})
    return Reviewed(
        shift=shift,
        approval=rounds[-1] if rounds else None,
        rounds=rounds,
        held=held,
        open=[line for line in roster if line.pending],
        counted=[line for line in roster if line.status in {"ready", "approved"}],
        void=[line for line in roster if line.status == "void"],
        no_shows=[line for line in roster if line.no_show],
        flags=list_flags(session, shift.id),
        names={member.id: member.name for member in people.values()},
        papers=list_papers(session, shift.id),
    )


@blueprint.get("/organise/shifts/<int:shift_id>/review")
@guard("attendance.review")
def review(shift_id: int) -> str:
    """The list to review; read-only once it was sent, with entry numbers once it is booked."""
    session, now = db.session(), clock.now()
    shift = reached(session, shift_id, "attendance.review")
    reviewed = review_of(session, shift)
    flag = request.args.get("flag", "")
    wanted = tidy_text(request.args.get("q", ""))[:_LONGEST_SEARCH]
    listed = [line.member_id for line in [*reviewed.lines, *reviewed.no_shows]]
    return render_template(
        "attendance/review.html",
        reviewed=reviewed,
        shift=shift,
        cancelled=is_cancelled(shift),
        over=now >= shift.ends_at,
        cases=count_open_cases(session, shift_id),
        wanted=wanted,
        flag=flag if flag in {ANY, *(kind.code for kind in KINDS)} else "",
        found=search_members(session, wanted, branch_id=shift.activity.branch_id, without=listed) if wanted else (),
        entering=Form(BackdatedSchema(), initial={"manual": shift_minutes(policy_of(shift, shift.activity))}),
        whole=shift_minutes(policy_of(shift, shift.activity)),
        people=_people(session, shift, listed) if shift.activity.backdated_reason else (),
        marks=marks_of(session, shift_id),
        missing=Form(CloseMissingSchema(), initial={"out_at": clocktime(shift.ends_at), "reason": ""}),
    )


def _people(session: Session, shift: Shift, listed: Sequence[int]) -> list[Member]:
    """Whom one may tick as having been at an activity entered afterwards: people of the branch not listed yet."""
    found = list_active_members(session, branch_id=shift.activity.branch_id, limit=_MOST_TICKS)
    return [member for member in found if member.id not in set(listed)]


@blueprint.post("/organise/shifts/<int:shift_id>/review/backdated")
@guard("attendance.review")
def enter_list(shift_id: int) -> Response:
    """Enter those ticked, of an activity posted after it took place."""
    reached(db.session(), shift_id, "attendance.review")
    form = Form(BackdatedSchema())
    with saying_refusals():
        given = form.load()
        ticked = [int(one) for one in request.form.getlist("member") if one.isascii() and one.isdigit()]
        if not ticked:
            flash("还没有选人。请在名单里打勾。", "error")
            return redirect(url_for("attendance.review", shift_id=shift_id), 303)
        minutes = given["manual_hours"] * 60 + given["manual_minutes"]
        with transaction() as session:
            count = enter_backdated(
                session, shift_id, ticked, minutes=minutes, reason=given["reason"], actor=current_actor()
            )
            flash(f"已补登 {count} 人。提交以后，要两位工作人员先后同意。", "success")
    return redirect(url_for("attendance.review", shift_id=shift_id), 303)


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
    some = request.form.get("some") == "1"
    with saying_refusals(), transaction() as session:
        submit_shift(session, shift_id, actor=current_actor(), now=clock.now(), leave_open=some)
        flash("已提交审核。请另一位工作人员在“待审核”里确认入账。", "success")
    return redirect(url_for("attendance.review", shift_id=shift_id), 303)
