"""Typing a signed page in: every line is checked first, then all of them are recorded and judged, or none.

What is on paper counts like another device: the earliest coming and the latest leaving. It corrects nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.activities.queries import PersonNotFound, find_person
from timebank.attendance.models import PAPER, Sheet, SheetLine, SheetTyping
from timebank.attendance.queries import find_ground
from timebank.attendance.queries.sheets import find_photo, get_page, get_sheet, list_typings
from timebank.attendance.rules import (
    Ground,
    Totals,
    check_totals,
    closes_at,
    differences,
    opens_at,
    refusal_of,
    under_review,
)
from timebank.attendance.service.scans import ScanDraft, explained, record_scan
from timebank.attendance.service.sheets import person_of
from timebank.attendance.service.shifts import LockedShift, lock_shift, refuse_closed
from timebank.core.actor import Actor
from timebank.core.clock import local
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys


class PhotoMissing(Conflict):
    """A page is typed in only with a photo of it as evidence."""

    code = "attendance.photo_missing"
    text = "还没有这一页的照片。请先给签好的这一页拍照上传，再录入。"


class PageTyped(Conflict):
    """The page was typed in and checked by two others."""

    code = "attendance.page_typed"
    text = "这一页已经由两位工作人员录入和复核过了。要改动，请到“核对”里更正。"


class LinesWrong(Invalid):
    """Lines that cannot be recorded as typed."""

    code = "attendance.lines_wrong"
    text = "有 {count} 处要改，一行也没有保存。"


@dataclass(frozen=True, kw_only=True, slots=True)
class TypedLine:
    """One line as typed: ``who`` stands on a blank line only."""

    line: int
    who: str
    in_at: datetime | None
    out_at: datetime | None

    @property
    def empty(self) -> bool:
        """Nobody signed here."""
        return not (self.who or self.in_at or self.out_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class PageDraft:
    """A page as typed, with the check totals that are written on it; ``minutes`` None where nobody added them up."""

    number: str
    page: int
    lines: Sequence[TypedLine]
    people: int
    minutes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TypedPage:
    """What became of it: ``round`` 1 was recorded, 2 was a control; ``differences`` between the two."""

    round: int
    people: int
    repeated: bool
    differences: Sequence[tuple[int, str]] = ()
    booked: int = 0  # of the people: whose hours were in a round before, so that the paper changes nothing


@dataclass(kw_only=True)
class _Reading:
    """A page being checked: who is on which line, and what is wrong where."""

    session: Session
    keys: Keys
    shift: LockedShift
    now: datetime
    recording: bool
    printed: dict[int, SheetLine]
    line_of: dict[int, int]  # member → their line
    wrong: dict[str, str] = field(default_factory=dict)


def type_page(session: Session, draft: PageDraft, *, actor: Actor, keys: Keys, now: datetime) -> TypedPage:
    """Record a page, or, when another person did before, keep it as a control that changes nothing.

    The same person typing the same page again gets the first answer. Raises SheetNotFound, ReviewClosed, PhotoMissing,
    PageTyped, LinesWrong (by ``lines-<place>-in_at``, ``-out_at``, ``-who``), CheckTotalWrong: then nothing is written.
    """
    sheet = get_sheet(session, draft.number)
    shift = lock_shift(session, sheet.shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    state = get_page(session, sheet, draft.page)
    earlier = list_typings(session, sheet.id, draft.page)
    mine = next((one for one in earlier if one.by_id == actor.member_id), None)
    if mine is not None:
        return TypedPage(round=mine.round, people=mine.people, repeated=True)
    if len(earlier) > 1:
        raise PageTyped()
    if not earlier:
        refuse_closed(shift)
    photo = find_photo(session, sheet.id, draft.page)
    if photo is None:
        raise PhotoMissing()
    reading = _Reading(
        session=session,
        keys=keys,
        shift=shift,
        now=now,
        recording=not earlier,
        printed={line.line: line for line in state.lines},
        line_of={line.member_id: line.line for line in sheet.lines if line.member_id is not None},
    )
    found = _check(reading, draft)
    typing = SheetTyping(
        sheet_id=sheet.id,
        page=draft.page,
        round=len(earlier) + 1,
        photo_id=photo.id,
        rows=[_row(line, member_id) for line, member_id in found],
        people=draft.people,
        minutes=draft.minutes,
        by_id=person_of(actor),
        at=now,
    )
    session.add(typing)
    session.flush()
    if earlier:
        between = differences(earlier[0].rows, typing.rows)
        return TypedPage(round=2, people=len(found), repeated=False, differences=between)
    taken = [_record(session, sheet, line, member_id, actor=actor, now=now) for line, member_id in found]
    return TypedPage(round=1, people=len(found), repeated=False, booked=taken.count(False))


def _row(line: TypedLine, member_id: int) -> dict[str, object]:
    times = {"in": line.in_at, "out": line.out_at}
    shown = {kind: f"{local(at):%H:%M}" if at else "" for kind, at in times.items()}
    return {"line": line.line, "member_id": member_id, **shown}


def _record(session: Session, sheet: Sheet, line: TypedLine, member_id: int, *, actor: Actor, now: datetime) -> bool:
    """Record a line; False when it was kept but changes nothing, since its person is booked."""
    taken = True
    for kind, at in (("in", line.in_at), ("out", line.out_at)):
        if at is not None:
            draft = ScanDraft(
                shift_id=sheet.shift_id,
                member_id=member_id,
                source=PAPER,
                claimed_at=at,
                key=f"{sheet.number}-{line.line}-{kind}",
                wanted=kind,
            )
            taken = record_scan(session, draft, actor=actor, now=now).refusal is None and taken
    return taken


def _check(reading: _Reading, draft: PageDraft) -> list[tuple[TypedLine, int]]:
    """The lines that somebody signed, with whose they are; every mistake is told at once."""
    found: list[tuple[TypedLine, int]] = []
    seen: set[int] = set()
    for place, line in enumerate(draft.lines):
        if line.line not in reading.printed or line.line in seen:
            reading.wrong[f"lines-{place}-in_at"] = "这一行不在这一页上。请刷新页面再录。"
            continue
        seen.add(line.line)
        if not line.empty:
            member_id = _whose(reading, place, line)
            if member_id is not None and _fits(reading, place, line, member_id):
                found.append((line, member_id))
    if reading.wrong:
        raise LinesWrong(fields=reading.wrong, count=len(reading.wrong))
    check_totals(_totals(found), Totals(people=draft.people, minutes=draft.minutes))
    return found


def _totals(found: Sequence[tuple[TypedLine, int]]) -> Totals:
    spans = [(line.out_at - line.in_at) if line.in_at and line.out_at else None for line, _ in found]
    whole = [int(span.total_seconds()) // 60 for span in spans if span is not None]
    return Totals(people=len(found), minutes=sum(whole) if len(whole) == len(spans) else None)


def _whose(reading: _Reading, place: int, line: TypedLine) -> int | None:
    """Who signed on a line: as printed, or on a blank line who was written there."""
    printed = reading.printed[line.line].member_id
    if printed is not None:
        return printed
    where = f"lines-{place}-who"
    if not line.who:
        reading.wrong[where] = "请写这一行是谁：会员号、成长卡上的码，或者完整姓名。"
        return None
    try:
        member_id = find_person(
            reading.session,
            reading.keys,
            line.who,
            branch_id=reading.shift.branch_id,
            at=line.in_at or line.out_at or reading.now,
        ).id
    except PersonNotFound as unknown:
        reading.wrong[where] = unknown.fields["who"]
        return None
    other = reading.line_of.setdefault(member_id, line.line)
    if other != line.line:
        reading.wrong[where] = f"这个人已经在第 {other} 行。请把时间录到第 {other} 行。"
        return None
    return member_id


def _fits(reading: _Reading, place: int, line: TypedLine, member_id: int) -> bool:
    """Whether a line's times can be; ``wrong`` says what cannot."""
    ground = find_ground(reading.session, reading.shift.id, member_id)
    if ground is None:
        reading.wrong[f"lines-{place}-who"] = "没有找到这个人。"
        return False
    times = {"in_at": line.in_at, "out_at": line.out_at}
    wrong = {name: _time_wrong(reading, name, at) for name, at in times.items() if at is not None}
    if line.in_at is None and (line.out_at is None or (ground.in_at is None and reading.recording)):
        wrong["in_at"] = "没有到场时间，也没有扫过码。请补上到场时间；纸上没写的，问清楚再填。"
    elif line.in_at is not None and line.out_at is not None and line.out_at <= line.in_at:
        wrong["out_at"] = "离开时间要晚于到场时间。"
    elif reading.recording and not ground.booked and not any(wrong.values()):
        person = "who" if reading.printed[line.line].member_id is None else "in_at"
        wrong[person] = _refused(ground, line)
    reading.wrong |= {f"lines-{place}-{name}": text for name, text in wrong.items() if text}
    return not any(wrong.values())


def _time_wrong(reading: _Reading, name: str, at: datetime) -> str:
    policy = reading.shift.policy
    latest = policy.ends_at if name == "in_at" else closes_at(policy)
    word = "到场" if name == "in_at" else "离开"
    if not opens_at(policy) <= at <= latest:
        return f"{word}时间要在 {local(opens_at(policy)):%H:%M} 到 {local(latest):%H:%M} 之间。"
    return "这个时间还没有到。" if at > reading.now else ""


def _refused(ground: Ground, line: TypedLine) -> str:
    """Why the door would not take this person, whatever the time."""
    for kind, at in (("in", line.in_at), ("out", line.out_at)):
        refused = refusal_of(under_review(ground), kind, at) if at is not None else None
        if refused is not None:
            return explained(refused, ground).message
    return ""
