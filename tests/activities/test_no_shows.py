"""No-shows: marked by a person, counted when another approves, open to appeal; they never touch hours."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.activities.town import HOUR, Town, join, make_town, people, post, post_shift, shift
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.activities import queries, service
from timebank.activities.models import ABSENT, CONFIRMED, EXCUSED, NoShow, NoShowAppeal, Shift, SignUpOverride
from timebank.activities.rules import BUILT_IN, Limits, is_closed, is_popular, sentences
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.members.models import FAMILY, Member
from timebank.members.service import link_by_staff
from timebank.notices.models import Notice

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("taken", "capacity", "waiting", "popular"),
    [(7, 10, 0, False), (8, 10, 0, True), (1, 10, 1, True), (1, 1, 0, True), (0, 1, 0, False), (4, 5, 0, True)],
)
def test_what_is_popular(taken: int, capacity: int, waiting: int, popular: bool) -> None:
    assert is_popular(taken=taken, capacity=capacity, waiting=waiting, percent=80) == popular


def test_from_how_many_on_popular_shifts_are_closed() -> None:
    assert [is_closed(count, BUILT_IN) for count in (0, 2, 3, 4)] == [False, False, True, True]


def test_the_rule_is_said_in_words_with_its_figures() -> None:
    words = "".join(sentences(Limits(no_shows=2, no_show_days=60, popular_percent=90, offer_hours=12))["缺席"])
    for part in ("60 天内记了 2 次", "90%", "申诉", "从不扣减", "由人决定"):
        assert part in words


def missed(session: Session, town: Town, member: Member, days: int = 1, kind: str = ABSENT) -> NoShow:
    """A shift so many days ago on which a member had a place and did not come; marked and approved."""
    start = NOW - days * DAY
    on = post(session, town, shift(-24.0 * days), now=start - 2 * DAY).shifts[0]
    join(session, on, member, now=start - 2 * DAY)
    service.mark_no_shows(session, on.id, {member.id: kind}, actor=town.lead, now=start + 3 * HOUR)
    service.count_no_shows(session, on.id, came=(), actor=town.lead, now=start + 4 * HOUR)
    return session.scalars(select(NoShow).where(NoShow.shift_id == on.id)).one()


def counted(session: Session, member: Member, now: datetime = NOW) -> int:
    return queries.count_counted(session, member.id, BUILT_IN, now=now)


def other_staff(session: Session, town: Town) -> Member:
    return make_member(session, town.branch, roles=("organiser",))


# --- marking ---


def test_a_mark_counts_only_once_the_list_is_approved(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    on = post_shift(session, town)
    join(session, on, one)
    service.mark_no_shows(session, on.id, {one.id: ABSENT}, actor=town.lead, now=on.ends_at)
    assert (counted(session, one, on.ends_at), queries.marks_of(session, on.id)) == (0, {one.id: ABSENT})
    assert session.scalars(select(Notice).where(Notice.member_id == one.id)).all() == []
    for _ in range(2):
        service.count_no_shows(session, on.id, came=(), actor=town.lead, now=on.ends_at)
    assert counted(session, one, on.ends_at) == 1
    [told] = session.scalars(select(Notice).where(Notice.member_id == one.id))
    assert (told.kind, told.link) == ("no_show.counted", "/me/no-shows")


def test_a_mark_is_changed_and_taken_back_until_then_and_not_after(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    on = post_shift(session, town)
    join(session, on, one)
    for kind in (ABSENT, EXCUSED, "", ABSENT):
        service.mark_no_shows(session, on.id, {one.id: kind}, actor=town.lead, now=on.ends_at)
        assert queries.marks_of(session, on.id) == ({one.id: kind} if kind else {})
    service.count_no_shows(session, on.id, came=(), actor=town.lead, now=on.ends_at)
    service.mark_no_shows(session, on.id, {one.id: ""}, actor=town.lead, now=on.ends_at)
    assert queries.marks_of(session, on.id) == {one.id: ABSENT}


def test_who_came_after_all_loses_the_mark(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    on = post_shift(session, town)
    join(session, on, one)
    service.mark_no_shows(session, on.id, {one.id: ABSENT}, actor=town.lead, now=on.ends_at)
    assert service.count_no_shows(session, on.id, came=[one.id], actor=town.lead, now=on.ends_at) == 0
    assert queries.marks_of(session, on.id) == {}


def test_an_excuse_is_no_absence(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    missed(session, town, one, kind=EXCUSED)
    assert counted(session, one) == 0
    assert session.scalars(select(Notice).where(Notice.member_id == one.id)).all() == []


def test_marking_is_refused_early_without_the_right_of_oneself_and_of_strangers(session: Session) -> None:
    town = make_town(session)
    one, stranger = people(session, town, 2)
    on = post_shift(session, town)
    join(session, on, one)
    join(session, on, town.organiser)
    with pytest.raises(service.NotOver):
        service.mark_no_shows(session, on.id, {one.id: ABSENT}, actor=town.lead, now=on.starts_at)
    with pytest.raises(NotAllowed):
        service.mark_no_shows(session, on.id, {one.id: ABSENT}, actor=actor_of(session, stranger), now=on.ends_at)
    with pytest.raises(service.OwnMark):
        service.mark_no_shows(session, on.id, {town.organiser.id: ABSENT}, actor=town.lead, now=on.ends_at)
    for marks in ({stranger.id: ABSENT}, {one.id: "late"}):
        with pytest.raises(Invalid):
            service.mark_no_shows(session, on.id, marks, actor=town.lead, now=on.ends_at)


# --- what it closes ---


def popular(session: Session, town: Town) -> Shift:
    """A shift of five places of which four are taken."""
    on = post_shift(session, town, capacity=5, hours=100)
    for member in people(session, town, 4):
        join(session, on, member)
    return on


def test_three_in_ninety_days_close_popular_shifts_and_no_others(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    for days in (80, 40):
        missed(session, town, one, days)
    sought, quiet = popular(session, town), post_shift(session, town, capacity=5, hours=200)
    missed(session, town, one, 10)
    with pytest.raises(service.DoesNotFit, match=r"90 天内有 3 次缺席.*满 3 次.*80%.*申诉"):
        join(session, sought, one)
    assert join(session, quiet, one) == CONFIRMED


def test_two_close_nothing_and_old_ones_run_out(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    for days in (89, 40, 10):
        missed(session, town, one, days)
    assert (counted(session, one), counted(session, one, NOW + DAY)) == (3, 2)
    on = popular(session, town)
    assert join(session, on, one, now=NOW + DAY) == CONFIRMED


def test_a_place_that_one_has_is_kept(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    on = popular(session, town)
    assert join(session, on, one) == CONFIRMED
    for days in (30, 20, 10):
        missed(session, town, one, days)
    assert join(session, on, one) == CONFIRMED


def test_staff_may_let_it_pass_with_a_reason_that_is_kept(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    for days in (30, 20, 10):
        missed(session, town, one, days)
    on = popular(session, town)
    with pytest.raises(service.NeedsReason) as refused:
        service.sign_up(session, on.id, member_id=one.id, actor=town.lead, now=NOW)
    assert "override" in refused.value.fields
    given = service.Given(override="本人来电说明过，家里有病人")
    signed = service.sign_up(session, on.id, member_id=one.id, actor=town.lead, now=NOW, given=given)
    assert signed.status == CONFIRMED
    [kept] = session.scalars(select(SignUpOverride))
    assert (kept.member_id, kept.code, kept.reason, kept.by_id) == (
        one.id,
        "no_shows",
        given.override,
        town.organiser.id,
    )


def test_nobody_lets_it_pass_for_themselves(session: Session) -> None:
    town = make_town(session)
    on = popular(session, town)
    colleague = other_staff(session, town)
    place = Town(town.branch, colleague, actor_of(session, colleague))
    for days in (30, 20, 10):
        missed(session, place, town.organiser, days)
    with pytest.raises(service.DoesNotFit):
        service.sign_up(
            session,
            on.id,
            member_id=town.organiser.id,
            actor=town.lead,
            now=NOW,
            given=service.Given(override="我要去"),
        )


# --- appeals ---


def appealed(session: Session, town: Town, words: str = "我去了，手机没电") -> tuple[Member, NoShowAppeal]:
    [one] = people(session, town, 1)
    mark = missed(session, town, one)
    asked = service.appeal(session, mark.id, words=words, form_key="k", actor=actor_of(session, one), now=NOW)
    return one, asked


def test_an_appeal_that_is_agreed_to_lifts_the_mark_and_says_why(session: Session) -> None:
    town = make_town(session)
    one, asked = appealed(session, town)
    assert [found.id for found in queries.list_open_appeals(session, [town.branch.id])] == [asked.id]
    judge = actor_of(session, other_staff(session, town))
    for _ in range(2):
        service.decide_appeal(session, asked.id, agreed=True, reason="组长证明", actor=judge, now=NOW)
    assert (counted(session, one), queries.list_open_appeals(session, None)) == (0, [])
    [mark] = queries.list_no_shows_of(session, one.id)
    assert (mark.lift_reason, mark.lifted_by_id, mark.kind) == ("组长证明", judge.member_id, ABSENT)
    kinds = session.scalars(select(Notice.kind).where(Notice.member_id == one.id).order_by(Notice.id)).all()
    assert kinds == ["no_show.counted", "no_show.lifted"]


def test_an_appeal_that_is_declined_changes_nothing_and_is_not_asked_again(session: Session) -> None:
    town = make_town(session)
    one, asked = appealed(session, town)
    judge = actor_of(session, other_staff(session, town))
    service.decide_appeal(session, asked.id, agreed=False, reason="没有人看见", actor=judge, now=NOW)
    assert counted(session, one) == 1
    with pytest.raises(service.AppealDecided):
        service.decide_appeal(session, asked.id, agreed=True, reason="算了", actor=judge, now=NOW)
    with pytest.raises(service.AppealedBefore):
        service.appeal(session, asked.no_show_id, words="再看看", form_key="k2", actor=actor_of(session, one), now=NOW)


def test_only_who_has_no_hand_in_it_decides(session: Session) -> None:
    town = make_town(session)
    one, asked = appealed(session, town)
    marker = other_staff(session, town)
    asked_of_other = missed(session, Town(town.branch, marker, actor_of(session, marker)), one, 5)
    second = service.appeal(
        session, asked_of_other.id, words="请了假的", form_key="k3", actor=actor_of(session, one), now=NOW
    )
    with pytest.raises(service.Involved):  # marked it, and leads the activity
        service.decide_appeal(session, asked.id, agreed=True, reason="x", actor=town.lead, now=NOW)
    with pytest.raises(service.Involved):
        service.decide_appeal(session, second.id, agreed=True, reason="x", actor=actor_of(session, marker), now=NOW)
    service.decide_appeal(session, second.id, agreed=True, reason="确实请了假", actor=town.lead, now=NOW)
    stranger = make_member(session, make_branch(session, "XQ"), roles=("organiser",))
    for actor in (actor_of(session, one), actor_of(session, stranger)):
        with pytest.raises(NotAllowed):
            service.decide_appeal(session, asked.id, agreed=True, reason="x", actor=actor, now=NOW)


def test_family_does_not_decide(session: Session) -> None:
    town = make_town(session)
    one, asked = appealed(session, town)
    brother = other_staff(session, town)
    boss = actor_of(session, make_member(session, town.branch, roles=("manager",)))
    link_by_staff(session, one.id, brother.number, kind=FAMILY, actor=boss, now=NOW)
    with pytest.raises(service.Involved):
        service.decide_appeal(session, asked.id, agreed=True, reason="x", actor=actor_of(session, brother), now=NOW)


def test_an_appeal_against_a_mark_that_was_lifted_is_over(session: Session) -> None:
    town = make_town(session)
    _one, asked = appealed(session, town)
    service.lift_no_show(session, asked.no_show_id, reason="记错了人", actor=town.lead, now=NOW)
    assert queries.list_open_appeals(session, [town.branch.id]) == []
    judge = actor_of(session, other_staff(session, town))
    with pytest.raises(service.AppealDecided):
        service.decide_appeal(session, asked.id, agreed=False, reason="x", actor=judge, now=NOW)


def test_the_database_itself_keeps_markers_and_members_from_deciding(session: Session) -> None:
    town = make_town(session)
    one, asked = appealed(session, town)
    for judge in (one.id, town.organiser.id):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(
                sa.text(
                    "UPDATE no_show_appeal SET decided_at = :at, decided_by_id = :by, agreed = :yes, reason = 'x' "
                    "WHERE id = :id"
                ),
                {"at": "2026-11-21 01:00:00+00", "by": judge, "yes": True, "id": asked.id},
            )


def test_a_decided_appeal_and_an_override_stay_as_they_are(session: Session) -> None:
    town = make_town(session)
    _one, asked = appealed(session, town)
    judge = actor_of(session, other_staff(session, town))
    service.decide_appeal(session, asked.id, agreed=False, reason="没有人看见", actor=judge, now=NOW)
    for statement in ("UPDATE no_show_appeal SET reason = 'y'", "DELETE FROM no_show_appeal"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(sa.text(statement))


def test_an_appeal_is_ones_own_has_words_and_is_sent_once(session: Session) -> None:
    town = make_town(session)
    one, asked = appealed(session, town)
    mine = actor_of(session, one)
    again = service.appeal(session, asked.no_show_id, words=asked.words, form_key="k", actor=mine, now=NOW)
    assert again.id == asked.id
    with pytest.raises(FormUsed):
        service.appeal(session, asked.no_show_id, words="别的话", form_key="k", actor=mine, now=NOW)
    excused = missed(session, town, one, 3, kind=EXCUSED)
    with pytest.raises(service.NothingToAppeal):
        service.appeal(session, excused.id, words="x", form_key="k4", actor=mine, now=NOW)
    with pytest.raises(Invalid):
        service.appeal(session, asked.no_show_id, words="", form_key="k5", actor=mine, now=NOW)
    other = people(session, town, 1)[0]
    with pytest.raises(NotAllowed):
        service.appeal(session, asked.no_show_id, words="x", form_key="k6", actor=actor_of(session, other), now=NOW)


def test_staff_lift_a_mark_with_a_reason_but_not_their_own(session: Session) -> None:
    town = make_town(session)
    [one] = people(session, town, 1)
    mark = missed(session, town, one)
    with pytest.raises(Invalid):
        service.lift_no_show(session, mark.id, reason="", actor=town.lead, now=NOW)
    for _ in range(2):
        service.lift_no_show(session, mark.id, reason="记错了人", actor=town.lead, now=NOW)
    assert counted(session, one) == 0
    colleague = other_staff(session, town)
    own = missed(session, Town(town.branch, colleague, actor_of(session, colleague)), town.organiser)
    with pytest.raises(service.OwnMark):
        service.lift_no_show(session, own.id, reason="x", actor=town.lead, now=NOW)


# --- the limits themselves ---


def save(session: Session, town: Town, limits: Limits, key: str = "k", reason: str = "网点会议决定") -> None:
    boss = actor_of(session, make_member(session, town.branch, roles=("manager",)))
    draft = service.LimitsDraft(branch_id=town.branch.id, limits=limits, reason=reason, form_key=key)
    service.save_limits(session, draft, actor=boss, now=NOW)


def test_a_branch_saves_its_own_limits_and_the_newest_holds(session: Session) -> None:
    town = make_town(session)
    assert queries.find_limits(session, town.branch.id) == BUILT_IN
    save(session, town, Limits(no_shows=1), "a")
    save(session, town, Limits(no_shows=2), "b")
    assert queries.find_limits(session, town.branch.id) == Limits(no_shows=2)
    assert len(queries.list_limit_rules(session, town.branch.id)) == 2
    assert queries.find_limits(session, make_branch(session, "XQ").id) == BUILT_IN
    [one] = people(session, town, 1)
    for days in (20, 10):
        missed(session, town, one, days)
    with pytest.raises(service.DoesNotFit, match="满 2 次"):
        join(session, popular(session, town), one)


def test_limits_need_a_reason_a_change_and_the_right(session: Session) -> None:
    town = make_town(session)
    with pytest.raises(Invalid):
        save(session, town, Limits(no_shows=1), reason="")
    with pytest.raises(service.SameLimits):
        save(session, town, BUILT_IN)
    draft = service.LimitsDraft(branch_id=town.branch.id, limits=Limits(no_shows=1), reason="x", form_key="k")
    with pytest.raises(NotAllowed):
        service.save_limits(session, draft, actor=town.lead, now=NOW)
    save(session, town, Limits(no_shows=1), "same")
    with pytest.raises(FormUsed):
        save(session, town, Limits(no_shows=9), "same")
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(sa.text("UPDATE sign_up_rule SET no_shows = 5"))
    assert issubclass(service.SameLimits, Conflict)
