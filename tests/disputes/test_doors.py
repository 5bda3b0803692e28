"""Pages of 争议: a side opens a case and follows it, staff decide with the numbers before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.disputes.scene import HEARD, NOW, Quarrel
from tests.exchange.scene import coins_of
from tests.world import make_member, sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.disputes.models import Dispute
from timebank.members.models import Member


@dataclass
class Pages:
    """The scene, committed, and a browser for each of its people."""

    app: Flask
    ids: dict[str, int]
    browsers: dict[str, FlaskClient] = field(default_factory=dict)

    def browser(self, who: str) -> FlaskClient:
        if who not in self.browsers:
            self.browsers[who] = self.app.test_client()
            sign_in(self.browsers[who], self.ids[who], now=clock.now())
        return self.browsers[who]

    def get(self, who: str, path: str) -> tuple[int, str]:
        answer = self.browser(who).get(path, follow_redirects=True)
        return answer.status_code, answer.text

    def post(self, who: str, path: str, **typed: Any) -> tuple[int, str]:
        answer = self.browser(who).post(path, data=typed, follow_redirects=True)
        return answer.status_code, answer.text

    def coins(self, who: str) -> int:
        with self.app.app_context():
            return coins_of(db.session(), db.session.get_one(Member, self.ids[who]))[0]

    def status(self) -> str:
        with self.app.app_context():
            return db.session.query(Dispute).one().status


@pytest.fixture
def pages(app: Flask) -> Iterator[Pages]:
    clock.move(HEARD - clock.now())
    with app.app_context(), transaction() as session:
        scene = Quarrel(session)
        stranger = make_member(session, scene.branch, "路人甲")
        inspector = make_member(session, scene.branch, "监督员", roles=("inspector",))
        people = ("asker", "barber", "manager", "judge", "second")
        ids = {name: getattr(scene, name).id for name in people}
        done = scene.done()
        shelf = scene.fulfil(scene.order(scene.tickets, quantity=2)).order
        ids |= {"stranger": stranger.id, "inspector": inspector.id, "order": done.id, "shelf": shelf.id}
    yield Pages(app, ids)
    clock.move(NOW - NOW)


def opened(pages: Pages, who: str = "asker", order: str = "order", **typed: Any) -> str:
    """A case, and the address of its page for staff."""
    given = {"form_key": "open", "wanted": "part", "words": "只剪了一半"} | typed
    status, page = pages.post(who, f"/orders/{pages.ids[order]}/dispute", **given)
    assert status == 200, page
    with pages.app.app_context():
        dispute = db.session.query(Dispute).order_by(Dispute.id.desc()).first()
        assert dispute is not None
        return f"/branch/disputes/{dispute.id}"


def test_the_order_page_leads_to_the_form_and_the_form_to_the_case(pages: Pages) -> None:
    order = pages.ids["order"]
    assert f"/orders/{order}/dispute" in pages.get("asker", f"/orders/{order}")[1]
    status, page = pages.get("asker", f"/orders/{order}/dispute")
    assert (status, "会怎么办" in page, "全部退回" in page) == (200, True, True)
    case = opened(pages)
    assert "这一单有争议" in pages.get("asker", f"/orders/{order}")[1]
    for who, other in (("asker", "王剪刀"), ("barber", "李秀英")):
        page = pages.get(who, f"/orders/{order}/dispute")[1]
        assert "只剪了一半" in page
        assert other not in page  # aliases only
    assert "只剪了一半" in pages.get("judge", case)[1]


def test_words_are_asked_for_at_their_box(pages: Pages) -> None:
    status, page = pages.post("asker", f"/orders/{pages.ids['order']}/dispute", wanted="part", words="")
    assert status == 422
    assert "f-words-mistake" in page


def test_why_there_is_nothing_to_dispute_is_said_before_the_form(pages: Pages) -> None:
    clock.move(HEARD - NOW + HEARD - NOW + HEARD - NOW)
    page = pages.get("asker", f"/orders/{pages.ids['order']}/dispute")[1]
    assert "现在不能提出" in page
    assert "<textarea" not in page


def test_both_sides_speak_on_the_case(pages: Pages) -> None:
    case = opened(pages).replace("/branch/", "/me/")
    status, page = pages.post("barber", f"{case}/say", form_key="s1", words="客人说够了")
    assert (status, "客人说够了" in page) == (200, True)
    assert pages.post("asker", f"{case}/say", form_key="s2", words="")[0] == 422


def test_strangers_find_no_case(pages: Pages) -> None:
    case = opened(pages)
    for path in (case, case.replace("/branch/", "/me/"), f"/orders/{pages.ids['order']}/dispute"):
        assert pages.get("stranger", path)[0] in {403, 404}
    assert pages.get("manager", case.replace("/branch/", "/me/"))[0] == 404


def test_a_decision_is_looked_at_before_it_is_made(pages: Pages) -> None:
    case = opened(pages)
    pages.post("barber", f"{case.replace('/branch/', '/me/')}/say", form_key="s1", words="客人说够了")
    typed = {"outcome": "part", "part_hours": "0", "part_minutes": "45", "reason": "只做了四分之三"}
    status, page = pages.post("judge", f"{case}/decide", **typed)
    assert status == 200
    assert "这样决定，会怎么样" in page
    assert re.search(r"王师傅.*?[-−]15 分", page, re.S)
    assert pages.status() == "open"
    status, page = pages.post("judge", f"{case}/decide", form_key="r1", then="decide", **typed)
    assert (status, "决定好了" in page) == (200, True)
    assert (pages.coins("asker"), pages.coins("barber")) == (180 - 60 - 45, 45)
    for who in ("asker", "barber"):
        assert "只做了四分之三" in pages.get(who, case.replace("/branch/", "/me/"))[1]


def test_a_look_can_be_changed_again(pages: Pages) -> None:
    case = opened(pages)
    pages.post("barber", f"{case.replace('/branch/', '/me/')}/say", form_key="s1", words="客人说够了")
    typed = {"outcome": "none", "reason": "没有做"}
    page = pages.post("judge", f"{case}/decide", then="change", **typed)[1]
    assert "没有做" in page
    assert 'name="outcome" value="none" checked' in page.replace('id="f-outcome-3" ', "")


def test_goods_are_decided_in_pieces(pages: Pages) -> None:
    case = opened(pages, order="shelf", words="少了一张")
    status, page = pages.post("judge", f"{case}/decide", outcome="part", pieces="1", reason="少给了一张")
    assert (status, "30 分" in page) == (200, True)
    typed = {"outcome": "part", "pieces": "1", "reason": "少给了一张", "form_key": "r1", "then": "decide"}
    pages.post("judge", f"{case}/decide", **typed)
    assert pages.coins("asker") == 180 - 60 - 30
    assert pages.post("judge", f"{case}/decide", **typed)[0] == 200  # twice is the first answer
    assert pages.coins("asker") == 180 - 60 - 30


def test_who_has_a_part_in_it_sees_why_and_gets_no_form(pages: Pages) -> None:
    case = opened(pages, order="shelf", words="票是假的")
    page = pages.get("manager", case)[1]
    assert "要由别人决定" in page
    assert 'name="outcome"' not in page
    assert pages.post("manager", f"{case}/decide", outcome="none", reason="x")[0] == 403


def test_before_the_other_side_spoke_the_page_says_until_when_to_wait(pages: Pages) -> None:
    page = pages.get("judge", opened(pages))[1]
    assert "对方还没有说明" in page
    assert 'name="outcome"' not in page


def test_a_decision_that_needs_a_second_person_waits_on_the_desk(pages: Pages) -> None:
    case = opened(pages, wanted="none")
    with pages.app.app_context(), transaction() as session:
        scene = Quarrel(session)
        barber = session.get_one(Member, pages.ids["barber"])
        draft = scene.goods("点心", stock=1)
        scene.order(draft, by=barber)
    pages.post("barber", f"{case.replace('/branch/', '/me/')}/say", form_key="s1", words="客人说够了")
    typed = {"outcome": "none", "reason": "没有做", "form_key": "r1"}
    assert "请另一位管理员同意" in pages.post("judge", f"{case}/decide", **typed)[1]
    assert "已请另一位管理员同意" in pages.post("judge", f"{case}/decide", then="decide", **typed)[1]
    assert "不能" not in pages.get("second", case)[1]
    assert pages.post("second", f"{case}/disagree", note="")[0] == 200
    assert pages.status() == "open"
    assert "账办好了" in pages.post("second", f"{case}/agree", note="同意")[1]
    assert pages.status() == "decided"
    assert pages.coins("barber") == 0


def test_a_case_is_taken_back(pages: Pages) -> None:
    case = opened(pages).replace("/branch/", "/me/")
    assert "已撤回" in pages.post("asker", f"{case}/withdraw")[1]
    page = pages.get("asker", f"/orders/{pages.ids['order']}/dispute")[1]
    assert "怎么回事" in page  # the form again; sending it is refused
    status, page = pages.post("asker", f"/orders/{pages.ids['order']}/dispute", wanted="none", words="又来")
    assert (status, "又撤回了" in page) == (409, True)


def test_the_desk_shows_deadlines_and_the_queue_counts(pages: Pages) -> None:
    case = opened(pages)
    for who in ("judge", "inspector"):
        status, page = pages.get(who, "/branch/disputes")
        assert (status, case in page, "还剩 10 个工作日" in page) == (200, True, True)
        assert "等决定的争议" in pages.get(who, "/branch")[1]
    assert 'name="outcome"' not in pages.get("inspector", case)[1]
    pages.post("asker", f"{case.replace('/branch/', '/me/')}/withdraw")
    assert "以前的争议" in pages.get("judge", "/branch/disputes")[1]


def test_for_goods_the_branch_speaks_and_then_does_not_decide(pages: Pages) -> None:
    case = opened(pages, order="shelf", words="票是假的")
    assert "就不再参加决定" in pages.post("second", f"{case}/say", form_key="s1", words="当面验过的")[1]
    assert pages.post("second", f"{case}/say", form_key="s2", words="")[0] == 422
    assert "替网点说明过" in pages.get("second", case)[1]
    assert "当面验过的" in pages.get("asker", case.replace("/branch/", "/me/"))[1]
