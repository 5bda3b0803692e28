"""The archive's pages and commands: who may see, who may close, what they answer."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.archives.months import AUGUST, small_town
from tests.world import make_branch, make_member, sign_in
from timebank.archives.reading import verify_package
from timebank.cli.archive import archive_cli
from timebank.cli.jobs import jobs_cli
from timebank.core import clock
from timebank.core.db import transaction


class Town(NamedTuple):
    anna: int
    manager: int
    inspector: int
    stranger: int
    organiser: int


@pytest.fixture
def town(app: Flask) -> Town:
    with app.app_context(), transaction() as session:
        branch, anna, _ = small_town(session)
        other = make_branch(session, "CX", now=AUGUST)
        return Town(
            anna=anna.id,
            manager=make_member(session, branch, "顾明", roles=("manager",), now=AUGUST).id,
            inspector=make_member(session, branch, "忻琴", roles=("inspector",), now=AUGUST).id,
            stranger=make_member(session, other, "沃波", roles=("manager",), now=AUGUST).id,
            organiser=make_member(session, branch, "励宁", roles=("organiser",), now=AUGUST).id,
        )


GETS = (
    "/branch/archives",
    "/branch/archives/BL/2026-08",
    "/branch/archives/BL/2026-08/members.csv",
    "/branch/archives/BL/2026-08/members.xlsx",
)


@pytest.mark.parametrize("page", GETS)
def test_manager_and_inspector_read_volunteers_and_organisers_do_not(
    client: FlaskClient, town: Town, page: str
) -> None:
    for who, status in ((town.manager, 200), (town.inspector, 200), (town.anna, 403), (town.organiser, 403)):
        sign_in(client, who)
        assert client.get(page).status_code == status


@pytest.mark.parametrize("page", GETS[1:])
def test_a_manager_of_another_branch_reads_nothing_here(client: FlaskClient, town: Town, page: str) -> None:
    sign_in(client, town.stranger)
    assert client.get(page).status_code == 403
    assert client.post("/branch/archives/BL/2026-08/close").status_code == 403


def test_only_managers_close(client: FlaskClient, town: Town) -> None:
    for who in (town.inspector, town.anna, town.organiser):
        sign_in(client, who)
        assert client.post("/branch/archives/BL/2026-08/close").status_code == 403


def test_a_manager_closes_and_the_inspector_downloads(client: FlaskClient, town: Town, tmp_path: Path) -> None:
    sign_in(client, town.manager)
    before = client.get("/branch/archives/BL/2026-08").text
    assert "检查通过，可以结账" in before
    assert "结账会封存" in before
    done = client.post("/branch/archives/BL/2026-08/close", follow_redirects=True)
    assert "2026 年 8 月已结账" in done.text
    again = client.post("/branch/archives/BL/2026-08/close", follow_redirects=True)
    assert "2026 年 8 月已结账" in again.text
    sign_in(client, town.inspector)
    path = tmp_path / "package.zip"
    with client.get("/branch/archives/BL/2026-08/package") as package:
        assert package.mimetype == "application/zip"
        assert "BL-2026-08-v1-" in package.headers["Content-Disposition"]
        path.write_bytes(package.data)
    assert verify_package(path) == []
    assert "结账并打包" not in client.get("/branch/archives/BL/2026-08").text


def test_what_stands_in_the_way_is_named_on_the_page_and_nothing_closes(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    page = client.get("/branch/archives/BL/2026-09").text
    assert "还不能结账" in page
    assert "2026-08" in page
    refused = client.post("/branch/archives/BL/2026-09/close", follow_redirects=True)
    assert "还不能结账" in refused.text
    assert client.get("/branch/archives/BL/2026-09/package").status_code == 404


@pytest.mark.parametrize("month", ["2026-13", "1999-01", "2099-01", "x" * 300, "😀", "2026-8"])
def test_a_month_that_the_books_do_not_have(client: FlaskClient, town: Town, month: str) -> None:
    sign_in(client, town.manager)
    assert client.get(f"/branch/archives/BL/{month}").status_code == 404
    assert client.post(f"/branch/archives/BL/{month}/close").status_code in {302, 404}
    assert client.get("/branch/archives").status_code == 200


def test_a_branch_that_does_not_exist(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    assert client.get("/branch/archives/NOPE/2026-08").status_code == 404
    assert client.get("/branch/archives?branch=999").status_code == 403


def test_the_table_of_members_is_the_same_on_the_page_and_in_the_file(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    file = client.get("/branch/archives/BL/2026-08/members.csv").data.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(file)))
    anna = next(line for line in lines if line[1] == "张**")
    assert anna[2:11] == ["0", "180", *["0"] * 6, "180"]
    assert "张小红" not in file
    assert "3 币" in client.get("/branch/archives/BL/2026-08").text
    assert client.get("/branch/archives/BL/2026-08/members.pdf").status_code == 404


# --- commands ------------------------------------------------------------------------------------------------------


def test_the_command_closes_with_a_package_and_repeats_harmlessly(app: Flask, town: Town) -> None:
    run = app.test_cli_runner()
    for _ in range(2):
        answer = run.invoke(archive_cli, ["close", "--branch", "bl", "--month", "2026-08"])
        assert answer.exit_code == 0, answer.output
        assert "已结账" in answer.output
    [package] = (Path(app.config["TIMEBANK_DATA"]) / "archives").rglob("*.zip")
    assert zipfile.is_zipfile(package)
    listed = run.invoke(archive_cli, ["list", "--branch", "BL"]).output.splitlines()
    assert listed[0].split("\t") == ["BL", "2026-08", "已结账", f"BL/{package.name}"]
    assert listed[1].split("\t")[1:3] == ["2026-09", "可以结账"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--branch", "BL", "--month", "2026-10"], "前面还有没结账的月份"),
        (["--branch", "BL", "--month", "2199-10"], "还没有过完"),
        (["--branch", "BL", "--month", "october"], "月份要写成"),
        (["--branch", "NOPE", "--month", "2026-08"], "没有找到这个网点"),
        (["--branch", "BL", "--month", "2020-01"], "才开办"),
    ],
)
def test_the_command_says_why_not_and_fails(app: Flask, town: Town, given: list[str], said: str) -> None:
    answer = app.test_cli_runner().invoke(archive_cli, ["close", *given])
    assert answer.exit_code == 1
    assert said in answer.output


def test_a_job_can_be_run_once_by_hand(app: Flask, town: Town) -> None:
    clock.move(timedelta())
    answer = app.test_cli_runner().invoke(jobs_cli, ["once", "close_months"])
    assert answer.exit_code == 0, answer.output
    assert len(list((Path(app.config["TIMEBANK_DATA"]) / "archives").rglob("BL-*.zip"))) >= 3
    assert app.test_cli_runner().invoke(jobs_cli, ["once", "audit_books"]).exit_code == 0
    assert app.test_cli_runner().invoke(jobs_cli, ["once", "nothing"]).exit_code == 2


def test_a_second_schedule_is_told_that_another_runs(app: Flask, town: Town) -> None:
    from timebank.core.db import db
    from timebank.jobs.leader import leadership

    with app.app_context():
        first = leadership(db.engine, Path(app.config["TIMEBANK_DATA"]))
        assert first.acquire()
        answer = app.test_cli_runner().invoke(jobs_cli, ["run", "--no-wait"])
        first.release()
    assert answer.exit_code == 1
    assert "另一个进程正在运行定时任务" in answer.output


def test_a_folder_that_takes_no_file_is_said_in_words_on_the_page_and_by_the_command(
    client: FlaskClient, app: Flask, town: Town
) -> None:
    folder = Path(app.config["TIMEBANK_DATA"]) / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "BL").write_text("not a folder")
    sign_in(client, town.manager)
    assert "归档包没有做成" in client.post("/branch/archives/BL/2026-08/close", follow_redirects=True).text
    answer = app.test_cli_runner().invoke(archive_cli, ["close", "--branch", "BL", "--month", "2026-08"])
    assert (answer.exit_code, "归档包没有做成" in answer.output) == (1, True)


@pytest.mark.parametrize("month", ["9999-12", "0001-01"])
def test_months_at_the_end_of_time_are_no_months(client: FlaskClient, town: Town, month: str) -> None:
    sign_in(client, town.manager)
    answer = client.post(f"/branch/archives/BL/{month}/close", follow_redirects=True)
    assert answer.status_code == 200
    assert "月份要写成" in answer.text
