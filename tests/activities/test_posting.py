"""Posting, publishing, changing, cancelling and copying activities."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.activities.town import HOUR, draft, join, make_town, people, post, post_shift, shift
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.activities import queries, service
from timebank.activities.models import CANCELLED, DRAFT, PUBLISHED, WAITING, Activity, Shift
from timebank.activities.rules import find_overlaps
from timebank.core.actor import SYSTEM
from timebank.core.errors import Invalid, NotAllowed
from timebank.members.models import Team
from timebank.notices.queries import list_notices


def told(session: Session, member_id: int) -> list[str]:
    return [notice.title for notice in list_notices(session, member_id).items]


def faults(refused: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return set(refused.value.fields)


def test_an_activity_starts_as_a_draft_led_by_who_wrote_it(session: Session) -> None:
    town = make_town(session)
    made = service.post_activity(session, draft(town.branch, shift(24), shift(48)), actor=town.lead, now=NOW)
    assert (made.status, made.organiser_id, len(made.shifts)) == (DRAFT, town.organiser.id, 2)
    assert queries.list_drafts(session, queries.Scope(organiser_id=town.organiser.id)) == [made]


def test_the_same_form_twice_makes_one_activity(session: Session) -> None:
    town = make_town(session)
    written = draft(town.branch)
    first = service.post_activity(session, written, actor=town.lead, now=NOW)
    again = service.post_activity(session, written, actor=town.lead, now=NOW)
    assert (again.id, len(again.shifts)) == (first.id, 1)
    assert len(session.scalars(select(Activity)).all()) == 1


def test_the_same_form_with_other_content_or_from_another_is_refused(session: Session) -> None:
    town = make_town(session)
    written = draft(town.branch, shift(48), shift(24))
    first = service.post_activity(session, written, actor=town.lead, now=NOW)
    swapped = replace(written, shifts=[shift(24), shift(48)])
    assert service.post_activity(session, swapped, actor=town.lead, now=NOW).id == first.id
    other = actor_of(session, make_member(session, town.branch, roles=("organiser",)))
    for changed, actor in (
        (replace(written, title="打扫楼道"), town.lead),
        (replace(written, shifts=[shift(24)]), town.lead),
        (written, other),
    ):
        with pytest.raises(service.AlreadyPosted, match="已经提交过一次"):
            service.post_activity(session, changed, actor=actor, now=NOW)
    assert len(session.scalars(select(Activity)).all()) == 1


def test_how_time_is_counted_stays_once_a_shift_has_begun(session: Session) -> None:
    town = make_town(session)
    live = post(session, town, shift(1), shift(48))
    written = service.draft_of(live)
    change = {"actor": town.lead, "now": NOW + 0.5 * HOUR}
    assert service.change_activity(session, live.id, replace(written, judged_by="planned"), **change).judged_by
    written = replace(
        service.draft_of(live), shifts=[s for s in service.draft_of(live).shifts if s.starts_at > NOW + 2 * HOUR]
    )
    change["now"] = NOW + 1 * HOUR
    for changed in (replace(written, judged_by="actual"), replace(written, rounding_minutes=30)):
        with pytest.raises(service.PolicyFixed, match="时长算法"):
            service.change_activity(session, live.id, changed, **change)
    assert service.change_activity(session, live.id, replace(written, title="陪聊"), **change).title == "陪聊"


def test_published_activities_are_listed_and_drafts_are_not(session: Session) -> None:
    town = make_town(session)
    service.post_activity(session, draft(town.branch), actor=town.lead, now=NOW)
    live = post(session, town, shift(48), shift(24), category="safety")
    page = queries.list_coming(session, queries.ShiftFilter(), now=NOW)
    assert [one.id for one in page.items] == [live.shifts[0].id, live.shifts[1].id]
    assert page.items[0].starts_at < page.items[1].starts_at
    for wanted, found in (
        (queries.ShiftFilter(category="safety"), 2),
        (queries.ShiftFilter(category="elderly"), 0),
        (queries.ShiftFilter(branch_ids={town.branch.id}), 2),
        (queries.ShiftFilter(branch_ids=set()), 0),
    ):
        assert queries.list_coming(session, wanted, now=NOW).total == found
    assert queries.list_coming(session, queries.ShiftFilter(), now=NOW + 30 * HOUR).total == 1
    assert len(queries.list_month(session, queries.ShiftFilter(), "2026-11")) == 2
    assert queries.list_month(session, queries.ShiftFilter(), "2026-12") == []


# --- what a draft may not be ---


def test_1_posting_needs_the_right_at_that_branch(session: Session) -> None:
    town = make_town(session)
    elsewhere = make_branch(session, "XQ")
    volunteer = actor_of(session, make_member(session, town.branch))
    for branch, actor in ((town.branch, volunteer), (elsewhere, town.lead), (town.branch, SYSTEM)):
        with pytest.raises(NotAllowed):
            service.post_activity(session, draft(branch), actor=actor, now=NOW)


@pytest.mark.parametrize(
    ("shifts", "field"),
    [
        ((), "shifts-0-date"),
        ((shift(length=0),), "shifts-0-end"),
        ((shift(), shift(length=-1)), "shifts-1-end"),
        ((shift(length=24.5),), "shifts-0-end"),
        ((shift(length=1, break_minutes=60),), "shifts-0-break_minutes"),
        ((shift(capacity=0),), "shifts-0-capacity"),
        ((shift(capacity=-3),), "shifts-0-capacity"),
        (tuple(shift(hours) for hours in range(1, 32)), "shifts-0-date"),
    ],
)
def test_2_a_shift_must_be_sound(session: Session, shifts: tuple, field: str) -> None:  # type: ignore[type-arg]
    town = make_town(session)
    with pytest.raises(Invalid) as refused:
        service.post_activity(session, replace(draft(town.branch), shifts=shifts), actor=town.lead, now=NOW)
    assert faults(refused) == {field}
    assert session.scalars(select(Shift)).all() == []


def test_2_a_whole_day_is_not_too_long(session: Session) -> None:
    town = make_town(session)
    assert post(session, town, shift(length=24)).status == PUBLISHED


def test_3_a_team_must_belong_to_the_branch(session: Session) -> None:
    town = make_town(session)
    team = Team(branch_id=make_branch(session, "XQ").id, name="外来队", kind="", created_at=NOW)
    session.add(team)
    session.flush()
    with pytest.raises(Invalid) as refused:
        service.post_activity(session, draft(town.branch, team_id=team.id), actor=town.lead, now=NOW)
    assert faults(refused) == {"team_id"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"risk": "high", "risk_text": "登高", "walk_ins": False}, "insurance_policy"),
        ({"risk": "high", "risk_text": "登高", "insurance_policy": "P1"}, "walk_ins"),
        ({"risk": "medium", "insurance_policy": "P1"}, "risk_text"),
        ({"risk": "medium", "risk_text": "车多"}, "insurance_policy"),
        ({"category": "legal"}, "needed_papers"),
        ({"category": "electrical", "needed_papers": "lawyer", "walk_ins": False}, "needed_papers"),
        ({"shifts": [shift(-1)]}, "shifts-0-date"),
        ({"shifts": [shift(0)]}, "shifts-0-date"),
        ({"shifts": [shift(24 * 400)]}, "shifts-0-date"),
    ],
)
def test_4_publishing_asks_for_more(session: Session, more: dict[str, object], field: str) -> None:
    town = make_town(session)
    made = service.post_activity(session, replace(draft(town.branch), **more), actor=town.lead, now=NOW)  # type: ignore[arg-type]
    with pytest.raises(service.CannotPublish) as refused:
        service.publish(session, made.id, actor=town.lead, now=NOW)
    assert faults(refused) == {field}
    assert refused.value.message.startswith("还不能发布：")
    assert made.status == DRAFT


def test_a_risky_activity_with_a_policy_is_published_and_twice_is_calm(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, risk="high", risk_text="登高，系安全带", insurance_policy="PICC-1", walk_ins=False)
    assert service.publish(session, made.id, actor=town.lead, now=NOW + HOUR).published_at == NOW


def test_overlapping_shifts_are_allowed_and_pointed_out() -> None:
    assert find_overlaps([shift(1), shift(2), shift(4)]) == [(0, 1)]
    assert find_overlaps([shift(1), shift(3)]) == []


# --- changing ---


def test_a_draft_becomes_what_was_written(session: Session) -> None:
    town = make_town(session)
    made = service.post_activity(session, draft(town.branch, shift(24), shift(48)), actor=town.lead, now=NOW)
    old = service.draft_of(made)
    written = replace(old, title="新名字", shifts=[replace(old.shifts[1], capacity=9), shift(72)])
    service.change_activity(session, made.id, written, actor=town.lead, now=NOW)
    assert made.title == "新名字"
    assert [(one.capacity, one.id == old.shifts[1].shift_id) for one in made.shifts] == [(9, True), (2, False)]
    assert queries.list_changes(session, made.id) == []


def test_a_new_time_is_recorded_and_told_to_those_on_that_shift_only(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, shift(24, capacity=1), shift(48))
    one, waiting, other = people(session, town, 3)
    join(session, made.shifts[0], one)
    assert join(session, made.shifts[0], waiting) == WAITING
    join(session, made.shifts[1], other)
    old = service.draft_of(made)
    moved = replace(old.shifts[0], starts_at=old.shifts[0].starts_at + HOUR)
    service.change_activity(session, made.id, replace(old, shifts=[moved]), actor=town.lead, now=NOW)
    assert told(session, one.id) == told(session, waiting.id) == ["“陪独居老人聊天”的时间或地点变了"]
    assert told(session, other.id) == []
    [change] = queries.list_changes(session, made.id)
    assert change.actor_id == town.organiser.id
    assert [item["what"] for item in change.changes["items"]] == ["starts_at"]
    assert len(made.shifts) == 2  # what was not mentioned stays


def test_a_new_place_is_told_unless_the_shift_has_its_own(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, shift(24), shift(48, place="东门"))
    one, other = people(session, town, 2)
    join(session, made.shifts[0], one)
    join(session, made.shifts[1], other)
    written = replace(service.draft_of(made), place="西门", bring="手套")
    service.change_activity(session, made.id, written, actor=town.lead, now=NOW)
    assert len(told(session, one.id)) == 1
    assert told(session, other.id) == []


def test_nothing_changed_is_nothing_recorded(session: Session) -> None:
    town = make_town(session)
    made = post(session, town)
    service.change_activity(session, made.id, service.draft_of(made), actor=town.lead, now=NOW)
    assert queries.list_changes(session, made.id) == []


def test_more_places_are_offered_along_the_line_as_far_as_they_go(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town, capacity=1)
    crowd = people(session, town, 4)
    for member in crowd:
        join(session, on, member)
    old = service.draft_of(on.activity)
    written = replace(old, shifts=[replace(old.shifts[0], capacity=3)])
    service.change_activity(session, on.activity_id, written, actor=town.lead, now=NOW)
    assert [s.member_id for s in queries.list_offered(session, on.id)] == [m.id for m in crowd[1:3]]
    assert (on.taken, on.capacity) == (3, 3)
    assert told(session, crowd[1].id) == ["轮到您了：“陪独居老人聊天”有名额"]


def test_never_fewer_places_than_are_taken(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town, capacity=2)
    for member in people(session, town, 2):
        join(session, on, member)
    old = service.draft_of(on.activity)
    with pytest.raises(Invalid) as refused:
        service.change_activity(
            session,
            on.activity_id,
            replace(old, shifts=[replace(old.shifts[0], capacity=1)]),
            actor=town.lead,
            now=NOW,
        )
    assert faults(refused) == {"shifts-0-capacity"}
    assert on.capacity == 2


def test_a_shift_may_be_added_and_one_that_has_begun_stays(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, shift(1), shift(24))
    later = NOW + 2 * HOUR
    old = service.draft_of(made)
    with pytest.raises(Invalid) as refused:
        service.change_activity(session, made.id, old, actor=town.lead, now=later)
    assert "shifts-0-date" in faults(refused)
    written = replace(old, shifts=[old.shifts[1], shift(72)])
    service.change_activity(session, made.id, written, actor=town.lead, now=later)
    assert len(made.shifts) == 3
    [change] = queries.list_changes(session, made.id)
    assert [item["what"] for item in change.changes["items"]] == ["added"]


def test_changing_needs_the_right_at_that_branch(session: Session) -> None:
    town = make_town(session)
    made = post(session, town)
    stranger = actor_of(session, make_member(session, make_branch(session, "XQ"), roles=("organiser",)))
    with pytest.raises(NotAllowed):
        service.change_activity(session, made.id, service.draft_of(made), actor=stranger, now=NOW)
    with pytest.raises(NotAllowed):
        service.publish(session, made.id, actor=stranger, now=NOW)
    with pytest.raises(NotAllowed):
        service.cancel_activity(session, made.id, reason="x", actor=stranger, now=NOW)


# --- cancelling ---


def test_cancelling_tells_everybody_and_twice_is_calm(session: Session) -> None:
    town = make_town(session)
    on = post_shift(session, town, capacity=1)
    one, two = people(session, town, 2)
    join(session, on, one)
    join(session, on, two)
    for _ in range(2):
        service.cancel_activity(session, on.activity_id, reason="台风", actor=town.lead, now=NOW)
    assert (on.activity.status, on.activity.cancel_reason, on.cancel_reason) == (CANCELLED, "台风", "台风")
    assert told(session, one.id) == told(session, two.id) == ["“陪独居老人聊天”取消了"]
    assert queries.list_coming(session, queries.ShiftFilter(), now=NOW).total == 0
    with pytest.raises(service.ActivityCancelled):
        service.change_activity(session, on.activity_id, service.draft_of(on.activity), actor=town.lead, now=NOW)
    with pytest.raises(service.ActivityCancelled):
        service.publish(session, on.activity_id, actor=town.lead, now=NOW)


def test_one_cancelled_shift_leaves_the_others_and_the_last_takes_the_activity_along(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, shift(24), shift(48))
    service.cancel_shift(session, made.shifts[0].id, reason="停电", actor=town.lead, now=NOW)
    assert made.status == PUBLISHED
    service.cancel_shift(session, made.shifts[1].id, reason="还是停电", actor=town.lead, now=NOW)
    assert (made.status, made.cancel_reason) == (CANCELLED, "还是停电")


def test_what_has_begun_is_not_cancelled(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, shift(1), shift(24))
    service.cancel_activity(session, made.id, reason="下雨", actor=town.lead, now=NOW + HOUR)
    assert [one.cancelled_at is None for one in made.shifts] == [True, False]
    assert made.status == PUBLISHED
    for verb in (
        lambda: service.cancel_activity(session, made.id, reason="x", actor=town.lead, now=NOW + HOUR),
        lambda: service.cancel_shift(session, made.shifts[0].id, reason="x", actor=town.lead, now=NOW + HOUR),
    ):
        with pytest.raises(service.AlreadyBegun):
            verb()


def test_cancelling_needs_a_reason_and_drafts_are_thrown_away_instead(session: Session) -> None:
    town = make_town(session)
    live = post(session, town)
    with pytest.raises(Invalid) as refused:
        service.cancel_activity(session, live.id, reason="", actor=town.lead, now=NOW)
    assert faults(refused) == {"reason"}
    with pytest.raises(service.NotADraft):
        service.discard_draft(session, live.id, actor=town.lead)
    made = service.post_activity(session, draft(town.branch), actor=town.lead, now=NOW)
    service.discard_draft(session, made.id, actor=town.lead)
    with pytest.raises(queries.ActivityNotFound):
        queries.get_activity(session, made.id)


# --- copying ---


def test_a_copy_is_a_draft_one_week_later(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, shift(24), shift(48), shift(72), bring="手套")
    service.cancel_shift(session, made.shifts[1].id, reason="停电", actor=town.lead, now=NOW)
    copy = service.copy_activity(session, made.id, form_key="c1", actor=town.lead, now=NOW)
    again = service.copy_activity(session, made.id, form_key="c1", actor=town.lead, now=NOW)
    week = timedelta(days=7)
    assert (copy.status, copy.bring, again.id) == (DRAFT, "手套", copy.id)
    assert [one.starts_at for one in copy.shifts] == [made.shifts[0].starts_at + week, made.shifts[2].starts_at + week]
    assert all(one.taken == 0 for one in copy.shifts)


def test_a_copy_of_something_long_ago_lies_in_the_future_on_the_same_weekday(session: Session) -> None:
    town = make_town(session)
    made = post(session, town, shift(24))
    later = NOW + timedelta(days=30)
    copy = service.copy_activity(session, made.id, form_key="c2", actor=town.lead, now=later)
    gap = copy.shifts[0].starts_at - made.shifts[0].starts_at
    assert gap % timedelta(days=7) == timedelta()
    assert timedelta() < copy.shifts[0].starts_at - later <= timedelta(days=7)
