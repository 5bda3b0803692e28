"""Every form, address and query, with what people really type and what others try: refused in Chinese, or harmless.

The fields come from the schemas that the forms of each route use, so that a new field is tried the day it is written.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from marshmallow import Schema, ValidationError, fields
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.doors.forms import well_filled
from tests.doors.town import PERSONAS, Persona, Town, expected
from tests.world import KEYS, NOW
from timebank.attendance.rules import poster_code, venue_code
from timebank.core import codes
from timebank.web.forms import Form, tidy_text

SCRIPT = "<script>alert(1)</script>"
TEXT, NUMBER, TIME = "text", "number", "time"
ALL = (TEXT, NUMBER, TIME)
TRIED: dict[str, tuple[str, tuple[str, ...]]] = {  # what is typed, and in which kinds of fields
    "nothing": ("", ALL),
    "a novel": ("长" * 2_100, ALL),  # no field takes more than two thousand
    "emoji and rare characters": ("👵🏻😀𠮷𠮷", ALL),
    "full-width digits": ("１２３", ALL),
    "minus one": ("-1", (NUMBER, TIME)),
    "zero": ("0", (NUMBER, TIME)),
    "a fraction": ("1.5", (NUMBER, TIME)),
    "many digits": ("9" * 30, ALL),
    "other digits": ("²३٣", ALL),
    "the first day": ("0001-01-01", (TIME,)),
    "the last day": ("9999-12-31", (TIME,)),
    "the last minute": ("9999-12-31T23:59", (TIME,)),
    "a day past": ("2020-01-01", (TIME,)),
    "no such day": ("2026-02-30", (TIME,)),
    "code of all kinds": (f"'; DROP TABLE member; --{SCRIPT} {{0}} {{actor.member_id}} %s %(name)s {{{{7*7}}}}", ALL),
    "NUL and line ends": ("张\0三\r\nSet-Cookie: a=b\r\n\r\n四", ALL),
    "half a character": ("张\ud842", ALL),
}
# What code reads straight from a form or an address, beside the schemas.
BESIDE = ("form_key", "form", "go", "more", "next", "q", "seen", "then", "wanted", "remember", "consented")
BOOKS = ("entry", "transfer", "hold")
ASKED = ("q", "page", "month", "year", "unit", "status", "kind", "view", "of", "area", "branch", "category", "parent",
         "text", "price", "side", "number", "now", "next")  # fmt: skip
# With these each wrong field has to complain for itself; with the others all wrong fields of a form go together.
EACH_ALONE = ("a novel", "code of all kinds")
COMPLAINTS = (
    'class="alert error',
    'class="error-page',
    'aria-invalid="true"',
    'class="scan-told bad"',
    'class="kiosk-told bad"',
)
PARTS = 3  # of all forms: no test takes minutes, and idle workers have something to steal
SLOW = ("members.sign_in", "members.password", "members.register", "members.set_pin", "members.new_password")


def actor_for(town: Town, rule: Rule) -> Persona:
    """Somebody whom the table lets in, as near to the thing as can be."""
    permission = str(town.app.view_functions[rule.endpoint].permission)  # type: ignore[attr-defined]
    open_to = [persona for persona in PERSONAS if expected(rule, permission, persona) == "open"]
    signed_in = [persona for persona in open_to if not persona.is_visitor]
    by_name = {persona.name: persona for persona in signed_in}
    preferred = ("manager@home", "owner", "administrator@home")
    if rule.endpoint in {"exchange.request_order", "exchange.cancel_order"}:
        preferred = ("asker",)
    return next((by_name[name] for name in preferred if name in by_name), signed_in[0])


def posts(town: Town) -> list[Rule]:
    return [rule for rule in town.app.url_map.iter_rules() if "POST" in (rule.methods or ())]


def gets(town: Town) -> list[Rule]:
    return [
        rule for rule in town.app.url_map.iter_rules() if "GET" in (rule.methods or ()) and rule.endpoint != "static"
    ]


@pytest.fixture(scope="module")
def schemas(town: Town) -> dict[str, list[Schema]]:
    """The schemas that read what is sent to each route, seen by sending it something."""
    seen: dict[str, list[Schema]] = defaultdict(list)
    load = Form.load

    def noting(self: Form) -> dict[str, Any]:
        seen[endpoint].append(self.schema)
        return load(self)

    with pytest.MonkeyPatch.context() as patch, town.watch() as written:
        patch.setattr(Form, "load", noting)
        for rule in posts(town):
            endpoint = rule.endpoint
            town.client(actor_for(town, rule)).post(town.url(rule), data=well_filled(endpoint, town)).get_data()
            if written():
                town.restore()
                written()
    return seen


def fields_of(schemas: list[Schema]) -> Iterator[tuple[str, fields.Field[Any]]]:
    """Every field as the page names it."""
    for schema in schemas:
        for name, one in schema.fields.items():
            inner = getattr(one, "inner", None)
            if isinstance(inner, fields.Nested):
                for cell, nested in inner.schema.fields.items():
                    yield f"{name}-0-{nested.data_key or cell}", nested
            else:
                yield name, one


def is_wrong(field: fields.Field[Any], typed: str) -> bool:
    """Whether the schema itself says that this is not what the field wants."""
    arrives = tidy_text(typed.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    if isinstance(field, fields.List) or not arrives:
        return False
    try:
        field.deserialize(unicodedata.normalize("NFKC", arrives))
    except ValidationError:
        return True
    return False


def books_of(town: Town) -> list[int]:
    """How many rows the books have."""
    assert town.path is not None
    with closing(sqlite3.connect(town.path)) as reader:
        return [reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in BOOKS]


def complains(said: TestResponse) -> bool:
    """Whether a page tells its reader, in Chinese, that something was wrong."""
    return any(sign in text_of(said) for sign in COMPLAINTS)


def text_of(said: TestResponse) -> str:
    """What a page says; a file that a form is answered with says nothing to its reader."""
    content = said.get_data()
    return content.decode() if said.mimetype.startswith("text/") or said.is_json else ""


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("what", TRIED)
def test_a_bad_field_is_refused_in_chinese_or_harmless(
    town: Town, schemas: dict[str, list[Schema]], what: str, part: int
) -> None:
    wrong: list[str] = []
    before = books_of(town)
    with town.watch() as written:
        for rule in posts(town)[part::PARTS]:
            if rule.endpoint in SLOW:
                continue
            for form, must_refuse in forms_with(what, list(fields_of(schemas[rule.endpoint])), town, rule):
                fault = _try(town, rule, form, must_refuse=must_refuse, before=before)
                if fault:
                    wrong.append(f"POST {town.url(rule)} {', '.join(form)}: {fault}")
                if written():
                    town.restore()
                    written()

    assert not wrong, "\n".join(["", *wrong])


def forms_with(
    what: str, of_schemas: list[tuple[str, fields.Field[Any]]], town: Town, rule: Rule
) -> Iterator[tuple[dict[str, bytes], bool]]:
    """The bad fields of each form to send, and whether it must be refused."""
    typed, kinds = TRIED[what]
    raw = typed.encode("utf-8", "surrogatepass")
    tried = {name: is_wrong(field, typed) for name, field in of_schemas if kind_of(field) in kinds}
    together = {name: raw for name, wrong in tried.items() if wrong and what not in EACH_ALONE}
    if together:
        yield together, True
    yield from (({name: raw}, wrong) for name, wrong in tried.items() if name not in together)
    yield {name: raw for name in BESIDE if name not in well_filled(rule.endpoint, town)}, False  # no schema reads these


def kind_of(field: fields.Field[Any]) -> str:
    """Which values are worth trying in a field."""
    if isinstance(field, fields.Integer):
        return NUMBER
    return TIME if isinstance(field, fields.Date | fields.Time | fields.DateTime) else TEXT


@pytest.mark.parametrize(("typed", "_kinds"), TRIED.values(), ids=TRIED)
def test_passwords_and_sign_in_names(town: Town, typed: str, _kinds: object) -> None:
    """Each costs a slow hash, so all fields are wrong at once."""
    for rule in posts(town):
        if rule.endpoint in SLOW:
            form = dict.fromkeys(well_filled(rule.endpoint, town), typed.encode("utf-8", "surrogatepass"))
            said = town.client(actor_for(town, rule)).post(town.url(rule), data=form)
            assert said.status_code in {200, 302, 409, 422, 429}, rule.endpoint
            assert SCRIPT not in said.text
    town.restore()


def _try(town: Town, rule: Rule, bad: dict[str, bytes], *, must_refuse: bool, before: list[int]) -> str:
    """What is wrong with the answer to a form with bad fields among good ones; nothing, as a rule."""
    client = town.client(actor_for(town, rule))
    try:
        said = client.post(town.url(rule), data=well_filled(rule.endpoint, town) | bad)
        if said.status_code in {302, 303} and said.location.startswith("/"):
            said = client.get(said.location)
        text = text_of(said)
    except Exception as bug:
        return f"{type(bug).__name__}: {str(bug)[:200]}"
    if said.status_code >= 500:
        return str(said.status_code)
    if SCRIPT in text:
        return "unescaped"
    if must_refuse and not complains(said) and not said.is_json:
        return f"{said.status_code}, and nobody is told"
    if must_refuse and books_of(town) != before:
        return "something new in the books"
    return ""


@pytest.mark.parametrize(("typed", "_kinds"), TRIED.values(), ids=TRIED)
def test_a_bad_query_is_harmless(town: Town, typed: str, _kinds: object) -> None:
    wrong: list[str] = []
    short = typed[:60]  # servers take some thousand octets of address
    query = dict.fromkeys(ASKED, short.encode("utf-8", "surrogatepass"))
    for rule in gets(town):
        client, url = town.client(actor_for(town, rule)), town.url(rule).partition("?")[0]
        for given in (query, {name: value for name, value in query.items() if name != "branch"}):
            try:
                said = client.get(url, query_string=given)
                text = said.get_data(as_text=said.mimetype.startswith("text/"))
                said.close()
            except Exception as bug:
                wrong.append(f"GET {url}: {type(bug).__name__}: {str(bug)[:200]}")
                continue
            if said.status_code >= 500 or (isinstance(text, str) and SCRIPT in text):
                wrong.append(f"GET {url}: {said.status_code} or unescaped")

    assert not wrong, "\n".join(["", *wrong])


ADDRESSES = (
    "0",
    "9" * 9,
    "2147483648",
    "9" * 25,
    "²",
    "１",
    "-1",
    "1.0",
    "甲",
    "..",
    "%00",
    "a%0d%0ab",
    "%ff",
    "𠮷",
    "x" * 2000,
)


@pytest.mark.parametrize("part", ADDRESSES, ids=lambda part: part[:12])
def test_a_bad_address_is_not_found(town: Town, part: str) -> None:
    wrong: list[str] = []
    for rule in town.app.url_map.iter_rules():
        for name in sorted(rule.arguments if rule.endpoint != "static" else ()):
            url = _address(town, rule, name, part)
            for method in sorted({"GET", "POST"} & (rule.methods or set())):
                try:
                    said = town.client(actor_for(town, rule)).open(
                        url, method=method, data={} if method == "POST" else None
                    )
                    said.get_data()
                    said.close()
                except Exception as bug:
                    wrong.append(f"{method} {url[:80]}: {type(bug).__name__}: {str(bug)[:200]}")
                    continue
                if said.status_code >= 500:
                    wrong.append(f"{method} {url[:80]}: {said.status_code}")
    town.restore()

    assert not wrong, "\n".join(["", *wrong])


def _address(town: Town, rule: Rule, name: str, part: str) -> str:
    """The route's address with ``part`` in place of one of its objects."""
    parts = []
    for is_dynamic, text in rule._trace:
        if not is_dynamic:
            parts.append(text.removeprefix("|"))
        elif text == name:
            parts.append(part if "%" in part else quote(part))
        else:
            parts.append(quote(str(town.argument(rule.endpoint, text))))
    return "".join(parts)


