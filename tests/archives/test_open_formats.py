"""What others read without us: JSON by its schemas, the paper by its standard, and no whole ID number anywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from sqlalchemy.orm import Session

from tests.archives.months import AUGUST, NOVEMBER, SEPTEMBER, earn, haircut, packing_in, small_town
from tests.archives.packages import files_of
from tests.clearing.scene import Between
from tests.exchange.test_abroad import Abroad
from tests.world import KEYS, make_branch, make_member
from timebank.archives import service
from timebank.archives.package.checks import PROPERTIES
from timebank.archives.package.paper import Paper
from timebank.archives.package.sources import Sources
from timebank.archives.reading import read_json
from timebank.archives.rules import TABLES, Edition
from timebank.branches.models import Branch
from timebank.clearing.service import seal_statements
from timebank.core.actor import SYSTEM
from timebank.ledger import queries as ledger


def pack(session: Session, branch: Branch, months: tuple[str, ...], folder: Path, now: datetime = NOVEMBER) -> Path:
    """Close these months and pack the last."""
    for month in months:
        service.close_month(session, branch=branch, month=month, actor=SYSTEM, keys=KEYS, now=now)
        seal_statements(session, branch.id, month, now=now)
    return folder / service.make_package(session, branch=branch, month=months[-1], packing=packing_in(folder)).name


def schema(files: dict[str, bytes], name: str) -> Draft202012Validator:
    content = json.loads(files[f"data/schema/{name}.schema.json"])
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content, format_checker=FormatChecker())


def faults(files: dict[str, bytes]) -> list[str]:
    """Every JSON file of a package against the schema of its name."""
    found = []
    for path, content in files.items():
        if path.endswith(".json") and "/schema/" not in path:
            name = path.removeprefix("data/").removesuffix(".json")
            validator = schema(files, "clearing" if name.startswith("clearing-") else name)
            found += [f"{path}: {fault.message}" for fault in validator.iter_errors(json.loads(content))]
    return found


def test_every_json_file_keeps_to_its_schema(session: Session, tmp_path: Path) -> None:
    branch, anna, bert = small_town(session)
    haircut(session, bert, anna, at=SEPTEMBER)
    files = files_of(pack(session, branch, ("2026-08", "2026-09"), tmp_path))
    assert faults(files) == []
    assert {path for path in files if path.startswith("data/schema/")} == {
        f"data/schema/{name}.schema.json"
        for name in (*(table.name for table in TABLES), "manifest", "checks", "clearing")
    }


def test_statements_with_other_branches_keep_to_theirs(session: Session, tmp_path: Path) -> None:
    abroad = Abroad(Between(session))
    abroad.done()
    after = datetime(2026, 12, 1, 2, tzinfo=UTC)
    files = files_of(pack(session, abroad.between.branches[0], ("2026-11",), tmp_path, after))
    assert any(path.startswith("data/clearing-") for path in files)
    assert faults(files) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("members", {"closing": "180"}),
        ("members", {"name": None}),
        ("members", {"id_number": "x"}),
        ("entries", {"posted_at": "gestern"}),
    ],
)
def test_a_schema_refuses_what_is_not_as_it_says(chain: dict[str, Path], name: str, change: dict[str, Any]) -> None:
    files = files_of(chain["2026-08"])
    rows = json.loads(files[f"data/{name}.json"])
    assert schema(files, name).is_valid(rows)
    assert not schema(files, name).is_valid([rows[0] | change, *rows[1:]])


def test_the_checks_are_the_four_properties_each_with_its_result(chain: dict[str, Path]) -> None:
    checks = read_json(chain["2026-09"], "checks.json")
    assert list(checks) == list(PROPERTIES)
    passed = {check["check"]: check["passed"] for group in checks.values() for check in group}
    assert {"seal_matches_rows", "every_entry_has_document", "workbook_opens", "no_active_content"} <= passed.keys()
    assert any(name.startswith("close.") for name in passed), "what the close checked is kept"
    assert all(passed.values())


def test_the_summary_is_archival_paper(chain: dict[str, Path]) -> None:
    paper = files_of(chain["2026-10"])["data/summary.pdf"]
    assert paper.startswith(b"%PDF-1.7")
    for word in (b"<pdfaid:part>2</pdfaid:part>", b"<pdfuaid:part>1</pdfuaid:part>", b"NotoSansSC"):
        assert word in paper
    assert b"20261103" in paper, "dated by the seal"


def test_rare_characters_are_printed_and_what_no_font_has_is_said(session: Session, tmp_path: Path) -> None:
    branch = make_branch(session, now=AUGUST)
    for name in ("𡛔小红", "\U00030000大明"):
        earn(session, branch, make_member(session, branch, name, now=AUGUST), 60, at=AUGUST)
    files = files_of(pack(session, branch, ("2026-08",), tmp_path))
    assert b"HanaMinB" in files["data/summary.pdf"]
    [check] = [c for c in json.loads(files["data/checks.json"])["usability"] if c["check"] == "characters_printed"]
    assert "U+30000" in check["detail"]
    assert (check["passed"], check["result"]) == (False, "warning"), "said, and no reason not to pack"
    assert "𡛔" not in check["detail"]
    assert "\U00030000**" in files["data/members.json"].decode()


def test_many_members_are_read_in_lists_of_their_own(session: Session, tmp_path: Path) -> None:
    branch, *_ = small_town(session)
    service.close_month(session, branch=branch, month="2026-08", actor=SYSTEM, keys=KEYS, now=NOVEMBER)
    period = ledger.find_period(session, branch.id, "2026-08")
    assert period is not None
    parts = Sources(
        session=session, branch=branch, period=period, edition=Edition(), folder=tmp_path, packing=packing_in(tmp_path)
    )
    paper = Paper(parts)
    for number in range(501):
        paper.read_member((f"HL{number:05d}", "张**", *range(9), *range(4), 60, 0))
    paper.end_members()
    lists = sorted(tmp_path.glob("*.pdf"))
    assert [one.name for one in lists] == ["members-01.pdf", "members-02.pdf", "members-03.pdf"]
    assert b"<pdfaid:part>2</pdfaid:part>" in lists[0].read_bytes()
    assert lists[0].stat().st_size < 150_000


def test_an_id_number_that_somebody_wrote_into_a_title_stays_inside(session: Session, tmp_path: Path) -> None:
    branch, anna, bert = small_town(session)
    haircut(session, bert, anna, at=SEPTEMBER, title="给 11010519491231002X 理发")
    package = pack(session, branch, ("2026-08", "2026-09"), tmp_path)
    assert [row["offer"] for row in read_json(package, "orders.json")] == ["给 1****************X 理发"]
    with zipfile.ZipFile(package) as bag:
        assert all(b"11010519491231002X" not in bag.read(name) for name in bag.namelist())


@pytest.mark.skipif(shutil.which("hledger") is None, reason="no hledger here: journal_parser reads the same journals")
def test_hledger_agrees(chain: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(files_of(chain["2026-10"])["data/journal.hledger"])
    answer = subprocess.run(
        ["hledger", "-f", "journal", "check", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
