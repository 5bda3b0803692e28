"""Redeeming at another branch: both books in balance from the first press to the last, and every way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.exchange.scene import coins_of, give, key
from tests.exchange.test_bookings import HOURS, at
from tests.rulebook.saving import save_rule
from tests.world import NOW, actor_of, make_member
from timebank.clearing import queries as clearing
from timebank.clearing import service as pairs
from timebank.core.actor import Actor
from timebank.exchange import service
from timebank.exchange.models import EVERYWHERE, GOODS, RESOURCE, BookedSlot, Offer, Order
from timebank.ledger import queries as books
from timebank.members.models import Member
from timebank.notices.models import Notice

DAY = timedelta(days=1)


@dataclass
class Abroad:
    """Somebody of AA with ten coins, a barber and tickets at BB; BB lets AA owe five coins."""

    between: Between

    def __post_init__(self) -> None:
        session = self.between.session
        self.session, self.member, self.manager = session, self.between.members[0], self.between.managers[1]
        self.barber = make_member(session, self.between.branches[1], "李理发")
        draft = service.OfferDraft(title="理发", category="haircut", price_minutes=60, shared_with=EVERYWHERE)
        self.haircut = service.post_offer(session, draft, form_key=key(), actor=self.of(self.barber), now=NOW)
        draft = service.OfferDraft(
            **{"title": "戏票", "category": "ticket", "price_minutes": 90, "shared_with": EVERYWHERE},
            **{"kind": GOODS, "branch_id": self.between.branches[1].id, "stock": 3},
        )
        self.tickets = service.post_offer(session, draft, form_key=key(), actor=self.of(self.manager), now=NOW)

    def of(self, member: Member) -> Actor:
        return actor_of(self.session, member)

    def room(self) -> Offer:
        """One room of BB by the hour, one coin each."""
        draft = service.OfferDraft(
            **{"title": "会议室", "category": "room", "price_minutes": 60, "shared_with": EVERYWHERE},
            **{"kind": RESOURCE, "branch_id": self.between.branches[1].id, "capacity": 1, "hours": HOURS},
        )
        return service.post_offer(self.session, draft, form_key=key(), actor=self.of(self.manager), now=NOW)

    def booked(self, offer: Offer) -> list[datetime]:
        """The hours of a room that are taken."""
        chosen = sa.select(BookedSlot.slot_at).where(BookedSlot.offer_id == offer.id).order_by(BookedSlot.slot_at)
        return list(self.session.scalars(chosen))

    def order(self, offer: Offer | None = None, quantity: int = 1, **more: Any) -> Order:
        draft = service.OrderDraft(offer_id=(offer or self.haircut).id, form_key=key(), quantity=quantity, **more)
        return service.request_order(self.session, draft, actor=self.of(self.member), now=NOW)

    def agreed(self) -> Order:
        order = self.order()
        meeting = service.Meeting(at=NOW + DAY)
        return service.accept_order(self.session, order.id, meeting, actor=self.of(self.barber), now=NOW)

    def done(self) -> Order:
        order = self.agreed()
        return service.fulfil(self.session, order.voucher, actor=self.of(self.barber), now=NOW + DAY).order


@pytest.fixture
def abroad(session: Session) -> Iterator[Abroad]:
    made = Abroad(Between(session))
    yield made
    assert made.between.findings() == set()
    assert pairs.reconcile_all(session, now=NOW) == 0


def test_asking_sets_coins_aside_at_home_and_space_on_the_line_there(abroad: Abroad) -> None:
    order = abroad.order()
    assert (order.branch_id, order.proposal_id is not None) == (abroad.between.branches[1].id, True)
    assert coins_of(abroad.session, abroad.member) == (600, 60)
    assert abroad.between.owed() == (0, 60, 240)


def test_the_haircut_moves_both_books(abroad: Abroad) -> None:
    order = abroad.done()
    assert coins_of(abroad.session, abroad.member) == (540, 0)
    assert coins_of(abroad.session, abroad.barber) == (60, 0)
    assert abroad.between.owed() == (60, 0, 240)
    entry = books.get_entry(abroad.session, order.entry_id or 0)
    assert (entry.kind, entry.book_id, entry.facts["title"]) == ("inter_branch", order.branch_id, "理发")


def test_a_ticket_of_the_neighbours_is_redeemed_there(abroad: Abroad) -> None:
    order = abroad.order(abroad.tickets, 2)
    service.fulfil(abroad.session, order.voucher, actor=abroad.of(abroad.manager), now=NOW)
    redeemed = books.find_house_account(abroad.session, abroad.between.branches[1].id, "redeemed")
    assert books.balance(abroad.session, redeemed) == 180
    assert abroad.tickets.stock == 1
    assert abroad.between.owed() == (180, 0, 120)


def test_a_part_moves_a_part_and_frees_the_rest(abroad: Abroad) -> None:
    order = abroad.agreed()
    part = service.Part(minutes=25, reason="只剪了一半")
    service.fulfil(abroad.session, order.voucher, part=part, actor=abroad.of(abroad.barber), now=NOW + DAY)
    assert coins_of(abroad.session, abroad.member) == (575, 0)
    assert abroad.between.owed() == (25, 0, 275)


@pytest.mark.parametrize("how", ["decline", "cancel", "expire"])
def test_every_other_end_frees_both_sides(abroad: Abroad, how: str) -> None:
    order = abroad.order()
    if how == "decline":
        service.decline_order(abroad.session, order.id, reason="没空", actor=abroad.of(abroad.barber), now=NOW)
    elif how == "cancel":
        service.cancel_order(abroad.session, order.id, actor=abroad.of(abroad.member), now=NOW)
    else:
        assert service.expire_orders(abroad.session, now=NOW + 40 * DAY) == [order.id]
    assert coins_of(abroad.session, abroad.member) == (600, 0)
    assert abroad.between.owed() == (0, 0, 300)


def test_a_room_of_the_neighbours_is_booked_by_the_hour_and_paid_in_both_books(abroad: Abroad) -> None:
    room = abroad.room()
    order = abroad.order(room, 2, starts_at=at(8))
    assert (order.status, order.branch_id) == ("accepted", abroad.between.branches[1].id)
    assert abroad.booked(room) == [at(8), at(9)]
    assert (coins_of(abroad.session, abroad.member), abroad.between.owed()) == ((600, 120), (0, 120, 180))
    service.fulfil(abroad.session, order.voucher, actor=abroad.of(abroad.manager), now=at(8))
    redeemed = books.find_house_account(abroad.session, order.branch_id, "redeemed")
    assert books.balance(abroad.session, redeemed) == 120
    assert (coins_of(abroad.session, abroad.member), abroad.between.owed()) == ((480, 0), (120, 0, 180))
    assert abroad.booked(room) == [at(8), at(9)]


@pytest.mark.parametrize("how", ["decline", "cancel", "expire"])
def test_hours_that_were_given_back_are_free_on_both_sides(abroad: Abroad, how: str) -> None:
    """A booking is agreed to at once: the branch says no by cancelling it, with a reason."""
    room = abroad.room()
    order = abroad.order(room, 2, starts_at=at(8))
    if how == "decline":
        service.cancel_order(abroad.session, order.id, reason="停电", actor=abroad.of(abroad.manager), now=NOW)
    elif how == "cancel":
        service.cancel_order(abroad.session, order.id, reason="不来了", actor=abroad.of(abroad.member), now=NOW)
    else:
        assert service.expire_orders(abroad.session, now=order.expires_at or NOW) == [order.id]
    assert abroad.booked(room) == []
    assert (coins_of(abroad.session, abroad.member), abroad.between.owed()) == ((600, 0), (0, 0, 300))
    abroad.order(room, 1, starts_at=at(9))
    assert abroad.booked(room) == [at(9)]


def test_an_hour_that_is_taken_sets_nothing_aside_abroad(abroad: Abroad) -> None:
    room = abroad.room()
    abroad.order(room, 1, starts_at=at(8))
    with pytest.raises(service.SlotTaken), abroad.session.begin_nested():
        abroad.order(room, 2, starts_at=at(8))
    assert (coins_of(abroad.session, abroad.member), abroad.between.owed()) == ((600, 60), (0, 60, 240))


def test_hours_for_which_the_line_has_no_space_are_not_taken(abroad: Abroad) -> None:
    room = abroad.room()
    abroad.between.propose(240)
    with pytest.raises(pairs.LineFull), abroad.session.begin_nested():
        abroad.order(room, 2, starts_at=at(8))
    assert abroad.booked(room) == []


def interrupted(abroad: Abroad) -> Order:
    """An order whose payer's branch had set coins aside when the power went; the other branch was not told."""
    order = abroad.order()
    pairs.cancel(abroad.session, order.proposal_id or 0, actor_id=None, now=NOW)
    alone = pairs.reserve(abroad.session, abroad.between.draft(60, expires_at=order.latest_at), now=NOW)
    order.proposal_id, order.hold_id = alone.id, alone.payer_hold_id or 0
    abroad.session.flush()
    return order


