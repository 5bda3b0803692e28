"""Pages of the life of a sign-up: one good and one refused request per door, and what people read there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.activities.town import draft, make_town, shift
from tests.world import CONSENTS, actor_of, make_branch, make_member, sign_in
from timebank.activities import service
from timebank.activities.models import (
    ABSENT,
    Activity,
    GuardianConsent,
    NoShow,
    NoShowAppeal,
    SignUp,
    SignUpOverride,
    SignUpRule,
)
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members.models import GUARDIAN_OF, FamilyLink, Member, Qualification
from timebank.members.rules import GUARDIAN, member_number
from timebank.members.service import link_by_staff


@dataclass
class Ids:
    """What the pages of these tests name."""

    branch: int
    lead: int
    boss: int
    one: int
    two: int
    child: int
    stranger: int
    activity: int
    shift: int
    danger: int
    danger_shift: int
    missed: int


@pytest.fixture
def ids(app: Flask) -> Ids:
    """A branch with its people; a shift with three places, a dangerous one, and one that somebody missed."""
    with app.app_context(), transaction() as session:
        now = clock.now()
        town = make_town(session)
        boss = make_member(session, town.branch, "贺经理", roles=("manager",))
        adult = {"born_on": date(1980, 1, 1)}
        one, two = (make_member(session, town.branch, name, **adult) for name in ("王建国", "陈秀兰"))
        young = {"born_on": date(2018, 1, 1), "guardian": "王建国", "consents": CONSENTS | {GUARDIAN}}
        child = make_member(session, town.branch, "王小明", **young)
        link_by_staff(session, child.id, one.number, kind=GUARDIAN_OF, actor=actor_of(session, boss), now=now)

        def posted(days: float, **more: object) -> tuple[int, int]:
            row = shift(capacity=3, starts_at=now + timedelta(days=days), ends_at=now + timedelta(days=days, hours=2))
            made = service.post_activity(session, draft(town.branch, row, **more), actor=town.lead, now=now)
            service.publish(session, made.id, actor=town.lead, now=now - timedelta(days=9))
            return made.id, made.shifts[0].id

        activity, open_shift = posted(2)
        danger, danger_shift = posted(
            4, title="清理高空招牌", risk="high", risk_text="系安全带", insurance_policy="P1", walk_ins=False
        )
        missed = posted(-3, title="上周巡逻")[1]
        service.sign_up(session, missed, member_id=one.id, actor=actor_of(session, one), now=now - timedelta(days=8))
        return Ids(
            branch=town.branch.id,
            lead=town.organiser.id,
            boss=boss.id,
            one=one.id,
            two=two.id,
            child=child.id,
            stranger=make_member(session, make_branch(session, "XQ"), roles=("organiser",)).id,
            activity=activity,
            shift=open_shift,
            danger=danger,
            danger_shift=danger_shift,
            missed=missed,
        )


@pytest.fixture
def as_member(app: Flask) -> Callable[[int], FlaskClient]:
    """The browser of a member."""

    def opened(member_id: int) -> FlaskClient:
        client = app.test_client()
        sign_in(client, member_id)
        return client

    return opened


As = Callable[[int], FlaskClient]


def found(app: Flask, statement):  # type: ignore[no-untyped-def]
    with app.app_context():
        return list(db.session.scalars(statement))


# --- danger ---


def test_the_risk_stands_before_the_button_and_is_ticked(app: Flask, as_member: As, ids: Ids) -> None:
    one = as_member(ids.one)
    page = one.get(f"/activities/{ids.danger}").text
    assert page.index("系安全带") < page.index("我要报名")
    assert "参加前要签志愿服务协议" in page
    assert "不满 18 周岁的不能参加" in page
    url = f"/shifts/{ids.danger_shift}/sign-up"
    assert "请先看过风险" in one.post(url, follow_redirects=True).text
    assert "报名成功" in one.post(url, data={"risk_read": "1"}, follow_redirects=True).text


def test_staff_let_something_pass_with_a_reason_in_the_same_form(app: Flask, as_member: As, ids: Ids) -> None:
    lead = as_member(ids.lead)
    with app.app_context(), transaction() as session:
        session.get_one(Activity, ids.activity).needed_skills = "haircut"
    where = f"/organise/shifts/{ids.shift}/roster"
    asked = lead.post(where, data={"who": "王建国"})
    assert asked.status_code == 422
    assert "请写明理由" in asked.text
    assert 'name="override"' in asked.text
    done = lead.post(where, data={"who": "王建国", "override": "跟着师傅学"}, follow_redirects=True)
    assert "王建国 报上名了" in done.text
    assert [row.reason for row in found(app, select(SignUpOverride))] == ["跟着师傅学"]


# --- families ---


def test_a_family_is_made_by_two_and_used_for_a_sign_up(app: Flask, as_member: As, ids: Ids) -> None:
    one, two = as_member(ids.one), as_member(ids.two)
    wrong = one.post("/me/family", data={"number": "王建国"})
    assert wrong.status_code == 422
    assert "没有找到这个会员号" in wrong.text
    asked = one.post("/me/family", data={"number": member_number(ids.two)}, follow_redirects=True)
    assert "等对方确认" in asked.text
    assert "陈" not in asked.text.split("加一位家人")[0]  # a number alone tells no name
    assert "说你们是一家人" in two.get("/me/family").text
    [link] = [row.id for row in found(app, select(FamilyLink)) if row.kind == "family"]
    assert one.post(f"/me/family/{link}/confirm").status_code == 403  # who asked
    assert "可以互相替对方报名" in two.post(f"/me/family/{link}/confirm", follow_redirects=True).text
    page = one.get(f"/activities/{ids.activity}").text
    assert "和家人、队友一起报名" in page
    who = [str(ids.one), str(ids.two), str(ids.child)]
    done = one.post(f"/shifts/{ids.shift}/sign-up-together", data={"who": who, "form_key": "k"}, follow_redirects=True)
    assert "3 个人都报名成功" in done.text
    assert "一起报名的" in done.text
    assert "王女士 替您报名了" in two.get("/me/notices").text
    [given] = found(app, select(GuardianConsent))
    assert given.member_id == ids.child
    gone = one.post(f"/shifts/{ids.shift}/leave/{ids.child}", data={"reason": "发烧"}, follow_redirects=True)
    assert "已经替这位退出" in gone.text
    assert (
        "2 个人都退出了"
        in one.post(f"/shifts/{ids.shift}/leave-together", data={"reason": "下雨"}, follow_redirects=True).text
    )
    assert {row.status for row in found(app, select(SignUp).where(SignUp.shift_id == ids.shift))} == {"left"}
    ended = two.post(f"/me/family/{link}/end", follow_redirects=True)
    assert "还没有登记家人" in ended.text


def test_nobody_signs_a_stranger_up(as_member: As, ids: Ids) -> None:
    two = as_member(ids.two)
    assert two.post(f"/shifts/{ids.shift}/sign-up-together", data={"who": [str(ids.one)]}).status_code == 403
    assert two.post(f"/shifts/{ids.shift}/leave/{ids.one}", data={"reason": "x"}).status_code == 403


def test_a_guardian_agrees_and_takes_it_back(app: Flask, as_member: As, ids: Ids) -> None:
    one = as_member(ids.one)
    assert "还没有同意参加活动" in one.get("/me/family").text
    assert "已记下您的同意" in one.post(f"/me/family/{ids.child}/agree", follow_redirects=True).text
    assert as_member(ids.two).post(f"/me/family/{ids.child}/agree").status_code == 403
    [given] = found(app, select(GuardianConsent.id))
    assert as_member(ids.two).post(f"/me/family/consents/{given}/withdraw").status_code == 403
    assert "已经收回同意" in one.post(f"/me/family/consents/{given}/withdraw", follow_redirects=True).text


def test_who_has_come_of_age_needs_no_guardian_and_may_end_the_link(app: Flask, as_member: As, ids: Ids) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Member, ids.child).born_on = date(2000, 1, 1)
    assert "孩子已满 18 周岁" in as_member(ids.one).get("/me/family").text
    child = as_member(ids.child)
    assert "您已满 18 周岁" in child.get("/me/family").text
    [link] = found(app, select(FamilyLink.id))
    assert "已经解除" in child.post(f"/me/family/{link}/end", follow_redirects=True).text


def test_staff_record_family_consents_and_papers_at_the_counter(app: Flask, as_member: As, ids: Ids) -> None:
    boss, where = as_member(ids.boss), f"/branch/members/{ids.child}/family"
    page = boss.get(where)
    assert "监护人" in page.text
    assert as_member(ids.stranger).get(where).status_code == 403
    unseen = boss.post(f"{where}/consent", data={"guardian_name": "王建国"})
    assert unseen.status_code == 422
    assert "请看过签了字的同意书" in unseen.text
    done = boss.post(f"{where}/consent", data={"guardian_name": "王建国", "seen": "1"}, follow_redirects=True)
    assert "监护人同意已登记" in done.text
    [given] = found(app, select(GuardianConsent.id))
    assert "已经记下收回" in boss.post(f"/branch/consents/{given}/withdraw", follow_redirects=True).text
    linked = boss.post(f"{where}/link", data={"number": member_number(ids.two)}, follow_redirects=True)
    assert "家人关系已登记" in linked.text
    link = max(found(app, select(FamilyLink.id)))
    assert "已经解除" in boss.post(f"/branch/family/{link}/end", follow_redirects=True).text
    papers = f"/branch/members/{ids.one}/family/papers"
    assert boss.post(papers, data={"kind": "pilot", "seen": "1"}).status_code == 422
    kept = boss.post(papers, data={"kind": "nurse", "seen": "1", "valid_until": "2030-01-01"}, follow_redirects=True)
    assert "护士执业证" in kept.text
    [paper] = found(app, select(Qualification.id))
    assert "不再算数" in boss.post(f"/branch/papers/{paper}/withdraw", follow_redirects=True).text


def test_who_belongs_to_another_branch_is_asked_and_stays_a_number_until_they_agree(
    app: Flask, as_member: As, ids: Ids
) -> None:
    boss, where = as_member(ids.boss), f"/branch/members/{ids.one}/family"
    number = member_number(ids.stranger)
    with app.app_context(), transaction() as session:
        session.get_one(Member, ids.stranger).name = "孙远方"
    asked = boss.post(f"{where}/link", data={"number": number}, follow_redirects=True)
    assert "对方确认以后才算家人" in asked.text
    assert number in asked.text
    assert "孙远方" not in asked.text
    link = max(found(app, select(FamilyLink.id)))
    as_member(ids.stranger).post(f"/me/family/{link}/confirm")
    assert "孙远方" not in boss.get(where).text  # and after that only as everybody reads them
    assert "已经解除" in boss.post(f"/branch/family/{link}/end", follow_redirects=True).text


# --- no-shows ---


@pytest.fixture
def mark(app: Flask, ids: Ids) -> int:
    """A counted mark of the first person."""
    with app.app_context(), transaction() as session:
        lead, now = actor_of(session, session.get_one(Member, ids.lead)), clock.now()
        service.mark_no_shows(session, ids.missed, {ids.one: ABSENT}, actor=lead, now=now)
        service.count_no_shows(session, ids.missed, came=(), actor=lead, now=now)
        return session.scalars(select(NoShow.id)).one()


def test_one_sees_the_mark_and_the_rule_appeals_and_reads_the_answer(
    app: Flask, as_member: As, ids: Ids, mark: int
) -> None:
    one = as_member(ids.one)
    page = one.get("/me/no-shows").text
    for words in ("上周巡逻", "满 3 次", "从不扣减", "申诉"):
        assert words in page
    assert "请写一句当时的情况" in one.post(f"/me/no-shows/{mark}/appeal", follow_redirects=True).text
    asked = one.post(f"/me/no-shows/{mark}/appeal", data={"words": "我去了", "form_key": "a"}, follow_redirects=True)
    assert "等人决定" in asked.text
    assert as_member(ids.two).post(f"/me/no-shows/{mark}/appeal", data={"words": "x"}).status_code == 403
    [appeal] = found(app, select(NoShowAppeal.id))
    assert "您经手过这件事" in as_member(ids.lead).get("/branch/no-shows").text
    assert as_member(ids.lead).post(f"/branch/no-shows/appeals/{appeal}/agree", data={"reason": "x"}).status_code == 403
    boss = as_member(ids.boss)
    assert "缺席申诉" in boss.get("/branch").text
    assert "我去了" in boss.get("/branch/no-shows").text
    assert "请写明理由" in boss.post(f"/branch/no-shows/appeals/{appeal}/decline", follow_redirects=True).text
    declined = boss.post(
        f"/branch/no-shows/appeals/{appeal}/decline", data={"reason": "没有人看见"}, follow_redirects=True
    )
    assert "缺席记录不变" in declined.text
    assert "没有人看见" in one.get("/me/no-shows").text
    lifted = boss.post(f"/branch/no-shows/{mark}/lift", data={"reason": "家里有事"}, follow_redirects=True)
    assert "已解除" in lifted.text


def test_an_appeal_is_agreed_to_by_button(app: Flask, as_member: As, ids: Ids, mark: int) -> None:
    as_member(ids.one).post(f"/me/no-shows/{mark}/appeal", data={"words": "我去了", "form_key": "a"})
    [appeal] = found(app, select(NoShowAppeal.id))
    url = f"/branch/no-shows/appeals/{appeal}/agree"
    assert "这次缺席不算了" in as_member(ids.boss).post(url, data={"reason": "组长证明"}, follow_redirects=True).text
    assert "解除的理由：组长证明" in as_member(ids.one).get("/me/no-shows").text


def test_organisers_mark_in_the_review_with_absence_suggested_but_not_kept(app: Flask, as_member: As, ids: Ids) -> None:
    lead, where = as_member(ids.lead), f"/organise/shifts/{ids.missed}/review"
    page = lead.get(where).text
    assert f'name="mark-{ids.one}" value="absent" checked' in page
    assert "现在还没有记" in page
    assert found(app, select(NoShow.id)) == []  # a person decides
    done = lead.post(f"{where}/no-shows", data={f"mark-{ids.one}": "excused"}, follow_redirects=True)
    assert "已记下 1 位" in done.text
    assert f'name="mark-{ids.one}" value="excused" checked' in done.text
    assert as_member(ids.stranger).post(f"{where}/no-shows", data={}).status_code == 403
    assert lead.post(f"{where}/no-shows", data={"mark-x": "absent", "mark-99": "absent"}).status_code == 303


def test_nobody_is_asked_to_mark_themselves(app: Flask, as_member: As, ids: Ids) -> None:
    with app.app_context(), transaction() as session:
        lead, now = actor_of(session, session.get_one(Member, ids.lead)), clock.now()
        service.sign_up(session, ids.missed, member_id=ids.lead, actor=lead, now=now - timedelta(days=8))
    page = as_member(ids.lead).get(f"/organise/shifts/{ids.missed}/review").text
    assert f'name="mark-{ids.lead}"' not in page
    assert "由别的工作人员来记" in page


# --- rules ---


def test_everybody_reads_the_rules_and_managers_change_them(
    app: Flask, as_member: As, client: FlaskClient, ids: Ids
) -> None:
    for query in ("", f"?branch={ids.branch}", "?branch=999", "?branch=x"):
        assert client.get(f"/activities/rules{query}").status_code == 200
    assert "最长 24 小时" in client.get(f"/activities/rules?branch={ids.branch}").text
    form = {
        "offer_hours": "12",
        "late_hours": "24",
        "no_shows": "2",
        "no_show_days": "60",
        "popular_percent": "90",
        "form_key": "r",
    }
    boss = as_member(ids.boss)
    assert as_member(ids.lead).get("/branch/sign-up-rules").status_code == 403
    assert boss.post("/branch/sign-up-rules", data=form).status_code == 422  # no reason
    saved = boss.post("/branch/sign-up-rules", data=form | {"reason": "会议决定"}, follow_redirects=True)
    assert "已保存" in saved.text
    assert "会议决定" in client.get(f"/activities/rules?branch={ids.branch}").text
    assert "最长 12 小时" in saved.text
    again = boss.post("/branch/sign-up-rules", data=form | {"reason": "再来", "form_key": "s"})
    assert again.status_code == 409
    assert len(found(app, select(SignUpRule.id))) == 1
