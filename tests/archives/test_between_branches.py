"""What two branches redeemed at each other in the packages of both: one statement, sealed once, the same in each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from tests.archives.months import close_of
from tests.clearing.scene import Between
from tests.exchange.test_abroad import Abroad
from tests.world import KEYS, actor_of
from timebank.archives import closing
from timebank.archives.reading import read_json, verify_package
from timebank.branches.models import Branch
from timebank.clearing import queries
from timebank.clearing.service import Signing, sign_exception
from timebank.clearing.service.cases import Found, open_case
from timebank.core.db import db, transaction
from timebank.members.queries import list_staff

AFTER = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
MONTH = "2026-11"


@pytest.fixture
def codes(bare_app: Flask) -> Iterator[tuple[list[int], str]]:
    """Somebody of AA had their hair cut at BB in November; the ids of both branches, and the name of that person."""
    with transaction() as session:
        abroad = Abroad(Between(session))
        abroad.done()
        found = [branch.id for branch in abroad.between.branches[:2]], abroad.member.name
    yield found
    assert bare_app is not None


def pack(branch_id: int, folder: Path) -> Path:
    with transaction() as session:
        close = close_of(session.get_one(Branch, branch_id), MONTH, folder=folder, now=AFTER)
    return folder / closing.run(close).file_name


def test_both_packages_have_the_same_statement_and_its_hash(codes: tuple[list[int], str], tmp_path: Path) -> None:
    ids, name = codes
    packages = [pack(branch_id, tmp_path) for branch_id in ids]
    assert [verify_package(package) for package in packages] == [[], []]
    manifests = [read_json(package, "manifest.json") for package in packages]
    [ours], [theirs] = (manifest["pair_statements"] for manifest in manifests)
    assert (ours["peer"], theirs["peer"], ours["hash"]) == ("BB", "AA", theirs["hash"])
    contents = [read_json(package, one["file"]) for package, one in zip(packages, (ours, theirs), strict=True)]
    assert contents[0] == contents[1]
    assert (contents[0]["opening"], contents[0]["closing"]) == (0, 60)
    [sealed] = queries.list_statements(db.session(), 1)
    assert hashlib.sha256(sealed.content.encode()).hexdigest() == ours["hash"]
    assert name not in json.dumps(contents, ensure_ascii=False)


def test_other_branches_members_stand_in_the_orders_without_name(codes: tuple[list[int], str], tmp_path: Path) -> None:
    ids, name = codes
    package = pack(ids[1], tmp_path)
    [row] = read_json(package, "orders.json")
    assert "外网点会员" in json.dumps(row, ensure_ascii=False)
    assert name not in json.dumps(row, ensure_ascii=False)


def test_members_tables_count_what_was_redeemed_and_received_abroad(
    codes: tuple[list[int], str], tmp_path: Path
) -> None:
    ids, _ = codes
    for branch_id, column in zip(ids, ("redeemed", "received"), strict=True):
        rows = read_json(pack(branch_id, tmp_path), "members.json")
        assert sum(row[column] for row in rows) == 60


def test_both_packages_have_what_was_sealed_by_an_exception(codes: tuple[list[int], str], tmp_path: Path) -> None:
    ids, name = codes
    with transaction() as session:
        [pair] = [view.pair for view in queries.list_pairs(session, ids[0])]
        open_case(session, pair, Found(kind="unpaid", facts="收款人的账户不能用", key="unpaid"), now=AFTER)
        seen = queries.look_at_month(session, pair, MONTH).exception_hash
        for branch_id in ids:
            [boss] = list_staff(session, branch_id, {"manager"})
            word = Signing(branch_id=branch_id, month=MONTH, words="年底要交账", seen=seen)
            sign_exception(session, pair.id, word, actor=actor_of(session, boss), keys=KEYS, now=AFTER)
    packages = [pack(branch_id, tmp_path) for branch_id in ids]
    assert [verify_package(package) for package in packages] == [[], []]
    [ours], [theirs] = (read_json(package, "manifest.json")["pair_statements"] for package in packages)
    contents = [read_json(package, one["file"]) for package, one in zip(packages, (ours, theirs), strict=True)]
    assert contents[0] == contents[1]
    assert [row[1] for row in contents[0]["cases"]] == ["unpaid"]
    assert len(contents[0]["exception"]["signatures"]) == 2
    assert ours["hash"] == theirs["hash"]
    assert name not in json.dumps(contents, ensure_ascii=False)
