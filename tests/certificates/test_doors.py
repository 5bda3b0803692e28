"""The pages of certificates: issued at once, printed the same each time, checked by strangers, withdrawn by two."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from tests.attendance.paper import a_picture
from tests.corrections.town import LATER, make_town
from tests.world import make_branch, make_member, sign_in
from timebank.app import create_app
from timebank.certificates import queries
from timebank.certificates.models import Certificate
from timebank.certificates.views.base import sheet_values
from timebank.core import clock, codes
from timebank.core.db import db, transaction
from timebank.web import print as paper
from timebank.web.limits import limiter

# What the verbs do on each engine, their own tests say; pages are read on one.
pytestmark = pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)


@dataclass(frozen=True, kw_only=True)
class People:
    """Ids: somebody with a record, a neighbour, two managers, an inspector, a manager of another branch."""

    holder: int
    neighbour: int
    manager: int
    deputy: int
    inspector: int
    foreign: int
    entry: int
    branch: int
    name: str


@pytest.fixture
def people(app: Flask) -> Iterator[People]:
    with app.app_context(), transaction() as session:
        town = make_town(session, 2)
        foreign = make_member(session, make_branch(session, "XG"), roles=("manager",))
        made = People(
            holder=town.member(0).id,
            neighbour=town.member(1).id,
            manager=town.manager.member_id or 0,
            deputy=town.deputy.member_id or 0,
            inspector=town.inspector.member_id or 0,
            foreign=foreign.id,
            entry=town.entry(0),
            branch=town.scene.branch.id,
            name=town.member(0).name,
        )
    clock.move(LATER - clock.now())
    yield made
    clock.put_right()


def form_of(page: str) -> dict[str, str]:
    found = re.findall(r'name="(form_key|branch|records|period)" value="([^"]*)"', page)
    return dict(found) | {"language": "zh"}


def get_new(client: FlaskClient, people: People, **more: str) -> Certificate:
    """The holder issues one through the page."""
    sign_in(client, people.holder)
    form = form_of(client.get("/me/certificates/new").text) | more
    answer = client.post("/me/certificates/new", data=form)
    assert answer.status_code == 303, answer.text
    with client.application.app_context():
        return queries.get_certificate(db.session(), int(answer.location.rsplit("/", 1)[1]))


def correct(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    form = {"kind": "amount", "minutes_hours": "1", "reason": "签退忘了", "form_key": "fix"}
    client.post(f"/inspect/entries/{people.entry}/correct", data=form)


def test_the_page_shows_what_will_be_certified_and_issues_it_at_once(client: FlaskClient, people: People) -> None:
    sign_in(client, people.holder)
    page = client.get("/me/certificates/new").text
    for said in ("2 小时", "楼道清洁", "开具证明（免费）", "不收费", "2026 年"):
        assert said in page
    assert "没有可以证明的服务" in client.get("/me/certificates/new?period=2020").text
    made = get_new(client, people)
    shown = client.get(f"/me/certificates/{made.id}").text
    assert codes.grouped(made.number) in shown
    assert "有效" in shown
    assert f"/me/certificates/{made.id}" in client.get("/me/certificates").text


def test_the_same_form_sent_twice_is_one_certificate(client: FlaskClient, people: People) -> None:
    sign_in(client, people.holder)
    form = form_of(client.get("/me/certificates/new").text)
    first, second = (client.post("/me/certificates/new", data=form).location for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"records": ""}, "一次服务也没有勾"),
        ({"period": "range", "first": "2027-01-01"}, "没有已入账的服务记录"),
        ({"period": "somewhen"}, "请从列出的选项里选一个"),
        ({"language": "eo"}, "请从列出的选项里选一个"),
        ({"document": "1"}, "没有登记证件号"),
    ],
)
def test_what_is_wrong_is_said(client: FlaskClient, people: People, typed: dict[str, str], said: str) -> None:
    sign_in(client, people.holder)
    answer = client.post("/me/certificates/new", data=form_of(client.get("/me/certificates/new").text) | typed)
    assert answer.status_code == 422
    assert said in answer.text


def test_who_has_nothing_booked_is_told_so(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    page = client.get("/me/certificates/new").text
    assert "现在还开不了" in page
    assert "开具证明" not in page
    answer = client.post("/me/certificates/new", data={"branch": str(people.branch), "form_key": "x"})
    assert answer.status_code == 422


def test_the_sheet_is_the_same_byte_for_byte_and_belongs_to_its_person(client: FlaskClient, people: People) -> None:
    made = get_new(client, people)
    address = f"/me/certificates/{made.id}/certificate.pdf"
    first = client.get(address)
    assert first.data.startswith(b"%PDF-")
    assert "attachment" in first.headers["Content-Disposition"]
    clock.move(clock.month_range("2026-12")[0] - clock.now())
    assert client.get(address).data == first.data
    for date in (b"CreationDate", b"CreateDate"):  # another process would write another one
        assert date not in first.data
    sign_in(client, people.neighbour)
    for path in (address, f"/me/certificates/{made.id}"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("language", ["zh", "zh-en"])
def test_a_phone_reads_the_public_address_from_the_printed_sheet(
    client: FlaskClient, people: People, language: str
) -> None:
    made = get_new(client, people, language=language)
    with client.application.test_request_context():
        kept = queries.get_certificate(db.session(), made.id)
        values = sheet_values(db.session(), kept)
        pages = paper.png("certificate-1.typ", values, ppi=110)
    front = pages[0] if isinstance(pages, list) else pages
    [found] = zxingcpp.read_barcodes(Image.open(io.BytesIO(front)))
    assert found.text == f"http://localhost/certificates/{made.number}"
    assert (values["name"], values["hours"], values["kinds"]) == (people.name, "2 小时", "环境清洁 2 小时")
    assert client.get(f"/certificates/{made.number}").status_code == 200


def test_staff_issue_for_somebody_at_the_counter(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    address = f"/branch/members/{people.holder}/certificates"
    assert f"{address}/new" in client.get(address).text
    assert address in client.get(f"/branch/members/{people.holder}").text
    form = form_of(client.get(f"{address}/new").text)
    answer = client.post(f"{address}/new", data=form, follow_redirects=True)
    assert "钱站长（代开）" in answer.text
    assert client.get(f"{answer.request.path}/certificate.pdf").data.startswith(b"%PDF-")
    sign_in(client, people.holder)
    assert "网点替您开了志愿服务证明" in client.get("/me/notices").text
    sign_in(client, people.foreign)
    for path in (address, f"{address}/new", answer.request.path):
        assert client.get(path).status_code == 403
    sign_in(client, people.inspector)
    assert client.get(address).status_code == 200
    assert client.get(f"{address}/new").status_code == 403


# --- strangers -------------------------------------------------------------------------------------------------------


def test_strangers_see_masked_name_hours_issuer_and_state_and_nothing_else(client: FlaskClient, people: People) -> None:
    made = get_new(client, people)
    stranger = client.application.test_client()
    answer = stranger.get(f"/certificates/{made.number}")
    for said in ("有效", "2 小时", made.hash, "签名有效", f"{people.name[0]}*"):
        assert said in answer.text
    for hidden in (people.name, "楼道清洁", "三号院", "HL0", "次数", "起止"):
        assert hidden not in answer.text
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_typed_number_leads_to_the_certificate(client: FlaskClient, people: People) -> None:
    made = get_new(client, people)
    typed = codes.grouped(made.number).lower()
    answer = client.get("/certificates", query_string={"number": typed}, follow_redirects=True)
    assert answer.request.path == f"/certificates/{made.number}"
    assert "查验服务证明" in client.get("/certificates").text


def test_numbers_that_lead_nowhere_get_one_and_the_same_answer(client: FlaskClient, people: People) -> None:
    made = get_new(client, people)
    stranger = client.application.test_client()
    other = made.number[:-1] + ("A" if made.number[-1] != "A" else "B")
    body = made.number[:-2] + ("A" if made.number[-2] != "A" else "B")
    never_issued = body + codes.check_character(body)
    answers = [stranger.get(f"/certificates/{typed}") for typed in (never_issued, other, "nonsense", "C1", "%00")]
    assert {answer.status_code for answer in answers} == {404}
    bodies = {re.sub(r'name="(csrf_token|next)" value="[^"]*"', "", answer.text) for answer in answers}
    assert len(bodies) == 1
    assert never_issued not in bodies.pop()


def test_guessers_are_stopped_per_address(settings: dict[str, Any]) -> None:
    app = create_app(settings | {"RATE_LIMITS": True})
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    try:
        client = app.test_client()
        assert [client.get(f"/certificates/C1{at}").status_code for at in range(21)] == [404] * 20 + [429]
    finally:
        limiter.reset()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_looks_are_counted_by_the_page_itself_and_by_nobody_else(client: FlaskClient, people: People) -> None:
    made = get_new(client, people)
    stranger = client.application.test_client()
    page = stranger.get(f"/certificates/{made.number}").text
    [seen] = re.findall(r'name="seen" value="([^"]+)"', page)
    address = f"/certificates/{made.number}/looks"
    for sent in ({"seen": seen}, {"seen": "0" * 32}, {}):
        assert stranger.post(address, data=sent).status_code == 200
    assert "别人查过 1 次" in client.get("/me/certificates").text


def test_one_address_counts_three_looks_an_hour_at_one_certificate(settings: dict[str, Any]) -> None:
    app = create_app(settings | {"RATE_LIMITS": True})
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    try:
        client = app.test_client()
        assert [client.post("/certificates/C1/looks").status_code for _ in range(4)] == [200] * 3 + [429]
        assert client.post("/certificates/C2/looks").status_code == 200
    finally:
        limiter.reset()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_a_correction_shows_at_once_and_one_press_gives_a_new_one(client: FlaskClient, people: People) -> None:
    made = get_new(client, people)
    correct(client, people)
    page = client.get(f"/certificates/{made.number}").text
    assert "已撤回" in page
    assert "签退忘了" not in page
    assert "换开新的，请向本人要" not in page
    sign_in(client, people.holder)
    own = client.get(f"/me/certificates/{made.id}").text
    assert "签退忘了" in own
    assert client.get(f"/me/certificates/{made.id}/certificate.pdf").status_code == 409
    assert "服务证明已撤回" in client.get("/me/notices").text
    [key] = set(re.findall(r'name="form_key" value="([^"]+)"', own))
    new = client.post(f"/me/certificates/{made.id}/replace", data={"form_key": key}, follow_redirects=True)
    assert "换开好了" in new.text
    assert "1 小时" in new.text
    assert "已经换开新的" in client.get(f"/certificates/{made.number}").text
    again = client.post(f"/me/certificates/{made.id}/replace", data={"form_key": "other"}, follow_redirects=True)
    assert "已经换开过新的" in again.text


# --- the branch's desk -----------------------------------------------------------------------------------------------


def test_two_people_withdraw_one_from_the_desk(client: FlaskClient, people: People) -> None:
    made = get_new(client, people)
    sign_in(client, people.manager)
    withdraw = f"/branch/certificates/{made.id}/withdraw"
    assert "此项必填" in client.post(withdraw, data={"form_key": "w"}, follow_redirects=True).text
    page = client.post(withdraw, data={"form_key": "w", "reason": "开错了"}, follow_redirects=True).text
    assert "等第二人决定撤回" in page
    desk = client.get("/branch/certificates").text
    assert "take-back" in desk
    assert "/agree" not in desk
    assert client.post("/branch/certificates/withdrawals/1/agree").status_code == 403
    sign_in(client, people.deputy)
    assert "等第二人决定的证明撤回" in client.get("/branch").text
    answer = client.post("/branch/certificates/withdrawals/1/decline", data={"reason": ""}, follow_redirects=True)
    assert "此项必填" in answer.text
    assert "已撤回" in client.post("/branch/certificates/withdrawals/1/agree", follow_redirects=True).text
    assert "已撤回" in client.get(f"/certificates/{made.number}").text
    sign_in(client, people.foreign)
    for path in ("withdrawals/1/agree", "withdrawals/1/decline", "withdrawals/1/take-back", f"{made.id}/withdraw"):
        assert client.post(f"/branch/certificates/{path}", data={"reason": "不对"}).status_code == 403


def test_a_stamp_is_put_there_and_printed(client: FlaskClient, people: People) -> None:
    sign_in(client, people.manager)
    assert client.get("/branch/certificates/seal.jpg").status_code == 404
    page = client.post("/branch/certificates/seal", data={}, follow_redirects=True).text
    assert "请先选择照片" in page
    picture = io.BytesIO(a_picture((600, 600), "red"))
    sent = {"photo": (picture, "seal.png")}
    assert "印章图片换好了" in client.post("/branch/certificates/seal", data=sent, follow_redirects=True).text
    kept = Image.open(io.BytesIO(client.get("/branch/certificates/seal.jpg").data))
    assert max(kept.size) == 480
    made = get_new(client, people)
    assert made.seal_id is not None
    assert len(client.get(f"/me/certificates/{made.id}/certificate.pdf").data) > 20_000
    sign_in(client, people.manager)
    assert "留出盖章的位置" in client.post("/branch/certificates/seal/remove", follow_redirects=True).text
    assert client.get("/branch/certificates/seal.jpg").status_code == 404
    sign_in(client, people.inspector)
    assert client.get("/branch/certificates/seal").status_code == 403
    assert client.get("/branch/certificates").status_code == 200


def test_several_recorders_each_certify_their_own(client: FlaskClient, app: Flask, people: People) -> None:
    """What was recorded elsewhere is not on this branch's certificate."""
    from tests.certificates.abroad import serve_abroad

    with app.app_context(), transaction() as session:
        other = serve_abroad(session, people.holder)
    sign_in(client, people.holder)
    page = client.get("/me/certificates/new").text
    assert "您在 2 个网点服务过" in page
    form = form_of(client.get(f"/me/certificates/new?branch={other}").text)
    assert form["branch"] == str(other)
    made = client.post("/me/certificates/new", data=form, follow_redirects=True).text
    assert "XG 红领志愿服务站" in made
    assert "1 小时" in made


def test_signing_in_is_asked_for_everything_but_the_public_pages(client: FlaskClient, people: People) -> None:
    for path in ("/me/certificates", "/me/certificates/new", "/branch/certificates", "/branch/certificates/seal"):
        assert client.get(path).status_code == 302
    for path in ("/certificates", "/certificates/x"):
        assert client.get(path).status_code in {200, 404}
