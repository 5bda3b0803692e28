"""Asking for many cards in one file, how far it is, taking the file away, and removing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import FormUsed, Invalid
from timebank.growth.models import FAILED, MAKING, QUEUED, READY, REMOVED, CardPrint, CardPrintTaken
from timebank.growth.queries import FileGone, find_print_by_key, get_print
from timebank.members.models import ACTIVE, Member

FORMATS: Final = {
    "a6": "A6，一页一张",
    "sheet": "A4，一页四张，裁开",
    "a4": "A4，一人一页，带全年图表",
}
MOST_CARDS: Final = 2_000
KEPT: Final = timedelta(days=3)  # a file with many people's codes lies about no longer than it takes to print it
MOST_TRIES: Final = 3


class BadPrint(Invalid):
    """Nobody is chosen, too many are, or the format is unknown."""

    code = "growth.bad_print"


@dataclass(frozen=True, kw_only=True)
class PrintDraft:
    """Whose cards are wanted, in which format, under which title; ``address`` is what their codes lead to."""

    branch_id: int
    title: str
    format: str
    member_ids: Sequence[int]
    address: str
    form_key: str


def ask_print(session: Session, draft: PrintDraft, *, actor: Actor, now: datetime) -> CardPrint:
    """Queue a file of cards; a job makes it. The same form again finds the first.

    Raises NotAllowed, FormUsed, BadPrint.
    """
    actor.require("card.print", branch_id=draft.branch_id)
    lock_name(session, f"card_print:{draft.form_key}")
    first = find_print_by_key(session, draft.form_key)
    if first is not None:
        if (first.branch_id, first.format, first.asked_by_id) != (draft.branch_id, draft.format, actor.member_id):
            raise FormUsed()
        return first
    faults = _faults(session, draft)
    if faults or actor.member_id is None:
        raise BadPrint(fields=faults)
    asked = CardPrint(
        branch_id=draft.branch_id,
        title=draft.title,
        format=draft.format,
        member_ids=list(draft.member_ids),
        address=draft.address,
        total=len(draft.member_ids),
        status=QUEUED,
        asked_by_id=actor.member_id,
        asked_at=now,
        form_key=draft.form_key,
    )
    session.add(asked)
    session.flush()
    return asked


def _faults(session: Session, draft: PrintDraft) -> dict[str, str]:
    """What is wrong, by the form's fields."""
    faults, chosen = {}, len(draft.member_ids)
    if draft.format not in FORMATS:
        faults["format"] = "请从列出的版式里选一种。"
    here = select(Member.id).where(Member.branch_id == draft.branch_id, Member.status == ACTIVE)
    if not chosen:
        faults["people"] = "选中的范围里没有正式会员。"
    elif chosen > MOST_CARDS:
        faults["people"] = f"一份最多 {MOST_CARDS:,} 张，这里有 {chosen:,} 人，请按服务队分几份做。"
    elif set(session.scalars(here.where(Member.id.in_(draft.member_ids)))) != set(draft.member_ids):
        faults["people"] = "有的人不是本网点的正式会员，请刷新页面再选。"
    return faults


def begin_print(session: Session, print_id: int) -> CardPrint | None:
    """Start making a file, from the first card, also where something stopped on the way; None where nothing is to do.

    What stopped too often is given up, so that it does not stop everything behind it.
    """
    asked = get_print(session, print_id, lock=True)
    if asked.status not in (QUEUED, MAKING):
        return None
    asked.status = MAKING if asked.tries < MOST_TRIES else FAILED
    asked.tries, asked.done = asked.tries + 1, 0
    session.flush()
    return asked if asked.status == MAKING else None


def note_progress(session: Session, print_id: int, done: int) -> None:
    """Say how many cards are laid out."""
    asked = get_print(session, print_id, lock=True)
    if asked.status == MAKING:
        asked.done = min(done, asked.total)
        session.flush()


def finish_print(session: Session, print_id: int, *, now: datetime) -> None:
    """Say that the file is there."""
    asked = get_print(session, print_id, lock=True)
    if asked.status == MAKING:
        asked.status, asked.done, asked.finished_at = READY, asked.total, now
        session.flush()


def take_print(session: Session, print_id: int, *, actor: Actor, now: datetime) -> CardPrint:
    """Write down who takes the file away; only then may it be handed out. Raises NotAllowed, FileGone."""
    asked = get_print(session, print_id, lock=True)
    actor.require("card.print", branch_id=asked.branch_id)
    if asked.status != READY or actor.member_id is None:
        raise FileGone()
    session.add(CardPrintTaken(print_id=asked.id, by_id=actor.member_id, at=now))
    session.flush()
    return asked


def remove_print(session: Session, print_id: int, *, now: datetime) -> None:
    """Say that the file is gone; whoever deletes it does so after this was committed."""
    asked = get_print(session, print_id, lock=True)
    if asked.status == READY:
        asked.status, asked.removed_at = REMOVED, now
        session.flush()
