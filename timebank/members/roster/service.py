"""The verbs of the import: keep a file that was read, import it whole, put it away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.branches.queries import get_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.members.models import RosterImport, Team, TeamMembership
from timebank.members.roster.queries import SEALED_AS, get_roster_import, person_key, preview
from timebank.members.roster.rules import Person, Roster, read_roster, to_text
from timebank.members.roster.sheets import open_sheets
from timebank.members.service import NewMember
from timebank.members.service.bulk import register_many

KEPT_DAYS = 7  # a preview that nobody imported holds personal data for no purpose
STEP = 200  # people per line of progress


class RosterHasErrors(Conflict):
    """Some rows cannot be read; all or nothing means nothing."""

    code = "roster.has_errors"
    text = "名单里还有 {count} 处错误，一个人都没有导入。请在文件里改好，重新上传。"


class ConsentNotAnswered(Invalid):
    """Staff enter people's data only with their consent (MCA Order 67 art. 6)."""

    code = "roster.consent"
    text = "导入前要先征得名单上各位的同意。请勾选“已征得同意”，再导入。"

    def __init__(self) -> None:
        super().__init__(fields={"consented": self.text})


@dataclass(frozen=True, kw_only=True)
class RosterFile:
    """A file that was read: its name, the fingerprint that tells whether the same comes again, and what it says."""

    name: str
    fingerprint: str
    roster: Roster


def read_file(content: bytes, *, name: str, keys: Keys, now: datetime) -> RosterFile:
    """Read a file, without the database. Raises FileRefused, NoNameColumn, NobodyInFile, TooManyPeople."""
    roster = read_roster(open_sheets(content), clock.today(now))
    # Keyed, since the file of one known person could be guessed.
    return RosterFile(
        name=name, fingerprint=keys.index("roster_file", hashlib.sha256(content).hexdigest()), roster=roster
    )


def keep_file(
    session: Session, file: RosterFile, *, branch_id: int, actor: Actor, keys: Keys, now: datetime
) -> RosterImport:
    """Keep a file that was read, sealed, until it is imported or put away.

    The same file at the same branch is the same row: read anew while it waits, left alone once imported.
    """
    actor.require("member.import", branch_id=branch_id)
    branch = get_branch(session, branch_id)
    forget_previews(session, now=now)
    fresh = {
        "file_name": file.name[-120:],
        "rows_sealed": keys.encrypt(SEALED_AS, to_text(file.roster)),
        "row_count": file.roster.row_count,
        "uploaded_at": now,
        "uploaded_by_id": actor.member_id,
    }
    added = insert_once(session, RosterImport).values(branch_id=branch.id, file_hash=file.fingerprint, **fresh)
    session.execute(added)
    kept = session.scalars(
        select(RosterImport)
        .where(RosterImport.branch_id == branch.id, RosterImport.file_hash == file.fingerprint)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if kept.imported_at is None:
        for column, value in fresh.items():
            setattr(kept, column, value)
        session.flush()
    return kept


def forget_previews(session: Session, *, now: datetime) -> int:
    """Delete previews that nobody imported in time; returns how many."""
    forgotten = delete(RosterImport).where(
        RosterImport.imported_at.is_(None), RosterImport.uploaded_at < now - timedelta(days=KEPT_DAYS)
    )
    gone = session.execute(forgotten)
    return int(gone.rowcount)  # type: ignore[attr-defined]


def put_away(session: Session, import_id: int, *, actor: Actor) -> None:
    """Delete a preview that will not be imported. What was imported stays on record; a repeat changes nothing."""
    kept = session.get(RosterImport, import_id, with_for_update=True)
    if kept is None:
        return
    actor.require("member.import", branch_id=kept.branch_id)
    if kept.imported_at is None:
        session.delete(kept)
        session.flush()


def import_roster(
    session: Session, import_id: int, *, consented: bool, actor: Actor, keys: Keys, now: datetime
) -> Iterator[tuple[int, int]]:
    """Register everybody of a kept file who is new, all or nothing; yields (registered, of how many) on the way.

    The work is done as the iterator is drawn, within the caller's one transaction; the first pair comes before anybody
    is registered. Yields nothing for a file imported before. Raises RosterImportNotFound, NotAllowed,
    ConsentNotAnswered, RosterHasErrors, SomebodyRegistered.
    """
    kept = get_roster_import(session, import_id, lock=True)
    actor.require("member.import", branch_id=kept.branch_id)
    if kept.imported_at is not None:
        return
    if not consented:
        raise ConsentNotAnswered()
    # Two files with the same people wait for each other here; other work at the branch does not wait.
    session.scalars(select(Branch.id).where(Branch.id == kept.branch_id).with_for_update(key_share=True)).one()
    seen = preview(session, kept, keys)
    if seen.errors:
        raise RosterHasErrors(count=len(seen.errors))
    total = len(seen.people)
    yield 0, total
    for start in range(0, total, STEP):
        some = seen.people[start : start + STEP]
        _register(session, some, branch_id=kept.branch_id, actor=actor, keys=keys, now=now)
        yield start + len(some), total
    kept.rows_sealed = ""
    kept.imported_at = now
    kept.imported_by_id = actor.member_id
    kept.imported_count = total
    session.flush()


def _register(
    session: Session, people: Sequence[Person], *, branch_id: int, actor: Actor, keys: Keys, now: datetime
) -> None:
    keyed = {person_key(person, branch_id=branch_id, keys=keys): person for person in people}
    new = {key: _new_member(person, branch_id) for key, person in keyed.items()}
    added = register_many(session, new, branch_id=branch_id, actor=actor, keys=keys, now=now)
    teams = _teams(session, branch_id, [team for person in people for team in person.teams], now)
    joined = [
        {"team_id": teams[team], "member_id": added[key], "is_leader": False, "joined_at": now}
        for key, person in keyed.items()
        for team in person.teams
    ]
    if joined:
        session.execute(insert(TeamMembership), joined)


def _new_member(person: Person, branch_id: int) -> NewMember:
    return NewMember(
        name=person.name,
        branch_id=branch_id,
        phone=person.phone or "",
        sex=person.sex,
        born_on=person.born_on,
        id_number=person.id_number or "",
        skills=person.skills,
        free_times=person.free_times,
    )


def _teams(session: Session, branch_id: int, names: Sequence[str], now: datetime) -> dict[str, int]:
    """Team name → id; teams that the branch does not have yet are founded."""
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    founded = [{"branch_id": branch_id, "name": name, "kind": "", "created_at": now} for name in wanted]
    session.execute(insert_once(session, Team), founded)
    found = select(Team.name, Team.id).where(Team.branch_id == branch_id, Team.name.in_(wanted))
    return {row.name: row.id for row in session.execute(found)}
