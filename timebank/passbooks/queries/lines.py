"""The lines of a passbook: each movement of a member's coins as a booklet has it, and which of them were printed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.activities.models import Activity, Shift
from timebank.attendance.models import Attendance
from timebank.core import clock
from timebank.growth.queries.statement import in_words
from timebank.ledger import queries as ledger
from timebank.ledger.queries import SERVE, StatementLine
from timebank.members.models import Member
from timebank.members.queries import list_names
from timebank.passbooks.models import PassbookLine, PassbookPrint
from timebank.passbooks.rules import PrintNotFound

_ROWS = 1_000
_SERVICE = "attendance"
_SERVED: frozenset[str] = frozenset({"earn", SERVE})


@dataclass(frozen=True, kw_only=True, slots=True)
class PassbookRow:
    """A line as it is printed: when, what, where, how long, how many coins, what stood then, who signed for it.

    Of a service ``text`` is what it was called: hours and coins have columns of their own.
    """

    number: int
    day: date
    text: str
    where: str
    minutes: int
    amount: int
    balance: int
    signer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How far a member's passbook has come: the last line printed (0: none), and how many movements are new."""

    last: int
    new: int


def list_movements(session: Session, member: Member) -> list[StatementLine]:
    """Every movement of a member's coins, oldest first."""
    if member.coin_account_id is None:
        return []
    page = ledger.statement(session, member.coin_account_id, size=_ROWS)
    found = list(page.lines)
    while page.older:
        page = ledger.statement(session, member.coin_account_id, before=page.older, size=_ROWS)
        found += page.lines
    return found[::-1]


def list_places(session: Session, member_id: int) -> dict[str, int]:
    """What was printed: the place of each movement and the number of its line."""
    rows = session.execute(select(PassbookLine.place, PassbookLine.number).where(PassbookLine.member_id == member_id))
    return {row.place: row.number for row in rows}


def standing_of(session: Session, member: Member) -> Standing:
    """How far a member's passbook has come."""
    last = session.scalar(select(func.max(PassbookLine.number)).where(PassbookLine.member_id == member.id)) or 0
    count = 0
    if member.coin_account_id is not None:
        count = ledger.statement(session, member.coin_account_id, size=1).count
    return Standing(last=last, new=count - last)


def get_print(session: Session, print_id: int) -> PassbookPrint:
    """A print. Raises PrintNotFound."""
    found = session.get(PassbookPrint, print_id)
    if found is None:
        raise PrintNotFound()
    return found


def find_print_by_key(session: Session, form_key: str) -> PassbookPrint | None:
    """The print that a form made."""
    return session.scalar(select(PassbookPrint).where(PassbookPrint.form_key == form_key))


def list_prints(session: Session, member_id: int, *, most: int = 20) -> Sequence[PassbookPrint]:
    """What was printed for a member, newest first."""
    mine = select(PassbookPrint).where(PassbookPrint.member_id == member_id).options(joinedload(PassbookPrint.by))
    return session.scalars(mine.order_by(PassbookPrint.id.desc()).limit(most)).all()


def rows_of(session: Session, printed: PassbookPrint) -> list[PassbookRow]:
    """The lines of a print, in order."""
    numbers = {
        place: number
        for place, number in list_places(session, printed.member_id).items()
        if printed.first_number <= number <= printed.last_number
    }
    found = [line for line in list_movements(session, printed.member) if line.place in numbers]
    found.sort(key=lambda line: numbers[line.place])
    return _rows(session, found, numbers)


def _rows(session: Session, found: Sequence[StatementLine], numbers: Mapping[str, int]) -> list[PassbookRow]:
    places = _where(session, {line.source_id for line in found if line.source_type == _SERVICE and line.source_id})
    signers = list_names(session, {line.actor_id for line in found if line.kind in _SERVED and line.actor_id})
    rows = []
    for line, said in zip(found, in_words(session, found, "coin"), strict=True):
        served = line.kind in _SERVED and line.amount > 0
        signer = signers.get(line.actor_id or 0) if served else None
        rows.append(
            PassbookRow(
                number=numbers[line.place],
                day=clock.today(line.occurred_at if served else line.posted_at),
                text=str(line.facts.get("title") or "志愿服务") if served else said.text,
                where=places.get(line.source_id or 0, "") if served else "",
                minutes=_minutes(line) if served else 0,
                amount=line.amount,
                balance=line.balance,
                signer=signer.name if signer is not None else "",
            )
        )
    return rows


def _minutes(line: StatementLine) -> int:
    return sum(int(line.facts.get(name, 0)) for name in ("signed_minutes", "manual_minutes"))


def _where(session: Session, record_ids: Collection[int]) -> dict[int, str]:
    """Where each record's service was. What was served for somebody who asked names no place: it may be their home."""
    if not record_ids:
        return {}
    rows = session.execute(
        select(Attendance.id, Shift.place, Activity.place.label("usual"))
        .join(Shift, Shift.id == Attendance.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .where(Attendance.id.in_(record_ids), Activity.for_request.is_(False))
    )
    return {row.id: row.place or row.usual for row in rows}
