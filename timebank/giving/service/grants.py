"""Coins from the fund for a member: asked for by one of the staff, decided by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.core.minutes import coins
from timebank.giving.models import ASKED, DECLINED, GRANTED, WITHDRAWN, FundGrant
from timebank.giving.queries import GRANT_SOURCE, find_grant_by_key, fund_account, get_grant
from timebank.giving.rules import room_for
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import Member
from timebank.members.queries import find_member_by_number, find_open_link, list_deciding
from timebank.members.queries.people import require_active
from timebank.notices.service import NoticeDraft, tell, tell_all
from timebank.rulebook.queries import find_rule
from timebank.rulebook.service import lock_members

DESK = "/branch/fund"


class GrantFor(Invalid):
    """Nobody with this number at this branch."""

    code = "giving.grant_for"
    text = "本网点没有这个会员号。会员号在成长卡上，以 HL 开头。"

    def __init__(self) -> None:
        super().__init__(fields={"number": self.text})


class BadGrant(Invalid):
    """No amount, or no reason."""

    code = "giving.bad_grant"


class Involved(NotAllowed):
    """It would be for oneself or for one's family, or one asked for it."""

    code = "giving.involved"
    text = "要由没有关系的人来办：不能给自己和家人申请，也不能由申请的人自己同意。请让另一位管理员来办。"


class FundShort(Conflict):
    """The fund has less."""

    code = "giving.fund_short"
    text = "爱心基金不够：要 {needed}，现在可用 {available}。请改小一点，或者等有人捐赠。"


class MemberFull(Conflict):
    """The member may not hold so much."""

    code = "giving.member_full"
    text = "按本网点的规则，{name}手里最多留 {cap}，现在收不下这么多。"


class GrantDecided(Conflict):
    """It ended in another way."""

    code = "giving.grant_decided"
    text = "这笔帮扶已经有了结果，不能再改。请刷新页面再看一看。"


@dataclass(frozen=True, kw_only=True)
class GrantDraft:
    """For whom, how much, why; the form's key once."""

    branch_id: int
    number: str
    minutes: int
    reason: str
    form_key: str


def ask_grant(session: Session, draft: GrantDraft, *, actor: Actor, now: datetime) -> FundGrant:
    """Ask for a grant; the other managers are told. The same form again answers with the first.

    Raises NotAllowed, FormUsed, GrantFor, MemberNotActive, Involved, BadGrant, FundShort, MemberFull.
    """
    actor.require("fund.grant", branch_id=draft.branch_id)
    lock_name(session, f"grant:{draft.form_key}")  # the same form may be sent twice at once
    member = find_member_by_number(session, draft.number)
    first = find_grant_by_key(session, draft.form_key)
    if first is not None:
        sent = (draft.branch_id, member.id if member else None, draft.minutes, draft.reason.strip())
        if (first.branch_id, first.member_id, first.minutes, first.reason) != sent:
            raise FormUsed()
        return first
    if member is None or member.branch_id != draft.branch_id:
        raise GrantFor()
    require_active(member)
    _refuse_involved(session, member.id, actor)
    if draft.minutes <= 0:
        raise BadGrant(fields={"amount": "请填要给多少，至少 1 分钟。"})
    if not draft.reason.strip():
        raise BadGrant(fields={"reason": "请写一句为什么，第二个人要看。"})
    _refuse_amount(session, member, draft.minutes, now)
    grant = FundGrant(
        branch_id=draft.branch_id,
        member_id=member.id,
        minutes=draft.minutes,
        reason=draft.reason.strip(),
        asked_by_id=actor.member_id or 0,
        asked_at=now,
        status=ASKED,
        form_key=draft.form_key,
    )
    session.add(grant)
    session.flush()
    _tell_others(session, grant, actor, now)
    return grant


def decide_grant(
    session: Session, grant_id: int, *, agreed: bool, note: str = "", actor: Actor, now: datetime
) -> FundGrant:
    """Agree, which moves the coins, or decline with a reason. The same decision again is calm.

    Raises GrantNotFound, NotAllowed, Involved, GrantDecided, BadGrant, MemberNotActive, FundShort, MemberFull.
    """
    grant = get_grant(session, grant_id, lock=True)
    actor.require("fund.grant", branch_id=grant.branch_id)
    status = GRANTED if agreed else DECLINED
    if grant.status != ASKED:
        if (grant.status, grant.decided_by_id) != (status, actor.member_id):
            raise GrantDecided()
        return grant
    if actor.member_id == grant.asked_by_id:
        raise Involved()
    _refuse_involved(session, grant.member_id, actor)
    if not agreed and not note.strip():
        raise BadGrant(fields={"note": "请写一句原因，让申请的人知道。"})
    if agreed:
        _pay(session, grant, actor, now)
    grant.status, grant.note = status, note.strip()
    grant.decided_by_id, grant.decided_at = actor.member_id, now
    session.flush()
    _tell_decided(session, grant, now)
    return grant


