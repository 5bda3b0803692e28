"""The pages of corrections: who sees a button, what the page says before it is pressed, and what follows after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.corrections.test_rules_of_the_day import ruled
from tests.corrections.town import LATER, make_town
from tests.ledger.bank import entry, transfer
from tests.world import sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.corrections.models import Correction
from timebank.ledger import queries as ledger
from timebank.ledger.service import post


@dataclass(frozen=True, kw_only=True)
class People:
    """Ids of who acts and of what it is about; volunteer 1 has spent most, volunteer 2 had a haircut by volunteer 0."""

    manager: int
    deputy: int
    inspector: int
    kept: int
    spent: int
    kept_entry: int
    spent_entry: int
    order: int
    order_entry: int
    shift: int
    branch: int


@pytest.fixture
def people(app: Flask) -> Iterator[People]:
    with app.app_context(), transaction() as session:
        town = make_town(session)
        town.spend(1, 100)
        order = town.haircut(asker=2, barber=0)
        made = People(
            manager=town.manager.member_id or 0,
            deputy=town.deputy.member_id or 0,
            inspector=town.inspector.member_id or 0,
            kept=town.member(0).id,
            spent=town.member(1).id,
            kept_entry=town.entry(0),
            spent_entry=town.entry(1),
            order=order.id,
            order_entry=order.entry_id or 0,
            shift=town.scene.shift_id,
            branch=town.scene.branch.id,
        )
    clock.move(LATER - clock.now())
    yield made
    clock.put_right()


def correct(client: FlaskClient, entry_id: int, **more: str) -> object:
    form = {"kind": "whole", "reason": "记错了人", "form_key": f"form-{entry_id}"} | more
    return client.post(f"/inspect/entries/{entry_id}/correct", data=form, follow_redirects=True)


def test_the_manager_has_a_button_and_the_inspector_only_the_history(client: FlaskClient, people: People) -> None:
    address = f"/inspect/entries/{people.spent_entry}"
    sign_in(client, people.inspector)
    assert f"{address}/correct" not in client.get(address).text
    assert client.get(f"{address}/correct").status_code == 403
    sign_in(client, people.manager)
    assert f"{address}/correct" in client.get(address).text
    correct(client, people.spent_entry)
    assert f"{address}/correct" not in client.get(address).text  # one waits
    sign_in(client, people.inspector)
    page = client.get(address).text
    assert "等第二人决定" in page
    desk = client.get("/branch/corrections").text
    assert "记错了人" in desk
    assert "/approve" not in desk


def test_the_page_says_what_will_happen_before_the_button(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    address = f"/inspect/entries/{people.spent_entry}/correct"
    assert "确认更正" not in client.get(address).text
    page = client.get(address, query_string={"kind": "whole"}).text
    for said in ("−2 币", "20 分", "−1 币 40 分", "不够扣", "要第二个人决定"):
        assert said in page
    page = client.get(address, query_string={"kind": "amount", "minutes_hours": "1", "minutes_minutes": "50"}).text
    for said in ("−10 分", "按下就办", "确认更正"):
        assert said in page
    page = client.get(address, query_string={"kind": "amount", "minutes_hours": "9"}).text
    assert "最多 2 小时" in page
    assert "确认更正" not in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"kind": "amount"}, "请填写正确的数量"),
        ({"reason": ""}, "此项必填"),
        ({"kind": "amount", "minutes_hours": "2"}, "现在记的就是 2 小时"),
        ({"kind": "anything"}, "请从列出的选项里选一个"),
    ],
)
def test_a_form_that_lacks_something_says_what(
    client: FlaskClient, people: People, typed: dict[str, str], said: str
) -> None:
    sign_in(client, people.manager)
    answer = correct(client, people.kept_entry, **typed)
    assert answer.status_code == 422
    assert said in answer.text


def test_what_was_corrected_leads_to_its_reversal_and_what_replaced_it(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    page = correct(client, people.kept_entry, kind="amount", minutes_hours="1").text
    assert "更正好了" in page
    with client.application.app_context():
        done = db.session().scalars(select(Correction)).one()
        back, instead = done.reversal_entry_id, done.replacement_entry_id
    assert f"/inspect/entries/{back}" in page
    assert f"/inspect/entries/{instead}" in page
    for entry_id, words in ((people.kept_entry, "已经冲正过了"), (back, "不能再更正")):
        answer = client.get(f"/inspect/entries/{entry_id}/correct", follow_redirects=True)
        assert words in answer.text
        assert "/correct" not in answer.text
    assert f"/inspect/entries/{people.kept_entry}" in client.get(f"/inspect/entries/{instead}").text


def test_the_second_person_decides_from_the_queue(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    correct(client, people.spent_entry)
    own = client.get("/branch/corrections").text
    assert "/withdraw" in own
    assert "/approve" not in own
    assert client.post("/branch/corrections/1/approve").status_code == 403
    sign_in(client, people.deputy)
    assert "等第二人决定的更正" in client.get("/branch").text
    answer = client.post("/branch/corrections/1/decline", data={"reason": ""}, follow_redirects=True)
    assert "此项必填" in answer.text
    answer = client.post("/branch/corrections/1/approve", data={"note": "同意"}, follow_redirects=True)
    assert "更正办好了" in answer.text
    answer = client.post("/branch/corrections/1/decline", data={"reason": "晚了"}, follow_redirects=True)
    assert "已经办理" in answer.text
    sign_in(client, people.spent)
    assert "1 币 40 分，以后存入先抵" in client.get("/me").text


def test_more_than_before_is_decided_by_a_second_person(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    correct(client, people.kept_entry, kind="amount", minutes_hours="1")
    with client.application.app_context():
        instead = db.session().scalars(select(Correction.replacement_entry_id)).one() or 0
    more = {"kind": "amount", "minutes_hours": "2"}
    page = client.get(f"/inspect/entries/{instead}/correct", query_string=more).text
    for said in ("要第二个人决定", "比现在多", "提交，请第二人决定"):
        assert said in page
    assert "要另一位管理员" in correct(client, instead, **more).text
    sign_in(client, people.deputy)
    assert "同意以后比现在多" in client.get("/branch/corrections").text
    answer = client.post("/branch/corrections/2/approve", data={"note": ""}, follow_redirects=True)
    assert "更正办好了" in answer.text


def test_what_the_fund_has_not_got_cannot_be_agreed_to(client: FlaskClient, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        town = ruled(session, before=220, holding_cap_minutes=300)
        town.spend(0, 290)
        town.ask(town.entry(0), None)
        branch = town.scene.branch
        fund, issuance = (ledger.find_house_account(session, branch.id, kind) for kind in ("fund", "issuance"))
        post(session, entry(branch.id, transfer(fund, issuance, 40), kind="adjust"), now=LATER)
        deputy = town.deputy.member_id or 0
    sign_in(client, deputy)
    page = client.get("/branch/corrections").text
    assert "现在办不成" in page
    assert "/decline" in page
    assert "/approve" not in page


def test_an_undone_order_says_so_to_both_sides(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    correct(client, people.order_entry, reason="没有来理发")
    for who in (people.manager, people.kept):
        sign_in(client, who)
        page = client.get(f"/orders/{people.order}").text
        assert "已退回" in page
        assert "没有来理发" in page
        assert "冲正" not in page
    assert "已退回" in client.get("/me/orders?side=given").text
    sign_in(client, people.manager)
    assert "已退回" in client.get("/branch/orders?status=undone").text


def test_members_read_no_word_of_the_books(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    correct(client, people.kept_entry, reason="没有来")
    sign_in(client, people.kept)
    record = client.get("/me/record").text
    assert "不计" in record
    month = clock.month_name(clock.month_of(LATER))
    assert f"更正扣回 2 币 · {month}的“楼道清洁” · 没有来" in client.get("/me/statement").text
    for path in ("/me/statement", "/me/record", "/me/notices", f"/me/statement/{people.kept_entry}/ask"):
        assert "冲正" not in client.get(path).text


def test_lists_of_the_shift_show_what_counts_now(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    correct(client, people.kept_entry, kind="amount", minutes_hours="1")
    approvals = client.get("/organise/approvals").text
    assert "5 小时" in approvals
    assert "更正过 1 人" in approvals
    review = client.get(f"/organise/shifts/{people.shift}/review").text
    assert "更正过：原来 2 小时" in review
    assert "后来更正了 1 人，现在合计 5 小时" in review
    assert "现在合计 5 小时，积分 50 分" in client.get(f"/organise/shifts/{people.shift}/approve").text


def test_the_file_of_a_statement_says_what_was_corrected(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    correct(client, people.kept_entry, kind="amount", minutes_hours="1")
    sign_in(client, people.kept)
    file = client.get("/me/statement.csv").get_data(as_text=True)
    assert "存入 2 小时 · 参加“楼道清洁”（这一笔后来更正了：记错了人）" in file
    assert "更正后存入 1 小时" in file


def test_a_member_asks_about_their_own_only(client: FlaskClient, people: People) -> None:
    sign_in(client, people.kept)
    assert f"/me/statement/{people.kept_entry}/ask" in client.get("/me/record").text
    assert client.get(f"/me/statement/{people.spent_entry}/ask").status_code == 404
    form = {"form_key": "one", "words": "少记了"}
    client.post(f"/me/statement/{people.kept_entry}/ask", data=form)
    assert "已经转给网点管理员" in client.get(f"/me/statement/{people.kept_entry}/ask").text
    sign_in(client, people.manager)
    client.post("/branch/corrections/requests/1/decline", data={"reason": "签退是 11:00"})
    sign_in(client, people.kept)
    assert "网点答复：签退是 11:00" in client.get(f"/me/statement/{people.kept_entry}/ask").text
    assert "签退是 11:00" in client.get("/me/notices").text
