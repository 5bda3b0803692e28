"""Reads of gifts, grants and the fund. Who gave what to whom is read by the two themselves and in the books alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.clearing.queries import settled_for
from timebank.core.errors import NotFound
from timebank.core.paging import Page, read_page
from timebank.giving.models import ASKED, GIVEAWAY, GRANTED, FundGrant, Gift
from timebank.ledger import queries as ledger

GIFT_SOURCE: Final = "gift"  # what entries of gifts and donations name as their document
GRANT_SOURCE: Final = "grant"


class GrantNotFound(NotFound):
    """No such grant, or not for this actor."""

    code = "giving.grant_not_found"
    text = "没有找到这笔帮扶。"


@dataclass(frozen=True, kw_only=True, slots=True)
class FundFigures:
    """The fund of a branch: what it has and what of it is set aside, what came in and went out since an instant, how
    many people grants helped.
    """

    balance: int
    held: int
    came: int
    went: int
    helped: int


def find_gift_by_key(session: Session, form_key: str) -> Gift | None:
    """The gift that a form gave."""
    return session.scalars(select(Gift).where(Gift.form_key == form_key)).one_or_none()


def sum_given(session: Session, member_id: int, start: datetime, end: datetime) -> int:
    """The minutes a member gave to people in ``[start, end)``; what was undone since counts no more."""
    within = (Gift.from_id == member_id, Gift.given_at >= start, Gift.given_at < end)
    given = session.execute(select(Gift.id, Gift.minutes).where(*within)).all()
    undone = ledger.undone_of(session, GIFT_SOURCE, [row.id for row in given])
    return sum(row.minutes for row in given if row.id not in undone)


def has_given_away(session: Session, giver_id: int, receiver_id: int, since: datetime) -> bool:
    """Whether one gave the other coins that may only be given away, since an instant."""
    found = select(Gift.id).where(
        Gift.from_id == giver_id, Gift.to_id == receiver_id, Gift.purse == GIVEAWAY, Gift.given_at >= since
    )
    return session.scalar(found.limit(1)) is not None


def page_gifts(session: Session, member_id: int, *, number: int, size: int = 20) -> Page[Gift]:
    """What a member gave and was given, newest first."""
    mine = (
        select(Gift)
        .where(or_(Gift.from_id == member_id, Gift.to_id == member_id))
        .options(joinedload(Gift.giver), joinedload(Gift.receiver))
        .order_by(Gift.given_at.desc(), Gift.id.desc())
    )
    return read_page(session, mine, number=number, size=size)


def arrived_of(session: Session, gift_ids: Collection[int]) -> dict[int, int]:
    """Gift id → minutes that arrived, of those to a branch where a minute is not a minute."""
    found = settled_for(session, GIFT_SOURCE, gift_ids)
    return {gift_id: amounts.taken for gift_id, amounts in found.items() if not amounts.rate.even}


def find_grant_by_key(session: Session, form_key: str) -> FundGrant | None:
    """The grant that a form asked for."""
    return session.scalars(select(FundGrant).where(FundGrant.form_key == form_key)).one_or_none()


def get_grant(session: Session, grant_id: int, *, lock: bool = False) -> FundGrant:
    """A grant; with ``lock``, kept from changing until the transaction ends. Raises GrantNotFound."""
    found = session.get(FundGrant, grant_id, with_for_update={"key_share": True} if lock else None)
    if found is None:
        raise GrantNotFound()
    if lock:
        session.refresh(found)
    return found


_PEOPLE = (
    joinedload(FundGrant.member),
    joinedload(FundGrant.asked_by),
    joinedload(FundGrant.decided_by),
)


def list_waiting_grants(session: Session, branch_id: int) -> Sequence[FundGrant]:
    """The grants of a branch that wait for a second person, oldest first."""
    waiting = select(FundGrant).where(FundGrant.branch_id == branch_id, FundGrant.status == ASKED).options(*_PEOPLE)
    return session.scalars(waiting.order_by(FundGrant.id)).all()


def page_ended_grants(session: Session, branch_id: int, *, number: int, size: int = 20) -> Page[FundGrant]:
    """The grants of a branch that were decided or taken back, newest first."""
    ended = select(FundGrant).where(FundGrant.branch_id == branch_id, FundGrant.status != ASKED).options(*_PEOPLE)
    return read_page(
        session, ended.order_by(FundGrant.decided_at.desc(), FundGrant.id.desc()), number=number, size=size
    )


def fund_account(session: Session, branch_id: int) -> int:
    """The id of a branch's fund account."""
    return ledger.find_house_account(session, branch_id, "fund")


def fund_figures(session: Session, branch_id: int, *, since: datetime) -> FundFigures:
    """What the fund of a branch has, and what it did since an instant."""
    account_id = fund_account(session, branch_id)
    page = ledger.statement(session, account_id, start=since, size=1)
    granted = (FundGrant.branch_id == branch_id, FundGrant.status == GRANTED, FundGrant.decided_at >= since)
    grants = session.execute(select(FundGrant.id, FundGrant.member_id).where(*granted)).all()
    undone = ledger.undone_of(session, GRANT_SOURCE, [row.id for row in grants])
    account = ledger.get_account(session, account_id)
    return FundFigures(
        balance=account.balance,
        held=account.held,
        came=page.came,
        went=page.went,
        helped=len({row.member_id for row in grants if row.id not in undone}),
    )
