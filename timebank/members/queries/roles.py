"""Who holds which role where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from timebank.branches.models import Area, Branch
from timebank.branches.queries import list_branch_ids_in
from timebank.core.actor import Grant
from timebank.core.errors import NotFound
from timebank.members.models import ACTIVE, Member, RoleGrant
from timebank.members.rules import Place
from timebank.members.rules.roles import ADMINISTRATOR


class GrantNotFound(NotFound):
    """No such role was given."""

    code = "members.grant_not_found"
    text = "没有找到这条身份记录。"


def get_grant(session: Session, grant_id: int, *, lock: bool = False) -> RoleGrant:
    """The grant. Raises GrantNotFound."""
    grant = session.get(RoleGrant, grant_id, with_for_update=lock or None)
    if grant is None:
        raise GrantNotFound()
    return grant


def place_of(grant: RoleGrant) -> Place:
    """Where a grant holds."""
    return Place(branch_id=grant.branch_id, area_id=grant.area_id)


def list_grants(session: Session, member_id: int) -> Sequence[RoleGrant]:
    """The roles a person holds now, oldest first."""
    held = select(RoleGrant).where(RoleGrant.member_id == member_id, RoleGrant.ended_at.is_(None))
    return session.scalars(held.order_by(RoleGrant.id)).all()


def resolve_grants(
    session: Session, branch_id: int, held: Iterable[tuple[str, int | None, int | None]]
) -> tuple[Grant, ...]:
    """``(role, branch id, area id)`` as what an actor carries: areas become the branches in them, now."""
    grants = [Grant(role="volunteer", branch_ids=frozenset({branch_id}))]
    for role, at_branch, at_area in held:
        if at_branch is not None:
            reached: frozenset[int] | None = frozenset({at_branch})
        elif at_area is not None:
            reached = frozenset(list_branch_ids_in(session, [at_area]))
        else:
            reached = None
        grants.append(Grant(role=role, branch_ids=reached))
    return tuple(grants)


def list_grants_at(session: Session, branch_id: int) -> list[tuple[RoleGrant, Member, str]]:
    """The roles that reach a branch, with the person and the name of the place each was given for."""
    statement = _open_grants().where(_reaching([branch_id])).order_by(RoleGrant.role, Member.name, RoleGrant.id)
    return _named(session, statement)


def list_grants_of(session: Session, member_id: int) -> list[tuple[RoleGrant, Member, str]]:
    """The roles a person holds now, with the name of the place each was given for."""
    return _named(session, _open_grants().where(Member.id == member_id).order_by(RoleGrant.id))


def _open_grants() -> Select[RoleGrant, Member, str, Area]:
    grants: Select[RoleGrant, Member, str, Area] = (
        select(RoleGrant, Member, Branch.name, Area)
        .join(Member, Member.id == RoleGrant.member_id)
        .outerjoin(Branch, Branch.id == RoleGrant.branch_id)
        .outerjoin(Area, Area.id == RoleGrant.area_id)
        .where(RoleGrant.ended_at.is_(None))
    )
    return grants


def _named(session: Session, statement: Select[RoleGrant, Member, str, Area]) -> list[tuple[RoleGrant, Member, str]]:
    return [
        (grant, member, branch_name or _area_name(area))
        for grant, member, branch_name, area in session.execute(statement)
    ]


def _area_name(area: Area | None) -> str:
    return area.names[-1].name if area is not None else "全部网点"


def list_staff(session: Session, branch_id: int, roles: Collection[str]) -> list[Member]:
    """The active people who hold one of ``roles`` at a branch: whom to ask, whom to choose as contact."""
    statement = (
        select(Member)
        .join(RoleGrant, RoleGrant.member_id == Member.id)
        .where(
            Member.status == ACTIVE,
            RoleGrant.role.in_(roles),
            RoleGrant.ended_at.is_(None),
            _reaching([branch_id]),
        )
        .order_by(Member.name, Member.id)
        .distinct()
    )
    return list(session.scalars(statement))


def list_deciding(session: Session, branch_id: int, *, without: Collection[int | None] = ()) -> list[int]:
    """Whom to tell what waits for a decision at a branch: its managers, without those who have a part in it.

    Where there is no other manager, the administrators who reach the branch: they may decide as well. Empty only where
    nobody may.
    """
    for role in ("manager", ADMINISTRATOR):
        found = [one.id for one in list_staff(session, branch_id, {role}) if one.id not in without]
        if found:
            return found
    return []


def _reaching(branch_ids: Collection[int]) -> ColumnElement[bool]:
    above = select(Branch.area_id.label("id")).where(Branch.id.in_(branch_ids)).cte("above", recursive=True)
    above = above.union(select(Area.parent_id).join(above, Area.id == above.c.id).where(Area.parent_id.is_not(None)))
    return or_(
        RoleGrant.branch_id.in_(branch_ids),
        RoleGrant.area_id.in_(select(above.c.id)),
        and_(RoleGrant.branch_id.is_(None), RoleGrant.area_id.is_(None)),
    )


def count_administrators(
    session: Session, *, without_grant: int | None = None, without_member: int | None = None
) -> int:
    """How many active administrators there would be without this grant or this person."""
    statement = (
        select(func.count(Member.id.distinct()))
        .join(RoleGrant, RoleGrant.member_id == Member.id)
        .where(RoleGrant.role == ADMINISTRATOR, RoleGrant.ended_at.is_(None), Member.status == ACTIVE)
    )
    if without_grant is not None:
        statement = statement.where(RoleGrant.id != without_grant)
    if without_member is not None:
        statement = statement.where(Member.id != without_member)
    return session.scalar(statement) or 0
