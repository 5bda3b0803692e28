"""Giving and ending roles."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.queries import get_area, get_branch
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Invalid, NotAllowed
from timebank.core.permissions import ROLES
from timebank.members.models import RoleGrant
from timebank.members.queries import get_grant, get_member
from timebank.members.queries.people import require_active
from timebank.members.queries.roles import place_of
from timebank.members.rules import EVERYWHERE, Place, may_grant
from timebank.members.rules.roles import ADMINISTRATOR, GRANTED
from timebank.members.service.authority import keep_an_administrator


class NotARole(Invalid):
    """No such role to give: everybody approved is a volunteer already."""

    code = "members.not_a_role"
    text = "请从列出的身份里选一个。"

    def __init__(self) -> None:
        super().__init__(fields={"role": self.text})


class NotGrantable(NotAllowed):
    """The actor does not hold this role, or not at this place."""

    code = "members.not_grantable"
    text = "您不能授予或结束“{role}”这个身份：只能在自己管理的网点授予自己也有的身份。请联系系统管理员。"


class OnlyEverywhere(Invalid):
    """Administrators are not tied to a place."""

    code = "members.only_everywhere"
    text = "系统管理员管全部网点，不用选网点或区域。"

    def __init__(self) -> None:
        super().__init__(fields={"place": self.text})


def grant_role(
    session: Session, member_id: int, role: str, place: Place = EVERYWHERE, *, actor: Actor, now: datetime
) -> RoleGrant:
    """Give an active person a role for a branch, for an area, or everywhere. A repeat returns the first grant.

    Raises NotARole, NotGrantable, OnlyEverywhere, MemberNotActive.
    """
    if role not in GRANTED:
        raise NotARole()
    if not may_grant(actor, role, place):
        raise NotGrantable(role=ROLES[role])
    if role == ADMINISTRATOR and place != EVERYWHERE:
        raise OnlyEverywhere()
    if place.branch_id is not None:
        get_branch(session, place.branch_id)
    if place.area_id is not None:
        get_area(session, place.area_id)
    require_active(get_member(session, member_id, lock=True))
    session.execute(
        insert_once(session, RoleGrant).values(
            member_id=member_id,
            role=role,
            branch_id=place.branch_id,
            area_id=place.area_id,
            granted_at=now,
            granted_by_id=actor.member_id,
        )
    )
    return session.scalars(
        select(RoleGrant).where(
            RoleGrant.member_id == member_id,
            RoleGrant.role == role,
            RoleGrant.branch_id.is_not_distinct_from(place.branch_id),
            RoleGrant.area_id.is_not_distinct_from(place.area_id),
            RoleGrant.ended_at.is_(None),
        )
    ).one()


def end_role(session: Session, grant_id: int, *, actor: Actor, now: datetime) -> RoleGrant:
    """Take a role back; who held it when stays on record. A repeat changes nothing.

    Raises GrantNotFound, NotGrantable, LastAdministrator.
    """
    grant = get_grant(session, grant_id)
    if not may_grant(actor, grant.role, place_of(grant)):
        raise NotGrantable(role=ROLES[grant.role])
    keep_an_administrator(session, without_grant=grant.id)
    grant = get_grant(session, grant_id, lock=True)
    if grant.ended_at is None:
        grant.ended_at = now
        grant.ended_by_id = actor.member_id
        session.flush()
    return grant
