"""Pages of 网点互通: one good and one refused request per door, nobody's name, the sealed statement byte for byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tests.clearing.scene import CODES, Between
from tests.exchange.scene import key
from tests.world import NOW, make_branch, make_member, sign_in
from timebank.branches.models import Branch
from timebank.branches.queries import get_branch_by_code
from timebank.clearing import queries, service
from timebank.clearing.rules import Gauge
from timebank.clearing.service.cases import Found, open_case
from timebank.cli.keys import keys_cli
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.models import Member, RoleGrant
from timebank.web.filters import moment

QUEUED = "别的网点提出的、要核对的差异、等同意的折算和轧差、等签的对账单"  # on the desk of who has to decide
AFTER = clock.month_range("2026-11")[1] + timedelta(hours=1)


@dataclass
class Ids:
    """AA and BB redeem at each other; their managers, the pair, CC's manager and an inspector of AA."""

    branches: list[int]
    managers: list[int]
    members: list[int]
    pair: int
    inspector: int


@pytest.fixture
def ids(app: Flask) -> Iterator[Ids]:
    """At nine on the scene's day."""
    clock.move(NOW - clock.now())
    with app.app_context(), transaction() as session:
        between = Between(session)
        inspector = make_member(session, between.branches[0], "钱监督", roles=("inspector",))
        made = Ids(
            branches=[one.id for one in between.branches],
            managers=[one.id for one in between.managers],
            members=[one.id for one in between.members],
            pair=between.pair.id,
            inspector=inspector.id,
        )
    yield made
    clock.put_right()


As = Callable[[int], FlaskClient]


@pytest.fixture
def as_member(app: Flask) -> As:
    """The browser of a member."""

    def opened(member_id: int) -> FlaskClient:
        client = app.test_client()
        sign_in(client, member_id)
        return client

    return opened


def told(app: Flask, work: Callable[[Between, Session], Any]) -> Any:
    """Something that happens behind the pages."""
    with app.app_context(), transaction() as session:
        return work(between_of(session), session)


def between_of(session: Session) -> Between:
    """The scene as it stands in the application's database."""
    found = object.__new__(Between)
    found.session, found.line = session, 300
    found.branches = [get_branch_by_code(session, code) for code in CODES]
    found.managers, found.members = (
        [session.scalars(chosen(branch)).first() or pytest.fail("nobody") for branch in found.branches]
        for chosen in (_manager, _member)
    )
    found.pair = queries.find_pair(session, *(one.id for one in found.branches[:2])) or pytest.fail("no pair")
    return found


def _manager(branch: Branch) -> Select[Member]:
    return (
        select(Member)
        .join(RoleGrant, RoleGrant.member_id == Member.id)
        .where(Member.branch_id == branch.id, RoleGrant.role == "manager")
    )


def _member(branch: Branch) -> Select[Member]:
    granted = select(RoleGrant.member_id).where(RoleGrant.role.in_(("manager", "inspector")))
    return select(Member).where(Member.branch_id == branch.id, Member.id.not_in(granted)).order_by(Member.id)


def main_of(page: str) -> str:
    return page.split("<main", 1)[1].split("</main>", maxsplit=1)[0]


def pair_url(ids: Ids, at: int = 0, what: str = "") -> str:
    return f"/branch/clearing/{ids.pair}{what}?branch={ids.branches[at]}"


def send(client: FlaskClient, url: str, **form: Any) -> str:
    """Press a button and see what the page says then."""
    return client.post(url, data={"form_key": key()} | form, follow_redirects=True).text


def ask_cc(client: FlaskClient, ids: Ids, **more: Any) -> str:
    form = {"peer": str(ids.branches[2]), "amount_hours": "5", "words": "离得近"} | more
    return send(client, f"/branch/clearing?branch={ids.branches[0]}", **form)


# --- asking ---------------------------------------------------------------------------------------------------------


def test_two_managers_connect_their_branches(as_member: As, ids: Ids) -> None:
    asking, asked = as_member(ids.managers[0]), as_member(ids.managers[2])
    assert "等对方管理员同意" in ask_cc(asking, ids)
    assert QUEUED in asked.get("/branch").text
    assert QUEUED not in asking.get("/branch").text
    page = asked.get("/branch/clearing").text
    assert "AA 站想互通" in page
    pair = queries_pair(ids, asked, 0, 2)
    where = f"/branch/clearing/{pair}"
    assert "等我们同意" in page
    assert "对方愿意让我们最多欠 <b>5 币</b>" in asked.get(where).text
    assert "等对方同意" in asking.get(where).text
    assert send(asking, f"{where}/agree", amount_hours="3").count("这两个网点之间现在是“等对方同意”") == 1
    assert "请填一个数" in send(asked, f"{where}/agree")
    done = send(asked, f"{where}/agree", amount_hours="3")
    assert "已互通，两边的会员现在可以互相兑换了" in done
    assert "不欠 / 额度 3 币（0%）" in done
    assert "不欠 / 额度 5 币（0%）" in done


