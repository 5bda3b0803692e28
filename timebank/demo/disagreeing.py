"""After the fourth chapter: two redemptions after which something was not right; one case decided, one open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from timebank.demo.calendar import waking
from timebank.demo.redeeming import QUARRELS
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI
from timebank.disputes.models import PART
from timebank.disputes.queries import find_by_key
from timebank.disputes.service import DisputeDraft, RulingDraft, decide, open_dispute, say
from timebank.exchange.models import FULFILLED
from timebank.exchange.queries import find_order_by_key


@dataclass(frozen=True, kw_only=True)
class Quarrel:
    """Who says what about which order; ``ruling`` is empty while the case is open."""

    order: str  # the key of a redemption of the chapter before
    asker: str
    words: str
    answer: str
    ruling: str = ""


OLD: Final = Quarrel(
    order=QUARRELS[0],
    asker="周阿明",
    words="通了厨房，卫生间的地漏没来得及弄，说下次再来，券已经核销了。",
    answer="那天确实只做了厨房，我也觉得该少算一点。",
    ruling="双方都说只做了厨房，按一半算。",
)
NEW: Final = Quarrel(
    order=QUARRELS[1],
    asker="林国平",
    words="说好上门的，后来让我自己走过去，来回半个多小时，希望少算一点。",
    answer="那天下雨，工具不好带，在电话里说好的。头发是认真剪的。",
)


def disagree(story: Story) -> None:
    """Note when somebody says that something was not right."""
    _note(story, OLD, opened=timedelta(days=7), answered=timedelta(days=6))
    story.note(waking(story.now - timedelta(days=5)), _decide, OLD)
    _note(story, NEW, opened=timedelta(hours=22), answered=timedelta(hours=2))


def _note(story: Story, quarrel: Quarrel, *, opened: timedelta, answered: timedelta) -> None:
    story.note(waking(story.now - opened), _open, quarrel)
    story.note(story.now - answered, _answer, quarrel)


def _open(story: Story, quarrel: Quarrel, at: datetime) -> None:
    order = find_order_by_key(story.session, quarrel.order)
    if order is None or order.status != FULFILLED:
        return  # on some days luck had it otherwise
    draft = DisputeDraft(order_id=order.id, wanted=PART, words=quarrel.words, form_key=f"{quarrel.order}:case")
    open_dispute(story.session, draft, actor=story.actor(quarrel.asker), now=at)


def _answer(story: Story, quarrel: Quarrel, at: datetime) -> None:
    dispute = find_by_key(story.session, f"{quarrel.order}:case")
    if dispute is None:
        return
    [giver] = [name for name, one in story.residents.items() if one.member_id == dispute.other_id]
    key = f"{quarrel.order}:answer"
    say(story.session, dispute.id, words=quarrel.answer, form_key=key, actor=story.actor(giver), now=at)


def _decide(story: Story, quarrel: Quarrel, at: datetime) -> None:
    dispute = find_by_key(story.session, f"{quarrel.order}:case")
    if dispute is None:
        return
    half = dispute.order.amount_now // 2
    draft = RulingDraft(
        dispute_id=dispute.id, outcome=PART, part=half, reason=quarrel.ruling, form_key=f"{quarrel.order}:ruling"
    )
    decide(story.session, draft, actor=story.actor(MANAGERS[DAQI]), now=at)
