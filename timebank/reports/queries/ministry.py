"""What is due for the ministry's system, how its lines read, and what became of those that were sent.

MCA Order 67 art. 4 (data go into the ministry's system in its format), art. 5 and 7 (the columns), art. 6 (only with
the volunteer's consent).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from timebank.activities.models import CATEGORIES, Activity, Shift
from timebank.attendance.models import APPROVED, Attendance, ShiftApproval
from timebank.branches.models import Branch
from timebank.branches.queries import area_path
from timebank.core import clock
from timebank.core.errors import NotFound
from timebank.core.keys import Keys
from timebank.core.masking import mask_id_number, mask_name, mask_phone
from timebank.core.paging import batched
from timebank.members.models import ACTIVE, SEXES, Consent, Member
from timebank.members.queries import list_names, open_field
from timebank.members.rules import PERSONAL_DATA
from timebank.members.rules.consent import IMPORTED_ROSTER
from timebank.reports.models import (
    ACCEPTED,
    CANCELLED,
    PERSON,
    PREPARED,
    SERVICE,
    SUBMITTED,
    MinistryBatch,
    MinistryRecord,
)
from timebank.reports.rules import hours_text

MOST_LINES: Final = 5_000  # of one batch: what their import takes at once, and a person can look through
_PURPOSE: Final = "ministry"
_DOCUMENT: Final = "居民身份证"
_BATCH: Final = 500
SERVICE_PREFIX: Final = "FW"


class BatchNotFound(NotFound):
    """No such batch."""

    code = "reports.batch_not_found"
    text = "没有找到这个上报批次。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line as it stands now: whose, and a keyed fingerprint of what it says in full; ``empty`` where nothing is left
    of a record. ``lay`` opens the sealed numbers, so only what is written into the file is laid out."""

    kind: str
    source_id: int
    member_id: int
    number: str
    digest: str
    empty: bool
    lay: Callable[[], tuple[str, ...]]

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of the line, masked unless it was asked for in full."""
        return self.lay()


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """What may go into the next batch: never accepted before (``new``), or different from what was accepted."""

    line: Line
    new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something that the ministry's system will ask for: how many people, and what."""

    people: int
    what: str
    todo: str


# --- lines ---------------------------------------------------------------------------------------------------------


def make_lines(
    session: Session,
    branch: Branch,
    keys: Keys,
    *,
    full: bool = False,
    only: Mapping[str, Collection[int]] | None = None,
) -> Iterator[Line]:
    """The lines of a branch's people who agreed, and of their approved records: people first.

    ``full`` opens ID and telephone numbers: whoever asks for that has written it down. ``only``: kind → ids.
    """
    members = _agreed(session, branch.id)
    records = _records(session, members)
    numbers = _Numbers(keys, full=full)
    served: dict[int, set[str]] = {}
    for record in records:
        served.setdefault(record.member_id, set()).add(record.shift.activity.category)
    wanted_people = only.get(PERSON, ()) if only is not None else members.keys()
    for member in members.values():
        if member.id in wanted_people:
            yield _person_line(session, member, served.get(member.id, set()), numbers)
    recorders = _recorders(session, records)
    wanted = only.get(SERVICE, ()) if only is not None else {record.id for record in records}
    for record in records:
        if record.id in wanted:
            yield _service_line(record, members[record.member_id], recorders, numbers)


def _agreed(session: Session, branch_id: int) -> dict[int, Member]:
    """Active people of the branch whose consent to hand data on stands (art. 6)."""
    consent = (
        select(Consent.id)
        .where(
            Consent.member_id == Member.id,
            Consent.kind.in_((PERSONAL_DATA, IMPORTED_ROSTER)),
            Consent.withdrawn_at.is_(None),
        )
        .exists()
    )
    chosen = select(Member).where(Member.branch_id == branch_id, Member.status == ACTIVE, consent)
    return {member.id: member for member in session.scalars(chosen.order_by(Member.number))}


