"""The pages of people: one good and one refused for each route, and what people really type."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.world import KEYS, PASSWORD, make_branch, make_member, sign_in
from timebank.branches.queries import get_branch
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import db, transaction
from timebank.members import queries
from timebank.members.models import ACTIVE, DECLINED, PENDING, SUSPENDED, Card, Member
from timebank.members.rules import CONSENT_VERSION, Place
from timebank.members.service import create_team, grant_role, hash_password, set_password

ID = "11010519491231002X"
PHONE = "13800138000"
NASTY = ["", "   ", "x" * 10_000, "😀", "𠮷", "１２３", "-1", "0", "'\";--", "<script>", "%00", "\x00\x07"]


class Town:
    """Ids of a branch and its people, committed."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        now = clock.now()
        with app.app_context(), transaction() as session:
            branch, other = make_branch(session, "BL", now=now), make_branch(session, "DX", now=now)
            self.branch, self.other = branch.id, other.id
            self.administrator = make_member(session, branch, "陈建国", roles=("administrator",), now=now).id
            self.manager = make_member(session, branch, "林秀英", roles=("manager",), now=now).id
            self.organiser = make_member(session, branch, "王海波", roles=("organiser",), now=now).id
            red = make_member(session, branch, "张小红", phone=PHONE, id_number=ID, now=now)
            self.red, self.number = red.id, red.number
            set_password(session, red.id, hash_password(PASSWORD), now=now)
            self.stranger = make_member(session, other, "周大碶", roles=("manager",), now=now).id
            team = create_team(session, branch_id=branch.id, name="理发服务队", kind="助老", actor=SYSTEM, now=now)
            self.team = team.id

    def client(self, member_id: int | None = None) -> FlaskClient:
        """A new browser, signed in or not."""
        client = self.app.test_client()
        if member_id is not None:
            sign_in(client, member_id, now=clock.now())
        return client

    def member(self, member_id: int) -> Member:
        """The member as committed."""
        with self.app.app_context():
            return queries.get_member(db.session(), member_id)

    def register(self, client: FlaskClient, **given: Any) -> Any:
        """Send the registration form."""
        form = {
            "form_key": "key-1",
            "name": "孙新人",
            "phone": "13922223333",
            "branch_id": self.branch,
            "password": "binhelu-3",
            "password_again": "binhelu-3",
            "consent": "1",
            "consent_version": CONSENT_VERSION,
        }
        return client.post("/register", data=form | given)

    def find(self, name: str) -> Member | None:
        """The member of this name."""
        with self.app.app_context():
            chosen = queries.MemberFilter(text=name)
            page = queries.list_members(db.session(), branch_id=self.branch, chosen=chosen, keys=KEYS, number=1)
            return page.items[0] if page.items else None


@pytest.fixture
def town(app: Flask) -> Town:
    return Town(app)


# --- registering ----------------------------------------------------------------------------------------------------


def test_somebody_registers_waits_is_approved_and_signs_in(town: Town) -> None:
    visitor = town.client()
    assert "报名当志愿者" in visitor.get("/register").text
    answer = town.register(visitor)
    assert answer.status_code == 302
    assert "等网点审核" in visitor.get(answer.location).text
    member = town.find("孙新人")
    assert member is not None
    assert member.status == PENDING
    early = visitor.post("/sign-in", data={"login": "13922223333", "password": "binhelu-3"})
    assert early.status_code == 409
    assert "正在等" in early.text
    manager = town.client(town.manager)
    assert "孙新人" in manager.get("/branch/members?status=pending").text
    page = f"/branch/members/{member.id}"
    assert manager.post(f"{page}/approve").location == page
    assert "已通过" in manager.get(page).text
    entered = visitor.post("/sign-in", data={"login": "13922223333", "password": "binhelu-3", "next": "/me/privacy"})
    assert entered.location == "/me/privacy"
    assert member.number in visitor.get("/me/privacy").text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": ""}, "此项必填"),
        ({"name": "张" * 10_000}, "1 到 60 个字"),
        ({"name": "张😀"}, "真实姓名"),
        ({"phone": ""}, "请填写电话"),
        ({"phone": "１２"}, "电话号码不对"),
        ({"password": "1", "password_again": "1"}, "至少要 8 位"),
        ({"password": "x" * 10_000}, "128"),
        ({"password_again": "another-one"}, "不一样"),
        ({"branch_id": ""}, "请选择网点"),
        ({"branch_id": "一"}, "请输入整数"),
        ({"branch_id": "99999999999"}, "之间的数"),
        ({"consent": ""}, "先征得本人同意"),
        ({"born_on": "2020-01-01"}, "监护人"),
        ({"born_on": "昨天"}, "日期格式不对"),
        ({"id_number": ID, "identity_consent": "1"}, "没能登记，请到网点核对"),
        ({"id_number": ID}, "单独征得同意"),
        ({"id_number": "123"}, "18 位"),
        ({"consent_version": "1999"}, "刚刚更新"),
        ({"form_key": ""}, "此项必填"),
        ({"sex": "x"}, "请从列出的选项里选一个"),
    ],
)
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_a_registration_that_is_wrong_says_what(town: Town, given: dict[str, str], said: str) -> None:
    answer = town.register(town.client(), **given)
    assert answer.status_code in {409, 422}
    assert said in answer.text
    assert "binhelu-3" not in answer.text
    assert town.find("孙新人") is None