def queries_pair(ids: Ids, client: FlaskClient, one: int, other: int) -> int:
    with client.application.app_context():
        pair = queries.find_pair(db.session(), ids.branches[one], ids.branches[other])
        assert pair is not None
        return pair.id


def test_the_same_ask_twice_is_one_and_a_connected_branch_is_not_asked_again(as_member: As, ids: Ids) -> None:
    asking = as_member(ids.managers[0])
    assert "请填一个数" in ask_cc(asking, ids, amount_hours="")
    assert 'value="5"' in ask_cc(asking, ids, peer="")  # what was typed stays
    for _ in range(2):
        assert "等对方管理员同意" in ask_cc(asking, ids, form_key="once")
    assert "这两个网点之间现在是“等对方同意”" in ask_cc(asking, ids)


def test_a_no_needs_a_reason_that_the_other_side_reads(as_member: As, ids: Ids) -> None:
    asking, asked = as_member(ids.managers[0]), as_member(ids.managers[2])
    ask_cc(asking, ids)
    where = f"/branch/clearing/{queries_pair(ids, asked, 0, 2)}"
    assert "请写一句说明" in send(asked, f"{where}/decline")
    assert "已经告诉对方原因" in send(asked, f"{where}/decline", words="还没有准备好")
    page = asking.get(where).text
    assert "对方没有同意" in page
    assert "CC 站：还没有准备好" in page
    assert "等对方管理员同意" in ask_cc(asking, ids)


# --- reading --------------------------------------------------------------------------------------------------------


def test_both_sides_see_the_same_figures_from_their_own_side(app: Flask, as_member: As, ids: Ids) -> None:
    told(app, lambda between, _: between.pay(90))
    ours, theirs = (as_member(ids.managers[at]).get(pair_url(ids, at)).text for at in (0, 1))
    assert gauge(ours, "我们欠对方") == gauge(theirs, "对方欠我们") == "欠 1 币 30 分 / 额度 5 币（30%）"
    assert gauge(ours, "对方欠我们") == gauge(theirs, "我们欠对方") == "不欠 / 额度 5 币（0%）"
    assert "兑换单 1" in ours
    assert "我们 → 对方" in ours
    assert "对方 → 我们" in theirs


def gauge(page: str, label: str) -> str:
    return page.split(f"<b>{label}</b><span>", 1)[1].split("<", 1)[0]


def test_the_other_sides_staff_are_named_as_their_branch_and_members_not_at_all(
    app: Flask, as_member: As, ids: Ids
) -> None:
    told(app, lambda between, _: between.pay(60))
    with app.app_context():
        session = db.session()
        between = between_of(session)
        names = [[one.name for one in some] for some in (between.managers, between.members)]
    page = main_of(as_member(ids.managers[0]).get(pair_url(ids)).text)
    assert f"本网点 {names[0][0]}：商定" in page
    assert "BB 站：商定" in page
    assert names[0][1] not in page
    assert not any(name in page for name in names[1])


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(200, ""), (210, "用了七成以上"), (270, "快满了，九成以上"), (300, "额度满了")],
)
def test_a_line_that_fills_says_so_in_words(app: Flask, as_member: As, ids: Ids, minutes: int, words: str) -> None:
    told(app, lambda between, _: between.pay(minutes))
    for url in (pair_url(ids), f"/branch/clearing?branch={ids.branches[0]}"):
        page = as_member(ids.managers[0]).get(url).text
        assert all((one == words) == (one in page) for one in ("用了七成以上", "快满了，九成以上", "额度满了"))
    assert Gauge(minutes, 0, 300).level == {200: 0, 210: 70, 270: 90, 300: 100}[minutes]


@pytest.mark.parametrize(("minutes", "told_so"), [(260, False), (270, True), (300, True)])
def test_from_nine_tenths_on_both_sides_are_told_the_ways_out(
    app: Flask, as_member: As, ids: Ids, minutes: int, told_so: bool
) -> None:
    told(app, lambda between, _: between.pay(minutes))
    for at in (0, 1):
        page = main_of(as_member(ids.managers[at]).get(pair_url(ids, at)).text)
        for way in ("请对方来", "请上级拨一笔", "轧差", "改额度"):
            assert (f"<b>{way}</b>" in page) is told_so
        assert ("AA 站为BB 站的会员安排几场活动" in page) is told_so


def test_an_inspector_reads_and_changes_nothing(as_member: As, ids: Ids) -> None:
    inspector = as_member(ids.inspector)
    pages = ("/statements/2026-11", "/items")
    for url in ("/branch/clearing", "/branch/clearing/items", pair_url(ids), *(pair_url(ids, what=w) for w in pages)):
        page = inspector.get(url)
        assert page.status_code == 200
        assert "<button" not in main_of(page.text).replace("切换网点", "")
    assert inspector.post(pair_url(ids, what="/pause"), data={"words": "x", "form_key": "x"}).status_code == 403
    assert "网点互通" in inspector.get("/branch").text