def pause(abroad: Abroad) -> None:
    word, boss = abroad.between.word(1), abroad.between.boss(1)
    pairs.freeze_pair(abroad.session, abroad.between.pair.id, word, actor=boss, now=NOW)


def test_what_was_interrupted_waits_while_the_pair_is_paused_and_goes_on_afterwards(abroad: Abroad) -> None:
    order = interrupted(abroad)
    pause(abroad)
    for _ in range(2):
        assert pairs.resume_proposal(abroad.session, order.proposal_id or 0, now=NOW) == "frozen"
    assert service.cancel_unbacked(abroad.session, now=NOW) == []
    assert (order.status, coins_of(abroad.session, abroad.member)) == ("requested", (600, 60))
    word, boss = abroad.between.word(1), abroad.between.boss(1)
    pairs.resume_pair(abroad.session, abroad.between.pair.id, word, actor=boss, now=NOW)
    assert pairs.resume_proposal(abroad.session, order.proposal_id or 0, now=NOW) == "accepted"
    assert abroad.between.owed() == (0, 60, 240)


@pytest.mark.parametrize("how", ["cancel", "expire"])
def test_what_waits_in_a_paused_pair_is_given_back_with_its_order(abroad: Abroad, how: str) -> None:
    order = interrupted(abroad)
    pause(abroad)
    pairs.resume_proposal(abroad.session, order.proposal_id or 0, now=NOW)
    if how == "cancel":
        service.cancel_order(abroad.session, order.id, actor=abroad.of(abroad.member), now=NOW)
    else:
        assert service.expire_orders(abroad.session, now=NOW + 40 * DAY) == [order.id]
    assert coins_of(abroad.session, abroad.member) == (600, 0)
    assert abroad.between.owed() == (0, 0, 300)


