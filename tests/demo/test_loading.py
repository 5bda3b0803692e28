"""The town as it is loaded: whole, once, alike, and with books that are right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.demo.test_town import NOW
from tests.world import KEYS, make_branch
from timebank.activities.models import Activity, Shift, SignUp
from timebank.activities.queries import list_waiting
from timebank.agreements.models import Agreement, Promise, PromiseDeed
from timebank.agreements.queries import articles_of, list_year, summary_of_year
from timebank.agreements.rules import KEPT, OPEN, OVERDUE
from timebank.archives.models import Archive
from timebank.attendance.models import Attendance, Scan, ShiftApproval
from timebank.attendance.queries import list_waiting_approval, list_waiting_review
from timebank.branches.models import Branch
from timebank.certificates.models import Certificate, CertificateWithdrawal
from timebank.clearing.models import PairStatement, Proposal
from timebank.core.clock import today
from timebank.core.db import Base, write_session
from timebank.demo.loading import DatabaseInUse, is_loaded, load
from timebank.demo.town.people import PEOPLE
from timebank.demo.town.places import DAQI
from timebank.exchange.models import ORDER_STATUS_NAMES, Offer, Order, Rating
from timebank.giving.models import ASKED, DECLINED, GRANTED, FundGrant, Gift
from timebank.giving.queries import fund_figures
from timebank.growth.models import AWARD, EVALUATION, TRAINING, Milestone
from timebank.growth.queries import list_open_questions, list_reached, list_waiting_commendations
from timebank.ledger.queries import list_periods
from timebank.ledger.verification import Finding, verify
from timebank.members.models import Member, RoleGrant
from timebank.notices.models import Notice

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # three months of a town, at every load

# What a second load must find as the first one left it.
TABLES: tuple[type[Base], ...] = (
    *(Member, RoleGrant, Activity, Shift, SignUp, Scan, Attendance, ShiftApproval),
    *(Offer, Order, Rating, Notice, Archive),
    *(Gift, FundGrant, Agreement, Promise, PromiseDeed, Certificate, CertificateWithdrawal),
)


@dataclass(frozen=True)
class Town:
    """A loaded database and where its packages are."""

    engine: sa.Engine
    folder: Path

    def counts(self) -> dict[str, int | None]:
        with Session(self.engine) as session:
            counted = {table: sa.select(sa.func.count()).select_from(table) for table in TABLES}
            return {table.__tablename__: session.scalar(count) for table, count in counted.items()}

    def seals(self) -> list[str]:
        with Session(self.engine) as session:
            archives = session.scalars(sa.select(Archive).order_by(Archive.branch_id, Archive.month))
            return [archive.seal_hash for archive in archives]

    def findings(self) -> list[Finding]:
        with Session(self.engine) as session:
            branches = session.scalars(sa.select(Branch.id)).all()
            return [finding for one in branches for check in verify(session, one) for finding in check.findings]


@contextmanager
def loaded(engine_name: str, folder: Path) -> Iterator[Town]:
    """The town in a private database."""
    with databases.fresh(engine_name) as url:
        engine = databases.make_engine(url)
        with Session(engine) as opened, write_session(opened) as session:
            assert not load(session, keys=KEYS, folder=folder, now=NOW).repeated
        yield Town(engine, folder)
        engine.dispose()


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """The town, loaded once in a run for all tests that only look at it, whichever worker they are given to."""
    path, folder = databases.run_folder() / "town.db", databases.run_folder() / "town"
    with databases.once("town") as first:
        if first:
            with loaded("sqlite", folder) as made:
                made.engine.dispose()  # so that everything is in the one file
                shutil.copyfile(str(made.engine.url.database), path)
    engine = databases.make_engine(f"sqlite:///{path}")
    yield Town(engine, folder)
    engine.dispose()


@pytest.fixture
def looking(town: Town) -> Iterator[Session]:
    with Session(town.engine) as session:
        yield session


def test_loading_again_changes_nothing(town: Town) -> None:
    before = town.counts()

    with Session(town.engine) as opened, write_session(opened) as session:
        assert is_loaded(session)
        assert load(session, keys=KEYS, folder=town.folder, now=NOW).repeated

    assert town.counts() == before


def test_the_same_moment_gives_the_same_town(town: Town, tmp_path: Path) -> None:
    with loaded("sqlite", tmp_path) as other:
        assert other.counts() == town.counts()
        assert other.seals() == town.seals()


def test_it_loads_on_postgresql_alike(town: Town, tmp_path: Path) -> None:
    # Not the same seals: PostgreSQL's numbers of rows have gaps where an insert gave way, and seals cover them.
    with loaded("postgresql", tmp_path) as other:
        assert other.counts() == town.counts()
        assert other.findings() == []


def test_it_stays_out_of_a_database_where_somebody_lives(session: Session, tmp_path: Path) -> None:
    make_branch(session, "REAL")

    with pytest.raises(DatabaseInUse, match="REAL"):
        load(session, keys=KEYS, folder=tmp_path, now=NOW)


def test_the_books_of_both_branches_are_right(town: Town) -> None:
    assert town.findings() == []


def test_two_months_are_sealed_and_packed_and_the_third_runs(looking: Session, town: Town) -> None:
    for branch in looking.scalars(sa.select(Branch)):
        periods = {period.month: period for period in list_periods(looking, branch.id)}
        assert sorted(periods) == ["2026-09", "2026-10", "2026-11"]
        assert [month for month, period in sorted(periods.items()) if period.hash] == ["2026-09", "2026-10"]
        archives = looking.scalars(sa.select(Archive).where(Archive.branch_id == branch.id)).all()
        assert len(archives) == 2
        assert all((town.folder / archive.file_name).stat().st_size == archive.file_size for archive in archives)


def test_everybody_is_there_under_their_own_name(looking: Session) -> None:
    names = looking.scalars(sa.select(Member.name)).all()

    assert sorted(names) == sorted(person.name for person in PEOPLE)
    assert set(looking.scalars(sa.select(Member.status))) == {"active", "pending", "suspended"}
    assert looking.scalar(sa.select(sa.func.count()).where(Member.phone_sealed.is_(None))) >= 8


def test_hundreds_of_hours_are_booked_in_their_months(looking: Session) -> None:
    approved = looking.scalars(sa.select(Attendance).where(Attendance.status == "approved")).all()

    assert 300 <= len(approved) <= 900
    assert any(record.manual_minutes for record in approved)
    assert any(record.walk_in for record in approved)
    assert all(record.entry_id for record in approved if record.minutes)


def test_orders_are_in_every_state_and_rated(looking: Session) -> None:
    assert set(looking.scalars(sa.select(Order.status))) == set(ORDER_STATUS_NAMES)
    assert {4, 5} <= set(looking.scalars(sa.select(Rating.score)))
    assert min(looking.scalars(sa.select(Offer.stock).where(Offer.stock.is_not(None)))) >= 0


def test_organisations_keep_some_promises_and_not_others(looking: Session) -> None:
    states = set()
    for branch in looking.scalars(sa.select(Branch)):
        agreements = list_year(looking, branch.id, 2026)
        for articles in articles_of(looking, agreements, today=today(NOW)).values():
            states |= {article.standing.state for article in articles}
        assert any(row.hours.minutes for row in summary_of_year(looking, branch.id, 2026, today=today(NOW)))

    assert {KEPT, OPEN, OVERDUE} <= states


def test_the_fund_was_given_to_and_gave_on_by_two_people(looking: Session) -> None:
    assert {GRANTED, DECLINED, ASKED} == set(looking.scalars(sa.select(FundGrant.status)))
    assert looking.scalar(sa.select(sa.func.count()).select_from(Gift)) >= 1
    for branch in looking.scalars(sa.select(Branch)):
        assert fund_figures(looking, branch.id, since=NOW - timedelta(days=365)).came > 0


def test_there_is_something_to_do_at_every_desk(looking: Session) -> None:
    near = (Shift.starts_at < NOW + timedelta(hours=12), Shift.ends_at > NOW - timedelta(hours=1))
    doors = looking.scalars(sa.select(Shift).where(*near, Shift.cancelled_at.is_(None))).all()
    review = list_waiting_review(looking, None, now=NOW)
    full = looking.scalars(sa.select(Shift).where(Shift.starts_at > NOW, Shift.taken == Shift.capacity)).all()

    assert len(doors) >= 2
    assert "文化广场座椅维护" in {card.title for card in review}
    assert {"流感疫苗接种日引导", "老年食堂送餐"} <= {card.title for card in list_waiting_approval(looking, None)}
    assert any(list_waiting(looking, shift.id) for shift in full)
    assert looking.scalar(sa.select(sa.func.count()).where(Member.status == "pending")) >= 3


def test_people_have_stars_and_milestones_and_a_list_waits_for_the_second_person(looking: Session) -> None:
    branch = looking.scalars(sa.select(Branch).where(Branch.code == DAQI)).one()
    assert list_reached(looking, branch.id, f"{today(NOW):%Y-%m}", today(NOW))
    kinds = set(looking.scalars(sa.select(Milestone.kind)))
    assert kinds == {TRAINING, AWARD, EVALUATION}
    assert looking.scalar(sa.select(sa.func.count()).where(Milestone.withdrawn_at.is_not(None))) == 1
    assert len(list_open_questions(looking, branch.id)) == 1
    assert len(list_waiting_commendations(looking, branch.id)) == 1


def test_the_two_branches_redeem_at_each_other_and_both_seal_their_months(looking: Session) -> None:
    paid = looking.execute(sa.select(Proposal.payer_id, Proposal.status)).all()
    assert {row.payer_id for row in paid if row.status == "settled"} == set(looking.scalars(sa.select(Branch.id)))
    assert "accepted" in {row.status for row in paid}
    assert looking.scalar(sa.select(sa.func.count()).select_from(PairStatement)) == 2
