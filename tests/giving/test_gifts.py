"""Coins from one member to another: to whom the number and the name belong, within the month's limit, once, told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.exchange.scene import coins_of, give
from tests.rulebook.saving import save_rule
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.clearing.service import NotConnected
from timebank.core.errors import FormUsed, NotAllowed
from timebank.giving import service
from timebank.giving.models import Gift
from timebank.growth.queries import get_statement
from timebank.ledger import queries as ledger
from timebank.ledger.service import EntryDraft, TransferDraft, post
from timebank.members.models import Member
from timebank.members.service import suspend_member
from timebank.notices.models import Notice
from timebank.rulebook.service import giveaway_accounts

DAY = timedelta(days=1)


@pytest.fixture
def pair(session: Session) -> tuple[Member, Member]:
    """Somebody with twenty coins, and a friend with one."""
    branch = make_branch(session)
    one, two = make_member(session, branch, "李秀英"), make_member(session, branch, "王建国", sex="m")
    give(session, one, 1_200)
    give(session, two, 60)
    return one, two


def draft(to: Member, **more: Any) -> service.GiftDraft:
    known = {"purse": "coin", "minutes": 90, "words": "去理个发吧", "number": to.number, "name": to.name}
    return service.GiftDraft(**(known | {"form_key": "form-1"} | more))


def send(session: Session, giver: Member, to: Member, **more: Any) -> Gift:
    now = more.pop("now", NOW)
    return service.give(session, draft(to, **more), actor=actor_of(session, giver), now=now)


def balance(session: Session, member: Member) -> int:
    return coins_of(session, member)[0]


def give_away(session: Session, member: Member, minutes: int) -> None:
    """Let a member have coins that may only be given away."""
    account = giveaway_accounts(session, [member.id])[member.id]
    issuance = ledger.find_house_account(session, member.branch_id, "issuance")
    entry = EntryDraft(
        book_id=member.branch_id,
        kind="earn",
        key=f"group-{member.id}",
        transfers=(TransferDraft(debit_id=issuance, credit_id=account, amount=minutes, unit="coin"),),
        source_type="test",
        source_id=None,
        occurred_at=NOW,
        actor_id=None,
    )
    post(session, entry, now=NOW)
    session.refresh(member)


def test_a_gift_moves_coins_and_both_are_told(session: Session, pair: tuple[Member, Member]) -> None:
    one, two = pair
    send(session, one, two)
    assert (balance(session, one), balance(session, two)) == (1_110, 150)
    [given] = [line for line in get_statement(session, one).lines if line.amount < 0]
    assert given.text == f"送给 {two.alias} 1 币 30 分"
    assert get_statement(session, two).lines[0].text == f"收到 1 币 30 分 · {one.alias} 送的"
    told = [session.scalars(select(Notice.kind).where(Notice.member_id == member.id)).one() for member in pair]
    assert told == ["gift.sent", "gift.received"]


def test_the_same_form_gives_once_and_other_words_are_refused(session: Session, pair: tuple[Member, Member]) -> None:
    one, two = pair
    assert send(session, one, two).id == send(session, one, two).id
    assert balance(session, two) == 150
    with pytest.raises(FormUsed):
        send(session, one, two, minutes=60)
    with pytest.raises(FormUsed):
        send(session, two, one)
    with pytest.raises(FormUsed):
        send(session, one, make_member(session, one.branch, "陈秀兰"))


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"name": "王健国"}, service.ReceiverNotFound),
        ({"name": ""}, service.ReceiverNotFound),
        ({"number": "HL99999999"}, service.ReceiverNotFound),
        ({"minutes": 0}, service.BadGift),
        ({"minutes": -5}, service.BadGift),
        ({"purse": "point"}, service.BadGift),
        ({"minutes": 601}, service.MonthFull),
        ({"minutes": 1_201}, service.NotEnoughToGive),
        ({"purse": "giveaway"}, service.NotEnoughToGive),
    ],
)
def test_what_is_not_given_leaves_no_trace(
    session: Session, pair: tuple[Member, Member], more: dict[str, Any], refusal: type[Exception]
) -> None:
    one, two = pair
    with pytest.raises(refusal):
        send(session, one, two, **more)
    assert session.scalars(select(Gift)).all() == []
    assert (balance(session, one), balance(session, two)) == (1_200, 60)


def test_to_nobody_but_active_members_of_ones_branch(session: Session, pair: tuple[Member, Member]) -> None:
    one, two = pair
    with pytest.raises(service.ToOneself):
        send(session, one, one)
    with pytest.raises(NotConnected), session.begin_nested():
        send(session, one, make_member(session, make_branch(session, "XQ"), "孙远方"))
    boss = actor_of(session, make_member(session, make_branch(session), roles=("manager",)))
    suspend_member(session, two.id, reason="失联", actor=boss, now=NOW)
    with pytest.raises(service.ReceiverNotFound):  # as if there were nobody
        send(session, one, two)
    with pytest.raises(service.NotActive):
        send(session, two, one)


def test_what_was_given_in_the_month_counts_and_the_next_month_begins_anew(
    session: Session, pair: tuple[Member, Member]
) -> None:
    one, two = pair
    send(session, one, two, minutes=400)
    with pytest.raises(service.MonthFull, match="还可以送 3 币 20 分"):
        send(session, one, two, minutes=201, form_key="form-2")
    send(session, one, two, minutes=200, form_key="form-3")
    send(session, one, two, minutes=600, form_key="form-4", now=NOW + 31 * DAY)
    assert balance(session, two) == 1_260


def test_a_branch_sets_another_limit_or_none_at_all(session: Session, pair: tuple[Member, Member]) -> None:
    one, two = pair
    save_rule(session, one.branch_id, NOW, now=NOW - DAY, gift_month_minutes=0)
    with pytest.raises(service.MonthFull):
        send(session, one, two, minutes=1)
    save_rule(session, one.branch_id, NOW + DAY, now=NOW, gift_month_minutes=None)
    send(session, one, two, minutes=1_200, now=NOW + DAY)
    assert balance(session, one) == 0


def test_nobody_is_given_more_than_they_may_hold(session: Session, pair: tuple[Member, Member]) -> None:
    one, two = pair
    save_rule(session, one.branch_id, NOW, now=NOW - DAY, holding_cap_minutes=120)
    with pytest.raises(service.ReceiverFull):
        send(session, one, two, minutes=61)
    send(session, one, two, minutes=60, form_key="form-2")
    assert balance(session, two) == 120


def test_group_coins_may_be_given_on_but_not_swapped(session: Session, pair: tuple[Member, Member]) -> None:
    one, two = pair
    for member in pair:
        give_away(session, member, 120)
    send(session, one, two, purse="giveaway", minutes=30)
    assert balance(session, two) == 90  # to spend
    with pytest.raises(service.BackAndForth):
        send(session, two, one, purse="giveaway", minutes=30, form_key="form-2")
    send(session, two, one, purse="coin", minutes=30, form_key="form-3")
    send(session, two, one, purse="giveaway", minutes=30, form_key="form-4", now=NOW + 366 * DAY)


def test_a_gift_is_never_changed_or_deleted(session: Session, pair: tuple[Member, Member]) -> None:
    send(session, *pair)
    for statement in ("UPDATE gift SET minutes = 1", "DELETE FROM gift"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(sa.text(statement))


def test_nobody_gives_for_another(session: Session, pair: tuple[Member, Member]) -> None:
    one, two = pair
    actor = actor_of(session, one)
    assert actor.may("gift.own", owner_id=one.id)
    with pytest.raises(NotAllowed):
        actor.require("gift.own", owner_id=two.id)


def test_no_birthday_is_needed_to_be_given(session: Session, pair: tuple[Member, Member]) -> None:
    child = make_member(session, pair[0].branch, "王小明", born_on=date(2010, 1, 1), guardian="王建国")
    send(session, pair[0], child)
    assert balance(session, child) == 90
