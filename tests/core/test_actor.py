"""How far roles reach: own, branch, all; and nothing that the table does not say."""

import pytest

from timebank.core.actor import SYSTEM, Actor, Grant
from timebank.core.errors import NotAllowed
from timebank.core.permissions import PERMISSIONS, ROLES


def actor(role: str, *branches: int, member_id: int = 7) -> Actor:
    return Actor(member_id=member_id, grants=(Grant(role=role, branch_ids=frozenset(branches)),))


def test_the_table_names_only_known_roles_and_reaches():
    for row in PERMISSIONS.values():
        assert set(row) <= set(ROLES)
        assert set(row.values()) <= {"own", "branch", "all"}


def test_a_branch_role_reaches_its_branch_and_no_other():
    organiser = actor("organiser", 1)
    assert organiser.may("activity.change", branch_id=1)
    assert not organiser.may("activity.change", branch_id=2)
    assert organiser.branches("activity.change") == {1}


def test_an_own_permission_reaches_own_things_only():
    volunteer = actor("volunteer", 1)
    assert volunteer.may("order.own", owner_id=7)
    assert not volunteer.may("order.own", owner_id=8)
    assert not volunteer.may("order.own", branch_id=1)
    assert volunteer.branches("order.own") == frozenset()


def test_an_administrator_reaches_everywhere():
    assert actor("administrator", 1).may("branch.change", branch_id=99)
    assert actor("administrator").branches("branch.change") is None


def test_a_role_that_is_not_in_a_row_has_no_right():
    with pytest.raises(NotAllowed):
        actor("inspector", 1).require("archive.close", branch_id=1)


def test_roles_add_up():
    both = Actor(
        member_id=7,
        grants=(Grant(role="organiser", branch_ids=frozenset({1})), Grant(role="manager", branch_ids=frozenset({2}))),
    )
    assert both.branches("activity.post") == {1, 2}
    assert both.branches("archive.close") == {2}


def test_a_misspelt_permission_is_a_bug_and_not_a_no():
    with pytest.raises(KeyError):
        actor("manager", 1).may("archive.closed")


def test_the_system_may_what_an_administrator_may():
    SYSTEM.require("archive.close", branch_id=3)


INSPECTING = {"evidence.make", "sample.draw", "retention.hold", "retention.release"}  # an inspector's own acts


def test_nobody_who_only_reads_can_change_what_they_inspect():
    changing = [name for name in PERMISSIONS if not name.endswith(".read") and name not in INSPECTING]
    assert all("inspector" not in PERMISSIONS[name] for name in changing)
