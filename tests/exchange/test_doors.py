"""Pages and buttons: what people find, what they may not, and what happens to whatever they type."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.exchange.scene import Scene, coins_of
from tests.world import actor_of, make_branch, make_member, sign_in
from timebank.branches.models import Branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.exchange import service
from timebank.exchange.models import Offer, Order
from timebank.members.models import Member

LONG, RARE = "长" * 10_000, "𠮷野家😀"


@dataclass
class Doors:
    """The scene, committed, and a browser for each of its people."""

    app: Flask
    ids: dict[str, int]
    vouchers: dict[str, str]

    browsers: dict[str, FlaskClient] = field(default_factory=dict)

    def browser(self, who: str = "") -> FlaskClient:
        if who not in self.browsers:
            self.browsers[who] = self.app.test_client()
            if who:
                sign_in(self.browsers[who], self.ids[who], now=clock.now())
        return self.browsers[who]

    def get(self, who: str, path: str) -> tuple[int, str]:
        answer = self.browser(who).get(path)
        return answer.status_code, answer.text

    def post(self, who: str, path: str, **typed: Any) -> tuple[int, str]:
        answer = self.browser(who).post(path, data=typed, follow_redirects=True)
        return answer.status_code, answer.text

    def status(self, order: str) -> str:
        with self.app.app_context():
            return db.session.get_one(Order, self.ids[order]).status

    def count(self, table: type[Offer] | type[Order]) -> int:
        with self.app.app_context():
            return db.session.scalar(select(func.count()).select_from(table)) or 0

    def coins(self, who: str) -> tuple[int, int]:
        with self.app.app_context():
            return coins_of(db.session(), db.session.get_one(Member, self.ids[who]))


@pytest.fixture
def doors(app: Flask) -> Doors:
    now = clock.now()
    with app.app_context(), transaction() as session:
        scene = Scene(session, now)
        requested = scene.order(scene.haircut, wish="麻烦上门")
        accepted = scene.accept(scene.order(scene.haircut))
        ready = scene.order(scene.tickets)
        other = make_branch(session, "XQ", now=now)
        people = {
            "barber": scene.barber,
            "asker": scene.asker,
            "manager": scene.manager,
            "inspector": make_member(session, scene.branch, roles=("inspector",), now=now),
            "neighbour": make_member(session, scene.branch, now=now),
            "stranger": make_member(session, other, now=now),
            "far": make_member(session, other, roles=("manager",), now=now),
            "administrator": make_member(session, other, roles=("administrator",), now=now),
        }
        orders = {"requested": requested, "accepted": accepted, "ready": ready}
        things = {"haircut": scene.haircut, "tickets": scene.tickets, "branch": scene.branch}
        ids = {name: thing.id for name, thing in {**people, **orders, **things}.items()}
        vouchers = {name: order.voucher for name, order in orders.items()}
    return Doors(app, ids, vouchers)


# --- looking --------------------------------------------------------------------------------------------------------


def test_everybody_may_look_at_what_can_be_redeemed(doors: Doors) -> None:
    status, page = doors.get("", "/offers")
    assert status == 200
    assert "上门理发" in page
    assert "越剧门票" in page
    status, page = doors.get("", f"/offers/{doors.ids['haircut']}")
    assert status == 200
    assert "登录后兑换" in page
    assert "不收一分钱" in doors.get("asker", f"/offers/{doors.ids['haircut']}")[1]


def test_a_member_sees_their_own_branch_and_the_sum(doors: Doors) -> None:
    assert "还没有可以兑换的" in doors.get("stranger", "/offers")[1]
    page = doors.get("asker", f"/offers/{doors.ids['haircut']}")[1]
    assert re.search(r"兑换后还剩</dt><dd>不够", page)
    assert "还差 30 分" in page
    page = doors.get("asker", f"/offers/{doors.ids['tickets']}")[1]
    assert re.search(r"兑换后还剩</dt><dd>0 币", page)
    assert "只对本网点会员开放" in doors.get("stranger", f"/offers/{doors.ids['haircut']}")[1]


NONSENSE = [
    "?text=" + LONG[:500],
    "?text=%00%F0%A0%AE%B7",
    "?category=gold&kind=x&price=-1",
    "?price=60",
    "?page=999999999999",
    "?page=-1",
]


def test_a_filter_can_be_nonsense(doors: Doors) -> None:
    for query in NONSENSE:
        assert doors.get("asker", f"/offers{query}")[0] == 200
        assert doors.get("manager", f"/branch/orders{query}")[0] == 200


NOWHERE = ["/offers/0", "/offers/999999", "/offers/99999999999999999999", "/orders/0", "/orders/99999999999999999999"]


def test_what_does_not_exist_is_not_found(doors: Doors) -> None:
    for path in NOWHERE:
        assert doors.get("asker", path)[0] == 404


FOR_MEMBERS = [
    "/me/offers",
    "/me/offers/new",
    "/me/orders",
    "/orders/1",
    "/vouchers",
    "/vouchers/VAAAAAAAAAA",
    "/branch/offers",
    "/branch/offers/new",
    "/branch/orders",
]


def test_visitors_are_sent_to_sign_in(doors: Doors) -> None:
    for path in FOR_MEMBERS:
        answer = doors.browser().get(path)
        assert answer.status_code == 302
        assert answer.location.startswith("/sign-in")


DESK = ["/branch/offers", "/branch/offers/new", "/branch/orders"]


def test_the_desk_is_for_the_branch(doors: Doors) -> None:
    for path in DESK:
        assert doors.get("asker", path)[0] == 403
        assert doors.get("manager", path)[0] == 200
        assert doors.get("administrator", f"{path}?branch={doors.ids['branch']}")[0] == 200


def test_inspectors_read_orders_and_change_nothing(doors: Doors) -> None:
    status, page = doors.get("inspector", "/branch/orders")
    assert status == 200
    assert "领取台" not in page
    assert doors.get("inspector", f"/orders/{doors.ids['ready']}")[0] == 200
    assert doors.post("inspector", f"/orders/{doors.ids['ready']}/cancel", reason="看看")[0] == 403
    assert doors.get("inspector", f"/vouchers/{doors.vouchers['ready']}")[0] == 404
    assert doors.status("ready") == "accepted"


# --- offers ---------------------------------------------------------------------------------------------------------

SERVICE = {"form_key": "k1", "title": "教用微信", "category": "teaching", "price_hours": "１", "price_minutes": "30"}


def test_a_member_offers_changes_pauses_and_takes_down(doors: Doors) -> None:
    status, page = doors.post("neighbour", "/me/offers/new", **SERVICE)
    assert status == 200
    assert "“教用微信”已发布" in page
    doors.post("neighbour", "/me/offers/new", **SERVICE)
    assert doors.count(Offer) == 3
    with doors.app.app_context():
        offer = db.session.scalars(select(Offer).where(Offer.title == "教用微信")).one()
        assert offer.price_minutes == 90
        edit, turn = f"/me/offers/{offer.id}/edit", f"/me/offers/{offer.id}"
    assert 'value="教用微信"' in doors.get("neighbour", edit)[1]
    assert "已改好" in doors.post("neighbour", edit, **SERVICE | {"title": "教用手机"})[1]
    assert "已暂停" in doors.post("neighbour", f"{turn}/pause")[1]
    assert "已恢复" in doors.post("neighbour", f"{turn}/resume")[1]
    assert "已下架" in doors.post("neighbour", f"{turn}/end")[1]
    assert "不能再改" in doors.post("neighbour", f"{turn}/resume")[1]
    assert doors.browser("neighbour").get(f"{turn}/melt").status_code == 404


def test_other_peoples_offers_are_not_mine_to_change(doors: Doors) -> None:
    edit = f"/me/offers/{doors.ids['haircut']}/edit"
    assert doors.get("asker", edit)[0] == 404
    assert doors.post("asker", edit, **SERVICE)[0] == 404
    assert doors.post("asker", f"/me/offers/{doors.ids['haircut']}/end")[0] == 403
    assert doors.get("far", f"/branch/offers/{doors.ids['tickets']}/edit")[0] == 404
    assert doors.post("far", f"/branch/offers/{doors.ids['tickets']}/stock", stock="9", seen="1")[0] == 404
    assert doors.get("manager", edit)[0] == 200


WRONG_SERVICES = [
    {"title": ""},
    {"title": LONG},
    {"title": " \u200b "},
    {"category": "ticket"},
    {"category": ""},
    {"price_hours": "", "price_minutes": ""},
    {"price_hours": "0", "price_minutes": "0"},
    {"price_hours": "-1"},
    {"price_hours": "一"},
    {"price_hours": "99999999999999999999"},
    {"price_minutes": "60"},
    {"price_hours": "1.5"},
    {"category": "legal"},
    {"valid_until": "2020-01-01"},
    {"valid_until": "2026-02-30"},
    {"valid_until": "明天"},
    {"description": LONG},
    {"form_key": LONG},
    {"form_key": ""},
]


def test_a_service_that_cannot_be_is_answered_in_chinese(doors: Doors) -> None:
    for wrong in WRONG_SERVICES:
        status, page = doors.post("neighbour", "/me/offers/new", **SERVICE | wrong)
        assert status == 422
        assert 'id="mistakes"' in page
        assert doors.count(Offer) == 2


def test_rare_characters_are_kept(doors: Doors) -> None:
    assert RARE in doors.post("neighbour", "/me/offers/new", **SERVICE | {"title": RARE})[1]


GOODS = {
    "form_key": "k2",
    "title": "大米",
    "category": "daily",
    "price_hours": "4",
    "stock": "10",
    "per_member_limit": "2",
}


def test_the_branch_puts_goods_on_the_shelf_and_counts_them(doors: Doors) -> None:
    assert "“大米”已上架，共 10 份" in doors.post("manager", "/branch/offers/new", **GOODS)[1]
    with doors.app.app_context():
        offer_id = db.session.scalars(select(Offer.id).where(Offer.title == "大米")).one()
    path = f"/branch/offers/{offer_id}"
    assert "已改好" in doors.post("manager", f"{path}/edit", **GOODS | {"title": "新米", "stock": "99"})[1]
    assert "现在有 12 份" in doors.post("manager", f"{path}/stock", stock="12", seen="10")[1]
    assert "库存刚刚变成了 12 份" in doors.post("manager", f"{path}/stock", stock="5", seen="10")[1]
    assert "请输入 0 到 100000" in doors.post("manager", f"{path}/stock", stock="-5", seen="12")[1]
    status, page = doors.post("manager", f"{path}/edit", **GOODS | {"title": ""})
    assert status == 422
    assert 'id="mistakes"' in page


WRONG_GOODS = [{"stock": "-1"}, {"stock": ""}, {"stock": "一堆"}, {"per_member_limit": "0"}, {"title": ""}]


def test_goods_that_cannot_be_are_answered_in_chinese(doors: Doors) -> None:
    for wrong in WRONG_GOODS:
        status, page = doors.post("manager", "/branch/offers/new", **GOODS | wrong)
        assert status == 422
        assert 'id="mistakes"' in page


def test_a_manager_stocks_only_their_own_branch(doors: Doors) -> None:
    assert doors.post("far", f"/branch/offers/new?branch={doors.ids['branch']}", **GOODS)[0] == 403
    assert doors.count(Offer) == 2
    assert doors.post("far", "/branch/offers/new", **GOODS)[0] == 200
    with doors.app.app_context():
        offer = db.session.scalars(select(Offer).where(Offer.title == "大米")).one()
        assert offer.branch_id != doors.ids["branch"]


# --- orders ---------------------------------------------------------------------------------------------------------


def test_asking_answers_with_the_order(doors: Doors) -> None:
    path = f"/offers/{doors.ids['haircut']}"
    before = doors.coins("asker")
    status, page = doors.post("asker", path, form_key="o1", wish="周三")
    assert status == 409
    assert "可用的爱心币不够：需要 1 币，现在可用 30 分" in page
    assert doors.coins("asker") == before
    status, page = doors.post("asker", f"/offers/{doors.ids['tickets']}", form_key="o2")
    assert status == 200
    assert "请凭兑换券领取" in page
    doors.post("asker", f"/offers/{doors.ids['tickets']}", form_key="o2")
    assert doors.count(Order) == 4
    assert doors.post("barber", path, form_key="o3")[0] == 409
    assert doors.post("stranger", path, form_key="o4")[0] == 409
    assert doors.browser().post(path, data={"form_key": "o5"}).status_code == 302


WRONG_ORDERS = [
    {"form_key": ""},
    {"form_key": LONG},
    {"form_key": "x", "wish": LONG},
    {"form_key": "x", "quantity": "0"},
    {"form_key": "x", "quantity": "-3"},
    {"form_key": "x", "quantity": "21"},
    {"form_key": "x", "quantity": "两张"},
]


def test_an_order_that_cannot_be_is_answered_in_chinese(doors: Doors) -> None:
    for typed in WRONG_ORDERS:
        status, page = doors.post("asker", f"/offers/{doors.ids['tickets']}", **typed)
        assert status == 422
        assert 'id="mistakes"' in page
        assert doors.count(Order) == 3


def test_only_the_one_who_asked_sees_the_voucher(doors: Doors) -> None:
    path, code = f"/orders/{doors.ids['accepted']}", doors.vouchers["accepted"]
    grouped = f"{code[:4]}-{code[4:8]}-{code[8:]}"
    assert grouped in doors.get("asker", path)[1]
    for who in ("barber", "manager", "inspector"):
        status, page = doors.get(who, path)
        assert status == 200
        assert grouped not in page
        assert code not in page
    assert doors.get("neighbour", path)[0] == 404
    assert doors.get("far", path)[0] == 404
    assert doors.vouchers["requested"] not in doors.get("asker", f"/orders/{doors.ids['requested']}")[1]


def tomorrow() -> str:
    return clock.local(clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")


def test_accepting_with_a_time(doors: Doors) -> None:
    path = f"/orders/{doors.ids['requested']}/accept"
    assert "约好了" in doors.post("barber", path, agreed_at=tomorrow(), reply="带条毛巾")[1]
    assert doors.status("requested") == "accepted"
    assert "带条毛巾" in doors.get("asker", f"/orders/{doors.ids['requested']}")[1]


def test_a_time_may_be_typed_by_hand(doors: Doors) -> None:
    typed = tomorrow().replace("T", " ").replace("-", "/")
    full_width = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in typed)
    assert doors.post("barber", f"/orders/{doors.ids['requested']}/accept", agreed_at=full_width)[0] == 200
    assert doors.status("requested") == "accepted"


WRONG_TIMES = ["", "明天", "2020-01-01T09:00", "0001-01-01T00:00", "9999-12-31T23:59", "2026-02-30T09:00", LONG]


def test_a_time_that_cannot_be_is_answered_in_chinese(doors: Doors) -> None:
    for at in WRONG_TIMES:
        status, page = doors.post("barber", f"/orders/{doors.ids['requested']}/accept", agreed_at=at)
        assert status == 422
        assert "f-agreed_at" in page
        assert doors.status("requested") == "requested"


def test_a_form_that_was_not_sent_keeps_what_it_said(doors: Doors) -> None:
    """Who forgets the reason for cancelling still sees the time that was agreed on in the form beside it."""
    status, page = doors.post("barber", f"/orders/{doors.ids['accepted']}/cancel", reason="")
    [box] = re.findall(r'<input[^>]*name="agreed_at"[^>]*>', page)
    assert (status, bool(re.search(r'value="\d{4}-\d\d-\d\dT\d\d:\d\d"', box))) == (422, True)


def test_declining_and_cancelling_want_a_reason(doors: Doors) -> None:
    decline = f"/orders/{doors.ids['requested']}/decline"
    assert doors.post("barber", decline, reason="")[0] == 422
    assert doors.post("asker", decline, reason="不")[0] == 403
    assert doors.post("neighbour", decline, reason="不")[0] == 404
    assert "已婉拒" in doors.post("barber", decline, reason="出门了")[1]
    cancel = f"/orders/{doors.ids['accepted']}/cancel"
    status, page = doors.post("asker", cancel, reason=" ")
    assert status == 422
    assert "请写一句原因" in page
    assert doors.post("neighbour", cancel, reason="不")[0] == 404
    assert "已取消" in doors.post("asker", cancel, reason="不用了")[1]
    assert doors.coins("asker") == (180, 30)
    assert doors.post("asker", f"/orders/{doors.ids['requested']}/cancel", reason="晚了")[0] == 409


def test_rating_after_it_is_done(doors: Doors) -> None:
    path = f"/orders/{doors.ids['accepted']}/rate"
    assert doors.post("asker", path, score="5")[0] == 409
    doors.post("barber", f"/vouchers/{doors.vouchers['accepted']}")
    assert doors.post("asker", path, score="")[0] == 422
    assert doors.post("asker", path, score="6")[0] == 422
    assert doors.post("asker", path, score="5", words=LONG)[0] == 422
    assert "谢谢您的评价" in doors.post("asker", path, score="5", words=RARE)[1]
    assert doors.post("asker", path, score="1")[0] == 409
    assert doors.post("manager", path, score="1")[0] == 403
    assert RARE in doors.get("", f"/offers/{doors.ids['haircut']}")[1]


def test_my_orders_put_first_what_waits_for_me(doors: Doors) -> None:
    page = doors.get("barber", "/me/orders?side=given")[1]
    assert "等您办的" in page
    assert page.index("等您答复") < page.index("等您去做")
    assert "等您办的" not in doors.get("neighbour", "/me/orders")[1]
    assert "还没有兑换过" in doors.get("neighbour", "/me/orders")[1]


# --- vouchers -------------------------------------------------------------------------------------------------------


def test_looking_at_a_voucher_changes_nothing(doors: Doors) -> None:
    path = f"/vouchers/{doors.vouchers['accepted']}"
    status, page = doors.get("barber", path)
    assert status == 200
    assert "服务已完成，核销" in page
    assert doors.status("accepted") == "accepted"
    assert doors.get("neighbour", path)[0] == 404
    assert doors.get("far", path)[0] == 404
    assert doors.browser("asker").get(path).location.endswith(f"/orders/{doors.ids['accepted']}")


def test_a_voucher_is_typed_seen_and_fulfilled_once(doors: Doors) -> None:
    code = doors.vouchers["accepted"]
    status, page = doors.post("barber", "/vouchers", voucher=f" {code[:4].lower()}－{code[4:]} ")
    assert status == 200
    assert "服务已完成，核销" in page
    assert "核销好了" in doors.post("barber", f"/vouchers/{code}")[1]
    assert "没有重复扣币" in doors.post("barber", f"/vouchers/{code}")[1]
    assert "已经核销过了" in doors.get("barber", f"/vouchers/{code}")[1]
    assert doors.coins("asker") == (120, 90)
    assert doors.coins("barber") == (60, 0)


def test_goods_are_handed_out_at_the_desk(doors: Doors) -> None:
    code = doors.vouchers["ready"]
    assert doors.post("barber", f"/vouchers/{code}")[0] == 404
    assert "物品已交给会员，核销" in doors.get("manager", f"/vouchers/{code}")[1]
    assert "核销好了" in doors.post("manager", f"/vouchers/{code}")[1]
    assert doors.status("ready") == "fulfilled"


def test_a_voucher_before_its_time_says_what_to_do(doors: Doors) -> None:
    code = doors.vouchers["requested"]
    assert "请先在兑换单里确认接单" in doors.get("barber", f"/vouchers/{code}")[1]
    assert "请先在兑换单里确认接单" in doors.post("barber", f"/vouchers/{code}")[1]
    assert doors.post("asker", f"/vouchers/{code}")[0] in {200, 409}
    assert doors.status("requested") == "requested"


NO_VOUCHERS = [
    ("", "请输入或扫描兑换券上的码"),
    ("P1ABCDEFGHJKMNPQ", "这不是兑换券"),
    ("HL000123K", "这不是兑换券"),
    ("😀", "这不是兑换券"),
    ("V123", "这不是兑换券"),
    ("D123", "可能有一位看错了"),
    (LONG, "应当是 1 到 200 个字"),
]


def test_what_is_no_voucher_says_so(doors: Doors) -> None:
    for typed, said in NO_VOUCHERS:
        status, page = doors.post("barber", "/vouchers", voucher=typed)
        assert status == 422
        assert said in page


def test_a_forged_or_foreign_voucher_is_not_found(doors: Doors) -> None:
    from timebank.exchange.rules import voucher_code

    forged = voucher_code("0A1B2C3D4E")
    status, page = doors.post("barber", "/vouchers", voucher=forged)
    assert status == 422
    assert "没有找到这张兑换券" in page
    assert doors.post("neighbour", "/vouchers", voucher=doors.vouchers["accepted"])[0] == 422
    for code in (forged, "P1ABCDEFGHJKMNPQ", "V1", "%F0%9F%98%80", "x" * 3000):
        assert doors.get("barber", f"/vouchers/{code}")[0] == 404
        assert doors.post("barber", f"/vouchers/{code}")[0] == 404


def test_the_branch_answers_for_somebody_without_a_phone(doors: Doors) -> None:
    assert "约好了" in doors.post("manager", f"/orders/{doors.ids['requested']}/accept", agreed_at=tomorrow())[1]
    assert doors.post("far", f"/orders/{doors.ids['accepted']}/cancel", reason="x")[0] == 404


def test_the_desk_filters_and_shows_names(doors: Doors) -> None:
    page = doors.get("manager", "/branch/orders?status=open&text=王剪刀")[1]
    assert "李秀英" in page
    assert "越剧门票</th>" not in page
    with doors.app.app_context(), transaction() as session:
        manager = actor_of(session, session.get_one(Member, doors.ids["manager"]))
        service.end_offer(session, doors.ids["tickets"], actor=manager)
    assert "已下架" in doors.get("manager", "/branch/offers")[1]


def test_a_price_that_changed_while_the_page_was_open_is_told_before_anything_is_held(doors: Doors) -> None:
    path, before = f"/offers/{doors.ids['tickets']}", doors.coins("asker")
    assert 'name="seen_price_minutes" value="30"' in doors.get("asker", path)[1]
    cheaper = GOODS | {"price_hours": "0", "price_minutes": "15"}
    assert doors.post("manager", f"/branch/offers/{doors.ids['tickets']}/edit", **cheaper)[0] == 200
    status, page = doors.post("asker", path, form_key="k", quantity="1", seen_price_minutes="30")
    assert status == 409
    assert "刚刚改成了 15 分" in page
    assert 'name="seen_price_minutes" value="15"' in page
    assert doors.coins("asker") == before
    assert doors.post("asker", path, form_key="k", quantity="1", seen_price_minutes="15")[0] == 200
    assert doors.coins("asker")[1] == before[1] + 15


def test_a_closed_branch_is_not_to_choose(doors: Doors) -> None:
    for path in ("/branch/offers", "/branch/orders"):
        assert "切换网点" in doors.get("administrator", path)[1]
    with doors.app.app_context(), transaction() as session:
        session.get_one(Branch, doors.ids["branch"]).closed_on = clock.today(clock.now())
    for path in ("/branch/offers", "/branch/orders"):
        assert "切换网点" not in doors.get("administrator", path)[1]
        assert doors.get("administrator", f"{path}?branch={doors.ids['branch']}")[0] == 403
