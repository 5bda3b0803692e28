"""One town in which every address of the application has something behind it, for tests that walk all of them.

``ARGUMENTS`` says which object stands for each part of an address: a new route with a new kind of part has to be named
there, or the tests that walk the map fail. Everybody has a role at the ``home`` branch, which owns all the objects, or
the same role at the ``other`` branch, which owns none of them.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from tests.activities import town as activities
from tests.archives.months import AUGUST, close_of, earn
from tests.attendance.paper import a_photo
from tests.doors.reported import make_reports
from tests.members.rosters import csv_of
from tests.world import CONSENTS, KEYS, NOW, actor_of, make_branch, make_member, sign_in
from timebank.activities.models import GuardianConsent, NoShow
from timebank.agreements import service as agreements
from timebank.archives import closing as archive_closing
from timebank.archives.service import audit
from timebank.attendance.models import VENUE, ScanCase
from timebank.attendance.rules import KioskGrant, Timing, kiosk_text, venue_code
from timebank.attendance.service import (
    Batch,
    PhotoDraft,
    ScanDraft,
    SheetDraft,
    UploadedScan,
    Yes,
    approve_shift,
    keep_photo,
    make_poster,
    open_kiosk,
    print_sheet,
    record_batch,
    record_scan,
    submit_shift,
    void,
)
from timebank.branches.models import Branch
from timebank.branches.service import AreaDraft, add_area
from timebank.certificates import service as certificates
from timebank.certificates.queries import get_certificate, list_served
from timebank.clearing import service as clearing
from timebank.clearing.queries import find_parked_of, get_pair, list_items_at, look_at_month
from timebank.clearing.service.cases import Found, open_case
from timebank.core import clock
from timebank.core.actor import SYSTEM, Actor
from timebank.core.db import db, transaction
from timebank.core.permissions import PERMISSIONS
from timebank.corrections import service as corrections
from timebank.corrections.models import WAITING
from timebank.disputes import service as disputes
from timebank.exchange import service as exchange
from timebank.exchange.models import GOODS, RESOURCE
from timebank.giving import service as giving
from timebank.growth import making
from timebank.growth import service as growth
from timebank.growth.models import TRAINING
from timebank.growth.rules import Recognition
from timebank.ledger import queries as ledger
from timebank.ledger import service as ledger_service
from timebank.members.models import CONTACT, GUARDIAN_OF, Member, RoleGrant
from timebank.members.queries import find_card
from timebank.members.roster import service as roster
from timebank.members.rules import CONSENT_VERSION, GUARDIAN, member_number, personal_code, personal_pass
from timebank.members.service import (
    NewMember,
    OrganisationDraft,
    PaperDraft,
    ask_family,
    close_organisation,
    create_team,
    hash_password,
    join_organisation,
    join_team,
    link_by_staff,
    record_paper,
    register,
    register_organisation,
    set_leader,
    suspend_member,
)
from timebank.notices.models import Notice
from timebank.partners import service as partners
from timebank.partners.rules import COOKIE, LINK, note_of
from timebank.passbooks.service import PrintDraft, print_passbook
from timebank.requests import rules as requests
from timebank.requests import service as help_requests
from timebank.web.guards import PUBLIC

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HALF_PAST = NOW + timedelta(minutes=30)  # when the doors are tried: a shift has begun half an hour ago
BEFORE = AUGUST - timedelta(days=20)
CLOSED_MONTH = "2026-08"
MONTH_TO_EXCEPT = "2026-09"
ROLES = ("volunteer", "grid_worker", "organiser", "manager", "inspector", "administrator")
_numbers = itertools.count(1)
PHONES = {"owner": "13805740011", "asker": "13805740022"}
ID_NUMBER = "330206194803052263"


@dataclass(frozen=True, kw_only=True)
class Persona:
    """Somebody at a door. ``home``: whether their role was given at the branch that owns everything."""

    name: str
    role: str = "volunteer"
    home: bool = True

    @property
    def is_visitor(self) -> bool:
        """Not signed in."""
        return self.role == "visitor"


VISITOR = Persona(name="visitor", role="visitor", home=False)
OWNER, ASKER = Persona(name="owner"), Persona(name="asker")  # who gave a service, and who asked for it
STAFF = tuple(Persona(name=f"{role}@home", role=role) for role in ROLES)
OTHERS = tuple(Persona(name=f"{role}@other", role=role, home=False) for role in ROLES)
KIOSK = Persona(name="kiosk", role="kiosk")  # a tablet at the entrance: nobody is signed in on it
DESK = Persona(name="desk", role="desk")  # a device of an organisation: nobody is signed in on it
SIGNED_IN = {persona.name for persona in (OWNER, ASKER, *STAFF, *OTHERS)}
DEVICES = {"kiosk.scan": KIOSK, "desk.redeem": DESK}  # what only such a device may do
PERSONAS = (VISITOR, OWNER, ASKER, *STAFF, *OTHERS, KIOSK, DESK)


@dataclass
class Town:
    """The application, its people and the things behind its addresses; ``restored`` undoes what a test did."""

    app: Flask
    path: Path | None  # of the SQLite file; on PostgreSQL what was done stays done
    members: dict[str, int] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)

    def client(self, persona: Persona) -> FlaskClient:
        """A fresh browser of this person."""
        client = self.app.test_client()
        if persona.name in self.cookies:
            client.set_cookie("session", self.cookies[persona.name])
        if persona == KIOSK:
            client.set_cookie("kiosk", self.things["kiosk_cookie"], path="/kiosk")
        if persona == DESK:
            client.set_cookie("desk", self.things["desk_cookie"], path="/desk")
        return client

    def restore(self) -> None:
        """Put the database back to the day the town was made."""
        if self.path is None:
            return
        with self.app.app_context():
            db.engine.dispose()
        with closing(sqlite3.connect(_kept(self.path))) as kept, closing(sqlite3.connect(self.path)) as live:
            live.execute("PRAGMA synchronous=OFF")
            kept.backup(live)

    @contextmanager
    def watch(self) -> Iterator[Callable[[], bool]]:
        """A question to ask again and again: was anything written since it was last asked?"""
        assert self.path is not None
        with closing(sqlite3.connect(self.path)) as watcher:
            seen = watcher.execute("PRAGMA data_version").fetchone()

            def written() -> bool:
                nonlocal seen
                now = watcher.execute("PRAGMA data_version").fetchone()
                changed, seen = now != seen, now
                return bool(changed)

            yield written

    def url(self, rule: Rule) -> str:
        """The address of a route at the ``home`` branch. Raises KeyError for a part that nobody named."""
        arguments = {name: self.argument(rule.endpoint, name) for name in rule.arguments}
        with self.app.test_request_context():
            url = self.app.url_for(rule.endpoint, **arguments)
        # Pages about a whole branch name it in the query: that is the object they are about.
        return f"{url}?branch={self.things['branch']}" if not arguments and url.startswith(BRANCH_PAGES) else url

    def name_of(self, name: str) -> str:
        """Somebody's own name."""
        with self.app.app_context():
            return db.session.get_one(Member, self.members[name]).name

    def number_of(self, name: str) -> str:
        """Somebody's member number."""
        return member_number(self.members[name])

    def argument(self, endpoint: str, name: str) -> Any:
        """What stands for a part of a route's address."""
        thing = SPECIAL.get((endpoint, name)) or ARGUMENTS.get(name)
        if thing is None:
            raise KeyError(f"{endpoint}: name an object for <{name}> in tests/doors/town.py")
        return self.thing(thing)

    def thing(self, name: str) -> Any:
        """What has this name; a code that lasts for seconds is made anew."""
        found = self.things[name]
        return found() if callable(found) else found


