"""Pages of one's own record: seen by oneself only, exported as shown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from tests.archives.months import small_town
from tests.growth.scene import LATER, make_hall
from tests.meanwhile import booked_between
from tests.world import actor_of, make_branch, make_member, sign_in
from timebank.cli.jobs import _place
from timebank.core import clock
from timebank.core.db import transaction
from timebank.growth.queries import list_standing_milestones
from timebank.jobs.tasks import JOBS
from timebank.members.models import Member
from timebank.members.queries import find_card
from timebank.members.rules import personal_code, read_personal_pass
from timebank.members.service import create_team, join_team
from timebank.web import print as paper
from timebank.web.keyring import keys

CARDS = ("/me/card/a6.pdf", "/me/card/a4.pdf", "/me/record.pdf")
PAGES = ("/me/statement", "/me/statement?unit=point", "/me/statement?month=2026-10", "/me/card", "/me/record")


Sheet = tuple[str, dict[str, Any]]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[Sheet]:
    """What the press was given, template and values, while it prints as ever."""
    given: list[Sheet] = []
    real = paper.pdf
    monkeypatch.setattr(paper, "pdf", lambda name, values: given.append((name, values)) or real(name, values))
    return given


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
    client: FlaskClient, town: tuple[int, int], printed: list[Sheet]
) -> None:
    sign_in(client, town[0])
    answer = client.get("/me/statement.pdf?from=2026-08-01&to=2026-10-31")
    assert answer.data.startswith(b"%PDF-")
    assert "attachment" in answer.headers["Content-Disposition"]
    [(_, values)] = printed
    assert [values[name] for name in ("opening", "came", "went", "closing", "count")] == [
        "0 币", "3 币", "1 币", "2 币", 2,
    ]  # fmt: skip
    assert [(line["amount"], line["balance"]) for line in values["lines"]] == [("+3 币", "3 币"), ("−1 币", "2 币")]
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


@pytest.mark.parametrize("address", CARDS)
def test_the_card_carries_the_code_onto_paper_and_the_record_does_not(
    client: FlaskClient, app: Flask, town: tuple[int, int], printed: list[Sheet], address: str
) -> None:
    assert client.get(address).status_code == 302
    sign_in(client, town[0])
    answer = client.get(address)
    assert answer.data.startswith(b"%PDF-")
    assert "attachment" in answer.headers["Content-Disposition"]
    [(template, values)] = printed
    with app.app_context(), transaction() as session:
        card = find_card(session, town[0])
        assert card is not None
        picture = Image.open(io.BytesIO(paper.png(template, values, ppi=110)))
        found = [read_personal_pass(keys(), one.text) for one in zxingcpp.read_barcodes(picture)]
        assert found == ([] if "record" in address else [card.serial])
    assert [one["name"] for one in values["cards"]] == ["张小红"]
    assert client.get("/me/card/a3.pdf").status_code == 404


def test_the_pictures_of_the_year_have_words_and_a_table(client: FlaskClient, hall: dict[str, int]) -> None:
    sign_in(client, hall["person0"])
    page = client.get("/me/card").text
    for picture in ("year", "months"):
        assert f'aria-labelledby="{picture}-title {picture}-about"' in page
        assert f'<title id="{picture}-title">' in page
        assert f'<desc id="{picture}-about">' in page
    assert page.count("看数字表") == 2
    assert "下一颗星：三星" in page  # a bar that says only 三星 reads as if it were reached
    # In the pictures and in the tables beside them: two hours on one day, in the month that is last in the picture.
    assert [int(height) for height in re.findall(r'<rect class="bar"[^>]* height="(\d+)"', page)] == [0] * 11 + [100]
    assert re.findall(r'<text class="value"[^>]*>([^<]+)<', page) == ["2"]
    picture, _ = page.split("soft cluster legend", maxsplit=1)
    assert re.findall(r'<rect class="heat-([1-4])"', picture) == ["2"]
    tables = [
        re.findall(r"<t[hd][^>]*>([^<]+)</t[hd]>", one) for one in re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL)
    ]
    for cells in tables[:2]:
        rows = [[cell.strip() for cell in cells[at : at + 3]] for at in range(0, 36, 3)]
        assert rows[0] == ["2026 年 11 月", "1 天", "2 小时"]
        assert [row[1:] for row in rows[1:]] == [["0 天", "0 小时"]] * 11


@pytest.fixture
def hall(app: Flask) -> Iterator[dict[str, int]]:
    """Ids of a branch's people and of what staff recorded, committed; the clock shows two days after they served."""
    clock.move(LATER - clock.now())
    yield _hall(app)
    clock.put_right()


