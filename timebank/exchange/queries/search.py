"""Finding an offer among many: what is near comes first, and nothing is counted that nobody asked for.

Near means the area tree: one's own community, then the street, the district, the city, and what lies further. A page
is found tier by tier, newest first, and reading stops when the page is full; where words or filters narrow the search,
all that fits is looked at once and put in order. Only the ids of the page are then read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, literal, or_, select
from sqlalchemy.orm import Session

from timebank.branches.models import Area
from timebank.exchange.models import Offer
from timebank.exchange.queries.offers import GIVERS, open_offers, scores_of
from timebank.exchange.queries.photos import first_photos
from timebank.exchange.queries.sharing import seen_by
from timebank.exchange.rules import Score
from timebank.members.models import Member, Organisation, Team

NEAR: Final = {"community": "本社区", "street": "本街道", "district": "本区（县）", "city": "本市"}
FURTHER: Final = "更远"
_FEW: Final = ("community", "street")
SIZE: Final = 24
LAST_PAGE: Final = 40  # who has not found it by then asks in other words
_MOST_WORDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class OfferFilter:
    """What somebody looks for; empty means anything. ``most_minutes`` is the highest price.

    ``branch_id`` and ``home_id`` are the branch and the area of who looks: what they may see, and from where it is far.
    ``near`` is a level of the tree that it may not be further away than; ``area_id`` is where it is wanted.
    """

    text: str = ""
    category: str = ""
    kind: str = ""
    most_minutes: int | None = None
    branch_id: int | None = None
    home_id: int | None = None
    near: str = ""
    area_id: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether it asks for something in particular."""
        return bool(self.text or self.category or self.kind or self.most_minutes is not None or self.area_id)


