"""Areas and branches: adding, renaming, closing, opening, and every refusal."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.world import NOW, actor_of, make_areas, make_branch, make_member
from timebank.branches import queries
from timebank.branches.models import Area
from timebank.branches.rules import BadAreaCode, BadBranchCode
from timebank.branches.service import (
    AreaClosed,
    AreaCodeTaken,
    AreaDraft,
    AreaInUse,
    BranchCodeTaken,
    BranchDraft,
    WrongLevel,
    add_area,
    change_branch,
    close_area,
    open_branch,
    rename_area,
)
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed

TODAY = date(2026, 11, 21)


def add(session: Session, code: str, name: str, parent: Area | None) -> Area:
    draft = AreaDraft(code=code, name=name, parent_id=parent.id if parent else None)
    return add_area(session, draft, actor=SYSTEM, now=NOW)


def test_a_grid_hangs_below_its_community_with_a_local_code(session: Session) -> None:
    community = make_areas(session)
    grid = add(session, "05", "第五网格", community)
    assert (grid.code, grid.level, grid.parent_id) == ("330206003005-05", "grid", community.id)
    assert queries.area_path(session, grid.id, TODAY) == "北仑区新碶街道向阳社区第五网格"


def test_adding_the_same_area_again_answers_like_the_first_time(session: Session) -> None:
    community = make_areas(session)
    assert add(session, "05", "第五网格", community).id == add(session, "05", "第五网格", community).id


def test_a_code_has_one_area(session: Session) -> None:
    community = make_areas(session)
    add(session, "05", "第五网格", community)
    with pytest.raises(AreaCodeTaken):
        add(session, "05", "另一个网格", community)


def test_a_child_code_extends_its_parents(session: Session) -> None:
    community = make_areas(session)
    assert community.parent is not None
    with pytest.raises(BadAreaCode, match="330206003"):
        add(session, "330206004001", "外街社区", community.parent)


def test_nothing_hangs_below_a_grid(session: Session) -> None:
    grid = add(session, "05", "第五网格", make_areas(session))
    with pytest.raises(WrongLevel):
        add(session, "1", "更小的", grid)


def test_a_renamed_area_is_found_under_both_names(session: Session) -> None:
    community = make_areas(session)
    rename_area(session, community.id, name="朝阳社区", valid_from=TODAY, actor=SYSTEM, now=NOW)
    for name in ("向阳", "朝阳社区", "330206003005"):
        assert community.id in {area.id for area in queries.find_areas(session, name)}
    assert queries.area_name(community, TODAY) == "朝阳社区"
    assert queries.area_node(session, community.id, TODAY).past_names == ("向阳社区",)


def test_a_name_may_begin_later(session: Session) -> None:
    community = make_areas(session)
    rename_area(session, community.id, name="朝阳社区", valid_from=TODAY + timedelta(days=10), actor=SYSTEM, now=NOW)
    assert queries.area_name(community, TODAY) == "向阳社区"
    assert queries.area_name(community, TODAY + timedelta(days=10)) == "朝阳社区"


def test_renaming_to_the_present_name_adds_nothing(session: Session) -> None:
    community = make_areas(session)
    for _ in range(2):
        rename_area(session, community.id, name="朝阳社区", valid_from=TODAY, actor=SYSTEM, now=NOW)
    assert [name.name for name in community.names] == ["向阳社区", "朝阳社区"]


def test_an_area_in_use_stays_open(session: Session) -> None:
    branch = make_branch(session)
    with pytest.raises(AreaInUse, match="1 个网点"):
        close_area(session, branch.area_id, actor=SYSTEM, now=NOW)
    assert branch.area.parent is not None
    with pytest.raises(AreaInUse, match="1 个区域"):
        close_area(session, branch.area.parent.id, actor=SYSTEM, now=NOW)


def test_a_closed_area_takes_nothing_new_but_is_found(session: Session) -> None:
    community = make_areas(session)
    grid = add(session, "05", "第五网格", community)
    for _ in range(2):
        close_area(session, grid.id, actor=SYSTEM, now=NOW)
    close_area(session, community.id, actor=SYSTEM, now=NOW)
    with pytest.raises(AreaClosed):
        add(session, "06", "第六网格", community)
    with pytest.raises(AreaClosed):
        rename_area(session, community.id, name="朝阳社区", valid_from=TODAY, actor=SYSTEM, now=NOW)
    with pytest.raises(AreaClosed):
        open_branch(session, BranchDraft(code="X", name="新网点", area_id=community.id), actor=SYSTEM, now=NOW)
    assert queries.find_areas(session, "第五网格")[0].id == grid.id
    assert grid.id not in dict(queries.list_area_choices(session, TODAY))


def test_only_administrators_change_the_tree(session: Session) -> None:
    branch = make_branch(session)
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    with pytest.raises(NotAllowed):
        add_area(session, AreaDraft(code="07", name="第七网格", parent_id=branch.area_id), actor=manager, now=NOW)
    with pytest.raises(NotAllowed):
        rename_area(session, branch.area_id, name="改名", valid_from=TODAY, actor=manager, now=NOW)
    with pytest.raises(NotAllowed):
        close_area(session, branch.area_id, actor=manager, now=NOW)
    with pytest.raises(NotAllowed):
        open_branch(session, BranchDraft(code="X", name="新网点", area_id=branch.area_id), actor=manager, now=NOW)


def test_a_branch_has_books_of_its_own(session: Session) -> None:
    branch = make_branch(session, "BL")
    other = make_branch(session, "DX")
    assert branch.id != other.id
    assert queries.get_branch_by_code(session, " bl ").id == branch.id
    assert [found.code for found in queries.list_branches(session)] == ["BL", "DX"]
    assert [found.code for found in queries.list_branches(session, {other.id})] == ["DX"]


def test_a_branch_code_has_one_branch(session: Session) -> None:
    branch = make_branch(session, "BL")
    with pytest.raises(BranchCodeTaken):
        open_branch(session, BranchDraft(code="bl", name="另一个", area_id=branch.area_id), actor=SYSTEM, now=NOW)
    with pytest.raises(BadBranchCode):
        open_branch(session, BranchDraft(code="北仑", name="另一个", area_id=branch.area_id), actor=SYSTEM, now=NOW)


def test_a_manager_changes_their_own_branch_only(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    changed = change_branch(session, branch.id, name="新名字", address="新地址", phone="0574-1", actor=manager)
    assert changed.name == "新名字"
    with pytest.raises(NotAllowed):
        change_branch(session, other.id, name="新名字", address="", phone="", actor=manager)


def test_branches_are_found_below_any_area_above_them(session: Session) -> None:
    branch = make_branch(session)
    city = session.scalars(select(Area).where(Area.code == "330200")).one()
    elsewhere = add(session, "330300", "温州市", None)
    assert queries.list_branch_ids_in(session, [city.id]) == {branch.id}
    assert queries.list_branch_ids_in(session, [elsewhere.id]) == set()
    assert queries.list_branch_ids_in(session, []) == set()


def test_the_tree_is_two_statements_deep_and_ordered_by_code(session: Session) -> None:
    branch = make_branch(session)
    add(session, "06", "第六网格", branch.area)
    add(session, "05", "第五网格", branch.area)
    (city,) = queries.area_tree(session, TODAY)
    community = city.children[0].children[0].children[0]
    assert [grid.name for grid in community.children] == ["第五网格", "第六网格"]
    assert [found.code for found in community.branches] == [branch.code]
