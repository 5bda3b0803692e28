"""A square where hundreds of people come and go on several shifts: made, signed in at, and counted afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bench.harness import say
from bench.servers import Server
from bench.town import SECRET, open_shift, people
from tests.world import make_member
from timebank.app import create_app
from timebank.attendance.models import Attendance, Scan
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.models import Credential, Member
from timebank.members.queries import list_cards
from timebank.members.service import hash_password

PASSWORD = "滨河路三号院"
WENT = timedelta(minutes=2)  # before the storm
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Square:
    """Where it happens: shifts that run now, the people, who scans them, and when the storm is said to be."""

    url: str
    settings: dict[str, Any]
    shifts: list[int]
    logins: list[str]
    members: list[int]
    serials: dict[int, str]  # of the cards, by member
    organiser: str  # a login
    came: timedelta  # how long before the storm
    now: datetime


def make_square(url: str, folder: str, *, persons: int, shift_count: int, came: timedelta) -> Square:
    """Fill the migrated database at ``url``; each shift began two minutes before people ``came``."""
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET, "TIMEBANK_DATA": folder}
    app = create_app(settings)
    with app.app_context():
        now = clock.now()
        hashed = hash_password(PASSWORD).hash
        with transaction() as session:
            shifts = []
            for _ in range(shift_count):
                branch, shift_id = open_shift(session, starts_at=now - came - timedelta(minutes=2), now=now)
                shifts.append(shift_id)
            members = sorted(people(session, branch, persons, now=now))
            organiser = make_member(session, branch, "周队长", roles=("organiser",), now=now)
            session.add_all(
                Credential(member_id=id_, password_hash=hashed, session_mark="storm", changed_at=now)
                for id_ in (*members, organiser.id)
            )
            logins = list(session.scalars(sa.select(Member.number).where(Member.id.in_(members)).order_by(Member.id)))
            serials, scans_for_all = list_cards(session, members), organiser.number
        db.session.remove()
        db.engine.dispose()
    return Square(
        url=url,
        settings=settings,
        shifts=shifts,
        logins=logins,
        members=members,
        serials=serials,
        organiser=scans_for_all,
        came=came,
        now=now,
    )


def sign_in(server: Server, login: str, then: str) -> tuple[dict[str, str], str]:
    """One person opens the page, signs in and opens ``then``; their cookies, and the form token of that page."""
    cookies: dict[str, str] = {}
    page = server.ask("GET", "/sign-in", {}, cookies)
    form = {"csrf_token": _token(page), "login": login, "password": PASSWORD}
    server.ask("POST", "/sign-in", form, cookies, status=302)
    return cookies, _token(server.ask("GET", then, {}, cookies))


def _token(page: str) -> str:
    found = _TOKEN.search(page)
    if found is None:
        raise RuntimeError("the page has no form token")
    return found[1]


@dataclass(frozen=True)
class Did:
    """What somebody did: came in or went out."""

    shift_id: int
    member_id: int
    kind: str


def check(name: str, square: Square, told: Mapping[str, Did], *, wanted: int) -> None:
    """Every scan that was answered (``told``, by its key) is there once, nothing else is, and attendance says the same.

    Raises RuntimeError with what is wrong.
    """
    expected: dict[tuple[int, int], set[str]] = {}
    for did in told.values():
        expected.setdefault((did.shift_id, did.member_id), set()).add(did.kind)
    scans, records = _kept(square.url)
    kept = {scan.key for scan in scans}
    minutes = int((square.came - WENT).total_seconds()) // 60
    faults = {
        "unanswered": wanted - len(told),
        "lost": len(told.keys() - kept),
        "unknown": len(kept - told.keys()),
        "twice": len(scans) - len(kept) + len(records) - len(expected),
        "refused": sum(bool(scan.refused) for scan in scans),
        "wrong_records": sum(
            not _is_right(record, expected.get((record.shift_id, record.member_id), set()), minutes)
            for record in records
        ),
    }
    say(f"{name}_kept", "scans", len(scans), wanted, **faults)
    if any(faults.values()):
        raise RuntimeError(f"{name}: {faults}")


def _kept(url: str) -> tuple[list[Any], list[Any]]:
    record = sa.select(
        Attendance.shift_id, Attendance.member_id, Attendance.in_at, Attendance.out_at, Attendance.signed_minutes
    )
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        scans, records = connection.execute(sa.select(Scan.key, Scan.refused)).all(), connection.execute(record).all()
    engine.dispose()
    return list(scans), list(records)


def _is_right(record: Any, did: set[str], minutes: int) -> bool:
    there = (record.in_at is not None, record.out_at is not None)
    return there == ("in" in did, "out" in did) and record.signed_minutes == (minutes if "out" in did else 0)
