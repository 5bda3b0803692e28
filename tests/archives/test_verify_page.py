"""The public page: no sign-in, several files at once, each damage in plain words, nothing kept; and the keys."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.archives.months import close_of, small_town
from tests.archives.packages import OURS, Files, edited, flipped, offset_in
from timebank.archives import closing, signatures
from timebank.archives.reading import read_json
from timebank.archives.views import verify
from timebank.branches.models import Branch
from timebank.core.db import db, transaction
from timebank.members.models import Member


def post(client: FlaskClient, *packages: Path, names: tuple[str, ...] = ()) -> tuple[int, str]:
    files = [
        (io.BytesIO(path.read_bytes()), name)
        for path, name in zip(packages, names or [path.name for path in packages], strict=True)
    ]
    answer = client.post("/verify", data={"packages": files}, content_type="multipart/form-data")
    return answer.status_code, answer.text


@pytest.fixture
def packages(app: Flask) -> list[Path]:
    """August and September of this bank, as its own close made them."""
    folder = Path(app.config["TIMEBANK_DATA"]) / "archives"
    with app.app_context():
        with transaction() as session:
            branch_id = small_town(session)[0].id
        made = []
        for month in ("2026-08", "2026-09"):
            branch = db.session.get_one(Branch, branch_id)
            made.append(folder / closing.run(close_of(branch, month, folder)).file_name)
        db.session.remove()
    return made


def test_anybody_sees_that_this_banks_packages_are_sound(client: FlaskClient, packages: list[Path]) -> None:
    status, page = post(client, *packages)
    assert (status, page.count("和本银行存档的文件逐个字节相同")) == (200, 2)
    assert "2 个归档包都完好" in page
    for word in ("2026-08，第 1 版", "封签", "签名公钥的指纹"):
        assert word in page


def test_each_damage_is_named_with_what_it_means(client: FlaskClient, packages: list[Path], tmp_path: Path) -> None:
    package = packages[0]
    cases = {
        "文件被改动": flipped(package, tmp_path / "f.zip", offset_in(package, "data/entries.csv")),
        "少了文件": edited(package, tmp_path / "m.zip", lambda files: files.pop("data/orders.csv")),
        "多了文件": edited(package, tmp_path / "e.zip", lambda files: files.update({"data/also.txt": b"?"})),
    }
    status, page = post(client, *cases.values())
    assert (status, "有 3 个归档包有问题" in page) == (200, True)
    for title in cases:
        assert title in page
    assert "不能作准" in page
    status, page = post(client, package, names=(packages[1].name,))
    assert "换成了别的月份" in page


def test_an_edited_total_with_recomputed_checksums_is_named(
    client: FlaskClient, packages: list[Path], tmp_path: Path
) -> None:
    def edit(files: Files) -> None:
        files["data/members.json"] = files["data/members.json"].replace(b"180", b"181")

    _, page = post(client, edited(packages[0], tmp_path / "t.zip", edit, recompute=True))
    for words in ("合计对不上", "与签了名的清单不符：改过以后又重算了校验值", "不能作准"):
        assert words in page


def test_a_month_that_is_missing_between_others_is_named(client: FlaskClient, foreign_chain: dict[str, Path]) -> None:
    _, page = post(client, foreign_chain["2026-08"], foreign_chain["2026-10"])
    assert "中间缺月份" in page
    assert "2026-08 之后应当是 2026-09" in page


def test_packages_of_one_request_share_what_may_be_unpacked(
    client: FlaskClient, packages: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(packages[0]) as bag:
        whole = sum(entry.file_size for entry in bag.infolist())
    monkeypatch.setattr(verify, "_LIMITS", replace(verify._LIMITS, unpacked=whole + 1000))
    _, page = post(client, *packages)
    assert page.count("解开以后太大") == 1


def test_a_package_of_somebody_else_and_one_packed_anew(
    client: FlaskClient, packages: list[Path], foreign_chain: dict[str, Path], tmp_path: Path
) -> None:
    _, page = post(client, foreign_chain["2026-08"])
    assert "不是用已知的密钥签的" in page
    assert "本银行不能为它作证" in page
    again = edited(packages[0], tmp_path / "again.zip", lambda files: None)
    _, page = post(client, again)
    assert "重新打包过" in page
    assert "1 个归档包都完好" in page


def test_a_version_that_was_replaced(app: Flask, client: FlaskClient, packages: list[Path]) -> None:
    with app.app_context():
        with transaction() as session:
            session.query(Member).filter(Member.name == "张小红").one().name = "章小红"
        branch = db.session.query(Branch).one()
        folder = Path(app.config["TIMEBANK_DATA"]) / "archives"
        closing.correct(close_of(branch, "2026-08", folder), reason="姓名写错了")
        db.session.remove()
    _, page = post(client, packages[0])
    assert "已经由第 2 版代替" in page


def test_what_could_do_harm_is_refused_and_nothing_stays(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as bag:
        bag.writestr("../../etc/passwd", b"x")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bag:
        bag.writestr("a/data/manifest.json", bytes(64 << 20))
    status, page = post(client, tmp_path / "out.zip", tmp_path / "bomb.zip")
    assert (status, page.count("包里有不该有的东西")) == (200, 2)
    assert list(temporary.iterdir()) == []


def test_no_file_too_many_files_and_too_big_a_file(client: FlaskClient, tmp_path: Path) -> None:
    assert client.post("/verify", data={}).status_code == 422
    (tmp_path / "x.zip").write_bytes(b"x")
    status, page = post(client, *[tmp_path / "x.zip"] * (verify.MOST_FILES + 1))
    assert (status, "一次最多核对 12 个" in page) == (422, True)
    told = {"CONTENT_LENGTH": str(verify.MOST_BYTES + 1), "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    big = client.open("/verify", method="POST", environ_overrides=told, input_stream=io.BytesIO(b""))
    assert (big.status_code, "最多上传 64 MB" in big.text) == (413, True)


def test_when_others_are_checking_it_says_so(client: FlaskClient, packages: list[Path]) -> None:
    with verify._place(), verify._place():
        status, page = post(client, packages[0])
    assert (status, "现在有人在核对" in page) == (409, True)
    assert post(client, packages[0])[0] == 200


def test_a_seal_on_paper_is_looked_up(client: FlaskClient, packages: list[Path]) -> None:
    seal = signatures.grouped(read_json(packages[0], "manifest.json")["seal"]["hash"])
    page = client.get("/verify", query_string={"seal": seal}).text
    assert "本银行的账上有这个封签" in page
    assert "2026 年 8 月" in page
    assert "账上没有这个封签" in client.get("/verify", query_string={"seal": "0" * 64}).text
    assert "有没有输漏" in client.get("/verify", query_string={"seal": "abc"}).text


def test_the_keys_page_and_file_show_the_key_that_signs(client: FlaskClient, packages: list[Path]) -> None:
    page = client.get("/verify/keys").text
    assert signatures.grouped(signatures.fingerprint(OURS)) in page
    assert page.count("现在用的") == 1
    assert signatures.read_keys(client.get("/verify/keys.pem").data) == [OURS]
