"""Who a cookie means: a member as the actor that guards and services ask. Beside the pages, as it knows the request."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Row, and_, bindparam, select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import db
from timebank.members.models import ACTIVE, Credential, Member, RoleGrant
from timebank.members.queries import MemberNotFound, resolve_grants
from timebank.web.guards import SignedIn

_LONGEST_ID = 9
# Built once: it is asked on every request.
_PERSON = (
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
    .where(Member.id == bindparam("member_id"))
    .order_by(RoleGrant.id)
)


def load_actor(session: Session, member_id: int) -> Actor:
    """The actor a member is now: every active one a volunteer at their branch, with the roles they hold.

    Somebody who may not act holds nothing. Raises MemberNotFound.
    """
    rows = session.execute(_PERSON, {"member_id": member_id}).all()
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
    # Through the connection: nothing waits to be flushed at this point, and no objects are wanted.
    rows = db.session().connection().execute(_PERSON, {"member_id": int(member_id)}).all()
    if not rows or rows[0].status != ACTIVE or not mark or rows[0].session_mark != mark:
        return None
    return SignedIn(_actor(db.session(), rows), mark)


def _actor(session: Session, rows: Sequence[Row[int, str, int, str, str, str, int | None, int | None]]) -> Actor:
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
