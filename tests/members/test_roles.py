"""Who may give which role where, and what an actor then reaches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.world import NOW, actor_of, make_branch, make_member
from timebank.branches.models import Area
from timebank.branches.queries import AreaNotFound, BranchNotFound
from timebank.core.actor import SYSTEM
from timebank.core.errors import Refusal
from timebank.members import queries
from timebank.members.models import Member, RoleGrant
from timebank.members.queries import MemberNotActive
from timebank.members.rules import EVERYWHERE, Place
from timebank.members.rules.roles import GRANTED, grantable_roles
from timebank.members.service import (
    LastAdministrator,
    NotGrantable,
    end_role,
    grant_role,
    suspend_member,
)
from timebank.members.service.roles import NotARole, OnlyEverywhere


@pytest.mark.parametrize(
    ("giver", "role", "here", "there"),
    [
        ("administrator", "organiser", True, True),
        ("administrator", "manager", True, True),
        ("administrator", "inspector", True, True),
        ("manager", "organiser", True, False),
        ("manager", "manager", True, False),
        ("manager", "inspector", False, False),
        ("organiser", "organiser", False, False),
        ("inspector", "inspector", False, False),
        ("volunteer", "organiser", False, False),
    ],
)
def test_nobody_gives_what_they_do_not_hold(session: Session, giver: str, role: str, here: bool, there: bool) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    roles = () if giver == "volunteer" else (giver,)
    actor = actor_of(session, make_member(session, branch, roles=roles))
    target = make_member(session, branch)
    for place, allowed in ((branch, here), (other, there)):
        if allowed:
            assert grant_role(session, target.id, role, Place(branch_id=place.id), actor=actor, now=NOW).id
        else:
            with pytest.raises(NotGrantable):
                grant_role(session, target.id, role, Place(branch_id=place.id), actor=actor, now=NOW)


def test_only_administrators_make_administrators_and_give_for_areas(session: Session) -> None:
    branch = make_branch(session)
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    target = make_member(session, branch)
    for role, place in (
        ("administrator", EVERYWHERE),
        ("organiser", EVERYWHERE),
        ("organiser", Place(area_id=branch.area_id)),
    ):
        with pytest.raises(NotGrantable):
            grant_role(session, target.id, role, place, actor=manager, now=NOW)
    assert grantable_roles(manager, branch.id) == ["grid_worker", "organiser", "manager"]
    assert grantable_roles(SYSTEM, branch.id) == ["grid_worker", "organiser", "manager", "inspector"]


def test_a_role_for_an_area_reaches_the_branches_in_it(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    district = session.scalars(select(Area).where(Area.code == "330206")).one()
    inspector = make_member(session, branch)
    grant_role(session, inspector.id, "inspector", Place(area_id=district.id), actor=SYSTEM, now=NOW)
    actor = actor_of(session, inspector)
    assert actor.branches("books.read") == {branch.id, other.id}
    assert [row[2] for row in queries.list_grants_at(session, other.id)] == ["北仑区"]
    assert [one.id for one in queries.list_staff(session, other.id, ["inspector"])] == [inspector.id]


def test_a_role_everywhere_reaches_branches_yet_to_come(session: Session) -> None:
    branch = make_branch(session)
    inspector = make_member(session, branch)
    grant_role(session, inspector.id, "inspector", EVERYWHERE, actor=SYSTEM, now=NOW)
    later = make_branch(session, "NEW")
    actor = actor_of(session, inspector)
    assert actor.branches("books.read") is None
    assert actor.may("books.read", branch_id=later.id)


def test_the_same_grant_twice_is_one(session: Session) -> None:
    branch = make_branch(session)
    member = make_member(session, branch)
    place = Place(branch_id=branch.id)
    first = grant_role(session, member.id, "organiser", place, actor=SYSTEM, now=NOW)
    assert grant_role(session, member.id, "organiser", place, actor=SYSTEM, now=NOW).id == first.id
    assert len(queries.list_grants(session, member.id)) == 1


def test_an_ended_role_stays_on_record_and_may_be_given_again(session: Session) -> None:
    branch = make_branch(session)
    member = make_member(session, branch, roles=("organiser",))
    (grant,) = queries.list_grants(session, member.id)
    for _ in range(2):
        end_role(session, grant.id, actor=SYSTEM, now=NOW)
    assert actor_of(session, member).roles == {"volunteer"}
    grant_role(session, member.id, "organiser", Place(branch_id=branch.id), actor=SYSTEM, now=NOW)
    assert len(session.scalars(select(RoleGrant).where(RoleGrant.member_id == member.id)).all()) == 2


def test_a_manager_ends_only_what_they_could_give(session: Session) -> None:
    branch = make_branch(session)
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    inspector = make_member(session, branch, roles=("inspector",))
    with pytest.raises(NotGrantable):
        end_role(session, queries.list_grants(session, inspector.id)[0].id, actor=manager, now=NOW)


def test_nobody_ends_the_last_administrator(session: Session) -> None:
    branch = make_branch(session)
    first = make_member(session, branch, roles=("administrator",))
    suspended = make_member(session, branch, roles=("administrator",))
    suspend_member(session, suspended.id, reason="停用", actor=SYSTEM, now=NOW)
    grant = queries.list_grants(session, first.id)[0]
    with pytest.raises(LastAdministrator):
        end_role(session, grant.id, actor=actor_of(session, first), now=NOW)
    make_member(session, branch, roles=("administrator",))
    assert end_role(session, grant.id, actor=actor_of(session, first), now=NOW).ended_at == NOW


def _pending(session: Session) -> Member:
    from tests.members.test_registration import apply

    return apply(session, make_branch(session))


def test_what_else_is_refused(session: Session) -> None:
    branch = make_branch(session)
    member = make_member(session, branch)
    cases: list[tuple[int, str, Place, type[Refusal]]] = [
        (member.id, "volunteer", Place(branch_id=branch.id), NotARole),
        (member.id, "king", Place(branch_id=branch.id), NotARole),
        (member.id, "", EVERYWHERE, NotARole),
        (member.id, "administrator", Place(branch_id=branch.id), OnlyEverywhere),
        (member.id, "organiser", Place(branch_id=999_999), BranchNotFound),
        (member.id, "organiser", Place(area_id=999_999), AreaNotFound),
        (_pending(session).id, "organiser", Place(branch_id=branch.id), MemberNotActive),
        (999_999, "organiser", Place(branch_id=branch.id), queries.MemberNotFound),
    ]
    for member_id, role, place, refusal in cases:
        with pytest.raises(refusal):
            grant_role(session, member_id, role, place, actor=SYSTEM, now=NOW)


def test_a_job_holding_no_role_gives_none(session: Session) -> None:
    member = make_member(session, make_branch(session))
    nobody = replace(SYSTEM, grants=())
    for role in GRANTED:
        with pytest.raises(NotGrantable):
            grant_role(session, member.id, role, EVERYWHERE, actor=nobody, now=NOW)
