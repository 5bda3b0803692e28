"""What was done: written down once, never changed, taken back by a row that names it; reminders; people's hours."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.agreements.scene import DAY, SIGNED_ON, TODAY, Scene, make_scene, terms
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.agreements import service
from timebank.agreements.models import PromiseDeed
from timebank.agreements.queries import DeedNotFound, PromiseNotFound, get_deed, list_unkept, summary_of_year
from timebank.agreements.service import AgreementFinal, BadDeed, TakenBack
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.notices.models import Notice


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def test_deeds_add_up_until_the_promise_is_kept(session: Session, scene: Scene) -> None:
    agreement, theirs, ours = scene.signed()
    first = scene.deed(theirs, 4, key="a")
    assert scene.deed(theirs, 4, key="a").id == first.id
    with pytest.raises(FormUsed):
        scene.deed(theirs, 5, key="a")
    assert scene.articles(agreement)[1].standing.state == "soon"
    scene.deed(theirs, 6, key="b", on=TODAY - DAY)
    standing = scene.articles(agreement)[1].standing
    assert (standing.state, standing.done, standing.kept_on) == ("kept", 10, TODAY)
    assert [one.terms.id for _, one in list_unkept(session, scene.branch_id, today=TODAY)] == [ours.id]


def test_a_deed_is_taken_back_once_by_a_row_that_names_it(session: Session, scene: Scene) -> None:
    agreement, theirs, _ = scene.signed()
    deed = scene.deed(theirs, 10, key="a")

    def take_back(deed_id: int = deed.id, *, reason: str = "记重了", key: str = "back") -> PromiseDeed:
        return service.take_back_deed(session, deed_id, reason, form_key=key, actor=scene.first, now=NOW)

    with pytest.raises(Invalid):
        take_back(reason=" ", key="x")
    back = take_back()
    assert (back.takes_back_id, back.quantity) == (deed.id, -10)
    assert take_back().id == back.id
    with pytest.raises(FormUsed):
        take_back(reason="别的")
    for other in (deed.id, back.id):
        with pytest.raises(TakenBack):
            take_back(other, key="again")
    [_, article] = scene.articles(agreement)
    assert (article.standing.done, len(article.deeds), article.taken_back) == (0, 2, {deed.id})
    with pytest.raises(DeedNotFound):
        get_deed(session, 99)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"on": TODAY + DAY}, "done_on"),
        ({"on": SIGNED_ON - DAY}, "done_on"),
        ({"quantity": 0}, "quantity"),
        ({"activity_id": 99}, "activity_id"),
        ({"order_id": 99}, "order_id"),
    ],
)
def test_what_cannot_have_been_done(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    _, theirs, _ = scene.signed()
    with pytest.raises(BadDeed) as refused:
        scene.deed(theirs, key="x", **wrong)
    assert list(refused.value.fields) == [field]


def test_deeds_need_words(session: Session, scene: Scene) -> None:
    _, theirs, _ = scene.signed()
    draft = service.DeedDraft(done_on=TODAY, quantity=1, words=" ", form_key="x")
    with pytest.raises(BadDeed):
        service.record_deed(session, theirs.id, draft, actor=scene.first, now=NOW)


def test_only_towards_promises_of_signed_agreements(session: Session, scene: Scene) -> None:
    draft = scene.draft(year=2025, key="old")
    with pytest.raises(AgreementFinal):
        scene.deed(scene.promise(draft, key="old", due_on=date(2025, 5, 1)), key="x")
    _, theirs, _ = scene.signed()
    asked = service.ask_change(session, theirs.id, terms(key="c", quantity=5), "x", actor=scene.first, now=NOW)
    with pytest.raises(PromiseNotFound):
        scene.deed(asked, key="y")


def test_organisers_record_and_strangers_do_not(session: Session, scene: Scene) -> None:
    _, theirs, _ = scene.signed()
    deed = service.DeedDraft(done_on=TODAY, quantity=1, words="合影", form_key="x")
    organiser = make_member(session, make_branch(session), roles=("organiser",))
    service.record_deed(session, theirs.id, deed, actor=actor_of(session, organiser), now=NOW)
    stranger = make_member(session, make_branch(session, "XQ"), roles=("manager",))
    with pytest.raises(NotAllowed):
        service.record_deed(session, theirs.id, deed, actor=actor_of(session, stranger), now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promise_deed SET quantity = 5",
        "DELETE FROM promise_deed",
        "INSERT INTO promise_deed (promise_id, takes_back_id, done_on, quantity, words, at, form_key) "
        "SELECT promise_id, id, done_on, -1, 'x', at, 'x' FROM promise_deed",
    ],
)
def test_the_database_keeps_what_was_done(session: Session, scene: Scene, statement: str) -> None:
    _, theirs, _ = scene.signed()
    scene.deed(theirs, 2, key="a")
    with pytest.raises(DBAPIError, match=r"never changed or deleted|takes back one of its own whole"):
        session.execute(sa.text(statement))


def test_both_sides_are_reminded_once_before_and_once_after(session: Session, scene: Scene) -> None:
    _, theirs, _ = scene.signed()

    def told(day: int) -> list[tuple[int, str]]:
        session.execute(sa.delete(Notice).where(Notice.kind.not_in(["promise.due", "promise.overdue"])))
        before = set(session.scalars(sa.select(Notice.id)))
        service.remind_of_promises(session, scene.branch_id, now=NOW + timedelta(days=day))
        rows = session.execute(sa.select(Notice.id, Notice.member_id, Notice.kind).order_by(Notice.member_id))
        return [(row.member_id, row.kind) for row in rows if row.id not in before]

    due = [(scene.first_id, "promise.due")] * 2 + [(scene.second_id, "promise.due")] * 2
    assert told(0) == [*due, (scene.contact_id, "promise.due")]
    assert told(1) == []
    scene.deed(theirs, 10, key="kept")
    assert told(10) == [(scene.first_id, "promise.overdue"), (scene.second_id, "promise.overdue")]
    assert told(11) == []


def test_the_years_summary_counts_both_sides(session: Session, scene: Scene) -> None:
    agreement, theirs, _ = scene.signed()
    scene.deed(theirs, 10, key="kept")
    later = date(2026, 12, 31)
    [row] = summary_of_year(session, scene.branch_id, 2026, today=later)
    assert row.agreement is not None
    assert (row.agreement.id, row.theirs.kept, row.branch.overdue, row.branch.all) == (agreement.id, 1, 1, 1)
    [empty] = summary_of_year(session, scene.branch_id, 2025, today=later)
    assert (empty.agreement, empty.theirs.all) == (None, 0)
