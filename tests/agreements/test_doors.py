"""Pages of organisations: from the first form to a kept promise, by two people; what everybody reads names nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.agreements.scene import make_scene
from tests.world import make_branch, make_member, sign_in
from timebank.agreements.models import Agreement, Promise, PromiseDeed
from timebank.core.clock import now, today
from timebank.core.db import db, transaction
from timebank.members.models import Organisation
from timebank.members.rules import member_number

YEAR = today(now()).year


@dataclass
class Ids:
    """The people of these tests."""

    branch: int
    bank: int
    first: int
    second: int
    contact: int
    organiser: int
    stranger: int


@pytest.fixture
def ids(app: Flask) -> Ids:
    """The scene, with an organiser of the branch and a manager of another."""
    with app.app_context(), transaction() as session:
        scene = make_scene(session)
        organiser = make_member(session, make_branch(session), roles=("organiser",))
        stranger = make_member(session, make_branch(session, "XQ"), "孙站长", roles=("manager",))
        people = (scene.first_id, scene.second_id, scene.contact_id, organiser.id, stranger.id)
        return Ids(scene.branch_id, scene.organisation_id, *people)


As = Callable[[int], FlaskClient]


@pytest.fixture
def as_member(app: Flask) -> As:
    """The browser of a member."""

    def opened(member_id: int) -> FlaskClient:
        client = app.test_client()
        sign_in(client, member_id)
        return client

    return opened


def newest(app: Flask, model: type[Organisation | Agreement | Promise | PromiseDeed]) -> int:
    with app.app_context():
        return int(db.session.scalars(db.select(model.id).order_by(model.id.desc())).first() or 0)


def promise_form(side: str, **more: str) -> dict[str, str]:
    known = {"category": "people", "words": "派人助老", "quantity": "2", "unit": "人次", "due_on": f"{YEAR}-12-31"}
    return known | {"side": side, "form_key": f"promise-{side}"} | more


@pytest.fixture
def signed(app: Flask, as_member: As, ids: Ids) -> int:
    """An agreement of this year, drafted, proposed and confirmed through the pages; its id."""
    first, second = as_member(ids.first), as_member(ids.second)
    drafted = first.post(f"/branch/organisations/{ids.bank}/agreements", data={"year": str(YEAR), "form_key": "a"})
    where = drafted.location
    for side in ("branch", "organisation"):
        assert first.post(f"{where}/promises/new", data=promise_form(side)).status_code == 302
    signing = {"signed_on": str(today(now())), "branch_signer": "贺雅芬", "organisation_signer": "郑建军"}
    assert "等另一位管理员对照" in first.post(f"{where}/sign", data=signing, follow_redirects=True).text
    assert "共建协议等第二人" in second.get("/branch").text
    assert first.post(f"{where}/confirm").status_code == 403
    assert "已签订" in second.post(f"{where}/confirm", follow_redirects=True).text
    return newest(app, Agreement)


def test_an_organisation_is_registered_changed_and_leaves(app: Flask, as_member: As, ids: Ids) -> None:
    first = as_member(ids.first)
    form = {"name": "新碶小学", "kind": "school", "credit_code": "91350100M000100Y44", "form_key": "school"}
    wrong = first.post("/branch/organisations/new", data=form)
    assert (wrong.status_code, "最后一位校验不符" in wrong.text) == (422, True)
    made = first.post("/branch/organisations/new", data=form | {"credit_code": ""}, follow_redirects=True)
    assert "登记好了" in made.text
    again = first.post("/branch/organisations/new", data=form | {"credit_code": "", "form_key": "again"})
    assert "已经登记过" in again.text
    where = f"/branch/organisations/{newest(app, Organisation)}"
    changed = {"name": "新碶小学", "kind": "school", "contact_phone": "13805740011", "words": "周末开放操场"}
    page = first.post(f"{where}/edit", data=changed, follow_redirects=True).text
    assert "138****0011" in page
    kept = first.post(f"{where}/edit", data=changed | {"contact_phone": ""}, follow_redirects=True).text
    assert "138****0011" in kept
    gone = first.post(f"{where}/edit", data=changed | {"contact_phone": "", "forget_phone": "1"}, follow_redirects=True)
    assert "138****0011" not in gone.text
    assert "请写明原因" in first.post(f"{where}/close", follow_redirects=True).text
    assert "已退出" in first.post(f"{where}/close", data={"reason": "搬走了"}, follow_redirects=True).text
    assert "新碶小学" in first.get("/branch/organisations?show=left").text
    assert app.test_client().get(where.removeprefix("/branch")).status_code == 404
    assert "已恢复" in first.post(f"{where}/reopen", follow_redirects=True).text
    assert "周末开放操场" in app.test_client().get(where.removeprefix("/branch")).text


def test_a_phone_is_seen_whole_with_a_reason(app: Flask, as_member: As, ids: Ids) -> None:
    first, where = as_member(ids.first), f"/branch/organisations/{ids.bank}"
    data = {"name": "农商银行", "kind": "company", "contact_phone": "13805740011"}
    first.post(f"{where}/edit", data=data)
    assert "13805740011" not in first.post(f"{where}/contact", follow_redirects=True).text
    assert "13805740011" in first.post(f"{where}/contact", data={"reason": "约签约"}).text
    assert "约签约" in first.get(where).text
    assert as_member(ids.organiser).post(f"{where}/contact", data={"reason": "约签约"}).status_code == 403


def test_people_join_and_leave_by_their_number(as_member: As, ids: Ids) -> None:
    first, where = as_member(ids.first), f"/branch/organisations/{ids.bank}"
    form = {"number": member_number(ids.organiser), "role": "staff"}
    assert "现在是他们的职工" in first.post(f"{where}/people", data=form, follow_redirects=True).text
    assert "北仑农商银行新碶支行，职工" in as_member(ids.organiser).get("/me/privacy").text
    wrong = first.post(f"{where}/people", data=form | {"number": "HL999999X"}, follow_redirects=True)
    assert "没有这个会员号" in wrong.text
    left = first.post(f"{where}/leave", data={"member_id": str(ids.organiser)}, follow_redirects=True)
    assert "已移出" in left.text
    assert "以前的人（1）" in left.text


def test_a_promise_is_kept_by_what_is_written_down(app: Flask, as_member: As, ids: Ids, signed: int) -> None:
    promise = newest(app, Promise)  # the organisation's
    organiser, where = as_member(ids.organiser), f"/branch/promises/{promise}/deeds"
    form = {"done_on": str(today(now())), "quantity": "2", "words": "签到表", "form_key": "deed"}
    assert organiser.post(where, data=form | {"quantity": "0"}).status_code == 422
    for _ in range(2):
        kept = organiser.post(where, data=form, follow_redirects=True).text
        assert "已兑现" in kept
    assert "2 / 2 人次" in app.test_client().get(f"/organisations/{ids.bank}").text
    deed = newest(app, PromiseDeed)
    assert "请写明为什么撤销" in organiser.post(f"/branch/deeds/{deed}/take-back", follow_redirects=True).text
    back = {"reason": "记重了", "form_key": "back"}
    assert "0 / 2 人次" in organiser.post(f"/branch/deeds/{deed}/take-back", data=back, follow_redirects=True).text
    assert as_member(ids.stranger).get(where).status_code == 403
    assert signed


def test_a_signed_agreement_is_changed_by_two(app: Flask, as_member: As, ids: Ids, signed: int) -> None:
    first, second, promise = as_member(ids.first), as_member(ids.second), newest(app, Promise)
    where = f"/branch/agreements/{signed}"
    assert "现在是“已签订”" in first.post(f"{where}/words", data={"words": "x"}, follow_redirects=True).text
    form = promise_form("organisation", quantity="1", reason="人手不够", form_key="change")
    assert first.post(f"/branch/promises/{promise}/change", data=form | {"reason": ""}).status_code == 422
    asked = first.post(f"/branch/promises/{promise}/change", data=form, follow_redirects=True)
    assert "等第二人同意的变更" in asked.text
    change = newest(app, Promise)
    assert first.post(f"/branch/promises/{change}/agree").status_code == 403
    assert "0 / 1 人次" in second.post(f"/branch/promises/{change}/agree", follow_redirects=True).text
    more = promise_form("branch", words="提供场地", reason="单位提出", form_key="more")
    assert "等另一位管理员同意" in first.post(f"{where}/promises/new", data=more, follow_redirects=True).text
    added = newest(app, Promise)
    assert "提供场地" not in app.test_client().get(f"/organisations/{ids.bank}").text
    assert "仍按原来的约定" in first.post(f"/branch/promises/{added}/decline", follow_redirects=True).text
    ended = first.post(f"{where}/end", data={"reason": "单位搬走"}, follow_redirects=True).text
    assert "协议终止，没有完成" in ended


def test_a_proposal_is_sent_back_and_a_draft_dropped(app: Flask, as_member: As, ids: Ids) -> None:
    first, second = as_member(ids.first), as_member(ids.second)
    where = first.post(
        f"/branch/organisations/{ids.bank}/agreements", data={"year": str(YEAR), "form_key": "a"}
    ).location
    signing = {"signed_on": str(today(now())), "branch_signer": "贺雅芬", "organisation_signer": "郑建军"}
    assert "共建是相互的" in first.post(f"{where}/sign", data=signing).text
    for side in ("branch", "organisation"):
        first.post(f"{where}/promises/new", data=promise_form(side))
    first.post(f"{where}/sign", data=signing)
    assert "已退回成草稿" in second.post(f"{where}/send-back", data={"reason": "日期"}, follow_redirects=True).text
    removed = first.post(f"/branch/promises/{newest(app, Promise)}/remove", follow_redirects=True)
    assert "已从草稿里去掉" in removed.text
    assert "不签了" in first.post(f"{where}/drop", data={"reason": "明年再说"}, follow_redirects=True).text


def test_the_year_is_taken_away_as_a_table_and_the_agreement_as_paper(as_member: As, ids: Ids, signed: int) -> None:
    organiser = as_member(ids.organiser)
    assert "承诺已兑现" in organiser.get("/branch/organisations/summary").text
    table = organiser.get(f"/branch/organisations/summary.csv?year={YEAR}").text.splitlines()
    assert table[0].startswith("\ufeff单位,类型,协议,单位承诺")
    assert table[1].startswith("北仑农商银行新碶支行,企业,已签订,1,0,1,0,1,0,1,0,0,0")
    assert organiser.get(f"/branch/agreements/{signed}.pdf").data.startswith(b"%PDF")
    assert as_member(ids.stranger).get(f"/branch/agreements/{signed}.pdf").status_code == 403


def test_everybody_reads_who_is_there_and_nobodys_name(app: Flask, ids: Ids, signed: int) -> None:
    visitor = app.test_client()
    assert "北仑农商银行新碶支行" in visitor.get("/organisations").text
    page = visitor.get(f"/organisations/{ids.bank}").text
    assert "派人助老" in page
    assert "郑建军" not in page
    assert "贺雅芬" not in page
    assert signed
