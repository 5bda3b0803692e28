"""Served minutes under each rule: booked by the version of their day, named on the entry, told to the member."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, START, YESTERDAY, Scene, find_attendance, make_scene, make_shift
from tests.exchange.scene import give
from tests.rulebook.saving import save_rule
from tests.world import actor_of, make_branch, make_member
from timebank.activities.service import sign_up
from timebank.archives.queries.checks import blocking, check_standing
from timebank.attendance.models import STAFF, VENUE
from timebank.attendance.queries import member_totals
from timebank.attendance.service import ScanDraft, approve_shift, record_scan, submit_shift
from timebank.growth.queries import get_statement
from timebank.ledger import queries as ledger
from timebank.ledger.service import Reversal, reverse
from timebank.members.models import Member
from timebank.notices.queries import list_notices

HOUR = timedelta(hours=1)


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session, people=2)


def purse(session: Session, member_id: int) -> dict[str, int]:
    """What stands on a member's accounts and in the fund of their branch."""
    member = session.get_one(Member, member_id, populate_existing=True)
    accounts = {
        "coin": member.coin_account_id,
        "point": member.point_account_id,
        "giveaway": member.giveaway_account_id,
        "fund": ledger.find_house_account(session, member.branch_id, "fund"),
    }
    found = {name: ledger.get_account(session, id_).balance for name, id_ in accounts.items() if id_ is not None}
    return {name: amount for name, amount in found.items() if amount}


def served(session: Session, scene: Scene, number: int = 0, left: str = "11:00") -> Any:
    """Somebody serves and it is approved; returns the entry."""
    scene.attend(session, number, "09:00", left)
    scene.submit(session)
    scene.approve(session)
    session.expire_all()
    return entry_of(session, scene.shift_id, scene.volunteers[number].id)


def entry_of(session: Session, shift_id: int, member_id: int) -> Any:
    record = find_attendance(session, shift_id, member_id)
    assert record is not None
    return ledger.get_entry(session, record.entry_id or 0)


def second_shift(session: Session, scene: Scene, *, hours: int = 3, length: float = 2, **more: Any) -> int:
    """Another shift on the same day, which the first volunteer serves from end to end; approved; returns its id."""
    start = START + hours * HOUR
    end = start + length * HOUR
    _activity, shift_id = make_shift(
        session, scene.branch, scene.organiser_actor, starts_at=start, ends_at=end, title="图书整理", **more
    )
    attend_and_approve(session, scene, shift_id, start, end)
    return shift_id


def attend_and_approve(session: Session, scene: Scene, shift_id: int, start: Any, end: Any) -> None:
    member, actor = scene.volunteers[0], scene.volunteer_actors[0]
    sign_up(session, shift_id, member_id=member.id, actor=actor, now=YESTERDAY)
    for wanted, at in (("in", start), ("out", end)):
        scan = ScanDraft(
            shift_id=shift_id,
            member_id=member.id,
            source=VENUE,
            claimed_at=at,
            key=f"{shift_id}{wanted}",
            wanted=wanted,
        )
        assert record_scan(session, scan, actor=actor, now=at).refusal is None
    submit_shift(session, shift_id, actor=scene.organiser_actor, now=end + HOUR)
    approve_shift(session, shift_id, actor=scene.manager_actor, now=end + 2 * HOUR)
    session.expire_all()


def test_without_a_rule_an_hour_is_a_coin_and_ten_points(session: Session, scene: Scene) -> None:
    entry = served(session, scene)
    assert purse(session, scene.volunteers[0].id) == {"coin": 120, "point": 20}
    assert entry.rule == "rules/0"
    assert not {"capped_minutes", "fund_minutes", "giveaway_minutes", "group_activity"} & entry.facts.keys()


def test_points_follow_the_version_of_the_day_and_carry_on(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, points_per_hour=7)
    entry = served(session, scene, left="10:59")
    assert purse(session, scene.volunteers[0].id) == {"coin": 119, "point": 13}
    assert entry.rule == "rules/BL/1"
    second_shift(session, scene, length=1)  # 53 sixtieths were carried: 833 and 420 make 20 whole points
    assert purse(session, scene.volunteers[0].id)["point"] == 179 * 7 // 60


