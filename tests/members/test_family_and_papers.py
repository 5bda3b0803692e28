"""Families are confirmed by the other or made by staff; documents are seen by staff."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.world import CONSENTS, NOW, actor_of, make_branch, make_member
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.members import queries, service
from timebank.members.models import FAMILY, GUARDIAN_OF, Member
from timebank.members.rules import GUARDIAN


def home(session: Session) -> tuple[Member, Member, Actor]:
    """Two people and a manager."""
    branch = make_branch(session)
    boss = make_member(session, branch, "贺经理", roles=("manager",))
    return make_member(session, branch, "王建国"), make_member(session, branch, "陈秀兰"), actor_of(session, boss)


def child_of(session: Session) -> Member:
    more: dict[str, Any] = {"guardian": "王建国", "consents": CONSENTS | {GUARDIAN}, "born_on": date(2016, 1, 1)}
    return make_member(session, make_branch(session), "王小明", **more)


def signable(session: Session, member: Member) -> set[int]:
    return {one.id for one in queries.list_signable(session, member.id, clock.today(NOW))}


def test_nothing_holds_until_the_other_confirms_and_then_for_both(session: Session) -> None:
    one, two, _ = home(session)
    link = service.ask_family(session, two.number.lower(), actor=actor_of(session, one), now=NOW)
    assert (signable(session, one), signable(session, two)) == (set(), set())
    [seen] = queries.list_family(session, two.id)
    assert (seen.other.id, seen.confirmed, seen.asked_by_me) == (one.id, False, False)
    for _ in range(2):
        service.confirm_family(session, link.id, actor=actor_of(session, two), now=NOW)
    assert (signable(session, one), signable(session, two)) == ({two.id}, {one.id})


def test_asking_twice_is_calm_and_asking_back_confirms(session: Session) -> None:
    one, two, _ = home(session)
    first = [service.ask_family(session, two.number, actor=actor_of(session, one), now=NOW) for _ in range(2)]
    assert first[0].id == first[1].id
    back = service.ask_family(session, one.number, actor=actor_of(session, two), now=NOW)
    assert (back.id, back.confirmed_by_id) == (first[0].id, two.id)


def test_who_asked_does_not_confirm_and_strangers_do_nothing(session: Session) -> None:
    one, two, _ = home(session)
    stranger = actor_of(session, make_member(session, make_branch(session, "XQ")))
    link = service.ask_family(session, two.number, actor=actor_of(session, one), now=NOW)
    with pytest.raises(service.NotYours):
        service.confirm_family(session, link.id, actor=actor_of(session, one), now=NOW)
    for verb in (service.confirm_family, service.end_family):
        with pytest.raises(NotAllowed):
            verb(session, link.id, actor=stranger, now=NOW)


def test_either_ends_it_and_it_may_be_asked_anew(session: Session) -> None:
    one, two, _ = home(session)
    link = service.ask_family(session, two.number, actor=actor_of(session, one), now=NOW)
    service.confirm_family(session, link.id, actor=actor_of(session, two), now=NOW)
    for _ in range(2):
        service.end_family(session, link.id, actor=actor_of(session, two), now=NOW)
    assert signable(session, one) == set()
    with pytest.raises(Conflict):
        service.confirm_family(session, link.id, actor=actor_of(session, two), now=NOW)
    assert service.ask_family(session, one.number, actor=actor_of(session, two), now=NOW).id != link.id


def test_nobody_is_looked_up_by_name_and_not_oneself_or_the_suspended(session: Session) -> None:
    one, two, boss = home(session)
    for typed in ("陈秀兰", "HL999999X", one.number, ""):
        with pytest.raises(service.RelativeNotFound) as refused:
            service.ask_family(session, typed, actor=actor_of(session, one), now=NOW)
        assert "number" in refused.value.fields
    service.suspend_member(session, two.id, reason="核实身份", actor=boss, now=NOW)
    with pytest.raises(service.RelativeNotFound):  # the answer does not tell that there is such a member
        service.ask_family(session, two.number, actor=actor_of(session, one), now=NOW)


def test_nobody_asks_one_number_after_the_other(session: Session) -> None:
    one, _, _ = home(session)
    asked = [make_member(session, make_branch(session)) for _ in range(11)]
    for other in asked[:10]:
        service.ask_family(session, other.number, actor=actor_of(session, one), now=NOW)
    with pytest.raises(service.TooManyAsked):
        service.ask_family(session, asked[10].number, actor=actor_of(session, one), now=NOW)


def test_staff_link_people_who_cannot_do_it_themselves(session: Session) -> None:
    one, two, boss = home(session)
    for _ in range(2):
        link = service.link_by_staff(session, one.id, two.number, kind=FAMILY, actor=boss, now=NOW)
    assert link.confirmed_by_id == boss.member_id
    assert signable(session, one) == {two.id}
    with pytest.raises(NotAllowed):
        service.link_by_staff(session, one.id, two.number, kind=FAMILY, actor=actor_of(session, two), now=NOW)


def test_a_guardian_is_an_adult_of_a_minor_and_signs_one_way_only(session: Session) -> None:
    one, two, boss = home(session)
    child, adult = child_of(session), make_member(session, make_branch(session), "王大明", born_on=date(1980, 1, 1))
    with pytest.raises(service.NotAMinor):
        service.link_by_staff(session, one.id, adult.number, kind=GUARDIAN_OF, actor=boss, now=NOW)
    with pytest.raises(Invalid):  # of unknown age
        service.link_by_staff(session, child.id, two.number, kind=GUARDIAN_OF, actor=boss, now=NOW)
    link = service.link_by_staff(session, child.id, adult.number, kind=GUARDIAN_OF, actor=boss, now=NOW)
    assert queries.guardians_of(session, child.id) == {adult.id}
    assert (signable(session, adult), signable(session, child)) == ({child.id}, set())
    assert [one.word for one in queries.list_family(session, adult.id)] == ["监护的孩子"]
    assert [one.word for one in queries.list_family(session, child.id)] == ["监护人"]
    with pytest.raises(service.LinkedAlready):
        service.link_by_staff(session, child.id, adult.number, kind=FAMILY, actor=boss, now=NOW)
    with pytest.raises(NotAllowed):  # what staff recorded of a guardian, staff end
        service.end_family(session, link.id, actor=actor_of(session, child), now=NOW)
    service.end_family(session, link.id, actor=boss, now=NOW)
    assert queries.guardians_of(session, child.id) == frozenset()


def paper(**more: Any) -> service.PaperDraft:
    return service.PaperDraft(
        **{"kind": "first_aid", "valid_until": date(2027, 5, 1), "note": "", "seen": True, "form_key": "p"} | more
    )


def test_a_document_counts_until_its_last_day(session: Session) -> None:
    one, _, boss = home(session)
    kept = [service.record_paper(session, one.id, paper(), actor=boss, now=NOW) for _ in range(2)]
    assert kept[0].id == kept[1].id
    service.record_paper(session, one.id, paper(kind="driver", valid_until=None, form_key="q"), actor=boss, now=NOW)
    assert queries.papers_on(session, [one.id], date(2027, 5, 1)) == {one.id: {"first_aid", "driver"}}
    assert queries.papers_on(session, [one.id], date(2027, 5, 2)) == {one.id: {"driver"}}
    for _ in range(2):
        service.withdraw_paper(session, kept[0].id, actor=boss, now=NOW)
    assert queries.papers_on(session, [one.id], date(2027, 5, 1)) == {one.id: {"driver"}}
    assert [p.kind for p in queries.list_papers(session, one.id)] == ["driver"]


@pytest.mark.parametrize(
    ("more", "field"),
    [({"seen": False}, "seen"), ({"kind": "pilot"}, "kind"), ({"valid_until": date(2026, 11, 20)}, "valid_until")],
)
def test_a_document_is_seen_known_and_valid(session: Session, more: dict[str, Any], field: str) -> None:
    one, _, boss = home(session)
    with pytest.raises(Invalid) as refused:
        service.record_paper(session, one.id, paper(**more), actor=boss, now=NOW)
    assert set(refused.value.fields) == {field}


def test_nobody_vouches_for_themselves_and_one_form_is_one_document(session: Session) -> None:
    one, two, boss = home(session)
    assert boss.member_id is not None
    for member_id, actor in ((boss.member_id, boss), (one.id, actor_of(session, one))):
        with pytest.raises(NotAllowed):
            service.record_paper(session, member_id, paper(), actor=actor, now=NOW)
    service.record_paper(session, one.id, paper(), actor=boss, now=NOW)
    with pytest.raises(FormUsed):
        service.record_paper(session, two.id, paper(), actor=boss, now=NOW)


def test_staff_ask_who_belongs_to_another_branch_and_record_nothing_of_themselves(session: Session) -> None:
    one, _two, boss = home(session)
    far = make_member(session, make_branch(session, "XQ"), "孙远方")
    for _ in range(2):
        link = service.link_by_staff(session, one.id, far.number, kind=FAMILY, actor=boss, now=NOW)
        assert (link.confirmed_at, link.asked_by_id, signable(session, one)) == (None, one.id, set())
    service.confirm_family(session, link.id, actor=actor_of(session, far), now=NOW)
    assert signable(session, one) == {far.id}
    boss_of_far = actor_of(session, make_member(session, make_branch(session, "XQ"), roles=("manager",)))
    service.end_family(session, link.id, actor=boss_of_far, now=NOW)  # staff of either branch
    assert signable(session, one) == set()
    mine = queries.get_member(session, boss.member_id or 0)
    for member_id, number in ((one.id, mine.number), (mine.id, one.number)):
        with pytest.raises(NotAllowed):
            service.link_by_staff(session, member_id, number, kind=FAMILY, actor=boss, now=NOW)


def test_staff_of_a_third_branch_end_nothing(session: Session) -> None:
    one, two, boss = home(session)
    link = service.link_by_staff(session, one.id, two.number, kind=FAMILY, actor=boss, now=NOW)
    stranger = actor_of(session, make_member(session, make_branch(session, "XQ"), roles=("manager",)))
    with pytest.raises(NotAllowed):
        service.end_family(session, link.id, actor=stranger, now=NOW)
    assert signable(session, one) == {two.id}


def test_a_guardian_is_one_until_the_ward_is_of_age_and_then_either_ends_it(session: Session) -> None:
    _one, _two, boss = home(session)
    child = child_of(session)
    parent = make_member(session, make_branch(session), "王大明", born_on=date(1980, 1, 1))
    link = service.link_by_staff(session, child.id, parent.number, kind=GUARDIAN_OF, actor=boss, now=NOW)
    assert [one.id for one in queries.list_signable(session, parent.id, date(2033, 12, 31))] == [child.id]
    assert queries.list_signable(session, parent.id, date(2034, 1, 1)) == []
    child.born_on = date(2000, 1, 1)
    service.end_family(session, link.id, actor=actor_of(session, child), now=NOW)
    assert queries.guardians_of(session, child.id) == frozenset()
