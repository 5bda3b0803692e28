"""What does not agree between two branches falls into four heaps, each item with an owner and an age."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.tampering import lift_guards
from tests.world import KEYS, NOW, make_member
from timebank.clearing import queries, service
from timebank.clearing.models import FROZEN, OPEN, PairItem, PairSummary
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed
from timebank.ledger import service as ledger
from timebank.notices.models import Notice

DAY = timedelta(days=1)


@pytest.fixture
def between(session: Session) -> Between:
    return Between(session)


def night(between: Between, days: int = 0) -> int:
    return service.reconcile(between.session, between.pair, now=NOW + days * DAY)


def items(between: Between) -> list[PairItem]:
    return list(queries.list_open_items(between.session, between.pair.id))


def shown(between: Between) -> list[tuple[str, int | None, int | None, str]]:
    """Heap, both amounts, who has to act."""
    return [(one.heap, one.low_minutes, one.high_minutes, one.owner.code) for one in items(between)]


def only_ours(between: Between) -> None:
    between.pay(60)
    between.book_alone(0, 5, key="alone")


def only_theirs(between: Between) -> None:
    between.pay(60)
    between.book_alone(1, -7, key="alone")


def another_amount(between: Between) -> None:
    paid = between.pay(60)
    between.book_alone(0, 10, key="more", proposal=paid.uid)


def half_way(between: Between) -> None:
    between.half_pay(60)


HEAPS = pytest.mark.parametrize(
    ("cause", "found"),
    [
        (only_ours, ("only_low", 5, None, "BB")),
        (only_theirs, ("only_high", None, 7, "AA")),
        (another_amount, ("differs", 70, 60, "AA")),
        (half_way, ("open_long", 60, 60, "BB")),
    ],
)


@HEAPS
def test_each_difference_falls_into_its_heap_and_has_an_owner(
    between: Between, cause: Callable[[Between], None], found: tuple[str, int | None, int | None, str]
) -> None:
    cause(between)
    assert night(between, 1) == 1
    assert shown(between) == [found]


@HEAPS
def test_the_next_nights_find_the_same_thing_and_only_its_age_grows(
    between: Between, cause: Callable[[Between], None], found: tuple[str, int | None, int | None, str]
) -> None:
    cause(between)
    night(between, 1)
    [first] = items(between)
    assert [night(between, days) for days in (2, 2, 9)] == [1, 1, 1]
    [item] = items(between)
    assert (item.id, item.first_seen_at, item.seen_at) == (first.id, NOW + DAY, NOW + 9 * DAY)
    assert len(queries.list_open_cases(between.session, between.pair.id)) == int(found[0] != "open_long")


def test_an_entry_that_somebody_removed_is_in_the_other_book_only(between: Between) -> None:
    paid = between.pay(60)
    lift_guards(between.session)
    for table, column in (("transfer", "entry_id"), ("entry", "id")):
        between.session.execute(sa.text(f"DELETE FROM {table} WHERE {column} = :id"), {"id": paid.payee_entry_id})
    assert night(between) == 1
    assert shown(between) == [("only_low", 60, None, "BB")]
    assert between.pair.status == FROZEN


def test_an_amount_that_somebody_changed_is_found_in_its_book(between: Between) -> None:
    paid = between.pay(60)
    lift_guards(between.session)
    between.session.execute(
        sa.text("UPDATE transfer SET amount = 50 WHERE entry_id = :id"), {"id": paid.payee_entry_id}
    )
    night(between)
    assert shown(between) == [("differs", 60, 50, "AA")]


@pytest.mark.parametrize("content", ["{", "[]", "7", "{}"])
def test_a_damaged_message_is_a_case_and_the_books_are_looked_at_all_the_same(between: Between, content: str) -> None:
    between.pay(60)
    between.book_alone(0, 5, key="alone")
    lift_guards(between.session)
    between.session.execute(sa.text("UPDATE clearing_message SET content = :content"), {"content": content})
    assert night(between) == 2
    assert shown(between) == [("only_low", 5, None, "BB")]
    cases = queries.list_open_cases(between.session, between.pair.id)
    assert sorted(case.kind for case in cases) == ["difference", "out_of_chain"]


def test_two_changes_that_cancel_out_in_the_balance_are_found_all_the_same(between: Between) -> None:
    for number, minutes in ((1, 10), (2, -10)):
        paid = between.pay(60, source_id=number)
        between.book_alone(0, minutes, key=f"more-{number}", proposal=paid.uid)
    assert night(between) == 2
    assert [one[1:3] for one in shown(between)] == [(70, 60), (50, 60)]


def test_what_agrees_leaves_what_both_sides_said_once_a_night(between: Between) -> None:
    between.pay(60)
    between.pay(25, payer=1, payee=0, source_id=2)
    assert [night(between), night(between), night(between, 1)] == [0, 0, 0]
    rows = between.session.scalars(sa.select(PairSummary).order_by(PairSummary.id)).all()
    assert [(row.branch_id, row.night) for row in rows] == [
        (branch.id, day) for day in ("2026-11-21", "2026-11-22") for branch in between.branches[:2]
    ]
    ours, theirs = (json.loads(row.content) for row in rows[:2])
    assert (ours["balance"], theirs["balance"]) == (35, -35)
    assert ours["book"] == theirs["book"]
    assert (ours["sent"], ours["received"]) == (theirs["received"], theirs["sent"])
    assert (ours["sent"]["number"], ours["sent"]["count"], ours["sent"]["sum"]) == (1, 1, 60)


def test_what_is_under_way_is_named_by_both_sides_and_is_no_difference(between: Between) -> None:
    proposal = between.propose(60)
    assert night(between, 1) == 0
    ours, theirs = (
        json.loads(queries.draw_summary(between.session, between.pair, branch_id=one.id, now=NOW).content)["open"]
        for one in between.branches[:2]
    )
    assert [line[:4] for line in ours] == [[proposal.uid, "pays", "accepted", 60]]
    assert [line[:4] for line in theirs] == [[proposal.uid, "takes", "held", 60]]


def test_what_was_agreed_to_and_never_ended_is_the_payers_to_end(between: Between) -> None:
    between.propose(60)
    assert night(between, 7) == 0
    assert night(between, 8) == 1
    assert shown(between) == [("open_long", 60, 60, "AA")]
    assert between.pair.status == OPEN


def test_space_that_is_kept_for_a_payment_given_back_is_the_creditors_to_free(between: Between) -> None:
    proposal = between.propose(60)
    lift_guards(between.session)
    between.session.execute(sa.text("UPDATE proposal SET status = 'cancelled' WHERE id = :id"), {"id": proposal.id})
    between.session.expire(proposal)
    assert night(between, 14) == 0
    assert night(between, 15) == 1
    assert shown(between) == [("open_long", None, 60, "BB")]


def test_a_payment_on_its_way_is_no_difference_and_settles_itself_when_it_arrives(between: Between) -> None:
    letter = between.half_pay(60)
    assert night(between) == 0
    assert night(between, 1) == 1
    assert service.deliver(between.session, between.again(letter, now=NOW + DAY), now=NOW + DAY) == "settled"
    assert night(between, 2) == 0
    [item] = queries.list_settled_items(between.session, between.pair.id)
    assert (item.settled_how, item.settled_at, item.note) == ("answered", NOW + 2 * DAY, "有了答复，两边都记了 1 币。")
    assert queries.list_open_cases(between.session, between.pair.id) == []


@pytest.mark.parametrize(("at", "note"), [(1, "两边现在一样，都是 5 分。"), (0, "记错的一边冲回了，两边现在都没有。")])
def test_new_entries_settle_an_item_and_leave_its_case_to_both_sides(between: Between, at: int, note: str) -> None:
    between.book_alone(0, 5, key="alone")
    night(between)
    between.book_alone(at, -5, key="mended")
    assert night(between, 1) == 0
    [item] = queries.list_settled_items(between.session, between.pair.id)
    assert (item.settled_how, item.note) == ("agreed", note)
    assert len(queries.list_open_cases(between.session, between.pair.id)) == 1


def test_an_item_that_becomes_another_one_keeps_its_age_and_who_took_it(between: Between) -> None:
    paid = between.pay(60)
    between.book_alone(0, 10, key="more", proposal=paid.uid)
    night(between)
    service.take_item(
        between.session, items(between)[0].id, branch_id=between.branches[0].id, actor=between.boss(0), now=NOW
    )
    between.book_alone(0, 10, key="still more", proposal=paid.uid)
    night(between, 3)
    [item] = items(between)
    assert (item.low_minutes, item.first_seen_at, item.taken_by_id) == (80, NOW, between.managers[0].id)
    [before] = queries.list_settled_items(between.session, between.pair.id)
    assert before.settled_how == "changed"


def confirm(between: Between, days: int = 1) -> None:
    [case] = queries.list_open_cases(between.session, between.pair.id)
    for at in (0, 1):
        branch_id, at_time = between.branches[at].id, NOW + days * DAY
        service.settle_case(
            between.session, case.id, branch_id=branch_id, words="查过了", actor=between.boss(at), now=at_time
        )


def test_both_sides_words_settle_what_belongs_to_the_case_and_it_is_not_found_again(between: Between) -> None:
    only_ours(between)
    night(between)
    confirm(between)
    [item] = queries.list_settled_items(between.session, between.pair.id)
    assert item.settled_how == "words"
    assert night(between, 2) == 0
    between.book_alone(0, 1, key="and more")
    assert night(between, 3) == 1


def test_a_case_on_which_one_side_gave_its_word_is_not_added_to(between: Between) -> None:
    paid = between.pay(60)
    between.book_alone(0, 5, key="alone")
    night(between)
    [case] = queries.list_open_cases(between.session, between.pair.id)
    branch_id = between.branches[0].id
    service.settle_case(between.session, case.id, branch_id=branch_id, words="查过", actor=between.boss(0), now=NOW)
    between.book_alone(0, 10, key="more", proposal=paid.uid)
    night(between, 1)
    assert len(queries.list_open_cases(between.session, between.pair.id)) == 2
    assert len({one.case_id for one in items(between)}) == 2


def test_what_one_side_books_in_parts_agrees_with_what_the_other_books_in_one(between: Between) -> None:
    """Two people gave it; the payer paid once."""
    second = make_member(between.session, between.branches[1])
    takers = ((between.members[1].coin_account_id or 0, 40), (second.coin_account_id or 0, 20))
    proposal = between.propose(60)
    service.settle(between.session, proposal.id, between.settlement(takers=takers), now=NOW)
    assert night(between) == 0
    summary = queries.draw_summary(between.session, between.pair, branch_id=between.branches[1].id, now=NOW)
    said = json.loads(summary.content)
    assert (said["received"]["sum"], said["book"]["sum"]) == (60, 60)


def test_a_reversal_and_what_takes_its_place_belong_to_the_payment(between: Between) -> None:
    done = between.pay(60)
    undo = ledger.Reversal(key="undo", reason="只做了一半", actor_id=1)
    service.reverse_settled(between.session, done.id, undo, now=NOW)
    assert night(between) == 0


def test_balances_that_are_no_mirror_images_are_found_though_every_item_agrees(between: Between) -> None:
    """A figure of a closed month was changed, which no entry shows."""
    between.pay(60)
    after = clock.month_range("2026-11")[1] + DAY
    book_id = between.branches[0].id
    ledger.close_period(between.session, book_id, "2026-11", actor=SYSTEM, keys=KEYS, now=after)
    account = between.pair.account_of(book_id)
    lift_guards(between.session)
    between.session.execute(
        sa.text("UPDATE closing SET posted_in = posted_in + 5 WHERE account_id = :id"), {"id": account}
    )
    assert service.reconcile(between.session, between.pair, now=after) == 1
    [case] = queries.list_open_cases(between.session, between.pair.id)
    assert (case.kind, items(between)) == ("difference", [])


def test_the_branch_that_has_to_act_is_told_once(between: Between) -> None:
    only_ours(between)
    night(between)
    night(between, 1)
    notices = between.session.scalars(sa.select(Notice).where(Notice.kind == "clearing.items")).all()
    assert [(one.member_id, one.facts["count"]) for one in notices] == [(between.managers[1].id, 1)]


def taken(between: Between, at: int, *, by: int) -> PairItem:
    item_id, branch_id = items(between)[0].id, between.branches[at].id
    return service.take_item(between.session, item_id, branch_id=branch_id, actor=between.boss(by), now=NOW)


def test_a_manager_of_the_branch_that_has_to_act_takes_an_item_and_a_repeat_changes_nothing(between: Between) -> None:
    only_ours(between)
    night(between)
    assert taken(between, 1, by=1).taken_by_id == between.managers[1].id
    again = service.take_item(
        between.session, items(between)[0].id, branch_id=between.branches[1].id, actor=between.boss(1), now=NOW + DAY
    )
    assert again.taken_at == NOW


def test_nobody_takes_what_the_other_branch_has_to_do(between: Between) -> None:
    only_ours(between)
    night(between)
    with pytest.raises(service.ItemNotYours):
        taken(between, 0, by=0)
    with pytest.raises(NotAllowed):
        taken(between, 1, by=0)


def test_what_is_settled_is_not_taken(between: Between) -> None:
    only_ours(between)
    night(between)
    item_id = items(between)[0].id
    confirm(between)
    with pytest.raises(service.ItemSettled):
        service.take_item(between.session, item_id, branch_id=between.branches[1].id, actor=between.boss(1), now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pair_item SET low_minutes = 6",
        "UPDATE pair_item SET first_seen_at = '2027-01-01 00:00:00+00'",
        "UPDATE pair_item SET owner_id = (SELECT min(id) FROM branch)",
        "DELETE FROM pair_item",
        "UPDATE pair_summary SET content = '{}'",
        "DELETE FROM pair_summary",
    ],
)
def test_what_was_said_and_found_stays(between: Between, statement: str) -> None:
    only_ours(between)
    night(between)
    with pytest.raises(sa.exc.IntegrityError), between.session.begin_nested():
        between.session.execute(sa.text(statement))


def test_a_settled_item_stays_settled(between: Between) -> None:
    only_ours(between)
    night(between)
    confirm(between)
    with pytest.raises(sa.exc.IntegrityError), between.session.begin_nested():
        between.session.execute(sa.text("UPDATE pair_item SET settled_at = NULL, settled_how = NULL"))