def test_a_daily_cap_leaves_hours_and_points_whole(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, daily_cap_minutes=150)
    served(session, scene)
    shift_id = second_shift(session, scene)
    member_id = scene.volunteers[0].id
    assert purse(session, member_id) == {"coin": 150, "point": 40}
    entry = entry_of(session, shift_id, member_id)
    assert entry.facts["capped_minutes"] == 90
    assert member_totals(session, member_id).minutes == 240
    record = find_attendance(session, shift_id, member_id)
    assert record is not None
    assert (record.minutes, record.capped_minutes) == (120, 90)
    line = get_statement(session, session.get_one(Member, member_id)).lines[0]
    assert line.text == "存入 30 分钟 · 参加“图书整理”（另有 1 小时 30 分钟 超过当天上限，记时长、不存币）"
    told = list_notices(session, member_id).items[0]
    assert "存入 30 分" in told.title
    assert "超过当天上限" in told.text


def test_what_lies_wholly_above_the_days_cap_is_booked_as_points(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, daily_cap_minutes=120)
    served(session, scene)
    shift_id = second_shift(session, scene)
    entry = entry_of(session, shift_id, scene.volunteers[0].id)
    assert [(one.unit, one.amount) for one in entry.transfers] == [("point", 20)]
    assert purse(session, scene.volunteers[0].id) == {"coin": 120, "point": 40}


def test_a_minute_worth_nothing_is_kept_as_an_hour_served_and_does_not_stop_the_close(
    session: Session, scene: Scene
) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, daily_cap_minutes=120)
    served(session, scene)
    shift_id = second_shift(session, scene, length=5 / 60)
    record = find_attendance(session, shift_id, scene.volunteers[0].id)
    assert record is not None
    assert (record.status, record.entry_id, record.minutes, record.capped_minutes) == ("approved", None, 5, 5)
    found = blocking(check_standing(session, scene.branch, "2026-12", now=AFTER))
    assert not [one for one in found if "unbooked" in one.name]
    second_shift(session, scene, hours=6, length=1 / 60)  # and its points were carried: 50 and 10 sixtieths
    assert purse(session, scene.volunteers[0].id) == {"coin": 120, "point": 21}


def test_another_day_has_a_cap_of_its_own(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, daily_cap_minutes=120)
    served(session, scene)
    second_shift(session, scene, hours=24)
    assert purse(session, scene.volunteers[0].id)["coin"] == 240


def test_a_shift_that_was_reversed_leaves_room_under_the_cap(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, daily_cap_minutes=150)
    entry = served(session, scene)
    reverse(session, entry.id, Reversal(key="undo", reason="记错了", actor_id=scene.manager.id), now=AFTER)
    second_shift(session, scene)
    assert purse(session, scene.volunteers[0].id)["coin"] == 120


def test_above_the_holding_cap_coins_go_to_the_fund(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, holding_cap_minutes=300)
    member = scene.volunteers[0]
    give(session, member, 220, now=YESTERDAY)
    entry = served(session, scene)
    assert purse(session, member.id) == {"coin": 300, "point": 20, "fund": 40}
    assert [(one.credit.split(":")[0], one.amount) for one in entry.transfers] == [
        ("member", 80), ("fund", 40), ("member", 20),
    ]  # fmt: skip
    assert entry.facts["fund_minutes"] == 40
    assert get_statement(session, member).lines[0].text.endswith("（另有 40 分 超过持有上限，转入爱心基金）")
    second_shift(session, scene)
    assert purse(session, member.id) == {"coin": 300, "point": 40, "fund": 160}


def test_a_reversal_takes_back_exactly_what_was_booked(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, holding_cap_minutes=100, daily_cap_minutes=110)
    entry = served(session, scene)
    assert purse(session, scene.volunteers[0].id) == {"coin": 100, "point": 20, "fund": 10}
    reverse(session, entry.id, Reversal(key="undo", reason="记错了", actor_id=scene.manager.id), now=AFTER)
    assert purse(session, scene.volunteers[0].id) == {}
    for unit in ("coin", "point"):
        assert ledger.balance(session, ledger.find_house_account(session, scene.branch.id, "issuance", unit)) == 0


@pytest.mark.parametrize(
    ("group", "rule", "purses"),
    [(True, True, {"giveaway": 120, "point": 20}), (False, True, {"coin": 120, "point": 20}),
     (True, False, {"coin": 120, "point": 20})],
)  # fmt: skip
def test_hours_of_a_group_activity_are_to_be_given_away_where_the_rule_says_so(
    session: Session, group: bool, rule: bool, purses: dict[str, int]
) -> None:
    scene = make_scene(session, people=2, group_activity=group)
    if rule:
        save_rule(session, scene.branch.id, START, now=YESTERDAY, group_hours_give_away=True)
    entry = served(session, scene)
    assert purse(session, scene.volunteers[0].id) == purses
    assert entry.facts.get("group_activity", False) is group
    assert scene.volunteers[1].giveaway_account_id is None  # opened for who needs it only


