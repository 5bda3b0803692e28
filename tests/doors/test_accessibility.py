"""Every page a person can open, on a phone: axe finds nothing against WCAG 2.2 AA, and nothing sticks out sideways.

Each page is looked at three times: as it comes, in large type (长辈版), and in the dark.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

import config
from tests.doors.test_bad_input import actor_for, gets
from tests.doors.town import ASKER, KIOSK, OWNER, STAFF, VISITOR, Persona, Town, expected
from timebank.web.guards import PUBLIC

AXE = (config.ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
RUN = """async rules => (await axe.run(document, {runOnly: rules, resultTypes: ['violations']})).violations.map(
    ({id, nodes: [first, ...more]}) => `${id}: ${first.html.slice(0, 99)} (and ${more.length} more)
        ${first.failureSummary.slice(0, 240)}`)"""
STICKS_OUT = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
    ? [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 3).map(e => e.outerHTML.slice(0, 100)) : []"""
READERS = (VISITOR, OWNER, ASKER, *STAFF, KIOSK)
NO_PAGE = {
    "archives.package",
    "archives.package_version",
    "attendance.code",
    "attendance.kiosk_state",
    "desks.journal",
    "static",
    "web.asset",
    "web.health",
}


@pytest.fixture(scope="module")
def address(town: Town) -> Iterator[str]:
    """The town, served."""
    server = make_server("127.0.0.1", 0, town.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone whose pages can be asked questions, which their security policy forbids to everybody else."""
    context = browser.new_context(
        locale="zh-CN",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        bypass_csp=True,
        reduced_motion="reduce",  # or a colour on its way would be measured
    )
    context.add_init_script(AXE)
    yield context.new_page()
    context.close()


def pages(town: Town, persona: Persona) -> list[str]:
    """The addresses this person is the one to try: public ones as a visitor, others as whoever is nearest."""
    found = []
    for rule in gets(town):
        permission = str(town.app.view_functions[rule.endpoint].permission)  # type: ignore[attr-defined]
        if rule.endpoint in NO_PAGE or "." in rule.rule.rsplit("/", 1)[-1]:
            continue
        if expected(rule, permission, persona) == "open" and persona in _readers(town, rule, permission):
            found.append(town.url(rule))
    return found


def _readers(town: Town, rule: Any, permission: str) -> set[Persona]:
    if permission == PUBLIC:
        return {VISITOR, OWNER}
    if rule.rule.startswith(("/me", "/orders", "/vouchers", "/check-in")):
        return {OWNER, ASKER}
    by_part = {"/organise": "organiser", "/inspect": "inspector", "/areas": "administrator"}
    role = next((role for part, role in by_part.items() if rule.rule.startswith(part)), "manager")
    nearest = {persona for persona in STAFF if persona.role == role}
    return nearest | {actor_for(town, rule)}


@pytest.mark.parametrize("persona", READERS, ids=lambda persona: persona.name)
def test_pages_can_be_read_by_everybody(town: Town, address: str, phone: Page, persona: Persona) -> None:
    if persona.name in town.cookies:
        phone.context.add_cookies([{"name": "session", "value": town.cookies[persona.name], "url": address}])
    if persona == KIOSK:
        phone.context.add_cookies(
            [{"name": "kiosk", "value": town.things["kiosk_cookie"], "domain": "127.0.0.1", "path": "/kiosk"}]
        )
    wrong = [fault for url in [*pages(town, persona), "/nowhere"] for fault in _faults(phone, address, url)]

    assert not wrong, "\n".join(["", *wrong])


def _faults(phone: Page, address: str, url: str) -> Iterator[str]:
    phone.emulate_media(color_scheme="light")
    answer = phone.goto(f"{address}{url}")
    if answer is None or "html" not in answer.headers.get("content-type", ""):
        return
    yield from _looked_at(phone, f"{url}", RULES)
    phone.evaluate("document.documentElement.classList.add('large')")
    yield from _looked_at(phone, f"{url} in large type", RULES)
    phone.evaluate("document.documentElement.classList.remove('large')")
    phone.emulate_media(color_scheme="dark")
    yield from _looked_at(phone, f"{url} in the dark", ["color-contrast"])


def _looked_at(phone: Page, what: str, rules: list[str]) -> Iterator[str]:
    for fault in phone.evaluate(RUN, rules):
        yield f"{what}: {fault}"
    for element in phone.evaluate(STICKS_OUT):
        yield f"{what}: sticks out: {element}"
