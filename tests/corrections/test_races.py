"""Many at once: two deciders, two askers, a correction against spending; real threads on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.corrections.town import LATER, Town, key, make_town
from tests.databases import make_engine
from tests.exchange.scene import at_once, committed
from tests.world import actor_of, make_member
from timebank.attendance.models import AttendanceCorrection
from timebank.core.errors import Refusal
from timebank.corrections import rules, service
from timebank.corrections.models import DONE, WAITING, Correction
from timebank.exchange import service as exchange
from timebank.exchange.models import GOODS
from timebank.ledger import queries as ledger
from timebank.members.models import Member

CROWD = 6


class Committed:
    """A committed town whose people act in threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        with committed(url) as work, work() as session:
            town = make_town(session, 1)
            self.branch_id = town.scene.branch.id
            self.manager, self.deputy = town.manager, town.deputy
            self.others = [
                actor_of(session, make_member(session, town.scene.branch, roles=("manager",))) for _ in range(CROWD)
            ]
            self.member = actor_of(session, town.member(0))
            self.account = town.member(0).coin_account_id
            self.entry = town.entry(0)
            self.waits = 0
            draft = exchange.OfferDraft(
                kind=GOODS, branch_id=self.branch_id, title="洗衣粉", category="daily", price_minutes=100, stock=99
            )
            self.offer = exchange.post_offer(session, draft, form_key=key(), actor=town.manager, now=LATER).id

    def spend(self, session: Session) -> Any:
        wish = exchange.OrderDraft(offer_id=self.offer, form_key=key())
        order = exchange.request_order(session, wish, actor=self.member, now=LATER)
        return exchange.fulfil(session, order.voucher, actor=self.manager, now=LATER)

    def ask(self, actor: Any, minutes: int | None = None, form_key: str = "") -> Callable[[Session], Any]:
        draft = service.CorrectionDraft(entry_id=self.entry, minutes=minutes, reason="记错了")
        return lambda session: service.ask(session, draft, form_key=form_key or key(), actor=actor, now=LATER).status

    def wait(self) -> None:
        """Spent, and a correction that waits for a second person."""
        with committed(self.url) as work:
            with work() as session:
                self.spend(session)
            with work() as session:
                assert self.ask(self.manager)(session) == WAITING
                self.waits = session.scalars(select(Correction.id)).one()

    def sound(self) -> tuple[int, int, int]:
        """Balance, corrections carried out, changes of records; the books have no findings."""
        with committed(self.url) as work, work() as session:
            from timebank.ledger import verification

            checks = verification.verify(session, self.branch_id)
            assert [found for check in checks for found in check.findings] == []
            done = session.scalar(select(func.count()).where(Correction.status == DONE)) or 0
            changes = session.scalar(select(func.count()).select_from(AttendanceCorrection)) or 0
            return ledger.get_account(session, self.account).balance, done, changes


@pytest.fixture
def town(fresh_database: str) -> Committed:
    return Committed(fresh_database)


def test_of_many_deciders_one_carries_it_out(town: Committed) -> None:
    town.wait()

    def approve(actor: Any) -> Callable[[Session], Any]:
        return lambda session: service.approve(session, town.waits, actor=actor, now=LATER).decided_by_id

    def decline(actor: Any) -> Callable[[Session], Any]:
        return lambda session: service.decline(session, town.waits, reason="不同意", actor=actor, now=LATER).status

    answers = at_once(town.url, [approve(actor) for actor in town.others] + [decline(town.deputy)])
    assert sum(isinstance(answer, rules.AlreadyDecided) for answer in answers) == CROWD
    balance, done, changes = town.sound()
    assert (balance, done, changes) in {(-100, 1, 1), (20, 0, 0)}
    assert (balance == 20) == (answers[-1] == "declined")


def test_of_many_askers_one_corrects_it(town: Committed) -> None:
    answers = at_once(town.url, [town.ask(actor, 90) for actor in town.others])
    assert answers.count(DONE) == 1
    assert sum(isinstance(answer, rules.AlreadyCorrected) for answer in answers) == CROWD - 1
    assert town.sound() == (90, 1, 1)


