"""``checkin``: the POST behind the one button (signed-in cookie, form token, claim, scan, attendance, commit) beside a
bare endpoint that inserts one row; same server, same database file, one client, five alternating rounds.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from bench.harness import compare
from bench.servers import Post, post_all, served
from bench.town import SECRET, open_shift, people
from tests import databases
from timebank.app import create_app
from timebank.attendance.models import VENUE
from timebank.attendance.rules import Claim, claim_text
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.keys import Keys
from timebank.members.models import Credential

ROUND = 200  # check-ins in one measurement, each by another member
ROUNDS = 5
_MARK = "bench"
_TOKEN = "0123456789abcdef"


def measure() -> None:
    databases.begin_run()
    try:
        for engine, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with databases.fresh(engine) as url, tempfile.TemporaryDirectory() as folder:
                _measure(url, folder, f"checkin_{short}")
    finally:
        databases.end_run()


def _measure(url: str, folder: str, name: str) -> None:
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET, "TIMEBANK_DATA": folder}
    check_ins = _check_ins(settings)
    rows = (Post("/scan", {"key": str(n), "shift": "1", "member": str(n)}, {}) for n in itertools.count())
    with served("wsgi:app", settings) as ours, served("bench.bare:app", settings) as bare:
        post_all(bare, list(itertools.islice(rows, 50)), status=204)
        post_all(ours, list(itertools.islice(check_ins, 50)), status=303)
        compare(
            name,
            "requests/s",
            lambda: post_all(ours, list(itertools.islice(check_ins, ROUND)), status=303),
            lambda: post_all(bare, list(itertools.islice(rows, ROUND)), status=204),
            ROUNDS,
        )


def _check_ins(settings: dict[str, Any]) -> Iterator[Post]:
    """Each member's own press of the button, made before the clock runs."""
    app = create_app(settings)
    with app.app_context():
        now = clock.now()
        with transaction() as session:
            branch, shift_id = open_shift(session, starts_at=now - timedelta(minutes=5), now=now)
            members = people(session, branch, ROUND * ROUNDS + 50, now=now)
            session.add_all(Credential(member_id=id_, session_mark=_MARK, changed_at=now) for id_ in members)
        claim = claim_text(Keys(SECRET.encode()), Claim(shift_id=shift_id, seen_at=now, source=VENUE))
        db.session.remove()
        db.engine.dispose()
    return iter([_press(app, member_id, claim) for member_id in members])


def _press(app: Flask, member_id: int, claim: str) -> Post:
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    if signer is None:
        raise RuntimeError("no secret key")
    cookie = signer.dumps({"_user_id": f"{member_id}:{_MARK}", "_fresh": False, "csrf_token": _TOKEN})
    token = URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(_TOKEN)
    form = {"csrf_token": str(token), "form_key": f"press-{member_id}", "wanted": "in"}
    return Post("/check-in", form, {"session": str(cookie), "claim": claim})
