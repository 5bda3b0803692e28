"""A service that was asked for is paid once from coins set aside: whole, in part, too long, capped, set right later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.requests.scene import AFTER, DAY, NO_COINS, NOW, START, Scene, coins_of, key
from tests.rulebook.saving import save_rule
from timebank.archives.queries.tables import list_member_rows
from timebank.attendance.service import (
    ManualEntry,
    OvertimeDraft,
    approve_shift,
    confirm_overtime,
    set_manual,
    submit_shift,
)
from timebank.corrections import service as corrections
from timebank.corrections.models import DONE as CORRECTED
from timebank.corrections.models import WAITING
from timebank.giving.rules import fund_words
from timebank.growth.queries import get_statement, list_held
from timebank.ledger import queries as ledger
from timebank.ledger.models import Entry
from timebank.ledger.verification import verify
from timebank.members.models import Member
from timebank.notices.models import Notice
from timebank.requests import queries
from timebank.requests.models import DONE, FUND, HelpRequest

MONTH = "2026-11"


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


def entry_of(session: Session, request: HelpRequest) -> Entry:
    """What was booked for a service."""
    return session.scalars(sa.select(Entry).where(Entry.source_type == "attendance", Entry.reverses_id.is_(None))).one()


def issued(session: Session, member: Member) -> int:
    return ledger.issued_to(session, member.coin_account_id or 0)


def points_of(session: Session, member: Member) -> int:
    return ledger.get_account(session, member.point_account_id).balance


def last_text(session: Session, member: Member, unit: str = "coin") -> str:
    return get_statement(session, member, unit=unit).lines[0].text


def assert_sound(session: Session, scene: Scene) -> None:
    findings = [found for check in verify(session, scene.branch.id) for found in check.findings]
    assert findings == []


def test_the_recipients_coins_go_to_who_served_and_none_are_issued(session: Session, scene: Scene) -> None:
    request = scene.done(minutes=90)
    assert request.status == DONE
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((30, 0), (90, 0))
    assert (issued(session, scene.wang), points_of(session, scene.wang)) == (0, 15)
    assert scene.record(request).minutes_now == 90
    entry = entry_of(session, request)
    assert (entry.kind, entry.facts["provider_id"], entry.facts["paid_by"]) == ("serve", scene.wang.id, "member")
    assert last_text(session, scene.wang) == "存入 1 小时 30 分钟 · 参加“陪老人去医院复查”"
    assert last_text(session, scene.lady) == "用去 1 币 30 分 · 点单“陪老人去医院复查”"
    assert_sound(session, scene)


def test_a_line_of_the_statement_leads_to_the_request(session: Session, scene: Scene) -> None:
    request = scene.done()
    for member in (scene.lady, scene.wang):
        assert get_statement(session, member).lines[0].link == f"/requests/{request.id}"


def test_what_was_not_used_is_free_again(session: Session, scene: Scene) -> None:
    request = scene.running()
    [held] = list_held(session, scene.lady)
    assert (held.amount, held.link) == (90, f"/requests/{request.id}")
    scene.serve(request, minutes=40)
    scene.approve(request)
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((80, 0), (40, 0))


def test_what_was_served_longer_brings_hours_and_points_but_no_coins(session: Session, scene: Scene) -> None:
    request = scene.running(minutes=60)
    scene.scan(request, "in", START)
    scene.scan(request, "out", START + timedelta(minutes=90))
    overtime = OvertimeDraft(
        shift_id=request.shift_id or 0, member_id=scene.wang.id, minutes=30, reason="等报告", key=key()
    )
    confirm_overtime(session, overtime, actor=scene.actor(scene.organiser), now=START + timedelta(minutes=95))
    scene.submit(request)
    scene.approve(request)
    record = scene.record(request)
    assert (record.minutes_now, record.capped_minutes, points_of(session, scene.wang)) == (90, 30, 15)
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((60, 0), (60, 0))
    assert last_text(session, scene.wang).endswith("（另有 30 分钟 超过点单时说好的时长，记时长、不存币）")
    told = session.scalars(sa.select(Notice).where(Notice.kind == "attendance.approved_in_parts")).one()
    assert (told.facts["minutes"], told.facts["served"]) == (60, 90)


def test_the_fund_pays_for_who_cannot(session: Session, scene: Scene) -> None:
    scene.done(minutes=40, source=FUND)
    assert (scene.fund, coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((260, 0), (120, 0), (40, 0))
    entry = session.scalars(sa.select(Entry).where(Entry.kind == "serve")).one()
    assert (entry.facts["paid_by"], entry.for_member_id) == ("fund", scene.wang.id)
    assert fund_words("serve", -40, reverses=False) == "点单服务：帮一位邻居"
    assert_sound(session, scene)


def test_without_coins_it_is_issued_as_for_every_activity(session: Session, scene: Scene) -> None:
    request = scene.done(**NO_COINS)
    assert (entry_of(session, request).kind, issued(session, scene.wang)) == ("earn", 90)
    assert coins_of(session, scene.lady) == (120, 0)


def test_the_days_cap_is_on_what_is_issued_alone(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, NOW, now=NOW - DAY, daily_cap_minutes=30)
    scene.done()
    assert coins_of(session, scene.wang) == (90, 0)


def test_what_nobody_may_hold_goes_to_the_fund_or_stays_there(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, NOW, now=NOW - DAY, holding_cap_minutes=50)
    own = scene.done()
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang), scene.fund) == ((30, 0), (50, 0), (340, 0))
    assert scene.record(own).minutes_now == 90
    again = scene.dispatch(scene.ask(source=FUND, minutes=60))
    scene.claim(again, start=START + timedelta(hours=5))
    scene.scan(again, "in", START + timedelta(hours=5))
    scene.scan(again, "out", START + timedelta(hours=6))
    late = START + timedelta(hours=9)
    submit_shift(session, again.shift_id or 0, actor=scene.actor(scene.organiser), now=late)
    approve_shift(session, again.shift_id or 0, actor=scene.actor(scene.second), now=late)
    assert (coins_of(session, scene.wang), scene.fund) == ((50, 0), (340, 0))  # nothing moved, nothing is held
    assert points_of(session, scene.wang) == 25
    assert_sound(session, scene)


def test_who_lent_a_hand_is_booked_as_on_every_activity(session: Session, scene: Scene) -> None:
    request = scene.running()
    helping = ManualEntry(shift_id=request.shift_id or 0, member_id=scene.zhou.id, minutes=30, reason="一起抬轮椅")
    set_manual(session, helping, actor=scene.actor(scene.organiser))
    before = coins_of(session, scene.zhou)[0]
    scene.serve(request)
    scene.approve(request)
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((30, 0), (90, 0))
    assert (coins_of(session, scene.zhou)[0] - before, issued(session, scene.wang)) == (30, 0)
    assert_sound(session, scene)


def test_approving_again_pays_once(session: Session, scene: Scene) -> None:
    request = scene.running()
    scene.serve(request)
    for _ in range(2):
        scene.approve(request)
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((30, 0), (90, 0))


def correct(session: Session, scene: Scene, request: HelpRequest, minutes: int | None) -> Any:
    entry_id = scene.record(request).entry_now_id or 0
    draft = corrections.CorrectionDraft(entry_id=entry_id, minutes=minutes, reason="时间记错了")
    return corrections.ask(session, draft, form_key=key(), actor=scene.actor(scene.manager), now=AFTER + DAY)


def test_a_record_set_right_gives_back_what_was_paid_too_much(session: Session, scene: Scene) -> None:
    request = scene.done()
    assert correct(session, scene, request, 30).status == CORRECTED
    session.expire_all()
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((90, 0), (30, 0))
    assert (scene.record(request).minutes_now, points_of(session, scene.wang)) == (30, 5)
    assert_sound(session, scene)


def test_more_minutes_later_are_hours_and_no_coins_of_others(session: Session, scene: Scene) -> None:
    request = scene.done(minutes=90)
    correct(session, scene, request, 60)
    session.expire_all()
    more = correct(session, scene, request, 90)
    assert more.status == WAITING  # hours are added: a second person decides
    corrections.approve(session, more.id, note="", actor=scene.actor(scene.second), now=AFTER + 2 * DAY)
    session.expire_all()
    assert (scene.record(request).minutes_now, coins_of(session, scene.wang)) == (90, (60, 0))
    assert coins_of(session, scene.lady) == (60, 0)
    assert_sound(session, scene)


def test_a_record_undone_gives_all_back_and_shows(session: Session, scene: Scene) -> None:
    request = scene.done()
    correct(session, scene, request, None)
    session.expire_all()
    assert (coins_of(session, scene.lady), coins_of(session, scene.wang)) == ((120, 0), (0, 0))
    assert last_text(session, scene.lady).startswith("更正退回 1 币 30 分")
    service = queries.service_of(session, request)
    assert service is not None
    assert service.minutes == 0
    assert_sound(session, scene)


def test_tables_of_the_month_say_who_used_and_who_received(session: Session, scene: Scene) -> None:
    request = scene.done()
    rows = {row[0]: row for row in list_member_rows(session, scene.branch, MONTH)}
    opening, earned, redeemed, received, *others, closing = rows[scene.lady.number][2:11]
    assert (earned, redeemed, received, others, closing) == (120, 90, 0, [0] * 4, 30)
    wang = rows[scene.wang.number]
    assert wang[3:11] == (0, 0, 90, 0, 0, 0, 0, 90)
    assert wang[11:15] == (0, 15, 0, 15)
    assert opening == 0
    correct(session, scene, request, 30)
    rows = {row[0]: row for row in list_member_rows(session, scene.branch, MONTH)}
    assert rows[scene.lady.number][3:11] == (120, 30, 0, 0, 0, 0, 0, 90)
    assert rows[scene.wang.number][3:11] == (0, 0, 30, 0, 0, 0, 0, 30)
    assert rows[scene.wang.number][11:15] == (0, 5, 0, 5)
