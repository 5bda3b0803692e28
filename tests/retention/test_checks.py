"""Stored packages are read again: whole, there, as recorded, and part of the chain; each damage has its name."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.archives.conftest import bare_app as bare_app
from tests.archives.months import AUGUST, NOVEMBER, close_of, small_town
from tests.tampering import lift_guards
from tests.world import KEYS, make_member
from timebank.archives import closing
from timebank.archives.models import Archive
from timebank.core.db import db, transaction
from timebank.jobs.tasks import Place, recheck_packages
from timebank.notices.models import Notice
from timebank.retention import queries, rechecking
from timebank.retention.models import SOUND, UNPACKED, PackageCheck
from timebank.retention.rechecking import Recheck

NIGHT = NOVEMBER + timedelta(days=1)


class Bank(NamedTuple):
    branch_id: int
    manager: int
    folder: Path

    def path(self, month: str) -> Path:
        archive = db.session().scalars(select(Archive).where(Archive.month == month)).one()
        return self.folder / archive.file_name


@pytest.fixture
def bank(bare_app: Flask, tmp_path: Path) -> Bank:
    """Three closed and packed months."""
    with transaction() as session:
        branch, _, _ = small_town(session)
        manager = make_member(session, branch, "顾明", roles=("manager",), now=AUGUST).id
        branch_id = branch.id
    for month in ("2026-08", "2026-09", "2026-10"):
        closing.run(close_of(branch, month, tmp_path))
    return Bank(branch_id, manager, tmp_path)


def check(bank: Bank, **more: object) -> rechecking.Rechecked:
    return rechecking.run(Recheck(**({"folder": bank.folder, "now": NIGHT} | more)))  # type: ignore[arg-type]


def results(bank: Bank) -> dict[str, str]:
    standing = queries.list_standing(db.session(), bank.branch_id)
    return {one.archive.month: one.check.result if one.check else "" for one in standing}


def _lose(path: Path) -> None:
    path.unlink()


def _flip_a_byte(path: Path) -> None:
    with zipfile.ZipFile(path) as bag:
        largest = max(bag.infolist(), key=lambda entry: entry.compress_size)
        end = min((e.header_offset for e in bag.infolist() if e.header_offset > largest.header_offset), default=0)
    content = bytearray(path.read_bytes())
    content[(end or bag.start_dir) - largest.compress_size // 2] ^= 1
    path.write_bytes(content)


def _append(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as bag:
        bag.comment = b"read by somebody"


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _swap(path: Path) -> None:
    """Another month's package, whole in itself, under this one's name."""
    other = next(found for found in sorted(path.parent.glob("*.zip")) if found != path)
    shutil.copyfile(other, path)


@pytest.mark.parametrize(
    ("damage", "result"),
    [(_lose, "missing"), (_flip_a_byte, "broken"), (_append, "changed"), (_cut, "broken"), (_swap, "broken")],
)
def test_every_damage_has_its_name_and_is_told(bank: Bank, damage: Callable[[Path], None], result: str) -> None:
    damage(bank.path("2026-09"))

    done = check(bank)

    assert (done.read, done.bad) == (3, 1)
    assert results(bank) == {"2026-08": SOUND, "2026-09": result, "2026-10": SOUND}
    [bad] = queries.list_bad(db.session(), bank.branch_id)
    assert (bad.month, bool(bad.words)) == ("2026-09", True)
    told = select(Notice).where(Notice.member_id == bank.manager, Notice.kind == "archive.damaged")
    assert len(db.session().scalars(told).all()) == 1
    check(bank, now=NIGHT + timedelta(days=1))
    assert len(db.session().scalars(told).all()) == 1


def test_a_file_that_came_back_from_the_backup_is_sound_again(bank: Bank, tmp_path: Path) -> None:
    path, backup = bank.path("2026-09"), tmp_path / "backup"
    shutil.copyfile(path, backup)
    path.unlink()
    check(bank)
    shutil.copyfile(backup, path)
    assert check(bank, now=NIGHT + timedelta(days=1)).bad == 0
    assert queries.list_bad(db.session(), bank.branch_id) == []


def test_whole_packages_are_sound(bank: Bank) -> None:
    assert check(bank) == rechecking.Rechecked(read=3, bad=0)
    assert set(results(bank).values()) == {SOUND}


def test_a_package_that_stays_sound_keeps_one_row_whose_time_moves(bank: Bank) -> None:
    check(bank)
    check(bank, now=NIGHT + timedelta(days=1))
    bank.path("2026-09").unlink()
    check(bank, now=NIGHT + timedelta(days=2))
    kept = db.session().scalars(select(PackageCheck).order_by(PackageCheck.id)).all()
    assert [(one.month, one.result, (one.checked_at - NIGHT).days) for one in kept] == [
        ("2026-08", SOUND, 2),
        ("2026-09", SOUND, 1),
        ("2026-10", SOUND, 2),
        ("2026-09", "missing", 2),
    ]
    first, second = kept[0].id, kept[1].id
    later = "checked_at = '2030-01-01'"
    for change in (
        f"UPDATE package_check SET {later} WHERE result = 'missing'",
        f"UPDATE package_check SET {later} WHERE id = {second}",  # something was found since
        f"UPDATE package_check SET checked_at = '2020-01-01' WHERE id = {first}",
        f"UPDATE package_check SET {later}, month = '2026-07' WHERE id = {first}",
        "DELETE FROM package_check",
    ):
        with pytest.raises(DBAPIError), transaction() as session:
            session.execute(text(change))


def test_a_package_about_another_seal_than_the_books_does_not_join_on(bank: Bank) -> None:
    with transaction() as session:
        lift_guards(session)
        session.execute(text(f"UPDATE archive SET seal_hash = '{'0' * 64}' WHERE month = '2026-10'"))
    check(bank)
    assert results(bank)["2026-10"] == "unlinked"


def test_a_closed_month_without_a_package_is_a_hole(bank: Bank) -> None:
    with transaction() as session:
        lift_guards(session)
        session.execute(text("DELETE FROM archive WHERE month = '2026-09'"))
    assert check(bank).bad == 1
    [hole] = queries.list_bad(db.session(), bank.branch_id)
    assert (hole.month, hole.result) == ("2026-09", UNPACKED)


def test_a_night_that_is_too_short_is_carried_on_by_the_next(bank: Bank) -> None:
    ticks = iter(range(0, 10_000, 10))
    assert check(bank, seconds=25, clock=lambda: float(next(ticks))).read == 1
    assert check(bank, at_most=1, now=NIGHT + timedelta(days=1)).read == 1
    assert check(bank, at_most=1, now=NIGHT + timedelta(days=2)).read == 1
    assert set(results(bank).values()) == {SOUND}  # each of the three was the longest unread once


def test_a_package_that_nobody_reads_is_stale(bank: Bank) -> None:
    check(bank)
    [one, *_] = queries.list_standing(db.session(), bank.branch_id)
    assert not one.stale(NIGHT + timedelta(days=30))
    assert one.stale(NIGHT + timedelta(days=40))


def test_the_job_reads_and_counts_what_is_bad(bank: Bank) -> None:
    bank.path("2026-08").unlink()
    assert recheck_packages(Place(keys=KEYS, archives=bank.folder), NIGHT) == 1
    assert len(db.session().scalars(select(PackageCheck)).all()) == 3