@dataclass(frozen=True, kw_only=True)
class OfferRow:
    """An offer with what those who redeemed it say, its first picture, and how near it is (empty for visitors)."""

    offer: Offer
    score: Score
    near: str = ""
    photo_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of what was found; ``more`` says whether another follows. Nobody counted the rest."""

    items: Sequence[OfferRow]
    number: int
    more: bool


Areas = Select[int] | tuple[int, ...]  # those below one: a question, or where there are few the answer


@dataclass(frozen=True, slots=True)
class _Tier:
    """The areas at one distance: those ``within`` and not those ``inner``; None is everything and nothing."""

    label: str
    within: Areas | None
    inner: Areas | None


def list_offers(session: Session, wanted: OfferFilter, *, today: date, number: int = 1, size: int = SIZE) -> Found:
    """What can be redeemed on a day, what is left first, then the nearest, then the newest."""
    number = max(1, min(number, LAST_PAGE))
    tiers = _tiers(session, wanted)
    matching = open_offers(today).where(*_matching(session, wanted))
    enough = number * size + 1
    found = _at_once(session, matching, tiers, enough) if wanted.narrows else _by_tier(session, matching, tiers, enough)
    page = found[(number - 1) * size : number * size]
    return Found(items=_whole(session, page), number=number, more=len(found) == enough and number < LAST_PAGE)


def _tiers(session: Session, wanted: OfferFilter) -> list[_Tier]:
    """The distances from who looks, the nearest first; one without a name where they are nowhere."""
    if wanted.home_id is None:
        return [_Tier("", None, None)]
    tiers: list[_Tier] = []
    inner: Areas | None = None
    for area_id, level in _path(session, wanted.home_id):
        if level in NEAR:
            below = _below(area_id)  # where they are few, the database is told them, and knows how few
            areas: Areas = tuple(session.scalars(below)) if level in _FEW else below
            tiers.append(_Tier(NEAR[level], areas, inner))
            inner = areas
        if level == wanted.near:
            return tiers
    return [*tiers, _Tier(FURTHER, None, inner)]


def _path(session: Session, area_id: int) -> list[tuple[int, str]]:
    """An area and those above it, with their levels, from below."""
    up = select(Area.id, Area.parent_id, Area.level, literal(0).label("step")).where(Area.id == area_id)
    above = up.cte("above", recursive=True)
    above = above.union_all(
        select(Area.id, Area.parent_id, Area.level, above.c.step + 1).join(above, Area.id == above.c.parent_id)
    )
    return [(row.id, row.level) for row in session.execute(select(above.c.id, above.c.level).order_by(above.c.step))]


def _below(root: int) -> Select[int]:
    below = select(Area.id).where(Area.id == root).cte(recursive=True)
    below = below.union_all(select(Area.id).join(below, Area.parent_id == below.c.id))
    return select(below.c.id)


def _by_tier(session: Session, matching: Select[Any], tiers: list[_Tier], enough: int) -> list[tuple[int, str]]:
    """The first offers with their distance; each tier is read only as far as needed, what is sold out comes last."""
    found: list[tuple[int, str]] = []
    left = or_(Offer.stock.is_(None), Offer.stock > 0)
    for condition in (left, ~left):
        for tier in tiers:
            missing = enough - len(found)
            if missing <= 0:
                return found
            # An area's offers are few and read by the area; all others are read newest first until there are enough.
            newest = Offer.id.desc() if tier.within is None else (Offer.id + 0).desc()
            chosen = matching.with_only_columns(Offer.id).where(condition, *_in_tier(tier)).order_by(newest)
            found += [(id_, tier.label) for id_ in session.scalars(chosen.limit(missing))]
    return found


def _in_tier(tier: _Tier) -> Iterator[ColumnElement[bool]]:
    if tier.within is not None:
        yield Offer.home_id.in_(tier.within)
    if tier.inner is not None:
        yield Offer.home_id.not_in(tier.inner)


def _at_once(session: Session, matching: Select[Any], tiers: list[_Tier], enough: int) -> list[tuple[int, str]]:
    """The first of all that fit, put in order after one look at each."""
    named = [(Offer.home_id.in_(tier.within), at) for at, tier in enumerate(tiers) if tier.within is not None]
    far = literal(len(tiers) - 1)
    distance = case(*named, else_=far) if named else far
    if tiers[-1].within is not None:
        matching = matching.where(Offer.home_id.in_(tiers[-1].within))
    gone = case((Offer.stock == 0, 1), else_=0)
    chosen = matching.with_only_columns(Offer.id, distance).order_by(gone, distance, (Offer.id + 0).desc())
    return [(id_, tiers[at].label) for id_, at in session.execute(chosen.limit(enough))]


def _whole(session: Session, page: Sequence[tuple[int, str]]) -> list[OfferRow]:
    ids = [id_ for id_, _ in page]
    offers = {one.id: one for one in session.scalars(select(Offer).where(Offer.id.in_(ids)).options(*GIVERS))}
    scores, photos = scores_of(session, ids), first_photos(session, ids)
    return [
        OfferRow(offer=offers[id_], score=scores.get(id_, Score()), near=near, photo_id=photos.get(id_))
        for id_, near in page
    ]


def _matching(session: Session, wanted: OfferFilter) -> Iterator[ColumnElement[bool]]:
    for word in wanted.text.lower().split()[:_MOST_WORDS]:
        yield _says(word)
    if wanted.category:
        yield Offer.category == wanted.category
    if wanted.kind:
        yield Offer.kind == wanted.kind
    if wanted.most_minutes is not None:
        yield Offer.price_minutes <= wanted.most_minutes
    if wanted.branch_id is not None:
        yield seen_by(wanted.branch_id)
    if wanted.area_id is not None:  # offered there, or by somebody who comes there from a wider area
        above = [area_id for area_id, _ in _path(session, wanted.area_id)]
        yield or_(Offer.home_id.in_(above), Offer.home_id.in_(_below(wanted.area_id)))


def _says(word: str) -> ColumnElement[bool]:
    """What an offer says, or the name of whoever gives it."""
    names = (
        Offer.provider_id.in_(select(Member.id).where(Member.alias.icontains(word, autoescape=True))),
        Offer.team_id.in_(select(Team.id).where(Team.name.icontains(word, autoescape=True))),
        Offer.organisation_id.in_(select(Organisation.id).where(Organisation.name.icontains(word, autoescape=True))),
    )
    return or_(Offer.words.contains(word, autoescape=True), *names)
