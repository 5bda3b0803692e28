"""Reads for the import: kept files, what they say, and which of their people the bank knows already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.core.errors import NotFound
from timebank.core.keys import Keys
from timebank.members.models import DECLINED, STATUS_NAMES, Member, RosterImport
from timebank.members.roster.rules import (
    ERROR,
    MENDED,
    SKIPPED,
    Finding,
    Person,
    Roster,
    from_text,
    in_file_order,
    without_mends,
)

SEALED_AS = "roster"
_MANY = 400  # values in one IN list


class RosterImportNotFound(NotFound):
    """No such file was read, or it was put away."""

    code = "roster.not_found"
    text = "没有找到这份名单，可能已经删掉了。请重新上传。"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an import would do now: whom it would add, and everything noticed in the file and in the bank."""

    roster: Roster
    people: tuple[Person, ...]
    findings: tuple[Finding, ...]

    def listed(self, *severities: str) -> list[Finding]:
        """The findings of these severities."""
        return [finding for finding in self.findings if finding.severity in severities]

    @property
    def errors(self) -> list[Finding]:
        """What stops the import."""
        return self.listed(ERROR)

    @property
    def rows_skipped(self) -> int:
        """Rows left out."""
        return len({finding.row for finding in self.listed(SKIPPED)})

    @property
    def cells_mended(self) -> int:
        """Cells taken otherwise than written."""
        return len(self.listed(MENDED))

    @property
    def teams(self) -> tuple[str, ...]:
        """The teams that the people to add belong to, in the file's order."""
        return tuple(dict.fromkeys(team for person in self.people for team in person.teams))


def get_roster_import(session: Session, import_id: int, *, lock: bool = False) -> RosterImport:
    """The file as it was kept; with ``lock``, nobody else imports it meanwhile. Raises RosterImportNotFound."""
    found = session.get(RosterImport, import_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise RosterImportNotFound()
    return found


def list_roster_imports(
    session: Session, branch_ids: Collection[int] | None, *, limit: int = 20
) -> list[tuple[RosterImport, Branch]]:
    """The latest files with their branches; ``None`` means all branches."""
    statement = select(RosterImport, Branch).join(Branch, Branch.id == RosterImport.branch_id)
    if branch_ids is not None:
        statement = statement.where(RosterImport.branch_id.in_(branch_ids))
    newest = statement.order_by(RosterImport.uploaded_at.desc(), RosterImport.id.desc()).limit(limit)
    return [(kept, branch) for kept, branch in session.execute(newest)]


def preview(session: Session, kept: RosterImport, keys: Keys) -> Preview:
    """What importing a kept file would do now; only for files not yet imported (their rows are wiped afterwards)."""
    return look_at(session, from_text(keys.decrypt(SEALED_AS, kept.rows_sealed)), branch_id=kept.branch_id, keys=keys)


def look_at(session: Session, roster: Roster, *, branch_id: int, keys: Keys) -> Preview:
    """What importing a roster into a branch would do now."""
    known = _find_known(session, roster.people, branch_id=branch_id, keys=keys)
    found = [_known_finding(person, known[person.row], branch_id) for person in roster.people if person.row in known]
    return Preview(
        roster=roster,
        people=tuple(person for person in roster.people if person.row not in known),
        findings=tuple(in_file_order(without_mends([*roster.findings, *found]))),
    )


def person_key(person: Person, *, branch_id: int, keys: Keys) -> str:
    """The form key of a person from a roster: unique, so that nobody is imported twice."""
    return f"roster:{branch_id}:{keys.index('roster_person', person.identity)}"


def _known_finding(person: Person, member: Member, branch_id: int) -> Finding:
    if member.branch_id != branch_id:
        problem, todo = f"“{person.name}”已经是别的网点的会员，跳过。", "要转到本网点的，请联系系统管理员。"
    else:
        status = STATUS_NAMES[member.status]
        problem, todo = (
            f"“{person.name}”已经登记过（{member.number}，{status}），跳过。",
            "要改资料或服务队，请到会员页面改。",
        )
    return Finding(severity=SKIPPED, row=person.row, field="整行", problem=problem, todo=todo)


def _find_known(session: Session, people: Sequence[Person], *, branch_id: int, keys: Keys) -> dict[int, Member]:
    """Row → the member it is: by ID number or phone and name anywhere, by name and birth date at this branch."""
    ids = {keys.index("id_number", person.id_number): person for person in people if person.id_number}
    phones = {person.row: keys.index("phone", person.phone) for person in people if person.phone}
    born = [person for person in people if person.born_on]
    made = {person_key(person, branch_id=branch_id, keys=keys): person for person in people}

    known: dict[int, Member] = {}
    for member in _members(session, Member.id_number_index, ids):
        known.setdefault(ids[member.id_number_index or ""].row, member)
    for member in _members(session, Member.form_key, made):
        known.setdefault(made[member.form_key].row, member)
    by_phone: dict[tuple[Any, str], Member] = {}
    for member in _members(session, Member.phone_index, set(phones.values()), Member.status != DECLINED):
        by_phone.setdefault((member.phone_index, member.name), member)
    here = (Member.branch_id == branch_id, Member.status != DECLINED)
    by_birth: dict[tuple[Any, str], list[Member]] = defaultdict(list)
    for member in _members(session, Member.name, {person.name for person in born}, *here):
        by_birth[(member.born_on, member.name)].append(member)
    for person in people:
        index = phones.get(person.row)
        near = [by_phone.get((index, person.name)), *by_birth.get((person.born_on, person.name), ())]
        same = next((member for member in near if member and _is_same(person, member, index, keys)), None)
        if same is not None:
            known.setdefault(person.row, same)
    return known


def _is_same(person: Person, member: Member, phone_index: str | None, keys: Keys) -> bool:
    """As rows of one file are told apart: different ID numbers or phones make namesakes two people."""
    if person.id_number and member.id_number_index:
        return keys.index("id_number", person.id_number) == member.id_number_index
    if phone_index and member.phone_index:
        return phone_index == member.phone_index
    return person.born_on is not None and person.born_on == member.born_on


def _members(session: Session, column: Any, values: Iterable[str], *where: ColumnElement[bool]) -> Iterator[Member]:
    wanted = sorted(values)
    for start in range(0, len(wanted), _MANY):
        some = select(Member).where(column.in_(wanted[start : start + _MANY]), *where)
        yield from session.scalars(some.order_by(Member.id))
