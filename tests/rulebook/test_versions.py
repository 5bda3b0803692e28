"""Saving versions: never backwards, never twice, never changed; refused with a sentence, and by the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.rulebook.saving import save_rule
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.rulebook.models import CoinRule
from timebank.rulebook.queries import find_rule, find_rules
from timebank.rulebook.rules import Settings
from timebank.rulebook.service import BadRule, NothingChanged, RuleDraft, add_rule

TODAY = date(2026, 11, 21)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def branch(session: Session) -> Branch:
    return make_branch(session)


@pytest.fixture
def manager(session: Session, branch: Branch) -> Actor:
    return actor_of(session, make_member(session, branch, "陈站长", roles=("manager",)))


def draft(branch: Branch, **more: Any) -> RuleDraft:
    plain: dict[str, Any] = {
        "branch_id": branch.id,
        "valid_from": TOMORROW,
        "settings": Settings(daily_cap_minutes=240),
        "reason": "网点会议决定",
        "form_key": "form-1",
    }
    return RuleDraft(**plain | more)


def test_a_version_says_who_when_why_and_from_which_day(session: Session, branch: Branch, manager: Actor) -> None:
    rule = add_rule(session, draft(branch), actor=manager, now=NOW)
    assert (rule.number, rule.valid_from, rule.reason) == (1, TOMORROW, "网点会议决定")
    assert (rule.created_by_id, rule.created_by_name, rule.created_at) == (manager.member_id, "陈站长", NOW)
    assert find_rule(session, branch.id, TODAY).name == "rules/0"
    assert find_rule(session, branch.id, TOMORROW).name == "rules/BL/1"
    assert find_rule(session, branch.id, TOMORROW).daily_cap_minutes == 240


def test_versions_are_numbered_by_branch(session: Session, branch: Branch) -> None:
    other = make_branch(session, "CX")
    numbers = [save_rule(session, at.id, TOMORROW, now=NOW, points_per_hour=p).number
               for at, p in ((branch, 11), (branch, 12), (other, 13))]  # fmt: skip
    assert numbers == [1, 2, 1]
    rules = find_rules(session, [branch.id, other.id], TOMORROW)
    assert {one.name for one in rules.values()} == {"rules/BL/2", "rules/CX/1"}


def test_sending_the_form_again_finds_the_first(session: Session, branch: Branch, manager: Actor) -> None:
    first = add_rule(session, draft(branch), actor=manager, now=NOW)
    later = NOW + timedelta(days=30)  # also when its day has come meanwhile
    assert add_rule(session, draft(branch), actor=manager, now=later).id == first.id
    with pytest.raises(FormUsed):
        add_rule(session, draft(branch, reason="别的原因"), actor=manager, now=NOW)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"valid_from": TODAY}, "valid_from"),
        ({"valid_from": TODAY - timedelta(days=1)}, "valid_from"),
        ({"valid_from": TODAY + timedelta(days=371)}, "valid_from"),
        ({"reason": "  "}, "reason"),
        ({"settings": Settings(points_per_hour=0)}, "points_per_hour"),
        ({"settings": Settings(points_per_hour=1001)}, "points_per_hour"),
        ({"settings": Settings(daily_cap_minutes=0)}, "daily_cap"),
        ({"settings": Settings(holding_cap_minutes=-1)}, "holding_cap"),
        ({"settings": Settings(first_redemption_minutes=-1)}, "first_redemption"),
        ({"settings": Settings(expiry_months=0)}, "expiry_months"),
        ({"settings": Settings(expiry_months=121)}, "expiry_months"),
    ],
)
def test_what_is_refused_is_said_at_its_field(
    session: Session, branch: Branch, manager: Actor, changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadRule) as refused:
        add_rule(session, draft(branch, **changed), actor=manager, now=NOW)
    assert list(refused.value.fields) == [field]


def test_a_version_has_to_change_something(session: Session, branch: Branch, manager: Actor) -> None:
    with pytest.raises(NothingChanged):
        add_rule(session, draft(branch, settings=Settings()), actor=manager, now=NOW)
    first = draft(branch)
    add_rule(session, first, actor=manager, now=NOW)
    with pytest.raises(NothingChanged):
        add_rule(session, replace(first, form_key="form-2"), actor=manager, now=NOW)
    back = replace(first, form_key="form-3", settings=Settings())  # before its day has come, it can be taken back
    assert add_rule(session, back, actor=manager, now=NOW).number == 2


@pytest.mark.parametrize("role", ["organiser", "inspector"])
def test_only_managers_change_rules(session: Session, branch: Branch, role: str) -> None:
    actor = actor_of(session, make_member(session, branch, roles=(role,)))
    with pytest.raises(NotAllowed):
        add_rule(session, draft(branch), actor=actor, now=NOW)


def test_a_manager_of_another_branch_changes_nothing_here(session: Session, branch: Branch) -> None:
    stranger = actor_of(session, make_member(session, make_branch(session, "CX"), roles=("manager",)))
    with pytest.raises(NotAllowed):
        add_rule(session, draft(branch), actor=stranger, now=NOW)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE coin_rule SET points_per_hour = 99",
        "UPDATE coin_rule SET valid_from = '2026-01-01'",
        "DELETE FROM coin_rule",
        "INSERT INTO coin_rule (branch_id, number, valid_from, points_per_hour, first_redemption_minutes,"
        " group_hours_give_away, reason, created_by_name, created_at, form_key)"
        " SELECT branch_id, 9, '2026-11-21', 10, 0, false, 'x', 'x', created_at, 'attack' FROM coin_rule",
        "INSERT INTO coin_rule (branch_id, number, valid_from, points_per_hour, first_redemption_minutes,"
        " group_hours_give_away, reason, created_by_name, created_at, form_key)"
        " SELECT branch_id, number, '2026-12-21', 10, 0, false, 'x', 'x', created_at, 'attack' FROM coin_rule",
    ],
)
def test_the_database_refuses_to_change_the_past(session: Session, branch: Branch, attack: str) -> None:
    save_rule(session, branch.id, TOMORROW, now=NOW, points_per_hour=11)
    with pytest.raises(sa.exc.DBAPIError), session.begin_nested():
        session.execute(sa.text(attack))
    assert session.scalar(sa.select(sa.func.count()).select_from(CoinRule)) == 1


def test_a_day_begins_in_shanghai_for_the_database_too(session: Session, branch: Branch) -> None:
    late = NOW.replace(hour=17)  # 01:00 of the 22nd in Shanghai
    with pytest.raises(BadRule):
        save_rule(session, branch.id, TOMORROW, now=late, points_per_hour=11)
    assert save_rule(session, branch.id, TOMORROW + timedelta(days=1), now=late, points_per_hour=11).number == 1
