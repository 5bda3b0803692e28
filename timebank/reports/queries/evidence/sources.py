"""What is read once of an activity, whatever tables are made of it; and how its people are named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, SignUp
from timebank.attendance.models import (
    Attendance,
    AttendanceCorrection,
    Scan,
    Sheet,
    SheetPhoto,
    SheetTyping,
    ShiftApproval,
)
from timebank.attendance.queries.days import SOURCE
from timebank.core.masking import mask_name
from timebank.ledger import queries as ledger
from timebank.ledger.queries import EntryView
from timebank.members.models import Member
from timebank.members.queries import list_names


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo of a signed page: where it belongs, and the file it is in the pack, if it is."""

    id: int
    sheet: str
    page: int
    digest: str

    @property
    def file(self) -> str:
        """Its name in the pack."""
        return f"photos/{self.sheet}-{self.page}-{self.id}.jpg"


class Sources:
    """One activity with all that hangs on its shifts. ``named`` shows whole names, ``pictured`` says that the photos
    are in the pack."""

    def __init__(self, session: Session, activity: Activity, *, named: bool = False, pictured: bool = False) -> None:
        self._session, self._activity = session, activity
        self._named, self._pictured = named, pictured
        self._shifts = sorted(activity.shifts, key=lambda shift: (shift.starts_at, shift.id))
        self._shift_ids = [shift.id for shift in self._shifts]

    def _all(self, table: type[Any], *order: Any) -> list[Any]:
        """The rows of a table that belong to the activity's shifts."""
        return list(self._session.scalars(select(table).where(table.shift_id.in_(self._shift_ids)).order_by(*order)))

    @cached_property
    def _sign_ups(self) -> list[SignUp]:
        return self._all(SignUp, SignUp.shift_id, SignUp.queued_at, SignUp.id)

    @cached_property
    def _scans(self) -> list[Scan]:
        return self._all(Scan, Scan.shift_id, Scan.claimed_at, Scan.id)

    @cached_property
    def _records(self) -> list[Attendance]:
        return self._all(Attendance, Attendance.shift_id, Attendance.id)

    @cached_property
    def _rounds(self) -> list[ShiftApproval]:
        return self._all(ShiftApproval, ShiftApproval.shift_id, ShiftApproval.number)

    @cached_property
    def _sheets(self) -> list[Sheet]:
        return self._all(Sheet, Sheet.id)

    @cached_property
    def _typings(self) -> list[SheetTyping]:
        ids = [sheet.id for sheet in self._sheets]
        chosen = select(SheetTyping).where(SheetTyping.sheet_id.in_(ids))
        return list(self._session.scalars(chosen.order_by(SheetTyping.sheet_id, SheetTyping.page, SheetTyping.round)))

    @cached_property
    def photos(self) -> list[tuple[Photo, SheetPhoto]]:
        """The photos of signed pages."""
        numbers = {sheet.id: sheet.number for sheet in self._sheets}
        chosen = select(SheetPhoto).where(SheetPhoto.sheet_id.in_(numbers)).order_by(SheetPhoto.id)
        return [
            (Photo(id=one.id, sheet=numbers[one.sheet_id], page=one.page, digest=one.digest), one)
            for one in self._session.scalars(chosen)
        ]

    def kept_photos(self) -> list[Photo]:
        """The photos that still have a picture: no signed list destroyed it."""
        return [photo for photo, row in self.photos if row.destroyed_at is None]

    @cached_property
    def _corrections(self) -> list[AttendanceCorrection]:
        ids = [record.id for record in self._records]
        chosen = select(AttendanceCorrection).where(AttendanceCorrection.attendance_id.in_(ids))
        return list(self._session.scalars(chosen.order_by(AttendanceCorrection.id)))

    @cached_property
    def _entries(self) -> list[EntryView]:
        booked = [record.id for record in self._records if record.entry_id is not None]
        return ledger.list_of_sources(self._session, SOURCE, booked)[::-1]

    @cached_property
    def _people(self) -> dict[int, Member]:
        """Everybody who is named in most tables, in one question."""
        ids: set[int | None] = {one.member_id for one in self._sign_ups}
        ids |= {one.signed_by_id for one in self._sign_ups}
        ids |= {one.member_id for one in self._scans} | {one.actor_id for one in self._scans}
        for record in self._records:
            ids |= {record.member_id, record.manual_by_id, record.reviewed_by_id}
        for sent in self._rounds:
            ids |= {sent.submitted_by_id, sent.first_approved_by_id, sent.approved_by_id}
        ids |= {one.by_id for one in self._sheets} | {one.by_id for one in self._typings}
        ids |= {one.by_id for one in self._corrections} | {photo.by_id for _, photo in self.photos}
        return list_names(self._session, [one for one in ids if one is not None])

    def _more(self, ids: Iterable[int | None]) -> None:
        """Learn the names of people whom only one table names."""
        missing = {one for one in ids if one is not None} - self._people.keys()
        self._people.update(list_names(self._session, missing))

    def _name(self, member_id: int | None) -> str:
        member = self._people.get(member_id or 0)
        if member is None:
            return "" if member_id is None else "（已不在册）"
        return member.name if self._named else mask_name(member.name)

    def _person(self, member_id: int | None) -> tuple[str, str]:
        member = self._people.get(member_id or 0)
        return (member.number if member else "", self._name(member_id))

    def _by(self, member_id: int | None, otherwise: str = "") -> str:
        """Somebody who did something: name and number."""
        member = self._people.get(member_id or 0)
        return f"{self._name(member_id)} {member.number}" if member else otherwise
