"""Everything that was recorded of one activity, table by table, in the order of ``rules.EVIDENCE_TABLES``.

Free words (reasons, notes) stand as they were written; names are masked unless the pack is to have them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import (
    LEFT_HOW_NAMES,
    NO_SHOW_NAMES,
    SIGN_UP_STATUS_NAMES,
    ActivityChange,
    NoShow,
    SignUpOverride,
)
from timebank.attendance.models import (
    ATTENDANCE_STATUS_NAMES,
    CASE_KINDS,
    COUNT,
    PLACE_FIT_NAMES,
    SOURCE_NAMES,
    ScanCase,
    SheetLine,
    SheetPhoto,
    SheetTyping,
)
from timebank.attendance.queries import list_flags, list_held
from timebank.attendance.rules import REFUSAL_WORDS, differences
from timebank.branches.models import Branch
from timebank.core.masking import mask_name, mask_phone
from timebank.ledger import queries as ledger
from timebank.reports.queries.evidence.sources import Photo, Sources

Rows = list[tuple[Any, ...]]
_DEVICE_LETTERS: Final = 8  # enough to see that two scans came from one device
_CONTACT_MASKS: Final = {"contact_name": mask_name, "contact_phone": mask_phone}
_SCAN_KINDS: Final = {"in": "签到", "out": "签退"}


class Evidence(Sources):
    """The tables of one activity."""

    def table(self, name: str) -> Rows:
        """The rows of one of ``rules.EVIDENCE_TABLES``."""
        makers: Mapping[str, Callable[[], Rows]] = {
            "shifts": self._shift_rows,
            "sign_ups": self._sign_up_rows,
            "scans": self._scan_rows,
            "cases": self._case_rows,
            "records": self._record_rows,
            "absences": self._absence_rows,
            "sheets": self._sheet_rows,
            "photos": self._photo_rows,
            "typings": self._typing_rows,
            "rounds": self._round_rows,
            "corrections": self._correction_rows,
            "entries": self._entry_rows,
            "changes": self._change_rows,
        }
        return makers[name]()

    def _shift_rows(self) -> Rows:
        return [
            (
                shift.id, shift.starts_at, shift.ends_at, shift.where, shift.capacity,
                sum(1 for one in self._sign_ups if one.shift_id == shift.id and one.status == "confirmed"),
                sum(1 for one in self._records if one.shift_id == shift.id and one.status != "void"),
                f"已取消：{shift.cancel_reason}" if shift.cancelled_at else "",
            )
            for shift in self._shifts
        ]  # fmt: skip

    def _sign_up_rows(self) -> Rows:
        passed = defaultdict(list)
        for found in self._all(SignUpOverride, SignUpOverride.id):
            passed[found.shift_id, found.member_id].append(f"{found.code}：{found.reason}")
        return [
            (
                one.shift_id, *self._person(one.member_id), SIGN_UP_STATUS_NAMES[one.status], one.queued_at,
                one.confirmed_at, one.left_at,
                "：".join(filter(None, (LEFT_HOW_NAMES.get(one.left_how, ""), one.leave_reason))),
                self._by(one.signed_by_id), "；".join(passed[one.shift_id, one.member_id]),
            )
            for one in self._sign_ups
        ]  # fmt: skip

    def _scan_rows(self) -> Rows:
        return [
            (
                one.id, one.shift_id, *self._person(one.member_id), _SCAN_KINDS[one.kind], SOURCE_NAMES[one.source],
                one.claimed_at, one.received_at, self._by(one.actor_id), PLACE_FIT_NAMES[one.place_fit],
                REFUSAL_WORDS.get(one.refused, one.refused), one.reason, one.device[:_DEVICE_LETTERS],
            )
            for one in self._scans
        ]  # fmt: skip

    def _case_rows(self) -> Rows:
        cases: list[ScanCase] = self._all(ScanCase, ScanCase.id)
        self._more(case.decided_by_id for case in cases)
        whose = {scan.id: scan.member_id for scan in self._scans}
        return [
            (
                case.scan_id, case.shift_id, *self._person(whose.get(case.scan_id)), CASE_KINDS[case.kind],
                case.opened_at, {"": "还没有决定", COUNT: "算数"}.get(case.decision, "不算"), case.decided_at,
                self._by(case.decided_by_id), case.reason,
            )
            for case in cases
        ]  # fmt: skip

    def _record_rows(self) -> Rows:
        flags = {shift_id: list_flags(self._session, shift_id) for shift_id in self._shift_ids}
        return [
            (
                one.id, one.shift_id, *self._person(one.member_id), one.in_at, one.out_at, one.signed_minutes,
                one.manual_minutes, 0 if one.status == "void" else one.minutes_now, one.manual_reason,
                self._by(one.manual_by_id), one.review_note, self._by(one.reviewed_by_id),
                ATTENDANCE_STATUS_NAMES[one.status],
                "、".join(kind.word for kind in flags[one.shift_id].of(one.member_id)),
            )
            for one in self._records
        ]  # fmt: skip

    def _absence_rows(self) -> Rows:
        marks: list[NoShow] = self._all(NoShow, NoShow.id)
        self._more(one for mark in marks for one in (mark.member_id, mark.marked_by_id))
        return [
            (
                mark.shift_id, *self._person(mark.member_id), NO_SHOW_NAMES[mark.kind], self._by(mark.marked_by_id),
                mark.marked_at, mark.lifted_at, mark.lift_reason,
            )
            for mark in marks
        ]  # fmt: skip

    def _sheet_rows(self) -> Rows:
        by_id = {sheet.id: sheet for sheet in self._sheets}
        chosen = select(SheetLine).where(SheetLine.sheet_id.in_(by_id)).order_by(SheetLine.sheet_id, SheetLine.line)
        lines = self._session.scalars(chosen).all()
        self._more(line.member_id for line in lines)
        return [
            (
                sheet.number, sheet.shift_id, line.line, *self._person(line.member_id),
                line.shown if self._named else mask_name(line.shown), sheet.printed_at, self._by(sheet.by_id),
            )
            for line in lines
            for sheet in (by_id[line.sheet_id],)
        ]  # fmt: skip

    def _photo_rows(self) -> Rows:
        return [
            (
                photo.sheet, photo.page, photo.id, photo.digest, one.at, self._by(one.by_id),
                _photo_file(photo, one, pictured=self._pictured),
            )
            for photo, one in self.photos
        ]  # fmt: skip

    def _typing_rows(self) -> Rows:
        numbers = {sheet.id: sheet.number for sheet in self._sheets}
        first = {(one.sheet_id, one.page): one for one in self._typings if one.round == 1}
        return [
            (
                numbers[one.sheet_id], one.page, one.round, one.people, str(one.minutes or ""),
                _differing(first.get((one.sheet_id, one.page)), one), one.at, self._by(one.by_id),
            )
            for one in self._typings
        ]  # fmt: skip

    def _round_rows(self) -> Rows:
        held = {shift_id: list_held(self._session, shift_id) for shift_id in self._shift_ids}
        return [
            (
                one.shift_id, one.number, self._by(one.submitted_by_id), one.submitted_at,
                self._by(one.first_approved_by_id), one.first_approved_at, self._by(one.approved_by_id),
                one.approved_at, one.returned_at, one.returned_reason,
                "；".join(
                    f"{self._name(left.member_id)}：{left.reason}" for left in held[one.shift_id].get(one.number, [])
                ),
                one.people, one.minutes, one.points,
            )
            for one in self._rounds
        ]  # fmt: skip

    def _correction_rows(self) -> Rows:
        whose = {record.id: record.member_id for record in self._records}
        known = {entry.id: f"{entry.month} 第 {entry.number} 号" for entry in self._entries}
        return [
            (
                one.attendance_id, *self._person(whose[one.attendance_id]), one.signed_minutes, one.manual_minutes,
                one.reason, self._by(one.by_id), one.at,
                *(known.get(entry_id or 0, "") for entry_id in (one.corrects_id, one.entry_id, one.replacement_id)),
            )
            for one in self._corrections
        ]  # fmt: skip

    def _entry_rows(self) -> Rows:
        codes = {
            book_id: self._session.get_one(Branch, book_id).code
            for book_id in {entry.book_id for entry in self._entries}
        }
        seals = {
            (book_id, month): _seal(self._session, book_id, month)
            for book_id, month in {(entry.book_id, entry.month) for entry in self._entries}
        }
        return [
            (
                entry.source_id, codes[entry.book_id], entry.month, entry.number,
                "冲正" if entry.reverses_id else entry.kind, entry.posted_at, leg.unit, leg.debit, leg.credit,
                leg.amount, seals[entry.book_id, entry.month],
            )
            for entry in self._entries
            for leg in entry.transfers
        ]  # fmt: skip

    def _change_rows(self) -> Rows:
        chosen = select(ActivityChange).where(ActivityChange.activity_id == self._activity.id)
        changes = self._session.scalars(chosen.order_by(ActivityChange.id)).all()
        self._more(one.actor_id for one in changes)
        return [
            (one.at, self._by(one.actor_id, "系统"), json.dumps(self._masked(one.changes), ensure_ascii=False))
            for one in changes
        ]

    def _masked(self, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was changed, with the name and number of the contact masked unless the pack is to have names."""
        if self._named:
            return changes
        return {**changes, "items": [_mask_contact(item) for item in changes["items"]]}


def _mask_contact(item: Mapping[str, Any]) -> Mapping[str, Any]:
    mask = _CONTACT_MASKS.get(item["what"])
    return item if mask is None else {**item, **{side: item[side] and mask(item[side]) for side in ("old", "new")}}


def _photo_file(photo: Photo, row: SheetPhoto, *, pictured: bool) -> str:
    if row.destroyed_at is not None:
        return "已按清单销毁"
    return photo.file if pictured else "没有放进来"


def _seal(session: Session, book_id: int, month: str) -> str:
    period = ledger.find_period(session, book_id, month)
    return (period.hash if period else None) or "还没有封签"


def _differing(first: SheetTyping | None, second: SheetTyping) -> str:
    if first is None or second.round == 1:
        return ""
    return "；".join(f"第 {line} 行 {words}" for line, words in differences(first.rows, second.rows)) or "没有不同"
