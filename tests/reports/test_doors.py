"""Pages of evidence, samples, figures and batches: what a person sees and gets, one good and one refused each."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.attendance.paper import printed
from tests.corrections.town import make_town
from tests.reports.test_yearly import DECEMBER, close
from tests.world import KEYS, sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.service import Document, record_identity
from timebank.reports.models import EvidencePack, MinistryBatch, SpotSample, YearlyReport
from timebank.reports.rules import PERSON_COLUMNS, SERVICE_COLUMNS

ID_NUMBER = "330206194803052263"


class Town(NamedTuple):
    manager: int
    deputy: int
    inspector: int
    volunteer: int
    activity: int
    names: tuple[str, ...]
    number: str


@pytest.fixture
def town(app: Flask) -> Iterator[Town]:
    with app.app_context(), transaction() as session:
        made = make_town(session, 2)
        printed(session, made.scene)
        close(session, made)
        member = made.member(0)
        record_identity(
            session,
            member.id,
            Document(number=ID_NUMBER, consented=True),
            actor=made.manager,
            keys=KEYS,
            now=DECEMBER,
        )
        found = Town(
            manager=made.manager.member_id or 0,
            deputy=made.deputy.member_id or 0,
            inspector=made.inspector.member_id or 0,
            volunteer=member.id,
            activity=made.scene.activity_id,
            names=tuple(one.name for one in made.scene.volunteers),
            number=member.number,
        )
    clock.move(DECEMBER + timedelta(hours=1) - clock.now())
    yield found
    clock.put_right()


def test_the_inspector_finds_an_activity_and_takes_its_evidence(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    assert "楼道清洁" in client.get("/inspect/activities?month=2026-11").text
    page = client.get(f"/inspect/activities/{town.activity}").text
    assert "还没有做过" in page
    assert not [name for name in town.names if name in page]

    form = {"form_key": "one", "reason": "民政局抽查", "pictured": "1"}
    with client.post(f"/inspect/activities/{town.activity}/evidence", data=form) as answer:
        content = answer.data

    with zipfile.ZipFile(io.BytesIO(content)) as bag:
        root = bag.namelist()[0].split("/")[0]
        assert bag.read(f"{root}/data/summary.pdf").startswith(b"%PDF")
        assert [name for name in bag.namelist() if name.endswith(".jpg")]
        assert not [name for name in town.names if name.encode() in bag.read(f"{root}/data/records.csv")]
    after = client.get(f"/inspect/activities/{town.activity}").text
    assert hashlib.sha256(content).hexdigest() in after
    assert "民政局抽查" in after
    with client.application.app_context():
        assert [pack.photos for pack in db.session().scalars(select(EvidencePack))] == [1]


def test_whole_names_are_in_the_pack_that_asked_for_them(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    form = {"form_key": "two", "reason": "法院调取", "named": "1"}
    with (
        client.post(f"/inspect/activities/{town.activity}/evidence", data=form) as answer,
        zipfile.ZipFile(io.BytesIO(answer.data)) as bag,
    ):
        root = bag.namelist()[0].split("/")[0]
        records = bag.read(f"{root}/data/records.csv").decode()
        photos = [name for name in bag.namelist() if name.endswith(".jpg")]
    assert [name for name in town.names if name in records] == list(town.names)
    assert photos == []


def test_a_pack_without_a_reason_is_refused_and_nothing_is_made(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    answer = client.post(f"/inspect/activities/{town.activity}/evidence", data={"form_key": "x", "reason": ""})
    assert answer.status_code == 422
    assert "还没有做过" in answer.text


def test_a_month_without_activities_says_so(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    assert "这个月没有活动" in client.get("/inspect/activities?month=2026-10").text


def test_an_inspector_draws_shows_the_seed_and_judges(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    assert "还没有抽查过" in client.get("/inspect/samples").text
    form = {"form_key": "draw", "month": "2026-11", "wanted": "3"}
    page = client.post("/inspect/samples", data=form, follow_redirects=True)
    with client.application.app_context():
        sample = db.session().scalars(select(SpotSample)).one()
    assert f"{sample.seed}:{town.activity}" in page.text
    assert "还没有查" in page.text
    address = f"/inspect/samples/{sample.id}/{town.activity}"
    refused = client.post(address, data={"form_key": "f", "result": "remark", "words": ""})
    assert (refused.status_code, "有意见，请写明是什么" in refused.text) == (422, True)
    done = client.post(
        address, data={"form_key": "f", "result": "remark", "words": "少一张照片"}, follow_redirects=True
    )
    assert "少一张照片" in done.text
    assert "查过，有意见" in client.get("/inspect/activities?month=2026-11").text


def test_a_month_that_is_no_month_is_refused(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    answer = client.post("/inspect/samples", data={"form_key": "d", "month": "11 月", "wanted": "3"})
    assert (answer.status_code, "2026-10" in answer.text) == (422, True)


def test_figures_are_counted_published_by_another_read_by_everybody_and_withdrawn(
    client: FlaskClient, town: Town
) -> None:
    public = "/report/BL/2026"
    assert client.get(public).status_code == 404
    sign_in(client, town.manager)
    client.post("/branch/figures", data={"form_key": "y", "year": "2026"})
    with client.application.app_context():
        report = db.session().scalars(select(YearlyReport)).one()
    page = f"/branch/figures/{report.id}"
    assert "等另一位管理员公开" in client.get(page).text
    assert "要另一位管理员核对" in client.post(f"{page}/publish", follow_redirects=True).text
    sign_in(client, town.deputy)
    assert "数据公开了" in client.post(f"{page}/publish", follow_redirects=True).text
    visitor = client.application.test_client()
    seen = visitor.get(public).text
    assert "服务时长不公开" in seen  # two people served
    assert "4 小时" not in seen
    assert "4 小时" in client.get(page).text
    assert "开具服务证明" in seen
    assert "2026 年 12 月" in seen
    assert "没有登记出生日期" not in seen  # two people: told together with the others
    for kind, begin in (("xlsx", b"PK"), ("pdf", b"%PDF")):
        with client.get(f"{page}/file.{kind}") as file:
            assert file.data.startswith(begin)
    assert client.get(f"{page}/file.csv").status_code == 404
    client.post(f"{page}/withdraw", data={"reason": "数错了"})
    after = visitor.get(public).text
    assert "数错了" in after
    assert "4 小时" not in after


def test_a_year_without_a_closed_month_is_refused(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    answer = client.post("/branch/figures", data={"form_key": "y", "year": "2025"})
    assert (answer.status_code, "没有结过账的月份" in answer.text) == (409, True)


def test_a_batch_is_made_taken_once_submitted_and_answered_by_a_list(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    assert "要上报的服务记录" in client.get("/branch/ministry").text
    made = client.post("/branch/ministry", data={"form_key": "b", "reason": "十一月例行"}, follow_redirects=True)
    assert ID_NUMBER not in made.text
    with client.application.app_context():
        batch = db.session().scalars(select(MinistryBatch)).one()
    page = f"/branch/ministry/{batch.id}"
    with client.post(f"{page}/file") as file:
        book = openpyxl.load_workbook(io.BytesIO(file.data))
    sheets = {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}
    assert list(sheets) == ["志愿者", "服务记录"]
    assert [tuple(rows[0]) for rows in sheets.values()] == [PERSON_COLUMNS, SERVICE_COLUMNS]
    assert ID_NUMBER in [row[5] for row in sheets["志愿者"]]
    again = client.post(f"{page}/file", follow_redirects=True)
    assert "已经取走" in again.text
    assert "等对方答复" in client.post(f"{page}/submitted", follow_redirects=True).text
    bad = client.post(f"{page}/answers", data={"answers": "HL999，已接收"})
    assert (bad.status_code, "没有编号" in bad.text) == (422, True)
    listed = f"编号,结果,原因\n{town.number},退回,证件照片不清\n".encode()
    done = client.post(f"{page}/answers", data={"file": (io.BytesIO(listed), "答复.csv")}, follow_redirects=True)
    assert "记下 1 条答复" in done.text
    assert "证件照片不清" in done.text


def test_a_volunteer_sees_none_of_these_pages(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.volunteer)
    for page in ("/inspect/activities", "/inspect/samples", "/branch/figures", "/branch/ministry"):
        assert client.get(page).status_code == 403