def test_a_pair_is_nobody_elses_business(as_member: As, ids: Ids) -> None:
    stranger, owner = as_member(ids.managers[2]), as_member(ids.managers[0])
    assert stranger.get(f"/branch/clearing/{ids.pair}").status_code == 404
    assert owner.get(pair_url(ids, 1)).status_code == 404  # not for the other side
    assert stranger.post(f"/branch/clearing/{ids.pair}/pause", data={"form_key": "x"}).status_code == 404
    assert owner.get("/branch/clearing/999").status_code == 404
    assert as_member(ids.members[0]).get("/branch/clearing").status_code == 403


# --- deciding -------------------------------------------------------------------------------------------------------


def test_the_line_is_changed_by_who_would_be_owed(as_member: As, ids: Ids) -> None:
    ours = as_member(ids.managers[0])
    assert "额度改好了" in send(ours, pair_url(ids, what="/line"), amount_hours="8", words="往来多了")
    page = as_member(ids.managers[1]).get(pair_url(ids, 1)).text
    assert gauge(page, "我们欠对方") == "不欠 / 额度 8 币（0%）"
    assert gauge(page, "对方欠我们") == "不欠 / 额度 5 币（0%）"
    assert "AA 站：往来多了" in page
    wrong = ours.post(pair_url(ids, what="/line"), data={"form_key": "w", "amount_minutes": "75"})
    assert (wrong.status_code, "请输入 0 到 59 之间的数" in wrong.text) == (422, True)


@pytest.mark.parametrize("in_all", [False, True])
def test_a_ceiling_is_set_and_lifted(app: Flask, as_member: As, ids: Ids, in_all: bool) -> None:
    told(app, lambda between, _: between.pay(60))
    ours = as_member(ids.managers[0])
    url = f"/branch/clearing/ceiling?branch={ids.branches[0]}" if in_all else pair_url(ids, what="/ceiling")
    assert "没有设上限。这个月用了 1 币。" in ours.get(url.replace("/ceiling", "")).text
    page = send(ours, url, ceiling_hours="1")
    assert "上限改好了" in page
    assert "每月最多 <b>1 币</b>，这个月用了 1 币，已经到顶" in page
    assert "请填一个数" in send(ours, url)
    assert "上限取消了" in send(ours, url, lifted="1")


def test_who_pauses_resumes(as_member: As, ids: Ids) -> None:
    ours, theirs = as_member(ids.managers[0]), as_member(ids.managers[1])
    assert "请写一句说明" in send(ours, pair_url(ids, what="/pause"))
    assert "已暂停" in send(ours, pair_url(ids, what="/pause"), words="盘点")
    paused = theirs.get(pair_url(ids, 1)).text
    assert "两边的兑换暂停着" in paused
    assert "是AA 站暂停的，要由对方恢复" in paused
    assert "恢复互通" not in paused
    refused = theirs.post(pair_url(ids, 1, "/resume"), data={"form_key": "r"})
    assert (refused.status_code, "要由对方恢复" in refused.text) == (403, True)
    assert "已恢复" in send(ours, pair_url(ids, what="/resume"))


def test_parting_is_offered_when_nothing_is_owed(app: Flask, as_member: As, ids: Ids) -> None:
    ours, form = as_member(ids.managers[0]), {"words": "搬走了"}
    told(app, lambda between, _: between.pay(60))
    assert "确定" not in ours.get(pair_url(ids)).text
    assert "没有在办的清算单时，才能解除" in ours.get(pair_url(ids)).text
    assert "两边还有 1 币 没有两清" in send(ours, pair_url(ids, what="/part"), **form)
    told(app, lambda between, _: between.pay(60, payer=1, payee=0, source_id=2))
    assert "解除互通" in ours.get(pair_url(ids)).text
    assert "已解除互通，两边两清" in send(ours, pair_url(ids, what="/part"), **form)
    assert "已解除" in as_member(ids.managers[1]).get("/branch/clearing").text


def test_a_difference_is_settled_when_both_have_said_their_word(app: Flask, as_member: As, ids: Ids) -> None:
    def differ(between: Between, session: Session) -> int:
        found = Found(kind="difference", facts="余额不相抵", key="difference:1")
        return open_case(session, between.pair, found, now=NOW).id

    case = told(app, differ)
    ours, theirs = as_member(ids.managers[0]), as_member(ids.managers[1])
    assert "和BB 站的差异" in ours.get("/branch/clearing").text
    page = ours.get(pair_url(ids)).text
    assert "余额不相抵" in page
    assert "差异了结以后，才能恢复" in page
    assert "恢复互通" not in page
    assert "还有 1 件差异没有处理完" in send(ours, pair_url(ids, what="/resume"))
    where = f"/cases/{case}"
    assert "请写一句说明" in send(ours, pair_url(ids, what=where))
    assert "本网点已确认，等对方网点" in send(ours, pair_url(ids, what=where), words="查过，是漏记")
    assert "不能再改" in send(ours, pair_url(ids, what=where), words="又想了想")
    assert "查过，是漏记" in theirs.get(pair_url(ids, 1)).text
    assert ours.post(pair_url(ids, what="/cases/999"), data={"words": "x"}).status_code == 404
    assert "两边都确认了" in send(theirs, pair_url(ids, 1, where), words="已补记")
    assert "了结了的差异 1 件" in ours.get(pair_url(ids)).text
    assert "已恢复" in send(ours, pair_url(ids, what="/resume"))