BRANCH_PAGES = ("/branch", "/inspect")

# Which thing stands for a part of an address …
ARGUMENTS = {
    "account_id": "account",
    "activity_id": "activity",
    "agreement_id": "draft_agreement",
    "appeal_id": "appeal",
    "area_id": "area",
    "batch_id": "batch",
    "branch_id": "branch",
    "case_id": "clearing_case",
    "certificate_id": "certificate",
    "code": "branch_code",
    "consent_id": "consent",
    "closure_id": "closure",
    "commendation_id": "commendation",
    "desk_id": "desk",
    "correction_id": "correction",
    "disposal_id": "disposal",
    "dispute_id": "dispute",
    "deed_id": "deed",
    "entry_id": "entry",
    "fund_grant_id": "fund_grant",
    "grant_id": "grant",
    "help_request_id": "help_open",
    "hold_id": "hold",
    "import_id": "import",
    "item_id": "pair_item",
    "kiosk_id": "kiosk",
    "link": "desk_link",
    "job": "job",
    "kind": "csv",
    "link_id": "family_link",
    "member_id": "owner",
    "milestone_id": "milestone",
    "month": "month",
    "name": "asset",
    "need_id": "need",
    "no_show_id": "no_show",
    "notice_id": "notice",
    "number": "sheet",
    "offer_id": "service",
    "organisation_id": "organisation",
    "run_id": "audit",
    "order_id": "accepted",
    "netting_id": "netting",
    "page": "sheet_page",
    "pair_id": "pair",
    "photo_id": "photo",
    "promise_id": "promise",
    "print_id": "passbook_print",
    "purpose": "purpose",
    "rate_id": "rate",
    "paper_id": "paper",
    "question_id": "question",
    "report_id": "yearly",
    "parked_id": "parked",
    "move_id": "parked_move",
    "request_id": "request",
    "sample_id": "sample",
    "shift_id": "running",
    "team_id": "team",
    "turn": "turn",
    "version": "version",
    "year": "year",
    "withdrawal_id": "withdrawal",
}
# … and where a route is about another one of its kind.
SPECIAL = {
    ("archives.package_version", "version"): "package_version",
    ("activities.accept", "shift_id"): "offered",
    ("activities.accept_for", "member_id"): "asker",
    ("activities.accept_for", "shift_id"): "offered",
    ("activities.agree_for", "member_id"): "ward",
    ("activities.discard", "activity_id"): "draft",
    ("activities.join_together", "shift_id"): "tomorrow",
    ("activities.quit_for", "member_id"): "ward",
    ("activities.quit_for", "shift_id"): "together",
    ("activities.quit_together", "shift_id"): "tomorrow",
    ("activities.record_consent", "member_id"): "ward",
    ("attendance.mark_no_shows", "shift_id"): "unmarked",
    ("activities.publish_now", "activity_id"): "draft",
    ("activities.join", "shift_id"): "tomorrow",
    ("activities.quit_shift", "shift_id"): "tomorrow",
    ("activities.roster", "shift_id"): "tomorrow",
    ("activities.take_off", "shift_id"): "tomorrow",
    ("attendance.submit", "shift_id"): "over",
    ("branches.close_area", "area_id"): "empty_area",
    ("growth.card_file", "kind"): "a6",
    ("growth.card_print", "print_id"): "card_print",
    ("growth.take_cards", "print_id"): "card_print",
    ("members.identity", "member_id"): "asker",
    ("members.resume", "member_id"): "suspended",
    ("activities.cancel_one", "shift_id"): "tomorrow",
    ("attendance.approval", "shift_id"): "submitted",
    ("attendance.approve", "shift_id"): "submitted",
    ("attendance.enter_list", "shift_id"): "entered_late",
    ("attendance.give_back", "shift_id"): "submitted",
    ("attendance.keep_person", "member_id"): "asker",
    ("attendance.keep_person", "shift_id"): "in_part",
    ("attendance.restore_person", "member_id"): "voided",
    ("attendance.scan_code", "code"): "venue_code",
    ("attendance.void_person", "member_id"): "asker",
    ("certificates.count_look", "number"): "certificate_number",
    ("certificates.replace_for", "certificate_id"): "withdrawn_certificate",
    ("certificates.replace_mine", "certificate_id"): "withdrawn_certificate",
    ("certificates.show", "number"): "certificate_number",
    ("certificates.take_back_withdrawal", "withdrawal_id"): "own_withdrawal",
    ("clearing.agree_pair", "pair_id"): "pair_asked",
    ("clearing.decline_pair", "pair_id"): "pair_asked",
    ("clearing.part", "pair_id"): "pair_paused",
    ("clearing.resume_pair", "pair_id"): "pair_paused",
    ("clearing.sign_exception", "month"): "month_to_except",
    ("clearing.ask_rate", "pair_id"): "pair_paused",
    ("clearing.withdraw_rate", "pair_id"): "pair_rated",
    ("clearing.withdraw_rate", "rate_id"): "own_rate",
    ("clearing.withdraw_move", "move_id"): "own_parked_move",
    ("corrections.withdraw", "correction_id"): "own_correction",
    ("disputes.agree", "dispute_id"): "seconded",
    ("disputes.disagree", "dispute_id"): "seconded",
    ("disputes.of_order", "order_id"): "disputed",
    ("disputes.open_case", "order_id"): "fulfilled",
    ("disputes.say_for_branch", "dispute_id"): "goods_dispute",
    ("giving.withdraw_grant", "fund_grant_id"): "own_fund_grant",
    ("exchange.accept_order", "order_id"): "requested",
    ("exchange.change_stock", "offer_id"): "goods",
    ("exchange.decline_order", "order_id"): "requested",
    ("exchange.edit_goods", "offer_id"): "goods",
    ("exchange.calendar", "offer_id"): "room",
    ("exchange.closures", "offer_id"): "room",
    ("exchange.edit_resource", "offer_id"): "room",
    ("exchange.open_days", "offer_id"): "room",
    ("exchange.photo", "photo_id"): "offer_photo",
    ("exchange.remove_photo", "photo_id"): "offer_photo",
    ("exchange.send_member", "order_id"): "of_team",
    ("exchange.renew_offer", "offer_id"): "ending",
    ("exchange.fulfil", "code"): "voucher",
    ("exchange.fulfil_part", "code"): "voucher",
    ("exchange.rate_order", "order_id"): "fulfilled",
    ("partners.desk_voucher", "code"): "desk_voucher",
    ("partners.redeem", "code"): "desk_voucher",
    ("exchange.show_voucher", "code"): "voucher",
    ("reports.answer", "batch_id"): "batch_submitted",
    ("reports.find", "activity_id"): "sampled",
    ("reports.publish", "report_id"): "yearly_draft",
    ("reports.submit", "batch_id"): "batch_handed",
    ("reports.year_file", "kind"): "xlsx",
    ("retention.prepare", "disposal_id"): "disposal_proposed",
    ("requests.confirm", "help_request_id"): "help_wish",
    ("requests.decline", "help_request_id"): "help_asked",
    ("requests.dispatch", "help_request_id"): "help_asked",
    ("requests.look", "help_request_id"): "help_claimed",
    ("requests.move", "help_request_id"): "help_claimed",
    ("requests.rate", "help_request_id"): "help_done",
    ("requests.release", "help_request_id"): "help_claimed",
    ("requests.take_up", "help_request_id"): "help_asked",
    ("requests.withdraw", "help_request_id"): "help_asked",
    ("members.approve", "member_id"): "pending",
    ("members.decline", "member_id"): "pending",
    ("members.personal_pass", "code"): "personal_pass",
    ("agreements.agree_change", "promise_id"): "asked_promise",
    ("agreements.confirm_agreement", "agreement_id"): "proposed_agreement",
    ("agreements.decline_change", "promise_id"): "asked_promise",
    ("agreements.draft_agreement", "organisation_id"): "new_organisation",
    ("agreements.end_agreement", "agreement_id"): "signed_agreement",
    ("agreements.remove_promise", "promise_id"): "drafted_promise",
    ("agreements.reopen_organisation", "organisation_id"): "left_organisation",
    ("agreements.send_back_agreement", "agreement_id"): "proposed_agreement",
}
# Whose things the objects are, where that gives a right.
_SIDES = {"order.own": {"owner", "asker"}, "order.fulfil": {"owner"}, "dispute.own": {"owner", "asker"}}
OWNED: dict[str, dict[str, set[str]]] = {
    "service": {"offer.own": {"owner"}},
    "ending": {"offer.own": {"owner"}},
    "certificate": {"certificate.own": {"owner"}},
    "passbook_print": {"passbook.own": {"owner"}},
    "withdrawn_certificate": {"certificate.own": {"owner"}},
    "entry": {"me.change": {"asker"}},
    "consent": {"family.own": {"owner"}},
    "family_link": {"family.own": {"owner", "asker"}},
    "dispute": {"dispute.own": {"owner", "asker"}},
    "disputed": _SIDES,
    "goods": {},
    "milestone": {"me.change": {"owner"}},
    "team": {"me.read": {"owner"}},
    "need": {"order.own": {"asker"}},
    "of_team": {"order.own": {"owner", "asker"}, "order.fulfil": {"owner"}},
    "room": {},
    "no_show": {"no_show.own": {"owner"}},
    "ward": {"family.own": {"owner"}, "sign_up.own": {"owner"}},
    "notice": {"me.change": {"owner"}},
    "help_asked": {"request.own": {"asker"}},
    "help_claimed": {"request.own": {"owner"}},
    "help_done": {"request.own": {"owner", "asker"}},
    "help_open": {"request.own": {"owner", "asker", *(f"{role}@home" for role in ROLES)}},  # everybody may take it
    "help_wish": {"request.own": {"asker"}},
    "requested": _SIDES,
    "accepted": _SIDES,
    "fulfilled": _SIDES,
    "voucher": {"order.fulfil": {"owner", "asker"}},  # the one who asked is told that others have to confirm
}
# The object in the address is not what is done with it: whoever holds the permission does it for themselves.
FOR_ONESELF = {
    "activities.accept",
    "activities.join",
    "activities.join_together",
    "activities.quit_shift",
    "activities.quit_together",
    "exchange.request_order",
}
# Routes that staff reach with a permission of their own, beside the one that the guard asks everybody for.
ALSO = {
    "activities.end_family": ("family.change",),
    "activities.quit_for": ("sign_up.others",),
    "activities.withdraw_agreement": ("guardian.record",),
    "disputes.of_order": ("order.read", "order.fulfil"),
    "exchange.show_order": ("order.read", "order.fulfil"),
    "exchange.accept_order": ("order.fulfil",),
    "exchange.cancel_order": ("order.fulfil",),
    "exchange.edit_offer": ("offer.branch",),
    "exchange.renew_offer": ("offer.branch",),
    "exchange.turn_offer": ("offer.branch",),
    "growth.team_points": ("member.read",),
    "requests.claim": ("request.read",),
    "requests.confirm": ("request.check",),
    "requests.look": ("request.check",),
    "requests.move": ("request.check",),
    "requests.rate": ("request.check",),
    "requests.refuse": ("request.read",),
    "requests.release": ("request.check",),
    "requests.show_request": ("request.read",),
    "requests.withdraw": ("request.check",),
    "exchange.add_photo": ("offer.branch",),
    "exchange.remove_photo": ("offer.branch",),
}
# What the table allows and the four eyes do not: nobody approves what they sent themselves.
NOT_THEIRS = {
    ("retention.lift", "manager@home"),  # an inspector placed it
    ("activities.agree_appeal", "organiser@home"),
    ("activities.confirm_family", "asker"),  # who asked cannot say yes as well
    ("activities.decline_appeal", "organiser@home"),
    ("attendance.approve", "organiser@home"),
    ("certificates.agree_withdrawal", "administrator@home"),
    ("certificates.decline_withdrawal", "administrator@home"),
    ("corrections.approve", "administrator@home"),
    ("corrections.decline", "administrator@home"),
    ("disputes.agree", "administrator@home"),  # who decided is not the second person as well
    ("disputes.disagree", "administrator@home"),
    ("disputes.withdraw", "owner"),
    ("exchange.propose_time", "owner"),  # the provider says another time by saying yes to it
    ("agreements.agree_change", "administrator@home"),
    ("agreements.confirm_agreement", "administrator@home"),
    ("growth.answer", "administrator@home"),  # who recorded it
    ("growth.decline", "administrator@home"),  # who proposed it
    ("growth.grant", "administrator@home"),
    ("growth.withdraw", "administrator@home"),
    ("clearing.agree_move", "administrator@home"),  # who asked is not the second person as well
    ("clearing.decline_move", "administrator@home"),
    ("clearing.withdraw_move", "administrator@home"),
    ("clearing.withdraw_move", "administrator@other"),
    ("giving.agree_grant", "administrator@home"),
    ("giving.decline_grant", "administrator@home"),
    ("giving.withdraw_grant", "administrator@home"),
    ("giving.withdraw_grant", "administrator@other"),
    ("requests.confirm", "owner"),  # who made the wish come true does not say so
    ("requests.hand_over", "organiser@home"),  # who coordinates does
    *(("requests.invite", name) for name in ("organiser@home", "administrator@home", "administrator@other")),
}