def _hall(app: Flask) -> dict[str, int]:
    with app.app_context(), transaction() as session:
        made = make_hall(session)
        made.set_rules()
        [training] = made.record("training", 0)
        team = create_team(session, branch_id=made.branch_id, name="巡逻队", kind="", actor=made.manager, now=LATER)
        for member in made.people[:2]:
            join_team(session, team.id, member.id, actor=made.manager, now=LATER)
        people = {f"person{at}": member.id for at, member in enumerate(made.people)}
        staff = {"manager": made.manager, "organiser": made.organiser, "deputy": made.deputy}
        return (
            people
            | {name: actor.member_id or 0 for name, actor in staff.items()}
            | {
                "branch": made.branch_id,
                "training": training.id,
                "team": team.id,
                "shift": made.scene.shift_id,
            }
        )


def test_a_roster_is_ticked_beforehand_and_recorded_with_one_press(
    client: FlaskClient, app: Flask, hall: dict[str, int]
) -> None:
    sign_in(client, hall["organiser"])
    page = client.get(f"/branch/milestones/new?team={hall['team']}").text
    assert page.count("checked>") == 2
    form = {
        "form_key": "fresh",
        "kind": "evaluation",
        "title": "下半年评价",
        "giver": "网点",
        "on_day": "2026-11-20",
        "length_hours": "3",  # left standing from another kind
        "grade": "4",
        "words": "队长会议",
        "members": [str(hall["person0"]), str(hall["person1"])],
    }
    assert client.post("/branch/milestones/new", data=form).status_code == 303
    with app.app_context(), transaction() as session:
        found = list_standing_milestones(session, [hall["person1"]])[hall["person1"]]
        assert [(one.grade, one.length_minutes) for one in found] == [(4, None)]
    shift = client.get(f"/branch/milestones/new?shift={hall['shift']}").text
    assert "来过“楼道清洁”的人" in shift
    assert shift.count("checked>") == 3
    wrong = client.post("/branch/milestones/new", data=form | {"form_key": "other", "kind": "award"})
    assert wrong.status_code == 403


def test_a_question_goes_from_the_card_to_the_desk_and_back(client: FlaskClient, hall: dict[str, int]) -> None:
    sign_in(client, hall["person0"])
    address = f"/me/milestones/{hall['training']}/ask"
    assert address in client.get("/me/card").text
    assert client.post(address, data={"form_key": "q", "words": ""}).status_code == 422
    assert client.post(address, data={"form_key": "q", "words": "我没有去"}).status_code == 303
    sign_in(client, hall["organiser"])
    page = f"/branch/milestones/{hall['training']}"
    assert "我没有去" in client.get("/branch/milestones").text
    assert "查下来怎么样" not in client.get(page).text  # who recorded it
    assert client.post(f"{page}/withdraw", data={"reason": "记错了人"}).status_code == 403
    sign_in(client, hall["deputy"])
    assert client.post("/branch/milestone-questions/1/answer", data={"answer": "是记错了"}).status_code == 303
    assert client.post(f"{page}/withdraw", data={"reason": "记错了人"}).status_code == 303
    sign_in(client, hall["person0"])
    card = client.get("/me/card").text
    assert "记错了人" in card
    assert "是记错了" in card