def _records(session: Session, members: Mapping[int, Member]) -> list[Attendance]:
    found: list[Attendance] = []
    for some in batched(list(members), _BATCH):
        found += session.scalars(
            select(Attendance)
            .where(Attendance.member_id.in_(some), Attendance.status == APPROVED)
            .options(
                selectinload(Attendance.corrections),
                joinedload(Attendance.shift).joinedload(Shift.activity).joinedload(Activity.organiser),
                joinedload(Attendance.shift).joinedload(Shift.activity).joinedload(Activity.branch),
            )
        ).unique()
    return sorted(found, key=lambda record: record.id)


def _recorders(session: Session, records: Sequence[Attendance]) -> dict[int, str]:
    """Round → who sent it: whoever answers for what was recorded."""
    rounds = sorted({record.approval_id for record in records if record.approval_id})
    sent_by: dict[int, int] = {}
    for some in batched(rounds, _BATCH):
        chosen = select(ShiftApproval.id, ShiftApproval.submitted_by_id).where(ShiftApproval.id.in_(some))
        sent_by.update((row.id, row.submitted_by_id) for row in session.execute(chosen))
    names = {
        member_id: member.name
        for some in batched(sorted(set(sent_by.values())), _BATCH)
        for member_id, member in list_names(session, some).items()
    }
    return {round_id: names[member_id] for round_id, member_id in sent_by.items()}


class _Numbers:
    """ID and telephone numbers, masked or not, each person's opened once however many lines name them."""

    def __init__(self, keys: Keys, *, full: bool) -> None:
        self.keys, self.full = keys, full
        self._opened: dict[int, tuple[str, str]] = {}

    def of(self, member: Member) -> tuple[str, str]:
        """The numbers of one person."""
        if member.id not in self._opened:
            document, phone = open_field(member, "id_number", self.keys), open_field(member, "phone", self.keys)
            if not self.full:
                document, phone = mask_id_number(document) if document else "", mask_phone(phone) if phone else ""
            self._opened[member.id] = document, phone
        return self._opened[member.id]

    def name(self, member: Member) -> str:
        """The name, whole or not."""
        return member.name if self.full else mask_name(member.name)


def _person_line(session: Session, member: Member, categories: set[str], numbers: _Numbers) -> Line:
    said = (
        member.number,
        member.name,
        SEXES.get(member.sex or "", ""),
        member.born_on.isoformat() if member.born_on else "",
        _DOCUMENT if member.id_number_sealed else "",
    )
    area = area_path(session, member.area_id, date.max) if member.area_id else ""
    kinds = "、".join(name for code, name in CATEGORIES.items() if code in categories)

    def lay() -> tuple[str, ...]:
        document, phone = numbers.of(member)
        return (said[0], numbers.name(member), *said[2:], document, area, phone, member.skills, kinds)

    return Line(
        kind=PERSON,
        source_id=member.id,
        member_id=member.id,
        number=member.number,
        empty=False,
        lay=lay,
        # What somebody served at is known from the records: a further kind alone is no reason to send the person again.
        digest=_digest(
            numbers.keys, *said, member.id_number_index or "", member.phone_index or "", area, member.skills
        ),
    )


def _service_line(record: Attendance, member: Member, recorders: Mapping[int, str], numbers: _Numbers) -> Line:
    shift, activity = record.shift, record.shift.activity
    number = f"{SERVICE_PREFIX}{record.id}"
    said = (
        activity.title,
        clock.local(record.in_at or shift.starts_at).date().isoformat(),
        shift.where,
        activity.content.replace("\n", " "),
        hours_text(record.minutes_now),
        activity.branch.name,
        activity.organiser.name,
        recorders.get(record.approval_id or 0, ""),
    )
    return Line(
        kind=SERVICE,
        source_id=record.id,
        member_id=member.id,
        number=number,
        empty=record.minutes_now == 0,
        lay=lambda: (number, member.number, numbers.name(member), numbers.of(member)[0], *said),
        digest=_digest(numbers.keys, number, member.number, member.name, member.id_number_index or "", *said),
    )


def _digest(keys: Keys, *said: str) -> str:
    """Keyed, since what is said of one known person could be guessed."""
    return keys.index(_PURPOSE, "\x1f".join(said))


# --- what is due ---------------------------------------------------------------------------------------------------


def list_due(session: Session, branch: Branch, keys: Keys) -> list[Due]:
    """What is new or different since it was accepted last; what waits for an answer is not due, what was undone before
    anybody sent it is not either."""
    return due_of(session, branch.id, make_lines(session, branch, keys))


