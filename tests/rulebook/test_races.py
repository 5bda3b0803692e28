"""Real threads meet on one balance, one number, one form: caps hold, versions are numbered, gifts are given once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, at_once, committed, give
from tests.exchange.test_races import won
from tests.rulebook.saving import save_rule
from tests.world import NOW, actor_of, make_member
from timebank.core.actor import Actor
from timebank.exchange import service as exchange
from timebank.giving.service import Donation, donate
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.rulebook.models import CoinRule
from timebank.rulebook.service import expire_coins

BEFORE = NOW - timedelta(days=2)


def fulfilling(voucher: str, actor: Actor) -> Callable[[Session], Any]:
    return lambda session: exchange.fulfil(session, voucher, actor=actor, now=NOW).order.id


def giving(actor: Actor, form_key: str) -> Callable[[Session], Any]:
    draft = Donation(purse="coin", minutes=100, words="", form_key=form_key)
    return lambda session: donate(session, draft, actor=actor, now=NOW).repeated


def standing(session: Session, account_id: int | None) -> int:
    return ledger.get_account(session, account_id).balance


def fund_of(session: Session, branch_id: int) -> int:
    return ledger.balance(session, ledger.find_house_account(session, branch_id, "fund"))


def test_two_services_of_one_provider_at_once_stay_below_the_holding_cap(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)
            save_rule(session, scene.branch.id, NOW, now=BEFORE, holding_cap_minutes=70)
            neighbour = make_member(session, scene.branch)
            give(session, neighbour, 60)
            orders = [scene.accept(scene.order(scene.haircut, by=who)) for who in (scene.asker, neighbour)]
            barber, branch_id = actor_of(session, scene.barber), scene.branch.id
            vouchers, account_id = [order.voucher for order in orders], scene.barber.coin_account_id
        assert len(won(at_once(fresh_database, [fulfilling(one, barber) for one in vouchers]))) == 2
        with work() as session:
            assert (standing(session, account_id), fund_of(session, branch_id)) == (70, 50)


def test_versions_saved_at_once_get_numbers_of_their_own(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            branch_id = Scene(session).branch.id

        def saving(points: int) -> Callable[[Session], Any]:
            day = NOW + timedelta(days=points)
            return lambda session: save_rule(session, branch_id, day, now=NOW, points_per_hour=10 + points).number

        assert sorted(won(at_once(fresh_database, [saving(points) for points in range(1, 6)]))) == [1, 2, 3, 4, 5]
        with work() as session:
            assert len(session.scalars(select(CoinRule)).all()) == 5


def test_one_form_sent_twice_at_once_gives_once_and_two_forms_not_more_than_there_is(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session)  # three coins: enough for one gift of 100 minutes
            actor, branch_id, account_id = actor_of(session, scene.asker), scene.branch.id, scene.asker.coin_account_id
        assert sorted(won(at_once(fresh_database, [giving(actor, "one")] * 3))) == [False, True, True]
        assert won(at_once(fresh_database, [giving(actor, "two"), giving(actor, "three")])) == []
        with work() as session:
            assert (standing(session, account_id), fund_of(session, branch_id)) == (80, 100)


def test_expiry_meets_itself_and_a_gift(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Scene(session, now=NOW - timedelta(days=200))
            save_rule(
                session,
                scene.branch.id,
                scene.now + timedelta(days=2),
                now=scene.now + timedelta(days=1),
                expiry_months=2,
            )
            give(session, scene.asker, 120, now=scene.now + timedelta(days=10))
            actor, branch_id, member_id = actor_of(session, scene.asker), scene.branch.id, scene.asker.id

        def night(session: Session) -> int:
            return expire_coins(session, branch_id, now=NOW)

        answers = won(at_once(fresh_database, [night, giving(actor, "gift"), night]))
        assert answers.count(1) == 1  # one night found it, the other found it done
        with work() as session:
            member = session.get_one(Member, member_id)
            house = ledger.find_house_account(session, branch_id, "expired")
            found = (
                standing(session, member.coin_account_id),
                fund_of(session, branch_id),
                ledger.balance(session, house),
            )
        # 180 were earned before the version and never expire; a gift takes the oldest first, so 120 expire either way.
        assert found == (80, 100, 120)