def test_one_form_from_many_threads_is_one_correction(town: Committed) -> None:
    answers = at_once(town.url, [town.ask(town.manager, 90, form_key="one") for _ in range(CROWD)])
    assert answers == [DONE] * CROWD
    assert town.sound() == (90, 1, 1)


def test_a_correction_against_spending_never_lets_anybody_owe(town: Committed) -> None:
    """Who is first is: either nothing is left to spend, or the correction waits for a second person."""
    answers = at_once(town.url, [town.ask(town.manager), *[town.spend] * 3])
    spent = [answer for answer in answers[1:] if not isinstance(answer, Exception)]
    assert all(isinstance(answer, Refusal) or answer in spent for answer in answers[1:])
    balance, done, _ = town.sound()
    if answers[0] == DONE:
        assert (balance, done, spent) == (0, 1, [])
    else:
        assert (answers[0], balance, done, len(spent)) == (WAITING, 20, 0, 1)


def test_a_decision_against_spending_leaves_sound_books(town: Committed) -> None:
    town.wait()

    def approve(session: Session) -> Any:
        return service.approve(session, town.waits, actor=town.deputy, now=LATER).status

    answers = at_once(town.url, [approve, town.ask(town.others[0]), *[town.spend] * 2])
    assert answers[0] == DONE
    assert isinstance(answers[1], rules.AlreadyAsked | rules.AlreadyCorrected)
    assert town.sound() == (-100, 1, 1)


def test_records_of_one_member_share_their_carry(fresh_database: str) -> None:
    """Two entries of one member corrected at once: points and carry stay what the minutes are worth."""
    from tests.attendance.scene import make_shift
    from tests.corrections.test_service import book_minutes

    with committed(fresh_database) as work, work() as session:
        town = make_town(session, 1, leaves="10:41")
        first, manager, deputy = town.entry(0), town.manager, town.deputy
        _, shift_id = make_shift(session, town.scene.branch, town.scene.organiser_actor)
        book_minutes(town, shift_id, 37)
        second = ledger.list_entries(session, town.scene.branch.id)[0][0].id
        scene = town.scene

    def fix(entry_id: int, minutes: int, actor: Any) -> Callable[[Session], Any]:
        draft = service.CorrectionDraft(entry_id=entry_id, minutes=minutes, reason="记错了")
        return lambda session: service.ask(session, draft, form_key=key(), actor=actor, now=LATER).status

    assert at_once(fresh_database, [fix(first, 97, manager), fix(second, 29, deputy)]) == [DONE, DONE]
    with committed(fresh_database) as work, work() as session:
        again = Town(session=session, scene=scene, deputy=deputy, inspector=deputy)
        minutes, count, points = again.totals(0)
        assert (minutes, count) == (97 + 29, 2)
        assert points * 60 + again.carry(0) == minutes * 10
        assert again.stands(0) == (minutes, points)
        assert again.findings() == []


def test_a_correction_keeps_its_people_to_itself_until_it_is_booked(fresh_database: str) -> None:
    """Whoever decides by what one of them holds waits, as a second correction does, or a cap on what comes in."""
    with committed(fresh_database) as work:
        with work() as session:
            town = make_town(session, 2)
            order = town.haircut(asker=0, barber=1)
            entry_id, manager = order.entry_id or 0, town.manager
            people = [town.member(0).id, town.member(1).id]
        with work() as session:
            draft = service.CorrectionDraft(entry_id=entry_id, minutes=None, reason="没有来")
            service.ask(session, draft, form_key=key(), actor=manager, now=LATER)
            if session.get_bind().dialect.name == "sqlite":
                return  # its writer is alone anyway
            for member_id in people:
                assert is_locked(fresh_database, member_id)


def is_locked(url: str, member_id: int) -> bool:
    """Whether somebody else has a member's row."""
    engine = make_engine(url)
    row = select(Member.id).where(Member.id == member_id).with_for_update(key_share=True, nowait=True)
    try:
        with engine.connect() as connection:
            connection.execute(row)
    except OperationalError:
        return True
    finally:
        engine.dispose()
    return False
