"""Who gives, from which account, and whether enough is there."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid
from timebank.core.minutes import coins
from timebank.giving.models import GIVEAWAY, PURSES
from timebank.ledger import queries as ledger
from timebank.members.models import ACTIVE, Member


class NotActive(Conflict):
    """Pending, declined or suspended."""

    code = "giving.not_active"
    text = "您的会员资格还没有通过审核，或者已经停用，暂时不能捐赠。请联系本网点工作人员。"


class BadGift(Invalid):
    """Nothing, or from no purse we know."""

    code = "giving.bad_gift"


class NotEnoughToGive(Conflict):
    """Less is there than should be given."""

    code = "giving.not_enough_to_give"
    text = "{purse}不够：您要给 {needed}，现在有 {available}。请把数量改小一点。"


class Amount(NamedTuple):
    """Minutes out of a purse."""

    purse: str
    minutes: int


def find_giver(session: Session, actor: Actor, *, lock: bool = False) -> Member:
    """The actor as somebody who may give. Raises NotActive, NotAllowed."""
    member = session.get(
        Member, actor.member_id or 0, with_for_update={"key_share": True} if lock else None, populate_existing=True
    )
    if member is None or member.status != ACTIVE:
        raise NotActive()
    actor.require("gift.own", owner_id=member.id)
    return member


def check_purse(session: Session, member: Member, amount: Amount, *, given_before: bool) -> int:
    """The account behind a purse, when it holds enough (or did when this was ``given_before``).

    Raises BadGift, NotEnoughToGive.
    """
    if amount.purse not in PURSES:
        raise BadGift(fields={"purse": "请选从哪里给。"})
    if amount.minutes <= 0:
        raise BadGift(fields={"amount": "请填要给多少，至少 1 分钟。"})
    account_id = member.giveaway_account_id if amount.purse == GIVEAWAY else member.coin_account_id
    available = ledger.get_account(session, account_id).available if account_id is not None else 0
    if (account_id is None or available < amount.minutes) and not given_before:
        needed, there = coins(amount.minutes), coins(max(available, 0))
        raise NotEnoughToGive(purse=PURSES[amount.purse], needed=needed, available=there)
    return account_id or 0