def test_codes_of_another_purpose_stale_ones_and_forged_ones_do_nothing(town: Town) -> None:
    things = town.things
    stale = venue_code(KEYS, things["running"], NOW)
    body = "V1" + stale[2:-2] + ("0" if stale[-2] != "0" else "1")
    wrong_codes = {
        "attendance.type_code": {
            "stale": stale,
            "poster of nobody": poster_code(KEYS, things["running"], 7),
            "forged": body + codes.check_character(body),
            "personal code": things["personal_code"],
            "personal pass": things["personal_pass"],
            "voucher": things["voucher"],
        },
        "attendance.scan_person": {
            "venue code": town.thing("venue_code"),
            "voucher": things["voucher"],
            "forged": _forged(things["personal_code"]),
            "forged pass": things["personal_pass"][:-1] + ("0" if things["personal_pass"][-1] != "0" else "1"),
            "poster code": poster_code(KEYS, things["running"], 1),
        },
        "exchange.find_voucher": {
            "venue code": town.thing("venue_code"),
            "personal code": things["personal_code"],
            "personal pass": things["personal_pass"],
            "poster code": poster_code(KEYS, things["running"], 1),
            "forged": _forged(things["voucher"]),
        },
    }
    rules = {rule.endpoint: rule for rule in posts(town)}
    with town.watch() as written:
        for endpoint, tried in wrong_codes.items():
            field = "voucher" if endpoint == "exchange.find_voucher" else "code"
            for what, code in tried.items():
                rule = rules[endpoint]
                said = town.client(actor_for(town, rule)).post(town.url(rule), data={field: code, "form_key": "k"})
                assert said.status_code in {409, 422}, (endpoint, what)
                assert complains(said), (endpoint, what)
                assert not written(), (endpoint, what)


