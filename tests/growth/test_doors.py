"""Pages of one's own record: seen by oneself only, exported as shown."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.archives.months import small_town
from tests.meanwhile import booked_between
from tests.world import sign_in
from timebank.core.db import transaction
from timebank.members.models import Member
from timebank.members.queries import find_card
from timebank.members.rules import personal_code
from timebank.web import print as paper
from timebank.web.keyring import keys

PAGES = ("/me/statement", "/me/statement?unit=point", "/me/statement?month=2026-10", "/me/card", "/me/record")


@pytest.fixture
def town(app: Flask) -> tuple[int, int]:
    with app.app_context(), transaction() as session:
        _, anna, bert = small_town(session)
        return anna.id, bert.id


@pytest.mark.parametrize("page", PAGES)
def test_visitors_are_asked_to_sign_in(client: FlaskClient, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("page", PAGES)
def test_a_member_sees_each_page(client: FlaskClient, town: tuple[int, int], page: str) -> None:
    sign_in(client, town[0])
    assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    "asked",
    ["month=2026-99", "month=9999-12", "month=%F0%9F%98%80", "unit=euro", "before=x", "before=2026-09.0"],
)
def test_nonsense_in_the_address_is_as_if_nothing_was_asked(
    client: FlaskClient, town: tuple[int, int], asked: str
) -> None:
    sign_in(client, town[0])
    answer = client.get(f"/me/statement?{asked}")
    assert answer.status_code == 200
    assert "存入 3 小时" in answer.text


def test_the_statement_shows_words_and_balances(client: FlaskClient, town: tuple[int, int]) -> None:
    sign_in(client, town[0])
    page = client.get("/me/statement").text
    assert "兑换 1 币 ·" in page
    assert "−1 币" in page
    assert "+3 币" in page


@pytest.mark.parametrize("kind", ["", ".csv"])
def test_lines_and_balances_agree_though_somebody_books_meanwhile(
    client: FlaskClient, app: Flask, town: tuple[int, int], kind: str
) -> None:
    with app.app_context(), transaction() as session:
        member = session.get_one(Member, town[0])
        branch_id, account_id = member.branch_id, member.coin_account_id or 0
    sign_in(client, town[0])
    with booked_between(app, branch_id, account_id, "FROM closing") as booked:
        said = client.get(f"/me/statement{kind}").data.decode("utf-8-sig")
    assert booked
    if kind:
        assert [line[2:] for line in csv.reader(io.StringIO(said))][1:] == [["180", "180"], ["-60", "120"]]
    else:
        assert "+3 币" in said
        assert "+1 币" not in said  # it is in no balance of this page either


def test_the_files_hold_the_same_lines_oldest_first(client: FlaskClient, town: tuple[int, int]) -> None:
    sign_in(client, town[0])
    answer = client.get("/me/statement.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert lines[0] == ["时间", "事项", "变动（分钟）", "余额（分钟）"]
    assert [(line[2], line[3]) for line in lines[1:]] == [("180", "180"), ("-60", "120")]
    book = openpyxl.load_workbook(io.BytesIO(client.get("/me/statement.xlsx").data))
    rows = list(book.active.iter_rows(values_only=True))
    assert [(row[2], row[3]) for row in rows[1:]] == [(180, 180), (-60, 120)]
    assert client.get("/me/statement.txt").status_code == 404


@pytest.mark.parametrize(
    ("asked", "amounts"),
    [
        ("month=2026-08", ["180"]),
        ("from=2026-10-01", ["-60"]),
        ("to=2026-08-31", ["180"]),
        ("from=2026-09-01&to=2026-09-30", []),
        ("from=2026-13-01&to=x", ["180", "-60"]),
        ("to=9999-12-31", ["180", "-60"]),
    ],
)
def test_a_statement_can_be_asked_for_from_any_day_to_any_other(
    client: FlaskClient, town: tuple[int, int], asked: str, amounts: list[str]
) -> None:
    sign_in(client, town[0])
    page, sheet = client.get(f"/me/statement?{asked}").text, client.get(f"/me/statement.csv?{asked}").data.decode()
    assert [line[2] for line in csv.reader(io.StringIO(sheet))][1:] == amounts
    assert ("存入 3 小时" in page) is ("180" in amounts)
    assert ("兑换 1 币 ·" in page) is ("-60" in amounts)


def test_the_statement_is_printed_with_its_sums_and_every_line(
    client: FlaskClient, town: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: dict[str, Any] = {}
    real = paper.pdf
    monkeypatch.setattr(paper, "pdf", lambda name, values: printed.update(values) or real(name, values))
    sign_in(client, town[0])
    answer = client.get("/me/statement.pdf?from=2026-08-01&to=2026-10-31")
    assert answer.data.startswith(b"%PDF-")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert [printed[name] for name in ("opening", "came", "went", "closing", "count")] == [
        "0 币", "3 币", "1 币", "2 币", 2,
    ]  # fmt: skip
    assert [(line["amount"], line["balance"]) for line in printed["lines"]] == [("+3 币", "3 币"), ("−1 币", "2 币")]
    assert client.get("/me/statement.pdf?from=2030-01-01").data.startswith(b"%PDF-")


def test_the_card_shows_the_code_in_letters_and_as_a_picture(
    client: FlaskClient, app: Flask, town: tuple[int, int]
) -> None:
    sign_in(client, town[0])
    page = client.get("/me/card").text
    with app.app_context(), transaction() as session:
        card = find_card(session, town[0])
        assert card is not None
        code = personal_code(keys(), card.serial)
    assert "-".join(code[at : at + 4] for at in range(0, 16, 4)) in page
    assert 'aria-label="个人码' in page
    assert "这一年的服务" in page
