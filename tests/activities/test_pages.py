"""The pages of activities: one good and one refused request per door, and what people really type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.activities.town import draft, make_town, shift
from tests.world import make_branch, make_member, sign_in
from timebank.activities import service
from timebank.activities.models import Activity, Shift, SignUp
from timebank.activities.service import cancelling, posting, signing
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.members.models import Member
from timebank.notices.models import Notice


@dataclass
class Ids:
    """What the pages of these tests name; nobody shares a session with the application."""

    branch: int
    lead: int
    member: int
    other: int
    stranger: int
    activity: int
    draft: int
    shift: int
    second: int


@pytest.fixture
def ids(app: Flask) -> Ids:
    """A branch, its people, one published activity with two shifts of one place each, and a draft."""
    with app.app_context(), transaction() as session:
        now = clock.now()
        town = make_town(session)
        rows = [
            shift(capacity=1, starts_at=now + timedelta(days=day), ends_at=now + timedelta(days=day, hours=2))
            for day in (1, 2)
        ]
        made = service.post_activity(session, draft(town.branch, *rows, bring="手套"), actor=town.lead, now=now)
        service.publish(session, made.id, actor=town.lead, now=now)
        kept = service.copy_activity(session, made.id, form_key="kept", actor=town.lead, now=now)
        elsewhere = make_branch(session, "XQ")
        return Ids(
            branch=town.branch.id,
            lead=town.organiser.id,
            member=make_member(session, town.branch, "王建国").id,
            other=make_member(session, town.branch, "陈秀兰").id,
            stranger=make_member(session, elsewhere, roles=("organiser",)).id,
            activity=made.id,
            draft=kept.id,
            shift=made.shifts[0].id,
            second=made.shifts[1].id,
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


def form(**more: str) -> dict[str, str]:
    """A complete form, for three days from now."""
    day = (clock.today(clock.now()) + timedelta(days=3)).isoformat()
    return {
        "form_key": "k1",
        "title": "滨河清洁",
        "category": "environment",
        "content": "捡拾河边垃圾。",
        "place": "滨河路东头",
        "contact_name": "李红梅",
        "contact_phone": "0574-86780000",
        "risk": "low",
        "walk_ins": "1",
        "judged_by": "actual",
        "rounding_minutes": "1",
        "shifts-0-date": day,
        "shifts-0-start": "09:00",
        "shifts-0-end": "11:00",
        "shifts-0-capacity": "20",
    } | more


def count(app: Flask, table: type) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def state_of(app: Flask, shift_id: int, member_id: int) -> str:
    with app.app_context():
        found = select(SignUp.status).where(SignUp.shift_id == shift_id, SignUp.member_id == member_id)
        return db.session.scalar(found) or ""


# --- everybody ---


def test_a_visitor_sees_the_list_the_month_and_the_activity_but_no_draft(client: FlaskClient, ids: Ids) -> None:
    listed = client.get("/activities")
    assert listed.text.count('href="/activities/1"') == 2
    month = client.get(f"/activities?view=calendar&month={clock.month_of(clock.now() + timedelta(days=1))}")
    assert "陪独居老人聊天" in month.text
    shown = client.get(f"/activities/{ids.activity}")
    assert "登录后报名" in shown.text
    assert f"/sign-in?next=/activities/{ids.activity}" in shown.text
    for path in ("", "/poster.png", "/poster.pdf"):
        assert client.get(f"/activities/{ids.draft}{path}").status_code == 404
    assert client.get("/activities/999").status_code == 404


def test_filters_take_whatever_is_typed(client: FlaskClient, ids: Ids) -> None:
    for query in (
        "?branch=1&category=elderly",
        "?area=1",
        "?branch=x&area=999999999999&category=💥&page=-3",
        "?page=99999999999",
    ):
        assert client.get(f"/activities{query}").status_code == 200, query


def test_a_month_that_is_none_shows_this_one(client: FlaskClient, ids: Ids) -> None:
    for month in ("2026-13", "0001-01", "9999-12", "abc", "２０２６-11"):
        page = client.get(f"/activities?view=calendar&month={month}")
        assert page.status_code == 200, month
        assert f"{clock.now():%Y} 年" in page.text


def test_empty_lists_say_what_to_do(client: FlaskClient, ids: Ids) -> None:
    assert "没有符合条件的活动" in client.get("/activities?category=traffic").text
    assert "这个月没有活动" in client.get("/activities?view=calendar&month=2031-01").text


# --- signing up ---


def test_signing_up_waiting_and_leaving_by_buttons(app: Flask, as_member: As, ids: Ids) -> None:
    one, two = as_member(ids.member), as_member(ids.other)
    done = one.post(f"/shifts/{ids.shift}/sign-up", follow_redirects=True)
    assert "报名成功" in done.text
    assert "我已报名" in done.text
    waiting = two.post(f"/shifts/{ids.shift}/sign-up", follow_redirects=True)
    assert "候补第 1 位" in waiting.text
    refused = one.post(f"/shifts/{ids.shift}/leave", data={"reason": " "}, follow_redirects=True)
    assert "请写一句原因" in refused.text
    one.post(f"/shifts/{ids.shift}/leave", data={"reason": "家里有事"})
    assert [state_of(app, ids.shift, who) for who in (ids.member, ids.other)] == ["left", "offered"]
    assert "轮到您了" in two.get("/me/notices").text
    for page in (two.get(f"/activities/{ids.activity}"), two.get("/me")):
        assert f"/shifts/{ids.shift}/accept" in page.text
        assert "我要去" in page.text
    assert state_of(app, ids.shift, ids.other) == "offered"  # looking changes nothing
    taken = two.post(f"/shifts/{ids.shift}/accept", data={"back": "me"}, follow_redirects=True)
    assert "名额是您的了" in taken.text
    assert taken.request.path == "/me"
    assert state_of(app, ids.shift, ids.other) == "confirmed"


def test_declining_by_button_and_answering_late(app: Flask, as_member: As, ids: Ids) -> None:
    one, two, third = as_member(ids.member), as_member(ids.other), as_member(ids.lead)
    for client in (one, two, third):
        client.post(f"/shifts/{ids.shift}/sign-up")
    assert "还没有轮到" in two.post(f"/shifts/{ids.shift}/accept", follow_redirects=True).text
    one.post(f"/shifts/{ids.shift}/leave", data={"reason": "家里有事"})
    assert "谢谢您提前说一声" in two.post(f"/shifts/{ids.shift}/leave", follow_redirects=True).text
    assert [state_of(app, ids.shift, who) for who in (ids.other, ids.lead)] == ["left", "offered"]
    clock.move(timedelta(hours=20))  # a quarter of a day, or until the morning
    assert "答复的时限已经过了" in third.get(f"/activities/{ids.activity}").text
    assert "答复晚了" in third.post(f"/shifts/{ids.shift}/accept", follow_redirects=True).text
    clock.put_right()
    assert state_of(app, ids.shift, ids.lead) == "left"


def test_staff_answer_for_who_calls_and_see_why_others_left(app: Flask, as_member: As, ids: Ids) -> None:
    one, two, lead = as_member(ids.member), as_member(ids.other), as_member(ids.lead)
    for client in (one, two):
        client.post(f"/shifts/{ids.shift}/sign-up")
    one.post(f"/shifts/{ids.shift}/leave", data={"reason": "发烧了"})
    page = lead.get(f"/organise/shifts/{ids.shift}/roster").text
    assert "自己退出：发烧了" in page
    assert "临时退出" in page  # less than a day before
    url = f"/organise/shifts/{ids.shift}/roster/{ids.other}/accept"
    assert url in page
    assert as_member(ids.stranger).post(url).status_code == 403
    assert "已经替这位答应" in lead.post(url, follow_redirects=True).text
    assert state_of(app, ids.shift, ids.other) == "confirmed"


def test_signing_up_needs_a_sign_in_and_a_shift(client: FlaskClient, as_member: As, ids: Ids) -> None:
    assert client.post(f"/shifts/{ids.shift}/sign-up").status_code == 302
    assert client.post(f"/shifts/{ids.shift}/leave").status_code == 302
    assert as_member(ids.member).post("/shifts/999/sign-up").status_code == 404
    assert as_member(ids.member).get(f"/shifts/{ids.shift}/sign-up").status_code == 405
    never = as_member(ids.member).post(f"/shifts/{ids.shift}/leave", data={"reason": "x"}, follow_redirects=True)
    assert "没有在这个班次报过名" in never.text


def test_too_long_a_reason_is_said_not_cut(app: Flask, as_member: As, ids: Ids) -> None:
    one = as_member(ids.member)
    one.post(f"/shifts/{ids.shift}/sign-up")
    refused = one.post(f"/shifts/{ids.shift}/leave", data={"reason": "长" * 10_000}, follow_redirects=True)
    assert "200 个字" in refused.text
    assert state_of(app, ids.shift, ids.member) == "confirmed"


# --- organising ---


def test_organisers_only(client: FlaskClient, as_member: As, ids: Ids) -> None:
    lead, member, stranger = as_member(ids.lead), as_member(ids.member), as_member(ids.stranger)
    for path in (
        "/organise",
        "/organise/activities/new",
        "/organise/activities/{activity}",
        "/organise/activities/{activity}/edit",
        "/organise/shifts/{shift}/roster",
    ):
        where = path.format(activity=ids.activity, shift=ids.shift)
        assert lead.get(where).status_code == 200, where
        assert member.get(where).status_code == 403, where
        assert client.get(where).status_code == 302, where
        if where != path:
            assert stranger.get(where).status_code == 403, where
            assert lead.get(path.format(activity=999, shift=999)).status_code == 404, where


def test_buttons_of_another_branch_do_nothing(app: Flask, as_member: As, ids: Ids) -> None:
    stranger, member = as_member(ids.stranger), as_member(ids.member)
    for path in (
        "/organise/activities/{activity}/publish",
        "/organise/activities/{activity}/cancel",
        "/organise/activities/{activity}/copy",
        "/organise/activities/{activity}/discard",
        "/organise/activities/{activity}/edit",
        "/organise/shifts/{shift}/cancel",
        "/organise/shifts/{shift}/roster",
        "/organise/shifts/{shift}/roster/{member}/take-off",
    ):
        where = path.format(activity=ids.activity, shift=ids.shift, member=ids.member)
        for who in (stranger, member):
            assert who.post(where, data=form(reason="x", who="王建国")).status_code == 403, where
    assert count(app, Activity) == 2
    assert count(app, Notice) == 0


def test_writing_an_activity_as_a_draft_and_publishing_it(app: Flask, as_member: As, ids: Ids) -> None:
    lead = as_member(ids.lead)
    kept = lead.post("/organise/activities/new", data=form(then="keep"))
    assert kept.status_code == 302
    assert "草稿已保存" in lead.get(kept.location).text
    again = lead.post("/organise/activities/new", data=form(then="keep"))
    assert again.location == kept.location
    assert count(app, Activity) == 3
    lead.post(f"{kept.location}/publish")
    assert "滨河清洁" in app.test_client().get("/activities").text


def test_publishing_at_once_with_two_shifts(app: Flask, as_member: As, ids: Ids) -> None:
    lead = as_member(ids.lead)
    day = form()["shifts-0-date"]
    second = {
        "shifts-3-date": day.replace("-", "."),
        "shifts-3-start": "２２：００",
        "shifts-3-end": "2:00",
        "shifts-3-capacity": "１２",
        "shifts-3-place": "西门",
    }
    done = lead.post("/organise/activities/new", data=form(then="publish", **second), follow_redirects=True)
    assert "活动已发布" in done.text
    with app.app_context():
        night = db.session.scalars(select(Shift).order_by(Shift.id.desc())).first()
        assert night is not None
        assert (night.ends_at - night.starts_at, night.capacity, night.place) == (timedelta(hours=4), 12, "西门")


def test_one_more_row_without_javascript(as_member: As, ids: Ids) -> None:
    page = as_member(ids.lead).post("/organise/activities/new", data=form(more="1"))
    assert page.status_code == 200
    assert 'name="shifts-1-date"' in page.text
    assert 'value="滨河清洁"' in page.text
    assert "mistakes" not in page.text


def test_rows_left_blank_or_ticked_off_do_not_count(app: Flask, as_member: As, ids: Ids) -> None:
    day = form()["shifts-0-date"]
    rows = {
        "shifts-1-date": "",
        "shifts-1-capacity": "5",
        "shifts-2-date": day,
        "shifts-2-start": "13:00",
        "shifts-2-end": "15:00",
        "shifts-2-capacity": "5",
        "shifts-2-drop": "1",
    }
    before = count(app, Shift)
    assert as_member(ids.lead).post("/organise/activities/new", data=form(**rows)).status_code == 302
    assert count(app, Shift) == before + 1


def test_a_mistake_is_shown_in_the_row_where_it_was_made(as_member: As, ids: Ids) -> None:
    day = form()["shifts-0-date"]
    rows = {
        "shifts-2-date": day,
        "shifts-2-start": "15:00",
        "shifts-2-end": "14:00",
        "shifts-2-capacity": "0",
    }
    page = as_member(ids.lead).post("/organise/activities/new", data=form(**rows))
    assert page.status_code == 422
    assert "#f-shifts-2-capacity" in page.text
    page = as_member(ids.lead).post("/organise/activities/new", data=form(**rows | {"shifts-2-capacity": "3"}))
    assert "#f-shifts-2-end" in page.text


WRONG = [
    ("title", ""),
    ("title", "长" * 10_000),
    ("category", "money"),
    ("content", ""),
    ("contact_phone", ""),
    ("risk", ""),
    ("rounding_minutes", "7"),
    ("judged_by", "luck"),
    ("team_id", "999"),
    ("team_id", "abc"),
    ("shifts-0-date", "明天"),
    ("shifts-0-date", "2026-02-30"),
    ("shifts-0-start", "25:00"),
    ("shifts-0-start", "早上"),
    ("shifts-0-end", "08:59"),
    ("shifts-0-capacity", "-5"),
    ("shifts-0-capacity", "0"),
    ("shifts-0-capacity", "很多"),
    ("shifts-0-capacity", "99999999999999"),
    ("shifts-0-break_minutes", "120"),
    ("shifts-0-place", "远" * 500),
    ("risk", "high"),
    ("risk", "medium"),
]


def test_what_cannot_be_is_refused_in_its_field(app: Flask, as_member: As, ids: Ids) -> None:
    lead = as_member(ids.lead)
    for field, typed in WRONG:
        page = lead.post("/organise/activities/new", data=form(then="publish", **{field: typed}))
        assert (page.status_code, 'id="mistakes"' in page.text) == (422, True), (field, typed[:20])
    assert count(app, Activity) == 2


def test_past_dates_may_be_drafted_but_not_published(app: Flask, as_member: As, ids: Ids) -> None:
    past = {"shifts-0-date": "2020-01-01"}
    lead = as_member(ids.lead)
    page = lead.post("/organise/activities/new", data=form(then="publish", **past))
    assert page.status_code == 422
    assert "开始时间已经过去" in page.text
    assert count(app, Activity) == 2
    assert lead.post("/organise/activities/new", data=form(then="keep", **past)).status_code == 302


def test_rare_characters_emoji_and_markup_come_back_as_typed(app: Flask, as_member: As, ids: Ids) -> None:
    odd = "𠮷庆里 🎉 <b>义诊</b>"
    lead = as_member(ids.lead)
    done = lead.post("/organise/activities/new", data=form(then="publish", title=odd))
    number = done.location.rsplit("/", 1)[1]
    page = app.test_client().get(f"/activities/{number}").text
    assert "𠮷庆里 🎉 &lt;b&gt;义诊&lt;/b&gt;" in page
    for path in ("poster.png", "poster.pdf"):
        assert app.test_client().get(f"/activities/{number}/{path}").status_code == 200


def test_changing_shows_what_was_changed(app: Flask, as_member: As, ids: Ids) -> None:
    lead = as_member(ids.lead)
    as_member(ids.member).post(f"/shifts/{ids.shift}/sign-up")
    with app.app_context():
        start = clock.local(db.session.get_one(Shift, ids.shift).starts_at)
    row = {
        "shifts-0-id": str(ids.shift),
        "shifts-0-date": f"{start:%Y-%m-%d}",
        "shifts-0-start": "06:10",
        "shifts-0-end": "08:10",
        "shifts-0-capacity": "1",
    }
    done = lead.post(f"/organise/activities/{ids.activity}/edit", data=form(**row), follow_redirects=True)
    assert "修改已保存" in done.text
    shown = app.test_client().get(f"/activities/{ids.activity}").text
    assert "名称由“陪独居老人聊天”改为“滨河清洁”" in shown
    assert "开始时间由" in shown
    assert "的时间或地点变了" in as_member(ids.member).get("/me/notices").text
    short = lead.post(f"/organise/activities/{ids.activity}/edit", data=form(**row | {"shifts-0-capacity": "0"}))
    assert short.status_code == 422


def test_cancelling_copying_and_throwing_away(app: Flask, as_member: As, ids: Ids) -> None:
    lead = as_member(ids.lead)
    assert "请写明取消的原因" in lead.post(f"/organise/activities/{ids.activity}/cancel", follow_redirects=True).text
    one = lead.post(f"/organise/shifts/{ids.second}/cancel", data={"reason": "停电"}, follow_redirects=True)
    assert "取消原因：停电" in one.text
    all_of_it = lead.post(f"/organise/activities/{ids.activity}/cancel", data={"reason": "台风"}, follow_redirects=True)
    assert "活动已取消" in all_of_it.text
    assert "原因：台风" in app.test_client().get(f"/activities/{ids.activity}").text
    assert lead.get(f"/organise/activities/{ids.activity}/edit").status_code == 409
    copied = lead.post(f"/organise/activities/{ids.activity}/copy", data={"form_key": "once"})
    again = lead.post(f"/organise/activities/{ids.activity}/copy", data={"form_key": "once"})
    assert copied.location == again.location
    assert lead.post(f"{copied.location}/discard").location == "/organise"
    assert lead.get(copied.location).status_code == 404
    assert "不能删除" in lead.post(f"/organise/activities/{ids.activity}/discard", follow_redirects=True).text


def test_the_desk_shows_today_what_comes_drafts_and_what_is_over(app: Flask, as_member: As, ids: Ids) -> None:
    page = as_member(ids.lead).get("/organise").text
    assert "将要举行" in page
    assert "草稿" in page
    clock.move(timedelta(days=1, minutes=30))
    try:
        running = as_member(ids.lead).get("/organise").text
        assert f"/organise/shifts/{ids.shift}/door" in running
        clock.move(timedelta(hours=4, minutes=30))
        assert f"/organise/shifts/{ids.shift}/review" in as_member(ids.lead).get("/organise?of=branch").text
    finally:
        clock.put_right()
    assert "这里还没有活动" in as_member(ids.stranger).get("/organise").text


def test_staff_sign_people_up_by_number_name_or_card(app: Flask, as_member: As, ids: Ids) -> None:
    lead, where = as_member(ids.lead), f"/organise/shifts/{ids.shift}/roster"
    assert "还没有人报名" in lead.get(where).text
    done = lead.post(where, data={"who": "王建国"}, follow_redirects=True)
    assert "王建国 报上名了" in done.text
    with app.app_context():
        number = db.session.get_one(Member, ids.other).number
    waiting = lead.post(where, data={"who": number.lower()}, follow_redirects=True)
    assert "陈秀兰 排进候补了" in waiting.text
    for unknown in ("", "不存在的人", "HL999999X", "🎉" * 50, "长" * 10_000):
        assert lead.post(where, data={"who": unknown}).status_code == 422
    lead.post(f"{where}/{ids.member}/take-off", data={"reason": "本人来电"})
    assert state_of(app, ids.shift, ids.other) == "offered"
    assert "本人来电" in as_member(ids.member).get("/me/notices").text


def test_a_refusal_has_words_for_people() -> None:
    for module in (cancelling, posting, signing):
        for one in vars(module).values():
            if isinstance(one, type) and issubclass(one, Refusal) and one.__module__ == module.__name__:
                assert one.code.startswith("activities.")
                assert one.text.endswith(("。", "{why}"))