def test_no_input_breaks_a_form(town: Town) -> None:
    visitor, manager, red = town.client(), town.client(town.manager), town.client(town.red)
    fields = (
        "name",
        "phone",
        "alias",
        "skills",
        "id_number",
        "born_on",
        "branch_id",
        "area_id",
        "password",
        "form_key",
    )
    for nasty in NASTY:
        for field in fields:
            assert town.register(visitor, **{field: nasty, "form_key": f"{field}{nasty}"[:60]}).status_code < 500
            data = {"branch_id": town.branch, "name": "张三", "consent": "1", "consent_version": CONSENT_VERSION}
            answer = manager.post("/branch/members/new", data=data | {"form_key": nasty, field: nasty})
            assert answer.status_code < 500, (field, nasty)
        for path in ("/branch/members", "/areas"):
            assert manager.get(path, query_string={"q": nasty, "page": nasty, "status": nasty}).status_code == 200
        assert manager.get("/branch/members", query_string={"branch": nasty}).status_code in {200, 403}
        assert red.post("/me/profile", data={"phone": nasty, "alias": nasty, "area_id": nasty}).status_code < 500
        assert visitor.post("/sign-in", data={"login": nasty, "password": nasty, "next": nasty}).status_code < 500
        assert manager.post("/branch/roles", data={"number": nasty, "role": nasty, "place": nasty}).status_code < 500
        for verb in ("decline", "suspend", "card", "unmask"):
            path = f"/branch/members/{town.red}/{verb}"
            assert manager.post(path, data={"reason": nasty, "field": nasty}).status_code < 500
            manager.post(f"/branch/members/{town.red}/resume")


def test_the_consent_text_stands_on_its_own_page(town: Town) -> None:
    assert "个人信息告知同意书" in town.client().get("/consent").text
    assert town.client().get(f"/consent/{CONSENT_VERSION}").status_code == 200
    assert town.client().get("/consent/1999").status_code == 404
    assert town.client().get("/register/done/999999").status_code == 404


# --- signing in -----------------------------------------------------------------------------------------------------


def test_signing_in_and_out(town: Town) -> None:
    client = town.client()
    assert client.get("/me/privacy").location.startswith("/sign-in?next=")
    assert client.post("/sign-in", data={"login": PHONE, "password": PASSWORD}).location == "/me"
    assert client.get("/me/privacy").status_code == 200
    assert client.get("/sign-in").location == "/me"
    assert client.post("/sign-out").location == "/"
    assert client.get("/me/privacy").status_code == 302


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_signing_in_never_leads_elsewhere(town: Town, target: str) -> None:
    answer = town.client().post("/sign-in", data={"login": PHONE, "password": PASSWORD, "next": target})
    assert answer.location == "/me"


def test_five_failures_close_the_name_though_each_was_refused(town: Town) -> None:
    client = town.client()
    for _ in range(5):
        assert client.post("/sign-in", data={"login": PHONE, "password": "wrong-one"}).status_code == 422
    closed = client.post("/sign-in", data={"login": PHONE, "password": PASSWORD})
    assert closed.status_code == 429
    assert "15 分钟" in closed.text


