"""Coins from one member to another, of the same branch or of one that redeems with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from timebank.clearing import service as clearing
from timebank.clearing.queries import rate_between
from timebank.clearing.rules import Amounts
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid
from timebank.core.minutes import coins
from timebank.giving.models import GIVEAWAY, Gift
from timebank.giving.queries import GIFT_SOURCE, find_gift_by_key, has_given_away, sum_given
from timebank.giving.rules import BACK_AND_FORTH, left_to_give, room_for
from timebank.giving.service.purses import Amount, check_purse, find_giver
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import find_member_by_number
from timebank.members.rules import BadName, tidy_name
from timebank.notices.service import tell
from timebank.rulebook.queries import find_rule
from timebank.rulebook.rules import Version
from timebank.rulebook.service import lock_members

UNDER_WAY: Final = timedelta(days=1)  # a gift to another branch is settled at once


class ReceiverNotFound(Invalid):
    """Number and name do not go together, or belong to nobody who may receive; said alike, so that nobody learns."""

    code = "giving.receiver_not_found"
    text = "会员号和姓名对不上。请向对方要成长卡，照着上面的会员号和姓名输入。"

    def __init__(self) -> None:
        super().__init__(fields={"number": self.text})


class ToOneself(Conflict):
    """Nobody gives to themselves."""

    code = "giving.to_oneself"
    text = "不能送给自己。"


class InAnotherBranch(Conflict):
    """Coins that may only be given away stay in the branch whose group earned them."""

    code = "giving.in_another_branch"
    text = "{name}在“{branch}”。可赠币只能送给本网点的会员；可用的爱心币可以送给对方。"


class MonthFull(Conflict):
    """More than may be given to people in a calendar month."""

    code = "giving.month_full"
    text = "本网点规定，每人每月最多送给别人 {cap}。您这个月还可以送 {left}；捐给爱心基金不受限制。"


class ReceiverFull(Conflict):
    """The receiver may not hold so much; how much they have is not said."""

    code = "giving.receiver_full"
    text = "按本网点的规则，{name}现在收不下这么多。请送少一点，或者捐给爱心基金。"


class RateChanged(Conflict):
    """Something else would arrive than what the giver saw."""

    code = "giving.rate_changed"
    text = "和“{branch}”之间的折算刚刚变了，现在对方会收到 {taken}，还没有送出。愿意的话，请再点一次“下一步”。"


class TooSmall(Conflict):
    """In the receiver's branch it is worth less than a minute."""

    code = "giving.too_small"
    text = "送得太少，折算到“{branch}”还不到一分钟。请多送一点。"


class BackAndForth(Conflict):
    """Coins that may only be given away, swapped, would be coins to spend."""

    code = "giving.back_and_forth"
    text = "{name}一年内送过您可赠币，所以您的可赠币不能再送给对方。可以捐给爱心基金，或者送给别人。"