def test_a_case_belongs_to_its_pair(app: Flask, as_member: As, ids: Ids) -> None:
    def elsewhere(between: Between, session: Session) -> int:
        pair = between.connect(1, 2)
        return open_case(session, pair, Found(kind="unpaid", facts="x", key="unpaid:1"), now=NOW).id

    case = told(app, elsewhere)
    said = as_member(ids.managers[1]).post(pair_url(ids, 1, f"/cases/{case}"), data={"words": "查过"})
    assert said.status_code == 404


# --- what does not agree --------------------------------------------------------------------------------------------


def apart(app: Flask, at: int = 0) -> int:
    """One book has 5 minutes that the other has not; the night has found it. The item's id."""

    def work(between: Between, session: Session) -> int:
        between.pay(60)
        between.book_alone(at, 5 if at == 0 else -5, key="alone")
        service.reconcile(session, between.pair, now=NOW)
        return queries.list_open_items(session, between.pair.id)[0].id

    return int(told(app, work))


def test_each_side_sees_the_heaps_from_its_own_side(app: Flask, as_member: As, ids: Ids) -> None:
    apart(app)
    ours, theirs = (main_of(as_member(ids.managers[at]).get(pair_url(ids, at, "/items")).text) for at in (0, 1))
    assert "只有我们记了</h2>" in ours
    assert "只有对方记了</h2>" in theirs
    assert ("该谁办</dt><dd>BB 站" in ours, "该谁办</dt><dd>本网点" in theirs) == (True, True)
    assert ("我来办" in ours, "我来办" in theirs) == (False, True)
    assert "今天发现" in ours
    assert ours.count("第 1 号，共 1 条、1 币") == 2
    assert "差异：四堆" in as_member(ids.managers[0]).get(pair_url(ids)).text


def test_a_pair_without_difference_says_so(app: Flask, as_member: As, ids: Ids) -> None:
    page = as_member(ids.managers[0]).get(pair_url(ids, what="/items")).text
    assert "第一次核对在今天夜里" in page
    told(app, lambda between, session: service.reconcile(session, between.pair, now=NOW))
    page = as_member(ids.managers[0]).get(pair_url(ids, what="/items")).text
    assert "两边对得上" in page
    assert "第一次核对在今天夜里" not in page
    assert "都对得上" in as_member(ids.managers[0]).get("/branch/clearing/items").text


def test_who_has_to_act_finds_it_in_the_queue_takes_it_and_is_named_there(app: Flask, as_member: As, ids: Ids) -> None:
    item = apart(app)
    ours, theirs = as_member(ids.managers[1]), as_member(ids.managers[0])
    clock.move(timedelta(days=3))
    queue = ours.get("/branch").text
    assert "网点之间的差异" in queue
    assert "最早的等了 3 天" in queue
    assert "最早的等了" not in theirs.get("/branch").text
    everything = main_of(ours.get("/branch/clearing/items").text)
    assert "要我们办的 1 项" in everything
    assert "已经 3 天" in everything
    assert "等对方办的 1 项" in theirs.get("/branch/clearing/items").text
    where = pair_url(ids, 1, f"/items/{item}/take")
    assert "这一项由您来办" in send(ours, where)
    with app.app_context():
        name = db.session().get_one(Member, ids.managers[1]).name
    assert f"谁在办</dt><dd>{name}" in ours.get(pair_url(ids, 1, "/items")).text
    page = theirs.get(pair_url(ids, what="/items")).text
    assert "谁在办</dt><dd>BB 站" in page
    assert name not in page


def test_nobody_takes_what_the_other_side_has_to_do_or_what_is_another_pairs(
    app: Flask, as_member: As, ids: Ids
) -> None:
    item = apart(app)
    ours = as_member(ids.managers[0])
    refused = ours.post(pair_url(ids, what=f"/items/{item}/take"), data={"form_key": "t"})
    assert (refused.status_code, "这一项要由BB 站来办" in refused.text) == (403, True)
    assert ours.post(pair_url(ids, what="/items/999/take"), data={"form_key": "t"}).status_code == 404
    other = told(app, lambda between, _: between.connect(0, 2).id)
    elsewhere = f"/branch/clearing/{other}/items/{item}/take?branch={ids.branches[0]}"
    assert ours.post(elsewhere, data={"form_key": "t"}).status_code == 404


def test_an_inspector_sees_the_heaps_and_takes_nothing(app: Flask, as_member: As, ids: Ids) -> None:
    item = apart(app, at=1)
    inspector = as_member(ids.inspector)
    for url in (pair_url(ids, what="/items"), "/branch/clearing/items"):
        page = main_of(inspector.get(url).text)
        assert "兑换单 99" in page
        assert "我来办" not in page
    assert inspector.post(pair_url(ids, what=f"/items/{item}/take")).status_code == 403


