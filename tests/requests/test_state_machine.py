"""Random verbs in random order, on both engines: after each, states mean what they say and no coin is made or lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy.orm import Session

from tests.machines import run_machine
from tests.requests.scene import DAY, NOW, TODAY, Scene, key
from timebank.attendance.models import STAFF, Attendance
from timebank.attendance.service import ScanDraft, approve_shift, record_scan, submit_shift, void
from timebank.core.errors import Refusal
from timebank.ledger import queries as ledger
from timebank.ledger.verification import verify
from timebank.members.models import Member
from timebank.requests import service
from timebank.requests.models import CLAIMED, DONE, FUND, NONE, OPEN, OWN, UNSERVED, HelpRequest

PLACES = st.integers(0, 1000)  # a place in a list, modulo its length
VOLUNTEERS = ("wang", "zhou")
FAR = TODAY + 80 * DAY


class RequestMachine(RuleBasedStateMachine):
    """One branch, two volunteers, requests paid by the lady, by the fund, or by nobody."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__()
        self.connection = engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.hours = 0

    def teardown(self) -> None:
        """The books add up however the run ended."""
        assert not [found for check in verify(self.session, self.scene.branch.id) for found in check.findings]
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    @initialize()
    def open(self) -> None:
        self.scene = Scene(self.session)
        self.there = self.coins()

    @property
    def requests(self) -> list[HelpRequest]:
        return list(self.session.scalars(sa.select(HelpRequest).order_by(HelpRequest.id)))

    def one(self, place: int) -> HelpRequest | None:
        found = self.requests
        return found[place % len(found)] if found else None

    def try_to(self, verb: Callable[[], Any]) -> Any:
        """Do it, or be refused and have changed nothing."""
        try:
            with self.session.begin_nested():
                return verb()
        except Refusal:
            self.session.expire_all()
            return None

    @rule(source=st.sampled_from([OWN, FUND, NONE]), minutes=st.sampled_from([15, 60, 120]))
    def ask(self, source: str, minutes: int) -> None:
        self.scene.ask(source=source, minutes=minutes, last_day=FAR)

    @rule(place=PLACES)
    def dispatch(self, place: int) -> None:
        if request := self.one(place):
            self.try_to(lambda: self.scene.dispatch(request))

    @rule(place=PLACES, who=st.sampled_from(VOLUNTEERS))
    def claim(self, place: int, who: str) -> None:
        if request := self.one(place):
            self.hours += 3
            start = NOW + timedelta(hours=self.hours)
            self.try_to(lambda: self.scene.claim(request, by=getattr(self.scene, who), start=start))

    @rule(place=PLACES, verb=st.sampled_from(["release", "withdraw", "decline"]))
    def end(self, place: int, verb: str) -> None:
        if request := self.one(place):
            call = getattr(service, verb)
            boss = self.scene.actor(self.scene.manager)
            self.try_to(lambda: call(self.session, request.id, reason="临时有事", actor=boss, now=NOW))

    @rule(place=PLACES, share=st.sampled_from([0, 50, 100]), counts=st.booleans())
    def serve(self, place: int, share: int, counts: bool) -> None:
        """Somebody comes for a while (or not at all), and the list is sent; perhaps it does not count."""
        request = self.one(place)
        if request is None or request.status != CLAIMED or request.shift is None:
            return
        shift, member_id = request.shift, request.volunteer_id or 0
        length = (shift.ends_at - shift.starts_at) * share / 100
        lead, after = self.scene.actor(self.scene.organiser), shift.ends_at + timedelta(hours=1)

        def done() -> None:
            if share:
                self.scan(shift.id, member_id, "in", shift.starts_at)
                self.scan(shift.id, member_id, "out", shift.starts_at + length)
                if not counts:
                    void(self.session, shift.id, member_id, reason="没有做事", actor=lead)
            submit_shift(self.session, shift.id, actor=lead, now=after)

        self.try_to(done)

    def scan(self, shift_id: int, member_id: int, wanted: str, at: datetime) -> None:
        draft = ScanDraft(shift_id=shift_id, member_id=member_id, source=STAFF, claimed_at=at, key=key(), wanted=wanted)
        record_scan(self.session, draft, actor=self.scene.actor(self.scene.organiser), now=at)

    @rule(place=PLACES)
    def approve(self, place: int) -> None:
        request = self.one(place)
        if request is not None and request.shift is not None:
            after = request.shift.ends_at + timedelta(hours=2)
            actor, shift_id = self.scene.actor(self.scene.second), request.shift.id
            self.try_to(lambda: approve_shift(self.session, shift_id, actor=actor, now=after))

    @rule()
    def settle(self) -> None:
        service.settle_requests(self.session, now=NOW + timedelta(hours=self.hours + 5))

    @rule()
    def expire(self) -> None:
        service.expire_requests(self.session, now=NOW + 81 * DAY)

    def coins(self) -> int:
        """Everything on accounts of people and the fund."""
        people = self.session.scalars(sa.select(Member.coin_account_id)).all()
        return sum(ledger.get_account(self.session, one).balance for one in people) + self.scene.fund[0]

    @invariant()
    def set_aside_is_what_may_still_be_paid(self) -> None:
        if not hasattr(self, "scene"):
            return
        self.session.expire_all()
        expected = {OWN: 0, FUND: 0}
        for request in self.requests:
            if request.source != NONE and request.status in {OPEN, CLAIMED} and not self.paid(request):
                expected[request.source] += request.minutes
        lady = ledger.get_account(self.session, self.scene.lady.coin_account_id)
        assert (lady.held, self.scene.fund[1]) == (expected[OWN], expected[FUND])

    def paid(self, request: HelpRequest) -> int:
        """Minutes of a record that is in the books."""
        mine = sa.select(Attendance).where(Attendance.shift_id == request.shift_id, Attendance.status == "approved")
        record = self.session.scalars(mine).one_or_none()
        return record.minutes if record is not None else 0

    @invariant()
    def coins_come_from_issuance_alone(self) -> None:
        if not hasattr(self, "scene"):
            return
        issued = sum(self.paid(one) for one in self.requests if one.source == NONE)
        assert self.coins() == self.there + issued

    @invariant()
    def states_mean_what_they_say(self) -> None:
        if not hasattr(self, "scene"):
            return
        for request in self.requests:
            if request.status == DONE:
                assert self.paid(request) > 0
            if request.status in UNSERVED:
                assert (request.volunteer_id, request.shift_id) == (None, None)
            if request.status == CLAIMED:
                assert request.shift is not None
                assert request.shift.paid_hold_id == request.hold_id


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_is_done_every_minute_is_paid_once(engine_url: str) -> None:
    run_machine(RequestMachine, engine_url, sqlite=8, postgresql=8, steps=25)