def test_the_one_time_pin_leads_to_a_password_of_ones_own(town: Town) -> None:
    manager, client = town.client(town.manager), town.client()
    assert client.get("/sign-in/new-password").location == "/sign-in"
    found = re.search(r"<output>(\d{8})</output>", manager.post(f"/branch/members/{town.red}/pin").text)
    assert found is not None
    answer = client.post("/sign-in", data={"login": town.number, "password": found[1], "next": "/me/privacy"})
    assert answer.location == "/sign-in/new-password"
    assert client.get("/me/privacy").status_code == 302  # not signed in yet
    refused = client.post("/sign-in/new-password", data={"password": "1", "password_again": "1"})
    assert refused.status_code == 422
    done = client.post("/sign-in/new-password", data={"password": "xinmima-1", "password_again": "xinmima-1"})
    assert done.location == "/me/privacy"
    assert client.get("/me/privacy").status_code == 200
    assert found[1] not in manager.get(f"/branch/members/{town.red}").text


def test_a_password_change_signs_out_the_other_device_only(town: Town) -> None:
    one, other = town.client(), town.client()
    for client in (one, other):
        client.post("/sign-in", data={"login": PHONE, "password": PASSWORD, "remember": "1"})
    given = {"current": PASSWORD, "password": "xinmima-1", "password_again": "xinmima-1"}
    assert one.post("/me/password", data=given | {"current": "wrong-one"}).status_code == 422
    assert one.post("/me/password", data=given).location == "/me/privacy"
    assert one.get("/me/privacy").status_code == 200
    assert other.get("/me/privacy").status_code == 302


def test_a_suspended_member_is_out_at_once(town: Town) -> None:
    red, manager = town.client(town.red), town.client(town.manager)
    assert red.get("/me/privacy").status_code == 200
    page = f"/branch/members/{town.red}"
    manager.post(f"{page}/suspend", data={"reason": "长期联系不上"})
    assert town.member(town.red).status == SUSPENDED
    assert red.get("/me/privacy").status_code == 302
    manager.post(f"{page}/resume")
    assert town.member(town.red).status == ACTIVE
    assert red.get("/me/privacy").status_code == 302  # the old cookie stays worthless


@pytest.mark.parametrize("cookie", ["", "x", ":", "1", "1:", "1:x", "-1:x", "9" * 40 + ":x", "一:二", "1:2:3"])
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_a_made_up_cookie_is_nobody(town: Town, cookie: str) -> None:
    client = town.client()
    with client.session_transaction() as session:
        session["_user_id"] = cookie
    assert client.get("/me/privacy").status_code == 302


def test_demo_sign_ins_show_in_demo_mode_only(town: Town) -> None:
    shown = [{"role": "志愿者", "who": "张小红", "login": PHONE, "password": "demo-secret"}]
    town.app.extensions["timebank_demo_sign_ins"] = shown
    assert "demo-secret" not in town.client().get("/sign-in").text
    town.app.config["TIMEBANK_DEMO"] = True
    assert "demo-secret" in town.client().get("/sign-in").text


# --- 我的 -----------------------------------------------------------------------------------------------------------


def test_people_see_and_change_what_is_stored_about_them(town: Town) -> None:
    red = town.client(town.red)
    page = red.get("/me/privacy").text
    assert "138****8000" in page
    assert PHONE not in page
    assert ID not in page
    assert PHONE in red.get("/me/profile").text
    given = {"phone": PHONE, "alias": "张阿姨", "skills": "理发", "free_times": ["周末白天", "节假日"]}
    assert red.post("/me/profile", data=given).location == "/me/privacy"
    assert "周末白天、节假日" in red.get("/me/privacy").text
    assert red.post("/me/profile", data={"phone": "12"}).status_code == 422
    assert red.post("/me/card/replace", data={"reason": "卡丢了"}).location == "/me/card"
    assert red.post("/me/card/replace", data={}).location == "/me/card"
    red.post("/me/privacy/remove-identity")
    assert town.member(town.red).id_number_sealed is None


# --- 网点 -----------------------------------------------------------------------------------------------------------


def test_staff_register_somebody_and_the_repeat_is_harmless(town: Town) -> None:
    manager = town.client(town.manager)
    assert "登记会员" in manager.get("/branch/members/new").text
    given = {"form_key": "s1", "branch_id": town.branch, "name": "李奶奶", "consent_version": CONSENT_VERSION}
    refused = manager.post("/branch/members/new", data=given)
    assert refused.status_code == 422
    first = manager.post("/branch/members/new", data=given | {"consent": "1"})
    again = manager.post("/branch/members/new", data=given | {"consent": "1"})
    assert first.status_code == 302
    assert first.location == again.location
    assert "无电话" in manager.get("/branch/members?q=李奶奶").text