def test_give_away_hours_stand_on_a_statement_of_their_own(session: Session) -> None:
    scene = make_scene(session, people=1, group_activity=True)
    save_rule(session, scene.branch.id, START, now=YESTERDAY, group_hours_give_away=True, daily_cap_minutes=90)
    served(session, scene)
    member = session.get_one(Member, scene.volunteers[0].id)
    [line] = get_statement(session, member, unit="giveaway").lines
    assert line.text == "存入 1 小时 30 分钟 · 参加“楼道清洁”（另有 30 分钟 超过当天上限，记时长、不存币）"
    assert get_statement(session, member).lines == []
    told = list_notices(session, member.id).items[0]
    assert "1 币 30 分 记入可赠币" in told.text


def test_a_rule_never_changes_what_was_booked_before(session: Session, scene: Scene) -> None:
    before = served(session, scene)
    save_rule(session, scene.branch.id, START + timedelta(days=1), now=AFTER, points_per_hour=99, daily_cap_minutes=1)
    session.expire_all()
    assert ledger.get_entry(session, before.id) == before


def test_a_late_approval_goes_by_the_version_of_the_day_of_the_shift(session: Session, scene: Scene) -> None:
    save_rule(session, scene.branch.id, START, now=YESTERDAY, points_per_hour=12)
    scene.attend(session, 0)
    scene.submit(session)
    save_rule(session, scene.branch.id, END + timedelta(days=2), now=AFTER, points_per_hour=30, daily_cap_minutes=10)
    scene.approve(session, now=END + timedelta(days=9))
    session.expire_all()
    assert entry_of(session, scene.shift_id, scene.volunteers[0].id).rule == "rules/BL/1"
    assert purse(session, scene.volunteers[0].id) == {"coin": 120, "point": 24}
    later = END + timedelta(days=3)
    _activity, shift_id = make_shift(
        session, scene.branch, scene.organiser_actor, starts_at=later, ends_at=later + HOUR
    )
    attend_and_approve(session, scene, shift_id, later, later + HOUR)
    assert entry_of(session, shift_id, scene.volunteers[0].id).rule == "rules/BL/2"


def test_a_guest_goes_by_the_rules_of_their_own_branch(session: Session, scene: Scene) -> None:
    other = make_branch(session, "CX", now=YESTERDAY)
    guest = make_member(session, other, now=YESTERDAY)
    save_rule(session, other.id, START, now=YESTERDAY, points_per_hour=20, holding_cap_minutes=30)
    sign_up(session, scene.shift_id, member_id=guest.id, actor=actor_of(session, guest), now=YESTERDAY)
    for at in ("09:00", "11:00"):
        scene.staff_scan(session, guest.id, at)
    served(session, scene)
    assert purse(session, guest.id) == {"coin": 30, "point": 40, "fund": 90}
    assert purse(session, scene.volunteers[0].id) == {"coin": 120, "point": 20}
    assert entry_of(session, scene.shift_id, guest.id).rule == "rules/CX/1"


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", [{}, {"daily_cap_minutes": 60, "holding_cap_minutes": 30, "group_hours_give_away": True}]
)
def test_many_people_take_no_more_statements_than_few(session: Session, rule: dict[str, Any]) -> None:
    counts = []
    for code, people in (("BL", 2), ("CX", 14)):
        branch = make_branch(session, code, now=YESTERDAY)
        if rule:
            save_rule(session, branch.id, START, now=YESTERDAY, **rule)
        lead, boss = (make_member(session, branch, roles=(role,), now=YESTERDAY) for role in ("organiser", "manager"))
        organiser = actor_of(session, lead)
        _activity, shift_id = make_shift(session, branch, organiser, group_activity=True)
        for _number in range(people):
            member = make_member(session, branch, now=YESTERDAY)
            for at in (START, END):
                scan = ScanDraft(
                    shift_id=shift_id,
                    member_id=member.id,
                    source=STAFF,
                    claimed_at=at,
                    key=f"{member.id}{at}",
                )
                assert record_scan(session, scan, actor=organiser, now=at).refusal is None
        submit_shift(session, shift_id, actor=organiser, now=AFTER)
        session.expire_all()
        approver = actor_of(session, boss)
        with counted(session) as statements:
            assert approve_shift(session, shift_id, actor=approver, now=AFTER).people == people
        counts.append(len(statements))
    assert counts[0] == counts[1]


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements sent meanwhile; one that is run for many rows at once counts once."""
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(connection, "before_cursor_execute", note)