def test_what_was_settled_stays_to_be_seen(app: Flask, as_member: As, ids: Ids) -> None:
    apart(app)

    def mend(between: Between, session: Session) -> None:
        between.book_alone(0, -5, key="back")
        service.reconcile(session, between.pair, now=NOW)

    told(app, mend)
    page = as_member(ids.managers[0]).get(pair_url(ids, what="/items")).text
    assert "了结了的 1 项" in page
    assert "记错的一边冲回了" in page


def sign_page(ids: Ids, at: int = 0) -> str:
    return pair_url(ids, at, "/statements/2026-11")


def seen_on(page: str) -> str:
    return page.split('name="seen" value="', 1)[1].split('"', 1)[0]


def test_two_managers_sign_and_both_find_the_same_statement_with_both_versions(
    app: Flask, as_member: As, ids: Ids
) -> None:
    apart(app)
    clock.move(AFTER - clock.now())
    told(app, lambda between, session: service.seal_statements(session, ids.branches[0], "2026-11", now=AFTER))
    ours, theirs = as_member(ids.managers[0]), as_member(ids.managers[1])
    page = ours.get(sign_page(ids)).text
    assert "有差异还没有了结" in page
    assert "兑换单 99" in page
    sign = pair_url(ids, what="/statements/2026-11/exception")
    assert "请写一句说明" in send(ours, sign, seen=seen_on(page))
    assert "签好了，已经请对方网点来签" in send(ours, sign, seen=seen_on(page), words="年底要交账")
    assert "等我们签：和AA 站的 2026 年 11 月对账单" in theirs.get("/branch/clearing").text
    theirs_sign = pair_url(ids, 1, "/statements/2026-11/exception")
    asked = theirs.get(sign_page(ids, 1)).text
    assert "签了：年底要交账" in asked
    assert "情况又变了" in send(theirs, theirs_sign, seen="0" * 64, words="同意")
    assert "两边都签了，对账单已经封存" in send(theirs, theirs_sign, seen=seen_on(asked), words="同意")
    pages = [main_of(one.get(sign_page(ids, at)).text) for at, one in enumerate((ours, theirs))]
    for page in pages:
        assert "AA 站的账" in page
        assert "BB 站的账" in page
        assert "没有了结的差异 1 件" in page
    files = [one.get(pair_url(ids, at, "/statements/2026-11.json")).data for at, one in enumerate((ours, theirs))]
    assert files[0] == files[1]
    assert ours.get(pair_url(ids, what="/statements/2026-11.pdf")).data[:5] == b"%PDF-"
    assert "BB 站" in ours.get(pair_url(ids, what="/statements/2026-11.csv")).get_data(as_text=True)


def test_a_stranger_and_an_inspector_sign_nothing(app: Flask, as_member: As, ids: Ids) -> None:
    apart(app)
    url, form = pair_url(ids, what="/statements/2026-11/exception"), {"words": "x", "seen": "0" * 64}
    assert as_member(ids.managers[2]).post(url, data=form).status_code == 404
    assert as_member(ids.inspector).post(url, data=form).status_code == 403
    early = as_member(ids.managers[0]).post(url, data=form)
    assert (early.status_code, "还没有过完" in early.text) == (409, True)


@pytest.mark.parametrize("month", ["zz", "2026-13"])
def test_what_is_no_month_is_not_there_to_be_signed(as_member: As, ids: Ids, month: str) -> None:
    url, form = pair_url(ids, what=f"/statements/{month}/exception"), {"words": "x", "seen": "0" * 64}
    assert as_member(ids.managers[0]).post(url, data=form).status_code == 404


# --- netting --------------------------------------------------------------------------------------------------------


@pytest.fixture
def circle(app: Flask, ids: Ids) -> Ids:
    """AA owes BB 90, BB owes CC 70, CC owes AA 50."""

    def owe(between: Between, _: Session) -> None:
        between.connect(1, 2)
        between.connect(2, 0)
        for number, (payer, minutes) in enumerate(((0, 90), (1, 70), (2, 50)), start=1):
            between.pay(minutes, payer=payer, payee=(payer + 1) % 3, source_id=number)

    told(app, owe)
    return ids


def ask_net(client: FlaskClient, ids: Ids, **more: Any) -> str:
    form = {"branches": [str(one) for one in ids.branches], "amount_minutes": "50"} | more
    return send(client, f"/branch/clearing/nettings?branch={ids.branches[0]}", **form)


def test_a_circle_is_shown_asked_for_and_netted(as_member: As, circle: Ids) -> None:
    first, second, third = (as_member(one) for one in circle.managers)
    page = first.get("/branch/clearing").text
    assert "AA 站 欠 BB 站 欠 CC 站 欠 AA 站" in page
    assert "最少的一段欠 50 分" in page
    assert "轧不了 51 分" in ask_net(first, circle, amount_minutes="51")
    assert "请填一个数" in ask_net(first, circle, amount_minutes="")
    for _ in range(2):
        asked = ask_net(first, circle, form_key="once")
        assert "已经问圈里的其他网点" in asked
    assert "有一圈可以轧掉" not in asked
    netting = asked.split('id="netting-', 1)[1].split('"', 1)[0]
    assert "一次轧差等我们同意" in second.get("/branch/clearing").text
    assert QUEUED in second.get("/branch").text
    where = f"/branch/clearing/nettings/{netting}"
    assert "本网点已同意，等其他网点" in send(second, f"{where}/agree")
    done = send(third, f"{where}/agree")
    assert "各网点都同意了" in done
    assert "以前的轧差" in done
    assert "这次轧差已经有了结果" in send(third, f"{where}/decline", words="晚了")


