"""What keeps strangers out: headers, cookies, form tokens, limits, quiet logs; and what an intruder would try first."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import or_, select, text
from werkzeug.test import TestResponse

import config
from tests.doors.forms import NEW_PASSWORD, well_filled
from tests.doors.test_bad_input import actor_for, gets, posts
from tests.doors.town import ASKER, DAY, HALF_PAST, ID_NUMBER, KIOSK, OWNER, PHONES, STAFF, VISITOR, Persona, Town
from tests.world import PASSWORD
from timebank.app import create_app
from timebank.core.db import db, transaction
from timebank.exchange import service as exchange
from timebank.exchange.models import Order
from timebank.members.identity import load_actor
from timebank.notices.models import Notice
from timebank.web.limits import limiter

AT_HOME = {persona.role: persona for persona in STAFF}
MANAGER, ORGANISER, ADMINISTRATOR = AT_HOME["manager"], AT_HOME["organiser"], AT_HOME["administrator"]
TEMPLATES = sorted((config.ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((config.ROOT / "static").rglob("*.js")) + sorted((config.ROOT / "static").rglob("*.css"))


@pytest.fixture(autouse=True)
def put_back(town: Town) -> Iterator[None]:
    """Each test finds the town as it was."""
    yield
    town.restore()


@pytest.fixture
def with_tokens(town: Town) -> Iterator[Flask]:
    """Form tokens checked, as outside tests."""
    town.app.config["WTF_CSRF_ENABLED"] = True
    yield town.app
    town.app.config["WTF_CSRF_ENABLED"] = False


def chinese(said: TestResponse) -> bool:
    """Whether it is a page of ours with a sentence to read."""
    return (
        said.mimetype == "text/html" and 'class="error-page' in said.text and bool(re.search("[一-龥]{5}", said.text))
    )


# --- headers and cookies -------------------------------------------------------------------------------------------


def test_every_answer_carries_the_headers(town: Town) -> None:
    for rule in gets(town):
        for persona in (VISITOR, actor_for(town, rule)):
            said = town.client(persona).get(town.url(rule))
            policy = _policy(said)
            assert policy["script-src"] <= {"'self'", "'wasm-unsafe-eval'"}, rule.rule
            assert policy["style-src"] == {"'self'"}, rule.rule
            assert policy["default-src"] == policy["form-action"] == {"'self'"}, rule.rule
            assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == {"'none'"}, rule.rule
            assert said.headers["X-Content-Type-Options"] == "nosniff", rule.rule
            assert said.headers["Referrer-Policy"] == "same-origin", rule.rule
            if rule.endpoint not in {
                "web.asset",
                "web.health",
                "exchange.photo",
            }:  # everybody sees a picture, it never changes
                assert "no-store" in said.headers["Cache-Control"] or "no-cache" in said.headers["Cache-Control"]
            said.close()


def _policy(said: TestResponse) -> dict[str, set[str]]:
    parts = [part.split() for part in said.headers["Content-Security-Policy"].split(";")]
    return {name: set(sources) for name, *sources in parts}


def test_error_pages_carry_them_too(town: Town) -> None:
    for said in (town.client(VISITOR).get("/nowhere"), town.client(OWNER).get("/branch")):
        assert said.status_code in {403, 404}
        assert _policy(said)["frame-ancestors"] == {"'none'"}


def test_cookies_are_locked_down(town: Town) -> None:
    for scheme in ("http", "https"):
        client = town.app.test_client()
        form = {"login": PHONES["owner"], "password": PASSWORD, "remember": "1"}
        answers = [
            client.post("/sign-in", data=form, base_url=f"{scheme}://localhost"),
            client.post("/preferences", data={"large": "1"}, base_url=f"{scheme}://localhost"),
            client.get(f"/c/{town.thing('venue_code')}", base_url=f"{scheme}://localhost"),
        ]
        cookies = [cookie for said in answers for cookie in said.headers.getlist("Set-Cookie")]
        assert len({cookie.partition("=")[0] for cookie in cookies}) >= 4, cookies  # session, remember, large, claim
        for cookie in cookies:
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert "httponly" in attributes, cookie
            assert "samesite=lax" in attributes, cookie
            assert ("secure" in attributes) == (scheme == "https"), cookie


# --- forms from elsewhere ------------------------------------------------------------------------------------------


def test_no_form_is_taken_without_its_token(town: Town, with_tokens: Flask) -> None:
    with town.watch() as written:
        for rule in posts(town):
            for persona in (VISITOR, actor_for(town, rule)):
                form = well_filled(rule.endpoint, town) | {"csrf_token": "made-up"}
                for given in (form, {}):
                    said = town.client(persona).post(town.url(rule), data=given)
                    assert said.status_code == 400, (rule.rule, persona.name)
                    assert chinese(said), rule.rule
        assert not written()


AWAY = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "http://[",
    "//[",
    "/\x00/evil.example",
    "javascript:alert(1)",
    "//localhost@evil.example",
    "/%09/evil.example",
    "https:///evil.example",
    "evil.example",
)


@pytest.mark.parametrize("target", AWAY)
def test_nobody_is_led_away(town: Town, target: str) -> None:
    sign_in = {"login": PHONES["owner"], "password": PASSWORD}
    client = town.client(OWNER)
    answers = [
        client.get("/sign-in", query_string={"next": target}),
        client.post("/preferences", data={"large": "1", "next": target}),
        client.post(f"/me/offers/{town.things['service']}/pause", data={"next": target}),
        town.app.test_client().post("/sign-in", data=sign_in | {"next": target}),
    ]
    for said in answers:
        assert said.status_code == 302
        assert urlsplit(urljoin("http://localhost/x", said.location)).netloc == "localhost", said.location
        assert urlsplit(urljoin("http://localhost/x", said.location)).scheme == "http", said.location


# --- limits --------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The town's doors with limits switched on, and forgotten afterwards."""
    names = ("DATABASE_URL", "SECRET_KEY", "TIMEBANK_DATA", "TIMEBANK_DEMO")
    app = create_app({name: town.app.config[name] for name in names} | {"RATE_LIMITS": True})
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    monkeypatch.setattr(town, "app", app)
    yield
    limiter.reset()
    limiter.enabled = False  # one limiter for all apps of the process
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(
    ("persona", "url", "form"),
    [
        (VISITOR, "/sign-in", {"login": "", "password": "x"}),
        (VISITOR, "/sign-in/new-password", {"password": "x"}),
        (VISITOR, "/register", {}),
        (OWNER, "/me/password", {"current": ""}),
        (OWNER, "/vouchers", {"voucher": "D3AAAAAAAAA"}),
        (OWNER, "/check-in/code", {"code": "V1AAAAAAAAA"}),
        (ORGANISER, "/organise/shifts/1/scan", {"code": "P1AAAAAAAAAAAAAA"}),
        (KIOSK, "/kiosk", {"code": "P1AAAAAAAAAAAAAA"}),
        (VISITOR, "/verify", {}),  # no guess, but work for the machine
    ],
)
def test_guessing_is_slowed_down(town: Town, persona: Persona, url: str, form: dict[str, str]) -> None:
    client = town.client(persona)
    for _ in range(61):
        said = client.post(url, data=form)
        if said.status_code == 429:
            break

    assert said.status_code == 429
    assert chinese(said)
    assert int(said.headers["Retry-After"]) > 0


