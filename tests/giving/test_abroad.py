"""Coins for somebody at another branch: both books at once, with the limits of who gives and of who is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.clearing.scene import Between
from tests.exchange.scene import coins_of, key
from tests.world import NOW, actor_of
from timebank.clearing import service as pairs
from timebank.corrections import service as corrections
from timebank.giving import service
from timebank.giving.models import Gift
from timebank.growth.queries import get_statement
from timebank.ledger import queries as books


@pytest.fixture
def between(session: Session) -> Iterator[Between]:
    made = Between(session)
    yield made
    assert made.findings() == set()
    assert pairs.reconcile_all(session, now=NOW) == 0


def send(between: Between, *, to: int = 1, **more: Any) -> Gift:
    giver, receiver = between.members[0], between.members[to]
    said = {"purse": "coin", "minutes": 60, "words": "给妈妈", "number": receiver.number, "name": receiver.name}
    draft = service.GiftDraft(**{**said, "form_key": key(), **more})
    return service.give(between.session, draft, actor=actor_of(between.session, giver), now=NOW)


def test_a_gift_to_the_next_town_stands_in_both_books(between: Between) -> None:
    gift = send(between)
    assert [coins_of(between.session, between.members[at]) for at in (0, 1)] == [(540, 0), (660, 0)]
    assert between.owed() == (60, 0, 240)
    giver, receiver = between.members[:2]
    lines = [get_statement(between.session, member).lines[0].text for member in (giver, receiver)]
    assert lines == [f"送给 {receiver.alias} 1 币", f"收到 1 币 · {giver.alias} 送的"]
    assert gift.branch_id == giver.branch_id


def test_the_same_form_gives_once(between: Between) -> None:
    assert send(between, form_key="once") is send(between, form_key="once")
    assert between.owed() == (60, 0, 240)


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"to": 2}, pairs.NotConnected),
        ({"minutes": 301}, pairs.LineFull),
        ({"minutes": 601}, service.NotEnoughToGive),
        ({"purse": "giveaway"}, service.InAnotherBranch),
    ],
)
def test_what_is_not_given_abroad_leaves_no_trace(
    between: Between, more: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal), between.session.begin_nested():
        send(between, **more)
    assert between.session.scalars(select(Gift)).all() == []
    assert (coins_of(between.session, between.members[0]), between.owed()) == ((600, 0), (0, 0, 300))


def test_a_wrong_gift_comes_back_from_the_receivers_branch(between: Between) -> None:
    send(between)
    account_id = between.members[1].coin_account_id or 0
    [line] = [one for one in books.statement(between.session, account_id).lines if one.source_type == "gift"]
    draft = corrections.CorrectionDraft(entry_id=line.entry_id, minutes=None, reason="送错了人")
    corrections.ask(between.session, draft, form_key=key(), actor=between.boss(1), now=NOW)
    assert [coins_of(between.session, between.members[at]) for at in (0, 1)] == [(600, 0), (600, 0)]
    assert between.owed() == (0, 0, 300)
