"""Every route × every role, against the permission table. A new route is covered the day it is written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.doors.forms import well_filled
from tests.doors.town import PERSONAS, Persona, Town, expected
from timebank.core.permissions import PERMISSIONS
from timebank.web.guards import PUBLIC

REFUSED = {403, 404}
FINE = {200, 302, 303, 400, 409, 422}
FINE_TO_READ = {200, 302}
# Who may look at an order is told what its form lacks before whose turn it is.
FORM_FIRST = {
    "exchange.accept_order",
    "exchange.decline_order",
    "exchange.propose_time",
    "exchange.rate_order",
    "exchange.send_member",
    "requests.hand_over",
    "requests.move",
    "requests.rate",
}
WITHOUT_GUARD = {"static"}


def rules(app: Flask) -> list[Rule]:
    """Every route that a view of ours answers."""
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint not in WITHOUT_GUARD]


def permission_of(app: Flask, rule: Rule) -> str:
    return str(app.view_functions[rule.endpoint].permission)  # type: ignore[attr-defined]


def test_every_view_says_who_may_open_it(town: Town) -> None:
    views = {rule.endpoint: town.app.view_functions[rule.endpoint] for rule in rules(town.app)}

    assert [name for name, view in views.items() if not hasattr(view, "permission")] == []
    assert {permission_of(town.app, rule) for rule in rules(town.app)} <= {PUBLIC, *PERMISSIONS}


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.name)
def test_reading(town: Town, persona: Persona) -> None:
    wrong = list(_walk_gets(town, persona))

    assert not wrong, "\n".join(["", *wrong])


def _walk_gets(town: Town, persona: Persona) -> Iterator[str]:
    with town.watch() as written:
        for rule in rules(town.app):
            if "GET" not in (rule.methods or ()):
                continue
            said = _ask(town, persona, rule, "GET", {})
            answer = expected(rule, permission_of(town.app, rule), persona)
            if not (isinstance(said, TestResponse) and _keeps(answer, said, FINE_TO_READ)):
                yield f"GET {town.url(rule)}: {answer} expected, {_told(said)}"
            if isinstance(said, TestResponse) and not all(value.isascii() for _, value in said.headers):
                yield f"GET {town.url(rule)}: a header that a server refuses to send"
            if written():
                yield f"GET {town.url(rule)}: wrote to the database"


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
@pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.name)
def test_writing(town: Town, persona: Persona, filled: bool) -> None:
    wrong = list(_walk_posts(town, persona, filled))

    assert not wrong, "\n".join(["", *wrong])


def _walk_posts(town: Town, persona: Persona, filled: bool) -> Iterator[str]:
    with town.watch() as written:
        for rule in rules(town.app):
            if "POST" not in (rule.methods or ()):
                continue
            form = well_filled(rule.endpoint, town) if filled else {}
            said = _ask(town, persona, rule, "POST", form)
            answer = expected(rule, permission_of(town.app, rule), persona)
            if answer == "refused" and not filled and _is(said, 422) and rule.endpoint in FORM_FIRST:
                continue
            if not (isinstance(said, TestResponse) and _keeps(answer, said, FINE)):
                yield f"POST {town.url(rule)} {sorted(form)}: {answer} expected, {_told(said)}"
            if written():
                if answer != "open":
                    yield f"POST {town.url(rule)}: wrote to the database although {answer}"
                town.restore()
                written()


def _ask(town: Town, persona: Persona, rule: Rule, method: str, form: dict[str, object]) -> TestResponse | Exception:
    url = town.url(rule)
    try:
        said = town.client(persona).open(url, method=method, data=form or None)
        said.get_data()  # pages that grow are only done when they were read
        said.close()
    except Exception as bug:
        return bug
    return said


def _is(said: TestResponse | Exception, status: int) -> bool:
    return isinstance(said, TestResponse) and said.status_code == status


def _keeps(answer: str, said: TestResponse, fine: set[int]) -> bool:
    if answer == "sign in":
        return said.status_code == 302 and said.location.startswith("/sign-in")
    if answer == "refused":
        return said.status_code in REFUSED
    return said.status_code in fine


def _told(said: TestResponse | Exception) -> str:
    if isinstance(said, TestResponse):
        return f"{said.status_code} {said.headers.get('Location', '')}"
    return f"{type(said).__name__}: {str(said)[:300]}"


# What writes nothing to the database, or not in this town: cookies, a code that leads on, a file that is not there,
# that is as it was, or that is only looked through.
WRITES_NOTHING = {
    "archives.correct",
    "archives.verify",
    "attendance.record",
    "attendance.try_written",
    "attendance.type_code",
    "exchange.find_voucher",
    "members.find_people",
    "members.new_password",
    "members.sign_out",
    "partners.desk",
    "roster.upload",
    "web.preferences",
}


def test_the_filled_forms_do_something_for_somebody(town: Town) -> None:
    """Or the matrix would compare refusals with refusals."""
    idle = []
    with town.watch() as written:
        for rule in rules(town.app):
            if "POST" not in (rule.methods or ()) or rule.endpoint in WRITES_NOTHING:
                continue
            permission = permission_of(town.app, rule)
            done = False
            for persona in PERSONAS:
                if not done and expected(rule, permission, persona) == "open":
                    _ask(town, persona, rule, "POST", well_filled(rule.endpoint, town))
                    done = written()
            if done:
                town.restore()
                written()
            else:
                idle.append(rule.endpoint)

    assert not idle, " ".join(idle)
