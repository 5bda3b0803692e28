"""Making files of many cards, as a job does it: units of work one after the other, each safe to repeat.

A file is made from its first card again after whatever stopped it; a thousand cards take seconds. It is written sealed
(the codes of many people are in it), under a name of its own, and put in place whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from timebank.core.db import db, transaction
from timebank.core.keys import Keys
from timebank.growth import queries, service
from timebank.growth.models import CardPrint
from timebank.growth.printing import TEMPLATE, Render, lay_out, sheets

log = structlog.get_logger()
_PURPOSE: Final = "card_print"


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What making needs of the running program: its keys, the folder of the files, the press, the clock."""

    keys: Keys
    folder: Path
    render: Render
    clock: Callable[[], datetime]


def make_waiting(shop: Workshop) -> int:
    """Make what waits, and what was being made when something stopped; returns how many files.

    One that fails is tried again by the next run, three times at most, and does not stop the others.
    """
    made = 0
    for print_id in queries.list_unmade(db.session()):
        try:
            made += _make(shop, print_id)
        except Exception as error:
            db.session.rollback()
            log.error("card_print_failed", print=print_id, kind=type(error).__name__)
    return made


def _make(shop: Workshop, print_id: int) -> bool:
    with transaction() as session:
        asked = service.begin_print(session, print_id)
        if asked is None:
            return False
        ids, title, form, address = list(asked.member_ids), asked.title, asked.format, asked.address
    now, cards = shop.clock(), []
    for some in lay_out(db.session(), ids, shop.keys, form=form, address=address, now=now):
        cards += some
        with transaction() as session:
            service.note_progress(session, print_id, len(cards))
    content = shop.render(TEMPLATE, sheets(cards, form, title=title, now=now))
    _write(shop, print_id, content)
    with transaction() as session:
        service.finish_print(session, print_id, now=shop.clock())
    log.info("card_print_made", print=print_id, cards=len(cards))
    return True


def _write(shop: Workshop, print_id: int, content: bytes) -> None:
    shop.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = file_of(shop.folder, print_id)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(shop.keys.seal(_PURPOSE, content, str(print_id)))
    unfinished.replace(path)


def file_of(folder: Path, print_id: int) -> Path:
    """Where the sealed file lies."""
    return folder / f"{print_id}.sealed"


def open_file(shop_keys: Keys, folder: Path, asked: CardPrint) -> bytes:
    """The PDF. Raises FileGone."""
    path = file_of(folder, asked.id)
    if not path.is_file():
        raise queries.FileGone()
    return shop_keys.unseal(_PURPOSE, path.read_bytes(), str(asked.id))


def remove_old(folder: Path, now: datetime) -> int:
    """Remove the files that lay there long enough; returns how many. What a kill left behind goes, too."""
    old = queries.list_to_remove(db.session(), before=now - service.KEPT)
    for print_id in old:
        with transaction() as session:
            service.remove_print(session, print_id, now=now)
        file_of(folder, print_id).unlink(missing_ok=True)
    wanted = {str(print_id) for print_id in queries.list_with_file(db.session())}
    for left in folder.glob("*"):
        if left.stem not in wanted:
            left.unlink(missing_ok=True)
    return len(old)
