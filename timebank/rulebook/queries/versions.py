"""Reads of the versions of a branch's rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.rulebook.models import CoinRule
from timebank.rulebook.rules import BUILT_IN, SETTINGS, Version, in_force


def version_of(row: CoinRule, branch_code: str) -> Version:
    """A saved version as the arithmetic knows it, under the name that entries keep."""
    return Version(
        name=f"rules/{branch_code}/{row.number}",
        number=row.number,
        valid_from=row.valid_from,
        **{name: getattr(row, name) for name in SETTINGS},
    )


def find_versions(session: Session, branch_ids: Collection[int]) -> dict[int, list[Version]]:
    """Every version of some branches, oldest first; a branch that saved none is left out."""
    rows = session.execute(
        select(CoinRule, Branch.code)
        .join(Branch, Branch.id == CoinRule.branch_id)
        .where(CoinRule.branch_id.in_(branch_ids))
        .order_by(CoinRule.branch_id, CoinRule.number)
    )
    found: dict[int, list[Version]] = defaultdict(list)
    for row, code in rows:
        found[row.branch_id].append(version_of(row, code))
    return dict(found)


def find_rule(session: Session, branch_id: int, day: date) -> Version:
    """The version that is in force at a branch on a day."""
    return in_force(find_versions(session, [branch_id]).get(branch_id, []), day)


def find_rules(session: Session, branch_ids: Collection[int], day: date) -> dict[int, Version]:
    """The version in force on a day at each of some branches."""
    versions = find_versions(session, branch_ids)
    return {branch_id: in_force(versions.get(branch_id, []), day) for branch_id in branch_ids}


def named_rule(session: Session, branch_id: int, name: str | None) -> Version:
    """The version that an entry of a branch names; what was booked before there were versions followed the built-in."""
    versions = find_versions(session, [branch_id]).get(branch_id, [])
    return next((version for version in versions if version.name == name), BUILT_IN)


def list_rules(session: Session, branch_id: int) -> list[CoinRule]:
    """The versions of a branch as they were saved, newest first."""
    chosen = select(CoinRule).where(CoinRule.branch_id == branch_id).order_by(CoinRule.number.desc())
    return list(session.scalars(chosen))


def find_by_key(session: Session, form_key: str) -> CoinRule | None:
    """The version that a form saved."""
    return session.scalars(select(CoinRule).where(CoinRule.form_key == form_key)).one_or_none()
