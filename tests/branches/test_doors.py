"""Pages and commands of areas and branches: one good and one refused each, and what people really type."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.world import make_branch, make_member, sign_in
from timebank.branches.queries import find_area_by_code, find_branch_by_code, get_branch
from timebank.core import clock
from timebank.core.db import db, transaction

NASTY = ["", "   ", "x" * 10_000, "😀", "𠮷", "１２３", "-1", "'\";--", "\x00"]


class Town:
    """A branch in a community, and clients by role."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context(), transaction() as session:
            branch = make_branch(session, now=clock.now())
            self.branch, self.area = branch.id, branch.area_id
            self.people = {
                role: make_member(session, branch, roles=(role,), now=clock.now()).id
                for role in ("administrator", "manager", "inspector", "organiser")
            }
            self.other = make_branch(session, "DX", now=clock.now()).id

    def client(self, role: str) -> FlaskClient:
        """A browser signed in with a role."""
        client = self.app.test_client()
        sign_in(client, self.people[role], now=clock.now())
        return client


@pytest.fixture
def town(app: Flask) -> Town:
    return Town(app)


def test_an_administrator_grows_the_tree(town: Town) -> None:
    client = town.client("administrator")
    assert "添加网格" in client.get(f"/areas/new?parent={town.area}").text
    added = client.post(f"/areas/new?parent={town.area}", data={"code": "05", "name": "第五网格"})
    assert added.location == f"/areas/{town.area}"
    assert "第五网格" in client.get("/areas").text
    assert client.post(f"/areas/new?parent={town.area}", data={"code": "05", "name": "别的"}).status_code == 409
    assert client.post("/areas/new", data={"code": "330206", "name": "北仑区"}).status_code == 422
    assert client.post("/areas/new", data={"code": "330300", "name": "温州市"}).status_code == 302
    with town.app.app_context():
        grid = find_area_by_code(db.session(), "330206003005-05")
        assert grid is not None
        grid_id = grid.id
    assert client.get(f"/areas/new?parent={grid_id}").status_code == 422
    assert client.get("/areas/new?parent=999999").status_code == 404
    client.post(f"/areas/{grid_id}/close")
    assert "停用" in client.get(f"/areas/{grid_id}").text
    assert "请先处理它们" in client.post(f"/areas/{town.area}/close", follow_redirects=True).text


def test_a_renamed_area_is_found_by_its_old_name(town: Town) -> None:
    client = town.client("administrator")
    today = clock.today(clock.now()).isoformat()
    renamed = client.post(f"/areas/{town.area}/rename", data={"name": "朝阳社区", "valid_from": today})
    assert renamed.location == f"/areas/{town.area}"
    assert "朝阳社区" in client.get("/areas?q=向阳").text
    assert "曾用名：向阳社区" in client.get("/areas").text
    assert client.post(f"/areas/{town.area}/rename", data={"name": "", "valid_from": "昨天"}).status_code == 422
    assert client.post("/areas/999999/rename", data={"name": "新名", "valid_from": today}).status_code == 404
    assert "没有找到" in client.get("/areas?q=没有这里").text


def test_an_administrator_opens_a_branch(town: Town) -> None:
    client = town.client("administrator")
    path = f"/areas/{town.area}/branches/new"
    assert "开通网点" in client.get(path).text
    opened = client.post(path, data={"code": "new-1", "name": "新网点"})
    with town.app.app_context():
        branch = find_branch_by_code(db.session(), "NEW-1")
        assert branch is not None
        assert opened.location == f"/branch/roles?branch={branch.id}"
    assert client.get(opened.location).status_code == 200
    assert client.post(path, data={"code": "NEW-1", "name": "另一个"}).status_code == 409
    assert client.post(path, data={"code": "北仑", "name": "另一个"}).status_code == 422


def test_a_manager_keeps_the_settings_of_their_branch(town: Town) -> None:
    client = town.client("manager")
    assert "网点设置" in client.get("/branch/settings").text
    saved = client.post("/branch/settings", data={"name": "新名字", "address": "新地址", "phone": "0574-1"})
    assert saved.status_code == 302
    with town.app.app_context():
        assert get_branch(db.session(), town.branch).name == "新名字"
    assert client.post("/branch/settings", data={"name": ""}).status_code == 422
    assert client.get(f"/branch/settings?branch={town.other}").status_code == 403
    assert client.post(f"/branch/settings?branch={town.other}", data={"name": "抢来的"}).status_code == 403


@pytest.mark.parametrize("role", ["manager", "inspector"])
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_readers_see_the_tree_and_change_nothing(town: Town, role: str) -> None:
    client = town.client(role)
    assert client.get("/areas").status_code == 200
    page = client.get(f"/areas/{town.area}").text
    assert "改名" not in page
    for path in ("/areas/new", f"/areas/{town.area}/branches/new"):
        assert client.get(path).status_code == 403
        assert client.post(path, data={"code": "05", "name": "第五网格"}).status_code == 403
    for verb in ("rename", "close"):
        assert client.post(f"/areas/{town.area}/{verb}", data={"name": "改名"}).status_code == 403


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_an_organiser_does_not_see_the_tree(town: Town) -> None:
    client = town.client("organiser")
    for path in ("/areas", f"/areas/{town.area}", "/branch/settings"):
        assert client.get(path).status_code == 403


def test_no_input_breaks_a_form(town: Town) -> None:
    client = town.client("administrator")
    for nasty in NASTY:
        for path in (f"/areas/new?parent={town.area}", "/areas/new", f"/areas/{town.area}/branches/new"):
            for given in ({"code": nasty, "name": "名称"}, {"code": "330300", "name": nasty}):
                assert client.post(path, data=given | {"valid_from": nasty}).status_code < 500
        assert client.post(f"/areas/{town.area}/rename", data={"name": nasty, "valid_from": nasty}).status_code < 500
        given = {"name": nasty, "address": nasty, "phone": nasty}
        assert client.post("/branch/settings", data=given).status_code < 500
        assert client.get("/areas/new", query_string={"parent": nasty}).status_code < 500


# --- commands -------------------------------------------------------------------------------------------------------


def test_branches_are_listed_code_first(app: Flask) -> None:
    runner = app.test_cli_runner()
    empty = runner.invoke(args=["branches", "list"])
    assert empty.exit_code == 0
    assert "还没有网点" in empty.stderr
    Town(app)
    lines = runner.invoke(args=["branches", "list"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["BL", "DX"]


def test_the_first_branch_is_opened_from_the_command_line(app: Flask) -> None:
    runner = app.test_cli_runner()
    steps = [
        ["add-area", "330200", "宁波市"],
        ["add-area", "330206", "北仑区", "--parent", "330200"],
        ["open", "bl-01", "北仑红领", "--area", "330206"],
        ["open", "bl-01", "北仑红领", "--area", "330206"],
    ]
    for step in steps:
        assert runner.invoke(args=["branches", *step]).exit_code == 0
    assert runner.invoke(args=["branches", "list"]).stdout.startswith("BL-01  北仑红领  北仑区")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (["add-area", "33", "宁波市"], "6 位"),
        (["add-area", "330206", "北仑区", "--parent", "330200"], "没有代码为 330200"),
        (["open", "BL", "北仑", "--area", "330206"], "没有代码为 330206"),
    ],
)
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_a_command_that_cannot_be_done_says_why(app: Flask, step: list[str], said: str) -> None:
    answer = app.test_cli_runner().invoke(args=["branches", *step])
    assert answer.exit_code == 1
    assert said in answer.stderr
