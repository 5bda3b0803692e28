"""The import's pages and its command: upload, preview, the page that grows, and what each refuses."""

from __future__ import annotations

import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.members.rosters import csv_of
from tests.office_file import OFFICE_PEOPLE, write_office_xlsx
from tests.world import make_branch, make_member, sign_in
from timebank.core.db import db, transaction
from timebank.members.models import Member, RosterImport
from timebank.members.roster import views
from timebank.members.roster.sheets import open_sheets

PAGE = "/branch/members/import"
HEAD = ("姓名", "手机", "服务队")


@pytest.fixture
def town(app: Flask) -> dict[str, int]:
    with app.app_context(), transaction() as session:
        branch, other = make_branch(session), make_branch(session, "CB")
        people = {
            "manager": make_member(session, branch, "周站长", roles=("manager",)),
            "organiser": make_member(session, branch, "吴队长", roles=("organiser",)),
            "other": make_member(session, other, "郑站长", roles=("manager",)),
            "administrator": make_member(session, branch, "冯主任", roles=("administrator",)),
        }
        return {"branch": branch.id, "other_branch": other.id} | {name: member.id for name, member in people.items()}


def upload(client: FlaskClient, content: bytes, *, branch_id: int, name: str = "名册.csv") -> Any:
    sent = {"branch_id": str(branch_id), "file": (io.BytesIO(content), name)}
    return client.post(PAGE, data=sent, content_type="multipart/form-data")


def count(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Member)) or 0


