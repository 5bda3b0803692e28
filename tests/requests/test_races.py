"""Real threads meet on one request: one volunteer gets it, and what is taken back is never paid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from tests.exchange.scene import at_once, committed
from tests.exchange.test_races import won
from tests.requests.scene import AFTER, NOW, START, Scene, coins_of
from tests.world import KEYS, actor_of, make_member
from timebank.attendance.service import approve_shift
from timebank.core.actor import Actor
from timebank.ledger.verification import verify
from timebank.requests import service
from timebank.requests.models import CLAIMED, DONE, NONE, OPEN, WISH, WITHDRAWN, HelpRequest

WISH_OF: dict[str, Any] = {"kind": WISH, "source": NONE, "minutes": 0, "title": "想要一个放大镜", "category": "other"}


@contextmanager
def prepared(url: str, build: Callable[[Scene], HelpRequest]) -> Iterator[tuple[Any, int, dict[str, Actor]]]:
    """A committed request, and everybody as an actor."""
    with committed(url) as work:
        with work() as session:
            scene = Scene(session)
            request_id = build(scene).id
            names = ("lady", "grid", "organiser", "manager", "second", "wang", "zhou")
            actors = {name: scene.actor(getattr(scene, name)) for name in names}
        yield work, request_id, actors


def claiming(request_id: int, actor: Actor, *, wish: bool = False) -> Callable[[Session], Any]:
    wanted = service.Claim(starts_at=None if wish else START)
    return lambda session: service.claim(session, request_id, wanted, actor=actor, now=NOW).volunteer_id


def withdrawing(request_id: int, actor: Actor) -> Callable[[Session], Any]:
    return lambda session: service.withdraw(session, request_id, reason="不用了", actor=actor, now=NOW).status


def test_many_claim_one_wish_and_one_gets_it(fresh_database: str) -> None:
    with prepared(fresh_database, lambda scene: scene.dispatch(scene.ask(**WISH_OF))) as (work, request_id, actors):
        with work() as session:
            branch = session.get_one(HelpRequest, request_id).branch
            people = [actor_of(session, make_member(session, branch)) for _ in range(5)]
        everybody = [*people, actors["wang"], actors["zhou"]]
        got = won(at_once(fresh_database, [claiming(request_id, one, wish=True) for one in everybody]))
        assert len(got) == 1
        with work() as session:
            request = session.get_one(HelpRequest, request_id)
            assert (request.status, request.volunteer_id) == (CLAIMED, got[0])


def test_two_say_yes_to_one_request_and_one_shift_is_made(fresh_database: str) -> None:
    with prepared(fresh_database, lambda scene: scene.dispatch(scene.ask())) as (work, request_id, actors):
        both = [claiming(request_id, actors[name]) for name in ("wang", "zhou")]
        assert len(won(at_once(fresh_database, both))) == 1
        with work() as session:
            request = session.get_one(HelpRequest, request_id)
            assert request.shift is not None
            assert request.shift.paid_hold_id == request.hold_id


def test_the_same_yes_twice_at_once_is_one(fresh_database: str) -> None:
    with prepared(fresh_database, lambda scene: scene.dispatch(scene.ask())) as (_, request_id, actors):
        assert len(set(won(at_once(fresh_database, [claiming(request_id, actors["wang"])] * 3)))) == 1


def test_one_form_asks_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            draft, actor = scene.draft(form_key="same"), scene.actor(scene.grid)

        def ask(session: Session) -> int:
            return service.ask(session, draft, actor=actor, keys=KEYS, now=NOW).id

        assert len(set(won(at_once(fresh_database, [ask] * 4)))) == 1


def test_taken_back_while_somebody_says_yes(fresh_database: str) -> None:
    with prepared(fresh_database, lambda scene: scene.dispatch(scene.ask())) as (work, request_id, actors):
        won(at_once(fresh_database, [claiming(request_id, actors["wang"]), withdrawing(request_id, actors["lady"])]))
        with work() as session:
            request = session.get_one(HelpRequest, request_id)
            assert request.status == WITHDRAWN  # before or after the yes
            assert (request.volunteer_id, request.shift_id) == (None, None)
            assert coins_of(session, request.recipient) == (120, 0)


def test_dispatching_twice_at_once_sets_coins_aside_once(fresh_database: str) -> None:
    with prepared(fresh_database, lambda scene: scene.ask()) as (work, request_id, actors):
        how = service.Dispatch(source="own", minutes=90, to_all=True)

        def dispatching(actor: Actor) -> Callable[[Session], Any]:
            return lambda session: service.dispatch(session, request_id, how, actor=actor, now=NOW).status

        both = [dispatching(actors["manager"]), dispatching(actors["second"]), dispatching(actors["manager"])]
        assert OPEN in won(at_once(fresh_database, both))
        with work() as session:
            assert coins_of(session, session.get_one(HelpRequest, request_id).recipient) == (120, 90)


def test_an_approval_meets_taking_back_giving_back_and_the_job(fresh_database: str) -> None:
    def served(scene: Scene) -> HelpRequest:
        request = scene.running()
        scene.serve(request)
        return request

    with prepared(fresh_database, served) as (work, request_id, actors):
        with work() as session:
            shift_id = session.get_one(HelpRequest, request_id).shift_id or 0

        def approving(session: Session) -> Any:
            return approve_shift(session, shift_id, actor=actors["second"], now=AFTER).people

        def releasing(session: Session) -> Any:
            return service.release(session, request_id, reason="不来了", actor=actors["wang"], now=AFTER).status

        def settling(session: Session) -> Any:
            return service.settle_requests(session, now=AFTER)

        verbs = [approving, withdrawing(request_id, actors["lady"]), releasing, settling, approving]
        answers = at_once(fresh_database, verbs)
        won(answers)
        assert [isinstance(one, Exception) for one in answers] == [False, True, True, False, False]
        with work() as session:
            service.settle_requests(session, now=AFTER)
            request = session.get_one(HelpRequest, request_id)
            assert request.status == DONE
            assert request.volunteer is not None
            assert (coins_of(session, request.recipient), coins_of(session, request.volunteer)) == ((30, 0), (90, 0))
            assert not [found for check in verify(session, request.branch_id) for found in check.findings]


def test_the_fund_is_not_set_aside_twice_for_what_it_has_once(fresh_database: str) -> None:
    def twice(scene: Scene) -> HelpRequest:
        scene.ask(source="fund", minutes=240)
        return scene.ask(source="fund", minutes=240)

    with prepared(fresh_database, twice) as (work, request_id, actors):
        how = service.Dispatch(source="fund", minutes=240, to_all=True)

        def dispatching(which: int, actor: Actor) -> Callable[[Session], Any]:
            return lambda session: service.dispatch(session, which, how, actor=actor, now=NOW).status

        both = [dispatching(request_id, actors["manager"]), dispatching(request_id - 1, actors["second"])]
        assert won(at_once(fresh_database, both)) == [OPEN]
        with work() as session:
            assert Scene.found(session).fund == (300, 240)
