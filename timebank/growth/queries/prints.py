"""Files of many cards: what was asked for, what waits, who took them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from timebank.core.errors import NotFound
from timebank.growth.models import MAKING, QUEUED, READY, CardPrint, CardPrintTaken


class PrintNotFound(NotFound):
    """No such file of cards, or not for this actor."""

    code = "growth.print_not_found"
    text = "没有找到这一份成长卡。"


class FileGone(NotFound):
    """The file was removed, or is not there yet."""

    code = "growth.file_gone"
    text = "这份文件已经删除，或者还没有做好。需要的话请再做一份。"


def get_print(session: Session, print_id: int, *, lock: bool = False) -> CardPrint:
    """What was asked for; with ``lock``, kept until the transaction ends. Raises PrintNotFound."""
    found = session.get(CardPrint, print_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise PrintNotFound()
    return found


def find_print_by_key(session: Session, form_key: str) -> CardPrint | None:
    """What a form asked for."""
    return session.scalars(select(CardPrint).where(CardPrint.form_key == form_key)).one_or_none()


def list_prints(session: Session, branch_id: int, *, most: int = 20) -> list[CardPrint]:
    """What was asked for at a branch, newest first."""
    chosen = select(CardPrint).options(defer(CardPrint.member_ids)).where(CardPrint.branch_id == branch_id)
    return list(session.scalars(chosen.order_by(CardPrint.id.desc()).limit(most)))


def list_unmade(session: Session) -> list[int]:
    """What waits to be made, or was being made when something stopped; the oldest first."""
    waiting = select(CardPrint.id).where(CardPrint.status.in_((QUEUED, MAKING)))
    return list(session.scalars(waiting.order_by(CardPrint.id)))


def list_to_remove(session: Session, *, before: datetime) -> list[int]:
    """Files that were made before an instant and are still there."""
    old = select(CardPrint.id).where(CardPrint.status == READY, CardPrint.finished_at < before)
    return list(session.scalars(old.order_by(CardPrint.id)))


def list_with_file(session: Session) -> list[int]:
    """Prints whose file is there, or may be at any moment."""
    return list(session.scalars(select(CardPrint.id).where(CardPrint.status.in_((QUEUED, MAKING, READY)))))


def list_taken(session: Session, print_id: int) -> list[CardPrintTaken]:
    """Who took the file away, newest first."""
    chosen = select(CardPrintTaken).where(CardPrintTaken.print_id == print_id)
    return list(session.scalars(chosen.order_by(CardPrintTaken.id.desc())))
