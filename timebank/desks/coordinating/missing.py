"""Which skills are asked for and missing: against what is on offer, and what members say they can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from timebank.activities.models import PUBLISHED, Activity, Shift
from timebank.core import clock
from timebank.exchange.models import CATEGORIES, DECLINED, EXPIRED, GOODS, LISTED, Need, Offer, Order
from timebank.exchange.queries.offers import open_offers
from timebank.members.models import ACTIVE, Member
from timebank.members.rules.papers import SKILLS, codes_in

ASKED_FOR: Final = timedelta(days=90)
AHEAD: Final = timedelta(days=14)
SHOWN: Final = 3  # people who could be asked, by row
_PEOPLE: Final = 300  # whose skills are looked through
EXCHANGE, ACTIVITY = "exchange", "activity"

# What people write about themselves → the category of offers it is good for; others go by their own name.
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "haircut": SKILLS["haircut"],
    "repair": SKILLS["repair"],
    "electrical": ("电工", "水电"),
    "drain": SKILLS["plumbing"],
    "car_wash": ("洗车", "汽车保养"),
    "care": (*SKILLS["nursing"], "陪诊", "陪聊"),
    "teaching": (*SKILLS["teaching"], "教"),
    "legal": ("律师", "法律"),
    "medical": ("医生", "护士", "药师", "推拿", "理疗"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingSkill:
    """A category that is short: how often it was asked for and came to nothing, what there is, who could be asked.

    For exchange ``asked`` orders of the last three months and what members look for now, ``failed`` of them; for
    activities ``asked`` open places.
    """

    kind: str
    code: str
    name: str
    asked: int
    failed: int
    offers: int
    sold_out: int
    able: int
    people: tuple[Member, ...]

    @property
    def searched(self) -> bool:
        """Whether members were looked for: there are words that tell of it."""
        return self.kind == ACTIVITY or bool(_words(self.code))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """How often a category was asked for, and how often that came to nothing through no fault of who asked."""

    all: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Shelf:
    """By category: what can be had today, who provides it, and goods that are used up."""

    offers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    providers: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    sold_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def list_missing(session: Session, branch_id: int, *, now: datetime) -> list[MissingSkill]:
    """What is short at a branch, the most wanted first; six statements."""
    shelf = _shelf(session, branch_id, clock.today(now))
    asked = _with_needs(session, branch_id, _asked(session, branch_id, now - ASKED_FOR), shelf, clock.today(now))
    short = [
        code
        for code in {*asked, *shelf.sold_out}
        if asked[code].failed or shelf.sold_out[code] or (asked[code].all and not shelf.offers[code])
    ]
    wanted = _wanted(session, branch_id, now)
    people = _able(session, branch_id, [*map(_words, short), *(SKILLS[code] for code in wanted)])
    found = [_in_exchange(code, asked[code], shelf, people) for code in short]
    found += [_in_activities(code, places, people) for code, places in wanted.items()]
    return sorted(found, key=lambda one: (one.kind != EXCHANGE, -one.failed, -one.asked, one.code))


def _in_exchange(code: str, asked: _Asked, shelf: _Shelf, people: Sequence[Member]) -> MissingSkill:
    fit = [one for one in _fitting(people, _words(code)) if one.id not in shelf.providers[code]]
    return MissingSkill(
        kind=EXCHANGE,
        code=code,
        name=CATEGORIES.get(code, code),
        asked=asked.all,
        failed=asked.failed,
        offers=shelf.offers[code],
        sold_out=shelf.sold_out[code],
        able=len(fit),
        people=tuple(fit[:SHOWN]),
    )


def _in_activities(code: str, places: int, people: Sequence[Member]) -> MissingSkill:
    fit = _fitting(people, SKILLS[code])
    return MissingSkill(
        kind=ACTIVITY,
        code=code,
        name=SKILLS[code][0],
        asked=places,
        failed=0,
        offers=0,
        sold_out=0,
        able=len(fit),
        people=tuple(fit[:SHOWN]),
    )


def _asked(session: Session, branch_id: int, since: datetime) -> dict[str, _Asked]:
    rows = session.execute(
        select(Offer.category, func.count(), func.count().filter(Order.status.in_((DECLINED, EXPIRED))))
        .join(Offer, Offer.id == Order.offer_id)
        .where(Order.branch_id == branch_id, Order.requested_at >= since)
        .group_by(Offer.category)
    )
    return defaultdict(_Asked, {category: _Asked(all=every, failed=failed) for category, every, failed in rows})


def _with_needs(
    session: Session, branch_id: int, asked: dict[str, _Asked], shelf: _Shelf, today: date
) -> dict[str, _Asked]:
    """What members look for now is asked for, too, and comes to nothing where nobody offers it."""
    looking = select(Need.category, func.count()).where(
        Need.branch_id == branch_id, Need.ended_at.is_(None), Need.until >= today
    )
    for category, count in session.execute(looking.group_by(Need.category)):
        before, missed = asked[category], 0 if shelf.offers[category] else count
        asked[category] = _Asked(all=before.all + count, failed=before.failed + missed)
    return asked


def _shelf(session: Session, branch_id: int, today: date) -> _Shelf:
    shelf = _Shelf()
    open_now = open_offers(today).where(Offer.branch_id == branch_id, or_(Offer.stock.is_(None), Offer.stock > 0))
    for category, provider_id in session.execute(open_now.with_only_columns(Offer.category, Offer.provider_id)):
        shelf.offers[category] += 1
        if provider_id is not None:
            shelf.providers[category].add(provider_id)
    used_up = select(Offer.category, func.count()).where(
        Offer.branch_id == branch_id, Offer.kind == GOODS, Offer.status == LISTED, Offer.stock == 0
    )
    for category, count in session.execute(used_up.group_by(Offer.category)):
        shelf.sold_out[category] = count
    return shelf


def _wanted(session: Session, branch_id: int, now: datetime) -> dict[str, int]:
    """Skill → places that are still open on shifts of the coming days that ask for it."""
    rows = session.execute(
        select(Activity.needed_skills, func.sum(Shift.capacity - Shift.taken))
        .join(Shift, Shift.activity_id == Activity.id)
        .where(
            Activity.branch_id == branch_id,
            Activity.status == PUBLISHED,
            Activity.needed_skills != "",
            Shift.cancelled_at.is_(None),
            Shift.starts_at > now,
            Shift.starts_at <= now + AHEAD,
            Shift.taken < Shift.capacity,
        )
        .group_by(Activity.needed_skills)
    )
    wanted: dict[str, int] = defaultdict(int)
    for skills, places in rows:
        for code in codes_in(skills):
            if code in SKILLS:
                wanted[code] += int(places)
    return wanted


def _words(category: str) -> tuple[str, ...]:
    return _WORDS.get(category, ())


def _able(session: Session, branch_id: int, words: Sequence[Iterable[str]]) -> Sequence[Member]:
    """Active members whose own words tell of any of these skills."""
    every = sorted({word for some in words for word in some})
    if not every:
        every = [" no skill is missing "]  # the number of questions does not depend on the answers
    told = or_(*(Member.skills.contains(word, autoescape=True) for word in every))
    chosen = select(Member).where(Member.branch_id == branch_id, Member.status == ACTIVE, told)
    return session.scalars(chosen.order_by(Member.id).limit(_PEOPLE)).all()


def _fitting(people: Sequence[Member], words: Iterable[str]) -> list[Member]:
    words = tuple(words)
    return [one for one in people if any(word in one.skills for word in words)]