def refused_late(abroad: Abroad) -> Order:
    """An order for which there was no space on the line any more when it was sent again."""
    order = interrupted(abroad)
    abroad.between.propose(300)
    assert pairs.resume_proposal(abroad.session, order.proposal_id or 0, now=NOW) == "line_full"
    assert coins_of(abroad.session, abroad.member) == (600, 300)
    return order


def test_an_order_ends_when_nothing_was_reserved_for_it_and_both_sides_are_told(abroad: Abroad) -> None:
    order = refused_late(abroad)
    assert service.cancel_unbacked(abroad.session, now=NOW) == [order.id]
    assert service.cancel_unbacked(abroad.session, now=NOW) == []
    assert (order.status, "额度用满" in order.end_reason) == ("cancelled", True)
    told = abroad.session.scalars(sa.select(Notice).where(Notice.kind.like("order.cancelled%"))).all()
    assert {(one.member_id, one.kind) for one in told} == {
        (abroad.member.id, "order.cancelled"),
        (abroad.barber.id, "order.cancelled_by_branch"),
    }


@pytest.mark.parametrize("how", ["cancel", "expire"])
def test_before_that_it_ends_in_the_usual_ways(abroad: Abroad, how: str) -> None:
    order = refused_late(abroad)
    if how == "cancel":
        service.cancel_order(abroad.session, order.id, actor=abroad.of(abroad.member), now=NOW)
    else:
        assert order.id in service.expire_orders(abroad.session, now=NOW + 40 * DAY)
    assert coins_of(abroad.session, abroad.member)[0] == 600


