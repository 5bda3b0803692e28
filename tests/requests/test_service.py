"""Asking, dispatching, saying yes, giving back, ending: each verb and each refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.requests.scene import AFTER, DAY, NO_COINS, NOW, PLACE, START, TODAY, Scene, coins_of, key, steps_of, told
from tests.world import make_branch, make_member
from timebank.activities.models import CANCELLED, Activity, Shift, SignUp
from timebank.activities.service import OnRequest, ShiftsOverlap, cancel_activity, copy_activity, leave, sign_up
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.members.models import FAMILY
from timebank.members.queries import MemberNotActive
from timebank.members.service import ask_family, confirm_family, link_by_staff, suspend_member
from timebank.requests import queries, rules, service
from timebank.requests.models import ASKED, CLAIMED, DECLINED, DONE, EXPIRED, FUND, NONE, OPEN, OWN, WISH, WITHDRAWN

WISH_OF = {"kind": WISH, "source": NONE, "minutes": 0, "title": "想要一个放大镜", "category": "other"}


@pytest.fixture
def scene(session: Session) -> Scene:
    return Scene(session)


# --- 点单 ----------------------------------------------------------------------------------------------------------


def test_a_grid_worker_asks_for_somebody_without_a_phone_and_everybody_is_told(session: Session, scene: Scene) -> None:
    request = scene.ask()
    assert (request.status, request.recipient_id, request.asked_by_id) == (ASKED, scene.lady.id, scene.grid.id)
    assert PLACE not in (request.place_sealed or "")
    assert told(session, scene.lady) == ["request.asked_for"]
    assert told(session, scene.manager) == told(session, scene.second) == ["request.to_check"]
    assert told(session, scene.grid) == told(session, scene.organiser) == []
    assert steps_of(session, request) == ["asked"]


def test_the_same_form_asks_once_and_says_nothing_else(session: Session, scene: Scene) -> None:
    request = scene.ask(form_key="same")
    assert scene.ask(form_key="same").id == request.id
    for other in ({"minutes": 60}, {"place": "别处"}, {"title": "陪老人散步"}, {"by": scene.manager}):
        with pytest.raises(FormUsed):
            scene.ask(form_key="same", **other)
    assert len(told(session, scene.manager)) == 1


def test_one_asks_for_oneself_without_number_or_name(session: Session, scene: Scene) -> None:
    request = scene.ask(by=scene.zhou, number="", name="", consented=False, **NO_COINS)
    assert (request.recipient_id, request.asked_by_id) == (scene.zhou.id, scene.zhou.id)
    assert scene.ask(by=scene.zhou, number=scene.zhou.number, name="", **NO_COINS).recipient_id == scene.zhou.id
    assert told(session, scene.zhou) == []


@pytest.mark.parametrize("who", [{"number": "HL00000"}, {"name": "陈秀莲"}, {"name": "1"}])
def test_number_and_name_have_to_go_together(scene: Scene, who: dict[str, str]) -> None:
    with pytest.raises(service.RecipientNotFound):
        scene.ask(**who)


def test_nobody_asks_for_strangers_but_family_may(session: Session, scene: Scene) -> None:
    with pytest.raises(service.NotForThem):
        scene.ask(by=scene.zhou)
    link = ask_family(session, scene.lady.number, actor=scene.actor(scene.zhou), now=NOW)
    with pytest.raises(service.NotForThem):
        scene.ask(by=scene.zhou)
    confirm_family(session, link.id, actor=scene.actor(scene.lady), now=NOW)
    assert scene.ask(by=scene.zhou).status == ASKED


def test_a_grid_worker_reaches_their_own_branch_alone(session: Session, scene: Scene) -> None:
    elsewhere = make_member(session, make_branch(session, "CX"), "沈大妈")
    with pytest.raises(service.NotForThem):
        scene.ask(number=elsewhere.number, name=elsewhere.name)


def test_who_is_suspended_neither_asks_nor_is_asked_for(session: Session, scene: Scene) -> None:
    suspend_member(session, scene.lady.id, reason="本人要求", actor=scene.actor(scene.manager), now=NOW)
    with pytest.raises(service.RecipientNotFound):
        scene.ask()
    with pytest.raises(MemberNotActive):
        scene.ask(by=scene.lady, number="", name="")


def test_days_length_and_consent_have_to_fit(scene: Scene) -> None:
    for wrong, field in (({"minutes": 5}, "length"), ({"consented": False}, "consented")):
        with pytest.raises(service.BadRequest) as refused:
            scene.ask(**wrong)
        assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("words", ["陪陈秀兰看病", "打13805740082找她"])
def test_what_volunteers_read_names_nobody(scene: Scene, words: str) -> None:
    for field in ("title", "words"):
        with pytest.raises(service.NamesSomebody) as refused:
            scene.ask(**{field: words})
        assert list(refused.value.fields) == [field]


# --- 派单 ----------------------------------------------------------------------------------------------------------


def test_dispatching_sets_the_coins_aside_that_may_be_used(session: Session, scene: Scene) -> None:
    request = scene.dispatch(scene.ask())
    assert (request.status, request.coordinator_id, request.to_all) == (OPEN, scene.manager.id, True)
    assert coins_of(session, scene.lady) == (120, 90)
    assert steps_of(session, request) == ["asked", "taken_up", "dispatched"]
    assert told(session, scene.grid) == ["request.dispatched"]
    scene.dispatch(request)
    assert coins_of(session, scene.lady) == (120, 90)


def test_what_the_recipient_does_not_have_is_not_dispatched(scene: Scene) -> None:
    with pytest.raises(service.CoinsShort):
        scene.dispatch(scene.ask(minutes=180))
    shorter = scene.dispatch(scene.ask(minutes=180), minutes=120)
    assert shorter.minutes == 120


def test_the_fund_pays_on_the_word_of_two_who_are_no_family(session: Session, scene: Scene) -> None:
    asked = scene.ask(source=FUND)
    assert scene.fund == (300, 0)
    with pytest.raises(service.TwoPeople):  # an organiser does not decide on the fund
        scene.dispatch(asked, by=scene.organiser)
    own_word = scene.ask(by=scene.manager, source=FUND)
    with pytest.raises(service.TwoPeople):
        scene.dispatch(own_word, by=scene.manager)
    link_by_staff(session, scene.lady.id, scene.second.number, kind=FAMILY, actor=scene.actor(scene.manager), now=NOW)
    with pytest.raises(service.TwoPeople):
        scene.dispatch(asked, by=scene.second)
    scene.dispatch(asked)
    assert scene.fund == (300, 90)
    with pytest.raises(service.FundShort):
        scene.dispatch(scene.ask(source=FUND, minutes=240))


def test_a_coordinator_may_choose_other_coins_before_it_goes_out(scene: Scene) -> None:
    request = scene.ask()
    scene.dispatch(request, source=FUND)
    assert (request.source, scene.fund) == (FUND, (300, 90))
    own = scene.ask(source=NONE, consented=False)
    with pytest.raises(Invalid):
        scene.dispatch(own, source=OWN)
    assert scene.dispatch(own, source=OWN, minutes=30, consented=True).source == OWN


def test_nobody_dispatches_what_they_are_to_be_served_with(scene: Scene) -> None:
    mine = scene.ask(by=scene.manager, number="", name="", **NO_COINS)
    with pytest.raises(service.OwnRequest):
        scene.dispatch(mine)
    assert scene.dispatch(mine, by=scene.second).status == OPEN


def test_one_coordinates_and_hands_over_on_record(session: Session, scene: Scene) -> None:
    request = scene.ask(source=FUND)
    actor = scene.actor(scene.manager)
    for _ in range(2):
        assert service.take_up(session, request.id, actor=actor, now=NOW).coordinator_id == scene.manager.id
    with pytest.raises(service.AlreadyTaken):
        service.take_up(session, request.id, actor=scene.actor(scene.second), now=NOW)

    def hand(to: str, by: Any = scene.manager) -> None:
        service.hand_over(session, request.id, number=to, actor=scene.actor(by), now=NOW)

    with pytest.raises(service.NotCoordinator):
        hand(scene.second.number, scene.organiser)
    for nobody in ("", scene.wang.number, scene.lady.number):
        with pytest.raises(service.VolunteerNotFound):
            hand(nobody)
    hand(scene.second.number)
    hand(scene.second.number, scene.second)
    assert request.coordinator_id == scene.second.id
    assert steps_of(session, request) == ["asked", "taken_up", "handed_over"]
    assert told(session, scene.second)[-1] == "request.handed_over"
    hand(scene.manager.number, scene.manager)  # a manager may, for somebody who is away
    asked_by_second = scene.ask(by=scene.second, source=FUND)
    scene.dispatch(asked_by_second)
    with pytest.raises(service.TwoPeople):
        service.hand_over(session, asked_by_second.id, number=scene.second.number, actor=actor, now=NOW)


def test_declining_has_a_reason_and_gives_coins_back(session: Session, scene: Scene) -> None:
    request, actor = scene.dispatch(scene.ask()), scene.actor(scene.manager)
    with pytest.raises(service.ReasonMissing):
        service.decline(session, request.id, reason=" ", actor=actor, now=NOW)
    for _ in range(2):
        assert service.decline(session, request.id, reason="请找医院护工", actor=actor, now=NOW).status == DECLINED
    assert coins_of(session, scene.lady) == (120, 0)
    assert told(session, scene.grid)[-1] == told(session, scene.lady)[-1] == "request.declined"
    for verb in (scene.dispatch, scene.claim):
        with pytest.raises((rules.RequestEnded, queries.RequestNotFound)):
            verb(request)


def test_volunteers_check_nothing_and_dispatch_nothing(session: Session, scene: Scene) -> None:
    request = scene.ask()
    for member in (scene.grid, scene.lady):
        for verb in (
            lambda actor: service.take_up(session, request.id, actor=actor, now=NOW),
            lambda actor: service.decline(session, request.id, reason="不行", actor=actor, now=NOW),
            lambda actor: service.invite(session, request.id, member_ids=[scene.wang.id], actor=actor, now=NOW),
            lambda actor: service.dispatch(
                session, request.id, service.Dispatch(source=NONE, minutes=60, to_all=True), actor=actor, now=NOW
            ),
        ):
            with pytest.raises(NotAllowed):
                verb(scene.actor(member))
    with pytest.raises(queries.RequestNotFound):
        service.take_up(session, request.id, actor=scene.actor(scene.wang), now=NOW)


def test_volunteers_are_asked_once_and_may_say_no(session: Session, scene: Scene) -> None:
    request = scene.ask()
    with pytest.raises(rules.NotOpenYet):
        scene.invite(request)
    scene.dispatch(request, to_all=False)
    with pytest.raises(queries.RequestNotFound):
        scene.claim(request)  # not open to everybody
    assert (scene.invite(request, scene.wang, scene.zhou), scene.invite(request)) == (2, 0)
    assert told(session, scene.wang) == ["request.invited"]
    service.refuse(session, request.id, actor=scene.actor(scene.wang), now=NOW)
    assert told(session, scene.manager)[-1] == "request.refused"
    with pytest.raises(queries.RequestNotFound):
        scene.claim(request)
    assert scene.claim(request, by=scene.zhou).volunteer_id == scene.zhou.id
    with pytest.raises(service.NotCoordinator):
        scene.invite(request, by=scene.second)
    with pytest.raises(rules.AlreadyClaimed):
        scene.invite(request)


def test_nobody_is_asked_who_must_not_do_it(session: Session, scene: Scene) -> None:
    son = make_member(session, scene.branch, "陈小明")
    link_by_staff(session, scene.lady.id, son.number, kind=FAMILY, actor=scene.actor(scene.manager), now=NOW)
    elsewhere = make_member(session, make_branch(session, "CX"), "沈大伯")
    request = scene.dispatch(scene.ask(source=FUND))
    for member in (son, elsewhere, scene.lady, scene.manager, scene.grid):
        with pytest.raises(service.NotSuitable):
            scene.invite(request, member)
    for member in (son, scene.manager, scene.grid):
        with pytest.raises(service.NotSuitable):
            scene.claim(request, by=member)
    with pytest.raises(service.VolunteerNotFound):
        service.invite(session, request.id, number="HL0", actor=scene.actor(scene.manager), now=NOW)
    with pytest.raises(Invalid):
        service.invite(session, request.id, actor=scene.actor(scene.manager), now=NOW)


def test_suggestions_say_why_and_leave_out_who_must_not(session: Session, scene: Scene) -> None:
    request = scene.dispatch(scene.ask(category="care"))
    suggested = queries.list_suggestions(session, request)
    assert [(one.member.alias, one.reasons) for one in suggested] == [("王师傅", ("会：理发、陪护",))]
    scene.invite(request)
    assert queries.list_suggestions(session, request) == []


# --- 接单 ----------------------------------------------------------------------------------------------------------


def test_saying_yes_makes_a_service_in_no_list_with_the_volunteer_on_it(session: Session, scene: Scene) -> None:
    request = scene.running()
    shift = session.get_one(Shift, request.shift_id)
    assert (request.status, request.volunteer_id) == (CLAIMED, scene.wang.id)
    assert (shift.starts_at, shift.ends_at) == (START, START + timedelta(minutes=90))
    assert (shift.capacity, shift.taken, shift.paid_hold_id) == (1, 1, request.hold_id)
    assert (shift.activity.for_request, shift.activity.organiser_id) == (True, scene.manager.id)
    assert PLACE not in shift.activity.place + shift.activity.content
    assert session.scalars(sa.select(SignUp.member_id).where(SignUp.shift_id == shift.id)).all() == [scene.wang.id]
    assert told(session, scene.lady)[-1] == told(session, scene.grid)[-1] == "request.claimed"
    assert told(session, scene.manager)[-1] == "request.claimed"


def test_the_first_one_gets_it(scene: Scene) -> None:
    request = scene.running()
    assert scene.claim(request).volunteer_id == scene.wang.id  # again is calm
    with pytest.raises(queries.RequestNotFound):
        scene.claim(request, by=scene.zhou)
    with pytest.raises(rules.AlreadyClaimed):
        scene.claim(request, by=scene.organiser)  # staff still see it


@pytest.mark.parametrize("start", [None, NOW, NOW - DAY, START + 30 * DAY])
def test_the_time_is_one_of_the_days_that_were_asked_for(scene: Scene, start: Any) -> None:
    request = scene.dispatch(scene.ask())
    with pytest.raises(service.NotThen):
        scene.claim(request, start=start)


def test_nobody_is_at_two_places_at_once(scene: Scene) -> None:
    scene.running()
    second = scene.dispatch(scene.ask(**NO_COINS))
    with pytest.raises(ShiftsOverlap):
        scene.claim(second)
    assert scene.claim(second, start=START + timedelta(hours=3)).status == CLAIMED


def test_staff_write_down_a_yes_by_telephone_of_who_was_asked(session: Session, scene: Scene) -> None:
    request = scene.dispatch(scene.ask(**NO_COINS))
    with pytest.raises(service.AskedNobody):
        scene.claim(request, by=scene.manager, member_id=scene.wang.id)
    scene.invite(request)
    with pytest.raises(NotAllowed):
        scene.claim(request, by=scene.zhou, member_id=scene.wang.id)
    scene.claim(request, by=scene.manager, member_id=scene.wang.id)
    assert (request.volunteer_id, told(session, scene.wang)[-1]) == (scene.wang.id, "request.assigned")


def test_a_service_is_changed_through_its_request_alone(session: Session, scene: Scene) -> None:
    request = scene.running()
    shift = session.get_one(Shift, request.shift_id)
    boss, wang = scene.actor(scene.manager), scene.actor(scene.wang)
    for verb in (
        lambda: leave(session, shift.id, member_id=scene.wang.id, reason="有事", actor=wang, now=NOW),
        lambda: sign_up(session, shift.id, member_id=scene.zhou.id, actor=scene.actor(scene.zhou), now=NOW),
        lambda: cancel_activity(session, shift.activity_id, reason="下雨", actor=boss, now=NOW),
        lambda: copy_activity(session, shift.activity_id, form_key=key(), actor=boss, now=NOW),
    ):
        with pytest.raises(OnRequest):
            verb()


def test_another_time_is_agreed_on_before_anybody_came(session: Session, scene: Scene) -> None:
    request = scene.running()
    first = request.shift_id

    def move(start: Any, by: Any = scene.wang) -> None:
        service.move(session, request.id, starts_at=start, actor=scene.actor(by), now=NOW)

    with pytest.raises(service.NotThen):
        move(START + 30 * DAY)
    with pytest.raises(NotAllowed):
        move(START + DAY, scene.lady)
    move(START)
    assert request.shift_id == first
    move(START + DAY)
    move(START + timedelta(hours=1), scene.organiser)  # may overlap the old hour, which is given up
    shift = session.get_one(Shift, request.shift_id)
    assert (shift.starts_at, shift.paid_hold_id, request.volunteer_id) == (
        START + timedelta(hours=1),
        request.hold_id,
        scene.wang.id,
    )
    assert told(session, scene.lady).count("request.moved") == 2
    assert told(session, scene.wang).count("request.moved") == 1
    scene.scan(request, "in", START + timedelta(hours=1))
    with pytest.raises(service.ServiceBegun):
        move(START + DAY)
    wish = scene.claim(scene.dispatch(scene.ask(**WISH_OF)), start=None)
    with pytest.raises(NotAllowed):
        service.move(session, wish.id, starts_at=START, actor=scene.actor(scene.wang), now=NOW)


def test_giving_it_back_has_a_reason_and_opens_it_again(session: Session, scene: Scene) -> None:
    request = scene.running()
    first, shift_id = request.hold_id, request.shift_id
    with pytest.raises(NotAllowed):
        service.release(session, request.id, reason="有事", actor=scene.actor(scene.lady), now=NOW)
    with pytest.raises(service.ReasonMissing):
        service.release(session, request.id, reason="", actor=scene.actor(scene.wang), now=NOW)
    service.release(session, request.id, reason="孩子发烧", actor=scene.actor(scene.wang), now=NOW)
    shift = session.get_one(Shift, shift_id)
    assert (request.status, request.volunteer_id, request.shift_id, request.hold_id) == (OPEN, None, None, first)
    assert (shift.activity.status, shift.paid_hold_id, shift.taken) == (CANCELLED, None, 0)
    assert coins_of(session, scene.lady) == (120, 90)
    assert told(session, scene.lady)[-1] == told(session, scene.manager)[-1] == "request.released"
    with pytest.raises(rules.NotClaimed):
        service.release(session, request.id, reason="有事", actor=scene.actor(scene.manager), now=NOW)
    scene.claim(request, by=scene.zhou)
    service.release(session, request.id, reason="电话里说来不了", actor=scene.actor(scene.manager), now=NOW)
    assert told(session, scene.zhou)[-1] == "request.released"
    assert session.scalar(sa.select(sa.func.count()).select_from(Activity).where(Activity.for_request)) == 2


def test_who_needs_it_or_asked_takes_it_back_and_the_volunteer_need_not_go(session: Session, scene: Scene) -> None:
    request = scene.running()
    with pytest.raises(NotAllowed):
        service.withdraw(session, request.id, actor=scene.actor(scene.wang), now=NOW)
    with pytest.raises(service.ReasonMissing):
        service.withdraw(session, request.id, actor=scene.actor(scene.lady), now=NOW)
    for _ in range(2):
        service.withdraw(session, request.id, reason="儿子回来了", actor=scene.actor(scene.lady), now=NOW)
    assert (request.status, request.volunteer_id) == (WITHDRAWN, None)
    assert coins_of(session, scene.lady) == (120, 0)
    assert told(session, scene.wang)[-1] == told(session, scene.grid)[-1] == "request.withdrawn"
    early = scene.ask()
    assert service.withdraw(session, early.id, actor=scene.actor(scene.grid), now=NOW).status == WITHDRAWN


def test_what_has_begun_is_neither_taken_nor_given_back(session: Session, scene: Scene) -> None:
    request = scene.running()
    scene.scan(request, "in", START)
    with pytest.raises(service.ServiceBegun):
        service.withdraw(session, request.id, reason="不用了", actor=scene.actor(scene.lady), now=START)
    with pytest.raises(service.ServiceBegun):
        service.release(session, request.id, reason="不来了", actor=scene.actor(scene.wang), now=START)


# --- 服务 · 评单 ---------------------------------------------------------------------------------------------------


def test_approval_makes_it_done_and_the_job_tells(session: Session, scene: Scene) -> None:
    request = scene.running()
    assert scene.settle() == 0
    scene.serve(request)
    assert scene.settle() == 0
    scene.approve(request)
    actor = scene.actor(scene.lady)
    assert queries.show(session, request, actor, now=AFTER).status == DONE  # before the job came by
    assert (scene.settle(), scene.settle()) == (1, 0)
    assert (request.status, request.ended_at) == (DONE, AFTER)
    assert told(session, scene.lady)[-1] == told(session, scene.grid)[-1] == "request.done"
    with pytest.raises(rules.RequestEnded):
        service.withdraw(session, request.id, reason="不用了", actor=actor, now=AFTER)


def test_what_did_not_take_place_is_open_again_with_its_coins(session: Session, scene: Scene) -> None:
    request = scene.running()
    scene.submit(request)  # nobody came
    scene.approve(request)
    assert (scene.settle(), request.status, request.volunteer_id) == (1, OPEN, None)
    assert coins_of(session, scene.lady) == (120, 90)
    assert told(session, scene.lady)[-1] == told(session, scene.manager)[-1] == "request.unserved"
    scene.claim(request, by=scene.zhou, start=START + 2 * DAY)
    assert session.get_one(Shift, request.shift_id).paid_hold_id == request.hold_id


def test_a_record_that_does_not_count_is_no_service_either(scene: Scene) -> None:
    request = scene.running()
    scene.scan(request, "in", START)
    scene.scan(request, "out", START + timedelta(minutes=90))
    scene.not_counted(request)
    assert scene.settle() == 0
    scene.submit(request)
    scene.approve(request)
    assert (scene.settle(), request.status) == (1, OPEN)


def test_both_sides_rate_once(session: Session, scene: Scene) -> None:
    request = scene.running()
    rate = lambda who, **more: service.rate(  # noqa: E731
        session, request.id, **({"score": 5, "words": "很耐心"} | more), actor=scene.actor(who), now=AFTER
    )
    with pytest.raises(rules.NotDoneYet):
        rate(scene.lady)
    scene.serve(request)
    scene.approve(request)
    with pytest.raises(service.BadScore):
        rate(scene.lady, score=6)
    for _ in range(2):
        assert rate(scene.grid).side == "served"  # who asked writes down what the lady told them
    assert request.status == DONE
    for other in (scene.lady, scene.manager):
        with pytest.raises(service.AlreadyRated):
            rate(other)
    assert rate(scene.wang, score=4).side == "volunteer"
    with pytest.raises(queries.RequestNotFound):
        rate(scene.zhou)
    assert queries.score_of(session, [scene.wang.id])[scene.wang.id].average == "5.0"


# --- 微心愿 · 到期 -------------------------------------------------------------------------------------------------


def test_a_wish_is_claimed_without_a_time_and_done_when_somebody_else_says_so(session: Session, scene: Scene) -> None:
    wish = scene.claim(scene.dispatch(scene.ask(**WISH_OF)), start=None)
    assert (wish.status, wish.shift_id, wish.hold_id) == (CLAIMED, None, None)
    assert told(session, scene.lady)[-1] == "request.wish_claimed"
    with pytest.raises(NotAllowed):
        service.confirm_wish(session, wish.id, actor=scene.actor(scene.wang), now=NOW)
    for _ in range(2):
        assert service.confirm_wish(session, wish.id, actor=scene.actor(scene.grid), now=NOW).status == DONE
    assert told(session, scene.wang)[-1] == "request.wish_done"
    assert service.rate(session, wish.id, score=5, actor=scene.actor(scene.lady), now=NOW).score == 5


def test_a_wish_that_takes_time_is_served_like_everything_else(session: Session, scene: Scene) -> None:
    wish = scene.done(**WISH_OF | {"minutes": 60})
    assert (wish.status, coins_of(session, scene.wang)) == (DONE, (60, 0))
    with pytest.raises(NotAllowed):
        service.confirm_wish(session, wish.id, actor=scene.actor(scene.grid), now=NOW)


def test_what_nobody_took_ends_with_its_last_day(session: Session, scene: Scene) -> None:
    waiting, taken = scene.dispatch(scene.ask()), scene.running(**NO_COINS)
    unread = scene.ask(**NO_COINS)
    last = NOW + 7 * DAY
    assert service.expire_requests(session, now=last) == 0
    assert service.expire_requests(session, now=last + DAY) == 2
    assert {waiting.status, unread.status} == {EXPIRED}
    assert taken.status == CLAIMED
    assert coins_of(session, scene.lady) == (120, 0)
    assert told(session, scene.manager)[-1] == told(session, scene.lady)[-1] == "request.expired"


def test_coordinators_are_reminded_once_of_what_nobody_takes(session: Session, scene: Scene) -> None:
    scene.dispatch(scene.ask())
    late = scene.ask(**NO_COINS)
    assert service.remind_of_requests(session, now=NOW) == 0
    for _ in range(2):
        assert service.remind_of_requests(session, now=NOW + DAY) == 1
    assert told(session, scene.second).count("request.not_taken_up") == 1
    assert service.remind_of_requests(session, now=NOW + 5 * DAY) == 2
    assert told(session, scene.manager).count("request.soon_over") == 2
    assert late.status == ASKED


def test_who_waits_is_told_the_day_before_who_comes(session: Session, scene: Scene) -> None:
    request = scene.dispatch(scene.ask(**NO_COINS))
    scene.claim(request, start=START + DAY)
    assert service.remind_of_requests(session, now=NOW) == 0
    for _ in range(2):
        assert service.remind_of_requests(session, now=NOW + DAY) == 1
    assert told(session, scene.lady).count("request.tomorrow") == 1
    assert "request.tomorrow" not in told(session, scene.wang)


def wish_reminders(session: Session, scene: Scene) -> dict[str, list[str]]:
    people = {"lady": scene.lady, "grid": scene.grid, "wang": scene.wang, "manager": scene.manager}
    wanted = {"request.wish_asked", "request.wish_unsaid", "request.wish_call"}
    found = {name: [kind for kind in told(session, one) if kind in wanted] for name, one in people.items()}
    return {name: kinds for name, kinds in found.items() if kinds}


def test_who_can_say_whether_a_wish_came_true_is_asked_once_and_then_the_coordinator_calls(
    session: Session, scene: Scene
) -> None:
    days = {"last_day": TODAY + timedelta(days=30)}
    wish = scene.claim(scene.dispatch(scene.ask(**WISH_OF | days)), start=None)
    assert service.remind_of_requests(session, now=NOW + 6 * DAY) == 0
    for later in (7, 7, 8):
        assert service.remind_of_requests(session, now=NOW + later * DAY) == 1
    asked = {"lady": ["request.wish_asked"], "grid": ["request.wish_asked"], "wang": ["request.wish_unsaid"]}
    assert wish_reminders(session, scene) == asked
    for later in (14, 20):
        assert service.remind_of_requests(session, now=NOW + later * DAY) == 1
    assert wish_reminders(session, scene) == asked | {"manager": ["request.wish_call"]}
    service.confirm_wish(session, wish.id, actor=scene.actor(scene.grid), now=NOW + 21 * DAY)
    assert service.remind_of_requests(session, now=NOW + 22 * DAY) == 0


def test_when_the_days_of_a_wish_are_over_nobody_waits_for_the_week(session: Session, scene: Scene) -> None:
    scene.claim(scene.dispatch(scene.ask(**WISH_OF | {"last_day": TODAY + timedelta(days=2)})), start=None)
    assert service.remind_of_requests(session, now=NOW + 2 * DAY) == 0
    assert service.remind_of_requests(session, now=NOW + 3 * DAY) == 1


def test_a_wish_that_somebody_else_claimed_is_asked_about_anew(session: Session, scene: Scene) -> None:
    days = {"last_day": TODAY + timedelta(days=30)}
    wish = scene.claim(scene.dispatch(scene.ask(**WISH_OF | days)), start=None)
    service.remind_of_requests(session, now=NOW + 7 * DAY)
    service.release(session, wish.id, reason="买不到", actor=scene.actor(scene.wang), now=NOW + 8 * DAY)
    again = service.Claim(starts_at=None)
    service.claim(session, wish.id, again, actor=scene.actor(scene.zhou), now=NOW + 9 * DAY)
    assert service.remind_of_requests(session, now=NOW + 15 * DAY) == 0
    assert service.remind_of_requests(session, now=NOW + 16 * DAY) == 1
    assert told(session, scene.lady).count("request.wish_asked") == 2


def test_skills_come_first_among_what_one_may_take(session: Session, scene: Scene) -> None:
    walk = scene.dispatch(scene.ask(category="visit", title="陪聊天", **NO_COINS))
    hair = scene.dispatch(scene.ask(category="haircut", title="上门理发", **NO_COINS))
    asked = scene.dispatch(scene.ask(category="care", title="照看半天", **NO_COINS), to_all=False)
    mine = queries.page_open(session, scene.wang, queries.Wanted())
    assert [one.id for one in mine.items] == [hair.id, walk.id]
    scene.invite(asked)
    assert len(queries.page_open(session, scene.wang, queries.Wanted()).items) == 3
    assert [one.id for one in queries.list_invited(session, scene.wang.id)] == [asked.id]
    only = queries.page_open(session, scene.wang, queries.Wanted(category="visit", part_of_day="morning"))
    assert [one.id for one in only.items] == [walk.id]
    assert queries.page_open(session, scene.lady, queries.Wanted()).items == []
