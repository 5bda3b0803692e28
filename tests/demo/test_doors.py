"""The town through its doors: the command, and the sign-in page."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from timebank.demo.town.sign_ins import SIGN_INS

pytestmark = pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)


def test_outside_demo_mode_nothing_is_loaded_or_shown(app: Flask, client: FlaskClient) -> None:
    answer = app.test_cli_runner().invoke(args=["demo", "load"])

    assert answer.exit_code == 1
    assert "TIMEBANK_DEMO=1" in answer.output
    assert SIGN_INS[0].login not in client.get("/sign-in").text


def test_an_empty_demo_shows_no_sign_ins(app: Flask, client: FlaskClient) -> None:
    app.config["TIMEBANK_DEMO"] = True

    assert SIGN_INS[0].login not in client.get("/sign-in").text


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_loads_once_and_every_role_can_sign_in(app: Flask) -> None:
    app.config["TIMEBANK_DEMO"] = True
    runner = app.test_cli_runner()

    first, second = (runner.invoke(args=["demo", "load"]) for _ in range(2))

    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert "已载入" in first.output
    assert "已经载入" in second.output
    page = app.test_client().get("/sign-in").text
    for known in SIGN_INS:
        assert f"{known.who}\t{known.login}\t{known.password}" in first.output
        assert known.login in page
        answer = app.test_client().post("/sign-in", data={"login": known.login, "password": known.password})
        assert answer.status_code == 302, known.name
