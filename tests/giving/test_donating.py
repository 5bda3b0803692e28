"""Giving to the fund: from either purse, once, thanked, in the books."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import coins_of, give
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.core.actor import SYSTEM
from timebank.giving import service
from timebank.giving.service import BadGift, Donation, NotActive, NotEnoughToGive
from timebank.growth.queries import get_statement
from timebank.ledger import queries as ledger
from timebank.ledger.service import EntryDraft, HoldDraft, KeyReused, TransferDraft, hold, post
from timebank.members.models import Member
from timebank.members.service import suspend_member
from timebank.notices.queries import list_notices
from timebank.rulebook.service import giveaway_accounts


@pytest.fixture
def member(session: Session) -> Member:
    """Somebody with three coins, and two that may only be given away."""
    branch = make_branch(session)
    member = make_member(session, branch, "李秀英")
    give(session, member, 180)
    account = giveaway_accounts(session, [member.id])[member.id]
    issuance = ledger.find_house_account(session, branch.id, "issuance")
    draft = EntryDraft(
        book_id=branch.id,
        kind="earn",
        key="group",
        transfers=(TransferDraft(debit_id=issuance, credit_id=account, amount=120, unit="coin"),),
        source_type="test",
        source_id=None,
        occurred_at=NOW,
        actor_id=None,
    )
    post(session, draft, now=NOW)
    session.refresh(member)
    return member


def gift(**more: Any) -> Donation:
    return Donation(**{"purse": "giveaway", "minutes": 90, "words": "给需要的老人", "form_key": "form-1"} | more)


def send(session: Session, member: Member, draft: Donation) -> Any:
    return service.donate(session, draft, actor=actor_of(session, member), now=NOW)


def standing(session: Session, member: Member) -> tuple[int, int, int]:
    """Coins, give-away coins, fund."""
    fund = ledger.find_house_account(session, member.branch_id, "fund")
    given = ledger.get_account(session, member.giveaway_account_id).balance
    return coins_of(session, member)[0], given, ledger.balance(session, fund)


def test_from_the_give_away_account(session: Session, member: Member) -> None:
    posted = send(session, member, gift())
    assert standing(session, member) == (180, 30, 90)
    entry = ledger.get_entry(session, posted.entry_id)
    assert (entry.kind, entry.actor_id, entry.facts["words"]) == ("gift", member.id, "给需要的老人")
    assert get_statement(session, member, unit="giveaway").lines[0].text == "捐给爱心基金 1 币 30 分 · 给需要的老人"
    told = list_notices(session, member.id).items[0]
    assert told.title == "谢谢您捐出 1 币 30 分"


def test_from_ordinary_coins(session: Session, member: Member) -> None:
    send(session, member, gift(purse="coin", minutes=180))
    assert standing(session, member) == (0, 120, 180)


def test_sending_the_form_again_gives_once(session: Session, member: Member) -> None:
    first = send(session, member, gift(minutes=120))
    again = send(session, member, gift(minutes=120))  # though there is nothing left to give
    assert (again.entry_id, again.repeated) == (first.entry_id, True)
    assert standing(session, member) == (180, 0, 120)
    assert len([one for one in list_notices(session, member.id).items if "谢谢您捐出" in one.title]) == 1
    with pytest.raises(KeyReused):
        send(session, member, gift(minutes=60))


@pytest.mark.parametrize(
    ("draft", "refusal"),
    [
        (gift(minutes=121), NotEnoughToGive),
        (gift(purse="coin", minutes=181), NotEnoughToGive),
        (gift(minutes=0), BadGift),
        (gift(minutes=-5), BadGift),
        (gift(purse="point"), BadGift),
    ],
)
def test_what_cannot_be_given(session: Session, member: Member, draft: Donation, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        send(session, member, draft)
    assert standing(session, member) == (180, 120, 0)


def test_what_is_held_for_an_order_cannot_be_given(session: Session, member: Member) -> None:
    draft = HoldDraft(
        account_id=member.coin_account_id or 0, amount=100, key="h", expires_at=NOW, source_type="test", source_id=None,
        actor_id=None,
    )  # fmt: skip
    hold(session, draft, now=NOW)
    with pytest.raises(NotEnoughToGive) as refused:
        send(session, member, gift(purse="coin", minutes=81))
    assert "现在有 1 币 20 分" in refused.value.message


def test_who_never_had_group_hours_has_nothing_to_give_away(session: Session) -> None:
    newcomer = make_member(session, make_branch(session))
    with pytest.raises(NotEnoughToGive):
        send(session, newcomer, gift(minutes=1))
    assert newcomer.giveaway_account_id is None


def test_suspended_members_do_not_give(session: Session, member: Member) -> None:
    actor = actor_of(session, member)
    suspend_member(session, member.id, reason="本人要求", actor=SYSTEM, now=NOW)
    with pytest.raises(NotActive):
        service.donate(session, gift(), actor=actor, now=NOW)


def test_a_give_away_account_is_opened_once(session: Session, member: Member) -> None:
    other = make_member(session, make_branch(session, "CX"))
    found = giveaway_accounts(session, [other.id, member.id, other.id])
    assert found[member.id] == member.giveaway_account_id
    session.refresh(other)
    assert found[other.id] == other.giveaway_account_id
    assert giveaway_accounts(session, [other.id]) == {other.id: found[other.id]}
    assert ledger.get_account(session, found[other.id]).kind == "giveaway"