@pytest.mark.usefixtures("limited")
def test_packages_are_counted_before_their_form_is_read(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(town.app.config, "WTF_CSRF_ENABLED", True)
    client = town.client(VISITOR)
    answers = [client.post("/verify", data={}).status_code for _ in range(11)]  # each without a token

    assert answers == [400] * 10 + [429]


@pytest.mark.usefixtures("limited")
def test_guessing_in_addresses_is_slowed_down(town: Town) -> None:
    for url, persona in (("/c/V1AAAAAAAAA", VISITOR), ("/vouchers/V3AAAAAAAAA", OWNER)):
        client = town.client(persona)
        assert 429 in {client.get(url).status_code for _ in range(61)}, url


@pytest.mark.usefixtures("limited")
def test_sheets_and_their_photos_are_not_fetched_without_end(town: Town) -> None:
    client, sheet = town.client(ORGANISER), f"/organise/sheets/{town.things['sheet']}"

    assert 429 in {client.get(f"{sheet}/list.pdf").status_code for _ in range(21)}
    assert 429 in {client.post(f"{sheet}/photos/{town.things['photo']}").status_code for _ in range(21)}


def test_one_account_is_not_guessed_from_many_addresses(town: Town) -> None:
    """Five wrong passwords under one name, then a pause, the right password included; for unknown names alike."""
    for login in (PHONES["asker"], "13900000000", town.number_of("asker"), "HL99999"):
        statuses = [
            town.app.test_client().post("/sign-in", data={"login": login, "password": "猜一猜猜一猜"}).status_code
            for _ in range(6)
        ]
        assert statuses == [422] * 5 + [429], login
    said = town.app.test_client().post("/sign-in", data={"login": PHONES["asker"], "password": PASSWORD})
    assert said.status_code == 429


def test_a_stranger_learns_nothing_about_who_is_a_member(town: Town) -> None:
    pages = set()
    for login in (PHONES["asker"], "13900000000"):
        said = town.app.test_client().post("/sign-in", data={"login": login, "password": "猜一猜猜一猜"})
        pages.add(
            (said.status_code, re.sub(r'(name="csrf_token" value=)"[^"]*"', r"\1", said.text.replace(login, "?")))
        )

    assert len(pages) == 1


# --- logs and errors -----------------------------------------------------------------------------------------------


def test_a_crash_is_logged_without_personal_data(
    town: Town, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def crash(**_: Any) -> str:
        db.session.execute(
            text("INSERT INTO nowhere VALUES (:phone, :name)"), {"phone": PHONES["owner"], "name": "王剪刀"}
        )
        return ""

    monkeypatch.setitem(town.app.view_functions, "activities.coming", crash)
    said = town.client(OWNER).get("/activities")
    out, err = capfd.readouterr()
    told = out + err + caplog.text

    assert said.status_code == 500
    assert chinese(said)
    assert "unexpected_error" in told
    for secret in (PHONES["owner"], "王剪刀", ID_NUMBER):
        assert secret not in told
    assert PHONES["owner"] not in said.text
    assert "Traceback" not in said.text


def test_nothing_that_people_type_is_logged(
    town: Town, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for rule in posts(town):
        town.client(actor_for(town, rule)).post(town.url(rule), data=well_filled(rule.endpoint, town)).get_data()
        town.restore()
    out, err = capfd.readouterr()
    told = out + err + caplog.text

    for secret in (*PHONES.values(), "13805749999", PASSWORD, NEW_PASSWORD, "330206195001011245", "王剪刀"):
        assert secret not in told


def test_errors_are_pages_in_chinese(town: Town) -> None:
    client = town.client(MANAGER)
    big = {"data": b"0" * (17 * 1024 * 1024), "content_type": "multipart/form-data; boundary=x"}
    answers = {
        404: client.get("/nowhere"),
        405: client.post("/activities"),
        413: client.post("/branch/members/import", **big),
        403: town.client(OWNER).get("/inspect"),
    }
    for status, said in answers.items():
        assert said.status_code == status
        assert chinese(said), status


def test_asking_what_is_there_changes_nothing(town: Town) -> None:
    with town.watch() as written:
        for rule in town.app.url_map.iter_rules():
            if rule.endpoint == "static":
                continue
            client, url = town.client(actor_for(town, rule)), town.url(rule)
            allowed = client.options(url)
            assert allowed.status_code == 200, rule.rule
            if "GET" in (rule.methods or ()):
                head = client.head(url)
                assert head.status_code in {200, 302}, rule.rule
                assert head.data == b"", rule.rule
                head.close()
            else:
                assert client.get(url).status_code in {200, 302, 405}, rule.rule
            for method in ("PUT", "DELETE", "PATCH", "TRACE"):
                assert client.open(url, method=method).status_code == 405, (method, rule.rule)
            assert not written(), rule.rule


# --- pages ---------------------------------------------------------------------------------------------------------

INLINE = re.compile(
    r"""<style|\sstyle\s*=|\son[a-z]+\s*=\s*["']|javascript:|<script(?![^>]*\bsrc=)|\|\s*safe\b""", re.IGNORECASE
)
FOREIGN = re.compile(
    r"""(?:https?:)?//(?!www\.w3\.org/)[a-z0-9-]+\.[a-z]{2,}|@import|url\(\s*["']?(?:https?:)?//""", re.IGNORECASE
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_code_and_no_foreign_hosts(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert INLINE.findall(source) == []
    assert FOREIGN.findall(source) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_and_styles_call_nobody_and_make_no_code(path: Path) -> None:
    source = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert FOREIGN.findall(source) == []
    assert re.findall(r"\beval\(|new Function|document\.write|insertAdjacentHTML|\.outerHTML\s*=", source) == []


def test_pages_as_sent_hold_no_inline_code(town: Town) -> None:
    for rule in gets(town):
        said = town.client(actor_for(town, rule)).get(town.url(rule))
        if said.mimetype == "text/html":
            assert INLINE.findall(said.text) == [], rule.rule
            for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", said.text, re.DOTALL):
                assert 'name="csrf_token"' in form, rule.rule
        said.close()


# --- the intruder --------------------------------------------------------------------------------------------------


def rows(town: Town, question: str, *given: object) -> list[tuple[Any, ...]]:
    """What the database says."""
    assert town.path is not None
    with closing(sqlite3.connect(town.path)) as reader:
        return reader.execute(question, given).fetchall()


@pytest.mark.parametrize("place", ["branch", "everywhere", "area-1", "area-4", "branch-2", "area-99999999999"])
@pytest.mark.parametrize("role", ["administrator", "manager", "inspector", "organiser", "volunteer", "root"])
def test_a_manager_gives_no_role_beyond_the_branch(town: Town, role: str, place: str) -> None:
    before = rows(town, "SELECT count(*) FROM role_grant")
    form = {"number": town.number_of("manager@home"), "role": role, "place": place}
    said = town.client(MANAGER).post("/branch/roles", data=form, query_string={"branch": town.things["branch"]})

    assert said.status_code in {302, 403, 404, 409, 422}
    given = rows(town, "SELECT role, branch_id, area_id FROM role_grant ORDER BY id")[before[0][0] :]
    assert all(row[0] in {"manager", "inspector", "organiser"} and row[1] == town.things["branch"] for row in given)


@pytest.mark.parametrize("act", ["pin", "suspend", "edit", "decline"])
def test_a_manager_does_not_take_over_an_administrator(town: Town, act: str) -> None:
    """Whoever sets a one-time password can sign in with it."""
    boss = town.members["administrator@home"]
    forms = {"edit": {"name": "新名字", "phone": "13805748888"}}
    with town.watch() as written:
        town.client(MANAGER).post(f"/branch/members/{boss}/{act}", data=forms.get(act, {"reason": "试一试"}))
        changed = written()

    assert not changed


@pytest.mark.parametrize("path", ["/orders/{other}", "/me/notices/{other}/read"])
def test_ids_are_no_keys(town: Town, path: str) -> None:
    """Counting up leads to nobody else's things."""
    stranger = town.client(AT_HOME["volunteer"])
    own = _own(town, town.members[AT_HOME["volunteer"].name])
    others = [number for number in range(1, 20) if (path.split("/")[1], number) not in own]
    assert len(others) > 10
    for number in others:
        url = path.format(other=number)
        said = stranger.post(url) if url.endswith("/read") else stranger.get(url)
        assert said.status_code == 404, url


def _own(town: Town, member_id: int) -> set[tuple[str, int]]:
    """The orders and notices that are somebody's own to see."""
    with town.app.app_context():
        concerned = or_(Order.member_id == member_id, Order.provider_id == member_id)
        orders = db.session.scalars(select(Order.id).where(concerned)).all()
        notices = db.session.scalars(select(Notice.id).where(Notice.member_id == member_id)).all()
    return {("orders", number) for number in orders} | {("me", number) for number in notices}


def test_anothers_form_key_opens_nothing(town: Town) -> None:
    with town.watch() as written:
        order = {"form_key": "order-0", "quantity": "1"}
        said = town.client(AT_HOME["volunteer"]).post(f"/offers/{town.things['service']}", data=order)
        assert said.status_code == 409
        offer = well_filled("exchange.new_offer", town) | {"form_key": "haircut"}
        said = town.client(ASKER).post("/me/offers/new", data=offer)
        assert said.status_code == 409
        assert not written()


def test_a_personal_code_is_no_voucher_and_a_voucher_no_personal_code(town: Town) -> None:
    with town.watch() as written:
        for code in (*(town.things[name] for name in ("personal_code", "personal_pass")), town.thing("venue_code")):
            assert town.client(OWNER).post(f"/vouchers/{code}").status_code == 404
            assert town.client(OWNER).get(f"/vouchers/{code}").status_code == 404
        for code in (town.things[name] for name in ("personal_code", "personal_pass", "voucher")):
            assert town.client(VISITOR).get(f"/c/{code}").status_code == 422
        assert not written()


def test_nobody_checks_somebody_else_in(town: Town) -> None:
    """The claim of a code is of the shift alone; who is checked in is whoever is signed in."""
    client = town.client(OWNER)
    client.get(f"/c/{town.thing('venue_code')}")
    client.post("/check-in", data={"form_key": "k", "member_id": str(town.members["asker"]), "wanted": "in"})

    [scan] = rows(town, "SELECT member_id, actor_id FROM scan ORDER BY id DESC LIMIT 1")
    assert scan == (town.members["owner"], town.members["owner"])


def test_a_forged_claim_is_no_claim(town: Town) -> None:
    client = town.client(OWNER)
    for claim in ("1.1795224600.AAAA", "1", "", "x" * 4000, "%00"):
        client.set_cookie("claim", claim, path="/check-in")
        with town.watch() as written:
            assert client.post("/check-in", data={"form_key": "k"}).status_code in {302, 303}
            assert not written()


def test_cookies_end_with_the_password_that_made_them(town: Town) -> None:
    stolen = town.client(OWNER)
    assert stolen.get("/me").status_code == 200
    form = {"current": PASSWORD, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    assert town.client(OWNER).post("/me/password", data=form).status_code == 302

    assert stolen.get("/me").status_code == 302


def test_a_suspended_member_is_out_at_once(town: Town) -> None:
    member = town.client(OWNER)
    town.client(MANAGER).post(f"/branch/members/{town.members['owner']}/suspend", data={"reason": "核实情况"})

    assert member.get("/me").status_code == 302


def test_what_a_visitor_had_in_the_browser_is_not_carried_into_an_account(town: Town) -> None:
    client = town.app.test_client()
    with client.session_transaction() as cookie:
        cookie["planted"] = "1"
        cookie["pin"] = {"member": town.members["manager@home"], "mark": "0", "next": "/"}
    client.post("/sign-in", data={"login": PHONES["owner"], "password": PASSWORD})

    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "pin" not in cookie


def test_a_one_time_pin_opens_nothing_but_the_choice_of_a_password(town: Town) -> None:
    shown = town.client(MANAGER).post(f"/branch/members/{town.members['owner']}/pin").text
    [pin] = re.findall(r"(?<!\d)\d{8}(?!\d)", re.sub(r"<[^>]+>", " ", shown)) or [""]
    client = town.app.test_client()
    said = client.post("/sign-in", data={"login": town.number_of("owner"), "password": pin})

    assert said.location.endswith("/sign-in/new-password")
    assert client.get("/me").status_code == 302
    assert client.post("/me/profile", data={"alias": "x"}).status_code == 302


def test_a_forged_address_of_the_host_reaches_no_link(town: Town) -> None:
    """Without TIMEBANK_PROXY, a forwarded host is somebody's wish."""
    said = town.client(ORGANISER).get(
        f"/organise/shifts/{town.things['running']}/code", headers={"X-Forwarded-Host": "evil.example"}
    )

    assert "evil.example" not in said.text


def bomb() -> bytes:
    """A spreadsheet of some hundred kilobytes that unpacks to a gigabyte."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("xl/workbook.xml", "<workbook/>")
        with package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(300):
                sheet.write(b" " * (1024 * 1024))
    return packed.getvalue()


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    + b"".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 9}">'.encode() for n in range(1, 20))
    + b"]><x>&t;</x>"
)


def entity_bomb() -> bytes:
    """A spreadsheet whose sheet names a text that doubles and doubles."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for name in (
            "[Content_Types].xml",
            "xl/workbook.xml",
            "xl/_rels/workbook.xml.rels",
            "xl/worksheets/sheet1.xml",
        ):
            package.writestr(name, ENTITIES)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (bomb, "名单.xlsx"),
        (entity_bomb, "名单.xlsx"),
        (b"PK\x03\x04" + b"\0" * 100, "名单.xlsx"),
        (b"\x7fELF" + b"\0" * 100, "名单.csv"),
        (b"<html><script>alert(1)</script></html>", "../../../etc/passwd"),
        (b"\xff\xfe" + b"\0" * 999, 'a"\r\nX-Evil: 1.csv'),
        (b"", "<script>alert(1)</script>.csv"),
    ],
    ids=["bomb", "entities", "half", "program", "path", "header", "script"],
)
def test_uploads_that_are_meant_badly_are_refused(town: Town, content: bytes | Callable[[], bytes], name: str) -> None:
    sent = content if isinstance(content, bytes) else content()  # bombs are not built while tests are collected
    form = {"branch_id": str(town.things["branch"]), "file": (io.BytesIO(sent), name)}
    with town.watch() as written:
        said = town.client(MANAGER).post("/branch/members/import", data=form)

        assert said.status_code == 422
        assert "<script>alert" not in said.text
        assert "X-Evil" not in said.headers
        assert not written()


FORMULA = '=HYPERLINK("http://evil.example";"领奖")'


def test_no_export_hands_a_formula_to_a_spreadsheet(town: Town) -> None:
    with town.app.app_context(), transaction() as session:
        giving, asking = (load_actor(session, town.members[name]) for name in ("owner", "asker"))
        draft = exchange.OfferDraft(title=FORMULA, category="haircut", price_minutes=60)
        offer = exchange.post_offer(session, draft, form_key="wicked", actor=giving, now=HALF_PAST)
        wanted = exchange.OrderDraft(offer_id=offer.id, form_key="wicked")
        order = exchange.request_order(session, wanted, actor=asking, now=HALF_PAST)
        exchange.accept_order(session, order.id, exchange.Meeting(at=HALF_PAST + DAY), actor=giving, now=HALF_PAST)
        exchange.fulfil(session, order.voucher, actor=giving, now=HALF_PAST)
    titles = town.client(OWNER).get("/me/statement.csv").get_data().decode("utf-8-sig")
    cells = [cell for line in csv.reader(io.StringIO(titles)) for cell in line]
    book = openpyxl.load_workbook(io.BytesIO(town.client(OWNER).get("/me/statement.xlsx").get_data()))

    assert any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "-H"))]
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "＝", "＋", "－", "＠"])
def test_every_sign_that_begins_a_formula_is_written_as_text(town: Town, start: str) -> None:
    from timebank.archives.package.sinks import _csv_cell
    from timebank.web.downloads import table_file

    with town.app.test_request_context():
        written = table_file("表", "csv", ["名称"], [(f"{start}1+1", -5)])
        written.direct_passthrough = False
        [_, row] = csv.reader(io.StringIO(written.get_data().decode("utf-8-sig")))

    assert row == [f"'{start}1+1", "-5"]
    assert _csv_cell(f"{start}1+1") == f"'{start}1+1"


