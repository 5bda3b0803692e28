"""The migrations make the tables the models describe, and each can be taken back, on both engines."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

import timebank
from tests import databases
from tests.activities import town as activities
from tests.agreements.scene import make_scene as make_agreements
from tests.archives.months import NOVEMBER, small_town
from tests.attendance.paper import a_photo, printed
from tests.attendance.scene import AFTER, make_scene, make_shift
from tests.attendance.scene import at as scene_at
from tests.certificates.scene import issue as issue_certificate
from tests.clearing.scene import Between
from tests.corrections.town import make_town
from tests.disputes.scene import Quarrel
from tests.exchange.scene import Scene as Neighbourhood
from tests.exchange.scene import give as earned
from tests.exchange.test_abroad import Abroad
from tests.growth.scene import make_hall
from tests.ledger.bank import open_bank
from tests.partners.scene import Partners
from tests.requests.scene import Scene as Requests
from tests.retention.scene import LATER, make_stored
from tests.rulebook.saving import save_rule
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.activities.rules import Limits
from timebank.activities.service import LimitsDraft, save_limits
from timebank.archives.service import close_month
from timebank.attendance.rules import Timing
from timebank.attendance.service import (
    Batch,
    UploadedScan,
    Yes,
    approve_shift,
    make_poster,
    record_batch,
    submit_shift,
)
from timebank.certificates.service import keep_seal
from timebank.clearing.queries import look_at_month
from timebank.clearing.service import Signing, reconcile, settle, sign_exception
from timebank.cli.database import MIGRATIONS, run_alembic
from timebank.core.actor import SYSTEM
from timebank.core.db import Base, write_session
from timebank.corrections.service import request_check
from timebank.exchange.service import NeedDraft, OfferDraft, Part, post_need, post_offer
from timebank.giving.service import GiftDraft, give
from timebank.growth import service as growth
from timebank.members.service import OrganisationDraft, ask_family, register_organisation
from timebank.passbooks.service import PrintDraft, print_passbook
from timebank.reports.service import BatchDraft, SampleDraft, draw_sample, make_batch
from timebank.rotation.service import rotate_code_key

for found in pkgutil.walk_packages(timebank.__path__, "timebank."):
    if found.name.endswith(".models"):
        importlib.import_module(found.name)


def revisions() -> list[str]:
    """All revisions, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def tables(engine: sa.Engine) -> set[str]:
    """Names of the tables there are, without Alembic's own."""
    names = set(sa.inspect(engine).get_table_names()) - {"alembic_version"}
    engine.dispose()
    return names