def test_the_list_is_proposed_by_one_and_granted_by_another(
    client: FlaskClient, app: Flask, hall: dict[str, int]
) -> None:
    sign_in(client, hall["manager"])
    page = client.get("/branch/commendations?year=2026").text
    assert page.count('name="members"') == 3
    chosen = {"form_key": "fresh", "year": "2026", "members": [str(hall["person0"]), str(hall["person2"])]}
    assert client.post("/branch/commendations", data=chosen).status_code == 303
    assert client.post("/branch/commendations/1/grant").status_code == 403
    sign_in(client, hall["deputy"])
    assert "等第二人同意的评优名单" in client.get("/branch").text
    assert client.post("/branch/commendations/1/grant").status_code == 303
    assert client.get("/branch/commendations?year=2026").text.count("已授予 2 人") == 1
    with app.app_context(), transaction() as session:
        ids = [hall["person0"], hall["person1"], hall["person2"]]
        awards = [
            len([one for one in some if one.kind == "award"])
            for some in list_standing_milestones(session, ids).values()
        ]
        assert awards == [1, 0, 1]


def test_the_points_table_names_people_to_staff_and_only_who_agreed_to_the_team(
    client: FlaskClient, app: Flask, hall: dict[str, int]
) -> None:
    sign_in(client, hall["person1"])
    assert client.post("/me/card/named", data={"named": "1"}).status_code == 303
    sign_in(client, hall["person0"])
    with app.app_context(), transaction() as session:
        people = {name: session.get_one(Member, hall[name]) for name in ("person0", "person1", "person2")}
        alias, number = people["person1"].alias, people["person1"].number
        numbers = {member.number for member in people.values()}
    address = f"/teams/{hall['team']}/points"
    assert alias in client.get(address).text
    sign_in(client, hall["person1"])
    client.post("/me/card/named", data={"named": "0"})
    sign_in(client, hall["person0"])
    assert f"尾号 {number[-4:]}" in client.get(address).text
    sign_in(client, hall["person2"])
    assert client.get(address).status_code == 403
    sign_in(client, hall["manager"])
    lines = list(csv.reader(io.StringIO(client.get("/branch/points.csv?year=2026").data.decode("utf-8-sig"))))
    assert [line[3:5] for line in lines[1:4]] == [["20", "120"]] * 3
    assert {line[2] for line in lines[1:4]} == numbers
    team = client.get(f"/branch/points.csv?year=2026&team={hall['team']}").data.decode("utf-8-sig")
    assert len(team.splitlines()) == 3


def test_who_reached_a_star_is_listed_and_gets_a_certificate(
    client: FlaskClient, app: Flask, hall: dict[str, int], printed: list[Sheet]
) -> None:
    with app.app_context(), transaction() as session:
        names = [session.get_one(Member, hall[f"person{at}"]).name for at in range(3)]
    sign_in(client, hall["organiser"])
    page = client.get("/branch/stars?month=2026-11").text
    rows = [(name, star) for star in ("二星志愿者", "一星志愿者") for name in names]
    assert re.findall(r'<a href="/branch/members/\d+">([^<]+)</a>.*?>([一二三四五]星志愿者)<', page, re.DOTALL) == rows
    lines = list(csv.reader(io.StringIO(client.get("/branch/stars.csv?month=2026-11").data.decode("utf-8-sig"))))
    assert [(line[0], line[2]) for line in lines[1:]] == rows
    answer = client.get("/branch/stars.pdf?month=2026-11")
    assert len(re.findall(rb"/Type\s*/Page\b", answer.data)) == 6
    [(_, values)] = printed
    assert [(one["name"], one["star"]) for one in values["people"]] == rows


