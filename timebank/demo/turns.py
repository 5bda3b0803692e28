"""One shift of an occasion, and who of the town may take part in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from timebank.demo.calendar import Occasion
from timebank.demo.settling import MANAGERS, SUSPENDED_SINCE
from timebank.demo.story import ADULT, Resident, Story
from timebank.demo.town.people import SUSPENDED
from timebank.demo.town.plans import Plan


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One shift of an occasion."""

    occasion: Occasion
    shift_id: int
    start: datetime
    end: datetime

    @property
    def plan(self) -> Plan:
        """What it is about."""
        return self.occasion.plan


def choose_volunteers(story: Story, turn: Turn, count: int) -> list[Resident]:
    """Who comes: those who surely do, then by luck, teams and the eager first."""
    plan = turn.plan
    sure = [story.residents[name] for name in plan.surely if story.residents[name].is_free(turn.start, turn.end)]
    others = [
        (resident, resident.eagerness * (4 if plan.team in resident.person.teams else 1))
        for resident in story.residents.values()
        if resident not in sure and _may_come(story, turn, resident)
    ]
    return sure + story.draw(others, count - len(sure))


def _may_come(story: Story, turn: Turn, resident: Resident) -> bool:
    person, plan = resident.person, turn.plan
    if person.branch != plan.branch or (person.name in story.staff and person.name != plan.organiser):
        return False
    if person.name == MANAGERS[plan.branch] or (plan.risk != "low" and person.age < ADULT):
        return False
    if person.state == SUSPENDED and turn.start > story.now - SUSPENDED_SINCE - timedelta(days=1):
        return False
    return resident.is_free(turn.start, turn.end)


def choose_passers_by(story: Story, turn: Turn, expected: set[int]) -> list[Resident]:
    """Somebody who did not sign up and comes along all the same."""
    near = [
        (resident, resident.eagerness)
        for resident in story.residents.values()
        if resident.member_id not in expected and resident.person.name not in story.staff
        if _may_come(story, turn, resident)
    ]
    return story.draw(near, 1)
