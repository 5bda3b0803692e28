"""Lists on paper: what was printed, what became of each page, and who looked at its photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import PAPER, Scan, Sheet, SheetLine, SheetLook, SheetPhoto, SheetTyping
from timebank.attendance.rules import differences, lines_of, page_of, read_sheet_number, sheet_of
from timebank.core.errors import NotFound


class SheetNotFound(NotFound):
    """No such sheet, or no such page of it."""

    code = "attendance.sheet_not_found"
    text = "没有找到这张登记单。请核对单子右上角 F1 开头的单号，或者再扫一次单子上的码。"


@dataclass(frozen=True, kw_only=True, slots=True)
class SheetCard:
    """A sheet in a list: ``listed`` people were printed on it; so many of its pages are photographed, typed in."""

    number: str
    printed_at: datetime
    by: str
    listed: int
    pages: int
    photographed: int
    typed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PageState:
    """One page of a sheet: its lines, its photos (newest last), and how often it was typed in."""

    page: int
    lines: Sequence[SheetLine]
    photos: Sequence[SheetPhoto]
    typings: Sequence[SheetTyping]

    @property
    def first(self) -> SheetTyping | None:
        """What was typed in first, and made the scans."""
        return self.typings[0] if self.typings else None

    @property
    def control(self) -> SheetTyping | None:
        """What another person typed to check it."""
        return self.typings[1] if len(self.typings) > 1 else None

    @property
    def differences(self) -> list[tuple[int, str]]:
        """Where these two differ."""
        return differences(self.first.rows, self.control.rows) if self.first and self.control else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Paper:
    """A page that was typed in, as whoever reviews or approves a shift sees it."""

    number: str
    page: int
    people: int
    by: str
    at: datetime
    photo_id: int
    checked_by: str
    differences: int


def get_sheet(session: Session, number: str) -> Sheet:
    """A sheet with its lines, shift, activity and branch, by its number as typed or scanned. Raises SheetNotFound."""
    read = read_sheet_number(number)
    shift = joinedload(Sheet.shift).joinedload(Shift.activity).joinedload(Activity.branch)
    found = session.scalar(
        select(Sheet).where(Sheet.number == read).options(shift, joinedload(Sheet.by), selectinload(Sheet.lines))
    )
    if read is None or found is None:
        raise SheetNotFound()
    return found


def list_sheets(session: Session, shift_id: int) -> list[SheetCard]:
    """The sheets printed for a shift, newest first."""
    counted = {
        name: select(func.count(column.distinct())).where(owner == Sheet.id).scalar_subquery().label(name)
        for name, column, owner in (
            ("listed", SheetLine.member_id, SheetLine.sheet_id),
            ("photographed", SheetPhoto.page, SheetPhoto.sheet_id),
            ("typed", SheetTyping.page, SheetTyping.sheet_id),
        )
    }
    rows = session.execute(
        select(Sheet, *counted.values())
        .where(Sheet.shift_id == shift_id)
        .options(joinedload(Sheet.by))
        .order_by(Sheet.id.desc())
    )
    return [
        SheetCard(
            number=row.Sheet.number,
            printed_at=row.Sheet.printed_at,
            by=row.Sheet.by.name,
            pages=row.Sheet.pages,
            **{name: getattr(row, name) for name in counted},
        )
        for row in rows
    ]


def list_pages(session: Session, sheet: Sheet) -> list[PageState]:
    """Every page of a sheet and what became of it."""
    photos = session.scalars(
        select(SheetPhoto)
        .where(SheetPhoto.sheet_id == sheet.id)
        .options(joinedload(SheetPhoto.by))
        .order_by(SheetPhoto.id)
    ).all()
    typings = list_typings(session, sheet.id)
    return [
        PageState(
            page=page,
            lines=[line for line in sheet.lines if page_of(line.line) == page],
            photos=[photo for photo in photos if photo.page == page],
            typings=[typing for typing in typings if typing.page == page],
        )
        for page in range(1, sheet.pages + 1)
    ]


def get_page(session: Session, sheet: Sheet, page: int) -> PageState:
    """One page of a sheet. Raises SheetNotFound."""
    if not 1 <= page <= sheet.pages:
        raise SheetNotFound()
    return list_pages(session, sheet)[page - 1]


def list_typings(session: Session, sheet_id: int, page: int | None = None) -> Sequence[SheetTyping]:
    """How the pages of a sheet, or one of them, were typed in; the first round first."""
    found = select(SheetTyping).where(SheetTyping.sheet_id == sheet_id).options(joinedload(SheetTyping.by))
    if page is not None:
        found = found.where(SheetTyping.page == page)
    return session.scalars(found.order_by(SheetTyping.page, SheetTyping.round)).all()


def find_photo(session: Session, sheet_id: int, page: int) -> SheetPhoto | None:
    """The newest photo of a page."""
    return session.scalars(
        select(SheetPhoto)
        .where(SheetPhoto.sheet_id == sheet_id, SheetPhoto.page == page)
        .order_by(SheetPhoto.id.desc())
        .limit(1)
    ).one_or_none()


def list_looks(session: Session, sheet_id: int, *, limit: int = 50) -> Sequence[SheetLook]:
    """Who looked at the photos of a sheet, newest first."""
    return session.scalars(
        select(SheetLook)
        .join(SheetPhoto, SheetPhoto.id == SheetLook.photo_id)
        .where(SheetPhoto.sheet_id == sheet_id)
        .options(joinedload(SheetLook.by), joinedload(SheetLook.photo))
        .order_by(SheetLook.id.desc())
        .limit(limit)
    ).all()


def list_sheet_numbers(session: Session, shift_id: int, member_id: int) -> list[str]:
    """The sheets from which times of one member at one shift were typed."""
    keys = session.scalars(
        select(Scan.key).where(
            Scan.shift_id == shift_id, Scan.member_id == member_id, Scan.source == PAPER, Scan.refused == ""
        )
    )
    return sorted({found[0] for found in map(sheet_of, keys) if found})


def list_papers(session: Session, shift_id: int) -> list[Paper]:
    """The pages of a shift that were typed in, in the order of typing."""
    typings = session.execute(
        select(Sheet.number, SheetTyping)
        .join(SheetTyping, SheetTyping.sheet_id == Sheet.id)
        .where(Sheet.shift_id == shift_id)
        .options(joinedload(SheetTyping.by))
        .order_by(SheetTyping.id)
    ).all()
    control = {(row.number, row.SheetTyping.page): row.SheetTyping for row in typings if row.SheetTyping.round > 1}
    return [
        _paper(row.number, row.SheetTyping, control.get((row.number, row.SheetTyping.page)))
        for row in typings
        if row.SheetTyping.round == 1
    ]


def _paper(number: str, typed: SheetTyping, control: SheetTyping | None) -> Paper:
    return Paper(
        number=number,
        page=typed.page,
        people=lines_of(typed.rows),
        by=typed.by.name,
        at=typed.at,
        photo_id=typed.photo_id,
        checked_by=control.by.name if control else "",
        differences=len(differences(typed.rows, control.rows)) if control else 0,
    )
