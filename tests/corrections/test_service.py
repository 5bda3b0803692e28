"""Setting entries right: whole, in their amount, by two where somebody would owe; refusals in the order of checks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, make_shift
from tests.corrections.town import LATER, Town, key, make_town
from tests.exchange.scene import give
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.attendance.rules import CorrectionOutOfRange, NothingChanges
from timebank.core.actor import SYSTEM
from timebank.core.errors import FormUsed, NotAllowed
from timebank.corrections import rules, service
from timebank.corrections.models import DECLINED, DONE, WAITING, WITHDRAWN, Correction
from timebank.exchange import service as exchange
from timebank.exchange.queries import ratings_of
from timebank.ledger import queries as ledger
from timebank.ledger.queries.entries import NoSuchEntry
from timebank.ledger.service import EntryDraft, TransferDraft, post
from timebank.notices.queries import list_notices


@pytest.fixture
def town(session: Session) -> Town:
    return make_town(session)


def told(town: Town, number: int) -> list[str]:
    return [one.title for one in list_notices(town.session, town.member(number).id).items]


# --- at once ---------------------------------------------------------------------------------------------------------


def test_a_whole_entry_is_taken_back_with_its_points(town: Town) -> None:
    entry_id = town.entry(0)
    done = town.ask(entry_id, None)
    assert (done.status, done.decided_by_id, done.replacement_entry_id) == (DONE, None, None)
    assert town.stands(0) == (0, 0)
    assert town.totals(0) == (0, 0, 0)
    back = ledger.get_entry(town.session, done.reversal_entry_id or 0)
    assert (back.reverses_id, back.actor_id, back.facts["reason"]) == (entry_id, town.manager.member_id, "签退忘了")
    assert "您的一笔记录更正了：楼道清洁" in told(town, 0)
    assert town.findings() == []


def test_the_right_amount_is_booked_instead_in_one_go(town: Town) -> None:
    entry_id = town.entry(0)
    done = town.ask(entry_id, 90)
    assert town.stands(0) == (90, 15)
    assert town.totals(0) == (90, 1, 15)
    instead = ledger.get_entry(town.session, done.replacement_entry_id or 0)
    assert (instead.kind, instead.source_type, instead.rule) == ("earn", "attendance", "rules/0")
    assert instead.facts["replaces"] == entry_id
    assert (instead.facts["signed_minutes"], instead.facts["manual_minutes"]) == (90, 0)
    assert ledger.get_entry(town.session, entry_id).reversed_by_id == done.reversal_entry_id
    assert town.entry(0) == done.replacement_entry_id
    assert town.findings() == []


def test_what_was_corrected_can_be_corrected_again_and_more_can_be_added(town: Town) -> None:
    town.ask(town.entry(0), 90)
    town.ask(town.entry(0), 30)
    assert (town.stands(0), town.totals(0)) == ((30, 5), (30, 1, 5))
    town.set_right(town.entry(0), 120)
    assert (town.stands(0), town.totals(0)) == ((120, 20), (120, 1, 20))
    town.ask(town.entry(0), None)
    assert (town.stands(0), town.totals(0)) == ((0, 0), (0, 0, 0))
    assert town.findings() == []


def test_an_order_is_undone_and_its_ratings_with_it(town: Town) -> None:
    order = town.haircut(asker=0, barber=1)
    done = town.ask(order.entry_id or 0, None, reason="没有来理")
    town.session.refresh(order)
    assert (town.stands(0)[0], town.stands(1)[0], order.undone, done.status) == (120, 120, True, DONE)
    with pytest.raises(exchange.OrderUndone):
        exchange.rate(town.session, order.id, score=1, actor=actor_of(town.session, town.member(0)), now=LATER)
    assert ratings_of(town.session, order.id) == {}
    assert town.findings() == []


def test_an_order_costs_less_afterwards(town: Town) -> None:
    order = town.haircut(asker=0, barber=1)
    town.ask(order.entry_id or 0, 40, reason="价格记错了")
    town.session.refresh(order)
    assert (town.stands(0)[0], town.stands(1)[0], order.amount_now) == (80, 160, 40)
    town.ask(order.entry_now_id or 0, 10)
    assert (town.stands(0)[0], town.stands(1)[0]) == (110, 130)
    assert town.findings() == []


def test_an_order_costs_less_though_the_payer_has_nothing_left(town: Town) -> None:
    """Booked anew first it would need the coins twice; the other way round it does not."""
    order = town.spend(0, 120)
    assert town.ask(order.entry_id or 0, 100).status == DONE
    assert town.stands(0)[0] == 20
    assert town.findings() == []


def test_an_entry_without_a_record_is_only_undone(town: Town) -> None:
    give(town.session, town.member(0), 30, now=LATER)
    entry_id = ledger.list_entries(town.session, town.scene.branch.id)[0][0].id
    with pytest.raises(rules.OnlyWhole):
        town.ask(entry_id, 10)
    town.ask(entry_id, None)
    assert town.stands(0)[0] == 120


def test_a_closed_month_stays_and_the_correction_stands_in_the_open_one(town: Town) -> None:
    from timebank.archives.service import close_month

    entry_id = town.entry(0)
    december = LATER + timedelta(days=12)
    close_month(town.session, branch=town.scene.branch, month="2026-11", actor=SYSTEM, keys=KEYS, now=december)
    before = ledger.find_period(town.session, town.scene.branch.id, "2026-11")
    done = town.ask(entry_id, 60, now=december)
    back = ledger.get_entry(town.session, done.reversal_entry_id or 0)
    instead = ledger.get_entry(town.session, done.replacement_entry_id or 0)
    assert (back.month, back.facts["month"], instead.month, instead.facts["month"]) == (
        "2026-12", "2026-11", "2026-12", "2026-11",
    )  # fmt: skip
    assert ledger.find_period(town.session, town.scene.branch.id, "2026-11") == before
    assert town.findings() == []


# --- points and their carry ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("leaves", ["10:37", "10:41", "10:05"])
@pytest.mark.parametrize("right", [None, 1, 5, 7, 59, 113])
def test_no_point_is_made_or_lost_by_rounding(session: Session, leaves: str, right: int | None) -> None:
    """Points × 60 + carry is always what the minutes are worth, however records before and after share their rests."""
    town = make_town(session, 1, leaves=leaves)
    first = town.entry(0)
    served = wrong = town.totals(0)[0]
    for more in (37, 11, 4):  # later records that use up what the first one left over
        _, shift_id = make_shift(session, town.scene.branch, town.scene.organiser_actor)
        book_minutes(town, shift_id, more)
        served += more
    town.set_right(first, right)
    minutes, _, points = town.totals(0)
    assert minutes == served - wrong + (right or 0)
    assert points == town.stands(0)[1]
    assert points * 60 + town.carry(0) == minutes * 10
    assert 0 <= town.carry(0) < 60
    assert town.stands(0)[0] == minutes
    assert town.findings() == []


def book_minutes(town: Town, shift_id: int, minutes: int) -> None:
    """One more approved record of the first volunteer, entered by hand."""
    from timebank.attendance.service import ManualEntry, approve_shift, set_manual, submit_shift

    typed = ManualEntry(shift_id=shift_id, member_id=town.member(0).id, minutes=minutes, reason="补录")
    set_manual(town.session, typed, actor=town.scene.organiser_actor)
    submit_shift(town.session, shift_id, actor=town.scene.organiser_actor, now=AFTER)
    approve_shift(town.session, shift_id, actor=town.manager, now=AFTER)


def test_minutes_entered_by_hand_give_way_first(session: Session) -> None:
    from tests.attendance.scene import find_attendance, make_scene
    from timebank.attendance.service import ManualEntry, set_manual

    scene = make_scene(session, 1)
    scene.attend(session, 0, "09:00", "10:00")
    who = scene.volunteer_actors[0].member_id or 0
    typed = ManualEntry(shift_id=scene.shift_id, member_id=who, minutes=30, reason="搬东西")
    set_manual(session, typed, actor=scene.organiser_actor)
    scene.submit(session)
    scene.approve(session)
    deputy = actor_of(session, make_member(session, scene.branch, roles=("manager",)))
    town = Town(session=session, scene=scene, deputy=deputy, inspector=deputy)
    splits = []
    for minutes in (75, 40, 50):
        town.set_right(town.entry(0), minutes)
        record = find_attendance(session, scene.shift_id, who)
        assert record is not None
        session.refresh(record)
        splits.append((record.signed_now, record.manual_now))
    assert splits == [(60, 15), (40, 0), (40, 10)]


# --- two people ------------------------------------------------------------------------------------------------------


def test_what_was_spent_waits_for_a_second_person(town: Town) -> None:
    town.spend(0, 100)
    waits = town.ask(town.entry(0), None)
    assert (waits.status, waits.reversal_entry_id) == (WAITING, None)
    assert town.stands(0) == (20, 20)
    done = town.approve(waits, note="已经电话告诉本人")
    assert (done.status, done.decided_by_id, done.decided_note) == (DONE, town.deputy.member_id, "已经电话告诉本人")
    assert town.stands(0) == (-100, 0)
    newest, *_ = list_notices(town.session, town.manager.member_id or 0).items
    assert newest.title == "您提出的更正已办理"
    assert town.findings() == []
    give(town.session, town.member(0), 60, now=LATER)
    assert town.stands(0)[0] == -40
    assert town.findings() == []


def test_whoever_has_enough_again_owes_nothing(town: Town) -> None:
    from sqlalchemy import text

    town.spend(0, 100)
    waits = town.ask(town.entry(0), None)
    give(town.session, town.member(0), 100, now=LATER)
    town.approve(waits)
    assert town.stands(0) == (0, 0)
    assert town.session.scalar(text("SELECT count(*) FROM floor_decision")) == 0
    assert town.findings() == []


def test_a_right_amount_that_is_covered_needs_nobody(town: Town) -> None:
    town.spend(0, 60)
    assert town.ask(town.entry(0), 90).status == DONE
    assert town.stands(0)[0] == 30


def test_a_provider_who_spent_it_waits_for_a_second_person(town: Town) -> None:
    order = town.haircut(asker=0, barber=1)
    town.spend(1, 170)
    waits = town.ask(order.entry_id or 0, None)
    assert waits.status == WAITING
    town.approve(waits)
    assert (town.stands(0)[0], town.stands(1)[0]) == (120, -50)
    assert town.findings() == []


def test_more_than_before_waits_for_a_second_person(town: Town) -> None:
    town.ask(town.entry(0), 60)
    waits = town.ask(town.entry(0), 120)
    assert (waits.status, waits.reversal_entry_id) == (WAITING, None)
    assert (town.stands(0), town.totals(0)) == ((60, 10), (60, 1, 10))
    with pytest.raises(rules.SameHand):
        town.approve(waits, actor=town.manager)
    done = town.approve(waits)
    assert (done.status, done.decided_by_id) == (DONE, town.deputy.member_id)
    assert (town.stands(0), town.totals(0)) == ((120, 20), (120, 1, 20))
    assert town.findings() == []


def test_declined_leaves_everything_and_tells_who_asked(town: Town) -> None:
    town.spend(0, 100)
    waits = town.ask(town.entry(0), None)
    declined = service.decline(town.session, waits.id, reason="签到表上有", actor=town.deputy, now=LATER)
    assert (declined.status, town.stands(0)) == (DECLINED, (20, 20))
    again = service.decline(town.session, waits.id, reason="签到表上有", actor=town.deputy, now=LATER)
    assert again.id == declined.id
    with pytest.raises(rules.AlreadyDecided):
        town.approve(waits)
    assert "您提出的更正没有同意" in [
        one.title for one in list_notices(town.session, town.manager.member_id or 0).items
    ]
    assert town.ask(town.entry(0), None).status == WAITING  # and may be asked for anew


def test_only_who_asked_takes_it_back(town: Town) -> None:
    town.spend(0, 100)
    waits = town.ask(town.entry(0), None)
    with pytest.raises(rules.NotAsker):
        service.withdraw(town.session, waits.id, actor=town.deputy, now=LATER)
    for _ in range(2):
        assert service.withdraw(town.session, waits.id, actor=town.manager, now=LATER).status == WITHDRAWN
    with pytest.raises(rules.AlreadyDecided):
        town.approve(waits)


def test_who_asked_does_not_decide_nor_who_it_is_about(town: Town) -> None:
    town.spend(0, 100)
    waits = town.ask(town.entry(0), None)
    with pytest.raises(rules.SameHand):
        town.approve(waits, actor=town.manager)
    with pytest.raises(NotAllowed):
        town.approve(waits, actor=town.inspector)
    from timebank.members.rules import Place
    from timebank.members.service import grant_role

    place = Place(branch_id=town.scene.branch.id)
    grant_role(town.session, town.member(0).id, "manager", place, actor=SYSTEM, now=LATER)
    party = actor_of(town.session, town.member(0))
    with pytest.raises(rules.OwnCoins):
        town.approve(waits, actor=party)
    with pytest.raises(rules.OwnCoins):
        service.decline(town.session, waits.id, reason="不要", actor=party, now=LATER)


def test_a_decision_given_twice_is_carried_out_once(town: Town) -> None:
    town.spend(0, 100)
    waits = town.ask(town.entry(0), None)
    first = town.approve(waits).reversal_entry_id
    assert town.approve(waits).reversal_entry_id == first
    assert town.stands(0)[0] == -100


# --- refusals, in the order they are checked -------------------------------------------------------------------------


def test_no_such_entry(town: Town) -> None:
    with pytest.raises(NoSuchEntry):
        town.ask(999_999, None)


def test_who_may_not_correct_here(town: Town) -> None:
    elsewhere = actor_of(town.session, make_member(town.session, make_branch(town.session, "CX"), roles=("manager",)))
    for actor in (town.inspector, elsewhere, actor_of(town.session, town.member(1)), town.scene.organiser_actor):
        with pytest.raises(NotAllowed):
            town.ask(town.entry(0), None, actor=actor)


def test_a_form_sent_again_answers_with_the_first_and_no_other(town: Town) -> None:
    form, entry_id = key(), town.entry(0)
    first = town.ask(entry_id, 90, form_key=form)
    assert town.ask(entry_id, 90, form_key=form).id == first.id
    assert town.stands(0)[0] == 90
    with pytest.raises(FormUsed):
        town.ask(entry_id, 60, form_key=form)
    with pytest.raises(FormUsed):
        town.ask(entry_id, 90, form_key=form, actor=town.deputy)


def test_a_reversal_and_what_was_reversed_are_final(town: Town) -> None:
    entry_id = town.entry(0)
    done = town.ask(entry_id, 90)
    with pytest.raises(rules.IsReversal):
        town.ask(done.reversal_entry_id or 0, None)
    with pytest.raises(rules.AlreadyCorrected):
        town.ask(entry_id, None)


def test_entries_between_branches_are_not_corrected_here(town: Town) -> None:
    book_id = town.scene.branch.id
    draft = EntryDraft(
        book_id=book_id,
        kind="inter_branch",
        key="between",
        transfers=(
            TransferDraft(
                debit_id=ledger.find_house_account(town.session, book_id, "issuance"),
                credit_id=town.member(0).coin_account_id or 0,
                amount=5,
                unit="coin",
            ),
        ),
        source_type="test",
        source_id=None,
        occurred_at=LATER,
        actor_id=None,
    )
    posted = post(town.session, draft, now=LATER)
    with pytest.raises(rules.NotCorrectable):
        town.ask(posted.entry_id, None)


def test_nobody_corrects_their_own(town: Town) -> None:
    from timebank.members.rules import Place
    from timebank.members.service import grant_role

    place = Place(branch_id=town.scene.branch.id)
    grant_role(town.session, town.member(1).id, "manager", place, actor=SYSTEM, now=LATER)
    order = town.haircut(asker=0, barber=1)
    barber = actor_of(town.session, town.member(1))
    for entry_id in (order.entry_id or 0, town.entry(1)):
        with pytest.raises(rules.OwnCoins):
            town.ask(entry_id, None, actor=barber)


def test_no_second_one_while_one_waits(town: Town) -> None:
    town.spend(0, 100)
    town.ask(town.entry(0), None)
    with pytest.raises(rules.AlreadyAsked):
        town.ask(town.entry(0), 30, actor=town.deputy)


@pytest.mark.parametrize(
    ("minutes", "refusal"),
    [(0, rules.AmountMissing), (-5, rules.AmountMissing), (120, NothingChanges), (121, CorrectionOutOfRange)],
)
def test_minutes_that_cannot_be_right(town: Town, minutes: int, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        town.ask(town.entry(0), minutes)


@pytest.mark.parametrize("minutes", [60, 61])
def test_an_order_only_costs_less(town: Town, minutes: int) -> None:
    order = town.haircut(asker=0, barber=1)
    with pytest.raises(exchange.NotLess):
        town.ask(order.entry_id or 0, minutes)


def test_a_refusal_leaves_no_correction_behind(town: Town) -> None:
    with pytest.raises(CorrectionOutOfRange):
        town.ask(town.entry(0), 500)
    assert town.session.scalar(select(func.count()).select_from(Correction)) == 0


# --- members ask -----------------------------------------------------------------------------------------------------


def test_a_member_asks_and_a_correction_is_the_answer(town: Town) -> None:
    me = actor_of(town.session, town.member(0))
    form = key()
    asked = service.request_check(
        town.session, town.entry(0), words="我待到 11 点半", form_key=form, actor=me, now=LATER
    )
    again = service.request_check(
        town.session, town.entry(0), words="我待到 11 点半", form_key=form, actor=me, now=LATER
    )
    assert again.id == asked.id
    with pytest.raises(service.RequestOpen):
        service.request_check(town.session, town.entry(0), words="还有", form_key=key(), actor=me, now=LATER)
    done = town.ask(town.entry(0), 100)
    town.session.refresh(asked)
    assert (asked.status, asked.correction_id) == ("corrected", done.id)
    assert "您申请核对的记录已更正" in told(town, 0)


def test_a_member_is_told_why_nothing_is_changed(town: Town) -> None:
    me = actor_of(town.session, town.member(0))
    asked = service.request_check(town.session, town.entry(0), words="少了", form_key=key(), actor=me, now=LATER)
    with pytest.raises(NotAllowed):
        service.decline_request(town.session, asked.id, reason="没有少", actor=town.inspector, now=LATER)
    for _ in range(2):
        service.decline_request(town.session, asked.id, reason="签退是 11:00", actor=town.manager, now=LATER)
    with pytest.raises(rules.RequestAnswered):
        service.decline_request(town.session, asked.id, reason="别的", actor=town.deputy, now=LATER)
    assert told(town, 0).count("您申请核对的记录没有改动") == 1


def test_nobody_asks_about_the_entry_of_another(town: Town) -> None:
    with pytest.raises(NoSuchEntry):
        service.request_check(
            town.session,
            town.entry(1),
            words="他的不对",
            form_key=key(),
            actor=actor_of(town.session, town.member(0)),
            now=LATER,
        )