def test_a_manager_registers_at_their_own_branch_only(town: Town) -> None:
    given = {"form_key": "s1", "branch_id": town.other, "name": "李奶奶", "consent": "1"}
    answer = town.client(town.manager).post("/branch/members/new", data=given | {"consent_version": CONSENT_VERSION})
    assert answer.status_code == 403
    assert town.client(town.manager).get(f"/branch/members?branch={town.other}").status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/branch/members", 200),
        ("/branch/members/new", 200),
        ("/branch/members/{red}", 200),
        ("/branch/members/{red}/edit", 200),
        ("/branch/members/{red}/identity", 200),
        ("/branch/members/{red}/card", 200),
        ("/branch/members/{stranger}", 403),
        ("/branch/members/{stranger}/edit", 403),
        ("/branch/members/{stranger}/card", 403),
        ("/branch/members/{stranger}/identity", 403),
        ("/branch/members/999999", 404),
        ("/branch/members/99999999999999999999", 404),
        ("/branch/roles", 200),
        ("/branch/teams", 200),
        ("/branch/teams/{team}", 200),
        ("/branch/teams/999999", 404),
        ("/me/password", 200),
    ],
)
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_what_a_manager_opens(town: Town, path: str, status: int) -> None:
    answer = town.client(town.manager).get(path.format(**vars(town)))
    assert answer.status_code == status
    assert PHONE not in answer.text
    assert ID not in answer.text


@pytest.mark.parametrize(
    "path",
    ["members/new", "members/{red}/edit", "members/{red}/card", "members/{red}/identity", "roles"],
)
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_what_an_organiser_does_not_open(town: Town, path: str) -> None:
    organiser = town.client(town.organiser)
    assert organiser.get(f"/branch/{path}".format(**vars(town))).status_code == 403
    assert organiser.get(f"/branch/members/{town.red}").status_code == 200


@pytest.mark.parametrize("verb", ["approve", "decline", "suspend", "resume", "card", "pin", "unmask"])
@pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)
def test_what_only_the_branchs_managers_press(town: Town, verb: str) -> None:
    path, given = f"/branch/members/{town.red}/{verb}", {"reason": "看看", "field": "phone"}
    assert town.client().post(path, data=given).location.startswith("/sign-in")
    assert town.client(town.red).post(path, data=given).status_code == 403
    assert town.client(town.organiser).post(path, data=given).status_code == 403
    stranger = town.client(town.stranger)
    answer = stranger.post(path, data=given)
    assert answer.status_code in {302, 403}
    assert PHONE not in answer.text
    assert town.member(town.red).status == ACTIVE
    assert town.client(town.manager).post(path, data=given).status_code in {200, 302}


def test_looking_whole_needs_a_reason_and_is_recorded(town: Town) -> None:
    manager = town.client(town.manager)
    page = f"/branch/members/{town.red}"
    assert manager.post(f"{page}/unmask", data={"field": "phone", "reason": ""}).location == page
    assert PHONE in manager.post(f"{page}/unmask", data={"field": "phone", "reason": "通知改期"}).text
    assert ID in manager.post(f"{page}/unmask", data={"field": "id_number", "reason": "办保险"}).text
    assert "通知改期" in town.client(town.red).get("/me/privacy").text
    assert PHONE not in manager.get(page).text


def test_declining_tells_the_reason(town: Town) -> None:
    visitor = town.client()
    town.register(visitor)
    member = town.find("孙新人")
    assert member is not None
    manager = town.client(town.manager)
    manager.post(f"/branch/members/{member.id}/decline", data={"reason": ""})
    assert town.member(member.id).status == PENDING
    manager.post(f"/branch/members/{member.id}/decline", data={"reason": "电话打不通"})
    assert town.member(member.id).status == DECLINED
    assert "电话打不通" in visitor.post("/sign-in", data={"login": "13922223333", "password": "binhelu-3"}).text


def test_staff_correct_what_is_known(town: Town) -> None:
    manager = town.client(town.manager)
    page = f"/branch/members/{town.red}"
    assert manager.post(f"{page}/edit", data={"name": "张晓红"}).location == page
    assert town.member(town.red).name == "张晓红"
    assert town.member(town.red).phone_tail == "8000"
    assert manager.post(f"{page}/edit", data={"name": "1"}).status_code == 422
    other = f"/branch/members/{town.organiser}"
    taken = manager.post(f"{other}/identity", data={"id_number": ID, "identity_consent": "1"})
    assert taken.status_code == 409
    assert manager.post(f"{other}/identity", data={"id_number": "330113199001011233"}).status_code == 422


