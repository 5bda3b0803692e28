"""Printing into a passbook: new movements get the next lines, once; who prints is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.passbooks.models import PassbookLine, PassbookPrint
from timebank.passbooks.queries import find_print_by_key, list_movements, list_places
from timebank.passbooks.rules import NothingNew, NothingYet


@dataclass(frozen=True, kw_only=True, slots=True)
class PrintDraft:
    """Whose passbook, and whether all of it is wanted again."""

    member_id: int
    whole: bool
    form_key: str


def print_passbook(session: Session, draft: PrintDraft, *, actor: Actor, now: datetime) -> PassbookPrint:
    """Give new movements the next lines and record the print. A repeat answers with the first.

    Raises MemberNotFound, NotAllowed, FormUsed, NothingYet, NothingNew.
    """
    member = get_member(session, draft.member_id, lock=True)  # one print at a time
    by_id = _printer(actor, member)
    first = find_print_by_key(session, draft.form_key)
    if first is not None:
        if (first.member_id, first.whole, first.by_id) != (member.id, draft.whole, by_id):
            raise FormUsed()
        return first
    printed = list_places(session, member.id)
    fresh = [line.place for line in list_movements(session, member) if line.place not in printed]
    last = len(printed)
    if not fresh and not last:
        raise NothingYet()
    if not fresh and not draft.whole:
        raise NothingNew(number=last)
    made = PassbookPrint(
        member_id=member.id,
        first_number=1 if draft.whole else last + 1,
        last_number=last + len(fresh),
        whole=draft.whole,
        by_id=by_id,
        at=now,
        form_key=draft.form_key,
    )
    session.add(made)
    session.flush()
    session.add_all(
        PassbookLine(member_id=member.id, number=number, place=place, print_id=made.id)
        for number, place in enumerate(fresh, start=last + 1)
    )
    session.flush()
    return made


def _printer(actor: Actor, member: Member) -> int:
    if actor.member_id is None:
        raise NotAllowed(permission="passbook.print")
    if actor.member_id != member.id:
        actor.require("passbook.print", branch_id=member.branch_id)
    return actor.member_id
