"""Chapter of the nights: a mistake that both branches found and cleared up, and a payment that waits for an answer."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from timebank.clearing import queries, service
from timebank.clearing.models import BranchPair
from timebank.clearing.rules import INBOUND
from timebank.core.clock import instant, today
from timebank.demo.calendar import first_day
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI, XINQI
from timebank.ledger import service as ledger
from timebank.ledger.queries import find_house_account, get_account

_DAY: Final = timedelta(days=1)
_MISTAKEN: Final = 40  # days after the first; a mistake of two days, between two visits
_MINUTES: Final = 30
_WORDS: Final = {DAQI: "我们没有这张兑换单，请对方查。", XINQI: "旧登记簿录重了，已经冲回。"}
_WAITING: Final = "徐亚萍"  # wants something at the other branch, whose answer has not come


def compare_books(story: Story) -> None:
    """Note the nights of both tales, and what the managers do about the first."""
    first = first_day(story.now) + _MISTAKEN * _DAY
    story.note(instant(first, time(16, 10)), _book_alone, 1)
    story.note(instant(first + _DAY, time(3, 0)), _compare)
    story.note(instant(first + _DAY, time(9, 30)), _take)
    story.note(instant(first + _DAY, time(11, 0)), _book_alone, -1)
    story.note(instant(first + _DAY, time(14, 0)), _confirm, XINQI)
    story.note(instant(first + _DAY, time(14, 40)), _confirm, DAQI)
    story.note(instant(first + 2 * _DAY, time(3, 0)), _compare)
    story.note(instant(first + 2 * _DAY, time(9, 0)), _resume)
    story.note(instant(today(story.now) - 3 * _DAY, time(16, 20)), _reserve)
    for days in (1, 0):
        story.note(min(instant(today(story.now) - days * _DAY, time(3, 0)), story.now), _compare)


def _pair(story: Story) -> BranchPair | None:
    return queries.find_pair(story.session, *story.branch_ids.values())


def _compare(story: Story, at: datetime) -> None:
    service.reconcile_all(story.session, now=at)


def _book_alone(story: Story, way: int, at: datetime) -> None:
    """Typed twice from an old list, in one book only; the second time it is taken back."""
    pair, book_id = _pair(story), story.branch_ids[XINQI]
    if pair is None:
        return
    places = (pair.account_of(book_id), find_house_account(story.session, book_id, INBOUND))
    debit, credit = places if way > 0 else places[::-1]
    draft = ledger.EntryDraft(
        book_id=book_id,
        kind="inter_branch",
        key=f"demo:typed-twice:{way}",
        transfers=(ledger.TransferDraft(debit_id=debit, credit_id=credit, amount=_MINUTES, unit="coin"),),
        source_type="order",
        source_id=None,
        occurred_at=at,
        actor_id=story.actor(MANAGERS[XINQI]).member_id,
        facts={"proposal": "旧登记簿第 12 行"},
    )
    ledger.post(story.session, draft, now=at)


def _take(story: Story, at: datetime) -> None:
    pair = _pair(story)
    for item in queries.list_open_items(story.session, pair.id) if pair is not None else ():
        actor = story.actor(MANAGERS[DAQI if item.owner_id == story.branch_ids[DAQI] else XINQI])
        service.take_item(story.session, item.id, branch_id=item.owner_id, actor=actor, now=at)


def _confirm(story: Story, code: str, at: datetime) -> None:
    for case in queries.list_waiting_cases(story.session, story.branch_ids[code]):
        branch_id, actor = story.branch_ids[code], story.actor(MANAGERS[code])
        service.settle_case(story.session, case.id, branch_id=branch_id, words=_WORDS[code], actor=actor, now=at)


def _resume(story: Story, at: datetime) -> None:
    pair = _pair(story)
    if pair is not None:
        word = service.Deciding(
            branch_id=story.branch_ids[XINQI], form_key="demo:clearing:resume", words="查清了，账已经一样"
        )
        service.resume_pair(story.session, pair.id, word, actor=story.actor(MANAGERS[XINQI]), now=at)


def _reserve(story: Story, at: datetime) -> None:
    """The payer's branch has set the coins aside; the line went down before the other could answer."""
    resident = story.residents[_WAITING]
    if get_account(story.session, resident.coin_account_id).available < _MINUTES:
        return
    draft = service.ProposalDraft(
        uid="demo-unanswered",
        payer_id=story.branch_ids[XINQI],
        payee_id=story.branch_ids[DAQI],
        account_id=resident.coin_account_id,
        minutes=_MINUTES,
        expires_at=at + 7 * _DAY,
        source_type="order",
        actor_id=resident.member_id,
    )
    service.reserve(story.session, draft, now=at)
