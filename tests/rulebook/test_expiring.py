"""Expiry: only where a version says so, only what was earned under it, the oldest first, once a day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import coins_of, give
from tests.rulebook.saving import save_rule
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.giving.service import Donation, donate
from timebank.growth.queries import get_statement
from timebank.ledger import queries as ledger
from timebank.ledger.service import (
    EntryDraft,
    HoldDraft,
    Reversal,
    TransferDraft,
    close_period,
    hold,
    post,
    reverse,
    void_hold,
)
from timebank.members.models import Member
from timebank.notices.queries import list_notices
from timebank.rulebook.queries import expires_soon, list_due
from timebank.rulebook.service import expire_coins


def day(text: str, hour: int = 12) -> datetime:
    """An instant of a day of 2026 or 2027: ``03-15`` is 2026."""
    year, rest = ("2027", text[3:]) if text.startswith("27-") else ("2026", text)
    return datetime.fromisoformat(f"{year}-{rest}T{hour:02}:00:00+08:00").astimezone(UTC)


START = day("01-05")


@pytest.fixture
def branch(session: Session) -> Branch:
    return make_branch(session, now=START)


@pytest.fixture
def member(session: Session, branch: Branch) -> Member:
    return make_member(session, branch, "李秀英", now=START)


def rule(
    session: Session, branch: Branch, valid_from: str, months: int | None, *, saved: str, points: int = 10
) -> None:
    save_rule(session, branch.id, day(valid_from), now=day(saved), expiry_months=months, points_per_hour=points)


def spend(session: Session, member: Member, minutes: int, at: str) -> None:
    draft = Donation(purse="coin", minutes=minutes, words="", form_key=f"spend-{at}")
    donate(session, draft, actor=actor_of(session, member), now=day(at))


def last_entry(session: Session, member: Member) -> int:
    return get_statement(session, member).lines[0].entry_id


def earned(session: Session, member: Member, minutes: int, *, key: str, at: datetime) -> EntryDraft:
    """An earning with a document of its own, as service has one."""
    issuance = ledger.find_house_account(session, member.branch_id, "issuance")
    account = member.coin_account_id or 0
    return EntryDraft(
        book_id=member.branch_id,
        kind="earn",
        key=key,
        transfers=(TransferDraft(debit_id=issuance, credit_id=account, amount=minutes, unit="coin"),),
        source_type="test",
        source_id=1,
        occurred_at=at,
        actor_id=None,
    )


def set_right(session: Session, member: Member, entry_id: int, minutes: int, at: str) -> int:
    """Reverse an entry, and where an earning is left let the right amount take its place; returns what stands then."""
    now = day(at)
    instead = earned(session, member, minutes, key=f"right-{at}", at=now) if minutes else None
    why = Reversal(key=f"back-{at}", reason="记错了", actor_id=None, replacement=instead)
    done = reverse(session, entry_id, why, now=now)
    return done.replacement.entry_id if done.replacement else done.reversal.entry_id


def night(session: Session, branch: Branch, at: str) -> int:
    return expire_coins(session, branch.id, now=day(at, 3))


def test_nothing_expires_by_itself(session: Session, branch: Branch, member: Member) -> None:
    give(session, member, 60, now=day("01-10"))
    rule(session, branch, "02-01", None, saved="01-20", points=12)
    assert night(session, branch, "27-12-31") == 0
    assert expires_soon(session, member, now=day("27-12-31")) == 0


def test_coins_expire_after_the_months_of_their_version_and_the_member_is_told(
    session: Session, branch: Branch, member: Member
) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    assert night(session, branch, "08-10") == 0  # earned at noon: the day is not over
    assert night(session, branch, "08-11") == 1
    assert coins_of(session, member) == (0, 0)
    assert ledger.balance(session, ledger.find_house_account(session, branch.id, "expired")) == 60
    line = get_statement(session, member).lines[0]
    assert line.text == "过期 1 币 · 存入满 6 个月没有用"
    entry = ledger.get_entry(session, line.entry_id)
    assert (entry.kind, entry.rule, entry.for_member_id) == ("expire", "rules/BL/1", member.id)
    assert list_notices(session, member.id).items[0].title == "1 币 过期了"


def test_a_second_run_on_the_same_day_finds_nothing(session: Session, branch: Branch, member: Member) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    draft: dict[str, Any] = {"expires_at": day("27-01-01"), "source_type": "test", "source_id": None, "actor_id": None}
    hold_id = hold(
        session, HoldDraft(account_id=member.coin_account_id or 0, amount=20, key="h", **draft), now=day("08-01")
    )
    assert night(session, branch, "08-11") == 1
    assert coins_of(session, member) == (20, 20)  # what is set aside does not expire
    void_hold(session, hold_id, actor_id=None, now=day("08-11", 4))
    assert night(session, branch, "08-11") == 0
    assert night(session, branch, "08-12") == 1
    assert coins_of(session, member) == (0, 0)


def test_what_was_earned_before_the_version_never_expires(session: Session, branch: Branch, member: Member) -> None:
    give(session, member, 100, now=day("01-10"))
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    assert night(session, branch, "12-31") == 1
    assert coins_of(session, member) == (100, 0)
    assert night(session, branch, "27-12-31") == 0


def test_the_oldest_are_spent_first(session: Session, branch: Branch, member: Member) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    give(session, member, 60, now=day("05-10"))
    spend(session, member, 50, "06-01")
    assert night(session, branch, "08-11") == 1
    assert coins_of(session, member) == (60, 0)
    spend(session, member, 15, "08-20")
    assert night(session, branch, "11-11") == 1
    assert coins_of(session, member) == (0, 0)
    expired = ledger.expired_so_far(session, branch.id)
    assert expired == {member.coin_account_id: 10 + 45}
    assert ledger.expired_so_far(session, branch.id, account_ids=[member.coin_account_id or 0]) == expired
    assert ledger.expired_so_far(session, branch.id, account_ids=[member.point_account_id or 0]) == {}


def test_a_later_version_leaves_what_was_earned_under_the_earlier_one(
    session: Session, branch: Branch, member: Member
) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    rule(session, branch, "03-01", None, saved="02-20")
    give(session, member, 60, now=day("03-10"))
    assert night(session, branch, "27-06-01") == 1
    assert coins_of(session, member) == (60, 0)


def test_an_expiry_that_was_reversed_starts_anew(session: Session, branch: Branch, member: Member) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    night(session, branch, "08-11")
    entry_id = get_statement(session, member).lines[0].entry_id
    reverse(session, entry_id, Reversal(key="undo", reason="住院了", actor_id=None), now=day("08-20"))
    assert coins_of(session, member) == (60, 0)
    assert night(session, branch, "12-31") == 0
    assert night(session, branch, "27-02-21") == 1
    assert coins_of(session, member) == (0, 0)


def test_an_expiry_that_was_reversed_takes_nothing_of_what_never_expires(
    session: Session, branch: Branch, member: Member
) -> None:
    give(session, member, 100, now=day("01-10"))
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    night(session, branch, "08-11")
    set_right(session, member, last_entry(session, member), 0, "08-20")
    assert night(session, branch, "08-21") == 0
    assert coins_of(session, member) == (160, 0)
    assert night(session, branch, "27-02-21") == 1
    assert coins_of(session, member) == (100, 0)


def test_a_corrected_earning_counts_from_the_day_of_the_first_and_takes_nothing_of_older_coins(
    session: Session, branch: Branch, member: Member
) -> None:
    give(session, member, 100, now=day("01-10"))
    rule(session, branch, "02-01", 6, saved="01-20")
    at = day("02-10")
    first = post(session, earned(session, member, 60, key="first", at=at), now=at).entry_id
    instead = set_right(session, member, first, 50, "07-01")
    set_right(session, member, instead, 40, "07-02")
    assert coins_of(session, member) == (140, 0)
    assert expires_soon(session, member, now=day("07-15")) == 40
    assert night(session, branch, "08-10") == 0
    assert night(session, branch, "08-11") == 1
    assert coins_of(session, member) == (100, 0)
    assert night(session, branch, "27-06-01") == 0


def test_an_earning_that_was_undone_takes_nothing_of_older_coins(
    session: Session, branch: Branch, member: Member
) -> None:
    give(session, member, 100, now=day("01-10"))
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    give(session, member, 30, now=day("02-11"))
    set_right(session, member, last_entry(session, member), 0, "07-01")
    assert night(session, branch, "08-31") == 1
    assert coins_of(session, member) == (100, 0)


def test_what_was_spent_and_came_back_is_as_old_as_it_was(session: Session, branch: Branch, member: Member) -> None:
    give(session, member, 100, now=day("01-10"))
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    spend(session, member, 130, "06-01")
    set_right(session, member, last_entry(session, member), 0, "07-01")
    assert night(session, branch, "08-11") == 1
    assert coins_of(session, member) == (100, 0)
    assert night(session, branch, "27-01-02") == 0
    assert coins_of(session, member) == (100, 0)


def test_a_correction_that_was_reversed_itself_is_as_if_it_never_was(
    session: Session, branch: Branch, member: Member
) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    wrong = last_entry(session, member)
    back = reverse(session, wrong, Reversal(key="back", reason="错", actor_id=None), now=day("03-01")).reversal
    reverse(session, back.entry_id, Reversal(key="forth", reason="没有错", actor_id=None), now=day("03-02"))
    assert night(session, branch, "08-11") == 1
    assert coins_of(session, member) == (0, 0)


def test_closed_months_give_the_same_answer(session: Session, branch: Branch, member: Member) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 70, now=day("01-10"))
    give(session, member, 60, now=day("02-10"))
    give(session, member, 30, now=day("04-15"))
    spend(session, member, 90, "04-20")
    now = day("10-20", 3)
    before = list_due(session, branch.id, now=now)
    for month in ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05"):
        close_period(session, branch.id, month, actor=SYSTEM, keys=KEYS, now=now)
    session.expire_all()
    assert list_due(session, branch.id, now=now) == before
    assert [one.minutes for one in before] == [40 + 30]


def test_a_member_is_warned_thirty_days_before(session: Session, branch: Branch, member: Member) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    give(session, member, 60, now=day("02-10"))
    give(session, member, 30, now=day("03-10"))
    assert expires_soon(session, member, now=day("07-01")) == 0
    assert expires_soon(session, member, now=day("07-15")) == 60
    assert expires_soon(session, member, now=day("08-12")) == 90
    spend(session, member, 45, "07-16")
    assert expires_soon(session, member, now=day("07-17")) == 15


def test_other_branches_and_other_members_are_left_alone(session: Session, branch: Branch, member: Member) -> None:
    rule(session, branch, "02-01", 6, saved="01-20")
    other = make_branch(session, "CX", now=START)
    stranger, neighbour = make_member(session, other, now=START), make_member(session, branch, now=START)
    for who in (stranger, neighbour, member):
        give(session, who, 60, now=day("02-10") if who is not neighbour else day("07-10"))
    assert night(session, branch, "08-11") == 1
    assert night(session, other, "08-11") == 0
    assert [coins_of(session, who)[0] for who in (stranger, neighbour, member)] == [60, 60, 0]