def expected(rule: Rule, permission: str, persona: Persona) -> str:
    """What the permission table says: ``open``, ``sign in`` or ``refused``."""
    if permission == PUBLIC:
        return "open"
    device = DEVICES.get(permission)
    if device is not None:
        # Another device has a cookie for its own pages alone: here it is a visitor.
        return "open" if persona == device else "refused" if persona.name in SIGNED_IN else "sign in"
    if persona.name not in SIGNED_IN:
        return "sign in"
    if (rule.endpoint, persona.name) in NOT_THEIRS:
        return "refused"
    if not _holds(persona, permission):
        return "refused"
    thing = _object_of(rule)
    if thing is None or rule.endpoint in FOR_ONESELF:
        return "open"
    if persona.name in OWNED.get(thing, {}).get(permission, ()):
        return "open"
    asked = (permission, *ALSO.get(rule.endpoint, ()))
    return "open" if any(_reaches(persona, one) for one in asked) else "refused"


def _holds(persona: Persona, permission: str) -> bool:
    return bool(PERMISSIONS[permission].keys() & {"volunteer", persona.role})


def _reaches(persona: Persona, permission: str) -> bool:
    """Whether the role alone reaches the ``home`` branch."""
    reach = PERMISSIONS[permission].get(persona.role)
    return reach == "all" or (reach == "branch" and persona.home)