def test_one_no_ends_a_netting_with_its_reason(as_member: As, circle: Ids) -> None:
    first, second = (as_member(one) for one in circle.managers[:2])
    netting = ask_net(first, circle).split('id="netting-', 1)[1].split('"', 1)[0]
    where = f"/branch/clearing/nettings/{netting}"
    assert "请写一句说明" in send(second, f"{where}/decline")
    assert "没有同意，账没有动" in send(second, f"{where}/decline", words="先对一对")
    assert "先对一对" in first.get("/branch/clearing").text
    assert "这次轧差已经有了结果" in send(second, f"{where}/agree")


def test_a_netting_is_its_circles_business(app: Flask, as_member: As, circle: Ids) -> None:
    def outsider(_: Between, session: Session) -> int:
        return make_member(session, make_branch(session, "DD"), roles=("manager",)).id

    netting = ask_net(as_member(circle.managers[0]), circle).split('id="netting-', 1)[1].split('"', 1)[0]
    stranger = as_member(told(app, outsider))
    for verb in ("agree", "decline"):
        said = stranger.post(f"/branch/clearing/nettings/{netting}/{verb}", data={"words": "x"})
        assert said.status_code == 404


# --- statements -----------------------------------------------------------------------------------------------------


def sealed(app: Flask) -> str:
    def seal(between: Between, session: Session) -> str:
        between.pay(90)
        between.pay(30, payer=1, payee=0, source_id=2)
        [one] = service.seal_statements(session, between.branches[0].id, "2026-11", now=AFTER)
        return one.hash

    hashed: str = told(app, seal)
    return hashed


def test_both_sides_open_the_same_sealed_statement(app: Flask, as_member: As, ids: Ids) -> None:
    hashed = sealed(app)
    for at in (0, 1):
        client = as_member(ids.managers[at])
        assert hashed[:12] in client.get(pair_url(ids, at)).text
        page = client.get(pair_url(ids, at, "/statements/2026-11")).text
        assert hashed in page
        assert "AA 站欠BB 站 1 币" in page
        assert "这是两边的第一张" in page
        assert "兑换单 1" in page


def test_the_json_is_what_was_sealed_byte_for_byte(app: Flask, as_member: As, ids: Ids) -> None:
    hashed = sealed(app)
    contents = [as_member(ids.managers[at]).get(pair_url(ids, at, "/statements/2026-11.json")).data for at in (0, 1)]
    assert contents[0] == contents[1]
    assert hashlib.sha256(contents[0]).hexdigest() == hashed
    assert json.loads(contents[0])["closing"] == 60


def test_the_statement_as_a_table_and_on_paper(app: Flask, as_member: As, ids: Ids) -> None:
    sealed(app)
    client = as_member(ids.inspector)
    table = client.get(pair_url(ids, what="/statements/2026-11.csv")).data.decode("utf-8-sig").splitlines()
    assert table[0] == "时间,单据,编号,备注,AA 站多欠（分钟）"
    assert [row.rsplit(",", 1)[1] for row in table[1:]] == ["90", "-30"]
    assert client.get(pair_url(ids, what="/statements/2026-11.pdf")).data.startswith(b"%PDF")
    assert client.get(pair_url(ids, what="/statements/2026-11.exe")).status_code == 404


def test_a_month_that_is_not_sealed_says_why(app: Flask, as_member: As, ids: Ids) -> None:
    client = as_member(ids.managers[0])
    november, october = (pair_url(ids, what=f"/statements/2026-{month}") for month in (11, 10))
    assert "这个月还没有过完" in client.get(november).text
    assert "这个月没有往来" in client.get(october).text
    told(app, lambda between, _: between.pay(60))
    clock.move(AFTER - clock.now())
    assert "还没有结账" in client.get(november).text
    found = Found(kind="difference", facts="余额不相抵", key="difference:1")
    told(app, lambda between, session: open_case(session, between.pair, found, now=AFTER))
    assert "有差异还没有了结" in client.get(november).text
    assert client.get(f"{november.split('?')[0]}.json").status_code == 404
    assert client.get(pair_url(ids, what="/statements/nonsense")).status_code == 404


def test_a_pair_that_was_never_open_has_no_statement(as_member: As, ids: Ids) -> None:
    asking = as_member(ids.managers[0])
    ask_cc(asking, ids)
    pair = queries_pair(ids, asking, 0, 2)
    assert "这个月没有往来" in asking.get(f"/branch/clearing/{pair}/statements/2026-10").text