def due_of(session: Session, branch_id: int, lines: Iterable[Line]) -> list[Due]:
    """Which of some lines of a branch are due."""
    newest, accepted = _sent(session, branch_id)
    found = []
    for line in lines:
        key = (line.kind, line.source_id)
        before = newest.get(key)
        if before is None:
            if not line.empty:
                found.append(Due(line=line, new=True))
        elif before.state not in {PREPARED, SUBMITTED} and not (
            before.state == ACCEPTED and before.digest == line.digest
        ):
            found.append(Due(line=line, new=key not in accepted))
    return found


_Source = tuple[str, int]


def _sent(session: Session, branch_id: int) -> tuple[dict[_Source, Row[str, int, str, str]], set[_Source]]:
    """The latest line of each person and record that was not cancelled; and of which any was ever accepted."""
    rows = session.execute(
        select(MinistryRecord.kind, MinistryRecord.source_id, MinistryRecord.state, MinistryRecord.digest)
        .join(MinistryBatch, MinistryBatch.id == MinistryRecord.batch_id)
        .where(MinistryBatch.branch_id == branch_id, MinistryRecord.state != CANCELLED)
        .order_by(MinistryRecord.id)
    ).all()
    newest = {(row.kind, row.source_id): row for row in rows}
    return newest, {(row.kind, row.source_id) for row in rows if row.state == ACCEPTED}


def list_problems(session: Session, branch: Branch) -> list[Problem]:
    """What is missing, in numbers: who did not agree is left out, what was not recorded stays empty."""
    agreed = _agreed(session, branch.id)
    everybody = select(func.count()).where(Member.branch_id == branch.id, Member.status == ACTIVE)
    missing = (session.scalar(everybody) or 0) - len(agreed)
    lines = (
        (missing, "没有同意报送个人信息", "不放进批次。请先征得本人同意，在会员页登记"),
        (sum(not one.id_number_sealed for one in agreed.values()), "没有登记证件号", "可以报，但对方系统可能退回"),
        (sum(one.born_on is None for one in agreed.values()), "没有登记出生日期", "可以在会员页补上"),
        (sum(one.area_id is None for one in agreed.values()), "没有登记居住区域", "可以在会员页补上"),
    )
    return [Problem(people=people, what=what, todo=todo) for people, what, todo in lines if people]


# --- batches -------------------------------------------------------------------------------------------------------


def get_batch(session: Session, batch_id: int) -> MinistryBatch:
    """One batch. Raises BatchNotFound."""
    found = session.get(MinistryBatch, batch_id)
    if found is None:
        raise BatchNotFound()
    return found


def list_batches(session: Session, branch_id: int) -> Sequence[MinistryBatch]:
    """The batches of a branch, newest first."""
    chosen = select(MinistryBatch).where(MinistryBatch.branch_id == branch_id)
    return session.scalars(chosen.options(joinedload(MinistryBatch.made_by)).order_by(MinistryBatch.id.desc())).all()


def count_states(session: Session, batch_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """How many records of each batch are in which state."""
    rows = session.execute(
        select(MinistryRecord.batch_id, MinistryRecord.state, func.count())
        .where(MinistryRecord.batch_id.in_(batch_ids))
        .group_by(MinistryRecord.batch_id, MinistryRecord.state)
    )
    found: dict[int, dict[str, int]] = {}
    for batch_id, state, many in rows:
        found.setdefault(batch_id, {})[state] = many
    return found


def list_records(session: Session, batch_id: int) -> Sequence[MinistryRecord]:
    """The records of a batch: people first, in the order in which they were put in."""
    chosen = select(MinistryRecord).where(MinistryRecord.batch_id == batch_id)
    return session.scalars(chosen.options(joinedload(MinistryRecord.member)).order_by(MinistryRecord.id)).all()


def number_of(record: MinistryRecord) -> str:
    """Our number of a record, as it stands in the file."""
    return record.member.number if record.kind == PERSON else f"{SERVICE_PREFIX}{record.source_id}"


def list_answers(session: Session, batch_id: int) -> dict[str, MinistryRecord]:
    """The records of a batch by the numbers under which answers come."""
    return {number_of(record): record for record in list_records(session, batch_id)}