def test_tickets_nobody_fetched_are_back_in_stock(abroad: Abroad) -> None:
    abroad.order(abroad.tickets, 3)
    service.expire_orders(abroad.session, now=NOW + 40 * DAY)
    abroad.session.refresh(abroad.tickets)
    assert abroad.tickets.stock == 3


def refused(abroad: Abroad, refusal: type[Exception], offer: Offer | None = None, quantity: int = 1) -> None:
    before = coins_of(abroad.session, abroad.member), abroad.between.owed(), abroad.tickets.stock
    with pytest.raises(refusal), abroad.session.begin_nested():
        abroad.order(offer, quantity)
    abroad.session.refresh(abroad.tickets)
    assert (coins_of(abroad.session, abroad.member), abroad.between.owed(), abroad.tickets.stock) == before


def test_a_full_line_leaves_no_trace(abroad: Abroad) -> None:
    abroad.order(abroad.tickets, 3)
    refused(abroad, pairs.LineFull)


def test_what_is_not_shared_is_not_for_others(abroad: Abroad) -> None:
    abroad.haircut.shared_with = "branch"
    refused(abroad, service.OtherBranch)


def test_branches_that_are_not_connected_do_not_redeem(abroad: Abroad) -> None:
    abroad.member = abroad.between.members[2]
    with pytest.raises(pairs.NotConnected), abroad.session.begin_nested():
        abroad.order()


def test_who_has_too_little_is_told_so(abroad: Abroad) -> None:
    abroad.member = make_member(abroad.session, abroad.between.branches[0])
    give(abroad.session, abroad.member, 59)
    refused(abroad, service.CoinsShort)


def test_while_the_pair_is_frozen_the_voucher_waits(abroad: Abroad) -> None:
    order = abroad.agreed()
    word = abroad.between.word(1)
    pairs.freeze_pair(abroad.session, abroad.between.pair.id, word, actor=abroad.between.boss(1), now=NOW)
    with pytest.raises(pairs.PairFrozen), abroad.session.begin_nested():
        service.fulfil(abroad.session, order.voucher, actor=abroad.of(abroad.barber), now=NOW + DAY)
    abroad.session.refresh(order)
    assert (order.status, coins_of(abroad.session, abroad.member)) == ("accepted", (600, 60))


def test_the_same_form_again_is_the_same_order(abroad: Abroad) -> None:
    draft = service.OrderDraft(offer_id=abroad.haircut.id, form_key="once")
    first = service.request_order(abroad.session, draft, actor=abroad.of(abroad.member), now=NOW)
    assert service.request_order(abroad.session, draft, actor=abroad.of(abroad.member), now=NOW) is first
    assert abroad.between.owed() == (0, 60, 240)


def test_the_voucher_twice_pays_once(abroad: Abroad) -> None:
    order = abroad.done()
    again = service.fulfil(abroad.session, order.voucher, actor=abroad.of(abroad.barber), now=NOW + DAY)
    assert again.repeated
    assert abroad.between.owed() == (60, 0, 240)


def test_what_a_barber_may_not_hold_goes_to_the_fund_of_their_branch(abroad: Abroad) -> None:

    branch_id = abroad.between.branches[1].id
    save_rule(abroad.session, branch_id, NOW + 2 * DAY, now=NOW, holding_cap_minutes=40)
    order = abroad.agreed()
    service.fulfil(abroad.session, order.voucher, actor=abroad.of(abroad.barber), now=NOW + 3 * DAY)
    assert coins_of(abroad.session, abroad.barber) == (40, 0)
    fund = books.find_house_account(abroad.session, branch_id, "fund")
    assert books.balance(abroad.session, fund) == 20


def test_proposals_of_orders_name_the_order(abroad: Abroad) -> None:
    order = abroad.done()
    proposal = clearing.get_proposal(abroad.session, order.proposal_id or 0)
    assert (proposal.source_type, proposal.source_id, proposal.settled_minutes) == ("order", order.id, 60)
