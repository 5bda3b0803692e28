"""Who may take part at all."""

from __future__ import annotations

from sqlalchemy.orm import Session

from timebank.core.errors import Conflict
from timebank.members.models import ACTIVE, Member


class NotActive(Conflict):
    """Pending, declined or suspended."""

    code = "exchange.not_active"
    text = "您的会员资格还没有通过审核，或者已经停用，暂时不能发布和兑换。请联系本网点工作人员。"


def refuse_inactive(session: Session, member_id: int | None) -> Member:
    """The member, if the branch has approved them and not suspended them. Raises NotActive.

    The row is locked until the transaction ends: one person's orders come one after the other.
    """
    member = (
        session.get(Member, member_id, with_for_update={"key_share": True}, populate_existing=True)
        if member_id is not None
        else None
    )
    if member is None or member.status != ACTIVE:
        raise NotActive()
    return member
