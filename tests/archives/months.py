"""Months with something in them, for tests of closing: built through services only."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from tests.world import KEYS, make_branch, make_member
from timebank.archives.closing import Close
from timebank.archives.package import Packing
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM, Actor
from timebank.exchange.service import Meeting, OfferDraft, OrderDraft, accept_order, fulfil, post_offer, request_order
from timebank.ledger import queries as ledger_queries
from timebank.ledger import service as ledger
from timebank.members.identity import load_actor
from timebank.members.models import Member

AUGUST = datetime(2026, 8, 10, 2, 0, tzinfo=UTC)
SEPTEMBER = datetime(2026, 9, 12, 2, 0, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 17, 2, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def earn(session: Session, branch: Branch, member: Member, minutes: int, *, at: datetime, points: int = 0) -> int:
    """Book minutes and points as an approval does; returns the entry's id."""
    coin = ledger_queries.find_house_account(session, branch.id, "issuance")
    point = ledger_queries.find_house_account(session, branch.id, "issuance", "point")
    transfers = [
        ledger.TransferDraft(debit_id=coin, credit_id=member.coin_account_id or 0, amount=minutes, unit="coin")
    ]
    if points:
        transfers.append(
            ledger.TransferDraft(debit_id=point, credit_id=member.point_account_id or 0, amount=points, unit="point")
        )
    number = next(_numbers)
    draft = ledger.EntryDraft(
        book_id=branch.id,
        kind="earn",
        key=f"test:{number}",
        transfers=tuple(transfers),
        source_type="test",
        source_id=number,
        occurred_at=at - timedelta(hours=3),
        actor_id=None,
        for_member_id=member.id,
    )
    return ledger.post(session, draft, now=at).entry_id


def haircut(session: Session, giver: Member, taker: Member, *, at: datetime, title: str = "上门理发") -> None:
    """``taker`` has their hair cut by ``giver``: offered, ordered, accepted and fulfilled at ``at``."""
    number = next(_numbers)
    giving, taking = load_actor(session, giver.id), load_actor(session, taker.id)
    offer = post_offer(
        session,
        OfferDraft(category="haircut", title=title, price_minutes=60),
        actor=giving,
        form_key=f"offer-{number}",
        now=at,
    )
    order = request_order(session, OrderDraft(offer_id=offer.id, form_key=f"order-{number}"), actor=taking, now=at)
    accept_order(session, order.id, Meeting(at=at + timedelta(hours=1)), actor=giving, now=at)
    fulfil(session, order.voucher, actor=giving, now=at + timedelta(hours=1))


def small_town(session: Session) -> tuple[Branch, Member, Member]:
    """A branch with two people: 3 h and 30 points in August, 2 h in September, a haircut for 1 coin in October."""
    branch = make_branch(session, now=AUGUST - timedelta(days=30))
    anna = make_member(session, branch, "张小红", now=AUGUST - timedelta(days=1))
    bert = make_member(session, branch, "李师傅", now=AUGUST - timedelta(days=1))
    earn(session, branch, anna, 180, at=AUGUST, points=30)
    earn(session, branch, bert, 120, at=SEPTEMBER, points=20)
    haircut(session, bert, anna, at=OCTOBER)
    return branch, anna, bert


def packing_in(folder: Path) -> Packing:
    """How the tests pack: with their keys, into ``folder``."""
    return Packing(folder=folder, keys=KEYS)


def close_of(branch: Branch, month: str, folder: Path, *, now: datetime = NOVEMBER, actor: Actor = SYSTEM) -> Close:
    """What to hand to ``closing.run``."""
    return Close(branch_id=branch.id, month=month, actor=actor, keys=KEYS, folder=folder, clock=lambda: now)