@pytest.fixture(params=databases.ENGINES)
def empty(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """An engine on an empty database."""
    with databases.fresh(request.param, migrated=False) as url:
        engine = databases.make_engine(url)
        yield engine
        engine.dispose()


def test_there_is_one_line_of_revisions() -> None:
    assert len(revisions()) == len(set(revisions())) > 0


@pytest.mark.slow
def test_each_revision_goes_up_down_and_up_again(empty: sa.Engine) -> None:
    for revision in revisions():
        run_alembic(empty, command.upgrade, revision=revision)
        after = tables(empty)
        run_alembic(empty, command.downgrade, revision="-1")
        run_alembic(empty, command.upgrade, revision=revision)
        assert tables(empty) == after


def test_going_down_to_the_start_leaves_no_table(empty: sa.Engine) -> None:
    run_alembic(empty, command.upgrade, revision="head")
    run_alembic(empty, command.downgrade, revision="base")
    assert tables(empty) == set()


def _ask_for_somebody(session: Session) -> None:
    Requests(session).ask()


def _serve_somebody(session: Session) -> None:
    Requests(session).running(source="none")


def _give_away(session: Session) -> None:
    open_bank(session).give_account("ann")


def _owe(session: Session) -> None:
    bank = open_bank(session)
    earned = bank.earn("ann", 60)
    bank.pay("ann", "bo", 60)
    bank.undo(earned.entry_id, actor_id=1, decided_by_id=2)


def _save_rules(session: Session) -> None:
    save_rule(session, make_branch(session, "RU").id, NOW + timedelta(days=2), now=NOW, points_per_hour=12)


def _count_anew(session: Session) -> None:
    make_scene(session, judged_by="whole")


def _say_where(session: Session) -> None:
    make_scene(session).scan(session, 0, "09:00", place_fit="near")


def _set_right(session: Session) -> None:
    town = make_town(session, 1)
    town.set_right(town.entry(0), 60)


def _ask_for_a_look(session: Session) -> None:
    town = make_town(session, 1)
    request_check(session, town.entry(0), words="少了", form_key="k", actor=actor_of(session, town.member(0)), now=NOW)


def _certify(session: Session) -> None:
    issue_certificate(make_town(session, 1))


def _stamp(session: Session) -> None:
    scene = make_scene(session, 1)
    keep_seal(session, scene.branch.id, a_photo(), actor=scene.manager_actor, keys=KEYS, now=NOW)


def _print_passbook(session: Session) -> None:
    town = make_town(session, 1)
    draft = PrintDraft(member_id=town.member(0).id, whole=False, form_key="k")
    print_passbook(session, draft, actor=town.manager, now=NOW)


def _photograph_paper(session: Session) -> None:
    printed(session, make_scene(session))


def _rotate(session: Session) -> None:
    rotate_code_key(session, "venue", overlap=timedelta(days=1), form_key="k", actor=SYSTEM, now=NOW)


def _hang_a_poster(session: Session) -> None:
    scene = make_scene(session)
    make_poster(session, scene.shift_id, form_key="k", actor=scene.organiser_actor, now=NOW)


def _scan_from_paper(session: Session) -> None:
    scene = make_scene(session)
    assert scene.staff_scan(session, scene.volunteer_actors[0].member_id or 0, "09:00", source="paper").kind == "in"


def _approve_in_part(session: Session) -> None:
    scene = make_scene(session)
    for number in range(2):
        scene.attend(session, number)
    scene.submit(session)
    yes = Yes(held={scene.volunteers[0].id: "请再核实"})
    approve_shift(session, scene.shift_id, actor=scene.manager_actor, now=AFTER, yes=yes)


def _enter_afterwards(session: Session) -> None:
    place = activities.make_town(session)
    activities.post(session, place, activities.shift(-24), backdated_reason="抢险回来才登记")


def _decide_a_case(session: Session) -> None:
    scene = make_scene(session, people=1)
    timing = Timing(device_at=scene_at("07:00"), loaded_offset=0, sent_offset=0)
    early = UploadedScan(
        key="early-bird", code="", member_id=scene.volunteer_actors[0].member_id, wanted="in", timing=timing
    )
    batch = Batch(shift_id=scene.shift_id, scans=[early])
    record_batch(session, batch, actor=scene.organiser_actor, keys=KEYS, now=scene_at("20:00"))


def _limit_sign_ups(session: Session) -> None:
    branch = make_branch(session, "RU")
    boss = actor_of(session, make_member(session, branch, roles=("manager",)))
    draft = LimitsDraft(branch_id=branch.id, limits=Limits(no_shows=2), reason="会议决定", form_key="k")
    save_limits(session, draft, actor=boss, now=NOW)


def _give(session: Session) -> None:
    branch = make_branch(session, "RU")
    one, other = make_member(session, branch), make_member(session, branch)
    earned(session, one, 60)
    draft = GiftDraft(purse="coin", minutes=60, words="", number=other.number, name=other.name, form_key="gift")
    give(session, draft, actor=actor_of(session, one), now=NOW)


def _decide_a_line(session: Session) -> None:
    open_bank(session).clearing("XG")


def _connect(session: Session) -> None:
    Between(session)


def _compare_a_pair(session: Session) -> None:
    between = Between(session)
    reconcile(session, between.pair, now=NOW)


def _sign_an_exception(session: Session) -> None:
    between = Between(session)
    between.book_alone(0, 5, key="alone")
    after = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    seen = look_at_month(session, between.pair, "2026-11").exception_hash
    word = Signing(branch_id=between.branches[0].id, month="2026-11", words="年底", seen=seen)
    sign_exception(session, between.pair.id, word, actor=between.boss(0), keys=KEYS, now=after)


def _order_abroad(session: Session) -> None:
    Abroad(Between(session)).order()


def _share(session: Session) -> None:
    neighbourhood = Neighbourhood(session)
    neighbourhood.service("修伞", category="repair", shared_with="all")


def _print_last_days(session: Session) -> None:
    day = date(2026, 12, 24)
    Neighbourhood(session).goods("戏票", stock=1, valid_until=day, use_by=day)


def _open_a_desk(session: Session) -> None:
    Partners(session).open()


def _fulfil_in_part(session: Session) -> None:
    scene = Quarrel(session)
    scene.fulfil(scene.order(scene.tickets, quantity=2), part=Part(quantity=1))


def _propose_a_time(session: Session) -> None:
    scene = Quarrel(session)
    scene.agreed()


def _disagree(session: Session) -> None:
    scene = Quarrel(session)
    scene.dispute(scene.agreed())


def _book_a_room(session: Session) -> None:
    hall = Neighbourhood(session)
    room = OfferDraft(
        **{"kind": "resource", "branch_id": hall.branch.id, "category": "room", "title": "会议室", "price_minutes": 60},
        **{"capacity": 1, "hours": "1-7 08:00-20:00"},
    )
    offer = post_offer(session, room, form_key="room", actor=actor_of(session, hall.manager), now=NOW)
    hall.order(offer, starts_at=NOW + timedelta(hours=3))


def _look_for_something(session: Session) -> None:
    hall = Neighbourhood(session)
    draft = NeedDraft(category="haircut", words="剪头发", until=date(2026, 11, 30), form_key="need")
    post_need(session, draft, actor=actor_of(session, hall.asker), now=NOW)


def _ask_family(session: Session) -> None:
    branch = make_branch(session, "RU")
    one, other = make_member(session, branch), make_member(session, branch)
    ask_family(session, other.number, actor=actor_of(session, one), now=NOW)


def _begin_agreement(session: Session) -> None:
    make_agreements(session).draft()


def _close_a_month(session: Session) -> None:
    branch, *_ = small_town(session)
    close_month(session, branch=branch, month="2026-08", actor=SYSTEM, keys=KEYS, now=NOVEMBER)


def _agree_on_a_rate(session: Session) -> None:
    Between(session).convert(5, 4)


def _park(session: Session) -> None:
    between = Between(session)
    proposal = between.propose(60)
    between.close(1)
    settle(session, proposal.id, between.settlement(60), now=NOW)


def _take_in(session: Session) -> None:
    branch = make_branch(session, "RU")
    boss = actor_of(session, make_member(session, branch, roles=("manager",)))
    draft = OrganisationDraft(name="新碶小学", kind="school", branch_id=branch.id, form_key="k")
    register_organisation(session, draft, actor=boss, keys=KEYS, now=NOW)


def _save_recognition(session: Session) -> None:
    make_hall(session, served=False).set_rules()


def _train(session: Session) -> None:
    make_hall(session, served=False).record("training", 0)


def _print_cards(session: Session) -> None:
    hall = make_hall(session, served=False)
    cards = growth.PrintDraft(
        branch_id=hall.branch_id,
        title="全部",
        format="a6",
        member_ids=[hall.people[0].id],
        address="https://bank.example.org",
        form_key="cards",
    )
    growth.ask_print(session, cards, actor=hall.manager, now=NOW)


def _draw_a_sample(session: Session) -> None:
    stored = make_stored(session)
    sample = SampleDraft(branch_id=stored.scene.branch.id, month="2026-11", wanted=1, form_key="k")
    draw_sample(session, sample, actor=stored.inspector, now=LATER)


def _make_a_batch(session: Session) -> None:
    town = make_town(session, 1)
    batch = BatchDraft(branch_id=town.scene.branch.id, reason="x", form_key="k")
    make_batch(session, batch, actor=town.manager, keys=KEYS, now=NOW)


def _destroy(session: Session) -> None:
    stored = make_stored(session)
    stored.sign(stored.prepared())


@pytest.mark.parametrize(
    ("leave", "below"),
    [
        (_save_recognition, "0048"),
        (_train, "0051"),
        (_print_cards, "0052"),
        (_draw_a_sample, "0055"),
        (_make_a_batch, "0056"),
        (_destroy, "0057"),
        (_certify, "0053"),
        (_stamp, "0053"),
        (_print_passbook, "0054"),
        (_close_a_month, "0046"),
        (_take_in, "0029"),
        (_agree_on_a_rate, "0041"),
        (_park, "0043"),
        (_begin_agreement, "0039"),
        (_ask_for_somebody, "0037"),
        (_serve_somebody, "0037"),
        (_disagree, "0035"),
        (_propose_a_time, "0034"),
        (_fulfil_in_part, "0034"),
        (_give, "0025"),
        (_decide_a_line, "0026"),
        (_connect, "0027"),
        (_compare_a_pair, "0044"),
        (_sign_an_exception, "0045"),
        (_connect, "0040"),
        (_order_abroad, "0038"),
        (_share, "0028"),
        (_book_a_room, "0032"),
        (_look_for_something, "0033"),
        (_open_a_desk, "0031"),
        (_print_last_days, "0030"),
        (_limit_sign_ups, "0021"),
        (_ask_family, "0022"),
        (_give_away, "0010"),
        (_owe, "0010"),
        (_save_rules, "0011"),
        (_count_anew, "0018"),
        (_say_where, "0018"),
        (_set_right, "0012"),
        (_ask_for_a_look, "0012"),
        (_photograph_paper, "0023"),
        (_rotate, "0016"),
        (_hang_a_poster, "0017_"),
        (_scan_from_paper, "0017_"),
        (_approve_in_part, "0019"),
        (_enter_afterwards, "0020"),
        (_decide_a_case, "0017b"),
    ],
)
def test_going_down_refuses_to_forget(fresh_database: str, leave: Callable[[Session], None], below: str) -> None:
    engine = databases.make_engine(fresh_database)
    with Session(engine) as session, write_session(session):
        leave(session)
    [revision] = [found for found in revisions() if found.startswith(below)]
    before = tables(engine)
    with pytest.raises(RuntimeError, match="restore a backup instead of going down"):
        run_alembic(engine, command.downgrade, revision=revision)
    assert tables(engine) == before


def test_approvals_of_whole_shifts_become_round_one_with_their_records(fresh_database: str) -> None:
    engine = databases.make_engine(fresh_database)
    with Session(engine) as session, write_session(session):
        scene = make_scene(session)
        scene.attend(session, 0)
        scene.submit(session)
        scene.approve(session)
        _, waiting = make_shift(
            session, scene.branch, scene.organiser_actor, starts_at=scene_at("14:00"), ends_at=scene_at("16:00")
        )
        scene.scan(session, 0, "14:00", shift_id=waiting, wanted="in")
        scene.scan(session, 0, "16:00", shift_id=waiting, wanted="out")
        submit_shift(session, waiting, actor=scene.organiser_actor, now=scene_at("17:00"))
    run_alembic(engine, command.downgrade, revision="0016_covering_indexes")
    run_alembic(engine, command.upgrade, revision="head")
    with engine.connect() as looking:
        rounds = looking.execute(
            sa.text(
                "SELECT p.number, p.people, p.large_minutes, a.status, a.approval_id IS NOT NULL FROM shift_approval p "
                "JOIN attendance a ON a.submitted_in_id = p.id ORDER BY p.id"
            )
        ).all()
    engine.dispose()
    assert [tuple(row) for row in rounds] == [(1, 1, 240, "approved", True), (1, 1, 240, "ready", False)]


@pytest.fixture
def connection(engine_url: str) -> Iterator[sa.Connection]:
    """A connection to a migrated database."""
    engine = databases.make_engine(engine_url)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_models_and_migrations_never_differ(connection: sa.Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, Base.metadata) == []


def test_every_index_and_check_of_the_models_is_in_the_database(connection: sa.Connection) -> None:
    """Alembic compares no check, and on SQLite no index on an expression, so both are looked up by name."""
    wanted = {str(index.name) for table in Base.metadata.tables.values() for index in table.indexes}
    for table in Base.metadata.tables.values():
        wanted |= {str(rule.name) for rule in table.constraints if isinstance(rule, sa.CheckConstraint)}
    if connection.dialect.name == "sqlite":
        described = "\n".join(
            connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").scalars()
        )
        assert {name for name in wanted if not re.search(rf"\b{name}\b", described)} == set()
    else:
        there = set(connection.exec_driver_sql("SELECT indexname FROM pg_indexes").scalars())
        there |= set(connection.exec_driver_sql("SELECT conname FROM pg_constraint").scalars())
        assert wanted - there == set()
