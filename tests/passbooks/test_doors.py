"""The pages of monthly statements and passbooks."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from tests.archives.months import small_town
from tests.corrections.town import LATER, make_town
from tests.passbooks.test_months import close
from tests.world import make_branch, make_member, sign_in
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.models import Member
from timebank.passbooks import queries
from timebank.passbooks.views.months import sheet_values as month_values
from timebank.passbooks.views.printing import sheet_values
from timebank.web import print as paper

# What the verbs do on each engine, their own tests say; pages are read on one.
pytestmark = pytest.mark.parametrize("engine_url", ["sqlite"], indirect=True)


@pytest.fixture
def anna(app: Flask) -> int:
    """Three hours in August, a haircut in October; both closed, November runs."""
    with app.app_context(), transaction() as session:
        branch, anna, _ = small_town(session)
        close(session, branch, "2026-08", "2026-09", "2026-10")
        return anna.id


def test_closed_months_are_listed_and_shown_with_their_sums(client: FlaskClient, anna: int) -> None:
    sign_in(client, anna)
    listed = client.get("/me/statements").text
    for month in ("2026-08", "2026-09", "2026-10"):
        assert f"/me/statement/{month}" in listed
    page = client.get("/me/statement/2026-10").text
    for said in ("2026 年 10 月对账单", "兑换用去", "−1 币", "数字不再变", "/me/statement/2026-09"):
        assert said in page
    assert "这个月没有变动" in client.get("/me/statement/2026-09").text
    assert "/me/statements" in client.get("/me").text


def test_a_month_that_still_runs_is_on_the_running_statement(client: FlaskClient, anna: int) -> None:
    sign_in(client, anna)
    for path in ("/me/statement/2026-11", "/me/statement/2026-11/statement.pdf"):
        answer = client.get(path, follow_redirects=True)
        assert answer.request.path == "/me/statement"
        assert "还没有结账" in answer.text
    for nonsense in ("2026-13", "x", "2026-1"):
        assert client.get(f"/me/statement/{nonsense}").status_code == 404


def test_the_month_is_printed_with_its_sums_and_every_line(client: FlaskClient, app: Flask, anna: int) -> None:
    sign_in(client, anna)
    answer = client.get("/me/statement/2026-10/statement.pdf")
    assert answer.data.startswith(b"%PDF-")
    assert "attachment" in answer.headers["Content-Disposition"]
    with app.test_request_context():
        member = db.session.get_one(Member, anna)
        values = month_values(member, queries.get_month(db.session(), member, "2026-10"))
    assert [values[name] for name in ("opening", "came", "went", "closing")] == ["3 币", "0 币", "1 币", "2 币"]
    assert values["parts"] == [{"name": "兑换用去", "count": 1, "amount": "−1 币"}]
    assert [(line["amount"], line["balance"]) for line in values["lines"]] == [("−1 币", "2 币")]


@dataclass(frozen=True, kw_only=True)
class People:
    """Ids: who served, a neighbour, the manager, a manager elsewhere."""

    served: int
    neighbour: int
    manager: int
    foreign: int


@pytest.fixture
def people(app: Flask) -> Iterator[People]:
    with app.app_context(), transaction() as session:
        town = make_town(session, 2)
        foreign = make_member(session, make_branch(session, "XG"), roles=("manager",))
        made = People(
            served=town.member(0).id,
            neighbour=town.member(1).id,
            manager=town.manager.member_id or 0,
            foreign=foreign.id,
        )
    clock.move(LATER - clock.now())
    yield made
    clock.put_right()


def press(client: FlaskClient, page: str, **more: str) -> str:
    [key, *_] = re.findall(r'name="form_key" value="([^"]+)"', client.get(page).text)
    return client.post(page, data={"form_key": key} | more, follow_redirects=True).text


def test_staff_print_for_somebody_without_a_phone(client: FlaskClient, people: People) -> None:
    page = f"/branch/members/{people.served}/passbook"
    sign_in(client, people.manager)
    assert page in client.get(f"/branch/members/{people.served}").text
    assert "第一次打，一共 1 行" in client.get(page).text
    said = press(client, page)
    assert "第 1–1 行排好了" in said
    assert "钱站长" in said
    assert "都打好了" in said
    [sheet] = re.findall(r'href="(/branch/passbooks/\d+/passbook\.pdf)"', said)
    assert client.get(sheet).data.startswith(b"%PDF-")
    assert "没有新的记录要打" in client.post(page, data={"form_key": "late"}, follow_redirects=True).text
    assert "第 1–1 行排好了" in press(client, page, whole="1")
    sign_in(client, people.foreign)
    for path in (page, sheet):
        assert client.get(path).status_code == 403
    assert client.post(page).status_code == 403


def test_everybody_prints_their_own_and_nobody_elses(client: FlaskClient, people: People) -> None:
    sign_in(client, people.served)
    said = press(client, "/me/passbook")
    [sheet] = re.findall(r'href="(/me/passbook/\d+/passbook\.pdf)"', said)
    assert client.get(sheet).data.startswith(b"%PDF-")
    assert "本人" in said
    sign_in(client, people.neighbour)
    assert client.get(sheet).status_code == 404
    sign_in(client, people.manager)
    assert "还没有可打的" in client.get("/me/passbook").text


def test_a_line_stands_at_its_own_height_on_a_page_that_was_printed_on(
    client: FlaskClient, app: Flask, people: People
) -> None:
    """Nothing but the new line is inked: what is there already would be printed over."""
    sign_in(client, people.served)
    press(client, "/me/passbook")
    with app.test_request_context():
        session = db.session()
        first = queries.list_prints(session, people.served)[0]
        values = sheet_values(first, queries.rows_of(session, first))
        fresh = inked(paper.png("passbook.typ", values, ppi=72))
        [sheet] = values["sheets"]
        sheet["fresh"], sheet["slots"] = False, [None, None, sheet["slots"][0], *sheet["slots"][3:]]
        later = inked(paper.png("passbook.typ", values, ppi=72))
    assert fresh[0] < 60  # the head
    third_line = (22 + 2 * 9.6) / 25.4 * 72
    assert third_line <= later[0] <= later[1] <= third_line + 9.6 / 25.4 * 72


def inked(picture: bytes) -> tuple[int, int]:
    """The first and the last row of pixels that are not white."""
    box = Image.eval(Image.open(io.BytesIO(picture)).convert("L"), lambda value: 255 - value).getbbox()
    assert box is not None
    return box[1], box[3]


def test_signing_in_comes_first(client: FlaskClient, anna: int) -> None:
    for path in ("/me/statements", "/me/statement/2026-10", "/me/passbook"):
        assert client.get(path).status_code == 302