@dataclass(frozen=True, kw_only=True)
class GiftDraft:
    """What a member gives to whom: by number and name, as they stand on the card; the form's key once.

    ``seen_rate``: by which rate the page said what arrives at another branch; None without a page.
    """

    purse: str
    minutes: int
    words: str
    number: str
    name: str
    form_key: str
    seen_rate: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A gift that can be given: by whom, to whom, from and to which accounts."""

    giver: Member
    receiver: Member
    account_id: int


def check_gift(session: Session, draft: GiftDraft, *, actor: Actor, now: datetime) -> Checked:
    """Who gives whom, from which account, or why they cannot; writes nothing.

    Raises NotActive, NotAllowed, ReceiverNotFound, ToOneself, InAnotherBranch, BadGift, NotEnoughToGive, BackAndForth,
    MonthFull, RateChanged, TooSmall, ReceiverFull. What stands between two branches (``clearing``) is refused only by
    ``give``.
    """
    giver = find_giver(session, actor)
    receiver = _find_receiver(session, draft)
    if receiver.id == giver.id:
        raise ToOneself()
    if receiver.branch_id != giver.branch_id and draft.purse == GIVEAWAY:
        raise InAnotherBranch(name=receiver.alias, branch=receiver.branch.name)
    account_id = check_purse(session, giver, Amount(draft.purse, draft.minutes), given_before=False)
    if draft.purse == GIVEAWAY and has_given_away(session, receiver.id, giver.id, now - BACK_AND_FORTH):
        raise BackAndForth(name=receiver.alias)
    rule = find_rule(session, giver.branch_id, clock.today(now))
    _refuse_over_month(session, giver, draft.minutes, rule, now)
    balance = ledger_queries.get_account(session, receiver.coin_account_id).balance
    room = room_for(find_rule(session, receiver.branch_id, clock.today(now)).holding_cap_minutes, balance)
    checked = Checked(giver, receiver, account_id)
    arrives = arriving(session, checked, draft.minutes, now=now)
    if draft.seen_rate not in {None, str(arrives.rate)}:
        raise RateChanged(branch=receiver.branch.name, taken=coins(arrives.taken))
    if not arrives.taken:
        raise TooSmall(branch=receiver.branch.name)
    if room is not None and arrives.taken > room:
        raise ReceiverFull(name=receiver.alias)
    return checked


def give(session: Session, draft: GiftDraft, *, actor: Actor, now: datetime) -> Gift:
    """Give coins to a member; both are told. The same form again answers with the first gift.

    Raises what ``check_gift`` raises, FormUsed where the form was sent before with other content, and between branches
    what clearing refuses: NotConnected, PairFrozen, CeilingReached, LineFull.
    """
    lock_name(session, f"gift:{draft.form_key}")  # the same form may be sent twice at once
    first = find_gift_by_key(session, draft.form_key)
    if first is not None:
        return _repeated(session, first, draft, actor)
    giver, receiver = find_giver(session, actor), _find_receiver(session, draft)
    lock_members(session, {giver.id, receiver.id})  # nobody else decides by these balances meanwhile
    checked = check_gift(session, draft, actor=actor, now=now)
    gift = Gift(
        branch_id=giver.branch_id,
        from_id=giver.id,
        to_id=receiver.id,
        purse=draft.purse,
        minutes=draft.minutes,
        words=draft.words,
        given_at=now,
        form_key=draft.form_key,
    )
    session.add(gift)
    session.flush()
    _pay(session, gift, checked, actor)
    _tell(session, gift, checked, now)
    return gift


def _pay(session: Session, gift: Gift, checked: Checked, actor: Actor) -> None:
    giver, receiver, now = checked.giver, checked.receiver, gift.given_at
    entry = _entry(gift, checked, actor)
    if receiver.branch_id == giver.branch_id:
        ledger.post(session, entry, now=now)
        return
    amounts = arriving(session, checked, gift.minutes, now=now)
    proposal = clearing.ProposalDraft(
        uid=f"{giver.branch.code}:{GIFT_SOURCE}:{gift.id}",
        payer_id=giver.branch_id,
        payee_id=receiver.branch_id,
        account_id=checked.account_id,
        minutes=gift.minutes,
        expires_at=now + UNDER_WAY,
        source_type=GIFT_SOURCE,
        actor_id=actor.member_id,
        taken=amounts.taken,
        rate=amounts.rate,
    )
    settlement = clearing.Settlement(
        takers=((receiver.coin_account_id or 0, amounts.taken),),
        key=entry.key,
        source_id=gift.id,
        occurred_at=now,
        actor_id=actor.member_id,
        payer_member_id=giver.id,
        payee_member_id=giver.id,
        facts=dict(entry.facts),
    )
    clearing.settle(session, clearing.propose(session, proposal, now=now).id, settlement, now=now)


def arriving(session: Session, checked: Checked, minutes: int, *, now: datetime) -> Amounts:
    """What of the giver's minutes arrives in the receiver's: as many in the same branch."""
    giver, receiver = checked.giver.branch_id, checked.receiver.branch_id
    if giver == receiver:
        return Amounts(minutes, minutes)
    return rate_between(session, giver, receiver, now=now).gain(minutes)


def _entry(gift: Gift, checked: Checked, actor: Actor) -> ledger.EntryDraft:
    to = checked.receiver.coin_account_id or 0
    return ledger.EntryDraft(
        book_id=gift.branch_id,
        kind="gift",
        key=f"{GIFT_SOURCE}:to:{gift.id}",
        transfers=(ledger.TransferDraft(debit_id=checked.account_id, credit_id=to, amount=gift.minutes, unit="coin"),),
        source_type=GIFT_SOURCE,
        source_id=gift.id,
        occurred_at=gift.given_at,
        actor_id=actor.member_id,
        for_member_id=gift.from_id,
        facts={"to": "member", "to_id": gift.to_id, "purse": gift.purse},
    )


def _tell(session: Session, gift: Gift, checked: Checked, now: datetime) -> None:
    facts = {"minutes": gift.minutes, "words": gift.words or "没有留言"}
    arrived = arriving(session, checked, gift.minutes, now=now).taken
    received = facts | {"minutes": arrived, "giver": checked.giver.alias}
    sent = facts | {"receiver": checked.receiver.alias}
    for member_id, kind, told in ((gift.to_id, "gift.received", received), (gift.from_id, "gift.sent", sent)):
        tell(session, member_id=member_id, kind=kind, facts=told, link="/me/gifts", key=f"{kind}:{gift.id}", now=now)


def _find_receiver(session: Session, draft: GiftDraft) -> Member:
    found = find_member_by_number(session, draft.number)
    try:
        name = tidy_name(draft.name)
    except BadName as wrong:
        raise ReceiverNotFound() from wrong
    if found is None or found.status != ACTIVE or found.name != name:
        raise ReceiverNotFound()
    return found


def _refuse_over_month(session: Session, giver: Member, minutes: int, rule: Version, now: datetime) -> None:
    given = sum_given(session, giver.id, *clock.month_range(clock.month_of(now)))
    left = left_to_give(rule.gift_month_minutes, given)
    if left is not None and minutes > left:
        raise MonthFull(cap=coins(rule.gift_month_minutes or 0), left=coins(left))


def _repeated(session: Session, first: Gift, draft: GiftDraft, actor: Actor) -> Gift:
    to = find_member_by_number(session, draft.number)
    sent = (actor.member_id, to.id if to else None, draft.purse, draft.minutes, draft.words)
    if (first.from_id, first.to_id, first.purse, first.minutes, first.words) != sent:
        raise FormUsed()
    return first
