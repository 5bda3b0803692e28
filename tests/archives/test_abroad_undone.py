"""An order of another branch that was set right: less redeemed in the payer's month, less received in the taker's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.exchange.test_abroad import Abroad
from tests.world import NOW
from timebank.archives.queries import list_member_rows
from timebank.corrections.service import CorrectionDraft, ask
from timebank.members.models import Member

MONTH, NEXT = "2026-11", "2026-12"
OPENING, REDEEMED, RECEIVED, ADJUSTED, CLOSING = 2, 4, 5, 9, 10


@pytest.fixture
def abroad(session: Session) -> Iterator[Abroad]:
    made = Abroad(Between(session))
    yield made
    assert made.between.findings() == set()


def row(abroad: Abroad, member: Member, month: str = MONTH) -> tuple[int, ...]:
    """Redeemed, received, adjusted of a member."""
    rows = list_member_rows(abroad.session, member.branch, month)
    [found] = [one for one in rows if one[0] == member.number]
    return found[REDEEMED], found[RECEIVED], found[ADJUSTED]


def set_right(abroad: Abroad, minutes: int | None, *, days: int = 2) -> None:
    order = abroad.done()
    draft = CorrectionDraft(entry_id=order.entry_id or 0, minutes=minutes, reason="没有做完")
    ask(abroad.session, draft, form_key=key(), actor=abroad.of(abroad.manager), now=NOW + timedelta(days=days))


@pytest.mark.parametrize(("minutes", "left"), [(None, 0), (25, 25)])
def test_in_the_same_month_only_what_is_right_was_redeemed_and_received(
    abroad: Abroad, minutes: int | None, left: int
) -> None:
    set_right(abroad, minutes)
    assert row(abroad, abroad.member) == (left, 0, 0)
    assert row(abroad, abroad.barber) == (0, left, 0)


@pytest.mark.parametrize(("minutes", "change"), [(None, -60), (25, -35)])
def test_in_a_later_month_it_is_less_by_what_came_back(abroad: Abroad, minutes: int | None, change: int) -> None:
    set_right(abroad, minutes, days=20)
    assert row(abroad, abroad.member, NEXT) == (change, 0, 0)
    assert row(abroad, abroad.barber, NEXT) == (0, change, 0)


def test_with_a_rate_each_side_counts_its_own_minutes(abroad: Abroad) -> None:
    abroad.between.convert(5, 4)
    set_right(abroad, 20)
    assert row(abroad, abroad.member) == (25, 0, 0)
    assert row(abroad, abroad.barber) == (0, 20, 0)
