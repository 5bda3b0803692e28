"""A case is opened by a side, both are heard, somebody without a part decides, and coins move by new entries only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.disputes.scene import DAY, HEARD, LATER, NOW, Quarrel, give, make_member, told
from tests.exchange.scene import coins_of
from timebank.archives.queries import checks
from timebank.core.clock import month_of
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.corrections import service as corrections
from timebank.disputes import queries, rules, service
from timebank.disputes.models import DECIDED, OPEN, WITHDRAWN
from timebank.exchange import queries as orders
from timebank.exchange import service as exchange
from timebank.exchange.models import Offer
from timebank.exchange.rules import InDispute
from timebank.ledger import queries as ledger
from timebank.ledger.models import Entry
from timebank.ledger.verification import verify
from timebank.members.models import FAMILY
from timebank.members.service import link_by_staff


@pytest.fixture
def scene(session: Session) -> Quarrel:
    return Quarrel(session)


def clean(scene: Quarrel) -> bool:
    """Whether every check of the books is clean."""
    return not [found for check in verify(scene.session, scene.branch.id) for found in check.findings]


# --- opening -------------------------------------------------------------------------------------------------------


def test_a_case_about_a_service_that_nobody_did_keeps_the_coins_set_aside(scene: Quarrel) -> None:
    order = scene.agreed()
    dispute = scene.dispute(order)
    assert (dispute.status, dispute.stage, dispute.other_id) == (OPEN, "held", scene.barber.id)
    assert str(dispute.due_on) == "2026-12-07"  # ten working days after Monday the 23rd
    assert coins_of(scene.session, scene.asker) == (180, 60)
    assert told(scene.session, scene.barber) == ["dispute.opened"]
    assert told(scene.session, scene.judge) == ["dispute.waits"]


def test_the_provider_may_open_a_case_too(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed(), by=scene.barber, wanted="whole", words="剪好了，没给看券")
    assert (dispute.opened_by_id, dispute.other_id) == (scene.barber.id, scene.asker.id)


def test_of_goods_the_other_side_is_the_branch(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.fulfil(scene.order(scene.tickets)).order, words="票是假的")
    assert dispute.other_id is None
    assert told(scene.session, scene.judge) == ["dispute.waits"]


def test_while_a_case_is_open_nothing_can_be_done_with_the_order(scene: Quarrel) -> None:
    order = scene.agreed()
    scene.dispute(order)
    verbs = [
        lambda: scene.fulfil(order, now=LATER),
        lambda: scene.cancel(order),
        lambda: scene.accept(order, now=LATER),
        lambda: scene.propose(order, LATER + DAY, now=LATER),
    ]
    for verb in verbs:
        with pytest.raises(InDispute):
            verb()


def test_an_order_in_dispute_does_not_run_out(scene: Quarrel) -> None:
    order = scene.agreed()
    scene.dispute(order)
    late = NOW + timedelta(days=90)
    assert exchange.expire_orders(scene.session, now=late) == []
    assert coins_of(scene.session, scene.asker) == (180, 60)
    months = [month_of(NOW), "2026-12", "2027-01"]
    found = [one for month in months for one in checks.check_standing(scene.session, scene.branch, month, now=late)]
    assert not [
        one for one in checks.blocking(found) if "holds" in one.name
    ]  # nor does it stand in the way of closing a month


def test_a_fulfilled_order_in_dispute_is_neither_rated_nor_corrected(scene: Quarrel) -> None:
    order = scene.done()
    scene.dispute(order)
    with pytest.raises(InDispute):
        exchange.rate(scene.session, order.id, score=1, actor=scene.actor(scene.asker), now=LATER)
    draft = corrections.CorrectionDraft(entry_id=order.entry_id or 0, minutes=None, reason="退")
    with pytest.raises(InDispute):
        corrections.ask(scene.session, draft, form_key="c1", actor=scene.actor(scene.judge), now=LATER)
    assert scene.fulfil(order, now=LATER).repeated  # the same voucher again is as calm as ever


def test_a_correction_that_waited_before_is_not_carried_out_behind_a_case(scene: Quarrel) -> None:
    order = scene.done()
    scene.order(scene.tickets, by=scene.barber)  # spends half of what the haircut brought
    draft = corrections.CorrectionDraft(entry_id=order.entry_id or 0, minutes=None, reason="退")
    waiting = corrections.ask(scene.session, draft, form_key="c1", actor=scene.actor(scene.manager), now=LATER)
    dispute = scene.dispute(order)
    with pytest.raises(InDispute):
        corrections.approve(scene.session, waiting.id, actor=scene.actor(scene.judge), now=LATER)
    with pytest.raises(corrections_rules().AlreadyAsked):
        scene.decide(dispute)
    corrections.withdraw(scene.session, waiting.id, actor=scene.actor(scene.manager), now=HEARD)
    assert scene.decide(dispute, "part", part=40).status == DECIDED


def corrections_rules() -> Any:
    from timebank.corrections import rules as found

    return found


def test_strangers_and_staff_open_no_case(scene: Quarrel) -> None:
    order = scene.agreed()
    with pytest.raises(rules.NotASide):
        scene.dispute(order, by=scene.manager)
    with pytest.raises(orders.OrderNotFound):
        scene.dispute(order, by=make_member(scene.session, scene.branch))


@pytest.mark.parametrize(
    ("come", "refusal"),
    [
        ("requested", rules.NothingToDispute),
        ("early", rules.TooEarly),
        ("late", rules.TooLate),
        ("cancelled", rules.NothingToDispute),
        ("expired", rules.NothingToDispute),
    ],
)
def test_a_case_is_refused_where_nothing_can_be_wrong(scene: Quarrel, come: str, refusal: type[Exception]) -> None:
    order = scene.order(scene.haircut)
    now = LATER
    if come != "requested":
        scene.accept(order)
    if come == "early":
        now = NOW + timedelta(hours=1)
    if come == "late":
        scene.fulfil(order)
        now = NOW + timedelta(days=31)
    if come == "cancelled":
        scene.cancel(order)
    if come == "expired":
        now = order.expires_at
    with pytest.raises(refusal):
        scene.dispute(order, now=now)
    assert queries.find_of_order(scene.session, order.id) is None


def test_what_was_undone_is_nothing_to_dispute(scene: Quarrel) -> None:
    order = scene.done()
    draft = corrections.CorrectionDraft(entry_id=order.entry_id or 0, minutes=None, reason="退")
    corrections.ask(scene.session, draft, form_key="c1", actor=scene.actor(scene.judge), now=NOW)
    scene.session.expire_all()
    with pytest.raises(rules.NothingToDispute):
        scene.dispute(order)


def test_the_form_twice_is_one_case_and_other_words_are_refused(scene: Quarrel) -> None:
    order = scene.agreed()
    first = scene.dispute(order, form_key="d1")
    assert scene.dispute(order, form_key="d1").id == first.id
    with pytest.raises(FormUsed):
        scene.dispute(order, form_key="d1", words="别的")
    with pytest.raises(rules.CaseOpen):
        scene.dispute(order)
    with pytest.raises(rules.CaseOpen):
        scene.dispute(order, by=scene.barber)


@pytest.mark.parametrize("wrong", [{"words": " "}, {"wanted": "money"}])
def test_a_case_says_something(scene: Quarrel, wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        scene.dispute(scene.agreed(), **wrong)


# --- taking back ---------------------------------------------------------------------------------------------------


def test_who_opened_a_case_takes_it_back_and_the_order_goes_on(scene: Quarrel) -> None:
    order = scene.agreed()
    dispute = scene.dispute(order)
    for _ in range(2):
        done = service.withdraw(scene.session, dispute.id, actor=scene.actor(scene.asker), now=LATER)
        assert done.status == WITHDRAWN
    assert told(scene.session, scene.barber)[-1] == "dispute.withdrawn"
    with pytest.raises(rules.OpenedBefore):
        scene.dispute(order)
    assert scene.fulfil(order, now=LATER).order.status == "fulfilled"


def test_after_a_case_was_taken_back_the_other_side_may_open_its_own(scene: Quarrel) -> None:
    order = scene.agreed()
    service.withdraw(scene.session, scene.dispute(order).id, actor=scene.actor(scene.asker), now=LATER)
    assert scene.dispute(order, by=scene.barber, wanted="whole").status == OPEN


def test_only_who_opened_it_takes_it_back(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed())
    for other in (scene.barber, scene.judge):
        with pytest.raises(rules.NotASide):
            service.withdraw(scene.session, dispute.id, actor=scene.actor(other), now=LATER)


# --- saying --------------------------------------------------------------------------------------------------------


def test_both_sides_speak_until_the_deadline(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed())
    scene.say(dispute)
    scene.say(dispute, "那天下午我一直在家", by=scene.asker)
    assert [one.words for one in queries.get_case(scene.session, dispute.id).statements] == [
        "我去了，没有人在",
        "那天下午我一直在家",
    ]
    assert told(scene.session, scene.asker) == ["dispute.answered"]
    with pytest.raises(rules.TooLateToSay):
        scene.say(dispute, now=NOW + 20 * DAY)


def test_nobody_else_speaks(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed())
    for other in (scene.judge, make_member(scene.session, scene.branch)):
        with pytest.raises(rules.NotASide):
            scene.say(dispute, by=other)


def test_the_same_statement_twice_is_one(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed())
    assert scene.say(dispute, form_key="s1").id == scene.say(dispute, form_key="s1").id
    with pytest.raises(FormUsed):
        scene.say(dispute, "别的", form_key="s1")
    with pytest.raises(rules.WordsMissing):
        scene.say(dispute, " ")


# --- who decides ---------------------------------------------------------------------------------------------------


def test_nobody_with_a_part_in_it_decides(scene: Quarrel) -> None:
    order = scene.accept(scene.order(scene.haircut))
    scene.fulfil(order, by=scene.manager)
    dispute = scene.dispute(order)
    with pytest.raises(rules.Involved, match="您核销的"):
        scene.decide(dispute, by=scene.manager)
    actor = scene.actor(scene.manager)
    link_by_staff(scene.session, scene.second.id, scene.barber.number, kind=FAMILY, actor=actor, now=NOW)
    with pytest.raises(rules.Involved, match="家人"):
        scene.decide(dispute, by=scene.second)
    assert scene.decide(dispute).status == DECIDED


def test_who_posted_the_goods_or_spoke_for_the_branch_does_not_decide(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.fulfil(scene.order(scene.tickets), by=scene.judge).order)
    with pytest.raises(rules.Involved, match="上架"):
        scene.decide(dispute, by=scene.manager)
    scene.say(dispute, "票是真的", by=scene.second)
    with pytest.raises(rules.Involved, match="替网点说明"):
        scene.decide(dispute, by=scene.second)
    administrator = make_member(scene.session, scene.branch, roles=("administrator",))
    assert [one.id for one in queries.list_deciders(scene.session, dispute)] == [administrator.id]
    assert scene.decide(dispute, "none", by=administrator).status == DECIDED


def test_who_answered_for_the_provider_does_not_decide(scene: Quarrel) -> None:
    order = scene.order(scene.haircut)
    meeting = exchange.Meeting(at=NOW + DAY)
    exchange.accept_order(scene.session, order.id, meeting, actor=scene.actor(scene.judge), now=NOW)
    with pytest.raises(rules.Involved, match="替提供人"):
        scene.decide(scene.dispute(order))


@pytest.mark.parametrize("who", ["asker", "barber"])
def test_sides_without_the_role_do_not_decide(scene: Quarrel, who: str) -> None:
    with pytest.raises(NotAllowed):
        scene.decide(scene.dispute(scene.agreed()), by=getattr(scene, who))


def test_a_decision_waits_for_the_other_sides_words_or_its_time(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed())
    with pytest.raises(rules.NotHeardYet, match="2026-11-30"):
        scene.decide(dispute, now=LATER)
    scene.say(dispute)
    assert scene.decide(dispute, now=LATER).status == DECIDED


# --- decisions about coins set aside -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "part", "status", "asker", "barber"),
    [
        ("whole", None, "fulfilled", (120, 0), 60),
        ("part", 20, "fulfilled", (160, 0), 20),
        ("none", None, "cancelled", (180, 0), 0),
    ],
)
def test_a_decision_ends_the_open_order(
    scene: Quarrel, outcome: str, part: int | None, status: str, asker: tuple[int, int], barber: int
) -> None:
    order = scene.agreed()
    dispute = scene.decide(scene.dispute(order), outcome, part=part)
    assert (dispute.status, order.status, order.in_dispute) == (DECIDED, status, False)
    assert coins_of(scene.session, scene.asker) == asker
    assert coins_of(scene.session, scene.barber)[0] == barber
    for side in (scene.asker, scene.barber):
        assert told(scene.session, side)[-1] == "dispute.decided"
    assert clean(scene)


@pytest.mark.parametrize(("outcome", "pieces", "stock"), [("whole", None, 0), ("part", 30, 1), ("none", None, 2)])
def test_goods_that_were_not_handed_out_are_back_in_stock(
    scene: Quarrel, outcome: str, pieces: int | None, stock: int
) -> None:
    order = scene.order(scene.tickets, quantity=2)
    scene.decide(scene.dispute(order), outcome, part=pieces)
    scene.session.expire_all()
    assert scene.session.get_one(Offer, scene.tickets.id).stock == stock
    assert clean(scene)


def test_half_a_ticket_is_no_part(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.order(scene.tickets, quantity=2))
    with pytest.raises(rules.BadRuling):
        scene.decide(dispute, "part", part=20)


@pytest.mark.parametrize(
    "wrong", [{"part": 0}, {"part": 60}, {"part": 99}, {"part": None}, {"part": 5, "reason": " "}, {"outcome": "all"}]
)
def test_a_part_is_more_than_nothing_and_less_than_all_and_says_why(scene: Quarrel, wrong: dict[str, Any]) -> None:
    dispute = scene.dispute(scene.agreed())
    with pytest.raises(rules.BadRuling):
        scene.decide(dispute, **{"outcome": "part"} | wrong)
    assert queries.get_dispute(scene.session, dispute.id).status == OPEN


# --- decisions about coins that moved ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "part", "asker", "barber", "entries"),
    [("whole", None, 120, 60, 0), ("part", 45, 135, 45, 2), ("none", None, 180, 0, 1)],
)
def test_a_decision_about_a_done_order_moves_coins_by_new_entries(
    scene: Quarrel, outcome: str, part: int | None, asker: int, barber: int, entries: int
) -> None:
    order = scene.done()
    before = scene.session.scalar(select(func.count()).select_from(Entry)) or 0
    dispute = scene.dispute(order)
    assert scene.decide(dispute, outcome, part=part).status == DECIDED
    scene.session.expire_all()
    assert (scene.session.scalar(select(func.count()).select_from(Entry)) or 0) - before == entries
    assert (coins_of(scene.session, scene.asker)[0], coins_of(scene.session, scene.barber)[0]) == (asker, barber)
    assert order.amount_now == {"whole": 60, "part": 45, "none": 0}[outcome]
    assert ledger.get_entry(scene.session, order.entry_id or 0).facts["title"] == "上门理发"
    assert clean(scene)


def test_the_same_decision_twice_is_one_and_no_other_follows(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.done())
    first = scene.decide(dispute, "part", part=45, form_key="r1")
    assert scene.decide(dispute, "part", part=45, form_key="r1").id == first.id
    with pytest.raises(FormUsed):
        scene.decide(dispute, "none", form_key="r1")
    with pytest.raises(rules.CaseEnded):
        scene.decide(dispute, "none", by=scene.second)
    with pytest.raises(rules.CaseEnded):
        scene.say(dispute)
    with pytest.raises(rules.CaseEnded):
        service.withdraw(scene.session, dispute.id, actor=scene.actor(scene.asker), now=HEARD)


def test_after_the_decision_both_may_rate_and_none_may_dispute_again(scene: Quarrel) -> None:
    order = scene.done()
    scene.decide(scene.dispute(order), "part", part=45)
    exchange.rate(scene.session, order.id, score=2, actor=scene.actor(scene.asker), now=HEARD)
    with pytest.raises(rules.CaseOpen):
        scene.dispute(order, by=scene.barber, now=HEARD)


# --- where a side spent it meanwhile ---------------------------------------------------------------------------------


def spent(scene: Quarrel) -> Any:
    """A case about coins of which the barber has set half aside again."""
    order = scene.done()
    dispute = scene.dispute(order)
    scene.order(scene.tickets, by=scene.barber)
    return order, dispute


def test_where_a_side_would_owe_the_decision_waits_for_a_second_person(scene: Quarrel) -> None:
    order, dispute = spent(scene)
    assert queries.look(scene.session, dispute, 0, now=HEARD).needs_second
    assert scene.decide(dispute).status == OPEN
    assert coins_of(scene.session, scene.barber) == (60, 30)
    assert order.in_dispute
    assert told(scene.session, scene.second)[-1] == "dispute.second_wanted"
    with pytest.raises(rules.SecondWaiting):
        scene.decide(dispute, by=scene.second)
    with pytest.raises(rules.SecondWaiting):
        service.withdraw(scene.session, dispute.id, actor=scene.actor(scene.asker), now=HEARD)
    with pytest.raises(rules.SameHand):
        service.agree(scene.session, dispute.id, actor=scene.actor(scene.judge), now=HEARD)
    for _ in range(2):
        done = service.agree(scene.session, dispute.id, actor=scene.actor(scene.second), now=HEARD)
        assert done.status == DECIDED
    assert coins_of(scene.session, scene.barber) == (0, 30)  # owes what is set aside
    assert coins_of(scene.session, scene.asker) == (180, 0)
    assert clean(scene)


def test_without_the_second_persons_yes_the_case_waits_for_another_decision(scene: Quarrel) -> None:
    _, dispute = spent(scene)
    scene.decide(dispute)
    actor = scene.actor(scene.second)
    with pytest.raises(rules.BadRuling):
        service.disagree(scene.session, dispute.id, note="", actor=actor, now=HEARD)
    for _ in range(2):
        assert service.disagree(scene.session, dispute.id, note="太重了", actor=actor, now=HEARD).status == OPEN
    assert told(scene.session, scene.judge)[-1] == "dispute.second_declined"
    with pytest.raises(rules.NoSecondWaiting):
        service.agree(scene.session, dispute.id, actor=actor, now=HEARD)
    assert scene.decide(dispute, "part", part=40).status == DECIDED
    assert coins_of(scene.session, scene.barber) == (40, 30)


def test_who_has_enough_again_owes_nothing(scene: Quarrel) -> None:
    _, dispute = spent(scene)
    scene.decide(dispute)
    give(scene.session, scene.barber, 60, now=HEARD)
    service.agree(scene.session, dispute.id, actor=scene.actor(scene.second), now=HEARD)
    assert coins_of(scene.session, scene.barber) == (60, 30)
    assert clean(scene)


# --- reminders -----------------------------------------------------------------------------------------------------


def test_deciders_are_reminded_before_on_the_day_and_once_a_week_after(scene: Quarrel) -> None:
    scene.dispute(scene.agreed())  # due on Monday, 7 December
    days = {"2026-12-01": 0, "2026-12-02": 1, "2026-12-03": 1, "2026-12-07": 1, "2026-12-08": 1, "2026-12-09": 1}
    start = NOW - timedelta(days=21)
    for ahead in range(45):
        at = start + timedelta(days=ahead)
        if str(at.date()) in days:
            assert service.remind_of_disputes(scene.session, now=at) == days[str(at.date())], at
    assert told(scene.session, scene.judge)[1:] == ["dispute.due", "dispute.due", "dispute.overdue"]
    sunday = NOW + timedelta(days=22)
    assert service.remind_of_disputes(scene.session, now=sunday) == 0


def test_keys_of_forms_are_not_shared_between_kinds(scene: Quarrel) -> None:
    dispute = scene.dispute(scene.agreed(), form_key="same")
    scene.say(dispute, form_key="same")
    assert scene.decide(dispute, form_key="same").status == DECIDED