def test_roles_are_given_and_ended_on_a_page(town: Town) -> None:
    manager = town.client(town.manager)
    given = manager.post("/branch/roles", data={"number": town.number.lower(), "role": "organiser", "place": "branch"})
    assert given.status_code == 302
    assert "张小红" in manager.get("/branch/roles").text
    refused = manager.post("/branch/roles", data={"number": town.number, "role": "inspector", "place": "branch"})
    assert refused.status_code == 403
    assert manager.post("/branch/roles", data={"number": "HL1", "role": "organiser"}).status_code == 422
    with town.app.app_context():
        (grant,) = queries.list_grants(db.session(), town.red)
        (own,) = queries.list_grants(db.session(), town.administrator)
    assert town.client(town.organiser).post(f"/branch/roles/{grant.id}/end").status_code == 403
    manager.post(f"/branch/roles/{grant.id}/end?branch={town.branch}")
    with town.app.app_context():
        assert not queries.list_grants(db.session(), town.red)
    administrator = town.client(town.administrator)
    assert "最后一位" in administrator.post(f"/branch/roles/{own.id}/end", follow_redirects=True).text


def test_an_administrator_gives_roles_for_areas_and_everywhere(town: Town) -> None:
    administrator = town.client(town.administrator)
    with town.app.app_context():
        area_id = get_branch(db.session(), town.branch).area_id
    for role, place in (("inspector", f"area-{area_id}"), ("manager", "everywhere"), ("administrator", "branch")):
        answer = administrator.post("/branch/roles", data={"number": town.number, "role": role, "place": place})
        assert answer.status_code == 302
    assert (
        administrator.post(
            "/branch/roles", data={"number": town.number, "role": "inspector", "place": "area-x"}
        ).status_code
        == 422
    )


def test_teams_are_made_on_a_page(town: Town) -> None:
    manager = town.client(town.manager)
    made = manager.post("/branch/teams", data={"name": "阳光巡河队", "kind": "环保"})
    assert made.status_code == 302
    assert manager.post("/branch/teams", data={"name": "阳光巡河队", "kind": "别的"}).status_code == 409
    assert manager.post("/branch/teams", data={"name": ""}).status_code == 422
    page = f"/branch/teams/{town.team}"
    for verb in ("members", "leader"):
        manager.post(f"{page}/{verb}", data={"member_id": town.red})
    assert "队长" in manager.get(page).text
    manager.post(f"{page}/leave", data={"member_id": town.red})
    assert "队里还没有人" in manager.get(page).text
    for verb in ("members", "leader", "leave"):
        assert manager.post(f"{page}/{verb}", data={"member_id": "x"}).status_code == 302
        assert town.client(town.organiser).post(f"{page}/{verb}", data={"member_id": town.red}).status_code == 403
    assert town.client(town.organiser).post("/branch/teams", data={"name": "新队"}).status_code == 403
    assert town.client(town.stranger).get(page).status_code == 403


def test_a_lost_card_is_reported_by_its_holder_and_the_new_code_is_there_at_once(town: Town) -> None:
    client = town.client(town.red)
    page = client.get("/me/card").text
    old = re.search(r'class="letters">([0-9A-Z-]+)<', page)
    form = re.search(r'name="card_id" value="(\d+)"', page)
    assert old is not None
    assert form is not None
    sent = {"card_id": form[1], "reason": "忘在公交车上"}
    shown = client.post("/me/card/replace", data=sent, follow_redirects=True).text
    new = re.search(r'class="letters">([0-9A-Z-]+)<', shown)
    assert new is not None
    assert "旧卡已作废" in shown
    assert new[1] != old[1]
    again = client.post("/me/card/replace", data=sent, follow_redirects=True).text  # pressed twice: the new card stays
    assert new[1] in again
    with town.app.app_context():
        assert queries.find_member_by_code(db.session(), KEYS, new[1], at=clock.now()).id == town.red
        with pytest.raises(queries.CardRevoked):
            queries.find_member_by_code(db.session(), KEYS, old[1], at=clock.now())
        lost = db.session.scalars(select(Card).where(Card.revoked_at.is_not(None))).one()
        assert lost.revoked_reason == "忘在公交车上"
    refused = client.post("/me/card/replace", data={"reason": ""}, follow_redirects=True).text
    assert "请写明原因" in refused
    assert new[1] in refused