def test_long_lists_of_payments_have_pages(app: Flask, as_member: As, ids: Ids) -> None:
    def many(between: Between, _: Session) -> None:
        for number in range(1, 22):
            between.pay(1, source_id=number)

    told(app, many)
    page = as_member(ids.managers[0]).get(f"{pair_url(ids)}&page=2").text
    assert "第 2 页，共 2 页" in page
    assert "兑换单 1<" in page


# --- keys -----------------------------------------------------------------------------------------------------------


def keys_part(page: str) -> str:
    return page.split('<section class="stack" id="keys">', 1)[1].split("</section>", maxsplit=1)[0]


def fingerprints(page: str) -> list[str]:
    halves = re.findall(r"<code[^>]*>([0-9a-f ]{19})</code>", keys_part(page))
    return [f"{first} {second}" for first, second in zip(halves[::2], halves[1::2], strict=True)]


def test_both_managers_see_the_same_fingerprints(as_member: As, ids: Ids) -> None:
    ours, theirs = (fingerprints(as_member(ids.managers[at]).get(pair_url(ids, at)).text) for at in (0, 1))
    assert len(ours) == 2
    assert ours == theirs[::-1]


def test_a_manager_changes_the_branchs_key_and_both_sides_see_it(as_member: As, ids: Ids) -> None:
    mine, theirs = as_member(ids.managers[0]), as_member(ids.managers[1])
    before = fingerprints(mine.get(pair_url(ids)).text)
    page = send(mine, pair_url(ids, 0, "/key"), days="7", words="换了管理员")
    assert "密钥换好了" in page
    after = fingerprints(page)
    assert (after[1:], after[0] in before) == (before, False)
    assert f"用到 {moment(NOW + timedelta(days=7))}" in keys_part(page)
    seen = theirs.get(pair_url(ids, 1)).text
    assert set(fingerprints(seen)) == set(after)
    assert "换签名密钥" in seen
    assert "AA 站：旧密钥再用 7 天。换了管理员" in seen


@pytest.mark.parametrize("days", ["", "91", "一周"])
def test_a_wrong_number_of_days_changes_no_key(as_member: As, ids: Ids, days: str) -> None:
    mine = as_member(ids.managers[0])
    answer = mine.post(pair_url(ids, 0, "/key"), data={"form_key": key(), "days": days})
    assert answer.status_code == 422
    assert '<details class="reveal confirm" open>' in keys_part(answer.text)
    assert len(fingerprints(answer.text)) == 2


def test_an_inspector_compares_fingerprints_and_changes_nothing(as_member: As, ids: Ids) -> None:
    inspector = as_member(ids.inspector)
    part = keys_part(inspector.get(pair_url(ids)).text)
    assert "在用" in part
    assert "换密钥" not in part
    assert inspector.post(pair_url(ids, 0, "/key"), data={"form_key": key(), "days": "7"}).status_code in {403, 404}


def test_the_commands_list_the_keys_and_change_them_all(app: Flask, as_member: As, ids: Ids) -> None:
    run = app.test_cli_runner()
    before = run.invoke(keys_cli, ["pairs"]).output
    assert before.count("在用") == 2
    assert "AA-BB\tAA\t第 1 代\t" in before
    done = run.invoke(keys_cli, ["renew-pairs", "--overlap", "0", "--why", "换了 SECRET_KEY"])
    assert "换了 2 把密钥，旧的再用 0 天" in done.output
    after = run.invoke(keys_cli, ["pairs"]).output
    assert (after.count("第 2 代"), after.count("第 1 代")) == (2, 0)
    assert "系统：旧密钥马上作废。换了 SECRET_KEY" in as_member(ids.managers[0]).get(pair_url(ids)).text
    assert run.invoke(keys_cli, ["renew-pairs", "--overlap", "91"]).exit_code == 1


def test_a_rate_is_asked_for_on_one_side_and_agreed_to_on_the_other(as_member: As, ids: Ids) -> None:
    first, second = (as_member(ids.managers[at]) for at in (0, 1))
    assert "BB 站 1 小时 = AA 站 1 小时" in first.get(pair_url(ids)).text
    day = "2026-11-24"
    asked = send(first, pair_url(ids, what="/rates"), worth_hours="1", worth_minutes="15", valid_from=day)
    assert "已经问BB 站" in asked
    assert "撤回" in asked
    assert "BB 站 1 小时 = AA 站 1 小时 15 分钟" in asked
    assert "AA 站想改折算" in second.get("/branch/clearing").text
    seen = second.get(pair_url(ids, 1)).text
    assert "AA 站 1 小时 = BB 站 48 分钟" in seen
    url = seen.split("/agree?branch=", 1)[0].rsplit('action="', 1)[1]
    agreed = send(second, f"{url}/agree?branch={ids.branches[1]}")
    assert "2026-11-24 起这样折算" in agreed
    assert "两边同意了：AA 站 1 小时 = BB 站 48 分钟" in agreed


