"""Every night each side says what it has; what does not agree is sorted into four heaps, item by item.

Nothing is mended here. An item goes away when the books or the answers agree, or when both sides have given their word
on its case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from timebank.clearing.models import BranchPair, ClearingCase, PairItem, PairSummary
from timebank.clearing.queries import draw_summary, find_last_item, get_item, get_pair, list_open_cases, list_open_items
from timebank.clearing.queries.heaps import SummaryView
from timebank.clearing.rules.heaps import (
    AGREED_NOW,
    ANSWERED_NOW,
    BECAME_OTHER,
    BY_WORDS,
    OPEN_LONG,
    Unequal,
    is_on_way,
    sort_into_heaps,
)
from timebank.clearing.service import telling
from timebank.clearing.service.cases import Found, open_case
from timebank.clearing.service.deciding import CHANGE
from timebank.clearing.service.refusals import ItemNotYours, ItemSettled
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.minutes import coins


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What a look at both sides came to: how many items do not agree now, and whether something is on its way."""

    items: int
    in_books: bool
    on_way: bool


def compare_sides(session: Session, pair: BranchPair, *, now: datetime) -> Compared:
    """Let both sides say what they have, keep it, and bring the items in step with it.

    What was found before is not opened again; what agrees now is settled with a note. The caller holds the pair.
    """
    low, high = (_say(session, pair, branch_id, now) for branch_id in (pair.low_id, pair.high_id))
    found = sort_into_heaps(low.says, high.says, now=now)
    standing = {item.uid: item for item in list_open_items(session, pair.id)}
    fresh: list[tuple[Unequal, PairItem | None]] = []
    for one in found:
        item = standing.pop(one.uid, None)
        if item is not None and _is_same(item, one):
            item.seen_at = now
        elif item is not None or not _was_settled_by_words(session, pair, one):
            fresh.append((one, item))
    for item in standing.values():
        _settle_by_itself(item, low, high, now)
    session.flush()
    _open_items(session, pair, fresh, now)
    left = list_open_items(session, pair.id)
    return Compared(
        items=len(left),
        in_books=any(one.heap != OPEN_LONG for one in found),
        on_way=any(is_on_way(uid, low.says, high.says) for uid in {*low.says.open, *high.says.open}),
    )


def _say(session: Session, pair: BranchPair, branch_id: int, now: datetime) -> SummaryView:
    summary = draw_summary(session, pair, branch_id=branch_id, now=now)
    row = {
        "pair_id": pair.id,
        "branch_id": branch_id,
        "night": clock.today(now).isoformat(),
        "content": summary.content,
        "hash": summary.hash,
        "drawn_at": now,
    }
    session.execute(insert_once(session, PairSummary).values(row))
    return summary


def _is_same(item: PairItem, one: Unequal) -> bool:
    return (item.heap, item.low_minutes, item.high_minutes) == (one.heap, one.low, one.high)


def _was_settled_by_words(session: Session, pair: BranchPair, one: Unequal) -> bool:
    """Whether both sides have said their word on exactly this."""
    last = find_last_item(session, pair.id, one.uid)
    return last is not None and last.settled_how == BY_WORDS and _is_same(last, one)


def _settle_by_itself(item: PairItem, low: SummaryView, high: SummaryView, now: datetime) -> None:
    if item.heap == OPEN_LONG:
        booked = low.says.booked.get(item.uid)
        note = f"有了答复，两边都记了 {coins(abs(booked))}。" if booked else "有了答复，留着的都放开了。"
        _settle(item, ANSWERED_NOW, note, now)
    else:
        booked = low.says.booked.get(item.uid)
        note = f"两边现在一样，都是 {coins(abs(booked))}。" if booked else "记错的一边冲回了，两边现在都没有。"
        _settle(item, AGREED_NOW, note, now)


def _settle(item: PairItem, how: str, note: str, now: datetime) -> None:
    item.settled_at, item.settled_how, item.note = now, how, note[:200]


def _open_items(
    session: Session, pair: BranchPair, fresh: list[tuple[Unequal, PairItem | None]], now: datetime
) -> None:
    """Open what is new. An item that became another one keeps its age, and whoever took it if it is still theirs."""
    case = _case_of(session, pair, [one for one, _ in fresh if one.heap != OPEN_LONG], now)
    opened = []
    for one, before in fresh:
        if before is not None:
            _settle(before, BECAME_OTHER, "情况变了，接着看下面新的一项。", now)
            session.flush()
        owner_id = pair.low_id if one.low_acts else pair.high_id
        keeps = before is not None and before.owner_id == owner_id
        item = PairItem(
            pair_id=pair.id,
            heap=one.heap,
            uid=one.uid,
            low_minutes=one.low,
            high_minutes=one.high,
            owner_id=owner_id,
            case_id=case.id if case is not None and one.heap != OPEN_LONG else None,
            first_seen_at=before.first_seen_at if before is not None else now,
            seen_at=now,
            taken_by_id=before.taken_by_id if before is not None and keeps else None,
            taken_at=before.taken_at if before is not None and keeps else None,
        )
        session.add(item)
        opened.append(item)
    session.flush()
    telling.of_items(session, pair, opened, now=now)


def _case_of(session: Session, pair: BranchPair, found: Iterable[Unequal], now: datetime) -> ClearingCase | None:
    """The case that new differences of the books belong to; one on which a side has said its word is not added to."""
    unequal = list(found)
    if not unequal:
        return None
    for case in list_open_cases(session, pair.id):
        if case.kind == "difference" and case.low_by_id is None and case.high_by_id is None:
            return case
    sides = ((one.uid, _said(one.low), _said(one.high)) for one in unequal)
    facts = "；".join(f"{uid}：{pair.low.name} {low}，{pair.high.name} {high}" for uid, low, high in sides)
    last = session.scalar(select(func.max(PairItem.id)).where(PairItem.pair_id == pair.id)) or 0
    return open_case(session, pair, Found(kind="difference", facts=facts, key=f"items:{pair.id}:{last}"), now=now)


def _said(minutes: int | None) -> str:
    return "没有" if minutes is None else f"{minutes} 分钟"


def take_item(session: Session, item_id: int, *, branch_id: int, actor: Actor, now: datetime) -> PairItem:
    """Somebody of the branch that has to act takes an item; a colleague may take it over. A repeat is harmless.

    Raises ItemNotFound, ItemNotYours where the other branch has to act, NotAllowed, ItemSettled.
    """
    item = get_item(session, item_id, lock=True)
    pair = get_pair(session, item.pair_id)
    if branch_id != item.owner_id:
        raise ItemNotYours(branch=pair.low.name if item.owner_id == pair.low_id else pair.high.name)
    actor.require(CHANGE, branch_id=branch_id)
    if item.settled_at is not None:
        raise ItemSettled()
    if item.taken_by_id != actor.member_id:
        item.taken_by_id, item.taken_at = actor.member_id, now
        session.flush()
    return item
