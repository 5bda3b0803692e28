"""Pages of terms, lists, holds and packages: what a person sees and presses, one good and one refused each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.archives.months import close_of
from tests.retention.scene import DECEMBER, LATER, make_stored
from tests.world import make_member, sign_in
from timebank.archives import closing
from timebank.archives.models import Archive
from timebank.attendance.models import SheetPhoto
from timebank.cli.archive import archive_cli
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.retention.models import Disposal, LegalHold


class Town(NamedTuple):
    manager: int
    deputy: int
    inspector: int
    administrator: int
    volunteer: int
    activity: int
    sheet: str
    photo: int
    package: Path


@pytest.fixture
def town(app: Flask) -> Iterator[Town]:
    """November is closed and packed; it is six years later."""
    folder = Path(app.config["TIMEBANK_DATA"]) / "archives"
    with app.app_context(), transaction() as session:
        stored = make_stored(session)
        branch = stored.scene.branch
        found = Town(
            manager=stored.manager.member_id or 0,
            deputy=stored.deputy.member_id or 0,
            inspector=stored.inspector.member_id or 0,
            administrator=make_member(session, branch, roles=("administrator",)).id,
            volunteer=stored.scene.volunteers[0].id,
            activity=stored.scene.activity_id,
            sheet=stored.sheet.number,
            photo=stored.photo.id,
            package=folder,
        )
        close = close_of(branch, "2026-11", folder, now=DECEMBER)
    with app.app_context():
        found = found._replace(package=folder / closing.run(close).file_name)
    clock.move(LATER - clock.now())
    yield found
    clock.put_right()


def the_list(client: FlaskClient) -> Disposal:
    with client.application.app_context():
        return db.session().scalars(select(Disposal)).one()


def seen_on(client: FlaskClient, page: str) -> dict[str, str]:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', client.get(page).text)
    assert found
    return {"seen": found[1]}


def test_the_page_of_terms_says_why_and_the_administrator_changes_one(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    page = client.get("/branch/retention").text
    assert "每一枚爱心币都从这里算出来" in page
    assert "改一个期限" not in page
    sign_in(client, town.administrator)
    form = {"form_key": "t", "kind": "sheet_photos", "months": "24", "reason": "协会决定"}
    tomorrow = (clock.today(LATER) + timedelta(days=1)).isoformat()
    short = client.post("/branch/retention", data=form | {"months": "3", "valid_from": tomorrow})
    assert (short.status_code, "至少保管 12 个月" in short.text) == (422, True)
    done = client.post("/branch/retention", data=form | {"valid_from": tomorrow}, follow_redirects=True)
    assert f"{tomorrow} 起 24 个月" in done.text


def test_a_list_goes_from_one_manager_to_the_other_and_the_picture_is_gone(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    assert "没有清单" in client.get("/branch/disposals").text
    assert "到期，等列清单" in client.post("/branch/disposals", follow_redirects=True).text
    page = f"/branch/disposals/{the_list(client).id}"
    assert f"{town.sheet} 第 1 页" in client.get(page).text
    form = {"reason": "过了三年"}
    client.post(f"{page}/prepare", data=form | {"seen": "0" * 64})
    assert the_list(client).state == "proposed"
    client.post(f"{page}/prepare", data=form | seen_on(client, page))
    assert "等另一位管理员签字" in client.get(page).text
    seen = {"seen": the_list(client).list_hash}
    assert "要另一位管理员签字" in client.post(f"{page}/sign", data=seen, follow_redirects=True).text
    sign_in(client, town.deputy)
    assert "过了保管期限的材料" in client.get("/branch").text
    assert seen_on(client, page) == seen
    assert "销毁 3 件" in client.post(f"{page}/sign", data=seen, follow_redirects=True).text
    assert "已销毁" in client.get(page).text
    gone = client.post(f"/organise/sheets/{town.sheet}/photos/{town.photo}")
    assert (gone.status_code, "按销毁清单销毁" in gone.text) == (409, True)
    assert "按清单销毁" in client.get(f"/organise/sheets/{town.sheet}").text


def test_a_list_without_a_reason_is_not_prepared_and_a_dropped_one_destroys_nothing(
    client: FlaskClient, town: Town
) -> None:
    sign_in(client, town.manager)
    client.post("/branch/disposals")
    page = f"/branch/disposals/{the_list(client).id}"
    seen = seen_on(client, page)
    client.post(f"{page}/prepare", data={"reason": ""} | seen)
    assert the_list(client).state == "proposed"
    client.post(f"{page}/prepare", data={"reason": "过了三年"} | seen)
    assert "什么都没有销毁" in client.post(f"{page}/drop", data={"reason": "再等等"}, follow_redirects=True).text
    with client.application.app_context():
        assert db.session().scalars(select(SheetPhoto)).one().destroyed_at is None


def test_an_inspector_holds_an_activity_and_it_is_spared(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.inspector)
    form = {"activity": str(town.activity), "reason": "信访调查"}
    assert "暂停着" in client.post("/inspect/holds", data=form, follow_redirects=True).text
    again = client.post("/inspect/holds", data=form)
    assert (again.status_code, "已经暂停销毁" in again.text) == (409, True)
    sign_in(client, town.manager)
    assert "没有过了保管期限的材料" in client.post("/branch/disposals", follow_redirects=True).text
    with client.application.app_context():
        hold = db.session().scalars(select(LegalHold)).one().id
    assert (
        "不是您提出的"
        in client.post(f"/inspect/holds/{hold}/lift", data={"reason": "没事了"}, follow_redirects=True).text
    )
    sign_in(client, town.inspector)
    assert "已解除" in client.post(f"/inspect/holds/{hold}/lift", data={"reason": "没事了"}, follow_redirects=True).text


def test_a_package_that_is_gone_is_an_alarm_with_what_to_do_until_it_is_back(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.manager)
    assert "还没有复查" in client.get("/branch/archives/recheck").text
    assert "都完好" in client.post("/branch/archives/recheck", follow_redirects=True).text
    content = town.package.read_bytes()
    town.package.unlink()
    page = client.post("/branch/archives/recheck", follow_redirects=True).text
    assert "文件不见了" in page
    assert "从备份里找出同名的文件" in page
    assert "1 个归档包有问题" in client.get("/branch").text
    sign_in(client, town.inspector)
    assert "1 个归档包有问题" in client.get("/inspect").text
    assert "文件不见了" in client.get("/branch/archives/recheck").text
    assert client.post("/branch/archives/recheck").status_code == 403
    town.package.write_bytes(content)
    sign_in(client, town.manager)
    client.post("/branch/archives/recheck")
    assert "归档包有问题" not in client.get("/branch").text


def test_the_command_rechecks_and_tells_by_its_exit_code(app: Flask, town: Town) -> None:
    runner = app.test_cli_runner()
    good = runner.invoke(archive_cli, ["recheck"])
    assert (good.exit_code, "1 个归档包都完好" in good.output) == (0, True)
    town.package.write_bytes(b"not a package")
    bad = runner.invoke(archive_cli, ["recheck", "--branch", "BL"])
    assert (bad.exit_code, "包里有损坏" in bad.output) == (1, True)
    assert runner.invoke(archive_cli, ["recheck", "--branch", "NO"]).exit_code == 1
    with app.app_context():
        assert len(db.session().scalars(select(Archive)).all()) == 1


def test_a_volunteer_sees_none_of_these_pages(client: FlaskClient, town: Town) -> None:
    sign_in(client, town.volunteer)
    for page in ("/branch/retention", "/branch/disposals", "/inspect/holds", "/branch/archives/recheck"):
        assert client.get(page).status_code == 403
