"""Giving coins to the branch's fund."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.giving.queries import GIFT_SOURCE, fund_account
from timebank.giving.service.purses import Amount, check_purse, find_giver
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.models import Member
from timebank.notices.service import tell


@dataclass(frozen=True, kw_only=True)
class Donation:
    """What a member gives to the fund, from which purse, with which words; the form's key makes a repeat harmless."""

    purse: str
    minutes: int
    words: str
    form_key: str


def check_donation(session: Session, draft: Donation, *, actor: Actor, lock: bool = False) -> tuple[Member, int]:
    """Who gives, and from which account, or why they cannot; writes nothing.

    Raises NotAllowed, NotActive, BadGift, NotEnoughToGive.
    """
    member = find_giver(session, actor, lock=lock)
    given = _given_before(session, member, draft)
    return member, check_purse(session, member, Amount(draft.purse, draft.minutes), given_before=given)


def donate(session: Session, draft: Donation, *, actor: Actor, now: datetime) -> ledger.Posted:
    """Give coins to the fund of one's branch, and be thanked. The same form again answers with the first gift.

    Raises what ``check_donation`` raises, and KeyReused where the form was sent before with other content.
    """
    member, account_id = check_donation(session, draft, actor=actor, lock=True)
    fund = fund_account(session, member.branch_id)
    entry = ledger.EntryDraft(
        book_id=member.branch_id,
        kind="gift",
        key=_key(member, draft),
        transfers=(ledger.TransferDraft(debit_id=account_id, credit_id=fund, amount=draft.minutes, unit="coin"),),
        source_type=GIFT_SOURCE,
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


def _key(member: Member, draft: Donation) -> str:
    return f"{GIFT_SOURCE}:{member.id}:{draft.form_key}"


def _given_before(session: Session, member: Member, draft: Donation) -> bool:
    key = _key(member, draft)
    return key in ledger_queries.taken_keys(session, member.branch_id, [key])