def said(response: Any) -> str:
    """What a person reads on the page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


def test_a_file_is_uploaded_looked_at_and_imported(
    app: Flask, client: FlaskClient, town: dict[str, int], tmp_path: Path
) -> None:
    sign_in(client, town["manager"])
    write_office_xlsx(tmp_path / "名册.xlsx")
    before = count(app)

    assert client.get(PAGE).status_code == 200
    sent = upload(client, (tmp_path / "名册.xlsx").read_bytes(), branch_id=town["branch"], name="/桌面/名册.xlsx")
    assert sent.status_code == 302
    look = client.get(sent.location)
    page = said(look)
    assert "名册.xlsx" in page
    assert "桌面" not in page
    assert "导入 6 人" in page
    assert "第 11 行 整行 “陈桂英”和第 5 行是同一个人，只导入一次。" in page
    assert "138****0001" in page
    assert "13805740001" not in look.text
    assert count(app) == before

    done = client.post(sent.location, data={"consented": "1"})
    assert done.status_code == 200
    assert done.headers["X-Accel-Buffering"] == "no"
    assert "已登记 6 / 6" in said(done)
    assert "导入好了：6 人" in said(done)
    assert done.text.rstrip().endswith("</html>")
    assert count(app) == before + len(OFFICE_PEOPLE)

    again = client.post(sent.location, data={"consented": "1"})
    assert "早就导入过" in said(again)
    assert "登记了 6 人" in said(client.get(sent.location))
    assert "已导入" in said(client.get(PAGE))
    assert count(app) == before + len(OFFICE_PEOPLE)


def test_the_page_grows_while_the_import_runs(app: Flask, client: FlaskClient, town: dict[str, int]) -> None:
    sign_in(client, town["manager"])
    rows = [("张" + "一二三四五六七八九"[n % 9], str(13800000000 + n), "甲队") for n in range(450)]
    place = upload(client, csv_of(HEAD, *rows), branch_id=town["branch"]).location

    response = client.post(place, data={"consented": "1"}, buffered=False)
    pieces = [piece.decode() for piece in response.response]
    lines = [at for at, piece in enumerate(pieces) if re.search(r"已登记|开始登记", piece)]
    assert len(lines) >= 4
    assert lines == sorted(set(lines)), "each line is a piece of its own"
    assert re.findall(r"已登记 \d+ / \d+", "".join(pieces)) == [
        "已登记 200 / 450",
        "已登记 400 / 450",
        "已登记 450 / 450",
    ]


def test_a_browser_that_goes_away_halfway_imports_nobody(app: Flask, client: FlaskClient, town: dict[str, int]) -> None:
    sign_in(client, town["manager"])
    before = count(app)
    rows = [("张" + "一二三四五六七八九"[n % 9], str(13800000000 + n), "甲队") for n in range(450)]
    place = upload(client, csv_of(HEAD, *rows), branch_id=town["branch"]).location

    response = client.post(place, data={"consented": "1"}, buffered=False)
    pieces = iter(response.response)
    assert any("已登记 200" in piece.decode() for piece in pieces)
    response.close()
    del pieces

    assert count(app) == before
    assert "导入好了：450 人" in said(client.post(place, data={"consented": "1"}))


def test_two_confirmations_at_once_import_once(app: Flask, town: dict[str, int]) -> None:
    clients = [app.test_client() for _ in range(4)]
    for client in clients:
        sign_in(client, town["manager"])
    before = count(app)
    rows = [("张" + "一二三四五六七八九"[n % 9], str(13800000000 + n), "甲队") for n in range(60)]
    places = [
        upload(clients[0], csv_of(HEAD, *rows), branch_id=town["branch"]).location,
        upload(clients[0], csv_of(HEAD, *rows, ("李四", "13812345678", "")), branch_id=town["branch"]).location,
    ]
    start = threading.Barrier(len(clients))

    def confirm(at: int) -> str:
        start.wait()
        return said(clients[at].post(places[at % 2], data={"consented": "1"}))

    with ThreadPoolExecutor(len(clients)) as pool:
        pages = list(pool.map(confirm, range(len(clients))))

    assert count(app) == before + 61
    assert sum("导入好了" in page for page in pages) == 2
    assert sum("早就导入过" in page for page in pages) == 2


def test_errors_are_listed_with_their_rows_and_stop_the_import(
    app: Flask, client: FlaskClient, town: dict[str, int]
) -> None:
    sign_in(client, town["manager"])
    before = count(app)
    place = upload(
        client,
        csv_of(HEAD, ("张三", "13812345678"), ("李四", "1.38E+10"), ("<b>王五</b>", "")),
        branch_id=town["branch"],
    ).location
    page = client.get(place)
    assert "有 2 处错误，现在还不能导入" in said(page)
    assert "第 3 行 手机号 这一格被存成了数字" in said(page)
    assert "<b>王五" not in page.text
    assert 'name="consented"' not in page.text

    forced = client.post(place, data={"consented": "1"})
    assert "一个人都没有导入" in said(forced)
    assert count(app) == before


def test_without_consent_nobody_is_imported(app: Flask, client: FlaskClient, town: dict[str, int]) -> None:
    sign_in(client, town["manager"])
    before = count(app)
    place = upload(client, csv_of(HEAD, ("张三", "13812345678")), branch_id=town["branch"]).location
    refused = client.post(place)
    assert refused.status_code == 302
    assert "勾选“已征得同意”" in said(client.get(refused.location))
    assert count(app) == before


def test_a_failure_halfway_is_told_and_leaves_nothing(
    app: Flask, client: FlaskClient, town: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, town["manager"])
    before = count(app)
    rows = [("张" + "一二三四五六七八九"[n % 9], str(13800000000 + n), "甲队") for n in range(300)]
    place = upload(client, csv_of(HEAD, *rows), branch_id=town["branch"]).location
    steps = views.service.import_roster

    def failing(*args: Any, **kwargs: Any) -> Any:
        for step in steps(*args, **kwargs):
            yield step
            if step[0] == 200:
                raise RuntimeError("张三 13812345678")

    monkeypatch.setattr(views.service, "import_roster", failing)
    response = client.post(place, data={"consented": "1"})

    assert "已登记 200 / 300" in said(response)
    assert "系统出了差错，一个人都没有导入" in said(response)
    assert "13812345678" not in response.text
    assert count(app) == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "文件是空的"),
        (b"%PDF-1.4", "PDF"),
        (b"PK\x03\x04broken", "没有下载完整"),
        ("手机,服务队\n13812345678,甲队\n".encode(), "没有找到“姓名”一列"),
        ("姓名,手机\n".encode(), "下面却没有人"),
        (("😀" * 10_000).encode(), "没有找到“姓名”一列"),
    ],
    ids=["empty", "pdf", "broken", "no-name-column", "nobody", "emoji"],
)
def test_files_that_are_no_rosters_are_refused_in_the_form(
    client: FlaskClient, town: dict[str, int], content: bytes, says: str
) -> None:
    sign_in(client, town["manager"])
    refused = upload(client, content, branch_id=town["branch"])
    assert refused.status_code == 422
    assert says in said(refused)
    assert 'aria-invalid="true"' in refused.text


def test_a_form_without_file_or_branch_is_refused(client: FlaskClient, town: dict[str, int]) -> None:
    sign_in(client, town["administrator"])
    assert "请先选择名单文件" in said(client.post(PAGE, data={"branch_id": str(town["branch"])}))
    assert "请选择网点" in said(client.post(PAGE, data={}))
    assert client.post(PAGE, data={"branch_id": "9" * 30}).status_code == 422
    assert upload(client, csv_of(HEAD, ("张三", "13812345678")), branch_id=99_999).status_code == 404


def test_who_may_not_import(client: FlaskClient, town: dict[str, int]) -> None:
    sign_in(client, town["manager"])
    place = upload(client, csv_of(HEAD, ("张三", "13812345678")), branch_id=town["branch"]).location
    assert upload(client, csv_of(HEAD, ("张三", "13812345678")), branch_id=town["other_branch"]).status_code == 403
    for person in ("organiser", "other"):
        sign_in(client, town[person])
        assert client.get(place).status_code == 403
        assert client.post(place, data={"consented": "1"}).status_code == 403
        assert client.post(f"{place}/put-away").status_code == 403
    sign_in(client, town["organiser"])
    assert client.get(PAGE).status_code == 403
    assert client.get(f"{PAGE}/template.xlsx").status_code == 403
    visitor = client.application.test_client()
    assert visitor.get(PAGE).status_code == 302
    assert visitor.post(place, data={"consented": "1"}).status_code == 302


def test_a_preview_is_put_away(app: Flask, client: FlaskClient, town: dict[str, int]) -> None:
    sign_in(client, town["manager"])
    place = upload(client, csv_of(HEAD, ("张三", "13812345678")), branch_id=town["branch"]).location
    for _ in range(2):
        assert client.post(f"{place}/put-away").status_code == 302
    assert client.get(place).status_code == 404
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(RosterImport)) == 0


def test_the_template_is_offered(client: FlaskClient, town: dict[str, int]) -> None:
    sign_in(client, town["manager"])
    answer = client.get(f"{PAGE}/template.xlsx")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert [sheet.name for sheet in open_sheets(answer.data)] == ["志愿者名册", "填写说明"]


# --- the command ---------------------------------------------------------------------------------------------------


def command(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["members", "import", *arguments])


def test_the_command_shows_and_imports_once(app: Flask, town: dict[str, int], tmp_path: Path) -> None:
    path, before = tmp_path / "名册.xlsx", count(app)
    write_office_xlsx(path)

    dry = command(app, str(path), "--branch", "bl", "--dry-run")
    assert dry.exit_code == 0
    assert "可以导入 6 人" in dry.stdout
    assert "第 11 行 · 整行 · 提醒 · 跳过：“陈桂英”和第 5 行是同一个人，只导入一次。" in dry.stdout
    assert count(app) == before

    real = command(app, str(path), "--branch", "BL")
    assert (real.exit_code, real.stdout.splitlines()[-1]) == (0, "导入了 6 人。")
    assert count(app) == before + 6

    again = command(app, str(path), "--branch", "BL")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "这份文件以前导入过，没有重复登记任何人。")
    assert count(app) == before + 6


def test_the_command_ends_with_one_on_errors(app: Flask, town: dict[str, int], tmp_path: Path) -> None:
    path, before = tmp_path / "名册.csv", count(app)
    path.write_bytes(csv_of(HEAD, ("张三", "13812345678"), ("李四", "138")))
    for more in ([], ["--dry-run"]):
        failed = command(app, str(path), "--branch", "BL", *more)
        assert failed.exit_code == 1
        assert "有 1 处错误，一个人都没有导入" in failed.output
    path.write_bytes(b"%PDF")
    assert "PDF" in command(app, str(path), "--branch", "BL").output
    missing = command(app, str(path), "--branch", "NOPE")
    assert missing.exit_code == 1
    assert count(app) == before
