"""Coins between branches that found no taker: they wait, somebody decides, and the case is settled by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.world import NOW, actor_of, make_member
from timebank.clearing import queries, service
from timebank.clearing.models import MOVE_ASKED, MOVE_DONE, ParkedMove, ParkedPayment, Proposal
from timebank.clearing.service import MoveDraft
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.ledger import queries as books
from timebank.ledger import service as ledger
from timebank.notices.models import Notice


@pytest.fixture
def between(session: Session) -> Iterator[Between]:
    made = Between(session)
    yield made
    assert made.findings() == set()
    assert service.reconcile_all(session, now=NOW) == 0


def house(between: Between, at: int, code: str) -> int:
    branch_id = between.branches[at].id
    return books.balance(between.session, books.find_house_account(between.session, branch_id, code))


def came_in(between: Between, minutes: int = 60) -> ParkedPayment:
    """AA has paid for what somebody of BB did, whose account was closed before."""
    proposal = between.propose(minutes)
    between.close(1)
    service.settle(between.session, proposal.id, between.settlement(minutes), now=NOW)
    found = queries.find_parked_of(between.session, proposal.id)
    assert found is not None
    return found


def undo(between: Between, done: Proposal, **more: Any) -> service.reversing.Undone:
    reversal = ledger.Reversal(key="undo", reason="没有来", actor_id=between.managers[1].id)
    return service.reverse_settled(between.session, done.id, reversal, now=NOW, **more)


def came_back(between: Between) -> ParkedPayment:
    """BB pays back to AA, where whoever had paid has left meanwhile."""
    done = between.pay(60)
    between.close(0)
    back = undo(between, done).back
    found = queries.find_parked_of(between.session, back.id)
    assert found is not None
    return found


def second(between: Between, at: int = 1) -> Actor:
    """Another manager of a branch."""
    return actor_of(between.session, make_member(between.session, between.branches[at], roles=("manager",)))


def ask(between: Between, parked: ParkedPayment, how: str = "fund", *, at: int = 1, **more: Any) -> ParkedMove:
    said = {"parked_id": parked.id, "how": how, "reason": "说明", "form_key": key()} | more
    return service.ask_move(between.session, MoveDraft(**said), actor=between.boss(at), now=NOW)


def case_of(between: Between, parked: ParkedPayment) -> tuple[bool, str, str]:
    case = queries.get_case(between.session, parked.case_id)
    return case.settled_at is not None, case.low_words, case.high_words


def test_what_cannot_be_paid_waits_with_its_case_and_for_whom(between: Between) -> None:
    parked = came_in(between)
    assert (parked.direction, parked.minutes, parked.branch_id) == ("inbound", 60, between.branches[1].id)
    assert parked.due_id == between.members[1].coin_account_id
    assert house(between, 1, "suspense:inbound") == 60
    assert case_of(between, parked)[0] is False
    assert queries.count_parked(between.session, between.branches[1].id) == 1
    assert queries.count_parked(between.session, between.branches[0].id) == 0


def test_what_is_paid_as_planned_leaves_nothing_waiting(between: Between) -> None:
    done = between.pay(60)
    assert queries.find_parked_of(between.session, done.id) is None


def test_the_account_it_was_for_gets_it_from_one_person_once_it_is_open_again(between: Between) -> None:
    parked = came_in(between)
    between.open_again(parked.due_id or 0)
    assert ask(between, parked, "due").status == MOVE_DONE
    assert (between.coins(1), house(between, 1, "suspense:inbound")) == ((60, 0), 0)
    settled, _, words = case_of(between, parked)
    assert (settled, words) == (True, "存给原来的账户：说明")


def test_while_it_is_closed_it_cannot(between: Between) -> None:
    parked = came_in(between)
    with pytest.raises(service.DueStillClosed), between.session.begin_nested():
        ask(between, parked, "due")


def test_where_there_is_no_other_manager_the_administrator_is_asked(between: Between) -> None:
    boss = make_member(between.session, between.branches[2], roles=("administrator",))
    ask(between, came_in(between))
    asked = select(Notice.member_id).where(Notice.kind == "clearing.parked_asked")
    assert list(between.session.scalars(asked)) == [boss.id]


def test_another_account_takes_a_second_person(between: Between) -> None:
    parked = came_in(between)
    other = make_member(between.session, between.branches[1], "李理发")
    move = ask(between, parked, "member", number=other.number, name=other.name)
    assert (move.status, house(between, 1, "suspense:inbound")) == (MOVE_ASKED, 60)
    agreed = service.agree_move(between.session, move.id, actor=second(between), now=NOW)
    assert agreed.status == MOVE_DONE
    assert books.get_account(between.session, other.coin_account_id).balance == 60
    assert case_of(between, parked) == (True, "", "存给另一个会员号：说明")


def test_so_does_the_fund(between: Between) -> None:
    parked = came_in(between)
    before = house(between, 1, "fund")
    move = ask(between, parked)
    with pytest.raises(service.OneHandParked):
        service.agree_move(between.session, move.id, actor=between.boss(1), now=NOW)
    service.agree_move(between.session, move.id, actor=second(between), now=NOW)
    assert house(between, 1, "fund") == before + 60


def test_agreeing_twice_pays_once(between: Between) -> None:
    parked, other = came_in(between), second(between)
    move = ask(between, parked)
    first = service.agree_move(between.session, move.id, actor=other, now=NOW)
    assert service.agree_move(between.session, move.id, actor=other, now=NOW) is first
    assert house(between, 1, "suspense:inbound") == 0


def test_two_windows_ask_once(between: Between) -> None:
    parked = came_in(between)
    first = ask(between, parked, form_key="window")
    assert ask(between, parked, form_key="window") is first
    with pytest.raises(FormUsed):
        ask(between, parked, form_key="window", reason="别的")
    with pytest.raises(service.MoveWaiting):
        ask(between, parked)


def test_what_was_paid_is_not_paid_again_from_another_window(between: Between) -> None:
    parked = came_in(between)
    between.open_again(parked.due_id or 0)
    ask(between, parked, "due")
    with pytest.raises(service.ParkedEnded):
        ask(between, parked, "due")
    assert between.coins(1) == (60, 0)


def test_a_no_needs_a_reason_and_leaves_it_waiting(between: Between) -> None:
    parked, other = came_in(between), second(between)
    move = ask(between, parked)
    with pytest.raises(service.WordsMissing):
        service.decline_move(between.session, move.id, words="", actor=other, now=NOW)
    service.decline_move(between.session, move.id, words="先打电话", actor=other, now=NOW)
    with pytest.raises(service.MoveDecided):
        service.agree_move(between.session, move.id, actor=other, now=NOW)
    assert [one.id for one in queries.list_parked(between.session, between.branches[1].id)] == [parked.id]
    assert ask(between, parked).status == MOVE_ASKED


def test_only_who_asked_takes_it_back(between: Between) -> None:
    move = ask(between, came_in(between))
    with pytest.raises(NotAllowed):
        service.withdraw_move(between.session, move.id, actor=second(between), now=NOW)
    service.withdraw_move(between.session, move.id, actor=between.boss(1), now=NOW)
    service.withdraw_move(between.session, move.id, actor=between.boss(1), now=NOW)
    with pytest.raises(service.MoveDecided):
        service.agree_move(between.session, move.id, actor=second(between), now=NOW)


def test_nobody_is_paid_whose_number_and_name_do_not_go_together(between: Between) -> None:
    parked = came_in(between)
    stranger = between.members[0]
    for number, name in ((stranger.number, stranger.name), (between.managers[1].number, "别人"), ("HL0", "谁")):
        with pytest.raises(service.BadTaker):
            ask(between, parked, "member", number=number, name=name)


def test_nobody_decides_about_their_own_coins(between: Between) -> None:
    parked = came_in(between)
    boss = between.managers[1]
    with pytest.raises(service.OwnCoinsParked):
        ask(between, parked, "member", number=boss.number, name=boss.name)
    other = second(between)
    taker = between.session.get_one(type(boss), other.member_id)
    move = ask(between, parked, "member", number=taker.number, name=taker.name)
    with pytest.raises(service.OwnCoinsParked):
        service.agree_move(between.session, move.id, actor=other, now=NOW)


def test_the_other_branch_has_no_hand_in_it(between: Between) -> None:
    parked = came_in(between)
    with pytest.raises(NotAllowed):
        ask(between, parked, at=0)


def test_its_case_is_not_talked_away(between: Between) -> None:
    parked = came_in(between)
    with pytest.raises(service.StillParked):
        service.settle_case(
            between.session,
            parked.case_id,
            branch_id=between.branches[1].id,
            words="好了",
            actor=between.boss(1),
            now=NOW,
        )


def test_undoing_the_payment_sends_it_back_and_ends_the_waiting(between: Between) -> None:
    parked = came_in(between)
    move = ask(between, parked)
    undo(between, between.session.get_one(Proposal, parked.proposal_id))
    assert (between.coins(0), between.owed(), house(between, 1, "suspense:inbound")) == ((600, 0), (0, 0, 300), 0)
    assert (parked.how, case_of(between, parked)) == ("back", (True, "", "退回对方网点：没有来"))
    with pytest.raises(service.MoveDecided):
        service.agree_move(between.session, move.id, actor=second(between), now=NOW)


def test_what_was_paid_out_is_not_sent_back(between: Between) -> None:
    parked = came_in(between)
    service.agree_move(between.session, ask(between, parked).id, actor=second(between), now=NOW)
    with pytest.raises(service.ParkedPaidOut), between.session.begin_nested():
        undo(between, between.session.get_one(Proposal, parked.proposal_id))
    assert house(between, 1, "suspense:inbound") == 0


def test_less_paid_anew_waits_in_its_place(between: Between) -> None:
    parked = came_in(between)
    entry = books.get_entry(between.session, parked.entry_id)
    paid = entry.transfers[0]
    less = ledger.TransferDraft(debit_id=paid.debit_id, credit_id=paid.credit_id, amount=20, unit="coin")
    instead = ledger.EntryDraft(
        book_id=entry.book_id, kind="inter_branch", key="new", transfers=(less,), source_type="order", source_id=1,
        occurred_at=NOW, actor_id=1,
    )  # fmt: skip
    undo(between, between.session.get_one(Proposal, parked.proposal_id), instead=instead)
    [waits] = queries.list_parked(between.session, between.branches[1].id)
    assert (waits.minutes, waits.due_id, house(between, 1, "suspense:inbound")) == (20, parked.due_id, 20)


def test_what_comes_back_to_nobody_waits_outbound(between: Between) -> None:
    parked = came_back(between)
    assert (parked.direction, parked.branch_id, parked.minutes) == ("outbound", between.branches[0].id, 60)
    assert (house(between, 0, "suspense:outbound"), between.owed()) == (60, (0, 0, 300))
    between.open_again(parked.due_id or 0)
    ask(between, parked, "due", at=0)
    assert (between.coins(0), house(between, 0, "suspense:outbound")) == ((60, 0), 0)
    assert case_of(between, parked) == (True, "存给原来的账户：说明", "")


def test_coming_back_to_nobody_happens_once(between: Between) -> None:
    done = between.pay(60)
    between.close(0)
    first = undo(between, done)
    assert undo(between, done).back is first.back
    with pytest.raises(ledger.AlreadyReversed), between.session.begin_nested():
        service.reverse_settled(between.session, done.id, ledger.Reversal(key="b", reason="错", actor_id=1), now=NOW)
    assert house(between, 0, "suspense:outbound") == 60


def test_it_waits_in_the_minutes_of_the_branch_where_it_waits(between: Between) -> None:
    between.convert(5, 4)
    ids = [branch.id for branch in between.branches]
    cost = queries.cost_abroad(between.session, payer_id=ids[0], payee_id=ids[1], minutes=60, now=NOW)
    made = between.propose(cost.paid, taken=cost.taken, rate=cost.rate)
    between.close(1)
    service.settle(between.session, made.id, between.settlement(60), now=NOW)
    found = queries.find_parked_of(between.session, made.id)
    assert found is not None
    assert (found.minutes, house(between, 1, "suspense:inbound")) == (60, 60)
    between.close(0)
    undo(between, made)
    assert (house(between, 0, "suspense:outbound"), house(between, 1, "conversion")) == (75, 0)


@pytest.mark.parametrize(
    ("table", "change"),
    [("parked_payment", "minutes = 1"), ("parked_payment", "how = 'fund'"), ("parked_move", "reason = 'x'")],
)
def test_the_database_keeps_what_waited_and_what_was_decided(between: Between, table: str, change: str) -> None:
    parked = came_in(between)
    between.open_again(parked.due_id or 0)
    ask(between, parked, "due")
    for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError), between.session.begin_nested():
            between.session.connection().exec_driver_sql(statement)


def test_the_database_wants_two_people_where_coins_go_elsewhere(between: Between) -> None:
    move = ask(between, came_in(between))
    alone = (
        "UPDATE parked_move SET status = 'done', decided_by_id = asked_by_id, decided_at = asked_at "
        f"WHERE id = {move.id}"
    )
    with pytest.raises(DBAPIError), between.session.begin_nested():
        between.session.connection().exec_driver_sql(alone)
