"""A desk takes the vouchers of its own organisation, learns nothing of others, and is one device until it is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.exchange.scene import at_once, coins_of, committed, give
from tests.partners.scene import Partners
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.core.errors import FormUsed, Invalid, NotAllowed, Refusal
from timebank.disputes.service import DisputeDraft, open_dispute
from timebank.exchange import service as exchange
from timebank.exchange.models import FULFILLED, Order
from timebank.exchange.rules import voucher_code
from timebank.members.models import Member, RoleGrant
from timebank.members.service import close_organisation, end_role
from timebank.partners import queries, rules, service
from timebank.partners.models import DeskUse


@pytest.fixture
def scene(session: Session) -> Partners:
    return Partners(session)


def validity(scene: Partners, desk: Any, voucher: str, *, now: Any = NOW) -> str:
    return queries.look(scene.session, desk, voucher, now).validity


def test_a_desk_takes_a_voucher_once_and_says_so_afterwards(scene: Partners) -> None:
    desk, order = scene.open(), scene.town.order(scene.play)
    assert validity(scene, desk, order.voucher) == "valid"
    assert service.redeem(scene.session, desk.id, order.voucher, now=NOW)
    assert (order.status, order.desk_name) == (FULFILLED, "北仑大剧院 东门")
    assert coins_of(scene.session, scene.town.asker) == (150, 0)
    assert validity(scene, desk, order.voucher) == "used"
    assert not service.redeem(scene.session, desk.id, order.voucher, now=NOW)
    [use] = scene.session.scalars(select(DeskUse))
    assert (use.desk_id, use.order_id) == (desk.id, order.id)


def test_what_a_desk_sees_names_nobody(scene: Partners) -> None:
    desk, order = scene.open(), scene.town.order(scene.play, quantity=2)
    seen = queries.look(scene.session, desk, order.voucher, NOW)
    assert (seen.title, seen.quantity, seen.code) == ("话剧票", 2, order.voucher)
    asker = scene.town.asker
    assert not any(word in repr(seen) for word in (asker.name, asker.alias, asker.number))


def test_vouchers_of_others_do_not_exist_for_a_desk(scene: Partners) -> None:
    desk = scene.open()
    give(scene.session, scene.town.asker, 600)
    others = [scene.town.order(offer) for offer in (scene.milk, scene.town.tickets, scene.town.haircut)]
    for code in [*(order.voucher for order in others), voucher_code("23456789A")]:
        seen = queries.look(scene.session, desk, code, NOW)
        assert (seen.validity, seen.title, seen.quantity) == ("not_ours", "", 0)
        with pytest.raises(service.NotOurs):
            service.redeem(scene.session, desk.id, code, now=NOW)
    assert {order.status for order in others} == {"accepted", "requested"}


def test_a_desk_says_when_a_voucher_ran_out_or_was_taken_back(scene: Partners) -> None:
    desk = scene.open()
    old, gone = scene.town.order(scene.play), scene.town.order(scene.play)
    scene.town.cancel(gone)
    assert validity(scene, desk, gone.voucher) == "cancelled"
    assert validity(scene, desk, old.voucher, now=old.expires_at) == "expired"
    for order, now in ((gone, NOW), (old, old.expires_at)):
        with pytest.raises(exchange.OrderEnded):
            service.redeem(scene.session, desk.id, order.voucher, now=now)


def test_while_a_case_is_open_the_desk_waits(scene: Partners) -> None:
    desk, order = scene.open(), scene.town.order(scene.play)
    draft = DisputeDraft(order_id=order.id, wanted="none", words="演出改期了", form_key="case")
    open_dispute(scene.session, draft, actor=actor_of(scene.session, scene.town.asker), now=NOW)
    scene.session.expire_all()
    assert validity(scene, desk, order.voucher) == "waiting"
    with pytest.raises(Refusal, match="有争议"):
        service.redeem(scene.session, desk.id, order.voucher, now=NOW)


def test_what_is_no_voucher_is_refused_in_words(scene: Partners) -> None:
    desk = scene.open()
    with pytest.raises(exchange.NotAVoucher):
        queries.look(scene.session, desk, "P1ABCDEFG", NOW)
    with pytest.raises(exchange.MistypedVoucher):
        service.redeem(scene.session, desk.id, "D2345", now=NOW)


def test_who_opened_a_desk_does_not_take_their_own_voucher_at_it(scene: Partners) -> None:
    give(scene.session, scene.town.manager, 60)
    desk, order = scene.open(), scene.town.order(scene.play, by=scene.town.manager)
    with pytest.raises(exchange.OwnOrder):
        service.redeem(scene.session, desk.id, order.voucher, now=NOW)


def test_a_link_makes_one_device_the_desk(scene: Partners) -> None:
    desk = scene.open()
    with pytest.raises(service.LinkUsed):
        service.claim_desk(scene.session, desk.id, now=NOW)


def test_a_link_has_its_time(scene: Partners) -> None:
    desk = scene.open(claimed=False)
    with pytest.raises(service.LinkUsed):
        service.claim_desk(scene.session, desk.id, now=NOW + rules.LINK_LASTS)
    assert queries.find_open_desk(scene.session, desk.id, NOW) is None


def test_a_closed_desk_takes_nothing_and_its_link_neither(scene: Partners) -> None:
    desk, waiting = scene.open(), scene.open(claimed=False)
    order, manager = scene.town.order(scene.play), actor_of(scene.session, scene.town.manager)
    for one in (desk, waiting):
        closed = service.close_desk(scene.session, one.id, actor=manager, now=NOW)
        again = service.close_desk(scene.session, one.id, actor=manager, now=NOW + timedelta(days=1))
        assert again.closed_at == closed.closed_at == NOW
    with pytest.raises(service.DeskOver):
        service.redeem(scene.session, desk.id, order.voucher, now=NOW)
    with pytest.raises(service.LinkUsed):
        service.claim_desk(scene.session, waiting.id, now=NOW)


@pytest.mark.parametrize("why", ["expired", "organisation left", "role ended"])
def test_a_desk_ends_by_itself(scene: Partners, why: str) -> None:
    desk, order, now = scene.open(), scene.town.order(scene.play), NOW
    manager = actor_of(scene.session, scene.town.manager)
    if why == "expired":
        now = desk.expires_at
    elif why == "organisation left":
        close_organisation(scene.session, scene.theatre.id, reason="搬走", actor=manager, now=NOW)
    else:
        boss = actor_of(scene.session, make_member(scene.session, scene.town.branch, roles=("administrator",)))
        grant = scene.session.scalars(select(RoleGrant).where(RoleGrant.member_id == scene.town.manager.id)).one()
        end_role(scene.session, grant.id, actor=boss, now=NOW)
    with pytest.raises(service.DeskOver):
        service.redeem(scene.session, desk.id, order.voucher, now=now)


def test_only_managers_of_the_branch_open_and_close(scene: Partners) -> None:
    draft = service.DeskDraft(
        branch_id=scene.town.branch.id, organisation_id=scene.theatre.id, name="东门", form_key="mine"
    )
    elsewhere = make_member(scene.session, make_branch(scene.session, "XQ"), roles=("manager",))
    desk = scene.open()
    for member in (scene.town.asker, elsewhere):
        with pytest.raises(NotAllowed):
            service.open_desk(scene.session, draft, actor=actor_of(scene.session, member), now=NOW)
        with pytest.raises(NotAllowed):
            service.close_desk(scene.session, desk.id, actor=actor_of(scene.session, member), now=NOW)


def test_a_form_sent_twice_opens_one_desk_and_another_is_another_form(scene: Partners) -> None:
    first = scene.open(claimed=False, form_key="same")
    assert scene.open(claimed=False, form_key="same") is first
    with pytest.raises(FormUsed):
        scene.open(claimed=False, form_key="same", name="西门")


def test_a_desk_belongs_to_an_organisation_of_the_branch_and_has_a_place(scene: Partners) -> None:
    with pytest.raises(Invalid) as refused:
        scene.open(name="  ")
    assert list(refused.value.fields) == ["name"]
    manager = actor_of(scene.session, scene.town.manager)
    close_organisation(scene.session, scene.dairy.id, reason="搬走", actor=manager, now=NOW)
    with pytest.raises(Invalid) as refused:
        scene.open(scene.dairy)
    assert list(refused.value.fields) == ["organisation_id"]


def test_notes_are_for_one_purpose_and_not_to_be_changed() -> None:
    link = rules.note_of(KEYS, rules.LINK, 7)
    assert rules.read_note(KEYS, rules.LINK, link) == 7
    assert rules.read_note(KEYS, rules.COOKIE, link) is None
    for wrong in ("", "7", "7.", link.replace("7.", "8."), f"{link}A", f"x{link}", "９.abc", "99999999999.abc"):
        assert rules.read_note(KEYS, rules.LINK, wrong) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE partner_desk SET organisation_id = (SELECT max(id) FROM organisation)",
        "UPDATE partner_desk SET expires_at = '2030-01-01'",
        "UPDATE partner_desk SET claimed_at = NULL",
        "UPDATE partner_desk SET closed_at = NULL, closed_by_id = NULL WHERE closed_at IS NOT NULL",
        "DELETE FROM partner_desk",
        "UPDATE desk_use SET desk_id = desk_id",
        "DELETE FROM desk_use",
    ],
)
def test_the_database_keeps_desks_and_their_uses(scene: Partners, change: str) -> None:
    desk, order = scene.open(), scene.town.order(scene.play)
    service.redeem(scene.session, desk.id, order.voucher, now=NOW)
    service.close_desk(scene.session, desk.id, actor=actor_of(scene.session, scene.town.manager), now=NOW)
    with pytest.raises(DBAPIError), scene.session.begin_nested():
        scene.session.execute(text(change))


def test_one_voucher_at_two_desks_at_once_is_handed_out_once(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Partners(session)
            order = scene.town.order(scene.play)
            desks, voucher = [scene.open(), scene.open(name="西门"), scene.open(name="南门")], order.voucher
            asker_id = scene.town.asker.id
            verbs = [
                lambda session, id_=desk.id: service.redeem(session, id_, voucher, now=NOW)  # type: ignore[misc]
                for desk in desks
            ]
        answers = at_once(fresh_database, verbs)
        assert sorted(answers) == [False, False, True]
        with work() as session:
            assert len(session.scalars(select(DeskUse)).all()) == 1
            assert coins_of(session, session.get_one(Member, asker_id)) == (150, 0)


def test_closing_and_taking_at_once_end_one_after_the_other(fresh_database: str) -> None:
    with committed(fresh_database) as work:
        with work() as session:
            scene = Partners(session)
            desk, order = scene.open(), scene.town.order(scene.play)
            manager, desk_id, voucher, order_id = (
                actor_of(session, scene.town.manager),
                desk.id,
                order.voucher,
                order.id,
            )
        verbs = [
            lambda session: service.close_desk(session, desk_id, actor=manager, now=NOW).id,
            lambda session: service.redeem(session, desk_id, voucher, now=NOW),
        ]
        closed, taken = at_once(fresh_database, verbs)
        assert closed == desk_id
        with work() as session:
            done = session.get_one(Order, order_id).status == FULFILLED
            assert done == (taken is True)
            assert done or isinstance(taken, Refusal)
