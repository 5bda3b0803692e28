"""Who fits a shift: ages on its day, papers, skills, guardians, danger; for members and for staff alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.activities.town import HOUR, Town, draft, join, make_town, people, post, shift
from tests.world import CONSENTS, NOW, actor_of, make_member
from timebank.activities import service
from timebank.activities.models import CATEGORIES, CONFIRMED, GuardianConsent, Shift, SignUp, SignUpOverride
from timebank.activities.queries import ActivityNotFound
from timebank.activities.rules import find_agreement_reasons, find_publishing_faults
from timebank.activities.rules.fitness import Candidate, Demands, find_hindrances
from timebank.core.actor import Actor
from timebank.core.errors import Invalid, NotAllowed
from timebank.exchange.rules import LICENSED
from timebank.members.models import GUARDIAN_OF, Member
from timebank.members.rules import GUARDIAN
from timebank.members.rules.papers import PAPERS, RESERVED, SKILLS, codes_in, one_text
from timebank.members.service import (
    PaperDraft,
    link_by_staff,
    record_paper,
    withdraw_paper,
)

HAIR = {"haircut": SKILLS["haircut"]}
NURSE = {"nurse": PAPERS["nurse"]}


@pytest.mark.parametrize(
    ("demands", "person", "codes"),
    [
        ({}, {}, []),
        ({}, {"age": 70}, []),
        ({"dangerous": True}, {"age": 18}, []),
        ({"dangerous": True}, {"age": 17, "guarded": True}, ["minor_in_danger!"]),
        ({"dangerous": True}, {"age": 17}, ["minor_in_danger!", "guardian_teen"]),
        ({"dangerous": True}, {}, ["age_unknown!"]),
        ({}, {"age": 13}, ["guardian!"]),
        ({}, {"age": 13, "guarded": True}, []),
        ({}, {"age": 14}, ["guardian_teen"]),
        ({}, {"age": 17, "guarded": True}, []),
        ({"min_age": 60}, {"age": 60}, []),
        ({"min_age": 60}, {"age": 59}, ["age!"]),
        ({"max_age": 60}, {"age": 60}, []),
        ({"max_age": 60}, {"age": 61}, ["age!"]),
        ({"min_age": 16}, {}, ["age_unknown"]),
        ({"papers": NURSE}, {"papers": frozenset({"nurse"})}, []),
        ({"papers": NURSE}, {"papers": frozenset({"doctor"})}, ["papers!"]),
        ({"skills": HAIR}, {"skills": "会剪发三十年"}, []),
        ({"skills": HAIR}, {"skills": "修电器"}, ["skills"]),
        ({"dangerous": True, "papers": NURSE, "skills": HAIR}, {"age": 30}, ["papers!", "skills"]),
    ],
)
def test_what_stands_against_somebody(demands: dict[str, object], person: dict[str, object], codes: list[str]) -> None:
    found = find_hindrances(Demands(**demands), Candidate(**person))  # type: ignore[arg-type]
    assert [one.code + "!" * one.blocks for one in found] == codes
    assert all(one.text.endswith("。") for one in found)


def test_codes_of_a_column_come_back_sorted_and_once() -> None:
    assert one_text(["nurse", "doctor", "nurse"]) == "doctor,nurse"
    assert codes_in("doctor,nurse") == ("doctor", "nurse")
    assert codes_in("") == ()


def test_the_law_reserves_the_same_work_here_and_in_exchange() -> None:
    assert set(RESERVED) == LICENSED
    assert set(RESERVED) <= set(CATEGORIES)
    assert {paper for papers in RESERVED.values() for paper in papers} <= set(PAPERS)


# --- publishing ---


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({}, set()),
        ({"risk": "medium", "risk_text": "车多"}, {"insurance_policy"}),
        ({"risk": "high", "risk_text": "登高", "walk_ins": False}, {"insurance_policy"}),
        ({"risk": "high", "risk_text": "登高", "insurance_policy": "P1"}, {"walk_ins"}),
        ({"risk": "high", "risk_text": "登高", "insurance_policy": "P1", "walk_ins": False}, set()),
        ({"category": "legal"}, {"needed_papers"}),
        ({"category": "legal", "needed_papers": "lawyer"}, {"walk_ins"}),
        ({"category": "legal", "needed_papers": "lawyer", "walk_ins": False}, set()),
        ({"category": "medical", "needed_papers": "nurse", "walk_ins": False}, set()),
        ({"category": "medical", "needed_papers": "lawyer", "walk_ins": False}, {"needed_papers"}),
        ({"category": "electrical", "needed_papers": "electrician,first_aid", "walk_ins": False}, set()),
    ],
)
def test_what_stands_between_a_draft_and_publishing(
    session: Session, more: dict[str, object], fields: set[str]
) -> None:
    written = replace(draft(make_town(session).branch), **more)  # type: ignore[arg-type]
    assert set(find_publishing_faults(written, now=NOW)) == fields


@pytest.mark.parametrize(
    ("more", "reasons"),
    [
        ({}, []),
        ({"risk": "medium"}, []),
        ({"risk": "high"}, ["可能有人身危险"]),
        ({"special": "foreign,outside"}, ["有境外的人或组织参加", "到省外服务"]),
        ({"special": "large"}, ["为大型活动服务"]),
        ({"shifts": (shift(24, capacity=1000),)}, ["为大型活动服务"]),
        ({"shifts": (shift(24), shift(24 * 30))}, []),
        ({"shifts": (shift(24), shift(24 * 32))}, ["连续一个月以上"]),
    ],
)
def test_when_a_written_agreement_is_due(session: Session, more: dict[str, object], reasons: list[str]) -> None:
    written = replace(draft(make_town(session).branch), **more)  # type: ignore[arg-type]
    assert find_agreement_reasons(written) == reasons


def test_impossible_ages_are_refused(session: Session) -> None:
    town = make_town(session)
    for more in ({"min_age": 50, "max_age": 40}, {"risk": "high", "max_age": 17}):
        with pytest.raises(Invalid) as refused:
            service.post_activity(session, draft(town.branch, **more), actor=town.lead, now=NOW)
        assert "max_age" in refused.value.fields


# --- signing up ---


def on_shift(session: Session, town: Town, hours: float = 24, **more: object) -> Shift:
    return post(session, town, shift(hours, capacity=9), **more).shifts[0]


def sign(session: Session, on: Shift, member: Member, actor: Actor, **given: object) -> str:
    return service.sign_up(
        session,
        on.id,
        member_id=member.id,
        actor=actor,
        now=NOW,
        given=service.Given(**given),  # type: ignore[arg-type]
    ).status


def minor(session: Session, town: Town, born: date, name: str = "王小明") -> Member:
    child = {"guardian": "王大明", "consents": CONSENTS | {GUARDIAN}}
    return make_member(session, town.branch, name, born_on=born, **child)


def boss_of(session: Session, town: Town) -> Actor:
    return actor_of(session, make_member(session, town.branch, roles=("manager",)))


def guardian_of(session: Session, town: Town, child: Member) -> Member:
    parent = make_member(session, town.branch, "王大明", born_on=date(1980, 1, 1))
    link_by_staff(session, child.id, parent.number, kind=GUARDIAN_OF, actor=boss_of(session, town), now=NOW)
    return parent


DANGER = {"risk": "high", "risk_text": "登高", "insurance_policy": "P1", "walk_ins": False}


def test_age_is_that_of_the_day_of_the_shift(session: Session) -> None:
    town = make_town(session)
    member = make_member(session, town.branch, born_on=date(1966, 11, 24))
    on, later = on_shift(session, town, 48, min_age=60), on_shift(session, town, 72, min_age=60)
    with pytest.raises(service.DoesNotFit, match="59 周岁"):
        join(session, on, member)  # the day before the birthday
    assert join(session, later, member) == CONFIRMED


def test_no_minor_in_danger_not_even_by_staff_or_with_a_guardian(session: Session) -> None:
    town = make_town(session)
    child = minor(session, town, date(2009, 1, 1))
    parent = guardian_of(session, town, child)
    on = on_shift(session, town, **DANGER)
    for actor in (actor_of(session, child), actor_of(session, parent), town.lead):
        with pytest.raises(service.DoesNotFit, match="未成年人"):
            sign(session, on, child, actor, risk_read=True, override="他很想去")
    assert on.taken == 0


def test_nobody_of_unknown_age_in_danger(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    on = on_shift(session, town, **DANGER)
    with pytest.raises(service.DoesNotFit, match="出生日期"):
        sign(session, on, one, town.lead, risk_read=True, override="看着是成年人")


def test_the_risks_of_dangerous_work_are_read_before_and_that_is_kept(session: Session) -> None:
    town = make_town(session)
    one = make_member(session, town.branch, born_on=date(1990, 1, 1))
    on = on_shift(session, town, **DANGER)
    for actor in (actor_of(session, one), town.lead):
        with pytest.raises(service.RiskUnread) as refused:
            sign(session, on, one, actor)
        assert "risk_read" in refused.value.fields
    assert sign(session, on, one, actor_of(session, one), risk_read=True) == CONFIRMED
    assert session.scalars(select(SignUp.risk_read_at).where(SignUp.member_id == one.id)).one() == NOW


def test_a_paper_counts_when_seen_and_valid_on_the_day(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    on = on_shift(session, town, 24, needed_papers="first_aid", walk_ins=False)
    boss = boss_of(session, town)

    def paper(valid_until: date | None, key: str) -> int:
        kept = PaperDraft(kind="first_aid", valid_until=valid_until, note="", seen=True, form_key=key)
        return record_paper(session, one.id, kept, actor=boss, now=NOW).id

    with pytest.raises(service.DoesNotFit, match="急救证"):
        join(session, on, one)
    paper(date(2026, 11, 21), "a")  # runs out the day before
    with pytest.raises(service.DoesNotFit):
        sign(session, on, one, town.lead, override="我见过他的证")
    second = paper(date(2026, 11, 22), "b")
    withdraw_paper(session, second, actor=boss, now=NOW)
    with pytest.raises(service.DoesNotFit):
        join(session, on, one)
    paper(None, "c")
    assert join(session, on, one) == CONFIRMED


def test_a_skill_that_is_not_written_down_can_be_passed_by_staff_with_a_reason(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    barber = make_member(session, town.branch, skills="理发三十年")
    on = on_shift(session, town, needed_skills="haircut")
    assert join(session, on, barber) == CONFIRMED
    with pytest.raises(service.DoesNotFit, match="要会理发"):
        join(session, on, one)
    with pytest.raises(service.NeedsReason):
        sign(session, on, one, town.lead)
    assert sign(session, on, one, town.lead, override="跟着师傅学") == CONFIRMED
    assert [row.code for row in session.scalars(select(SignUpOverride))] == ["skills"]


def test_an_offer_is_not_taken_by_who_no_longer_fits(session: Session) -> None:
    town = make_town(session)
    boss = boss_of(session, town)
    one, two = people(session, town, 2)
    papers = [
        record_paper(
            session,
            member.id,
            PaperDraft(kind="driver", valid_until=None, note="", seen=True, form_key=f"d{member.id}"),
            actor=boss,
            now=NOW,
        )
        for member in (one, two)
    ]
    on = post(session, town, shift(24, capacity=1), needed_papers="driver", walk_ins=False).shifts[0]
    join(session, on, one)
    join(session, on, two)
    service.leave(session, on.id, member_id=one.id, reason="有事", actor=actor_of(session, one), now=NOW)
    withdraw_paper(session, papers[1].id, actor=boss, now=NOW)
    with pytest.raises(service.DoesNotFit, match="驾驶证"):
        service.accept_offer(session, on.id, member_id=two.id, actor=actor_of(session, two), now=NOW)


def test_new_demands_are_refused_while_somebody_listed_does_not_meet_them(session: Session) -> None:
    town = make_town(session)
    young = make_member(session, town.branch, "陈小青", born_on=date(2000, 1, 1))
    on = on_shift(session, town, walk_ins=False)
    join(session, on, young)
    written = service.draft_of(on.activity)
    for more, field in (({"min_age": 60}, "min_age"), ({"needed_papers": "nurse"}, "needed_papers")):
        with pytest.raises(Invalid) as refused, session.begin_nested():
            service.change_activity(session, on.activity_id, replace(written, **more), actor=town.lead, now=NOW)  # type: ignore[arg-type]
        assert "陈小青" in refused.value.fields[field]


def test_a_shift_is_not_moved_to_a_day_on_which_somebody_listed_is_too_old(session: Session) -> None:
    town = make_town(session)
    one = make_member(session, town.branch, "陈小青", born_on=date(1955, 11, 25))
    on = on_shift(session, town, 48, max_age=70)  # the day before the birthday
    join(session, on, one)
    written = service.draft_of(on.activity)
    later = [
        replace(row, starts_at=row.starts_at + 48 * HOUR, ends_at=row.ends_at + 48 * HOUR) for row in written.shifts
    ]
    with pytest.raises(Invalid) as refused:
        service.change_activity(session, on.activity_id, replace(written, shifts=later), actor=town.lead, now=NOW)
    assert "陈小青" in refused.value.fields["shifts-0-date"]


def test_demands_are_recorded_when_they_change(session: Session) -> None:
    town = make_town(session)
    on = on_shift(session, town)
    written = replace(service.draft_of(on.activity), min_age=18, needed_skills="haircut")
    changed = service.change_activity(session, on.activity_id, written, actor=town.lead, now=NOW)
    assert (changed.min_age, changed.needed_skills) == (18, "haircut")
    copied = service.copy_activity(session, changed.id, form_key="copy", actor=town.lead, now=NOW)
    assert (copied.min_age, copied.needed_skills) == (18, "haircut")


# --- guardians ---


def test_under_fourteen_only_with_a_guardians_word_or_presence(session: Session) -> None:
    town = make_town(session)
    child = minor(session, town, date(2016, 1, 1))
    on = on_shift(session, town)
    with pytest.raises(service.DoesNotFit, match="监护人同意或者一起参加"):
        join(session, on, child)
    with pytest.raises(service.DoesNotFit):
        sign(session, on, child, town.lead, override="家长说可以")
    parent = guardian_of(session, town, child)
    join(session, on, parent)
    assert join(session, on, child) == CONFIRMED  # the guardian comes along


def test_a_guardian_who_signs_the_child_up_has_agreed_to_this_activity_alone(session: Session) -> None:
    town = make_town(session)
    child = minor(session, town, date(2016, 1, 1))
    parent = guardian_of(session, town, child)
    on, other = on_shift(session, town), on_shift(session, town, 72)
    assert sign(session, on, child, actor_of(session, parent)) == CONFIRMED
    [given] = session.scalars(select(GuardianConsent))
    assert (given.member_id, given.guardian_id, given.activity_id, given.how) == (
        child.id,
        parent.id,
        on.activity_id,
        "account",
    )
    with pytest.raises(service.DoesNotFit):
        join(session, other, child)


def test_a_standing_consent_holds_until_it_is_taken_back(session: Session) -> None:
    town = make_town(session)
    child = minor(session, town, date(2016, 1, 1))
    parent = actor_of(session, guardian_of(session, town, child))
    given = [
        service.agree_as_guardian(session, child.id, activity_id=None, form_key="g", actor=parent, now=NOW)
        for _ in range(2)
    ]
    assert given[0].id == given[1].id
    assert join(session, on_shift(session, town), child) == CONFIRMED
    for _ in range(2):
        service.withdraw_consent(session, given[0].id, actor=parent, now=NOW + HOUR)
    with pytest.raises(service.DoesNotFit):
        join(session, on_shift(session, town, 72), child)


def test_taking_a_consent_back_means_every_one_that_stands_for_the_same(session: Session) -> None:
    town = make_town(session)
    child = minor(session, town, date(2016, 1, 1))
    parent = actor_of(session, guardian_of(session, town, child))
    on_paper = service.PaperConsent(guardian_name="王大明", activity_id=None, seen=True, form_key="p")
    service.record_paper_consent(session, child.id, on_paper, actor=town.lead, now=NOW)
    given = service.agree_as_guardian(session, child.id, activity_id=None, form_key="g", actor=parent, now=NOW)
    service.withdraw_consent(session, given.id, actor=parent, now=NOW + HOUR)
    with pytest.raises(service.DoesNotFit):
        join(session, on_shift(session, town), child)


def test_paper_seen_by_staff_is_as_good(session: Session) -> None:
    town = make_town(session)
    teen = minor(session, town, date(2010, 1, 1))
    on = on_shift(session, town)
    with pytest.raises(service.DoesNotFit, match="未满 18 周岁"):
        join(session, on, teen)
    unseen = service.PaperConsent(guardian_name="王大明", activity_id=None, seen=False, form_key="p")
    with pytest.raises(Invalid):
        service.record_paper_consent(session, teen.id, unseen, actor=town.lead, now=NOW)
    seen = replace(unseen, seen=True)
    with pytest.raises(ActivityNotFound):
        service.record_paper_consent(session, teen.id, replace(seen, activity_id=999_999), actor=town.lead, now=NOW)
    first = service.record_paper_consent(session, teen.id, seen, actor=town.lead, now=NOW)
    assert service.record_paper_consent(session, teen.id, seen, actor=town.lead, now=NOW).id == first.id
    assert (first.how, first.seen_by_id, first.guardian_name) == ("paper", town.organiser.id, "王大明")
    assert join(session, on, teen) == CONFIRMED


def test_from_fourteen_on_staff_may_vouch_with_a_reason(session: Session) -> None:
    town = make_town(session)
    teen = minor(session, town, date(2010, 1, 1))
    on = on_shift(session, town)
    with pytest.raises(service.NeedsReason):
        sign(session, on, teen, town.lead)
    assert sign(session, on, teen, town.lead, override="十六岁，自己上班") == CONFIRMED


def test_only_the_recorded_guardian_agrees(session: Session) -> None:
    town = make_town(session)
    child = minor(session, town, date(2016, 1, 1))
    guardian_of(session, town, child)
    stranger = people(session, town, 1)[0]
    for actor in (actor_of(session, stranger), actor_of(session, child), town.lead):
        with pytest.raises(service.NotTheGuardian):
            service.agree_as_guardian(session, child.id, activity_id=None, form_key="g", actor=actor, now=NOW)
    with pytest.raises(NotAllowed):
        service.record_paper_consent(
            session,
            child.id,
            service.PaperConsent(guardian_name="王大明", activity_id=None, seen=True, form_key="p"),
            actor=actor_of(session, stranger),
            now=NOW,
        )
