"""Reads of areas and branches: the tree, what lies below a node, and what a branch is called."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from timebank.branches.models import LEVEL_NAMES, Area, AreaName, Branch
from timebank.branches.rules import name_on
from timebank.core.errors import NotFound


class AreaNotFound(NotFound):
    """No such area."""

    code = "branches.area_not_found"
    text = "没有找到这个区域。"


class BranchNotFound(NotFound):
    """No such branch."""

    code = "branches.branch_not_found"
    text = "没有找到这个网点。"


@dataclass(frozen=True, kw_only=True)
class AreaNode:
    """An area as a tree shows it. ``past_names`` are those it had before, oldest first."""

    id: int
    code: str
    level: str
    name: str
    past_names: tuple[str, ...]
    closed_on: date | None
    branches: tuple[Branch, ...]
    children: tuple[AreaNode, ...]

    @property
    def level_name(self) -> str:
        """The level in Chinese."""
        return LEVEL_NAMES[self.level]


def get_area(session: Session, area_id: int, *, lock: bool = False) -> Area:
    """The area, locked against closing and opening in it when ``lock``. Raises AreaNotFound."""
    area = session.get(Area, area_id, with_for_update=lock or None)
    if area is None:
        raise AreaNotFound()
    return area


def find_area_by_code(session: Session, code: str) -> Area | None:
    """The area with this official or local code."""
    return session.scalars(select(Area).where(Area.code == code)).one_or_none()


def area_name(area: Area, on: date) -> str:
    """What the area is called on a day."""
    return name_on([(name.valid_from, name.name) for name in area.names], on)


def area_path(session: Session, area_id: int, on: date) -> str:
    """The names from the district down, as an address is written: 北仑区新碶街道向阳社区."""
    names: list[str] = []
    area: Area | None = get_area(session, area_id)
    while area is not None and (area.level != "city" or not names):
        names.append(area_name(area, on))
        area = area.parent
    return "".join(reversed(names))


def list_area_ids_below(session: Session, area_ids: Collection[int]) -> set[int]:
    """The areas given and all areas below them."""
    if not area_ids:
        return set()
    below = select(Area.id).where(Area.id.in_(area_ids)).cte("below", recursive=True)
    below = below.union(select(Area.id).join(below, Area.parent_id == below.c.id))
    return set(session.scalars(select(below.c.id)))


def list_branch_ids_in(session: Session, area_ids: Collection[int]) -> set[int]:
    """The branches attached to these areas or to any area below them."""
    if not area_ids:
        return set()
    areas = list_area_ids_below(session, area_ids)
    return set(session.scalars(select(Branch.id).where(Branch.area_id.in_(areas))))


def count_open_below(session: Session, area_id: int) -> tuple[int, int]:
    """How many open areas lie directly below an area, and how many open branches are attached to it."""
    areas = select(func.count()).where(Area.parent_id == area_id, Area.closed_on.is_(None))
    branches = select(func.count()).where(Branch.area_id == area_id, Branch.closed_on.is_(None))
    return session.scalar(areas) or 0, session.scalar(branches) or 0


def find_branch(session: Session, branch_id: int) -> Branch | None:
    """The branch with this id."""
    return session.get(Branch, branch_id)


def get_branch(session: Session, branch_id: int) -> Branch:
    """The branch. Raises BranchNotFound."""
    branch = find_branch(session, branch_id)
    if branch is None:
        raise BranchNotFound()
    return branch


def find_branch_by_code(session: Session, code: str) -> Branch | None:
    """The branch with this code, in whatever case it was typed."""
    return session.scalars(select(Branch).where(Branch.code == code.strip().upper())).one_or_none()


def get_branch_by_code(session: Session, code: str) -> Branch:
    """The branch with this code, in whatever case it was typed. Raises BranchNotFound."""
    branch = find_branch_by_code(session, code)
    if branch is None:
        raise BranchNotFound()
    return branch


def list_branches(session: Session, within: Collection[int] | None = None, *, closed: bool = False) -> list[Branch]:
    """Branches by code, all or those ``within`` a set of ids; closed ones only when asked for."""
    statement = select(Branch).options(joinedload(Branch.area)).order_by(Branch.code)
    if within is not None:
        statement = statement.where(Branch.id.in_(within))
    if not closed:
        statement = statement.where(Branch.closed_on.is_(None))
    return list(session.scalars(statement))


def area_tree(session: Session, on: date) -> list[AreaNode]:
    """The whole tree as it is called on a day, by code. Two statements, whatever its size."""
    areas = session.scalars(select(Area).options(selectinload(Area.names)).order_by(Area.code)).all()
    below: dict[int | None, list[Area]] = {}
    for area in areas:
        below.setdefault(area.parent_id, []).append(area)
    attached: dict[int, list[Branch]] = {}
    for branch in list_branches(session, closed=True):
        attached.setdefault(branch.area_id, []).append(branch)

    def nodes(children: Iterable[Area]) -> tuple[AreaNode, ...]:
        return tuple(
            AreaNode(
                id=area.id,
                code=area.code,
                level=area.level,
                name=area_name(area, on),
                past_names=_past_names(area, on),
                closed_on=area.closed_on,
                branches=tuple(attached.get(area.id, ())),
                children=nodes(below.get(area.id, ())),
            )
            for area in children
        )

    return list(nodes(below.get(None, ())))


def area_node(session: Session, area_id: int, on: date) -> AreaNode:
    """One area as the tree shows it, with what lies below. Raises AreaNotFound."""
    waiting = area_tree(session, on)
    while waiting:
        node = waiting.pop()
        if node.id == area_id:
            return node
        waiting.extend(node.children)
    raise AreaNotFound()


def _past_names(area: Area, on: date) -> tuple[str, ...]:
    now_called = area_name(area, on)
    return tuple(dict.fromkeys(n.name for n in area.names if n.valid_from <= on and n.name != now_called))


def list_area_choices(session: Session, on: date) -> list[tuple[int, str]]:
    """Open areas for a pick list, indented by level: ``(id, "　北仑区")``."""
    choices: list[tuple[int, str]] = []

    def walk(nodes: Iterable[AreaNode], depth: int) -> None:
        for node in nodes:
            if node.closed_on is None:
                choices.append((node.id, f"{'　' * depth}{node.name}"))
                walk(node.children, depth + 1)

    walk(area_tree(session, on), 0)
    return choices


def find_areas(session: Session, text: str) -> list[Area]:
    """Areas whose code begins with ``text`` or that are or were called so, by code; at most 50."""
    named = select(AreaName.area_id).where(AreaName.name.contains(text, autoescape=True))
    statement = select(Area).where(Area.code.startswith(text, autoescape=True) | Area.id.in_(named))
    return list(session.scalars(statement.options(selectinload(Area.names)).order_by(Area.code).limit(50)))