NOBODYS = {
    "a6",
    "purpose",
    "personal_pass",
    "desk_link",
    "desk_voucher",
    "closure",
    "offer_photo",
    "csv",
    "xlsx",
    "year",
    "asset",
    "version",
    "package_version",
    "job",
    "turn",
    "month",
    "area",
    "empty_area",
    "sheet_page",
    "photo",
}  # parts of an address that belong to no branch


def _object_of(rule: Rule) -> str | None:
    """The thing that decides whose business a route is."""
    things = [SPECIAL.get((rule.endpoint, name)) or ARGUMENTS.get(name, name) for name in sorted(rule.arguments)]
    owned = [thing for thing in things if thing not in NOBODYS]
    if not rule.arguments and rule.rule.startswith(BRANCH_PAGES) and rule.endpoint not in OWN_CHOICE:
        return "branch"
    return next((thing for thing in owned if thing != "owner"), owned[0] if owned else None)


OWN_CHOICE = {"roster.template"}  # an empty table is the same at every branch


# --- building ------------------------------------------------------------------------------------------------------


@contextmanager
def open_town(app: Flask, path: Path | None) -> Iterator[Town]:
    """Fill the application's database, move its clock to half past nine, and put it right afterwards."""
    town = Town(app=app, path=path)
    clock.move(HALF_PAST - clock.now())
    try:
        with app.app_context():
            _build(town)
            db.session.remove()
            db.engine.dispose()
        if path is not None:
            with closing(sqlite3.connect(path)) as live:
                live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(path, _kept(path))
        yield town
    finally:
        clock.put_right()


def _kept(path: Path) -> Path:
    """Where the database is kept as it was at first."""
    return path.with_name(f"{path.name}.kept")


def _build(town: Town) -> None:
    with transaction() as session:
        home, other = make_branch(session, "BL", now=BEFORE), make_branch(session, "CX", now=BEFORE)
        people = _make_people(session, home, other)
        town.members = {name: member.id for name, member in people.items()}
        town.things |= _make_things(session, home, people)
        town.things["area"] = home.area_id
        below = AreaDraft(code="05", name="第一网格", parent_id=home.area_id)
        town.things["empty_area"] = add_area(session, below, actor=SYSTEM, now=BEFORE).id
    cards = Path(town.app.config["TIMEBANK_DATA"]) / "cards"
    press = making.Workshop(keys=KEYS, folder=cards, render=lambda *_: b"%PDF-", clock=lambda: NOW)
    making.make_waiting(press)
    closed = close_of(home, CLOSED_MONTH, Path(town.app.config["TIMEBANK_DATA"]) / "archives")
    archive_closing.run(closed)
    with transaction() as session:
        town.things |= make_reports(session, home, town.members, held=town.things["held_activity"])
    for name, member_id in town.members.items():
        client = town.app.test_client()
        sign_in(client, member_id)
        cookie = client.get_cookie("session")
        assert cookie is not None
        town.cookies[name] = cookie.value


def _make_people(session: Session, home: Branch, other: Branch) -> dict[str, Member]:
    people = {
        "owner": make_member(session, home, "王剪刀", phone=PHONES["owner"], id_number=ID_NUMBER, now=BEFORE),
        "asker": make_member(session, home, "李秀英", phone=PHONES["asker"], now=BEFORE),
    }
    for persona in (*STAFF, *OTHERS):
        roles = () if persona.role == "volunteer" else (persona.role,)
        people[persona.name] = make_member(session, home if persona.home else other, roles=roles, now=BEFORE)
    return people


