"""The administrator's page of keys and the commands."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.world import make_branch, make_member, sign_in
from timebank.cli.keys import keys_cli
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.rotation.models import PERSONAL
from timebank.rotation.queries import list_generations


@pytest.fixture
def boss(app: Flask) -> int:
    with app.app_context(), transaction() as session:
        return make_member(session, make_branch(session), "沃管理", roles=("administrator",), now=clock.now()).id


def generations(app: Flask) -> int:
    with app.app_context():
        return len(list_generations(db.session(), PERSONAL))


def key_of(page: str) -> str:
    found = re.search(r'name="form_key" value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_page_shows_every_purpose_and_says_in_numbers_what_rotating_does(client: FlaskClient, boss: int) -> None:
    sign_in(client, boss)
    page = client.get("/keys").text
    for words in ("个人码（成长卡）", "现场签到码（大屏）", "固定签到海报", "第 0 代", "从开始", "在用"):
        assert words in page
    assert re.search(r"现在有 <b>1</b> 张有效的成长卡", page)
    assert 'value="90"' in page


def test_the_button_rotates_once_however_often_it_is_pressed(app: Flask, client: FlaskClient, boss: int) -> None:
    sign_in(client, boss)
    form = {"form_key": key_of(client.get("/keys").text), "days": "３０"}
    done = client.post("/keys/personal/rotate", data=form, follow_redirects=True).text
    assert "第 1 代已启用" in done
    assert "旧码还可用" in done
    assert "沃管理" in done
    client.post("/keys/personal/rotate", data=form)
    assert generations(app) == 2


@pytest.mark.parametrize(
    ("days", "says"), [("", "请填旧码再用几天"), ("731", "0 到 730"), ("-1", "0 到 730"), ("半年", "请输入整数")]
)
def test_a_wrong_overlap_is_said_at_its_field(app: Flask, client: FlaskClient, boss: int, days: str, says: str) -> None:
    sign_in(client, boss)
    answer = client.post("/keys/personal/rotate", data={"form_key": "k", "days": days})
    assert (answer.status_code, says in answer.text) == (422, True)
    assert 'id="f-days-mistake"' in answer.text
    assert generations(app) == 1


def test_an_unknown_purpose_is_not_found(client: FlaskClient, boss: int) -> None:
    sign_in(client, boss)
    assert client.post("/keys/voucher/rotate", data={"days": "1"}).status_code == 404


def test_others_have_no_such_page(app: Flask, client: FlaskClient, boss: int) -> None:
    with app.app_context(), transaction() as session:
        manager = make_member(session, make_branch(session), roles=("manager",), now=clock.now()).id
    sign_in(client, manager)
    assert client.get("/keys").status_code == 403
    assert client.post("/keys/personal/rotate", data={"form_key": "k", "days": "1"}).status_code == 403
    assert "/keys" not in client.get("/").text
    sign_in(client, boss)
    assert 'href="/keys"' in client.get("/").text


def test_the_commands_list_and_rotate(app: Flask) -> None:
    run = app.test_cli_runner()
    assert "personal\t个人码（成长卡）\t第 0 代\t从开始\t在用" in run.invoke(keys_cli, ["list"]).output
    done = run.invoke(keys_cli, ["rotate", "personal", "--overlap", "90d"])
    assert (done.exit_code, "第 1 代已启用" in done.output) == (0, True)
    assert run.invoke(keys_cli, ["rotate", "personal", "--overlap", "0d"]).exit_code == 0
    listed = run.invoke(keys_cli, ["list"]).output
    assert "第 2 代" in listed
    assert "已作废" in listed
    assert generations(app) == 3


@pytest.mark.parametrize("given", [["personal"], ["voucher", "--overlap", "1d"], ["venue", "--overlap", "bald"]])
def test_wrong_commands_say_how_it_is_written(app: Flask, given: list[str]) -> None:
    assert app.test_cli_runner().invoke(keys_cli, ["rotate", *given]).exit_code == 2


def test_a_refusal_of_the_command_is_a_sentence(app: Flask) -> None:
    answer = app.test_cli_runner().invoke(keys_cli, ["rotate", "venue", "--overlap", "9999d"])
    assert (answer.exit_code, "730" in answer.output) == (1, True)
