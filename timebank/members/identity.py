"""Who a cookie means: a member as the actor that guards and services ask. Beside the pages, as it knows the request."""

from __future__ import annotations

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import db
from timebank.members.models import ACTIVE, Credential, Member, RoleGrant
from timebank.members.queries import MemberNotFound, resolve_grants
from timebank.web.guards import SignedIn


def load_actor(session: Session, member_id: int) -> Actor:
    """The actor a member is now: every active one a volunteer at their branch, with the roles they hold.

    Somebody who may not act holds nothing. Raises MemberNotFound.
    """
    rows = _rows(session, member_id)
    if not rows:
        raise MemberNotFound()
    return _actor(session, rows)


def find_signed_in(user_id: str) -> SignedIn | None:
    """Who the cookie's ``member id:session mark`` means, if they may still act and have not been signed out.

    One statement for most people, since it is asked on every request.
    """
    member_id, _, mark = user_id.partition(":")
    if not member_id.isascii() or not member_id.isdigit() or len(member_id) > _LONGEST_ID:
        return None
    rows = _rows(db.session(), int(member_id))
    if not rows or rows[0].status != ACTIVE or not mark or rows[0].session_mark != mark:
        return None
    return SignedIn(_actor(db.session(), rows), mark)


_LONGEST_ID = 9


def _rows(session: Session, member_id: int) -> list[Row[tuple[int, str, int, str, str, str, int, int]]]:
    statement = (
        select(
            Member.id,
            Member.name,
            Member.branch_id,
            Member.status,
            Credential.session_mark,
            RoleGrant.role,
            RoleGrant.branch_id.label("at_branch"),
            RoleGrant.area_id.label("at_area"),
        )
        .outerjoin(Credential, Credential.member_id == Member.id)
        .outerjoin(RoleGrant, and_(RoleGrant.member_id == Member.id, RoleGrant.ended_at.is_(None)))
        .where(Member.id == member_id)
        .order_by(RoleGrant.id)
    )
    return list(session.execute(statement))


def _actor(session: Session, rows: list[Row[tuple[int, str, int, str, str, str, int, int]]]) -> Actor:
    first = rows[0]
    if first.status != ACTIVE:
        return Actor(member_id=first.id, name=first.name, branch_id=first.branch_id)
    held = [(row.role, row.at_branch, row.at_area) for row in rows if row.role is not None]
    return Actor(
        member_id=first.id,
        name=first.name,
        branch_id=first.branch_id,
        grants=resolve_grants(session, first.branch_id, held),
    )
