"""The slip of a month is what the books say was redeemed with an organisation, corrections shown, names left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.exchange.scene import give, key
from tests.partners.scene import Partners
from tests.world import NOW, actor_of, make_member
from timebank.core.actor import SYSTEM
from timebank.corrections.service import CorrectionDraft, ask
from timebank.exchange.models import Order
from timebank.ledger import queries as books
from timebank.partners import queries, service

MONTH, NEXT = "2026-11", "2026-12"
DECEMBER = datetime(2026, 12, 2, 1, tzinfo=UTC)


@pytest.fixture
def scene(session: Session) -> Partners:
    made = Partners(session)
    give(session, made.town.asker, 1200)
    return made


def taken(scene: Partners, order: Order, *, now: datetime = NOW) -> Order:
    scene.town.fulfil(order, now=now)
    return order


def correct(scene: Partners, order: Order, minutes: int | None, *, now: datetime) -> None:
    boss = actor_of(scene.session, make_member(scene.session, scene.town.branch, roles=("manager",)))
    draft = CorrectionDraft(entry_id=order.entry_id or 0, minutes=minutes, reason="演出取消")
    ask(scene.session, draft, form_key=key(), actor=boss, now=now)


def sums(scene: Partners, month: str = MONTH) -> dict[str, tuple[int, int]]:
    return {
        slip.organisation.name if slip.organisation else "网点": (slip.quantity, slip.minutes)
        for slip in queries.list_slips(scene.session, scene.town.branch.id, month)
    }


def test_a_slip_adds_up_what_members_took(scene: Partners) -> None:
    orders = [taken(scene, scene.town.order(scene.play, quantity=many)) for many in (1, 3)]
    taken(scene, scene.town.order(scene.milk))
    taken(scene, scene.town.order(scene.town.tickets))
    scene.town.order(scene.play)  # not taken yet
    assert sums(scene) == {"光明奶站": (1, 30), "北仑大剧院": (4, 120), "网点": (1, 30)}
    slip = queries.get_slip(scene.session, scene.theatre, MONTH)
    assert [(one.title, one.quantity, one.minutes) for one in slip.goods] == [("话剧票", 4, 120)]
    assert [one.tail for one in slip.lines] == [order.voucher[-4:] for order in orders]
    assert not any(
        scene.town.asker.name in repr(one) or order.voucher in repr(one) for one in slip.lines for order in orders
    )


def test_what_a_desk_took_is_on_the_slip(scene: Partners) -> None:
    order = scene.town.order(scene.play)
    service.redeem(scene.session, scene.open().id, order.voucher, now=NOW)
    assert sums(scene)["北仑大剧院"] == (1, 30)


def test_slips_together_are_what_the_account_moved_by(scene: Partners) -> None:
    for offer in (scene.play, scene.milk, scene.town.tickets, scene.play):
        taken(scene, scene.town.order(offer))
    late = taken(scene, scene.town.order(scene.play), now=DECEMBER)
    correct(scene, late, None, now=DECEMBER + timedelta(hours=1))
    for month in (MONTH, NEXT, "2026-10"):
        total = sum(minutes for _, minutes in sums(scene, month).values())
        assert total == queries.redeemed_in(scene.session, scene.town.branch.id, month)
    account = books.find_house_account(scene.session, scene.town.branch.id, "redeemed")
    assert books.balance(scene.session, account) == 120


def test_a_correction_stands_in_the_month_in_which_it_was_booked(scene: Partners) -> None:
    whole, part = (taken(scene, scene.town.order(scene.play, quantity=2)) for _ in range(2))
    correct(scene, whole, None, now=DECEMBER)
    correct(scene, part, 30, now=DECEMBER)
    assert sums(scene) == {"北仑大剧院": (4, 120)}
    slip = queries.get_slip(scene.session, scene.theatre, NEXT)
    assert sorted((one.minutes, one.corrects) for one in slip.lines) == [(-60, True), (-60, True), (30, True)]
    assert slip.minutes == -90 == queries.redeemed_in(scene.session, scene.town.branch.id, NEXT)


def test_a_month_without_anything_has_an_empty_slip(scene: Partners) -> None:
    slip = queries.get_slip(scene.session, scene.theatre, MONTH)
    assert (slip.lines, slip.minutes, slip.goods) == ([], 0, [])
    assert queries.list_slips(scene.session, scene.town.branch.id, MONTH) == []


def test_the_edge_of_a_month_is_the_branchs_midnight(scene: Partners) -> None:
    last, first = datetime(2026, 11, 30, 15, 59, tzinfo=UTC), datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
    taken(scene, scene.town.order(scene.play), now=last)
    taken(scene, scene.town.order(scene.milk), now=first)
    assert sums(scene) == {"北仑大剧院": (1, 30)}
    assert sums(scene, NEXT) == {"光明奶站": (1, 30)}


def test_a_long_month_is_read_to_its_end(scene: Partners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timebank.partners.queries.slips._AT_ONCE", 2)
    for _ in range(5):
        taken(scene, scene.town.order(scene.play))
    assert sums(scene) == {"北仑大剧院": (5, 150)}
    assert SYSTEM.may("slip.read")
