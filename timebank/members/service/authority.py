"""Who may touch whom, and that somebody is always left to give roles."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict, NotAllowed
from timebank.members.models import Member, RoleGrant
from timebank.members.queries import count_administrators, list_grants
from timebank.members.queries.roles import place_of
from timebank.members.rules.roles import ADMINISTRATOR, outranks


class LastAdministrator(Conflict):
    """Without an administrator nobody could give roles any more."""

    code = "members.last_administrator"
    text = "这是最后一位系统管理员。请先让另一位会员担任系统管理员，再办这一步。"


class OutOfReach(NotAllowed):
    """The person holds a role that the actor could not give."""

    code = "members.out_of_reach"
    text = "{name}的身份比您高，这一步要由系统管理员来办。"


def require_outranked(session: Session, member: Member, actor: Actor) -> None:
    """Refuse to touch somebody whose roles the actor could not give, unless it is the actor. Raises OutOfReach."""
    if member.id == actor.member_id:
        return
    held = [(grant.role, place_of(grant)) for grant in list_grants(session, member.id)]
    if not outranks(actor, held):
        raise OutOfReach(name=member.name)


def keep_an_administrator(
    session: Session, *, without_grant: int | None = None, without_member: int | None = None
) -> None:
    """Refuse what would leave nobody to give roles. Raises LastAdministrator.

    The open grants are locked in order, so that two administrators cannot end each other at once.
    """
    open_grants = select(RoleGrant.id, RoleGrant.member_id).where(
        RoleGrant.role == ADMINISTRATOR, RoleGrant.ended_at.is_(None)
    )
    held = session.execute(open_grants.order_by(RoleGrant.id).with_for_update()).all()
    touched = any(grant_id == without_grant or member_id == without_member for grant_id, member_id in held)
    if touched and not count_administrators(session, without_grant=without_grant, without_member=without_member):
        raise LastAdministrator()