def test_what_is_no_rate_is_said_beside_the_boxes(as_member: As, ids: Ids) -> None:
    client = as_member(ids.managers[0])
    page = client.post(
        pair_url(ids, what="/rates"),
        data={"form_key": key(), "worth_hours": "0", "worth_minutes": "3", "valid_from": "2026-11-21"},
    )
    assert page.status_code == 422
    assert "请填 6 分钟到 10 小时之间" in page.text
    assert "最早从明天起" in page.text


def test_a_rate_is_declined_with_a_reason_or_taken_back(as_member: As, ids: Ids) -> None:
    first, second = (as_member(ids.managers[at]) for at in (0, 1))
    for client, verb, form, told_ in (
        (second, "decline", {"words": "太多"}, "没有同意，还照原来的算"),
        (first, "withdraw", {}, "撤回了，还照原来的算"),
    ):
        asked = send(first, pair_url(ids, what="/rates"), worth_hours="2", valid_from="2026-11-25")
        assert "等对方同意" in asked
        page = client.get(pair_url(ids, 0 if client is first else 1)).text
        url = page.split(f"/{verb}?branch=", 1)[0].rsplit('action="', 1)[1]
        at = ids.branches[0 if client is first else 1]
        assert told_ in send(client, f"{url}/{verb}?branch={at}", **form)


def test_a_rate_of_another_pair_is_not_found(as_member: As, ids: Ids) -> None:
    page = as_member(ids.managers[0]).post(pair_url(ids, what="/rates/999/agree"))
    assert page.status_code == 404


def park(app: Flask) -> tuple[int, int]:
    """Somebody of BB was paid whose account was closed; the amount, and another manager of BB."""

    def work(between: Between, session: Session) -> tuple[int, int]:
        proposal = between.propose(60)
        between.close(1)
        service.settle(session, proposal.id, between.settlement(60), now=NOW)
        found = queries.find_parked_of(session, proposal.id)
        other = make_member(session, between.branches[1], roles=("manager",))
        return (found.id if found else 0), other.id

    return told(app, work)


def test_what_waits_is_shown_with_its_reason_and_nobodys_whole_number(app: Flask, as_member: As, ids: Ids) -> None:
    park(app)
    client = as_member(ids.managers[1])
    assert "待处理款 1 笔" in client.get("/branch/clearing").text
    page = main_of(client.get("/branch/clearing/parked").text)
    assert "收款的账户停用了" in page
    assert "今天挂上" in page
    with app.app_context():
        assert db.session.get_one(Member, ids.members[1]).number not in page
    assert "到待处理款里办" in client.get(pair_url(ids, 1)).text
    assert "由BB 站处理" in as_member(ids.managers[0]).get(pair_url(ids)).text


def test_two_managers_send_what_waits_to_the_fund(app: Flask, as_member: As, ids: Ids) -> None:
    parked, other = park(app)
    first, second = as_member(ids.managers[1]), as_member(other)
    url = f"/branch/clearing/parked/{parked}?branch={ids.branches[1]}"
    assert "提出了，等另一位管理员同意" in send(first, url, how="fund", reason="找不到本人")
    page = second.get("/branch/clearing/parked").text
    move = page.split("/branch/clearing/parked/moves/", 1)[1].split("/", 1)[0]
    steps = f"/branch/clearing/parked/moves/{move}"
    assert "不能是同一位" in send(first, f"{steps}/agree?branch={ids.branches[1]}")
    assert "已经付出去" in send(second, f"{steps}/agree?branch={ids.branches[1]}")
    page = main_of(second.get("/branch/clearing/parked").text)
    assert "没有挂着的款" in page
    assert "转入爱心基金" in page


def test_what_is_typed_wrong_is_said_beside_its_box(app: Flask, as_member: As, ids: Ids) -> None:
    parked, _ = park(app)
    form = {"form_key": key(), "how": "member", "number": "HL1", "name": "谁", "reason": "换了号"}
    page = as_member(ids.managers[1]).post(f"/branch/clearing/parked/{parked}?branch={ids.branches[1]}", data=form)
    assert page.status_code == 422
    assert "会员号和姓名对不上" in page.text
    assert "换了号" in page.text


def test_what_waits_at_another_branch_is_not_found(app: Flask, as_member: As, ids: Ids) -> None:
    parked, _ = park(app)
    url = f"/branch/clearing/parked/{parked}?branch={ids.branches[0]}"
    form = {"form_key": key(), "how": "fund", "reason": "没有人"}
    assert as_member(ids.managers[0]).post(url, data=form).status_code == 404


def test_a_move_is_declined_or_taken_back(app: Flask, as_member: As, ids: Ids) -> None:
    parked, other = park(app)
    first, second = as_member(ids.managers[1]), as_member(other)
    for client, verb, said in ((second, "decline", "没有同意，款还挂着"), (first, "withdraw", "撤回了，款还挂着")):
        url = f"/branch/clearing/parked/{parked}?branch={ids.branches[1]}"
        page = send(first, url, how="fund", reason="找不到本人")
        move = page.split("/branch/clearing/parked/moves/", 1)[1].split("/", 1)[0]
        told_ = send(client, f"/branch/clearing/parked/moves/{move}/{verb}?branch={ids.branches[1]}", words="再找找")
        assert said in told_
