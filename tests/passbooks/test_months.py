"""A monthly statement says what the month's archive says; members are told of it once, in batches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.archives.months import AUGUST, NOVEMBER, earn, haircut, small_town
from tests.corrections.town import LATER, make_town
from tests.world import KEYS, make_branch, make_member
from timebank.archives.queries import list_member_rows
from timebank.archives.rules import MEMBERS
from timebank.archives.service import close_month
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.members.models import Member
from timebank.notices.models import Notice
from timebank.passbooks import queries, service
from timebank.passbooks.models import StatementRun
from timebank.passbooks.service.telling import FRESH

DECEMBER = LATER + timedelta(days=12)


def close(session: Session, branch: Branch, *months: str, now: object = NOVEMBER) -> None:
    for month in months:
        close_month(session, branch=branch, month=month, actor=SYSTEM, keys=KEYS, now=now)  # type: ignore[arg-type]


def archived(session: Session, member: Member, month: str) -> dict[str, int]:
    names = [column.name for column in MEMBERS.columns]
    [row] = [row for row in list_member_rows(session, member.branch, month) if row[0] == member.number]
    return dict(zip(names, row, strict=True))


def assert_equals_the_archive(session: Session, member: Member, month: str) -> None:
    mine, theirs = queries.get_month(session, member, month), archived(session, member, month)
    assert (mine.coins.opening, mine.coins.closing) == (theirs["opening"], theirs["closing"])
    came, went = ("earned", "received", "got", "adjusted"), ("redeemed", "given", "expired")
    moved = sum(theirs[name] for name in came) - sum(theirs[name] for name in went)
    assert mine.coins.came - mine.coins.went == moved
    assert sum(part.amount for part in mine.parts) == moved
    assert (mine.points.opening, mine.points.closing) == (theirs["points_opening"], theirs["points_closing"])
    assert (mine.signed_minutes, mine.manual_minutes) == (theirs["signed"], theirs["manual"])


@pytest.mark.parametrize("month", ["2026-08", "2026-09", "2026-10"])
def test_a_statement_equals_the_archives_row(session: Session, month: str) -> None:
    branch, anna, bert = small_town(session)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    for member in (anna, bert):
        assert_equals_the_archive(session, member, month)


def test_corrections_orders_and_points_are_in_both_alike(session: Session) -> None:
    town = make_town(session)
    town.haircut(asker=0, barber=1)
    town.spend(1, 30)
    town.ask(town.entry(0), 90)
    town.set_right(town.entry(2), None)
    close(session, town.scene.branch, "2026-11", now=DECEMBER)
    for number in range(3):
        assert_equals_the_archive(session, town.member(number), "2026-11")
    found = queries.get_month(session, town.member(0), "2026-11")
    assert (found.signed_minutes, found.coins.opening, found.coins.closing) == (90, 0, 30)
    assert {part.name: part.amount for part in found.parts} == {
        "参加服务存入": 210,
        "兑换用去": -60,
        "更正扣回": -120,
    }


def test_the_months_listed_are_those_with_anything(session: Session) -> None:
    branch, anna, bert = small_town(session)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    assert queries.list_statement_months(session, anna) == ["2026-10", "2026-09", "2026-08"]
    assert queries.list_statement_months(session, bert) == ["2026-10", "2026-09"]
    assert queries.list_statement_months(session, make_member(session, branch, now=AUGUST)) == []


# --- telling ---------------------------------------------------------------------------------------------------------


def told(session: Session) -> list[tuple[int, str]]:
    found = session.execute(select(Notice.member_id, Notice.key).where(Notice.kind == "statement.ready"))
    return sorted((row.member_id, row.key.rsplit(":", 1)[0]) for row in found)


def tell(session: Session, branch: Branch, *, at_most: int = 500, now: object = NOVEMBER) -> int:
    return service.tell_statements(session, branch.id, now=now, at_most=at_most)  # type: ignore[arg-type]


def test_who_had_something_is_told_once(session: Session) -> None:
    branch, anna, bert = small_town(session)
    make_member(session, branch, "没来过", now=AUGUST)
    assert tell(session, branch) == 0  # nothing is closed
    close(session, branch, "2026-08", "2026-09", "2026-10")
    assert tell(session, branch) == 3
    assert told(session) == [(anna.id, "statement:2026-10"), (bert.id, "statement:2026-10")]
    assert (tell(session, branch), len(told(session))) == (0, 2)


def test_it_goes_on_where_it_was_killed(session: Session) -> None:
    branch = make_branch(session, now=AUGUST)
    people = [make_member(session, branch, now=AUGUST) for _ in range(5)]
    for member in people:
        earn(session, branch, member, 60, at=AUGUST)
    close(session, branch, "2026-08")
    assert tell(session, branch, at_most=2) == 2
    killed = session.begin_nested()
    tell(session, branch, at_most=2)
    killed.rollback()  # the machine stopped before the commit
    run = session.scalars(select(StatementRun)).one()
    session.refresh(run)
    assert (run.told_to, run.told, run.done_at) == (people[1].id, 2, None)
    assert [tell(session, branch, at_most=2) for _ in range(3)] == [2, 1, 0]
    session.refresh(run)
    assert (run.told, run.done_at) == (5, NOVEMBER)
    assert [member_id for member_id, _ in told(session)] == [member.id for member in people]


def test_somebody_with_points_or_a_rest_alone_is_told_too(session: Session) -> None:
    branch, anna, bert = small_town(session)
    haircut(session, anna, bert, at=NOVEMBER)
    close(session, branch, "2026-08", "2026-09")
    assert tell(session, branch) == 2  # nobody moved anything in September but Bert; Anna has a rest
    assert [member_id for member_id, _ in told(session)] == [anna.id, bert.id]


def test_a_month_that_closed_long_ago_is_no_news(session: Session) -> None:
    branch, *_ = small_town(session)
    close(session, branch, "2026-08")
    assert tell(session, branch, now=NOVEMBER + FRESH + timedelta(days=1)) == 0
    assert session.scalar(select(func.count()).select_from(StatementRun)) == 0


def test_the_notice_says_what_is_left(session: Session) -> None:
    from timebank.notices.queries import list_notices

    branch, anna, _ = small_town(session)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    tell(session, branch)
    [first, *_] = list_notices(session, anna.id).items
    assert first.title == "您 2026 年 10 月的对账单出来了"
    assert "月末余额 2 币" in first.text
    assert first.link == "/me/statement/2026-10"
