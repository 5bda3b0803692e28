"""``flask archive verify``: nothing but files and public keys; each damage is named and the answer is an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from tests.archives.packages import FORGER, OURS, Files, copied, edited, flipped, offset_in
from tests.world import KEYS
from timebank.archives import signatures
from timebank.cli.archive import archive_cli


@pytest.fixture
def offline() -> Flask:
    """A program with keys and commands, and no database at all."""
    made = Flask("timebank.offline")
    made.extensions["timebank_keys"] = KEYS
    return made


def run(app: Flask, *arguments: str | Path) -> tuple[int, str]:
    answer = app.test_cli_runner().invoke(archive_cli, ["verify", *map(str, arguments)])
    return answer.exit_code, answer.output


def test_sound_months_in_any_order(offline: Flask, chain: dict[str, Path]) -> None:
    code, said = run(offline, *reversed(chain.values()))
    assert code == 0, said
    assert "3 个归档包都完好" in said
    assert "2026-09 第 1 版" in said
    assert signatures.grouped(signatures.fingerprint(OURS)) in said


def test_each_damage_is_named_with_what_it_means(offline: Flask, chain: dict[str, Path], tmp_path: Path) -> None:
    package = chain["2026-08"]
    missing = edited(package, tmp_path / "m.zip", lambda files: files.pop("data/orders.csv"))
    extra = edited(package, tmp_path / "e.zip", lambda files: files.update({"data/also.txt": b"?"}))
    cases = {
        flipped(package, tmp_path / "f.zip", offset_in(package, "data/entries.csv")): "文件被改动：data/entries.csv",
        missing: "少了文件：data/orders.csv",
        extra: "多了文件：data/also.txt",
        copied(package, tmp_path / chain["2026-09"].name): "换成了别的月份：",
    }
    for file, said in cases.items():
        code, answer = run(offline, file)
        assert (code, said in answer, "1 个归档包，1 个有损坏" in answer) == (1, True, True), answer
    code, answer = run(offline, _with_another_total(package, tmp_path))
    assert (code, "合计对不上" in answer, "改过以后又重算了校验值" in answer) == (1, True, True)
    code, answer = run(offline, package, chain["2026-10"])
    assert (code, "中间缺月份：2026-09" in answer) == (1, True)


def _with_another_total(package: Path, folder: Path) -> Path:
    def edit(files: Files) -> None:
        files["data/members.json"] = files["data/members.json"].replace(b"180", b"181")

    return edited(package, folder / "t.zip", edit, recompute=True)


def test_the_key_comes_from_a_file_or_the_line(offline: Flask, foreign_chain: dict[str, Path], tmp_path: Path) -> None:
    package, key = foreign_chain["2026-08"], signatures.public_key(FORGER)
    code, answer = run(offline, package)
    assert (code, "不是用已知的密钥签的" in answer) == (1, True)
    (tmp_path / "keys.pem").write_text(signatures.as_pem(OURS) + signatures.as_pem(key))
    for given in (tmp_path / "keys.pem", key):
        assert run(offline, package, "--key", given)[0] == 0


@pytest.mark.parametrize("given", ["nothing", "0" * 63, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_what_is_no_key_is_said(offline: Flask, chain: dict[str, Path], given: str) -> None:
    code, answer = run(offline, chain["2026-08"], "--key", given)
    assert (code, "里没有公钥" in answer) == (2, True)


def test_the_key_to_hand_on(offline: Flask, tmp_path: Path) -> None:
    shown = offline.test_cli_runner().invoke(archive_cli, ["key"]).output
    assert signatures.read_keys(shown.encode()) == [OURS]
    assert signatures.grouped(signatures.fingerprint(OURS)) in shown
