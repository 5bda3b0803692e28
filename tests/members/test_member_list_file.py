"""The list of people as a file: as filtered, phones masked, for those who may read the list."""

from __future__ import annotations

import csv
import io

from flask import Flask
from flask.testing import FlaskClient

from tests.archives.months import small_town
from tests.world import make_member, sign_in
from timebank.core.db import transaction


def test_a_manager_takes_the_list_along(client: FlaskClient, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        branch, anna, _ = small_town(session)
        manager, anna_id, number = make_member(session, branch, "顾明", roles=("manager",)).id, anna.id, anna.number
    sign_in(client, manager)
    assert "/branch/members.xlsx" in client.get("/branch/members").text
    lines = list(csv.reader(io.StringIO(client.get("/branch/members.csv").data.decode("utf-8-sig"))))
    assert lines[0] == ["会员号", "姓名", "电话", "状态", "服务队", "登记日期"]
    mine = next(line for line in lines if line[0] == number)
    assert mine[1] == "张小红"
    assert "****" in mine[2] or not mine[2]
    assert len(client.get("/branch/members.csv?q=张小红").data.decode().splitlines()) == 2
    assert len(client.get("/branch/members.csv?status=pending").data.decode().splitlines()) == 1
    assert client.get("/branch/members.xlsx").status_code == 200
    assert client.get("/branch/members.pdf").status_code == 404
    sign_in(client, anna_id)
    assert client.get("/branch/members.csv").status_code == 403
