"""Paper: printing a list whose lines are frozen, keeping photos of what was signed, and looking at them on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, undefer

from timebank.activities.models import SignUp
from timebank.activities.queries import list_confirmed
from timebank.attendance.models import Sheet, SheetLine, SheetLook, SheetPhoto
from timebank.attendance.queries.sheets import SheetNotFound, get_sheet
from timebank.attendance.rules import LINES_PER_PAGE, MOST_LINES, SHEET_RANDOM, SHEET_TAG, page_of
from timebank.attendance.service.shifts import lock_shift
from timebank.core import codes
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.core.keys import Keys
from timebank.core.photos import Photo

PHOTO_PURPOSE = "sheet/photo"
MOST_PHOTOS = 6  # of one page: people take the photo again, not for ever
_TAIL = 5


class NothingToPrint(Invalid):
    """Neither people nor blank lines, or more than fit."""

    code = "attendance.nothing_to_print"
    text = "这张单子没有一行可印，或者太长（最多 {most} 行）。请填写空白行数。"


class PhotosFull(Conflict):
    """A page has as many photos as it can have."""

    code = "attendance.photos_full"
    text = "这一页已经有 {most} 张照片，不能再传。"


class PhotoDestroyed(Conflict):
    """The picture was destroyed by a signed list; its row with the hash stays."""

    code = "attendance.photo_destroyed"
    text = "这张照片过了保管期限，已经按销毁清单销毁，看不到了。页码、上传人和校验值还在。"


@dataclass(frozen=True, kw_only=True, slots=True)
class SheetDraft:
    """A sheet about to be printed: ``listed`` with everybody who has a place, and so many blank lines at least."""

    shift_id: int
    listed: bool
    blank_lines: int
    form_key: str


def print_sheet(session: Session, draft: SheetDraft, *, actor: Actor, now: datetime) -> Sheet:
    """Freeze the list as it is printed: alias and the end of the member number, then blank lines to the page's end.

    The same form gives the same sheet. Raises ShiftNotFound, ShiftNotHeld, NothingToPrint, FormUsed.
    """
    shift = lock_shift(session, draft.shift_id)
    actor.require("sign_up.others", branch_id=shift.branch_id)
    people = list_confirmed(session, shift.id) if draft.listed else []
    wanted = len(people) + draft.blank_lines
    pages = page_of(wanted)
    if not 0 < wanted <= MOST_LINES:
        raise NothingToPrint(fields={"blank_lines": NothingToPrint.text.format(most=MOST_LINES)}, most=MOST_LINES)
    made = insert_once(session, Sheet).values(
        shift_id=shift.id,
        number=_fresh_number(),
        pages=pages,
        printed_at=now,
        by_id=person_of(actor),
        form_key=draft.form_key,
    )
    sheet_id = session.execute(made.returning(Sheet.__table__.c.id)).scalar_one_or_none()
    if sheet_id is not None:
        session.execute(insert(SheetLine), _lines(sheet_id, people, pages * LINES_PER_PAGE))
    sheet = session.scalars(select(Sheet).where(Sheet.form_key == draft.form_key)).one()
    if (sheet.shift_id, sheet.by_id) != (shift.id, actor.member_id):
        raise FormUsed()
    return sheet


def _fresh_number() -> str:
    """A fresh number for a sheet: what it is for, six random characters, a check character."""
    body = SHEET_TAG + codes.random_code(SHEET_RANDOM + 1)[:-1]
    return body + codes.check_character(body)


def _lines(sheet_id: int, people: list[SignUp], count: int) -> list[dict[str, object]]:
    members = sorted((one.member for one in people), key=lambda member: (member.alias, member.number))
    printed = [{"member_id": member.id, "shown": member.alias, "tail": member.number[-_TAIL:]} for member in members]
    blank = {"member_id": None, "shown": "", "tail": ""}
    return [
        {"sheet_id": sheet_id, "line": line, **(printed[line - 1] if line <= len(printed) else blank)}
        for line in range(1, count + 1)
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoDraft:
    """A photo of one page of a sheet, about to be kept."""

    number: str
    page: int
    photo: Photo


def keep_photo(session: Session, draft: PhotoDraft, *, actor: Actor, keys: Keys, now: datetime) -> SheetPhoto:
    """Keep a photo of a signed page, sealed. The same picture is kept once. Raises SheetNotFound, PhotosFull."""
    page, photo = draft.page, draft.photo
    sheet = get_sheet(session, draft.number)
    shift = lock_shift(session, sheet.shift_id)
    actor.require("attendance.review", branch_id=shift.branch_id)
    if not 1 <= page <= sheet.pages:
        raise SheetNotFound()
    kept = session.scalars(select(SheetPhoto).where(SheetPhoto.sheet_id == sheet.id, SheetPhoto.page == page)).all()
    same = next((one for one in kept if one.digest == photo.digest), None)
    if same is not None:
        return same
    if len(kept) >= MOST_PHOTOS:
        raise PhotosFull(most=MOST_PHOTOS)
    added = SheetPhoto(
        sheet_id=sheet.id,
        page=page,
        sealed=keys.seal(PHOTO_PURPOSE, photo.jpeg, _about(sheet.number, page, photo.digest)),
        digest=photo.digest,
        width=photo.width,
        height=photo.height,
        by_id=person_of(actor),
        at=now,
    )
    session.add(added)
    session.flush()
    return added


def look_at_photo(session: Session, number: str, photo_id: int, *, actor: Actor, keys: Keys, now: datetime) -> bytes:
    """The picture, for somebody whose look is written down. Raises SheetNotFound, NotAllowed, PhotoDestroyed."""
    note_look(session, number, photo_id, actor=actor, now=now)
    return open_photo(session, number, photo_id, actor=actor, keys=keys)


def note_look(session: Session, number: str, photo_id: int, *, actor: Actor, now: datetime) -> None:
    """Write down that somebody looks at a photo. Raises SheetNotFound, NotAllowed, PhotoDestroyed."""
    photo = _existing_photo(session, number, photo_id, actor)
    session.add(SheetLook(photo_id=photo.id, by_id=person_of(actor), at=now))
    session.flush()


def open_photo(session: Session, number: str, photo_id: int, *, actor: Actor, keys: Keys) -> bytes:
    """The picture, for somebody whose look was written down (``note_look``), maybe in an earlier unit of work.

    Raises SheetNotFound, NotAllowed, PhotoDestroyed.
    """
    photo = _existing_photo(session, number, photo_id, actor)
    return keys.unseal(PHOTO_PURPOSE, photo.sealed, _about(number, photo.page, photo.digest))


def _existing_photo(session: Session, number: str, photo_id: int, actor: Actor) -> SheetPhoto:
    sheet = get_sheet(session, number)
    actor.require("sheet.read", branch_id=sheet.shift.activity.branch_id)
    photo = session.scalar(
        select(SheetPhoto)
        .where(SheetPhoto.id == photo_id, SheetPhoto.sheet_id == sheet.id)
        .options(undefer(SheetPhoto.sealed))
    )
    if photo is None:
        raise SheetNotFound()
    if photo.destroyed_at is not None:
        raise PhotoDestroyed()
    return photo


def _about(number: str, page: int, digest: str) -> str:
    """What a sealed picture is about: moved to another sheet or page, or its hash changed, it cannot be opened."""
    return f"{number}/{page}/{digest}"


def person_of(actor: Actor) -> int:
    """The id of who acts; paper needs a person, never the system."""
    if actor.member_id is None:
        raise NotAllowed(permission="attendance.review")
    return actor.member_id