def test_staff_report_the_lost_card_of_a_member_once(town: Town) -> None:
    manager, url = town.client(town.manager), f"/branch/members/{town.red}"
    form = re.search(r'name="card_id" value="(\d+)"', manager.get(url).text)
    assert form is not None
    for _ in range(2):
        said = manager.post(f"{url}/card", data={"card_id": form[1], "reason": "卡丢了"}, follow_redirects=True).text
        assert "请给会员打印新卡" in said
    with town.app.app_context():
        cards = db.session.scalars(select(Card).where(Card.member_id == town.red)).all()
        assert len(cards) == 2


def test_the_link_on_a_card_tells_strangers_nothing(town: Town) -> None:
    """One page for a true pass, a forged one and nonsense: nobody learns whose card it is, or whether it counts."""
    with town.app.app_context():
        card = queries.find_card(db.session(), town.red)
        assert card is not None
        true = queries.show_codes(db.session(), KEYS, card).scanned
        name = card.member.name
    visitor = town.app.test_client()
    answers = [visitor.get(f"/P/{code}") for code in (true, true[:-1] + "0", "x", "😀")]
    assert {answer.status_code for answer in answers} == {200}
    pages = {answer.text.partition("<main")[2].partition("</main>")[0] for answer in answers}
    assert len(pages) == 1
    [page] = pages
    assert "个人码" in page
    assert "工作人员" in page
    assert name not in page
    assert visitor.get("/P/").status_code == 404


def test_the_printed_card_carries_the_personal_code(town: Town) -> None:
    page = town.client(town.manager).get(f"/branch/members/{town.red}/card").text
    found = re.search(r'class="code">([0-9A-Z-]+)<', page)
    assert found is not None
    with town.app.app_context():
        assert queries.find_member_by_code(db.session(), KEYS, found[1], at=clock.now()).id == town.red


def test_a_manager_of_two_branches_switches_between_them(town: Town) -> None:
    with town.app.app_context(), transaction() as session:
        grant_role(session, town.manager, "manager", Place(branch_id=town.other), actor=SYSTEM, now=clock.now())
    manager = town.client(town.manager)
    assert "切换网点" in manager.get("/branch/members").text
    assert "周大碶" in manager.get(f"/branch/members?branch={town.other}").text


# --- who is a member is nobody's business --------------------------------------------------------------------------


def test_the_public_form_tells_nobody_who_is_a_member(town: Town) -> None:
    first, twin = town.client(), town.client()
    before = town.register(first)
    again = town.register(twin, form_key="key-2", password="bieren-2026", password_again="bieren-2026")
    assert (again.status_code, again.location) == (before.status_code, before.location)
    with town.app.app_context():
        found = queries.list_members(
            db.session(), branch_id=town.branch, chosen=queries.MemberFilter(text="孙新人"), keys=KEYS, number=1
        )
        assert found.total == 1
    taken = town.register(town.client(), form_key="key-3", name="周路人", id_number=ID, identity_consent="1")
    assert taken.status_code == 422
    assert "已经登记过" not in taken.text


def test_staff_are_told_who_is_a_member(town: Town) -> None:
    data = {"name": "张小红", "phone": PHONE, "consent": "1", "consent_version": CONSENT_VERSION, "form_key": "k"}
    answer = town.client(town.manager).post("/branch/members/new", data=data | {"branch_id": town.branch})
    assert answer.status_code == 409
    assert "同名的会员" in answer.text


@pytest.mark.parametrize("typed", [PHONE, "138-0013-8000", "+86 138 0013 8000", "１３８００１３８０００"])
def test_a_phone_number_gets_into_no_address(town: Town, typed: str) -> None:
    manager = town.client(town.manager)
    sought = manager.post("/branch/members", data={"q": typed, "status": "active"})
    assert sought.location == f"/branch/members?branch={town.branch}&q=8000&status=active"
    assert "张小红" in manager.get(sought.location).text
    assert manager.get("/branch/members", query_string={"q": typed}).location.endswith("q=8000")
    assert "张小红" in manager.post("/branch/members", data={"q": "张小"}, follow_redirects=True).text
    assert "张小红" in manager.post("/branch/members", data={"q": town.number}, follow_redirects=True).text
