"""Giving coins to the branch's fund."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid
from timebank.core.minutes import coins
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import ACTIVE, Member
from timebank.notices.service import tell

SOURCE = "gift"  # what entries name as their document
GIVEAWAY, COIN = "giveaway", "coin"
PURSES: Final = {GIVEAWAY: "可赠币", COIN: "可用的爱心币"}


class NotActive(Conflict):
    """Pending, declined or suspended."""

    code = "rulebook.not_active"
    text = "您的会员资格还没有通过审核，或者已经停用，暂时不能捐赠。请联系本网点工作人员。"


class BadGift(Invalid):
    """Nothing, or from no purse we know."""

    code = "rulebook.bad_gift"


class NotEnoughToGive(Conflict):
    """Less is there than should be given."""

    code = "rulebook.not_enough_to_give"
    text = "{purse}不够：您要捐 {needed}，现在有 {available}。请把数量改小一点。"


@dataclass(frozen=True, kw_only=True)
class GiftDraft:
    """What a member gives to the fund, from which purse, with which words; the form's key makes a repeat harmless."""

    purse: str
    minutes: int
    words: str
    form_key: str


def check_gift(session: Session, draft: GiftDraft, *, actor: Actor, lock: bool = False) -> tuple[Member, int]:
    """Who gives, and from which account, or why they cannot; writes nothing.

    Raises NotAllowed, NotActive, BadGift, NotEnoughToGive.
    """
    member = session.get(
        Member, actor.member_id or 0, with_for_update={"key_share": True} if lock else None, populate_existing=True
    )
    if member is None or member.status != ACTIVE:
        raise NotActive()
    actor.require("gift.own", owner_id=member.id)
    if draft.purse not in PURSES:
        raise BadGift(fields={"purse": "请选从哪里捐。"})
    if draft.minutes <= 0:
        raise BadGift(fields={"amount": "请填要捐多少，至少 1 分钟。"})
    account_id = member.giveaway_account_id if draft.purse == GIVEAWAY else member.coin_account_id
    available = ledger_queries.get_account(session, account_id).available if account_id is not None else 0
    if (account_id is None or available < draft.minutes) and not _given_before(session, member, draft):
        needed, there = coins(draft.minutes), coins(max(available, 0))
        raise NotEnoughToGive(purse=PURSES[draft.purse], needed=needed, available=there)
    return member, account_id or 0


def give(session: Session, draft: GiftDraft, *, actor: Actor, now: datetime) -> ledger.Posted:
    """Give coins to the fund of one's branch, and be thanked. The same form again answers with the first gift.

    Raises what ``check_gift`` raises, and KeyReused where the form was sent before with other content.
    """
    member, account_id = check_gift(session, draft, actor=actor, lock=True)
    fund = ledger_queries.find_house_account(session, member.branch_id, "fund")
    entry = ledger.EntryDraft(
        book_id=member.branch_id,
        kind="gift",
        key=_key(member, draft),
        transfers=(ledger.TransferDraft(debit_id=account_id, credit_id=fund, amount=draft.minutes, unit="coin"),),
        source_type=SOURCE,
        source_id=None,
        occurred_at=now,
        actor_id=actor.member_id,
        for_member_id=member.id,
        facts={"to": "fund", "purse": draft.purse, "words": draft.words},
    )
    posted = ledger.post(session, entry, now=now)
    if not posted.repeated:
        tell(
            session,
            member_id=member.id,
            kind="gift.given",
            facts={"minutes": draft.minutes, "branch": member.branch.name},
            link="/me/give",
            key=f"gift.given:{posted.entry_id}",
            now=now,
        )
    return posted


def _key(member: Member, draft: GiftDraft) -> str:
    return f"{SOURCE}:{member.id}:{draft.form_key}"


def _given_before(session: Session, member: Member, draft: GiftDraft) -> bool:
    key = _key(member, draft)
    return key in ledger_queries.taken_keys(session, member.branch_id, [key])