def test_a_month_without_stars_or_nonsense_for_a_month_is_no_fault(client: FlaskClient, hall: dict[str, int]) -> None:
    sign_in(client, hall["organiser"])
    assert "这个月还没有人新得星级" in client.get("/branch/stars?month=2026-10").text
    for asked in ("2999-01", "x"):
        assert "2026 年 11 月新晋星级" in client.get(f"/branch/stars?month={asked}").text


def test_new_rules_are_refused_at_their_field_and_saved_with_their_reason(
    client: FlaskClient, hall: dict[str, int]
) -> None:
    sign_in(client, hall["manager"])
    day = (clock.today(clock.now()) + timedelta(days=3)).isoformat()
    hours = dict(zip(("one", "two", "three", "four", "five"), (50, 100, 200, 400, 800), strict=True))
    form = {f"{name}_star_hours": str(needed) for name, needed in hours.items()} | {
        "form_key": "fresh",
        "valid_from": day,
        "award_title": "优秀志愿者",
        "award_hours": "20",
        "award_activities": "5",
        "reason": "第三次会议决定",
    }
    wrong = client.post("/branch/recognition/new", data=form | {"two_star_hours": "40"})
    assert wrong.status_code == 422
    assert "二星要比上一颗星多" in wrong.text
    assert client.post("/branch/recognition/new", data=form).status_code == 303
    assert "第三次会议决定" in client.get("/branch/recognition").text


def test_cards_are_asked_for_made_and_taken_and_it_is_written_down_by_whom(
    client: FlaskClient, app: Flask, hall: dict[str, int]
) -> None:
    sign_in(client, hall["manager"])
    assert client.post("/branch/cards", data={"form_key": "a", "format": "a3"}).status_code == 422
    asked = client.post("/branch/cards", data={"form_key": "a", "format": "sheet", "team_id": str(hall["team"])})
    page = asked.headers["Location"]
    assert 'http-equiv="refresh"' in client.get(page).text
    assert client.post(f"{page}/take").status_code == 404
    with app.app_context():
        place = _place()
        assert JOBS["make_cards"](place, clock.now()) == 1
    ready = client.get(page).text
    assert 'http-equiv="refresh"' not in ready
    assert "2 / 2 张" in ready
    file = client.post(f"{page}/take")
    assert file.data.startswith(b"%PDF-")
    assert "下载了文件" in client.get(page).text
    sign_in(client, hall["organiser"])
    assert client.get(page).status_code == 403


def test_a_team_of_another_branch_gives_its_name_to_no_print(
    client: FlaskClient, app: Flask, hall: dict[str, int]
) -> None:
    with app.app_context(), transaction() as session:
        other = make_branch(session, "CX")
        boss = actor_of(session, make_member(session, other, roles=("manager",)))
        team = create_team(session, branch_id=other.id, name="别处的队", kind="", actor=boss, now=LATER).id
    sign_in(client, hall["manager"])
    client.post("/branch/cards", data={"form_key": "b", "format": "sheet", "team_id": str(team)})
    assert "别处的队" not in client.get("/branch/cards").text


def test_the_command_writes_the_cards_of_a_branch_to_a_file(app: Flask, hall: dict[str, int], tmp_path: Path) -> None:
    out, runner = tmp_path / "cards.pdf", app.test_cli_runner()
    arguments = ["members", "cards", "--branch", "BL", "--out", str(out), "--format", "sheet"]
    missing = runner.invoke(args=arguments)
    assert missing.exit_code == 1
    assert "TIMEBANK_URL" in missing.output
    made = runner.invoke(args=[*arguments, "--address", "https://bank.example.org", "--team", "巡逻队"])
    assert made.exit_code == 0, made.output
    assert "2 张成长卡" in made.output
    assert out.read_bytes().startswith(b"%PDF-")
    assert out.stat().st_mode & 0o777 == 0o600
    unknown = runner.invoke(args=[*arguments, "--address", "https://x.example", "--team", "没有的队"])
    assert "有：巡逻队" in unknown.output
