"""A version tried on last month's books: the figures, whom it concerns, and that nothing is written."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.attendance.scene import Scene as Morning
from tests.attendance.scene import make_scene
from tests.exchange.scene import Scene as Counter
from tests.exchange.scene import give
from tests.rulebook.saving import save_rule
from tests.world import NOW
from timebank.ledger import queries as ledger
from timebank.ledger.models import Entry
from timebank.ledger.service import Reversal, reverse
from timebank.rulebook.queries import Trial, try_rules
from timebank.rulebook.rules import Settings

DECEMBER = NOW + timedelta(days=14)  # last month is the November of the scenes


@pytest.fixture
def morning(session: Session) -> Morning:
    """Three people; two of them served two hours, one an hour and a half of which 30 minutes were typed."""
    scene = make_scene(session, group_activity=True)
    scene.attend(session, 0)
    scene.attend(session, 1, left="10:30")
    scene.submit(session)
    scene.approve(session)
    session.expire_all()
    return scene


def tried(session: Session, branch_id: int, after: Settings, before: Settings | None = None) -> Trial:
    return try_rules(session, branch_id, before or Settings(), after, now=DECEMBER)


def entries(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Entry)) or 0


def test_points_caps_and_group_hours(session: Session, morning: Morning) -> None:
    many = entries(session)
    trial = tried(session, morning.branch.id, Settings(points_per_hour=12, daily_cap_minutes=100))
    assert (trial.month, trial.people, trial.affected) == ("2026-11", 2, 2)
    assert (trial.before.share.coins, trial.after.share.coins, trial.after.share.capped) == (210, 190, 20)
    assert (trial.before.share.points, trial.after.share.points) == (35, 42)
    assert trial.before.share.minutes == trial.after.share.minutes == 210
    assert [one.difference for one in trial.most] == [-20, 0]
    names = [one.name for one in trial.most]
    assert names[0] == morning.volunteers[0].name[0] + "*" * (len(morning.volunteers[0].name) - 1)
    given = tried(session, morning.branch.id, Settings(group_hours_give_away=True))
    assert (given.after.share.given, given.after.share.coins) == (210, 0)
    assert entries(session) == many


def test_the_books_agree_with_a_trial_of_the_rules_they_were_made_by(session: Session) -> None:
    scene = make_scene(session)
    rule = {"points_per_hour": 7, "daily_cap_minutes": 100, "holding_cap_minutes": 130}
    save_rule(session, scene.branch.id, NOW, now=NOW - timedelta(days=1), **rule)
    give(session, scene.volunteers[0], 60, now=NOW - timedelta(days=1))
    scene.attend(session, 0)
    scene.submit(session)
    scene.approve(session)
    session.expire_all()
    share = tried(session, scene.branch.id, Settings(**rule)).after.share
    assert (share.coins, share.fund, share.capped, share.points) == (70, 30, 20, 14)
    fund = ledger.balance(session, ledger.find_house_account(session, scene.branch.id, "fund"))
    assert fund == share.fund
    assert ledger.get_account(session, scene.volunteers[0].coin_account_id).balance == 60 + share.coins
    assert ledger.get_account(session, scene.volunteers[0].point_account_id).balance == share.points


def test_the_holding_cap_counts_from_the_balance_at_the_months_beginning(session: Session, morning: Morning) -> None:
    give(session, morning.volunteers[0], 300, now=NOW - timedelta(days=30))
    trial = tried(session, morning.branch.id, Settings(holding_cap_minutes=360))
    assert (trial.after.share.coins, trial.after.share.fund) == (60 + 90, 60)


def test_what_was_reversed_does_not_count(session: Session, morning: Morning) -> None:
    [entry_id] = session.scalars(
        sa.select(Entry.id).where(Entry.for_member_id == morning.volunteers[0].id, Entry.kind == "earn")
    ).all()
    reverse(session, entry_id, Reversal(key="undo", reason="记错了", actor_id=None), now=NOW + timedelta(hours=5))
    trial = tried(session, morning.branch.id, Settings(points_per_hour=20))
    assert (trial.before.share.minutes, trial.after.share.points) == (90, 30)


def test_first_orders_that_would_have_been_refused(session: Session) -> None:
    counter = Counter(session)
    counter.order(counter.haircut)
    counter.order(counter.tickets)
    give(session, counter.manager, 400)
    counter.order(counter.haircut, by=counter.manager, now=NOW + timedelta(hours=1))
    trial = tried(session, counter.branch.id, Settings(first_redemption_minutes=300))
    assert (trial.before.refused, trial.after.refused) == (0, 2)


def test_a_neighbours_coins_above_the_holding_cap(session: Session) -> None:
    counter = Counter(session)
    counter.fulfil(counter.accept(counter.order(counter.haircut)))
    trial = tried(session, counter.branch.id, Settings(holding_cap_minutes=45))
    assert (trial.before.share.coins, trial.after.share.coins, trial.after.share.fund) == (60, 45, 15)
    again = tried(session, counter.branch.id, Settings(), Settings(holding_cap_minutes=45))
    assert (again.before.share.fund, again.after.share.fund) == (15, 0)


def test_a_trial_sees_through_an_overflow_that_was_booked(session: Session) -> None:
    counter = Counter(session)
    save_rule(session, counter.branch.id, NOW, now=NOW - timedelta(days=1), holding_cap_minutes=45)
    counter.fulfil(counter.accept(counter.order(counter.haircut)))
    trial = tried(session, counter.branch.id, Settings(), Settings(holding_cap_minutes=45))
    assert (trial.before.share.coins, trial.before.share.fund, trial.after.share.coins) == (45, 15, 60)


def test_what_would_have_expired_by_the_months_end(session: Session, morning: Morning) -> None:
    first = datetime.fromisoformat("2026-10-20T12:00:00+08:00")
    give(session, morning.volunteers[2], 80, now=first)
    trial = tried(session, morning.branch.id, Settings(expiry_months=1))
    assert (trial.before.expired, trial.after.expired) == (0, 80)
    assert tried(session, morning.branch.id, Settings(expiry_months=2)).after.expired == 0


def test_an_empty_month(session: Session, morning: Morning) -> None:
    trial = try_rules(session, morning.branch.id, Settings(), Settings(points_per_hour=20), now=NOW)
    assert (trial.month, trial.people, trial.affected, trial.most) == ("2026-10", 0, 0, [])
