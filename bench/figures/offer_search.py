"""``offer_search_*``: a page of what can be redeemed among 100,000 offers, beside the same page by hand-written SQL.

A city of four districts with a hundred communities and four hundred grids; twenty branches, 2,000 people who give
something, a third of it shared with everybody. A member of one branch looks from their grid: at the first page
(``all``), at the third (``later``), within the street (``near``), for a category below a price (``filtered``), for a
word that one offer in a thousand says (``words``) and for one that none says (``nothing``).

By hand is one statement, told which areas lie how near, and one for the ratings; it reads what a page shows.
Both sides have to find the same offers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.harness import compare
from bench.town import people
from tests import databases
from tests.world import NOW
from timebank.branches.models import Area
from timebank.branches.service import AreaDraft, BranchDraft, add_area, open_branch
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import write_session
from timebank.exchange.models import SERVICE_CATEGORIES, Offer
from timebank.exchange.queries import OfferFilter, list_offers
from timebank.exchange.rules import LICENSED

OFFERS, BRANCHES, GIVERS = 100_000, 20, 2_000
TODAY = clock.today(NOW)
OFFER = cast(sa.Table, Offer.__table__)
_WORDS = (
    "上门",
    "耐心",
    "周末可以",
    "老手艺",
    "自带工具",
    "先打电话",
    "不怕脏",
    "会说宁波话",
    "离地铁近",
    "可以早上来",
)
_RARE = "修雨伞"


@dataclass(frozen=True, kw_only=True)
class Looking:
    """Who looks, from where, and which areas lie how near, as the hand-written side is told."""

    branch_id: int
    grid: int
    near: tuple[tuple[int, ...], ...]  # community, street, district, city: each with those before
    wanted: dict[str, dict[str, Any]]


def measure() -> None:
    databases.begin_run()
    try:
        for name, short in (("sqlite", "sqlite"), ("postgresql", "pg")):
            with databases.fresh(name) as url:
                engine = databases.make_engine(url)
                looking = _build(engine)
                for scene in looking.wanted:
                    _same(engine, looking, scene)
                    ours, by_hand = partial(_ours, engine, looking, scene), partial(_by_hand, engine, looking, scene)
                    compare(f"offer_search_{scene}_{short}", "s", _timed(ours), _timed(by_hand))
                engine.dispose()
    finally:
        databases.end_run()


def _timed(work: Callable[[], object], times: int = 5) -> Callable[[], float]:
    def measured() -> float:
        start = time.perf_counter()
        for _ in range(times):
            work()
        return (time.perf_counter() - start) / times

    return measured


def _build(engine: sa.Engine) -> Looking:
    luck = random.Random(2012)
    with Session(engine) as session, write_session(session):
        grids, streets = _areas(session)
        branches = []
        for number in range(BRANCHES):
            draft = BranchDraft(
                code=f"B{number}", name=f"第 {number} 站", area_id=streets[number], address="", phone=""
            )
            branches.append(open_branch(session, draft, actor=SYSTEM, now=NOW))
        givers = {one.id: people(session, one, GIVERS // BRANCHES, now=NOW) for one in branches}
        homes = {one.id: one.area_id for one in branches}
        rows = [_offer(luck, number, givers, homes, grids) for number in range(OFFERS)]
        for at in range(0, OFFERS, 5_000):
            session.execute(sa.insert(OFFER), rows[at : at + 5_000])
        looking = _looking(session, branches[7].id, branches[7].area_id, grids)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return looking


def _areas(session: Session) -> tuple[list[int], list[int]]:
    """The ids of all grids and of all streets."""

    def below(parent: Area | None, count: int) -> list[Area]:
        made = []
        for number in range(1, count + 1):
            draft = AreaDraft(code=_code(parent, number), name="某地", parent_id=parent.id if parent else None)
            made.append(add_area(session, draft, actor=SYSTEM, now=NOW))
        return made

    [city] = below(None, 1)
    streets = [street for district in below(city, 4) for street in below(district, 5)]
    communities = [one for street in streets for one in below(street, 5)]
    return [grid.id for one in communities for grid in below(one, 4)], [one.id for one in streets]


def _code(parent: Area | None, number: int) -> str:
    """A code as long as its level asks for."""
    if parent is None:
        return "330200"
    if parent.level == "community":
        return f"{number:02}"
    return f"3302{number:02}" if parent.level == "city" else f"{parent.code}{number:03}"


def _offer(
    luck: random.Random, number: int, givers: dict[int, list[int]], homes: dict[int, int], grids: list[int]
) -> dict[str, Any]:
    branch_id = luck.choice(list(givers))
    category = luck.choice([one for one in SERVICE_CATEGORIES if one not in LICENSED])
    area_id = luck.choice(grids) if luck.random() < 0.3 else None
    title = f"{SERVICE_CATEGORIES[category]} {number}"
    description = "，".join(luck.sample(_WORDS, 5)) + (f"，{_RARE}" if luck.random() < 0.001 else "")
    return {
        "branch_id": branch_id,
        "provider_id": luck.choice(givers[branch_id]),
        "kind": "service",
        "category": category,
        "title": title,
        "description": description,
        "place": "",
        "price_minutes": luck.choice((30, 60, 90, 120)),
        "licence": "",
        "area_id": area_id,
        "home_id": area_id if area_id is not None else homes[branch_id],
        "valid_until": TODAY + timedelta(days=luck.randint(-20, 200)) if luck.random() < 0.5 else None,
        "status": "listed" if luck.random() < 0.95 else "paused",
        "shared_with": "all" if luck.random() < 0.33 else "branch",
        "words": f"{title}\n{SERVICE_CATEGORIES[category]}\n{description}\n".lower(),
        "hours": "",
        "form_key": f"offer-{number}",
        "created_at": NOW,
    }


def _looking(session: Session, branch_id: int, street_id: int, grids: list[int]) -> Looking:
    grid = next(one for one in grids if _above(session, one)[2] == street_id)
    above = _above(session, grid)
    near = tuple(tuple(_below(session, root)) for root in above[1:])
    wanted: dict[str, dict[str, Any]] = {
        "all": {},
        "later": {"number": 3},
        "near": {"near": "street"},
        "filtered": {"category": "repair", "most_minutes": 60},
        "words": {"text": _RARE},
        "nothing": {"text": "没有人说"},
    }
    return Looking(branch_id=branch_id, grid=grid, near=near, wanted=wanted)


def _above(session: Session, area_id: int) -> list[int]:
    area: Area | None = session.get_one(Area, area_id)
    found = []
    while area is not None:
        found.append(area.id)
        area = area.parent
    return found


def _below(session: Session, root: int) -> list[int]:
    below = [root]
    for parent in below:
        below += session.scalars(sa.select(Area.id).where(Area.parent_id == parent)).all()
    return below


def _ours(engine: sa.Engine, looking: Looking, scene: str) -> list[int]:
    asked = dict(looking.wanted[scene])
    number = asked.pop("number", 1)
    wanted = OfferFilter(branch_id=looking.branch_id, home_id=looking.grid, **asked)
    with Session(engine) as session:
        rows = list_offers(session, wanted, today=TODAY, number=number).items
        for row in rows:
            assert row.offer.title
            assert row.offer.given_by
            assert row.score is not None
        return [row.offer.id for row in rows]


def _by_hand(engine: sa.Engine, looking: Looking, scene: str) -> list[int]:
    asked = looking.wanted[scene]
    tiers = [f"o.home_id IN ({','.join(map(str, areas))})" for areas in looking.near]
    distance = "CASE " + " ".join(f"WHEN {tier} THEN {at}" for at, tier in enumerate(tiers)) + " ELSE 9 END"
    only = ""
    if "near" in asked:
        only += f" AND {tiers[1]}"
    if "category" in asked:
        only += f" AND o.category = '{asked['category']}' AND o.price_minutes <= {asked['most_minutes']}"
    if "text" in asked:
        like = f"'%{asked['text']}%'"
        only += (
            f" AND (o.words LIKE {like} OR o.provider_id IN (SELECT id FROM member WHERE alias LIKE {like})"
            f" OR o.team_id IN (SELECT id FROM team WHERE name LIKE {like})"
            f" OR o.organisation_id IN (SELECT id FROM organisation WHERE name LIKE {like}))"
        )
    if scene in ("all", "later"):  # whoever writes by hand knows that the street has enough
        only += f" AND {tiers[1]}"
    page = asked.get("number", 1)
    statement = sa.text(
        "SELECT o.id, o.title, o.category, o.price_minutes, o.place, o.stock, m.alias, b.name FROM offer o "
        "CROSS JOIN member m CROSS JOIN branch b "  # in this order, for SQLite
        "WHERE m.id = o.provider_id AND b.id = o.branch_id AND o.status = 'listed' AND m.status = 'active' "
        "AND (o.valid_until IS NULL OR o.valid_until >= :today) "
        "AND (o.branch_id = :branch OR o.shared_with = 'all' OR (o.shared_with = 'chosen' AND EXISTS "
        "(SELECT 1 FROM offer_share s WHERE s.offer_id = o.id AND s.branch_id = :branch)))"
        f"{only} ORDER BY {distance}, o.id DESC LIMIT 25 OFFSET :skip"
    ).bindparams(sa.bindparam("today", type_=sa.Date()))
    with engine.connect() as connection:
        given = {"today": date.fromisoformat(str(TODAY)), "branch": looking.branch_id, "skip": (page - 1) * 24}
        rows = connection.execute(statement, given).all()[:24]
        ids = [row.id for row in rows]
        if ids:
            connection.execute(
                sa.text(
                    "SELECT e.offer_id, sum(r.score), count(*) FROM exchange_order e "
                    "JOIN rating r ON r.order_id = e.id "
                    f"AND r.by_id = e.member_id WHERE e.offer_id IN ({','.join(map(str, ids))}) GROUP BY e.offer_id"
                )
            ).all()
        return ids


def _same(engine: sa.Engine, looking: Looking, scene: str) -> None:
    ours, by_hand = _ours(engine, looking, scene), _by_hand(engine, looking, scene)
    if ours != by_hand:
        raise RuntimeError(f"{scene}: {ours[:5]} … is not {by_hand[:5]} …")
