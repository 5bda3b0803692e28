"""The bar: what each role finds in it, and which entry is marked."""

from __future__ import annotations

import pytest

from timebank.core.actor import Actor, Grant
from timebank.desks.navigation import navigation


def actor(*roles: str) -> Actor:
    grants = tuple(Grant(role=role, branch_ids=frozenset({1})) for role in ("volunteer", *roles))
    return Actor(member_id=7, branch_id=1, grants=grants)


@pytest.mark.parametrize(
    ("who", "labels"),
    [
        (None, ["首页", "活动", "兑换"]),
        (actor(), ["首页", "活动", "点单", "兑换", "我的"]),
        (actor("organiser"), ["首页", "活动", "组织活动", "我的", "派单", "兑换"]),
    ],
)
def test_few_entries_for_most_people(who: Actor | None, labels: list[str]) -> None:
    assert [tab.label for tab in navigation(who, "/")] == labels


@pytest.mark.parametrize("role", ["manager", "inspector", "administrator"])
def test_the_first_four_of_staff_hold_what_they_do_most(role: str) -> None:
    tabs = navigation(actor(role), "/branch")
    assert {"首页", "我的", "网点"} <= {tab.label for tab in tabs[:4]}
    assert len({tab.url for tab in tabs}) == len(tabs)


def test_nobody_is_shown_what_they_may_not_open() -> None:
    assert "物品与服务" not in [tab.label for tab in navigation(actor("inspector"), "/")]


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/", "首页"),
        ("/me/statement", "我的"),
        ("/branch", "网点"),
        ("/branch/archives/BL/2026-08", "月度归档"),
        ("/branch/settings", "网点"),
        ("/organise/approvals", "审批"),
        ("/organise/shifts/3/door", "组织活动"),
        ("/branch/requests", "派单"),
        ("/requests/3", "点单"),
        ("/menu", ""),
    ],
)
def test_the_entry_nearest_to_the_page_is_marked(path: str, marked: str) -> None:
    assert "".join(tab.label for tab in navigation(actor("manager"), path) if tab.current) == marked