def withdraw_grant(session: Session, grant_id: int, *, actor: Actor, now: datetime) -> FundGrant:
    """Who asked takes it back before it is decided. Twice is calm. Raises GrantNotFound, NotAllowed, GrantDecided."""
    grant = get_grant(session, grant_id, lock=True)
    actor.require("fund.grant", branch_id=grant.branch_id)
    if actor.member_id != grant.asked_by_id:
        raise NotAllowed(permission="fund.grant")
    if grant.status == WITHDRAWN:
        return grant
    if grant.status != ASKED:
        raise GrantDecided()
    grant.status, grant.decided_by_id, grant.decided_at = WITHDRAWN, actor.member_id, now
    session.flush()
    return grant


def _pay(session: Session, grant: FundGrant, actor: Actor, now: datetime) -> None:
    lock_members(session, [grant.member_id])  # nobody else decides by this balance meanwhile
    require_active(grant.member)
    _refuse_amount(session, grant.member, grant.minutes, now)
    transfer = ledger.TransferDraft(
        debit_id=fund_account(session, grant.branch_id),
        credit_id=grant.member.coin_account_id or 0,
        amount=grant.minutes,
        unit="coin",
    )
    entry = ledger.EntryDraft(
        book_id=grant.branch_id,
        kind="grant",
        key=f"{GRANT_SOURCE}:{grant.id}",
        transfers=(transfer,),
        source_type=GRANT_SOURCE,
        source_id=grant.id,
        occurred_at=now,
        actor_id=actor.member_id,
        for_member_id=grant.member_id,
        facts={"asked_by_id": grant.asked_by_id},
    )
    try:
        ledger.post(session, entry, now=now)
    except ledger.NotEnough as short:
        raise _short(session, grant.branch_id, grant.minutes) from short


def _refuse_involved(session: Session, member_id: int, actor: Actor) -> None:
    own = actor.member_id == member_id
    if actor.member_id is None or own or find_open_link(session, actor.member_id, member_id) is not None:
        raise Involved()


def _refuse_amount(session: Session, member: Member, minutes: int, now: datetime) -> None:
    if ledger_queries.get_account(session, fund_account(session, member.branch_id)).available < minutes:
        raise _short(session, member.branch_id, minutes)
    cap = find_rule(session, member.branch_id, clock.today(now)).holding_cap_minutes
    room = room_for(cap, ledger_queries.get_account(session, member.coin_account_id).balance)
    if room is not None and minutes > room:
        raise MemberFull(name=member.name, cap=coins(cap or 0))


def _short(session: Session, branch_id: int, minutes: int) -> FundShort:
    available = ledger_queries.get_account(session, fund_account(session, branch_id)).available
    return FundShort(needed=coins(minutes), available=coins(max(available, 0)))


def _tell_others(session: Session, grant: FundGrant, actor: Actor, now: datetime) -> None:
    told = NoticeDraft(
        kind="grant.asked",
        key=f"grant.asked:{grant.id}",
        facts={"minutes": grant.minutes, "by": actor.name, "reason": grant.reason},
        link=f"{DESK}?branch={grant.branch_id}",
    )
    others = list_deciding(session, grant.branch_id, without={actor.member_id, grant.member_id})
    tell_all(session, others, told, now=now)


def _tell_decided(session: Session, grant: FundGrant, now: datetime) -> None:
    if grant.status == GRANTED:
        facts = {"minutes": grant.minutes, "branch": grant.member.branch.name}
        tell(
            session,
            member_id=grant.member_id,
            kind="grant.given",
            facts=facts,
            link="/me/statement",
            key=f"grant.given:{grant.id}",
            now=now,
        )
        return
    tell(
        session,
        member_id=grant.asked_by_id,
        kind="grant.declined",
        facts={"minutes": grant.minutes, "reason": grant.note},
        link=f"{DESK}?branch={grant.branch_id}",
        key=f"grant.declined:{grant.id}",
        now=now,
    )
