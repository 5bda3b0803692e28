"""One person at one shift: every scan, and what the reviewer can do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import Shift
from timebank.activities.rules import counting_sentences
from timebank.attendance.models import COUNT, PLACE_FIT_NAMES, SOURCE_NAMES, Scan
from timebank.attendance.queries import (
    RosterLine,
    find_approval,
    find_roster_line,
    list_decided,
    list_flags,
    list_scans,
    marks_of_member,
    policy_of,
)
from timebank.attendance.rules import REFUSAL_WORDS, place_of, shift_room, stayed_over, weigh
from timebank.attendance.schemas import ManualSchema, OvertimeSchema, ReasonSchema, TimesSchema
from timebank.attendance.service import (
    Correction,
    ManualEntry,
    OvertimeDraft,
    confirm_overtime,
    correct_times,
    keep_held,
    restore,
    set_manual,
    void,
)
from timebank.attendance.views.base import blueprint, instant_near, reached
from timebank.attendance.views.steps import step_words
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.queries import MemberNotFound, list_names
from timebank.web.filters import clocktime, moment
from timebank.web.forms import Form, Untouched, saying_refusals
from timebank.web.guards import current_actor, guard


@dataclass
class Forms:
    """The forms of the page; at most one of them was sent."""

    times: Form
    manual: Form
    overtime: Form

    @property
    def status(self) -> int:
        """The status of the page."""
        return max(self.times.status, self.manual.status, self.overtime.status)


@blueprint.route("/organise/shifts/<int:shift_id>/review/<int:member_id>", methods=["GET", "POST"])
@guard("attendance.review")
def person(shift_id: int, member_id: int) -> Response | tuple[str, int]:
    """What was scanned, how it is counted, and forms to correct times, to enter minutes, to confirm overtime."""
    session = db.session()
    shift, line = _read(session, shift_id, member_id)
    forms = Forms(times=_times_form(line), manual=_manual_form(line), overtime=_overtime_form(line, shift))
    if request.method == "POST":
        sent = {"times": _correct, "overtime": _confirm}.get(request.form.get("form", ""), _enter)
        answer = sent(forms, shift, member_id)
        if answer is not None:
            return answer
        shift, line = _read(session, shift_id, member_id)
    approval, policy = find_approval(session, shift_id), policy_of(shift, shift.activity)
    scans, said = list_scans(session, shift_id, member_id), line.overtime_minutes
    weighed = weigh(marks_of_member(session, shift_id, member_id, policy), policy, overtime=said or 0)
    return render_template(
        "attendance/person.html",
        shift=shift,
        line=line,
        closed=line.approved or (approval is not None and approval.undecided),
        flags=list_flags(session, shift_id).of(member_id),
        events=_events(session, scans, member_id, list_decided(session, shift_id, member_id)),
        steps=step_words(weighed, policy, said=said) if scans else [],
        sentences=counting_sentences(policy.counting),
        over=stayed_over(line.out_at, policy),
        times=forms.times,
        manual=forms.manual,
        overtime=forms.overtime,
        most_overtime=policy.counting.overtime_limit_minutes,
        room=shift_room(policy, said or 0),
        too_long=line.minutes > shift_room(policy, said or 0),
    ), forms.status


def _read(session: Session, shift_id: int, member_id: int) -> tuple[Shift, RosterLine]:
    shift = reached(session, shift_id, "attendance.review")
    line = find_roster_line(session, shift_id, member_id)
    if line is None:
        raise MemberNotFound()
    return shift, line


def _times_form(line: RosterLine) -> Form:
    times = {"in_at": line.in_at, "out_at": line.out_at}
    return _own("times", Form(TimesSchema(), initial={name: at and clocktime(at) for name, at in times.items()}))


def _manual_form(line: RosterLine) -> Form:
    given: dict[str, Any] = {"manual": line.manual_minutes or "", "reason": line.manual_reason}
    return _own("manual", Form(ManualSchema(), initial=given))


def _overtime_form(line: RosterLine, shift: Shift) -> Form:
    """Filled in with what was stayed, as far as the activity allows it."""
    policy = policy_of(shift, shift.activity)
    stayed = min(stayed_over(line.out_at, policy), policy.counting.overtime_limit_minutes)
    said = line.overtime_minutes
    return _own("overtime", Form(OvertimeSchema(), initial={"overtime": stayed if said is None else said}))


def _own(name: str, form: Form) -> Form:
    """A form that shows what was typed only when it is the one that was sent."""
    return form if request.form.get("form", name) == name else Untouched(form.schema, form.initial)


def _correct(forms: Forms, shift: Shift, member_id: int) -> Response | None:
    form, shift_id = forms.times, shift.id
    with form.catching():
        given = form.load()
        shown = {"in_at": form.initial.get("in_at"), "out_at": form.initial.get("out_at")}
        # A time left as it stood is no correction: it would outweigh what was scanned for no reason.
        new = {
            name: instant_near(shift, given[name])
            for name in ("in_at", "out_at")
            if given[name] is not None and f"{given[name]:%H:%M}" != shown[name]
        }
        draft = Correction(
            shift_id=shift_id,
            member_id=member_id,
            in_at=new.get("in_at"),
            out_at=new.get("out_at"),
            reason=given["reason"],
            key=form.key,
        )
        with transaction() as session:
            correct_times(session, draft, actor=current_actor(), now=clock.now())
            flash("时间已更正，原来的扫码记录都还留着。", "success")
        return _back(shift_id)
    return None


def _enter(forms: Forms, shift: Shift, member_id: int) -> Response | None:
    form, shift_id = forms.manual, shift.id
    with form.catching():
        given = form.load()
        minutes = given["manual_hours"] * 60 + given["manual_minutes"]
        entry = ManualEntry(shift_id=shift_id, member_id=member_id, minutes=minutes, reason=given["reason"])
        with transaction() as session:
            set_manual(session, entry, actor=current_actor())
            flash("补录时长已保存，要由另一位工作人员审核。" if minutes else "补录时长已取消。", "success")
        return _back(shift_id)
    return None


def _confirm(forms: Forms, shift: Shift, member_id: int) -> Response | None:
    form, shift_id = forms.overtime, shift.id
    with form.catching():
        given = form.load()
        draft = OvertimeDraft(
            shift_id=shift_id, member_id=member_id, minutes=given["overtime"], reason=given["reason"], key=form.key
        )
        with transaction() as session:
            confirm_overtime(session, draft, actor=current_actor(), now=clock.now())
            flash("加时已确认，要由另一位工作人员审核。" if draft.minutes else "多留的时间不算，已记下。", "success")
        return _back(shift_id)
    return None


@blueprint.post("/organise/shifts/<int:shift_id>/review/<int:member_id>/void")
@guard("attendance.review")
def void_person(shift_id: int, member_id: int) -> Response:
    """Say that this record does not count."""
    reached(db.session(), shift_id, "attendance.review")
    form = Form(ReasonSchema())
    with saying_refusals():
        given = form.load()
        with transaction() as session:
            void(session, shift_id, member_id, reason=given["reason"], actor=current_actor())
            flash("这条记录已标为“不计”。", "success")
    return _back(shift_id)


@blueprint.post("/organise/shifts/<int:shift_id>/review/<int:member_id>/restore")
@guard("attendance.review")
def restore_person(shift_id: int, member_id: int) -> Response:
    """Let the record count again."""
    with saying_refusals(), transaction() as session:
        restore(session, shift_id, member_id, actor=current_actor())
        flash("这条记录已恢复计入。", "success")
    return _back(shift_id)


@blueprint.post("/organise/shifts/<int:shift_id>/review/<int:member_id>/keep")
@guard("attendance.review")
def keep_person(shift_id: int, member_id: int) -> Response:
    """Answer an approver: the record is right as it stands."""
    reached(db.session(), shift_id, "attendance.review")
    form = Form(ReasonSchema())
    with saying_refusals():
        given = form.load()
        with transaction() as session:
            keep_held(session, shift_id, member_id, reason=given["reason"], actor=current_actor())
            flash("已写明核实的情况，可以再提交审核。", "success")
    return _back(shift_id)


def _back(shift_id: int) -> Response:
    return redirect(url_for("attendance.review", shift_id=shift_id), 303)


def _events(
    session: Session, scans: Sequence[Scan], member_id: int, decided: Mapping[int, str]
) -> list[dict[str, str]]:
    """Every scan as a line of a timeline, refused ones and corrections too, with what was decided about it."""
    names = list_names(session, {scan.actor_id for scan in scans if scan.actor_id not in {None, member_id}})
    events = []
    for scan in scans:
        word = "签到" if scan.kind == "in" else "签退"
        by = names.get(scan.actor_id or 0)
        notes = [place_of(scan.key), f"由 {by.name} 登记" if by else "", f"原因：{scan.reason}" if scan.reason else ""]
        if scan.place_fit:
            notes.append(f"附了位置：{PLACE_FIT_NAMES[scan.place_fit]}")
        counts = decided.get(scan.id) == COUNT
        if scan.refused:
            why = REFUSAL_WORDS.get(scan.refused, scan.refused)
            notes.append(f"{why}，后来由工作人员决定算数" if counts else f"没有签上：{why}")
        if abs((scan.received_at - scan.claimed_at).total_seconds()) >= 60:
            notes.append(f"{moment(scan.received_at)} 记下")
        events.append(
            {
                "when": moment(scan.claimed_at),
                "title": f"{'更正' if scan.reason else ''}{word}（{SOURCE_NAMES[scan.source]}）",
                "text": "，".join(filter(None, notes)),
                "tone": "bad" if scan.refused and not counts else "strong" if scan.reason else "ok",
            }
        )
    return events
