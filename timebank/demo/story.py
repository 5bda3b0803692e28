"""The story while it is told: who is there by now, who is free when, and what luck decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.keys import Keys
from timebank.demo.diary import Diary
from timebank.demo.town.people import Person
from timebank.members.identity import load_actor

SEED: Final = 2012  # the year in which the first team was founded
ADULT: Final = 18
T = TypeVar("T")


@dataclass(kw_only=True)
class Resident:
    """A person of the town who is a member by now."""

    person: Person
    member_id: int
    branch_id: int
    coin_account_id: int
    eagerness: int  # 1 comes now and then … 6 always there
    busy: list[tuple[datetime, datetime]] = field(default_factory=list)

    def is_free(self, start: datetime, end: datetime) -> bool:
        """Whether nothing else stands in the way between two instants."""
        return all(end <= begun or ended <= start for begun, ended in self.busy)


@dataclass(kw_only=True)
class Story:
    """Everything the chapters share. ``folder`` is where archive packages go."""

    session: Session
    keys: Keys
    folder: Path
    now: datetime
    luck: Random = field(default_factory=lambda: Random(SEED))  # noqa: S311 - chance in a story, no secret
    diary: Diary = field(default_factory=Diary)
    branch_ids: dict[str, int] = field(default_factory=dict)
    grid_ids: dict[tuple[str, str], int] = field(default_factory=dict)
    team_ids: dict[tuple[str, str], int] = field(default_factory=dict)
    residents: dict[str, Resident] = field(default_factory=dict)
    staff: set[str] = field(default_factory=set)
    _actors: dict[str, Actor] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        """A resident as an actor; roles are settled on the first day and do not change."""
        if name not in self._actors:
            self._actors[name] = load_actor(self.session, self.residents[name].member_id)
        return self._actors[name]

    def note(self, at: datetime, chapter: Callable[..., object], *details: object) -> None:
        """Let a chapter happen at an instant: it gets the story, its details, and the instant."""
        self.diary.note(at, lambda instant: chapter(self, *details, instant))

    def minutes(self, least: int, most: int) -> timedelta:
        """Some minutes between two bounds, both included."""
        return timedelta(minutes=self.luck.randint(least, most))

    def between(self, start: datetime, end: datetime) -> datetime:
        """A whole minute in a half-open stretch of time."""
        return start + self.minutes(0, max(int((end - start).total_seconds()) // 60 - 1, 0))

    def soon_within(self, start: datetime, end: datetime) -> datetime:
        """A whole minute in a stretch of time, rather early than late."""
        span = int((end - start).total_seconds()) // 60
        return start + timedelta(minutes=int(span * self.luck.random() ** 2))

    def one_of(self, choices: Sequence[T]) -> T:
        """Any of them."""
        return self.luck.choice(choices)

    def happens(self, percent: int) -> bool:
        """True so many times in a hundred."""
        return self.luck.randrange(100) < percent

    def draw(self, weighted: Sequence[tuple[T, int]], count: int) -> list[T]:
        """``count`` of them without repeats, or all; the heavier, the likelier (Efraimidis and Spirakis)."""
        keyed = [(self.luck.random() ** (1 / weight), one) for one, weight in weighted]
        keyed.sort(key=lambda pair: -pair[0])
        return [one for _key, one in keyed[:count]]
