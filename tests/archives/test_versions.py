"""A correction of a package is a further version that names the one before and says why; nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.archives.months import NOVEMBER, close_of, packing_in, small_town
from tests.world import KEYS, actor_of, make_member, sign_in
from timebank.archives import closing, queries, service
from timebank.archives.reading import read_json, verify_package
from timebank.archives.rules import LOST
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.core.db import db, transaction
from timebank.core.errors import NotAllowed
from timebank.members.models import Member

MONTH = "2026-08"


@pytest.fixture
def town(bare_app: Flask) -> Branch:
    with transaction() as session:
        branch = small_town(session)[0]
    return branch


def rename(name: str) -> None:
    with transaction() as session:
        session.query(Member).filter(Member.name.endswith("小红")).one().name = name


def test_a_correction_is_a_new_version_and_the_old_one_stays_as_it_was(town: Branch, tmp_path: Path) -> None:
    first = closing.run(close_of(town, MONTH, tmp_path))
    old_name, before = first.file_name, (tmp_path / first.file_name).read_bytes()
    rename("章小红")
    made = [closing.correct(close_of(town, MONTH, tmp_path), reason=" 姓名 写错了 ") for _ in range(2)]
    assert {(one.id, one.version, one.reason) for one in made} == {(made[0].id, 2, "姓名 写错了")}
    path = tmp_path / made[0].file_name
    assert verify_package(path) == []
    manifest = read_json(path, "manifest.json")
    assert (manifest["version"], manifest["corrects"]["file"], manifest["corrected_because"]) == (
        2,
        old_name,
        "姓名 写错了",
    )
    assert (tmp_path / old_name).read_bytes() == before
    assert [one.version for one in queries.list_versions(db.session(), town.id, MONTH)] == [1, 2]
    assert closing.run(close_of(town, MONTH, tmp_path)).version == 2
    path.unlink()  # and is made again as it was
    assert closing.run(close_of(town, MONTH, tmp_path)).file_hash == service.hash_of(path)


def test_where_nothing_changed_there_is_nothing_to_correct(town: Branch, tmp_path: Path) -> None:
    closing.run(close_of(town, MONTH, tmp_path))
    with pytest.raises(service.NothingToCorrect, match="第 1 版一模一样"):
        closing.correct(close_of(town, MONTH, tmp_path), reason="再做一版")
    assert len(list(tmp_path.rglob("*.zip"))) == 1


@pytest.mark.parametrize("reason", ["", "  \n ", "长" * 201])
def test_a_correction_says_why(town: Branch, tmp_path: Path, reason: str) -> None:
    closing.run(close_of(town, MONTH, tmp_path))
    with pytest.raises(service.ReasonMissing):
        closing.correct(close_of(town, MONTH, tmp_path), reason=reason)


def test_an_open_month_has_no_package_to_correct(town: Branch, tmp_path: Path) -> None:
    with pytest.raises(queries.NoPackage):
        closing.correct(close_of(town, MONTH, tmp_path), reason="写错了")


def test_a_volunteer_corrects_nothing(town: Branch, tmp_path: Path) -> None:
    closing.run(close_of(town, MONTH, tmp_path))
    with transaction() as session:
        anybody = actor_of(session, make_member(session, session.get_one(Branch, town.id), now=NOVEMBER))
    with pytest.raises(NotAllowed):
        closing.correct(close_of(town, MONTH, tmp_path, actor=anybody), reason="写错了")


def test_a_package_made_again_after_its_file_was_lost_says_so(town: Branch, tmp_path: Path) -> None:
    first = closing.run(close_of(town, MONTH, tmp_path))
    (tmp_path / first.file_name).unlink()
    rename("章小红")
    assert closing.run(close_of(town, MONTH, tmp_path)).reason == LOST


def test_what_a_killed_process_left_half_made_is_cleared_away(town: Branch, tmp_path: Path) -> None:
    left = tmp_path / "BL" / ".making-abc"
    left.mkdir(parents=True)
    (left / "entries.csv").write_text("half")
    closing.run(close_of(town, MONTH, tmp_path))
    assert not left.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archive SET file_hash = seal_hash",
        "UPDATE archive SET reason = ''",
        "DELETE FROM archive",
        "INSERT INTO archive (branch_id, month, version, file_name, file_hash, file_size, seal_hash, "
        "program_version, reason, made_at, made_by_name) SELECT branch_id, month, {version}, file_name, file_hash, "
        "file_size, seal_hash, program_version, {reason}, made_at, made_by_name FROM archive",
    ],
)
def test_the_database_adds_packages_only_the_next_version_with_its_reason(
    session: Session, tmp_path: Path, statement: str
) -> None:
    branch, *_ = small_town(session)
    service.close_month(session, branch=branch, month=MONTH, actor=SYSTEM, keys=KEYS, now=NOVEMBER)
    package = service.make_package(session, branch=branch, month=MONTH, packing=packing_in(tmp_path))
    service.keep_package(session, branch=branch, month=MONTH, package=package, actor=SYSTEM, now=NOVEMBER)
    for version, reason in (("3", "'为什么'"), ("2", "''")):
        filled = statement.format(version=version, reason=reason)
        with pytest.raises(IntegrityError, match=r"never changed or deleted|the next version"), session.begin_nested():
            session.execute(sa.text(filled))
    if "{version}" in statement:
        session.execute(sa.text(statement.format(version="2", reason="'为什么'")))


def test_the_page_lists_every_version_and_gives_out_both(client: FlaskClient, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        branch = small_town(session)[0]
        manager = make_member(session, branch, roles=("manager",), now=NOVEMBER).id
    sign_in(client, manager)
    client.post("/branch/archives/BL/2026-08/close")
    same = client.post("/branch/archives/BL/2026-08/correct", data={"reason": "再做一版"})
    assert (same.status_code, "一模一样" in same.text) == (409, True)
    assert client.post("/branch/archives/BL/2026-08/correct", data={"reason": ""}).status_code == 422
    with app.app_context():
        rename("章小红")
    done = client.post("/branch/archives/BL/2026-08/correct", data={"reason": "姓名写错了"}, follow_redirects=True)
    for said in ("第 2 版", "代替第 1 版：姓名写错了", "第 1 版", "结账时的检查"):
        assert said in done.text
    contents = set()
    for version in (1, 2):
        with client.get(f"/branch/archives/BL/2026-08/package/{version}") as file:
            assert f"-v{version}-" in file.headers["Content-Disposition"]
            contents.add(file.data)
    with client.get("/branch/archives/BL/2026-08/package") as newest:
        assert "-v2-" in newest.headers["Content-Disposition"]
    assert len(contents) == 2
    assert client.get("/branch/archives/BL/2026-08/package/3").status_code == 404
