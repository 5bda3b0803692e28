"""No package is made of a sealed month that somebody changed behind the guards: the check that found it is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.archives.months import packing_in
from tests.archives.packages import edit_manifest, files_of
from tests.archives.test_service_records import DECEMBER, NOVEMBER, served
from tests.attendance.scene import AFTER, Scene
from tests.exchange.scene import give
from tests.tampering import lift_guards
from tests.world import KEYS
from timebank.archives import service
from timebank.archives.package.checks import broken, failed
from timebank.archives.package.contents import PackageMismatchError
from timebank.archives.reading import read_json
from timebank.core.actor import SYSTEM
from timebank.core.clock import month_range, next_month
from timebank.core.masking import holds_numbers, mask_numbers


@pytest.fixture
def scene(session: Session) -> Scene:
    """A morning's service, booked and sealed; and the month before, which is empty."""
    made = served(session)
    close(session, made, NOVEMBER)
    return made


def close(session: Session, scene: Scene, month: str) -> None:
    now = max(DECEMBER, month_range(month)[1])
    service.close_month(session, branch=scene.branch, month=month, actor=SYSTEM, keys=KEYS, now=now)


def pack(session: Session, scene: Scene, folder: Path, month: str = NOVEMBER) -> Path:
    return folder / service.make_package(session, branch=scene.branch, month=month, packing=packing_in(folder)).name


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        ("UPDATE transfer SET amount = amount + 1", {"seal_matches_rows", "sealed_totals_match_rows"}),
        ("UPDATE entry SET facts = '{{}}', rule = 'x'", {"seal_matches_rows"}),
        ("UPDATE entry SET source_type = ''", {"every_entry_has_document"}),
        ("""UPDATE seal SET totals = '{{"coin": 1, "point": 35}}'""", {"sealed_totals_match_rows"}),
        ("UPDATE seal SET entry_count = entry_count + 1", {"numbers_without_gaps"}),
        ("UPDATE seal SET signature = '" + "00" * 64 + "'", {"signature_holds"}),
        ("UPDATE attendance SET signed_minutes = signed_minutes - 1", {"service_records_match_members"}),
        ("DELETE FROM attendance WHERE signed_minutes = 90", {"every_entry_has_document"}),
        ("{gone}, coin_account_id = NULL WHERE id = {member}", {"members_coins_match_ledger"}),
        ("{gone}, point_account_id = NULL WHERE id = {member}", {"members_points_match_ledger"}),
        ("DELETE FROM shift", {"service_records_match_members"}),
        ("UPDATE closing SET posted_in = posted_in + 1", {"trial_balance_is_zero"}),
    ],
)  # fmt: skip
def test_a_changed_month_is_not_packed_and_leaves_no_file(
    session: Session, scene: Scene, tmp_path: Path, damage: str, names: set[str]
) -> None:
    member_id = scene.volunteers[0].id
    lift_guards(session)
    session.execute(sa.text(damage.format(gone="UPDATE member SET status = 'suspended'", member=member_id)))
    session.expire_all()
    with pytest.raises(PackageMismatchError) as refused:
        pack(session, scene, tmp_path)
    assert names <= set(str(refused.value).split(", "))
    assert left(tmp_path) == []


def test_a_seal_that_does_not_name_the_one_before_is_not_packed(session: Session, scene: Scene, tmp_path: Path) -> None:
    december = next_month(NOVEMBER)
    close(session, scene, december)
    assert pack(session, scene, tmp_path / "good", december).exists()
    lift_guards(session)
    session.execute(sa.text("UPDATE seal SET hash = :hash WHERE previous_hash IS NULL"), {"hash": "0" * 64})
    with pytest.raises(PackageMismatchError, match="chained"):
        pack(session, scene, tmp_path / "bad", december)
    assert left(tmp_path / "bad") == []


@pytest.fixture
def folder(session: Session, scene: Scene, tmp_path: Path) -> Path:
    """The payload of a good package, as it lay before it was packed."""
    package = pack(session, scene, tmp_path / "packed")
    parts = tmp_path / "parts"
    for name, content in files_of(package).items():
        if name.startswith("data/"):
            target = parts / name.removeprefix("data/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return parts


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", b"nobody listed me", "closed_list"),
        ("summary.pdf", b"%PDF-1.4 printed by something else", "pdf_archival"),
        ("checks.json", b'{"detail": "13800001234"}', "masked"),
    ],
)
def test_what_is_written_last_is_looked_at_too(folder: Path, name: str, content: bytes, said: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert broken(folder, manifest) == []
    (folder / name).write_bytes(content)
    assert broken(folder, manifest) == [said]


def test_a_file_that_the_manifest_lists_and_nobody_wrote_is_found(folder: Path) -> None:
    files = {"data/manifest.json": (folder / "manifest.json").read_bytes()}
    edit_manifest(files, lambda manifest: manifest["files"].pop())
    assert broken(folder, json.loads(files["data/manifest.json"])) == ["closed_list"]


def test_what_only_warns_is_false_and_in_nobodys_way() -> None:
    checks = {"usability": [{"check": "characters_printed", "passed": False, "result": "warning"}]}
    assert failed(checks) == []
    assert failed({"usability": [{"check": "x", "passed": False, "result": "failed"}]}) == ["x"]


def test_entries_without_a_document_of_their_own_are_named(session: Session, tmp_path: Path) -> None:
    scene = served(session)
    give(session, scene.volunteers[0], 60, now=AFTER)
    close(session, scene, NOVEMBER)
    [check] = [
        one
        for one in read_json(pack(session, scene, tmp_path), "checks.json")["integrity"]
        if one["check"] == "every_entry_has_document"
    ]
    assert (check["passed"], check["detail"]) == (True, "以凭号为凭据：test 1 笔")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("找小王 13800001234。", "找小王 138****1234。"),
        ("电话：19912345678", "电话：199****5678"),
        ("a13800001234", "a13800001234"),
        ("138000012345", "138000012345"),
        ("0f13800001234ab", "0f13800001234ab"),
        ("12800001234", "12800001234"),
        ("11010519491231002X", "1****************X"),
    ],
)
def test_phone_numbers_in_a_text_are_masked_and_digits_of_a_hash_are_not(text: str, masked: str) -> None:
    assert mask_numbers(text) == masked
    assert holds_numbers(text) == (text != masked)
    assert not holds_numbers(masked)


def test_a_phone_number_in_a_title_stays_inside_and_stops_no_close(session: Session, tmp_path: Path) -> None:
    scene = served(session)
    session.execute(sa.text("UPDATE activity SET title = '联系 13800001234'"))
    session.execute(sa.text("UPDATE branch SET name = '站 13800001235' WHERE id = :id"), {"id": scene.branch.id})
    session.expire_all()
    close(session, scene, NOVEMBER)
    package = pack(session, scene, tmp_path)
    assert read_json(package, "activities.json")[0]["title"] == "联系 138****1234"
    assert not any(b"1380000123" in content for content in files_of(package).values())
