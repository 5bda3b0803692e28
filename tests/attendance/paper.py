"""Paper for tests: pictures that a phone could have taken, and a page that was signed."""

from __future__ import annotations

import io
from datetime import datetime
from functools import cache
from typing import Any

from PIL import Image
from sqlalchemy.orm import Session

from tests.attendance.scene import Scene, at
from tests.world import KEYS
from timebank.attendance.models import Sheet
from timebank.attendance.service import (
    PageDraft,
    PhotoDraft,
    SheetDraft,
    TypedLine,
    TypedPage,
    keep_photo,
    print_sheet,
    type_page,
)
from timebank.core.actor import Actor
from timebank.core.photos import Photo, read_photo


def a_picture(size: tuple[int, int] = (900, 1200), colour: str = "white", kind: str = "JPEG", **more: Any) -> bytes:
    """A picture file."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **more)
    return out.getvalue()


@cache
def a_photo(colour: str = "white") -> Photo:
    """A photo as it is kept."""
    return read_photo(a_picture(colour=colour))


def printed(
    session: Session,
    scene: Scene,
    *,
    blank: int = 3,
    listed: bool = True,
    key: str = "sheet",
    photo: bool = True,
    now: datetime | None = None,
) -> Sheet:
    """The organiser's sheet of the scene, its first page photographed."""
    draft = SheetDraft(shift_id=scene.shift_id, listed=listed, blank_lines=blank, form_key=key)
    sheet = print_sheet(session, draft, actor=scene.organiser_actor, now=now or at("08:30"))
    if photo:
        shot = PhotoDraft(number=sheet.number, page=1, photo=a_photo())
        keep_photo(session, shot, actor=scene.organiser_actor, keys=KEYS, now=at("11:10"))
    return sheet


def line(number: int, came: str = "", left: str = "", who: str = "") -> TypedLine:
    """A line as typed: clock times of the scene's day."""
    return TypedLine(line=number, who=who, in_at=at(came) if came else None, out_at=at(left) if left else None)


def typed(
    session: Session,
    sheet: Sheet,
    *lines: TypedLine,
    people: int | None = None,
    minutes: int | None = None,
    actor: Actor,
    now: datetime | None = None,
) -> TypedPage:
    """The first page as somebody types it in; the check total is right unless another is given."""
    draft = PageDraft(
        number=sheet.number,
        page=1,
        lines=lines,
        people=sum(not one.empty for one in lines) if people is None else people,
        minutes=minutes,
    )
    return type_page(session, draft, actor=actor, keys=KEYS, now=now or at("11:15"))
