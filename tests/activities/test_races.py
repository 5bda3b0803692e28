"""Fifty people press the button at the same moment: real threads, real sessions, both databases."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests import databases
from tests.activities.town import make_town, people, post_shift
from tests.world import NOW, actor_of, make_member
from timebank.activities import queries, service
from timebank.activities.models import ABSENT, CONFIRMED, LEFT, OFFERED, WAITING, NoShow, Shift, SignUp
from timebank.core.actor import Actor
from timebank.core.db import write_session
from timebank.members.models import FamilyLink, Member
from timebank.members.service import ask_family, confirm_family
from timebank.notices.models import Notice

CROWD = 50


def make_engine(url: str) -> sa.Engine:
    """An engine with a connection for everybody."""
    kind = {} if url.startswith("sqlite") else {"pool_size": CROWD + 2}
    engine = sa.create_engine(url, **kind)
    databases.prepare_engine(engine, databases.KEYS)
    return engine


def at_once(engine: sa.Engine, verbs: list[Callable[[Session], str]]) -> list[str]:
    """Run each verb as a unit of work of its own, all released at one moment; what each answered."""
    start, answers = threading.Barrier(len(verbs)), [""] * len(verbs)

    def run(at: int) -> None:
        with Session(engine) as session:
            start.wait()
            try:
                with write_session(session):
                    answers[at] = verbs[at](session)
            except Exception as refusal:
                answers[at] = type(refusal).__name__

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(verbs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def prepare(engine: sa.Engine, capacity: int, count: int) -> tuple[int, list[Actor]]:
    """A published shift and so many members; ids and actors only, since threads share no session."""
    with Session(engine) as session, write_session(session):
        town = make_town(session)
        on = post_shift(session, town, capacity=capacity)
        return on.id, [actor_of(session, member) for member in people(session, town, count)]


def joining(shift_id: int, actor: Actor) -> Callable[[Session], str]:
    return lambda session: (
        service.sign_up(session, shift_id, member_id=actor.member_id or 0, actor=actor, now=NOW).status
    )


def leaving(shift_id: int, actor: Actor) -> Callable[[Session], str]:
    return lambda session: (
        service.leave(session, shift_id, member_id=actor.member_id or 0, reason="有事", actor=actor, now=NOW).status
    )


def counted(engine: sa.Engine, shift_id: int) -> tuple[int, Counter[str]]:
    with Session(engine) as session:
        statuses = session.scalars(sa.select(SignUp.status).where(SignUp.shift_id == shift_id))
        return session.scalars(sa.select(Shift.taken).where(Shift.id == shift_id)).one(), Counter(statuses)


def test_fifty_people_and_seven_places(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 7, CROWD)
    answers = at_once(engine, [joining(shift_id, actor) for actor in crowd])
    assert Counter(answers) == {CONFIRMED: 7, WAITING: CROWD - 7}
    assert counted(engine, shift_id) == (7, Counter({CONFIRMED: 7, WAITING: CROWD - 7}))
    engine.dispose()


def test_exactly_one_gets_the_last_place(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 1, 2)
    assert sorted(at_once(engine, [joining(shift_id, actor) for actor in crowd])) == [CONFIRMED, WAITING]
    assert counted(engine, shift_id)[0] == 1
    engine.dispose()


def test_one_person_pressing_ten_times_has_one_place(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, [one] = prepare(engine, 5, 1)
    assert at_once(engine, [joining(shift_id, one)] * 10) == [CONFIRMED] * 10
    assert counted(engine, shift_id) == (1, Counter({CONFIRMED: 1}))
    engine.dispose()


def test_one_person_cannot_be_in_two_places_at_one_time(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    first, [one] = prepare(engine, 5, 1)
    with Session(engine) as session, write_session(session):
        second = post_shift(session, make_town(session), capacity=5).id
    answers = at_once(engine, [joining(first, one), joining(second, one)])
    assert sorted(answers) == ["ShiftsOverlap", CONFIRMED]
    engine.dispose()


def test_places_given_back_while_others_queue_are_all_taken_again(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 10, 40)
    at_once(engine, [joining(shift_id, actor) for actor in crowd[:20]])
    with Session(engine) as session:
        placed = {signed.member_id for signed in queries.list_confirmed(session, shift_id)}
    leavers = [actor for actor in crowd if actor.member_id in placed][:8]
    verbs = [leaving(shift_id, actor) for actor in leavers] + [joining(shift_id, actor) for actor in crowd[20:]]
    at_once(engine, verbs)
    taken, statuses = counted(engine, shift_id)
    assert (taken, statuses) == (10, Counter({CONFIRMED: 2, OFFERED: 8, LEFT: 8, WAITING: 22}))
    with Session(engine) as session:
        moved = session.scalars(sa.select(Notice.member_id).where(Notice.kind == "sign_up.offered")).all()
        assert len(moved) == len(set(moved)) == 8
    engine.dispose()


def accepting(shift_id: int, actor: Actor) -> Callable[[Session], str]:
    return lambda session: (
        service.accept_offer(session, shift_id, member_id=actor.member_id or 0, actor=actor, now=NOW).status
    )


def settling(shift_id: int, now: datetime) -> Callable[[Session], str]:
    return lambda session: str(service.settle_shift(session, shift_id, now=now))


def test_one_freed_place_is_offered_once_however_many_look(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 1, 12)
    for actor in crowd:
        at_once(engine, [joining(shift_id, actor)])
    at_once(engine, [leaving(shift_id, crowd[0]), *[settling(shift_id, NOW)] * 9])
    assert counted(engine, shift_id) == (1, Counter({LEFT: 1, OFFERED: 1, WAITING: 10}))
    engine.dispose()


def test_an_offer_that_runs_out_while_ten_look_goes_to_one_other(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 1, 4)
    for actor in crowd:
        at_once(engine, [joining(shift_id, actor)])
    at_once(engine, [leaving(shift_id, crowd[0])])
    answers = at_once(engine, [settling(shift_id, NOW + timedelta(hours=7))] * 10)
    assert sorted(answers) == ["0"] * 9 + ["1"]
    assert counted(engine, shift_id) == (1, Counter({LEFT: 2, OFFERED: 1, WAITING: 1}))
    engine.dispose()


def test_accepting_and_declining_at_once_leave_one_answer(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 1, 3)
    for actor in crowd:
        at_once(engine, [joining(shift_id, actor)])
    at_once(engine, [leaving(shift_id, crowd[0])])
    second = crowd[1]
    at_once(engine, [accepting(shift_id, second)] * 5 + [leaving(shift_id, second)] * 5)
    taken, statuses = counted(engine, shift_id)
    # Who accepted and then left freed the place for the third; either way it is held by one person.
    assert taken == 1
    assert statuses == Counter({LEFT: 2, OFFERED: 1})
    engine.dispose()


def test_offers_accepted_while_others_press_never_pass_the_capacity(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 6, 30)
    for actor in crowd[:18]:
        at_once(engine, [joining(shift_id, actor)])
    for actor in crowd[:6]:
        at_once(engine, [leaving(shift_id, actor)])
    verbs = [accepting(shift_id, actor) for actor in crowd[6:12]] + [joining(shift_id, actor) for actor in crowd[18:]]
    answers = at_once(engine, verbs)
    assert Counter(answers) == {CONFIRMED: 6, WAITING: 12}
    assert counted(engine, shift_id) == (6, Counter({CONFIRMED: 6, LEFT: 6, WAITING: 18}))
    engine.dispose()


def test_families_that_press_at_once_stay_together(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 5, 10)
    pairs = list(zip(crowd[::2], crowd[1::2], strict=True))
    with Session(engine) as session, write_session(session):
        for one, other in pairs:
            link = ask_family(session, session.get_one(Member, other.member_id).number, actor=one, now=NOW)
            confirm_family(session, link.id, actor=other, now=NOW)

    def pressing(one: Actor, other: Actor) -> Callable[[Session], str]:
        ask = service.Together(member_ids=(one.member_id or 0, other.member_id or 0), form_key="k")
        return lambda session: ",".join(
            signed.status for signed in service.sign_up_together(session, shift_id, ask, actor=one, now=NOW)
        )

    answers = at_once(engine, [pressing(*pair) for pair in pairs] * 2)  # each form is sent twice
    assert Counter(answers) == {"confirmed,confirmed": 4, "waiting,waiting": 6}
    assert counted(engine, shift_id) == (4, Counter({CONFIRMED: 4, WAITING: 6}))
    engine.dispose()


def test_two_who_ask_each_other_at_once_are_one_family(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    _, [one, other] = prepare(engine, 1, 2)
    with Session(engine) as session:
        numbers = {who.member_id: session.get_one(Member, who.member_id).number for who in (one, other)}

    def asking(who: Actor, whom: Actor) -> Callable[[Session], str]:
        return lambda session: str(ask_family(session, numbers[whom.member_id], actor=who, now=NOW).id)

    answers = at_once(engine, [asking(one, other), asking(other, one)] * 3)
    assert len(set(answers)) == 1
    with Session(engine) as session:
        [link] = session.scalars(sa.select(FamilyLink))
        assert link.confirmed_at == NOW
    engine.dispose()


def test_an_appeal_is_decided_once_however_many_decide(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    with Session(engine) as session, write_session(session):
        town = make_town(session)
        on = post_shift(session, town)
        [one] = people(session, town, 1)
        actor = actor_of(session, one)
        service.sign_up(session, on.id, member_id=one.id, actor=actor, now=NOW)
        over = on.ends_at
        service.mark_no_shows(session, on.id, {one.id: ABSENT}, actor=town.lead, now=over)
        service.count_no_shows(session, on.id, came=(), actor=town.lead, now=over)
        mark = session.scalars(sa.select(NoShow.id)).one()
        appeal_id = service.appeal(session, mark, words="我去了", form_key="k", actor=actor, now=over).id
        judges = [actor_of(session, make_member(session, town.branch, roles=("organiser",))) for _ in range(6)]

    def deciding(judge: Actor, agreed: bool) -> Callable[[Session], str]:
        return lambda session: str(
            service.decide_appeal(session, appeal_id, agreed=agreed, reason="看过", actor=judge, now=over).agreed
        )

    answers = at_once(engine, [deciding(judge, at % 2 == 0) for at, judge in enumerate(judges)])
    assert answers.count("AppealDecided") == 5
    engine.dispose()


def test_a_reminder_is_sent_once_however_many_jobs_run(fresh_database: str) -> None:
    engine = make_engine(fresh_database)
    shift_id, crowd = prepare(engine, 5, 5)
    at_once(engine, [joining(shift_id, actor) for actor in crowd])
    soon = NOW + timedelta(hours=22)
    at_once(engine, [lambda session: str(service.remind_shift(session, shift_id, now=soon))] * 6)
    with Session(engine) as session:
        told = session.scalars(sa.select(Notice.member_id).where(Notice.kind == "shift.soon")).all()
        assert sorted(told) == sorted(actor.member_id or 0 for actor in crowd)
    engine.dispose()
