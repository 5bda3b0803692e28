"""Importing rosters: what a preview promises, all or nothing, nothing twice, sealed until done and wiped after."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.members.rosters import csv_of
from tests.office_file import OFFICE_PEOPLE, write_office_xlsx
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM, Actor
from timebank.core.errors import NotAllowed
from timebank.ledger.queries import get_account
from timebank.members.models import ACTIVE, Card, Consent, Credential, Member, RosterImport, Team, TeamMembership
from timebank.members.queries import find_member_by_code, list_candidates, open_field
from timebank.members.roster.queries import (
    RosterImportNotFound,
    get_roster_import,
    list_roster_imports,
    preview,
)
from timebank.members.roster.rules import SKIPPED
from timebank.members.roster.service import (
    KEPT_DAYS,
    ConsentNotAnswered,
    RosterHasErrors,
    import_roster,
    keep_file,
    put_away,
    read_file,
)
from timebank.members.rules import CONSENT_VERSION, is_member_number, personal_code
from timebank.members.service import create_team
from timebank.members.service.bulk import SomebodyRegistered, register_many
from timebank.members.service.registration import NewMember

HEAD = ("姓名", "手机", "身份证号", "出生日期", "服务队")
ID_NUMBER = "11010519491231002X"


def keep(
    session: Session, branch: Branch, content: bytes, *, actor: Actor = SYSTEM, name: str = "名册.csv"
) -> RosterImport:
    file = read_file(content, name=name, keys=KEYS, now=NOW)
    return keep_file(session, file, branch_id=branch.id, actor=actor, keys=KEYS, now=NOW)


def run(
    session: Session, kept: RosterImport, *, actor: Actor = SYSTEM, consented: bool = True
) -> list[tuple[int, int]]:
    steps = list(import_roster(session, kept.id, consented=consented, actor=actor, keys=KEYS, now=NOW))
    session.expire_all()
    return steps


def people_of(session: Session, branch: Branch) -> Sequence[Member]:
    return session.scalars(select(Member).where(Member.branch_id == branch.id).order_by(Member.id)).all()


def count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def branch(session: Session) -> Branch:
    return make_branch(session)


def test_an_office_file_becomes_members_who_can_act(session: Session, branch: Branch, tmp_path: Path) -> None:
    write_office_xlsx(tmp_path / "名册.xlsx")
    manager = actor_of(session, make_member(session, branch, "周站长", roles=("manager",)))
    kept = keep(session, branch, (tmp_path / "名册.xlsx").read_bytes(), actor=manager)

    assert run(session, kept, actor=manager) == [(0, 6), (6, 6)]

    added = people_of(session, branch)[1:]
    assert [member.name for member in added] == [person.name for person in OFFICE_PEOPLE]
    for member, person in zip(added, OFFICE_PEOPLE, strict=True):
        assert (member.status, member.registered_by, member.decided_by_id) == (ACTIVE, "import", manager.member_id)
        assert is_member_number(member.number)
        assert open_field(member, "phone", KEYS) == person.phone
        assert (member.born_on, member.phone_tail) == (person.born_on, person.phone[-4:])
        assert session.get(Credential, member.id) is None
        for account_id, unit in ((member.coin_account_id, "coin"), (member.point_account_id, "point")):
            account = get_account(session, account_id or 0)
            assert (account.book_id, account.code, account.unit) == (branch.id, f"member:{member.number}", unit)
        card = session.scalars(select(Card).where(Card.member_id == member.id)).one()
        assert find_member_by_code(session, KEYS, personal_code(KEYS, card.serial), at=NOW) is member
        [consent] = session.scalars(select(Consent).where(Consent.member_id == member.id))
        assert (consent.kind, consent.text_version, consent.recorded_by_id) == (
            "imported_roster",
            CONSENT_VERSION,
            manager.member_id,
        )
    teams = session.execute(
        select(Team.name, func.count())
        .join(TeamMembership, TeamMembership.team_id == Team.id)
        .group_by(Team.name)
        .order_by(Team.name)
    ).all()
    assert [tuple(row) for row in teams] == [("安心探访队", 3), ("红领理发队", 3)]
    assert added[1].alias == "王先生"
    assert list_candidates(session, KEYS, OFFICE_PEOPLE[0].phone) == [added[0]]


def test_rows_wait_sealed_and_are_wiped_after_the_import(session: Session, branch: Branch) -> None:
    kept = keep(session, branch, csv_of(HEAD, ("张三", "13812345678", ID_NUMBER, "", "")))
    assert "张三" not in kept.rows_sealed
    assert kept.row_count == 1

    run(session, kept)

    assert kept.rows_sealed == ""
    assert (kept.imported_at, kept.imported_count) == (NOW, 1)
    kinds = session.scalars(select(Consent.kind).order_by(Consent.kind)).all()
    assert kinds == ["identity", "imported_roster"]
    member = people_of(session, branch)[0]
    assert (member.sex, member.born_on) == ("f", date(1949, 12, 31))
    assert open_field(member, "id_number", KEYS) == ID_NUMBER


def test_the_same_file_again_imports_nothing(session: Session, branch: Branch) -> None:
    content = csv_of(HEAD, ("张三", "13812345678"), ("李四", "13812345679"))
    kept = keep(session, branch, content)
    run(session, kept)

    again = keep(session, branch, content, name="另一个名字.csv")

    assert again.id == kept.id
    assert again.rows_sealed == ""
    assert run(session, again) == []
    assert len(people_of(session, branch)) == 2


def test_the_same_people_in_another_file_are_skipped_with_a_word(session: Session, branch: Branch) -> None:
    run(session, keep(session, branch, csv_of(HEAD, ("张三", "13812345678", "", "1954.3.5"), ("李四", "", ID_NUMBER))))

    kept = keep(
        session,
        branch,
        csv_of(
            HEAD,
            ("张 三", "+86 13812345678"),
            ("李四", "13812345670", ID_NUMBER),
            ("张三", "", "", "1954-03-05"),
            ("王五", "13812345678"),
        ),
    )
    seen = preview(session, kept, KEYS)

    assert [person.name for person in seen.people] == ["王五"]
    assert [finding.row for finding in seen.listed(SKIPPED)] == [2, 3, 4]
    assert "已经登记过（HL" in seen.listed(SKIPPED)[0].problem
    assert run(session, kept) == [(0, 1), (1, 1)]
    assert [member.name for member in people_of(session, branch)] == ["张三", "李四", "王五"]


def test_namesakes_with_another_phone_or_id_number_are_other_people(session: Session, branch: Branch) -> None:
    make_member(session, branch, "王芳", phone="13812345678", id_number=ID_NUMBER)
    kept = keep(session, branch, csv_of(HEAD, ("王芳", "13900000000"), ("王芳", "13812345678", "330206198001011230")))
    assert [person.row for person in preview(session, kept, KEYS).people] == [2, 3]


def test_a_member_of_another_branch_is_skipped_without_saying_which(session: Session, branch: Branch) -> None:
    other = make_branch(session, "CB", "柴桥网点")
    make_member(session, other, "张三", phone="13812345678")
    seen = preview(session, keep(session, branch, csv_of(HEAD, ("张三", "13812345678"))), KEYS)
    assert seen.people == ()
    [finding] = seen.listed(SKIPPED)
    assert "别的网点" in finding.problem
    assert "柴桥" not in finding.problem


def test_a_person_renamed_after_the_import_is_not_imported_again(session: Session, branch: Branch) -> None:
    run(session, keep(session, branch, csv_of(HEAD, ("张三", "13812345678"))))
    people_of(session, branch)[0].name = "张山"
    session.flush()
    assert (
        preview(session, keep(session, branch, csv_of(HEAD, ("张三", "13812345678", "", "", "甲队"))), KEYS).people
        == ()
    )


def test_one_error_stops_everybody(session: Session, branch: Branch) -> None:
    kept = keep(session, branch, csv_of(HEAD, ("张三", "13812345678"), ("李四", "138")))
    with pytest.raises(RosterHasErrors, match="1 处错误"):
        run(session, kept)
    assert people_of(session, branch) == []
    assert kept.imported_at is None


def test_a_failure_on_the_way_leaves_nothing(session: Session, branch: Branch) -> None:
    kept = keep(
        session,
        branch,
        csv_of(HEAD, *(("张" + "一二三四五六七八九"[n % 9], str(13800000000 + n)) for n in range(300))),
    )
    steps = import_roster(session, kept.id, consented=True, actor=SYSTEM, keys=KEYS, now=NOW)
    nested = session.begin_nested()
    assert [next(steps), next(steps)] == [(0, 300), (200, 300)]
    steps.close()
    nested.rollback()
    session.expire_all()
    assert people_of(session, branch) == []
    assert count(session, Card) == 0
    assert kept.rows_sealed


def test_nobody_is_imported_without_their_consent(session: Session, branch: Branch) -> None:
    kept = keep(session, branch, csv_of(HEAD, ("张三", "13812345678")))
    with pytest.raises(ConsentNotAnswered):
        run(session, kept, consented=False)
    assert people_of(session, branch) == []


def test_only_managers_of_the_branch_import(session: Session, branch: Branch) -> None:
    other = make_branch(session, "CB")
    outsider = actor_of(session, make_member(session, other, roles=("manager",)))
    organiser = actor_of(session, make_member(session, branch, roles=("organiser",)))
    content = csv_of(HEAD, ("张三", "13812345678"))
    kept = keep(session, branch, content)
    for actor in (outsider, organiser):
        with pytest.raises(NotAllowed):
            keep(session, branch, content, actor=actor)
        with pytest.raises(NotAllowed):
            run(session, kept, actor=actor)
        with pytest.raises(NotAllowed):
            put_away(session, kept.id, actor=actor)


def test_teams_that_exist_are_joined_and_keep_their_kind(session: Session, branch: Branch) -> None:
    team = create_team(session, branch_id=branch.id, name="甲队", kind="巡逻", actor=SYSTEM, now=NOW)
    run(
        session,
        keep(
            session,
            branch,
            csv_of(HEAD, ("张三", "13812345678", "", "", "甲队、乙队"), ("李四", "13812345679", "", "", "甲队")),
        ),
    )
    assert count(session, Team) == 2
    assert count(session, TeamMembership) == 3
    session.refresh(team)
    assert (team.kind, len(team.members)) == ("巡逻", 2)


def test_a_preview_can_be_put_away_and_an_import_cannot(session: Session, branch: Branch) -> None:
    content = csv_of(HEAD, ("张三", "13812345678"))
    kept_id = keep(session, branch, content).id
    put_away(session, kept_id, actor=SYSTEM)
    put_away(session, kept_id, actor=SYSTEM)
    with pytest.raises(RosterImportNotFound):
        get_roster_import(session, kept_id)

    done = keep(session, branch, content)
    run(session, done)
    put_away(session, done.id, actor=SYSTEM)
    assert get_roster_import(session, done.id).imported_count == 1
    assert [kept.id for kept, _branch in list_roster_imports(session, {branch.id})] == [done.id]
    assert list_roster_imports(session, {branch.id + 1}) == []


def test_previews_are_forgotten_after_a_week(session: Session, branch: Branch) -> None:
    old = keep(session, branch, csv_of(HEAD, ("张三", "13812345678"))).id
    done = keep(session, branch, csv_of(HEAD, ("李四", "13812345679")))
    run(session, done)
    later = NOW + timedelta(days=KEPT_DAYS, seconds=1)
    file = read_file(csv_of(HEAD, ("王五", "13812345670")), name="新.csv", keys=KEYS, now=later)
    keep_file(session, file, branch_id=branch.id, actor=SYSTEM, keys=KEYS, now=later)
    session.expire_all()
    assert session.get(RosterImport, old) is None
    assert session.get(RosterImport, done.id) is not None


def test_a_person_registered_meanwhile_is_refused_and_not_doubled(session: Session, branch: Branch) -> None:
    person = NewMember(name="张三", branch_id=branch.id, phone="13812345678")
    register_many(session, {"roster:x": person}, branch_id=branch.id, actor=SYSTEM, keys=KEYS, now=NOW)
    with pytest.raises(SomebodyRegistered), session.begin_nested():
        register_many(session, {"roster:x": person}, branch_id=branch.id, actor=SYSTEM, keys=KEYS, now=NOW)
    assert len(people_of(session, branch)) == 1


@pytest.mark.slow
def test_a_thousand_people_take_a_moment_and_few_statements(session: Session, branch: Branch) -> None:
    given = ["".join(pair) for pair in itertools.product("一二三四五六七八九十", "春夏秋冬梅兰竹菊山川")]
    rows = [(f"张{given[n % 100]}", str(13800000000 + n), "", "1954.3.5", f"第{n % 9}队") for n in range(1000)]
    started = time.perf_counter()
    kept = keep(session, branch, csv_of(HEAD, *rows))
    statements: list[str] = []
    listener = lambda conn, cursor, statement, *rest: statements.append(statement)  # noqa: E731
    sa.event.listen(session.connection(), "before_cursor_execute", listener)

    steps = run(session, kept)

    assert [done for done, _total in steps] == [0, 200, 400, 600, 800, 1000]
    assert len(people_of(session, branch)) == 1000
    assert len({member.number for member in people_of(session, branch)}) == 1000
    assert len(statements) < 150
    assert time.perf_counter() - started < 10  # a second or two; the margin is for a busy machine
