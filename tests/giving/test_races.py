"""Real threads meet on one purse, one month's limit, one fund, one grant: each is given once and none falls short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from tests.exchange.scene import at_once, committed, give
from tests.exchange.test_races import won
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.core.actor import Actor
from timebank.giving import queries, service
from timebank.ledger import queries as ledger
from timebank.members.models import Member


def giving(actor: Actor, to: Member, form_key: str, minutes: int = 100) -> Callable[[Session], Any]:
    draft = service.GiftDraft(
        purse="coin", minutes=minutes, words="", number=to.number, name=to.name, form_key=form_key
    )
    return lambda session: service.give(session, draft, actor=actor, now=NOW).id


def deciding(actor: Actor, grant_id: int, *, agreed: bool) -> Callable[[Session], Any]:
    def decide(session: Session) -> str:
        return service.decide_grant(session, grant_id, agreed=agreed, note="想过了", actor=actor, now=NOW).status

    return decide


def test_one_form_gives_once_and_two_people_give_each_other_at_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            branch = make_branch(session)
            one, two = make_member(session, branch, "李秀英"), make_member(session, branch, "王建国")
            for member in (one, two):
                give(session, member, 150)
            actors = [actor_of(session, member) for member in (one, two)]
            accounts = [one.coin_account_id, two.coin_account_id]
            _ = (one.number, two.number, one.name, two.name)
            session.expunge_all()
        same = won(at_once(fresh_database, [giving(actors[0], two, "same")] * 3))
        assert (len(same), len(set(same))) == (3, 1)
        crossing = [giving(actors[0], two, "there", 50), giving(actors[1], one, "back", 50)]
        assert len(won(at_once(fresh_database, crossing))) == 2
        assert won(at_once(fresh_database, [giving(actors[0], two, f"{n}", 60) for n in range(2)])) == []
        with work() as session:
            assert [ledger.get_account(session, id_).balance for id_ in accounts] == [50, 250]


def test_one_form_sent_twice_at_once_asks_for_one_grant(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            branch = make_branch(session)
            asker, needy = make_member(session, branch, roles=("manager",)), make_member(session, branch)
            give(session, needy, 100)
            donation = service.Donation(purse="coin", minutes=100, words="", form_key="fund")
            service.donate(session, donation, actor=actor_of(session, needy), now=NOW)
            draft = service.GrantDraft(
                branch_id=branch.id, number=needy.number, minutes=80, reason="住院", form_key="a"
            )
            actor = actor_of(session, asker)

        def ask(session: Session) -> int:
            return service.ask_grant(session, draft, actor=actor, now=NOW).id

        assert won(at_once(fresh_database, [ask] * 4)) == [1, 1, 1, 1]


def test_gifts_at_once_stay_within_the_month(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            branch = make_branch(session)
            one = make_member(session, branch, "李秀英")
            friends = [make_member(session, branch, f"朋友{n}") for n in "甲乙丙"]
            give(session, one, 2_000)
            actor = actor_of(session, one)
            _ = [(friend.number, friend.name) for friend in friends]
            session.expunge_all()
        gifts = [giving(actor, friend, f"to-{friend.id}", 300) for friend in friends]
        assert len(won(at_once(fresh_database, gifts))) == 2  # ten coins a month


def test_two_grants_at_once_leave_the_fund_at_zero_or_more_and_one_is_decided_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            branch = make_branch(session)
            asker, *judges = [make_member(session, branch, roles=("manager",)) for _ in range(3)]
            needy = make_member(session, branch)
            give(session, needy, 100)
            donation = service.Donation(purse="coin", minutes=100, words="", form_key="fund")
            service.donate(session, donation, actor=actor_of(session, needy), now=NOW)
            grants = []
            for key in ("a", "b"):
                draft = service.GrantDraft(
                    branch_id=branch.id, number=needy.number, minutes=80, reason="住院", form_key=key
                )
                grants.append(service.ask_grant(session, draft, actor=actor_of(session, asker), now=NOW).id)
            actors = [actor_of(session, judge) for judge in judges]
            branch_id = branch.id
        both = [deciding(actors[0], grants[0], agreed=True), deciding(actors[1], grants[1], agreed=True)]
        assert won(at_once(fresh_database, both)) == ["granted"]
        with work() as session:
            [left] = queries.list_waiting_grants(session, branch_id)
            left_id = left.id
        split = [deciding(actors[0], left_id, agreed=False), deciding(actors[1], left_id, agreed=False)]
        assert won(at_once(fresh_database, split)) == ["declined"]
        with work() as session:
            assert ledger.balance(session, queries.fund_account(session, branch_id)) == 20
