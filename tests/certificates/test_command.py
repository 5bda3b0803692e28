"""``flask certificates verify``."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.certificates.scene import issue, town_of
from timebank.cli.certificates import certificates_cli
from timebank.core import codes
from timebank.core.db import db, transaction


@pytest.fixture
def made(app: Flask) -> tuple[str, str]:
    with app.app_context(), transaction() as session:
        certificate = issue(town_of(session, 1))
        return codes.grouped(certificate.number), certificate.hash


def run(app: Flask, *typed: str) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(certificates_cli, ["verify", *typed])
    return done.exit_code, done.output


def test_number_and_hash_from_paper_are_checked(app: Flask, made: tuple[str, str]) -> None:
    number, digest = made
    assert run(app, number)[0] == 0
    code, said = run(app, number, "--hash", digest.upper())
    assert (code, "纸上的校验值一样" in said, "有效" in said) == (0, True, True)
    code, said = run(app, number, "--hash", "00" * 32)
    assert (code, "纸上的校验值不一样" in said) == (1, True)
    code, said = run(app, "C1NOBODY")
    assert (code, "没有这个编号" in said) == (1, True)
    assert run(app, "--hash", digest)[0] == 2


@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_one_changed_row_is_found_among_all(app: Flask, made: tuple[str, str]) -> None:
    assert run(app) == (0, "1 份证明都对得上。\n")
    with app.app_context():
        with db.engine.begin() as raw:
            raw.exec_driver_sql("DROP TRIGGER certificate_frozen")
            raw.exec_driver_sql("""UPDATE certificate SET content = replace(content, ':120', ':999')""")
        db.session.remove()
    code, said = run(app)
    assert (code, made[0] in said) == (1, True)
    assert run(app, made[0])[0] == 1
