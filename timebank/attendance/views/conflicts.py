"""The conflict desk: what no rule could decide, with the evidence, and the decision with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import Shift
from timebank.attendance.models import CASE_KINDS, COUNT, SOURCE_NAMES, Attendance
from timebank.attendance.queries import (
    CaseLine,
    DayScan,
    list_booked_with_cases,
    list_cases,
    list_day_scans,
    list_elsewhere,
    list_open_shifts,
    list_roster,
    list_rounds,
    list_unread,
    policy_of,
)
from timebank.attendance.rules import REFUSAL_WORDS
from timebank.attendance.schemas import DecisionSchema
from timebank.attendance.service import Decision, decide_cases, judgement_of
from timebank.attendance.views.base import blueprint, is_cancelled, reached
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import hours
from timebank.members.queries import list_names
from timebank.web.filters import clocktime, moment
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person's open cases with everything that was scanned of them that day."""

    member_id: int
    name: str
    number: str
    cases: list[CaseLine]
    events: list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Open cases of one kind that concern several people, to be decided together."""

    kind: str
    cases: list[CaseLine]
    people: int


@dataclass(frozen=True, kw_only=True)
class ToCorrect:
    """A booked record that a decision made wrong: what stands there and what would be right."""

    name: str
    entry_id: int | None
    now: str
    right: str


@blueprint.get("/organise/conflicts")
@guard("attendance.review")
def all_conflicts() -> str:
    """The shifts of my branches where somebody has to decide."""
    branch_ids = current_actor().branches("attendance.review")
    return render_template("attendance/conflict_list.html", shifts=list_open_shifts(db.session(), branch_ids))


@blueprint.get("/organise/shifts/<int:shift_id>/conflicts")
@guard("attendance.review")
def conflicts(shift_id: int) -> str:
    """What a person must decide at one shift, and what was decided."""
    session = db.session()
    shift = reached(session, shift_id, "attendance.review")
    cases, rounds = list_cases(session, shift_id), list_rounds(session, shift_id)
    open_ones = [case for case in cases if not case.decision]
    return render_template(
        "attendance/conflicts.html",
        shift=shift,
        cancelled=is_cancelled(shift),
        waiting=any(one.undecided for one in rounds),
        approved=any(one.approved_at is not None for one in rounds),
        people=_people(session, shift, open_ones),
        alike=_alike(open_ones),
        decided=[case for case in cases if case.decision],
        kinds=CASE_KINDS,
        corrections=_to_correct(session, shift),
        elsewhere=list_elsewhere(session, shift_id),
        without_in=[line for line in list_roster(session, shift_id) if line.pending and line.in_at is None],
        unread=list_unread(session, shift_id),
    )


def _people(session: Session, shift: Shift, cases: Iterable[CaseLine]) -> list[Person]:
    found: dict[int, list[CaseLine]] = {}
    for case in cases:
        found.setdefault(case.member_id, []).append(case)
    # A scan whose clock is doubtful may lie on another day than the shift: every day that is spoken of is shown.
    days = {clock.local(shift.starts_at).date()} | {
        clock.local(case.claimed_at).date() for lines in found.values() for case in lines
    }
    scans = [scan for day in sorted(days) for scan in list_day_scans(session, list(found), day)]
    return [
        Person(
            member_id=member_id,
            name=lines[0].name,
            number=lines[0].number,
            cases=lines,
            events=[_event(scan, shift.id) for scan in scans if scan.member_id == member_id],
        )
        for member_id, lines in found.items()
    ]


def _alike(cases: Iterable[CaseLine]) -> list[Alike]:
    found: dict[str, list[CaseLine]] = {}
    for case in cases:
        found.setdefault(case.kind, []).append(case)
    counted = [
        Alike(kind=kind, cases=lines, people=len({one.member_id for one in lines})) for kind, lines in found.items()
    ]
    return [one for one in counted if one.people > 1]


def _to_correct(session: Session, shift: Shift) -> list[ToCorrect]:
    policy = policy_of(shift, shift.activity)
    records = list_booked_with_cases(session, shift.id)
    names = list_names(session, {record.member_id for record in records})
    return [
        ToCorrect(
            name=names[record.member_id].name,
            entry_id=record.entry_now_id,
            now=hours(record.minutes_now),
            right=hours(right),
        )
        for record in records
        if (right := _right_minutes(session, record, policy)) != record.minutes_now
    ]


def _right_minutes(session: Session, record: Attendance, policy: object) -> int:
    judged = judgement_of(session, record.shift_id, record.member_id, policy)  # type: ignore[arg-type]
    return judged.minutes + record.manual_now


def _event(scan: DayScan, shift_id: int) -> dict[str, str]:
    """One scan as a line of a timeline, with everything that speaks for or against its time."""
    word = "扫码" if scan.wanted == "" else "签到" if scan.kind == "in" else "签退"
    elsewhere = "" if scan.shift_id == shift_id else f"在“{scan.title}”"
    notes = [
        f"没有算数：{REFUSAL_WORDS.get(scan.refused, scan.refused)}" if scan.refused and scan.decision != COUNT else "",
        f"原因：{scan.reason}" if scan.reason else "",
        _clock_note(scan),
        f"卡 {scan.card}" if scan.card else "",
        f"设备 {scan.device[:6]}" if scan.device else "",
        f"名单由{scan.roster_by}在 {clocktime(scan.roster_at)} 下载" if scan.roster_by and scan.roster_at else "",
        f"{moment(scan.received_at)} {'由' + scan.actor if scan.actor else ''}记下",
    ]
    return {
        "when": moment(scan.claimed_at),
        "title": f"{elsewhere}{word}（{SOURCE_NAMES[scan.source]}）",
        "text": "，".join(filter(None, notes)),
        "tone": "bad" if scan.refused and scan.decision != COUNT else "strong" if scan.reason else "ok",
    }


def _clock_note(scan: DayScan) -> str:
    if scan.device_at is None or scan.sent_offset is None:
        return ""
    loaded = "没有下载名单" if scan.loaded_offset is None else f"下载名单时{_off(scan.loaded_offset)}"
    shown = clock.local(scan.device_at)
    return f"手机显示 {shown:%m-%d %H:%M}（{loaded}，上传时{_off(scan.sent_offset)}）"


def _off(seconds: int) -> str:
    """How a device's clock stood: ``offset`` is what the server's ran ahead of it."""
    if abs(seconds) < 30:
        return "准"
    minutes, rest = divmod(abs(seconds), 60)
    span = f"{minutes // 60} 小时 {minutes % 60} 分" if minutes >= 60 else f"{minutes} 分 {rest} 秒"
    return f"{'慢' if seconds > 0 else '快'} {span}"


@blueprint.post("/organise/shifts/<int:shift_id>/conflicts")
@guard("attendance.review")
def decide(shift_id: int) -> Response:
    """Record a decision about one person's cases, or about all of one kind."""
    reached(db.session(), shift_id, "attendance.review")
    form = Form(DecisionSchema())
    with saying_refusals():
        given = form.load()
        draft = Decision(shift_id=shift_id, case_ids=given["case"], decision=given["decision"], reason=given["reason"])
        with transaction() as session:
            count = decide_cases(session, draft, actor=current_actor(), now=clock.now())
            word = "算数" if draft.decision == COUNT else "不算"
            flash(f"{count} 条扫码已决定：{word}。" if count else f"这些扫码之前已经决定：{word}。", "success")
    return redirect(url_for("attendance.conflicts", shift_id=shift_id), 303)
