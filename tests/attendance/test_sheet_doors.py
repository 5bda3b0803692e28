"""Paper through the pages, without scripts: print, photograph, type, be told what is wrong, look, approve."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.attendance.paper import a_picture
from tests.attendance.scene import Scene, at, find_attendance, make_scene
from tests.world import make_branch, make_member, sign_in
from timebank.attendance.models import Scan, Sheet, SheetLine, SheetLook, SheetPhoto, SheetTyping
from timebank.attendance.queries import get_sheet
from timebank.attendance.views.sheets import _on_paper
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.web import print as paper


@pytest.fixture
def scene(app: Flask) -> Iterator[Scene]:
    with app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()
    clock.move(at("08:30") - clock.now())
    yield made
    clock.put_right()


@pytest.fixture
def organiser(client: FlaskClient, scene: Scene) -> FlaskClient:
    sign_in(client, scene.organiser.id)
    return client


def make_sheet(client: FlaskClient, scene: Scene, **more: str) -> str:
    form = {"form_key": "s1", "which": "list", "blank_lines": "2"} | more
    answer = client.post(f"/organise/shifts/{scene.shift_id}/sheets", data=form)
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[-1]


def photograph(client: FlaskClient, number: str, content: bytes | None = None, page: int = 1) -> Any:
    sent = {"photo": (io.BytesIO(a_picture() if content is None else content), "page.jpg")}
    return client.post(f"/organise/sheets/{number}/pages/{page}/photo", data=sent, follow_redirects=True)


def lines(app: Flask, number: str, *times: tuple[str, str], people: str | None = None, **more: str) -> dict[str, str]:
    """The form of a page whose first lines have these times."""
    form = {"form_key": "t1", "people": str(len(times)) if people is None else people} | more
    for place in range(14):
        came, left = times[place] if place < len(times) else ("", "")
        form |= {f"lines-{place}-line": str(place + 1), f"lines-{place}-in_at": came, f"lines-{place}-out_at": left}
    return form


def counted(app: Flask, table: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_print_sign_photograph_type_and_approve(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    number = make_sheet(organiser, scene)
    sheet = organiser.get(f"/organise/sheets/{number}/list.pdf")
    assert (sheet.mimetype, sheet.data[:5]) == ("application/pdf", b"%PDF-")
    page = f"/organise/sheets/{number}/pages/1"
    assert "没有照片不能录入" in organiser.get(page).text
    clock.move(at("11:10") - clock.now())
    assert "已加密保存" in photograph(organiser, number).text
    form = lines(app, number, ("９：００", "1100"), ("0910", "10:40"), sum_hours="3", sum_minutes="30")
    done = organiser.post(page, data=form, follow_redirects=True).text
    assert "已登记 2 人" in done
    again = organiser.post(page, data=form, follow_redirects=True).text
    assert "没有重复登记" in again
    assert counted(app, Scan) == 4
    review = organiser.get(f"/organise/shifts/{scene.shift_id}/review").text
    assert "纸质登记 2 人" in review
    assert "复核录入" not in organiser.get(f"/organise/sheets/{number}").text  # own work is for somebody else to check
    organiser.post(f"/organise/shifts/{scene.shift_id}/review/submit")
    manager = app.test_client()
    sign_in(manager, scene.manager.id)
    approval = manager.get(f"/organise/shifts/{scene.shift_id}/approve").text
    assert "纸质登记 2 人" in approval
    assert "看照片" in approval
    booked = manager.post(f"/organise/shifts/{scene.shift_id}/approve", follow_redirects=True).text
    assert "已审核入账：2 人，3 小时 30 分钟" in booked
    with app.app_context(), transaction() as session:
        inspector = make_member(session, make_branch(session), roles=("inspector",)).id
    sign_in(manager, inspector)
    [entry, *_] = re.findall(r'href="(/inspect/entries/\d+)"', booked)
    assert f"/organise/sheets/{number}" in manager.get(entry).text


def test_the_timeline_names_sheet_and_line(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    number = make_sheet(organiser, scene)
    clock.move(at("11:10") - clock.now())
    photograph(organiser, number)
    organiser.post(f"/organise/sheets/{number}/pages/1", data=lines(app, number, ("0900", "1100")))
    with app.app_context():
        member_id = db.session.scalar(select(SheetLine.member_id).where(SheetLine.line == 1))
    page = organiser.get(f"/organise/shifts/{scene.shift_id}/review/{member_id}").text
    assert "签到（纸质签到表）" in page
    assert re.search(r"F1\w\w-\w{4}-\w 第 1 行，由 周队长 登记", page)


def test_the_paper_shows_aliases_and_codes_that_a_camera_reads(
    app: Flask, scene: Scene, organiser: FlaskClient
) -> None:
    number = make_sheet(organiser, scene)
    with app.test_request_context(base_url="https://bank.example.org"):
        values = _on_paper(get_sheet(db.session(), number))
        picture = paper.png("sheet.typ", values, ppi=150)
    shown = str(values)
    assert all(member.alias in shown and member.name not in shown for member in scene.volunteers)
    assert all(member.number not in shown for member in scene.volunteers)
    from PIL import Image

    [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert code.text == f"https://bank.example.org/organise/sheets/{number}/pages/1"


def test_a_mismatch_names_the_difference_and_shows_all_rows_again(
    app: Flask, scene: Scene, organiser: FlaskClient
) -> None:
    number = make_sheet(organiser, scene)
    clock.move(at("11:10") - clock.now())
    photograph(organiser, number)
    form = lines(app, number, ("0900", "1100"), ("0905", "1０30"), people="3")
    answer = organiser.post(f"/organise/sheets/{number}/pages/1", data=form)
    assert answer.status_code == 422
    assert "纸上写的是 3 人，录入了 2 人，少 1 人。" in answer.text
    for place, text in (("0-in_at", "0900"), ("0-out_at", "1100"), ("1-in_at", "0905"), ("1-out_at", "1０30")):
        assert f'name="lines-{place}" value="{text}"' in answer.text
    assert counted(app, Scan) == counted(app, SheetTyping) == 0


def test_each_wrong_box_says_what_is_wrong_with_it(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    number = make_sheet(organiser, scene)
    clock.move(at("11:10") - clock.now())
    photograph(organiser, number)
    page = f"/organise/sheets/{number}/pages/1"
    bad = organiser.post(page, data=lines(app, number, ("九点", "25:00"), ("0900", "")))
    assert (bad.status_code, bad.text.count("时间看不懂")) == (422, 4)  # at the box and in the summary
    assert 'id="lines-0-in_at-mistake"' in bad.text
    wrong = organiser.post(page, data=lines(app, number, ("1000", "0900"), ("0700", "")))
    assert "离开时间要晚于到场时间" in wrong.text
    assert "到场时间要在 08:00 到 11:00 之间" in wrong.text
    assert "有 2 处要改，一行也没有保存" in wrong.text
    assert counted(app, Scan) == 0
    alone = organiser.post(page, data=lines(app, number, ("", "")) | {"people": ""})
    assert "此项必填" in alone.text


def test_a_bad_photo_is_refused_in_words(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    number = make_sheet(organiser, scene)
    assert "不是照片" in photograph(organiser, number, b"<script>alert(1)</script>").text
    assert "太小" in photograph(organiser, number, a_picture((200, 200))).text
    nothing = organiser.post(f"/organise/sheets/{number}/pages/1/photo", data={}, follow_redirects=True).text
    assert "请先选择照片" in nothing
    assert photograph(organiser, number, page=9).status_code == 404
    assert counted(app, SheetPhoto) == 0


def test_an_inspector_sees_the_sheet_and_every_look_is_shown(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        inspector = make_member(session, make_branch(session), "查监督", roles=("inspector",)).id
    number = make_sheet(organiser, scene)
    photograph(organiser, number)
    watching = app.test_client()
    sign_in(watching, inspector)
    page = watching.get(f"/organise/sheets/{number}").text
    [action] = re.findall(r'action="(/organise/sheets/\w+/photos/\d+)"', page)
    assert "录入这一页" not in page
    assert "还没有人看过" in page
    picture = watching.post(action).text
    assert 'src="data:image/jpeg;base64,' in picture
    assert "查监督 看了第 1 页" in organiser.get(f"/organise/sheets/{number}").text
    assert watching.get(action).status_code == 405  # no look without a trace
    assert watching.get(f"/organise/sheets/{number}/pages/1").status_code == 403
    assert watching.get(f"/organise/sheets/{number}/list.pdf").status_code == 403
    assert counted(app, SheetLook) == 1


def test_strangers_find_nothing(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        other = make_member(session, make_branch(session, "CX"), roles=("manager",)).id
    number = make_sheet(organiser, scene)
    photograph(organiser, number)
    for member_id in (scene.volunteer_actors[0].member_id or 0, other):
        stranger = app.test_client()
        sign_in(stranger, member_id)
        for path in ("", "/list.pdf", "/pages/1"):
            assert stranger.get(f"/organise/sheets/{number}{path}").status_code == 403, path
        assert stranger.post(f"/organise/sheets/{number}/photos/1").status_code == 403
    assert organiser.get("/organise/sheets/F1AAAAAAA").status_code == 404
    assert organiser.get(f"/organise/sheets/{number}/pages/2").status_code == 404


BAD_SHEETS = (
    ({"which": "blank", "blank_lines": "0"}, "没有一行可印"),
    ({"which": "blank", "blank_lines": "9999"}, "请输入 0 到"),
    ({"which": "", "blank_lines": "3"}, "此项必填"),
    ({"which": "all", "blank_lines": "3"}, "请从列出的选项里选一个"),
    ({"which": "list", "blank_lines": "十"}, "请输入整数"),
)


@pytest.mark.parametrize(("form", "says"), BAD_SHEETS)
def test_what_is_no_sheet_is_not_printed(
    app: Flask, scene: Scene, organiser: FlaskClient, form: dict[str, str], says: str
) -> None:
    answer = organiser.post(f"/organise/shifts/{scene.shift_id}/sheets", data=form | {"form_key": "k"})
    assert (answer.status_code, says in answer.text) == (422, True)
    assert counted(app, Sheet) == 0


def test_roster_and_review_lead_to_paper(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    link = f"/organise/shifts/{scene.shift_id}/sheets"
    for path in ("roster", "review"):
        assert link in organiser.get(f"/organise/shifts/{scene.shift_id}/{path}").text


def test_a_full_page_with_walk_ins_goes_through(app: Flask, scene: Scene, organiser: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        branch = make_branch(session)
        guests = [make_member(session, branch).number for _ in range(11)]
        session.expunge_all()
    number = make_sheet(organiser, scene)
    clock.move(at("11:10") - clock.now())
    photograph(organiser, number)
    form = lines(app, number, *[("0900", "1100")] * 14)
    form |= {f"lines-{place}-who": guests[place - 3] for place in range(3, 14)}
    assert "已登记 14 人" in organiser.post(f"/organise/sheets/{number}/pages/1", data=form, follow_redirects=True).text
    with app.app_context():
        kept = find_attendance(db.session(), scene.shift_id, scene.volunteer_actors[2].member_id or 0)
        assert kept is not None
        assert kept.signed_minutes == 120