def test_a_title_adds_no_lines_to_a_calendar(town: Town) -> None:
    wicked = "扫地\r\nEND:VEVENT\r\nBEGIN:VEVENT\nATTACH:http://evil.example;x,y\\"
    with town.app.app_context(), transaction() as session:
        session.execute(text("UPDATE activity SET title = :t, place = :t, content = :t"), {"t": wicked})
    lines = town.client(VISITOR).get(f"/shifts/{town.things['running']}/calendar.ics").get_data().split(b"\r\n")

    assert [line for line in lines if line.startswith((b"BEGIN:", b"END:"))] == [
        b"BEGIN:VCALENDAR", b"BEGIN:VEVENT", b"END:VEVENT", b"END:VCALENDAR",
    ]  # fmt: skip
    assert not any(line.startswith(b"ATTACH") for line in lines)


def test_downloads_are_named_by_us(town: Town) -> None:
    """Nothing typed by a person stands in a header."""
    for rule in gets(town):
        said = town.client(actor_for(town, rule)).get(town.url(rule))
        named = said.headers.get("Content-Disposition", "")
        assert "\r" not in named
        assert "\n" not in named
        assert "王剪刀" not in named
        said.close()


def test_public_pages_name_no_phone_and_no_number_of_a_member(town: Town) -> None:
    for rule in gets(town):
        for persona in (VISITOR, AT_HOME["volunteer"]):
            said = town.client(persona).get(town.url(rule))
            if said.status_code == 200 and said.mimetype == "text/html":
                for secret in (*PHONES.values(), ID_NUMBER, town.number_of("asker")):
                    assert secret not in said.text, (rule.rule, persona.name)
            said.close()


def test_staff_see_phones_and_numbers_masked(town: Town) -> None:
    for rule in gets(town):
        for persona in (ORGANISER, MANAGER, AT_HOME["inspector"], ADMINISTRATOR):
            said = town.client(persona).get(town.url(rule))
            if said.status_code == 200 and said.mimetype == "text/html":
                for secret in (*PHONES.values(), ID_NUMBER):
                    assert secret not in said.text, (rule.rule, persona.name)
            said.close()