def _make_things(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    owner, manager = people["owner"], people["manager@home"]
    entry = earn(session, home, people["asker"], 600, at=AUGUST, points=60)
    earn(session, home, owner, 120, at=AUGUST, points=20)
    between = _make_pairs(session, home, people)
    lead = actor_of(session, people["organiser@home"])
    card = find_card(session, people["asker"].id)
    assert card is not None
    things: dict[str, Any] = {
        "account": owner.coin_account_id,
        "audit": audit(session, branch_id=home.id, now=BEFORE).id,
        "a6": "a6",
        "asset": "zxing-reader.js",
        "asker": people["asker"].id,
        "branch": home.id,
        "branch_code": home.code,
        "csv": "csv",
        "entry": entry,
        "month": CLOSED_MONTH,
        "owner": owner.id,
        "package_version": 1,
        "job": "close_months",
        "personal_code": personal_code(KEYS, card.serial),
        "personal_pass": personal_pass(KEYS, card.serial),
        "purpose": "poster",
        "turn": "pause",
        "version": CONSENT_VERSION,
        "voided": people["volunteer@home"].id,
    }
    things |= between
    things |= _make_activities(session, activities.Town(home, people["organiser@home"], lead), people)
    things |= _make_sign_up_life(session, activities.Town(home, people["organiser@home"], lead), people)
    things |= _make_orders(session, home, people)
    things |= _make_desks(session, home, people)
    things |= _make_disputes(session, home, people)
    things |= _make_resources(session, home, people, things["service"])
    things |= _make_certificates(session, home, people)
    draft = PrintDraft(member_id=owner.id, whole=False, form_key="passbook")
    things["passbook_print"] = print_passbook(session, draft, actor=actor_of(session, manager), now=NOW).id
    things |= _make_corrections(session, home, people)
    things |= _make_grants(session, home, people)
    things |= _make_requests(session, home, people)
    things |= _make_agreements(session, home, people)
    things |= _make_recognition(session, home, people)
    boss = actor_of(session, manager)
    team = create_team(session, branch_id=home.id, name="红马甲巡逻队", kind="巡逻", actor=boss, now=BEFORE)
    join_team(session, team.id, owner.id, actor=boss, now=BEFORE)
    file = roster.read_file(csv_of(("姓名", "电话"), ("周大勇", "13805741234")), name="名单.csv", keys=KEYS, now=NOW)
    kept = roster.keep_file(session, file, branch_id=home.id, actor=boss, keys=KEYS, now=NOW)
    newcomer = NewMember(name="郑新来", branch_id=home.id, phone="13805740033", consents=CONSENTS)
    secret = hash_password("大碶的桂花又开了")
    pending = register(session, newcomer, password=secret, form_key="newcomer", keys=KEYS, now=NOW)
    suspended = make_member(session, home, "许久未", now=BEFORE)
    suspend_member(session, suspended.id, reason="本人要求", actor=boss, now=NOW)
    grant = session.scalars(select(RoleGrant.id).where(RoleGrant.member_id == people["organiser@home"].id)).one()
    notice = session.scalars(select(Notice.id).where(Notice.member_id == owner.id).order_by(Notice.id)).first()
    assert notice is not None
    return things | {
        "grant": grant,
        "import": kept.id,
        "notice": notice,
        "pending": pending.id,
        "suspended": suspended.id,
        "team": team.id,
    }


def _make_activities(session: Session, place: activities.Town, people: Mapping[str, Member]) -> dict[str, Any]:
    day_before = NOW - 2 * DAY
    going = activities.post(
        session, place, activities.shift(0, capacity=9), activities.shift(24, capacity=1), now=day_before
    )
    running, tomorrow = going.shifts
    done = activities.post(session, place, activities.shift(-24), title="楼道清洁", now=day_before).shifts[0]
    for shift in (running, tomorrow, done):
        for name in ("owner", "asker"):
            activities.join(session, shift, people[name], now=day_before)
    for name in ("owner", "asker"):
        _scan(session, done.id, people[name], "in", done.starts_at)
        _scan(session, done.id, people[name], "out", done.ends_at)
    activities.join(session, running, people["volunteer@home"], now=day_before)
    for name in ("asker", "volunteer@home"):
        _scan(session, running.id, people[name], "in", NOW)
    void(session, running.id, people["volunteer@home"].id, reason="扫错了人", actor=place.lead)
    submit_shift(session, done.id, actor=place.lead, now=done.ends_at + HOUR)
    case = _open_case(session, running.id, people["owner"], place.lead)
    make_poster(session, running.id, form_key="poster", actor=place.lead, now=NOW)
    over = activities.post(session, place, activities.shift(-30), title="图书整理", now=day_before).shifts[0]
    activities.join(session, over, people["owner"], now=day_before)
    sheet = print_sheet(
        session,
        SheetDraft(shift_id=running.id, listed=True, blank_lines=5, form_key="sheet"),
        actor=place.lead,
        now=NOW,
    )
    photo = PhotoDraft(number=sheet.number, page=1, photo=a_photo())
    kiosk = open_kiosk(session, running.id, form_key="kiosk", actor=place.lead, keys=KEYS, now=NOW)
    grant = KioskGrant(kiosk_id=kiosk.id, shift_id=running.id, expires_at=kiosk.expires_at)
    in_part = _approve_in_part(session, place, people)
    late = activities.draft(place.branch, activities.shift(-48), title="抢险", backdated_reason="回来才登记")
    entered_late = activities.service.post_activity(session, late, actor=place.lead, now=NOW)
    activities.service.publish(session, entered_late.id, actor=place.lead, now=NOW)
    draft = activities.service.post_activity(session, activities.draft(place.branch), actor=place.lead, now=NOW)
    return {
        "activity": going.id,
        "case": case,
        "running": running.id,
        "in_part": in_part,
        "entered_late": entered_late.shifts[0].id,
        "tomorrow": tomorrow.id,
        "submitted": done.id,
        "over": over.id,
        "held_activity": over.activity_id,
        "draft": draft.id,
        "sheet": sheet.number,
        "sheet_page": 1,
        "photo": keep_photo(session, photo, actor=place.lead, keys=KEYS, now=NOW).id,
        "kiosk": kiosk.id,
        "kiosk_cookie": kiosk_text(KEYS, grant),
        "venue_code": partial(_venue_code, running.id),
    }


def _open_case(session: Session, shift_id: int, member: Member, actor: Actor) -> int:
    """A scan that was sent for a time before the gate opened."""
    timing = Timing(device_at=NOW - 2 * HOUR, loaded_offset=0, sent_offset=0)
    early = UploadedScan(key="early-bird", code="", member_id=member.id, wanted="in", timing=timing)
    record_batch(session, Batch(shift_id=shift_id, scans=[early]), actor=actor, keys=KEYS, now=NOW)
    return session.scalars(select(ScanCase.id).where(ScanCase.shift_id == shift_id)).one()


def _approve_in_part(session: Session, place: activities.Town, people: Mapping[str, Member]) -> int:
    """A shift of which one person was booked and another held back."""
    shift = activities.post(session, place, activities.shift(-27), title="送餐", now=NOW - 2 * DAY).shifts[0]
    for name in ("owner", "asker"):
        activities.join(session, shift, people[name], now=NOW - 2 * DAY)
        _scan(session, shift.id, people[name], "in", shift.starts_at)
        _scan(session, shift.id, people[name], "out", shift.ends_at)
    submit_shift(session, shift.id, actor=place.lead, now=shift.ends_at + HOUR)
    yes = Yes(held={people["asker"].id: "请再核实"})
    approver = actor_of(session, people["administrator@home"])
    approve_shift(session, shift.id, actor=approver, now=shift.ends_at + 2 * HOUR, yes=yes)
    return shift.id


def _make_sign_up_life(session: Session, place: activities.Town, people: Mapping[str, Member]) -> dict[str, Any]:
    """Who was offered a place, did not come, belongs to whom, and may do what."""
    before, owner, asker = NOW - 2 * DAY, people["owner"], people["asker"]
    asking, owning = actor_of(session, asker), actor_of(session, owner)
    boss = actor_of(session, people["manager@home"])
    offered = activities.post(session, place, activities.shift(48, capacity=1), title="花园浇水", now=before).shifts[0]
    for member in (owner, asker):
        activities.join(session, offered, member, now=before)
    activities.quit_shift(session, offered, owner, now=NOW)
    missed = [
        activities.post(session, place, activities.shift(hours), title="图书修补", now=before).shifts[0]
        for hours in (-40, -44, -34)
    ]
    for shift in missed:
        activities.join(session, shift, owner, now=before)
    marks = []
    for shift in missed[:2]:
        marked = {owner.id: "absent"}
        activities.service.mark_no_shows(session, shift.id, marked, actor=place.lead, now=NOW)
        activities.service.count_no_shows(session, shift.id, came=(), actor=place.lead, now=NOW)
        marks.append(session.scalars(select(NoShow.id).where(NoShow.shift_id == shift.id)).one())
    asked = activities.service.appeal(session, marks[0], words="我来了", form_key="appeal", actor=owning, now=NOW)
    link = ask_family(session, owner.number, actor=asking, now=NOW)
    child = {"born_on": date(2015, 5, 1), "guardian": "王剪刀", "consents": CONSENTS | {GUARDIAN}}
    ward = make_member(session, place.branch, "王小剪", now=BEFORE, **child)
    link_by_staff(session, ward.id, owner.number, kind=GUARDIAN_OF, actor=boss, now=NOW)
    together = activities.post(session, place, activities.shift(60, capacity=5), title="亲子种树", now=before).shifts[0]
    party = activities.service.Together(member_ids=(owner.id, ward.id), form_key="party")
    activities.service.sign_up_together(session, together.id, party, actor=owning, now=NOW)
    consent = session.scalars(select(GuardianConsent.id).where(GuardianConsent.member_id == ward.id)).one()
    paper = PaperDraft(kind="first_aid", valid_until=None, note="", seen=True, form_key="paper")
    return {
        "appeal": asked.id,
        "consent": consent,
        "family_link": link.id,
        "no_show": marks[1],
        "offered": offered.id,
        "paper": record_paper(session, asker.id, paper, actor=boss, now=NOW).id,
        "together": together.id,
        "unmarked": missed[2].id,
        "ward": ward.id,
    }


def _venue_code(shift_id: int) -> str:
    return venue_code(KEYS, shift_id, clock.now())


def _scan(session: Session, shift_id: int, member: Member, wanted: str, at: datetime) -> None:
    draft = ScanDraft(
        shift_id=shift_id,
        member_id=member.id,
        source=VENUE,
        claimed_at=at,
        key=f"{shift_id}-{member.id}-{wanted}",
        wanted=wanted,
    )
    assert record_scan(session, draft, actor=actor_of(session, member), now=at).refusal is None


def _make_pairs(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """Pairs with branches of which nobody here is staff: open with a case and a sealed month, asked for, paused.

    A circle of debt that waits for the home branch's yes, and another that nobody has asked to net.
    """
    there = [make_branch(session, code, now=BEFORE) for code in ("DA", "DB", "DC", "DD", "DE", "DF")]
    bosses = {one.id: make_member(session, one, roles=("manager",), now=BEFORE) for one in there}
    bosses[home.id] = people["manager@home"]
    askable = there.pop()

    def word(branch: Branch) -> clearing.Deciding:
        return clearing.Deciding(branch_id=branch.id, form_key=f"pair-{next(_numbers)}", minutes=300, words="商定")

    def ask(one: Branch, other: Branch) -> int:
        actor = actor_of(session, bosses[one.id])
        return clearing.ask_pair(session, other.id, word(one), actor=actor, now=AUGUST).id

    def connect(one: Branch, other: Branch) -> int:
        actor = actor_of(session, bosses[other.id])
        return clearing.agree_pair(session, ask(one, other), word(other), actor=actor, now=AUGUST).id

    def rate(asker: Branch, pair_id: int) -> int:
        day = (NOW + 3 * DAY).date()
        asked = clearing.RateDraft(branch_id=asker.id, minutes=75, valid_from=day, form_key=f"rate-{pair_id}")
        return clearing.ask_rate(session, pair_id, asked, actor=actor_of(session, bosses[asker.id]), now=NOW).id

    def owe(debtor: Branch, creditor: Branch, minutes: int) -> None:
        payer = make_member(session, debtor, now=BEFORE)
        earn(session, debtor, payer, minutes, at=AUGUST)
        _pay(session, payer, bosses[creditor.id], minutes)

    pair, further = connect(home, there[0]), []
    for debtor, creditor, *_ in ((there[0], there[1]), (there[1], home), (there[0], there[2]), (there[2], home)):
        further.append(connect(debtor, creditor))
    rated = further[1]  # of the home branch and another
    owe(home, there[0], 30)
    for first in there[1:3]:
        owe(there[0], first, 20)
        owe(first, home, 20)
    [sealed] = [one for one in clearing.seal_statements(session, home.id, CLOSED_MONTH, now=NOW) if one.pair_id == pair]
    assert sealed.content
    found = Found(kind="unpaid", facts="收款人的账户不能用：20 分钟", key="unpaid")
    circles = [(home.id, there[0].id, one.id) for one in there[1:3]]
    draft = clearing.NettingDraft(branches=circles[0], minutes=10, form_key="circle")
    asker = actor_of(session, bosses[there[0].id])
    paused = connect(home, there[3])
    clearing.freeze_pair(session, paused, word(home), actor=actor_of(session, people["manager@home"]), now=NOW)
    _leave_unanswered(session, bosses[there[0].id], people["manager@home"])
    parked = _park(session, home, there[0], people)
    clearing.reconcile(session, get_pair(session, pair), now=NOW)
    case_id = open_case(session, get_pair(session, pair), found, now=NOW).id
    return {
        "askable": askable.id,
        "circle": [str(one) for one in circles[1]],
        "clearing_case": case_id,
        "exception_seen": look_at_month(session, get_pair(session, pair), MONTH_TO_EXCEPT).exception_hash,
        "month_to_except": MONTH_TO_EXCEPT,
        "netting": clearing.ask_netting(session, draft, branch_id=there[0].id, actor=asker, now=NOW).id,
        "pair": pair,
        "pair_item": list_items_at(session, home.id)[0].id,
        "pair_asked": ask(there[4], home),
        "pair_paused": paused,
        "pair_rated": rated,
        **parked,
        "rate": rate(there[0], pair),
        "own_rate": rate(home, rated),
    }


def _leave_unanswered(session: Session, payer: Member, taker: Member) -> None:
    """Somebody of another branch wants to pay; the home branch has not answered for months."""
    earn(session, session.get_one(Branch, payer.branch_id), payer, 15, at=AUGUST)
    clearing.reserve(session, _draft(payer, taker, 15), now=AUGUST)


def _park(session: Session, home: Branch, there: Branch, people: Mapping[str, Member]) -> dict[str, int]:
    """Coins from another branch whose takers' accounts were closed: one waits, for two somebody asked something."""
    found = {}
    for name, asker in (("parked", ""), ("parked_move", "administrator@home"), ("own_parked_move", "manager@home")):
        payer, taker = make_member(session, there, now=BEFORE), make_member(session, home, now=BEFORE)
        earn(session, there, payer, 5, at=AUGUST)
        ledger_service.close_account(session, taker.coin_account_id or 0)
        waits = find_parked_of(session, _pay(session, payer, taker, 5, at=NOW))
        assert waits is not None
        found[name] = waits.id
        if asker:
            draft = clearing.MoveDraft(parked_id=waits.id, how="fund", reason="找不到人", form_key=name)
            found[name] = clearing.ask_move(session, draft, actor=actor_of(session, people[asker]), now=NOW).id
    return found


def _draft(payer: Member, taker: Member, minutes: int, *, at: datetime = AUGUST) -> clearing.ProposalDraft:
    number = next(_numbers)
    return clearing.ProposalDraft(
        uid=f"town-{number}",
        payer_id=payer.branch_id,
        payee_id=taker.branch_id,
        account_id=payer.coin_account_id or 0,
        minutes=minutes,
        expires_at=at + DAY,
        source_type="test",  # no order stands behind it, which a package would miss
        actor_id=payer.id,
    )


def _pay(session: Session, payer: Member, taker: Member, minutes: int, *, at: datetime = AUGUST) -> int:
    number, draft = next(_numbers), _draft(payer, taker, minutes, at=at)
    done = clearing.Settlement(
        takers=((taker.coin_account_id or 0, minutes),),
        key=f"town:{number}",
        source_id=number,
        occurred_at=at,
        actor_id=None,
        payer_member_id=payer.id,
        payee_member_id=taker.id,
    )
    return clearing.settle(session, clearing.propose(session, draft, now=at).id, done, now=at).id


def _make_grants(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """A fund that has something, and two grants that wait for a second person."""
    giver = actor_of(session, people["owner"])
    earn(session, home, people["owner"], 60, at=NOW)
    giving.donate(session, giving.Donation(purse="coin", minutes=60, words="", form_key="fund"), actor=giver, now=NOW)
    asked = {}
    for name, asker in (("fund_grant", "administrator@home"), ("own_fund_grant", "manager@home")):
        draft = giving.GrantDraft(
            branch_id=home.id, number=people["asker"].number, minutes=10, reason="住院", form_key=name
        )
        asked[name] = giving.ask_grant(session, draft, actor=actor_of(session, people[asker]), now=NOW).id
    return asked


def _make_requests(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """Something asked for somebody in every state, all for the asker, coordinated by the manager."""
    asking, boss = actor_of(session, people["organiser@home"]), actor_of(session, people["manager@home"])
    serving, day, whom = actor_of(session, people["owner"]), clock.today(NOW), people["asker"]

    def ask(name: str, **more: Any) -> int:
        said = {
            "kind": "request",
            "category": "visit",
            "title": f"陪聊天{name}",
            "minutes": 60,
            "source": "none",
        } | more
        draft = requests.RequestDraft(
            number=whom.number, name=whom.name, first_day=day, last_day=day + 9 * DAY, form_key=name, **said
        )
        return help_requests.ask(session, draft, actor=asking, keys=KEYS, now=NOW).id

    def dispatch(request_id: int, minutes: int = 60) -> int:
        how = help_requests.Dispatch(source="none", minutes=minutes, to_all=True)
        return help_requests.dispatch(session, request_id, how, actor=boss, now=NOW).id

    def claim(request_id: int, at: datetime | None) -> int:
        wanted = help_requests.Claim(starts_at=at)
        return help_requests.claim(session, request_id, wanted, actor=serving, now=NOW).id

    wish = {"kind": "wish", "minutes": 0}
    found = {
        "help_asked": ask("asked"),
        "help_open": dispatch(ask("open")),
        "help_claimed": claim(dispatch(ask("claimed")), NOW + 5 * DAY),
        "help_wish": claim(dispatch(ask("wish", **wish), 0), None),
        "help_done": claim(dispatch(ask("done", **wish), 0), None),
    }
    invited = [people["volunteer@home"].id]
    help_requests.invite(session, found["help_open"], member_ids=invited, actor=boss, now=NOW)
    help_requests.confirm_wish(session, found["help_done"], actor=asking, now=NOW)
    return dict(found)


def _make_agreements(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """One with an agreement in each state and a promise of each kind, one without any, and one that left."""
    writer, second = (actor_of(session, people[name]) for name in ("administrator@home", "manager@home"))
    made = {}
    for name in ("organisation", "new_organisation", "left_organisation"):
        draft = OrganisationDraft(
            name=name, kind="school", contact_phone=PHONES["asker"], branch_id=home.id, form_key=name
        )
        made[name] = register_organisation(session, draft, actor=writer, keys=KEYS, now=NOW).id
    join_organisation(session, made["organisation"], people["owner"].number, CONTACT, actor=writer, now=NOW)
    close_organisation(session, made["left_organisation"], reason="搬走了", actor=writer, now=NOW)
    for name, year in (("draft_agreement", 2027), ("proposed_agreement", 2025), ("signed_agreement", 2026)):
        draft_of = agreements.AgreementDraft(organisation_id=made["organisation"], year=year, form_key=name)
        made[name] = agreements.draft_agreement(session, draft_of, actor=writer, now=NOW).id
        for side in ("branch", "organisation"):
            promised = agreements.add_promise(
                session, made[name], _terms(side, year, f"{name}-{side}"), actor=writer, now=NOW
            )
            made[{2025: "old_promise", 2026: "promise", 2027: "drafted_promise"}[year]] = promised.id
        if year < 2027:
            signing = agreements.Signing(signed_on=date(year, 3, 1), branch_signer="贺", organisation_signer="郑")
            agreements.propose_agreement(session, made[name], signing, actor=writer, now=NOW)
    agreements.confirm_agreement(session, made["signed_agreement"], actor=second, now=NOW)
    more = _terms("organisation", 2026, "asked")
    asked = agreements.ask_promise(session, made["signed_agreement"], more, "单位提出", actor=writer, now=NOW)
    deed = agreements.DeedDraft(done_on=clock.today(NOW), quantity=1, words="合影", form_key="deed")
    done = agreements.record_deed(session, made["promise"], deed, actor=writer, now=NOW)
    return made | {"asked_promise": asked.id, "deed": done.id}


def _terms(side: str, year: int, key: str) -> agreements.PromiseTerms:
    return agreements.PromiseTerms(
        side=side, category="people", words="助老", quantity=5, unit="人次", due_on=date(year, 12, 1), form_key=key
    )


def _make_recognition(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """Rules that everybody fits, something on the owner's card with a question, a list that waits, cards to print."""
    writer = actor_of(session, people["administrator@home"])
    easy = Recognition(award_minutes=0, award_activities=0, award_no_absence=False)
    rules = growth.RecognitionDraft(
        branch_id=home.id,
        valid_from=date(2025, 1, 1),
        settings=easy,
        reason="会议决定",
        form_key="recognition",
    )
    growth.add_recognition(session, rules, actor=writer, now=NOW - 700 * DAY)  # also of the year of the list
    training = growth.MilestoneDraft(
        kind=TRAINING,
        title="急救培训",
        giver="卫生服务中心",
        on_day=clock.today(BEFORE),
        words="看过签到表",
        length_minutes=60,
        form_key="training",
    )
    owner = people["owner"]
    [recorded] = growth.record_milestones(session, home.id, training, [owner.id], actor=writer, now=NOW)
    [doubted] = growth.record_milestones(
        session, home.id, replace(training, form_key="doubted"), [owner.id], actor=writer, now=NOW
    )
    question = growth.ask_about(
        session, doubted.id, words="我没有去", form_key="question", actor=actor_of(session, owner), now=NOW
    )
    list_of = growth.CommendationDraft(
        branch_id=home.id, year=2025, member_ids=[people["asker"].id], form_key="commendation"
    )
    proposed = growth.propose_commendation(session, list_of, actor=writer, now=NOW)
    cards = growth.PrintDraft(
        branch_id=home.id,
        title="全部",
        format="a6",
        member_ids=[owner.id],
        address="https://bank.example.org",
        form_key="cards",
    )
    printed = growth.ask_print(session, cards, actor=writer, now=NOW)
    return {
        "milestone": recorded.id,
        "question": question.id,
        "commendation": proposed.id,
        "card_print": printed.id,
    }


def _make_certificates(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """The owner's: one that counts, a withdrawn one, two whose withdrawal waits; and the picture of a stamp."""
    owner = people["owner"]
    first, second = (actor_of(session, people[name]) for name in ("administrator@home", "manager@home"))

    def issued(name: str) -> int:
        draft = certificates.CertificateDraft(
            member_id=owner.id, branch_id=home.id, form_key=name, address="https://bank.example.org/certificates"
        )
        return certificates.issue(session, draft, actor=actor_of(session, owner), keys=KEYS, now=NOW).id

    def asked(name: str, actor: Actor) -> tuple[int, int]:
        about = issued(name)
        given = {"reason": "开错了单位", "form_key": f"{name}-w", "actor": actor, "now": NOW}
        return about, certificates.ask_withdrawal(session, about, **given).id

    withdrawn, done = asked("certificate-1", first)
    certificates.agree_withdrawal(session, done, actor=second, now=NOW)
    certificates.keep_seal(session, home.id, a_photo("firebrick"), actor=second, keys=KEYS, now=NOW)
    certificate = issued("certificate-2")
    return {
        "certificate": certificate,
        "certificate_number": get_certificate(session, certificate).number,
        "certified": list_served(session, owner.id)[0].attendance_id,
        "withdrawn_certificate": withdrawn,
        "withdrawal": asked("certificate-3", first)[1],
        "own_withdrawal": asked("certificate-4", second)[1],
    }


def _make_corrections(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """Two that wait for a second person, since what was earned was spent; and a member who asks."""
    spender = people["volunteer@home"]
    waiting = {}
    for name, asker in (("correction", "administrator@home"), ("own_correction", "manager@home")):
        earned = earn(session, home, spender, 60, at=NOW)
        _spend(session, home, spender, people, name)
        draft = corrections.CorrectionDraft(entry_id=earned, minutes=None, reason="记错了人")
        actor = actor_of(session, people[asker])
        made = corrections.ask(session, draft, form_key=name, actor=actor, now=NOW)
        assert made.status == WAITING
        waiting[name] = made.id
    asked = corrections.request_check(
        session,
        earn(session, home, people["asker"], 30, at=NOW),
        words="我待了一个小时",
        form_key="request",
        actor=actor_of(session, people["asker"]),
        now=NOW,
    )
    return {**waiting, "request": asked.id}


def _spend(session: Session, home: Branch, spender: Member, people: Mapping[str, Member], name: str) -> None:
    keeping = actor_of(session, people["manager@home"])
    soap = exchange.OfferDraft(kind=GOODS, branch_id=home.id, title="肥皂", category="daily", price_minutes=60, stock=1)
    offer = exchange.post_offer(session, soap, form_key=f"soap-{name}", actor=keeping, now=NOW)
    wish = exchange.OrderDraft(offer_id=offer.id, form_key=f"soap-{name}")
    order = exchange.request_order(session, wish, actor=actor_of(session, spender), now=NOW)
    exchange.fulfil(session, order.voucher, actor=keeping, now=NOW)


def _make_resources(session: Session, home: Branch, people: Mapping[str, Member], offer_id: int) -> dict[str, Any]:
    """A room with a closed day, a picture of the haircut, what somebody looks for, and an order of a team."""
    boss, asking = actor_of(session, people["manager@home"]), actor_of(session, people["asker"])
    giving = actor_of(session, people["owner"])
    hall = exchange.OfferDraft(
        **{"kind": RESOURCE, "branch_id": home.id, "category": "room", "title": "会议室", "price_minutes": 60},
        **{"capacity": 1, "hours": "1-7 08:00-20:00"},
    )
    room = exchange.post_offer(session, hall, form_key="room", actor=boss, now=NOW)
    day = clock.today(NOW + 9 * DAY)
    closure = exchange.close_days(
        session,
        exchange.ClosureDraft(offer_id=room.id, first_day=day, last_day=day, reason="检修", form_key="closure"),
        actor=boss,
        now=NOW,
    )
    photo = exchange.show_photo(session, offer_id, a_photo("teal"), actor=giving, now=NOW)
    wish = exchange.NeedDraft(category="repair", words="修收音机", until=day, form_key="need")
    need = exchange.post_need(session, wish, actor=asking, now=NOW)
    team = create_team(session, branch_id=home.id, name="维修队", kind="", actor=boss, now=BEFORE)
    for name in ("owner", "volunteer@home"):
        join_team(session, team.id, people[name].id, actor=boss, now=BEFORE)
    set_leader(session, team.id, people["owner"].id, actor=boss)
    mending = exchange.OfferDraft(team_id=team.id, category="repair", title="修门窗", price_minutes=30)
    offer = exchange.post_offer(session, mending, form_key="mending", actor=giving, now=NOW)
    draft = exchange.OrderDraft(offer_id=offer.id, form_key="mending")
    order = exchange.request_order(session, draft, actor=asking, now=NOW)
    return {
        "room": room.id,
        "closure": closure.id,
        "offer_photo": photo.id,
        "need": need.id,
        "of_team": order.id,
    }


def _make_desks(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """An organisation that gives tickets: a desk in use, another whose link waits, and a voucher."""
    boss = actor_of(session, people["manager@home"])
    named = OrganisationDraft(name="北仑大剧院", kind="company", branch_id=home.id, form_key="theatre")
    theatre = register_organisation(session, named, actor=boss, keys=KEYS, now=NOW)
    used, waiting = (
        partners.open_desk(
            session,
            partners.DeskDraft(branch_id=home.id, organisation_id=theatre.id, name=name, form_key=name),
            actor=boss,
            now=NOW,
        )
        for name in ("东门", "西门")
    )
    partners.claim_desk(session, used.id, now=NOW)
    play = exchange.OfferDraft(
        **{"kind": GOODS, "branch_id": home.id, "organisation_id": theatre.id, "category": "ticket"},
        **{"title": "话剧票", "price_minutes": 30, "stock": 5},
    )
    offer = exchange.post_offer(session, play, form_key="play", actor=boss, now=NOW)
    wish = exchange.OrderDraft(offer_id=offer.id, form_key="play")
    order = exchange.request_order(session, wish, actor=actor_of(session, people["asker"]), now=NOW)
    return {
        "organisation": theatre.id,
        "desk": used.id,
        "desk_cookie": note_of(KEYS, COOKIE, used.id),
        "desk_link": note_of(KEYS, LINK, waiting.id),
        "desk_voucher": order.voucher,
    }


def _make_disputes(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    """A case that both sides spoke in, one about goods, and one whose decision waits for a second person."""
    asking, keeping = actor_of(session, people["asker"]), actor_of(session, people["manager@home"])
    mender = make_member(session, home, "石会修")

    def case(name: str, giver: Member, *, goods: bool = False) -> tuple[int, int]:
        actor = keeping if goods else actor_of(session, giver)
        kind = {"kind": GOODS, "branch_id": home.id, "stock": 1} if goods else {}
        draft = exchange.OfferDraft(title=f"修{name}", category="other", price_minutes=4, **kind)
        offer = exchange.post_offer(session, draft, form_key=name, actor=actor, now=NOW)
        wish = exchange.OrderDraft(offer_id=offer.id, form_key=f"{name}-order")
        order = exchange.request_order(session, wish, actor=asking, now=NOW)
        if not goods:
            exchange.accept_order(session, order.id, exchange.Meeting(at=NOW + DAY), actor=actor, now=NOW)
        exchange.fulfil(session, order.voucher, actor=actor, now=NOW)
        said = disputes.DisputeDraft(order_id=order.id, wanted="none", words="没有修好", form_key=f"{name}-case")
        return order.id, disputes.open_dispute(session, said, actor=asking, now=NOW).id

    order_id, first = case("伞", people["owner"])
    disputes.say(session, first, words="修好了", form_key="伞-1", actor=actor_of(session, people["owner"]), now=NOW)
    _, goods_case = case("灯", people["owner"], goods=True)
    _, second = case("锅", mender)
    mending = actor_of(session, mender)
    disputes.say(session, second, words="修好了", form_key="锅-1", actor=mending, now=NOW)
    treat = exchange.OfferDraft(kind=GOODS, branch_id=home.id, title="点心", category="daily", price_minutes=4, stock=1)
    sweet = exchange.post_offer(session, treat, form_key="sweet", actor=keeping, now=NOW)
    wish = exchange.OrderDraft(offer_id=sweet.id, form_key="sweet-order")
    exchange.request_order(session, wish, actor=mending, now=NOW)
    ruling = disputes.RulingDraft(dispute_id=second, outcome="none", reason="没有修好", form_key="锅-2")
    deciding = actor_of(session, people["administrator@home"])
    assert disputes.decide(session, ruling, actor=deciding, now=NOW).status == "open"
    return {"dispute": first, "disputed": order_id, "goods_dispute": goods_case, "seconded": second}


def _make_orders(session: Session, home: Branch, people: Mapping[str, Member]) -> dict[str, Any]:
    giving, asking = actor_of(session, people["owner"]), actor_of(session, people["asker"])
    keeping = actor_of(session, people["manager@home"])
    haircut = exchange.post_offer(
        session,
        exchange.OfferDraft(title="上门理发", category="haircut", price_minutes=60),
        form_key="haircut",
        actor=giving,
        now=NOW,
    )
    walk = exchange.OfferDraft(title="陪人散步", category="care", price_minutes=60, valid_until=clock.today(NOW + DAY))
    ending = exchange.post_offer(session, walk, form_key="walk", actor=giving, now=NOW)
    shelf = exchange.OfferDraft(
        kind=GOODS, branch_id=home.id, title="越剧门票", category="ticket", price_minutes=30, stock=5
    )
    goods = exchange.post_offer(session, shelf, form_key="goods", actor=keeping, now=NOW)
    orders = [
        exchange.request_order(
            session, exchange.OrderDraft(offer_id=haircut.id, form_key=f"order-{at}"), actor=asking, now=NOW
        )
        for at in range(3)
    ]
    for order in orders[1:]:
        exchange.accept_order(session, order.id, exchange.Meeting(at=NOW + DAY), actor=giving, now=NOW)
    exchange.fulfil(session, orders[2].voucher, actor=giving, now=NOW)
    assert ledger.get_account(session, people["asker"].coin_account_id).held == 120
    return {
        "service": haircut.id,
        "ending": ending.id,
        "goods": goods.id,
        "requested": orders[0].id,
        "accepted": orders[1].id,
        "fulfilled": orders[2].id,
        "voucher": orders[1].voucher,
    }
