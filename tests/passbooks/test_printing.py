"""Printing into passbooks: on from the last line, each line once, the whole again, by whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.corrections.town import LATER, Town, key, make_town
from tests.exchange.scene import at_once, committed
from tests.requests.scene import Scene as Requests
from tests.world import actor_of, make_branch, make_member
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.models import Member
from timebank.passbooks import queries, rules, service
from timebank.passbooks.models import PassbookLine, PassbookPrint
from timebank.passbooks.views.printing import sheet_values


@pytest.fixture
def town(session: Session) -> Town:
    return make_town(session, 2)


def printed(town: Town, number: int = 0, **more: Any) -> PassbookPrint:
    given = {"whole": False, "form_key": "", "actor": town.manager} | more
    draft = service.PrintDraft(
        member_id=town.member(number).id, whole=given["whole"], form_key=given["form_key"] or key()
    )
    return service.print_passbook(town.session, draft, actor=given["actor"], now=LATER)


def numbers(made: PassbookPrint) -> tuple[int, int]:
    return made.first_number, made.last_number


def test_a_line_says_when_what_where_how_long_how_many_and_who_signed(town: Town) -> None:
    [row] = queries.rows_of(town.session, printed(town))
    assert (row.number, row.day.isoformat(), row.text) == (1, "2026-11-21", "楼道清洁")
    assert (row.where, row.minutes, row.amount, row.balance, row.signer) == ("三号院", 120, 120, 120, "钱站长")


def test_the_next_print_goes_on_where_the_last_line_ended(town: Town) -> None:
    assert numbers(printed(town)) == (1, 1)
    with pytest.raises(rules.NothingNew), town.session.begin_nested():
        printed(town)
    town.haircut(asker=0, barber=1)
    town.ask(town.entry(0), 90)
    standing = queries.standing_of(town.session, town.member(0))
    assert (standing.last, standing.new) == (1, 3)
    again = printed(town)
    assert numbers(again) == (2, 4)
    rows = queries.rows_of(town.session, again)
    assert [row.number for row in rows] == [2, 3, 4]
    assert rows[0].text.startswith("兑换 1 币")
    assert (rows[0].where, rows[0].minutes, rows[0].signer) == ("", 0, "")
    assert rows[-1].balance == town.stands(0)[0]


def test_the_whole_is_printed_again_with_what_is_new(town: Town) -> None:
    printed(town)
    town.haircut(asker=0, barber=1)
    whole = printed(town, whole=True)
    assert (numbers(whole), len(queries.rows_of(town.session, whole))) == ((1, 2), 2)
    assert numbers(printed(town, whole=True)) == (1, 2)
    with pytest.raises(rules.NothingNew):
        printed(town)


def test_an_old_print_is_made_again_with_its_own_lines(town: Town) -> None:
    first = printed(town)
    before = sheet_values(first, queries.rows_of(town.session, first))
    town.haircut(asker=0, barber=1)
    printed(town)
    assert sheet_values(first, queries.rows_of(town.session, first)) == before


def test_nobody_prints_for_strangers_and_one_form_prints_once(town: Town) -> None:
    first = printed(town, form_key="one")
    assert printed(town, form_key="one").id == first.id
    with pytest.raises(FormUsed), town.session.begin_nested():
        printed(town, 1, form_key="one")
    foreign = actor_of(town.session, make_member(town.session, make_branch(town.session, "XG"), roles=("manager",)))
    for actor in (actor_of(town.session, town.member(1)), town.inspector, foreign):
        with pytest.raises(NotAllowed), town.session.begin_nested():
            printed(town, whole=True, actor=actor)
    assert printed(town, whole=True, actor=actor_of(town.session, town.member(0))).by_id == town.member(0).id


def test_without_a_movement_there_is_nothing_to_print(town: Town) -> None:
    fresh = make_member(town.session, town.scene.branch)
    draft = service.PrintDraft(member_id=fresh.id, whole=True, form_key=key())
    with pytest.raises(rules.NothingYet):
        service.print_passbook(town.session, draft, actor=actor_of(town.session, fresh), now=LATER)


def test_the_home_of_somebody_who_asked_is_on_no_passbook(session: Session) -> None:
    scene = Requests(session)
    made = scene.done()
    volunteer = session.get_one(Member, made.volunteer_id)
    draft = service.PrintDraft(member_id=volunteer.id, whole=False, form_key=key())
    done = service.print_passbook(session, draft, actor=actor_of(session, volunteer), now=LATER + timedelta(days=9))
    rows = queries.rows_of(session, done)
    assert rows
    assert {row.where for row in rows} == {""}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passbook_line SET number = 9",
        "DELETE FROM passbook_line",
        "UPDATE passbook_print SET last_number = 9",
        "DELETE FROM passbook_print",
    ],
)
def test_the_database_forgets_no_line(town: Town, statement: str) -> None:
    printed(town)
    with pytest.raises(DBAPIError):
        town.session.execute(sa.text(statement))


def test_of_many_prints_at_once_each_line_is_printed_once(fresh_database: str) -> None:
    with committed(fresh_database) as work, work() as session:
        town = make_town(session, 1)
        member_id, manager = town.member(0).id, town.manager

    def once(session: Session) -> Any:
        draft = service.PrintDraft(member_id=member_id, whole=False, form_key=key())
        return service.print_passbook(session, draft, actor=manager, now=LATER).id

    answers = at_once(fresh_database, [once] * 4)
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert sum(isinstance(answer, rules.NothingNew) for answer in answers) == 3
    with committed(fresh_database) as work, work() as session:
        assert len(session.scalars(select(PassbookLine)).all()) == 1
