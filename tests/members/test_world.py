"""The small world of the tests is what it says."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests.world import actor_of, make_branch, make_member


def test_a_member_has_accounts_a_card_and_roles(session: Session) -> None:
    branch = make_branch(session)
    member = make_member(session, branch, "张小红", roles=("organiser",))
    assert member.coin_account_id
    assert member.point_account_id
    assert member.number.startswith("HL")
    actor = actor_of(session, member)
    assert actor.roles == {"volunteer", "organiser"}
    assert actor.may("activity.post", branch_id=branch.id)
    assert not actor.may("activity.post", branch_id=make_branch(session, "DX").id)


def test_the_same_branch_twice_is_one(session: Session) -> None:
    assert make_branch(session).id == make_branch(session).id
