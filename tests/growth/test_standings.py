"""The points table of a community or a street: who is in it, for whom, of which year, on the page and as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.growth.scene import LATER, Hall, make_hall
from tests.world import KEYS, actor_of, make_areas, make_branch, make_member, sign_in
from timebank.branches.service import AreaDraft, add_area
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.db import transaction
from timebank.growth import queries
from timebank.members.models import Member
from timebank.members.rules import Place
from timebank.members.service import ProfileChange, change_profile, grant_role


@dataclass(frozen=True)
class Quarter:
    """A street with two communities: somebody who served lives in each, a stranger of another branch in the first."""

    street_id: int
    first_id: int
    second_id: int
    other_street_id: int
    people: tuple[int, ...]
    stranger: int
    manager: int
    inspector: int


def make_quarter(session: Session) -> Quarter:
    hall = make_hall(session)
    first = make_areas(session)
    assert first.parent is not None
    street = first.parent
    second = add(session, "330206003006", "海口社区", street.id)
    other = add(session, "330206004", "小港街道", street.parent_id)
    for number, area_id in ((0, first.id), (1, second), (2, other)):
        live(session, hall, number, area_id)
    stranger = make_member(session, make_branch(session, "CX"), "外来人", area_id=first.id, now=LATER)
    inspector = make_member(session, hall.scene.branch, "监督员", now=LATER)
    grant_role(session, inspector.id, "inspector", Place(area_id=street.id), actor=SYSTEM, now=LATER)
    ids = tuple(member.id for member in hall.people)
    manager = hall.manager.member_id or 0
    return Quarter(street.id, first.id, second, other, ids, stranger.id, manager, inspector.id)


def add(session: Session, code: str, name: str, parent_id: int | None) -> int:
    return add_area(session, AreaDraft(code=code, name=name, parent_id=parent_id), actor=SYSTEM, now=LATER).id


def live(session: Session, hall: Hall, number: int, area_id: int) -> None:
    change_profile(session, ProfileChange(area_id=area_id), actor=hall.actor(number), keys=KEYS)


def test_a_street_includes_its_communities(session: Session) -> None:
    quarter = make_quarter(session)
    first, second, elsewhere = quarter.people

    def living_in(area_id: int) -> set[int]:
        return {member.id for member in queries.list_people_in(session, None, area_id=area_id)}

    assert living_in(quarter.street_id) == {first, second, quarter.stranger}
    assert living_in(quarter.first_id) == {first, quarter.stranger}
    assert living_in(quarter.second_id) == {second}
    assert living_in(quarter.other_street_id) == {elsewhere}


def test_only_people_of_branches_that_the_reader_may_read_are_in_it(session: Session) -> None:
    quarter = make_quarter(session)

    def read_by(member_id: int) -> set[int]:
        within = actor_of(session, session.get_one(Member, member_id)).branches("member.read")
        return {member.id for member in queries.list_people_in(session, within, area_id=quarter.street_id)}

    assert read_by(quarter.manager) == set(quarter.people[:2])
    assert read_by(quarter.inspector) == {*quarter.people[:2], quarter.stranger}
    assert read_by(quarter.people[0]) == set()


def test_a_year_counts_what_was_served_in_it_and_who_served_nothing_is_last(session: Session) -> None:
    quarter = make_quarter(session)
    people = queries.list_people_in(session, None, area_id=quarter.street_id)
    places = queries.list_places(session, people, 2026)
    assert [(one.rank, one.member.id, one.totals.points, one.totals.minutes) for one in places] == [
        (1, quarter.people[0], 20, 120),
        (1, quarter.people[1], 20, 120),
        (3, quarter.stranger, 0, 0),
    ]
    assert {one.totals.points for one in queries.list_places(session, people, 2025)} == {0}


@pytest.fixture
def quarter(app: Flask) -> Iterator[Quarter]:
    clock.move(LATER - clock.now())
    with app.app_context(), transaction() as session:
        made = make_quarter(session)
    yield made
    clock.put_right()


@pytest.mark.parametrize(("reader", "people"), [("manager", 2), ("inspector", 3)])
@pytest.mark.parametrize("year", [2026, 2025])
def test_the_file_of_a_street_has_the_lines_of_its_page(
    client: FlaskClient, quarter: Quarter, reader: str, people: int, year: int
) -> None:
    sign_in(client, getattr(quarter, reader))
    asked = f"area={quarter.street_id}&year={year}"
    page = client.get(f"/branch/points?{asked}").text
    lines = list(csv.reader(io.StringIO(client.get(f"/branch/points.csv?{asked}").data.decode("utf-8-sig"))))[1:]
    assert f"北仑区新碶街道，{people} 人" in page
    assert re.findall(r'<small class="soft num">(\w+)</small>', page) == [line[2] for line in lines]
    assert [int(line[3]) for line in lines] == [20 if year == 2026 else 0] * 2 + [0] * (people - 2)
    assert ("外来人" in page) is (reader == "inspector")
    assert (f"area={quarter.street_id}" in page) is True  # the buttons lead to the same table
