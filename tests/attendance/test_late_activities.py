"""Activities entered after they took place, the pages of rounds, and two people who say yes at the same moment."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, START, Scene, find_attendance, make_scene
from tests.attendance.test_races import Crowd
from tests.attendance.test_races import crowd as crowd
from tests.world import NOW, actor_of, make_member, sign_in
from timebank.activities.models import Activity
from timebank.activities.rules import ActivityDraft, ShiftDraft
from timebank.activities.service import CannotPublish, change_activity, copy_activity, draft_of, post_activity, publish
from timebank.activities.service import sign_up as join
from timebank.attendance.service import (
    ManualEntry,
    NotBackdated,
    ReviewClosed,
    approve_shift,
    enter_backdated,
    set_manual,
    submit_shift,
)
from timebank.core import clock
from timebank.core.db import transaction
from timebank.core.errors import Conflict, Refusal
from timebank.ledger.queries import get_account, get_entry
from timebank.members.models import Member

DAY = timedelta(days=1)
LATE = NOW + 3 * DAY


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def write(session: Session, scene: Scene, *, ago: timedelta = DAY, reason: str = "抢险回来才登记") -> Activity:
    """A draft of an activity that took place so long before ``LATE``."""
    shift = ShiftDraft(starts_at=LATE - ago - timedelta(hours=3), ends_at=LATE - ago, capacity=9)
    draft = ActivityDraft(
        branch_id=scene.branch.id, title="清理河道", category="environment", content="清枯枝", place="中河",
        contact_name="周队长", contact_phone="0574-86780000", risk="low", form_key=f"late-{ago}-{reason}",
        shifts=[shift], backdated_reason=reason,
    )  # fmt: skip
    return post_activity(session, draft, actor=scene.organiser_actor, now=LATE)


@pytest.fixture
def late(session: Session, scene: Scene) -> int:
    """The shift of one that was published."""
    activity = write(session, scene)
    return publish(session, activity.id, actor=scene.organiser_actor, now=LATE).shifts[0].id


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (DAY, ""),
        (59 * DAY, ""),
        (60 * DAY, "60 天以内"),  # it began three hours earlier
        (-DAY, "已经结束"),
        (timedelta(), ""),
    ],
)
def test_how_far_back_one_may_enter(session: Session, scene: Scene, ago: timedelta, words: str) -> None:
    activity = write(session, scene, ago=ago)
    if words:
        with pytest.raises(CannotPublish, match=words):
            publish(session, activity.id, actor=scene.organiser_actor, now=LATE)
    else:
        assert publish(session, activity.id, actor=scene.organiser_actor, now=LATE).status == "published"


def test_without_a_reason_the_past_stays_closed(session: Session, scene: Scene) -> None:
    activity = write(session, scene, reason="")
    with pytest.raises(CannotPublish, match="已经过去"):
        publish(session, activity.id, actor=scene.organiser_actor, now=LATE)


def test_nobody_signs_up_and_the_reason_stays(session: Session, scene: Scene, late: int) -> None:
    for actor in (scene.volunteer_actors[0], scene.organiser_actor):
        with pytest.raises(Conflict):
            join(session, late, member_id=scene.volunteers[0].id, actor=actor, now=LATE)
    activity = session.get_one(Activity, session.scalar(sa.text("SELECT max(id) FROM activity")))
    copied = copy_activity(session, activity.id, form_key="again", actor=scene.organiser_actor, now=LATE)
    assert copied.backdated_reason == ""
    forgotten = draft_of(activity)
    forgotten = ActivityDraft(
        **{name: getattr(forgotten, name) for name in forgotten.__dataclass_fields__ if name != "backdated_reason"}
    )
    with pytest.raises(Refusal):
        change_activity(session, activity.id, forgotten, actor=scene.organiser_actor, now=LATE)
    with pytest.raises(sa.exc.DBAPIError, match="never forgotten"), session.begin_nested():
        session.execute(sa.text("UPDATE activity SET backdated_reason = '' WHERE status = 'published'"))


def test_who_was_there_is_entered_by_the_list_and_booked_by_two(session: Session, scene: Scene, late: int) -> None:
    ids = [member.id for member in scene.volunteers[:2]]
    entered = enter_backdated(
        session, late, ids, minutes=180, reason="照签到表", actor=scene.organiser_actor
    )  # fmt: skip
    record = find_attendance(session, late, ids[0])
    assert record is not None
    assert (entered, record.manual_minutes, record.manual_reason) == (2, 180, "补登：照签到表")
    assert (record.manual_by_id, record.in_at) == (scene.organiser.id, None)
    submit_shift(session, late, actor=scene.organiser_actor, now=LATE)
    first = approve_shift(session, late, actor=scene.manager_actor, now=LATE)
    assert first.second == ("这是事后补登的活动",)
    other = actor_of(session, make_member(session, scene.branch, roles=("organiser",)))
    assert approve_shift(session, late, actor=other, now=LATE).people == 2
    session.expire_all()
    assert get_account(session, session.get_one(Member, ids[0]).coin_account_id).balance == 180
    kept = find_attendance(session, late, ids[0])
    assert kept is not None
    assert kept.entry_id is not None
    assert get_entry(session, kept.entry_id).facts["backdated"] is True


def test_only_of_activities_entered_afterwards(session: Session, scene: Scene) -> None:
    with pytest.raises(NotBackdated):
        enter_backdated(
            session, scene.shift_id, [scene.volunteers[0].id], minutes=60, reason="", actor=scene.organiser_actor
        )


def test_a_round_cannot_hide_it(session: Session, scene: Scene, late: int) -> None:
    hide = (
        "INSERT INTO shift_approval (shift_id, number, submitted_by_id, submitted_at, large_minutes, hand_share, "
        "returned_reason, people, minutes, points, backdated) "
        "VALUES (:shift, 1, :who, '2026-11-24 05:00:00.000000+00:00', 240, 50, '', 0, 0, 0, false)"
    )
    with pytest.raises(sa.exc.DBAPIError, match="entered afterwards"), session.begin_nested():
        session.execute(sa.text(hide), {"shift": late, "who": scene.organiser.id})


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def late_clock() -> object:
    clock.move(AFTER - clock.now())
    yield
    clock.put_right()


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def test_ticks_decide_who_is_booked(app: Flask, client: FlaskClient, late_clock: object) -> None:
    with app.app_context(), transaction() as session:
        scene = make_scene(session)
        for number in range(3):
            scene.attend(session, number)
        scene.submit(session)
        organiser, manager, shift_id = scene.organiser.id, scene.manager.id, scene.shift_id
        ids = [member.id for member in scene.volunteers]
    sign_in(client, manager)
    path = f"/organise/shifts/{shift_id}/approve"
    page = client.get(path).text
    assert "还剩 10 个工作日" in page
    sent = {"seen": hidden(page, "seen"), "round": hidden(page, "round"), "ticked": "1", "approved": ids[:2]}
    assert "请写明为什么" in client.post(path, data=sent, follow_redirects=True).text
    done = client.post(path, data=sent | {"held_reason": "没有见到人"}, follow_redirects=True).text
    assert "已审核入账：2 人，4 小时" in done
    assert "另有 1 人先不审核" in done
    review = client.get(f"/organise/shifts/{shift_id}/review").text
    for words in ("一部分已经入账", "没有见到人", "审核经过", "要答复"):
        assert words in review
    lead = app.test_client()
    sign_in(lead, organiser)
    keep = f"/organise/shifts/{shift_id}/review/{ids[2]}/keep"
    assert "此项必填" in lead.post(keep, data={"reason": ""}, follow_redirects=True).text
    assert "可以再提交审核" in lead.post(keep, data={"reason": "组长作证"}, follow_redirects=True).text
    assert "已提交审核" in lead.post(f"/organise/shifts/{shift_id}/review/submit", follow_redirects=True).text
    page = client.get(path).text
    assert "第 2 次提交" in page
    assert hidden(page, "round") == "2"
    again = client.post(path, data=sent | {"held_reason": "没有见到人"}, follow_redirects=True).text
    assert "之前已经审核入账：2 人" in again


def test_the_page_says_who_is_still_needed(app: Flask, client: FlaskClient, late_clock: object) -> None:
    with app.app_context(), transaction() as session:
        scene = make_scene(session, starts_at=START - timedelta(hours=5))
        entry = ManualEntry(shift_id=scene.shift_id, member_id=scene.volunteers[0].id, minutes=300, reason="忘带手机")
        set_manual(session, entry, actor=scene.organiser_actor)
        scene.submit(session)
        make_member(session, scene.branch, "第二位", roles=("organiser",))
        manager, shift_id = scene.manager.id, scene.shift_id
    sign_in(client, manager)
    path = f"/organise/shifts/{shift_id}/approve"
    page = client.get(path).text
    for words in ("要两位工作人员先后同意", "有 1 人的补录时长超过 4 小时", "可以请：", "第二位", "同意，等第二位"):
        assert words in page
    said = client.post(path, data={"seen": hidden(page, "seen")}, follow_redirects=True).text
    assert "您已经同意" in said
    assert "已同意，还差一位" in client.get("/organise/approvals").text


def test_an_activity_is_entered_afterwards_on_the_pages(app: Flask, client: FlaskClient, late_clock: object) -> None:
    with app.app_context(), transaction() as session:
        scene = make_scene(session)
        organiser, member = scene.organiser.id, scene.volunteers[0].id
    sign_in(client, organiser)
    assert "补登已办的活动" in client.get("/organise").text
    form = {
        "form_key": "k", "title": "清理河道", "category": "environment", "content": "清枯枝", "place": "中河",
        "contact_name": "周队长", "contact_phone": "0574-86780000", "risk": "low", "shifts-0-date": "2026-11-20",
        "shifts-0-start": "09:00", "shifts-0-end": "11:00", "shifts-0-capacity": "5", "then": "publish",
    }  # fmt: skip
    refused = client.post("/organise/activities/backdated", data=form)
    assert refused.status_code == 422
    assert "此项必填" in refused.text
    done = client.post("/organise/activities/backdated", data=form | {"backdated_reason": "临时抢险"})
    shown = client.get(done.location).text
    for words in ("补登的活动", "临时抢险"):
        assert words in shown
    shift = re.search(r"/organise/shifts/(\d+)/review", shown)
    assert shift is not None
    review = f"/organise/shifts/{shift[1]}/review"
    assert "当时谁在场" in client.get(review).text
    assert "还没有选人" in client.post(f"{review}/backdated", data={}, follow_redirects=True).text
    ticked = {"member": member, "manual_hours": "2", "manual_minutes": "0"}
    assert "已补登 1 人" in client.post(f"{review}/backdated", data=ticked, follow_redirects=True).text


def test_what_is_late_is_listed_by_branch(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        scene = make_scene(session)
        scene.attend(session, 0)
        organiser, branch, volunteer = scene.organiser.id, scene.branch.id, scene.volunteers[0].id
    clock.move(END + 18 * DAY - clock.now())
    try:
        sign_in(client, organiser)
        page = client.get(f"/organise/overdue?branch={branch}").text
        for words in ("楼道清洁", "逾期 3 个工作日", "等组织者周队长核对提交"):
            assert words in page
        other = app.test_client()
        sign_in(other, volunteer)
        assert other.get("/organise/overdue").status_code == 403
    finally:
        clock.put_right()


# --- at the same moment -----------------------------------------------------------------------------------------------


def test_two_people_say_yes_at_once_and_it_is_booked_once(crowd: Crowd) -> None:
    """Whoever comes first is the first; the other one is the second, and books."""
    scene = crowd.scene

    ids = [member.id for member in scene.volunteers]

    def prepare(session: Session) -> int:
        activity = publish(session, write(session, scene).id, actor=scene.organiser_actor, now=LATE)
        shift_id = activity.shifts[0].id
        enter_backdated(session, shift_id, ids, minutes=90, reason="", actor=scene.organiser_actor)
        submit_shift(session, shift_id, actor=scene.organiser_actor, now=LATE)
        return shift_id

    late = crowd.alone(prepare)
    answers = crowd.together(
        [
            lambda session: approve_shift(session, late, actor=scene.manager_actor, now=LATE),
            lambda session: approve_shift(session, late, actor=crowd.second_manager, now=LATE),
        ]
        * 3
    )
    assert not any(isinstance(answer, Refusal) for answer in answers)
    assert sum(not answer.second and not answer.repeated for answer in answers) == 1
    booked = crowd.alone(
        lambda session: [
            get_account(session, session.get_one(Member, member_id).coin_account_id).balance for member_id in ids
        ]
    )
    assert booked == [90] * len(ids)


def test_a_change_that_comes_after_sending_is_refused(session: Session, scene: Scene) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    with pytest.raises(ReviewClosed):
        set_manual(
            session,
            ManualEntry(shift_id=scene.shift_id, member_id=scene.volunteers[1].id, minutes=30, reason="漏了"),
            actor=scene.organiser_actor,
        )
