"""The area tree: adding, renaming and closing its nodes. Nothing in it is ever deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.branches.models import LEVEL_NAMES, Area, AreaName
from timebank.branches.queries import count_open_below, get_area
from timebank.branches.rules import CHILD_LEVEL, area_code, name_on
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid


class AreaCodeTaken(Conflict):
    """The code belongs to another area."""

    code = "branches.area_code_taken"
    text = "代码 {area_code} 已经是“{name}”的。请核对官方代码。"


class WrongLevel(Invalid):
    """Grids have nothing below them."""

    code = "branches.wrong_level"
    text = "网格下面不再分级。"


class AreaClosed(Conflict):
    """The area was closed before."""

    code = "branches.area_closed"
    text = "“{name}”已于 {closed_on} 停用，不能再改。"


class AreaInUse(Conflict):
    """Areas or branches in it are still open."""

    code = "branches.area_in_use"
    text = "“{name}”下面还有 {areas} 个区域、{branches} 个网点在用，请先处理它们，再停用。"


@dataclass(frozen=True, kw_only=True)
class AreaDraft:
    """An area about to be added below ``parent_id`` (None: a city); ``code`` as typed, official or local."""

    code: str
    name: str
    parent_id: int | None = None
    valid_from: date | None = None


def add_area(session: Session, draft: AreaDraft, *, actor: Actor, now: datetime) -> Area:
    """Add an area one level below its parent, or find the one already there under this code, parent and name.

    Raises BadAreaCode, WrongLevel, AreaClosed, AreaCodeTaken.
    """
    actor.require("area.change")
    parent = get_area(session, draft.parent_id) if draft.parent_id is not None else None
    today = clock.today(now)
    if parent is not None:
        _require_open(parent, today)
    level = CHILD_LEVEL.get(parent.level if parent else None)
    if level is None:
        raise WrongLevel(fields={"parent_id": WrongLevel.text})
    code = area_code(draft.code, level=level, parent_code=parent.code if parent else None)
    values = {"code": code, "level": level, "parent_id": draft.parent_id}
    added = session.scalar(insert_once(session, Area).values(**values).returning(Area.id))
    if added is None:
        return _same_area(session, code, draft)
    session.add(AreaName(area_id=added, name=draft.name, valid_from=draft.valid_from or today))
    session.flush()
    return get_area(session, added)


def _same_area(session: Session, code: str, draft: AreaDraft) -> Area:
    """The area under ``code`` when it is the one meant: a form sent twice is answered like the first time."""
    found = session.scalars(select(Area).where(Area.code == code)).one()
    last = found.names[-1].name
    if found.parent_id != draft.parent_id or draft.name != last:
        raise AreaCodeTaken(area_code=code, name=f"{LEVEL_NAMES[found.level]} {last}")
    return found


def rename_area(session: Session, area_id: int, *, name: str, valid_from: date, actor: Actor, now: datetime) -> Area:
    """Give an area a new name from a day on; the old ones stay findable. The name it already has changes nothing."""
    actor.require("area.change")
    area = get_area(session, area_id)
    _require_open(area, clock.today(now))
    if name_on([(n.valid_from, n.name) for n in area.names], valid_from) != name:
        area.names.append(AreaName(name=name, valid_from=valid_from))
        session.flush()
        session.expire(area, ["names"])
    return area


def close_area(session: Session, area_id: int, *, actor: Actor, now: datetime) -> Area:
    """Take an area out of use from today. Refuses while areas or branches in it are open; a repeat changes nothing."""
    actor.require("area.change")
    area = get_area(session, area_id, lock=True)
    if area.closed_on is not None:
        return area
    areas, branches = count_open_below(session, area_id)
    if areas or branches:
        raise AreaInUse(name=area.names[-1].name, areas=areas, branches=branches)
    area.closed_on = clock.today(now)
    session.flush()
    return area


def _require_open(area: Area, today: date) -> None:
    if area.closed_on is not None:
        name = name_on([(n.valid_from, n.name) for n in area.names], today)
        raise AreaClosed(name=name, closed_on=area.closed_on)
