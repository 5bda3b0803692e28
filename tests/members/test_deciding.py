"""Whoever may decide hears of what waits for a decision, also where a branch has one manager or none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.agreements.scene import make_scene as make_agreements
from tests.attendance.scene import make_scene as make_services
from tests.clearing.scene import Between
from tests.exchange.scene import Scene as Neighbourhood
from tests.giving.test_grants import House
from tests.requests.scene import Scene as Requests
from tests.world import NOW, make_branch, make_member
from timebank.agreements.service import remind_of_promises
from timebank.attendance.service import remind_branch
from timebank.clearing.service.cases import Found, open_case
from timebank.core import clock
from timebank.exchange.service import remind_of_lapsing
from timebank.members.models import Member, RoleGrant
from timebank.members.queries import list_deciding
from timebank.notices.models import Notice

DAY = timedelta(days=1)


def leave_administrators(session: Session, branch_id: int) -> Member:
    """No manager reaches the branch any more; an administrator of another one does."""
    session.execute(
        sa.update(RoleGrant)
        .where(RoleGrant.branch_id == branch_id, RoleGrant.role == "manager")
        .values(ended_at=NOW - DAY)
    )
    session.expire_all()
    return make_member(session, make_branch(session, "ADM"), "沃静波", roles=("administrator",))


def told(session: Session, member_id: int, kind: str) -> int:
    found = sa.select(sa.func.count()).where(Notice.member_id == member_id, Notice.kind == kind)
    return session.scalar(found) or 0


def test_managers_decide_and_administrators_where_no_other_manager_is_left(session: Session) -> None:
    branch = make_branch(session)
    first, second = (make_member(session, branch, roles=("manager",)) for _ in range(2))
    boss = make_member(session, branch, roles=("administrator",))
    assert sorted(list_deciding(session, branch.id)) == sorted([first.id, second.id])
    assert list_deciding(session, branch.id, without={first.id}) == [second.id]
    assert list_deciding(session, branch.id, without={first.id, second.id, None}) == [boss.id]
    assert list_deciding(session, branch.id, without={first.id, second.id, boss.id}) == []


def _grant(session: Session) -> tuple[int, str]:
    """The one manager asks; somebody else has to agree."""
    house = House(session)
    session.execute(sa.update(RoleGrant).where(RoleGrant.member_id == house.second.id).values(ended_at=NOW - DAY))
    boss = make_member(session, make_branch(session, "ADM"), roles=("administrator",))
    house.ask()
    return boss.id, "grant.asked"


def _case(session: Session) -> tuple[int, str]:
    between = Between(session)
    boss = leave_administrators(session, between.branches[0].id)
    open_case(session, between.pair, Found(kind="unpaid", facts="x", key="x"), now=NOW)
    return boss.id, "clearing.case"


def _licence(session: Session) -> tuple[int, str]:
    scene = Neighbourhood(session)
    boss = leave_administrators(session, scene.branch.id)
    scene.service("法律咨询", category="legal", licence="律师执业证 13302")
    return boss.id, "offer.to_check"


def _order(session: Session) -> tuple[int, str]:
    """What the branch itself offers is answered by whoever decides there."""
    scene = Neighbourhood(session)
    offer = scene.service("代收快递", category="other", by=scene.manager, branch_id=scene.branch.id)
    boss = leave_administrators(session, scene.branch.id)
    scene.order(offer)
    return boss.id, "order.requested"


def _lapsing(session: Session) -> tuple[int, str]:
    scene = Neighbourhood(session)
    scene.goods("戏票", stock=3, valid_until=clock.today(NOW))
    boss = leave_administrators(session, scene.branch.id)
    remind_of_lapsing(session, now=NOW)
    return boss.id, "offer.lapsing"


def _asked(session: Session) -> tuple[int, str]:
    scene = Requests(session)
    boss = leave_administrators(session, scene.branch.id)
    scene.ask()
    return boss.id, "request.to_check"


def _overdue(session: Session) -> tuple[int, str]:
    scene = make_services(session)
    scene.attend(session, 0)
    boss = leave_administrators(session, scene.branch.id)
    remind_branch(session, scene.branch.id, now=clock.instant(clock.today(NOW) + 16 * DAY, NOW.time()))
    return boss.id, "service.overdue"


def _promise(session: Session) -> tuple[int, str]:
    scene = make_agreements(session)
    agreement, _, _ = scene.signed()
    boss = leave_administrators(session, agreement.branch_id)
    remind_of_promises(session, agreement.branch_id, now=NOW + 400 * DAY)
    return boss.id, ""


@pytest.mark.parametrize("cause", [_grant, _case, _licence, _order, _lapsing, _asked, _overdue, _promise])
def test_without_a_manager_the_administrators_are_told(
    session: Session, cause: Callable[[Session], tuple[int, str]]
) -> None:
    member_id, kind = cause(session)
    kinds: list[Any] = list(session.scalars(sa.select(Notice.kind).where(Notice.member_id == member_id)))
    assert kinds, "nobody was told"
    assert not kind or kind in kinds