def _forged(code: str) -> str:
    """The same kind of code with another secret part and a right check character."""
    body = code[:-4] + "".join(codes.ALPHABET[(codes.ALPHABET.index(c) + 1) % 31] for c in code[-4:-1])
    return body + codes.check_character(body)


def test_what_was_stored_is_shown_escaped_everywhere(town: Town, schemas: dict[str, list[Schema]]) -> None:
    """Put a script into every text that takes one, then look at every page."""
    for rule in posts(town):
        texts = {
            name: SCRIPT
            for name, field in fields_of(schemas[rule.endpoint])
            if isinstance(field, fields.String) and not is_wrong(field, SCRIPT) and name not in {"form_key", "code"}
        }
        if rule.endpoint not in SLOW and "consent_version" not in texts:
            client, form = town.client(actor_for(town, rule)), well_filled(rule.endpoint, town)
            for name in texts:
                client.post(
                    town.url(rule), data=form | {name: SCRIPT, "form_key": f"{name}-{rule.endpoint}"[:60]}
                ).get_data()
    seen = 0
    for rule in gets(town):
        for persona in (actor_for(town, rule), *PERSONAS[1:3]):
            said = town.client(persona).get(town.url(rule))
            if said.mimetype == "text/html":
                assert SCRIPT not in said.text, (rule.rule, persona.name)
                seen += "&lt;script&gt;" in said.text
            said.close()
    town.restore()

    assert seen > 10


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.parametrize("what", ["a novel", "many digits", "NUL and line ends", "half a character"])
def test_postgresql_takes_nothing_that_is_too_long_for_its_columns(
    town_on_postgresql: Town, town: Town, schemas: dict[str, list[Schema]], what: str
) -> None:
    """SQLite stores texts of any length, NUL and all; the other engine does not."""
    there, raw, wrong = town_on_postgresql, TRIED[what][0].encode("utf-8", "surrogatepass"), []
    for rule in sorted(posts(there), key=lambda rule: rule.endpoint in LAST):
        if rule.endpoint in SLOW:
            continue
        beside = dict.fromkeys(BESIDE, raw)
        for bad in ({name: raw} for name in [*dict(fields_of(schemas[rule.endpoint])), None] if name):
            said = there.client(actor_for(there, rule)).post(
                there.url(rule), data=well_filled(rule.endpoint, there) | bad
            )
            if said.status_code >= 500:
                wrong.append(f"POST {rule.rule} {list(bad)}")
        said = there.client(actor_for(there, rule)).post(
            there.url(rule), data=well_filled(rule.endpoint, there) | beside
        )
        if said.status_code >= 500:
            wrong.append(f"POST {rule.rule} {list(beside)}")

    assert not wrong, "\n".join(["", *wrong])


# What would take away what the other routes are about.
LAST = {
    "activities.cancel",
    "activities.discard",
    "exchange.cancel_order",
    "exchange.decline_order",
    "members.decline",
    "members.end_role",
    "members.suspend",
    "roster.put_away",
    "roster.run",
}
