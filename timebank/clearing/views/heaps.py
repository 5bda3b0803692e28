"""差异: the four heaps of a pair, and everything that does not agree between a branch and any other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.clearing import queries, service
from timebank.clearing.models import COMMITTED, RESERVED, SETTLED_NAMES, BranchPair, PairItem, PairSummary
from timebank.clearing.queries import ItemNotFound
from timebank.clearing.rules.heaps import DIFFERS, ONLY_HIGH, ONLY_LOW, OPEN_LONG
from timebank.clearing.views.base import CHANGE, ID, PAIR, READ, Side, blueprint, choose_side
from timebank.clearing.views.wording import name_of
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import coins
from timebank.members.queries import list_names
from timebank.web.forms import saying_refusals
from timebank.web.guards import current_actor, guard

OURS, THEIRS = "ours", "theirs"
HEAP_NAMES = {OURS: "只有我们记了", THEIRS: "只有对方记了", DIFFERS: "两边金额不一样", OPEN_LONG: "办了太久没有办完"}
_SHOWN_SETTLED = 50


@dataclass(frozen=True, kw_only=True)
class ItemView:
    """An item as one of the two branches sees it."""

    item: PairItem
    pair: BranchPair
    peer: Branch
    heap: str
    name: str
    document: str
    ours: str
    theirs: str
    age: int
    to_do: bool
    owner: str
    taken_by: str
    todo: str
    how: str


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is known of an item besides itself: its document, who took it, whether its last message has no answer."""

    document: str
    taken_by: str
    unanswered: bool


@blueprint.get(f"{PAIR}/items")
@guard(READ)
def pair_items(pair_id: int) -> str:
    """The four heaps of a pair, what each side said last night, and what was settled."""
    side, session = choose_side(pair_id, READ), db.session()
    standing = _views(session, side.branch, queries.list_open_items(session, pair_id))
    settled = queries.list_settled_items(session, pair_id, at_most=_SHOWN_SETTLED)
    return render_template(
        "clearing/items.html",
        side=side,
        heaps=[(heap, name, [one for one in standing if one.heap == heap]) for heap, name in HEAP_NAMES.items()],
        settled=_views(session, side.branch, settled),
        said=_said(session, side),
        may_take=current_actor().may(CHANGE, branch_id=side.branch.id),
    )


@blueprint.get("/branch/clearing/items")
@guard(READ)
def branch_items() -> str:
    """Everything that does not agree between a branch and any other: what it has to do, and what others have to."""
    choice, session = choose_branch(READ), db.session()
    items = _views(session, choice.branch, queries.list_items_at(session, choice.branch.id))
    return render_template(
        "clearing/all_items.html",
        choice=choice,
        branch=choice.branch,
        to_do=[one for one in items if one.to_do],
        waiting=[one for one in items if not one.to_do],
        may_take=current_actor().may(CHANGE, branch_id=choice.branch.id),
    )


@blueprint.post(f"{PAIR}/items/<{ID}:item_id>/take")
@guard(CHANGE)
def take_item(pair_id: int, item_id: int) -> Response:
    """Somebody of the branch that has to act takes an item."""
    side = choose_side(pair_id, CHANGE)
    with saying_refusals(), transaction() as session:
        if queries.get_item(session, item_id).pair_id != pair_id:
            raise ItemNotFound()
        service.take_item(session, item_id, branch_id=side.branch.id, actor=current_actor(), now=clock.now())
        flash("这一项由您来办。查清以后补记或者冲回，夜里核对一致就自动了结。", "success")
    return redirect(url_for("clearing.pair_items", pair_id=pair_id, branch=side.branch.id), 303)


def _views(session: Session, branch: Branch, items: Sequence[PairItem]) -> list[ItemView]:
    """One's own staff by name, the other side only as the branch."""
    proposals = queries.list_by_uid(session, {one.uid for one in items})
    people = list_names(session, [one.taken_by_id for one in items if one.taken_by_id and one.owner_id == branch.id])
    now = clock.now()
    found = []
    for one in items:
        proposal = proposals.get(one.uid)
        document = f"order:{proposal.source_id or ''}" if proposal is not None else one.uid
        name = people[one.taken_by_id].name if one.taken_by_id in people else one.owner.name
        unanswered = proposal is not None and proposal.status in {RESERVED, COMMITTED}
        known = _Known(document=document, taken_by=name if one.taken_by_id else "", unanswered=unanswered)
        found.append(_view(one, branch, known, now))
    return found


def _view(item: PairItem, branch: Branch, known: _Known, now: datetime) -> ItemView:
    low_here, to_do = branch.id == item.pair.low_id, item.owner_id == branch.id
    peer, heap = item.pair.peer_of(branch.id), item.heap
    if heap in {ONLY_LOW, ONLY_HIGH}:
        heap = OURS if (heap == ONLY_LOW) == low_here else THEIRS
    ours, theirs = (item.low_minutes, item.high_minutes) if low_here else (item.high_minutes, item.low_minutes)
    return ItemView(
        item=item,
        pair=item.pair,
        peer=peer,
        heap=heap,
        name=HEAP_NAMES[heap],
        document=name_of(known.document),
        ours=_owing(ours, low_here, heap),
        theirs=_owing(theirs, low_here, heap),
        age=(clock.today(item.settled_at or now) - clock.today(item.first_seen_at)).days,
        to_do=to_do,
        owner="本网点" if to_do else peer.name,
        taken_by=known.taken_by,
        todo=_todo(heap, to_do, unanswered=known.unanswered),
        how=SETTLED_NAMES.get(item.settled_how or "", ""),
    )


def _owing(minutes: int | None, low_here: bool, heap: str) -> str:
    """From this branch: who comes to owe by it."""
    if not minutes:
        return "还没有收到" if heap == OPEN_LONG else "没有记"
    return f"{'我们' if (minutes > 0) == low_here else '对方'}欠 {coins(abs(minutes))}"


def _todo(heap: str, to_do: bool, *, unanswered: bool) -> str:
    """What ends it."""
    if heap == OPEN_LONG and not unanswered:
        return "过了时间还留着：请付的一方把原来的兑换单办完，或者取消。"
    if heap == OPEN_LONG:
        return "消息每十分钟自动重发。一直没有答复，请看互通是不是暂停了、定时任务有没有在运行。"
    if not to_do:
        return "等对方查；本网点也核对一下自己的单据。"
    return {
        OURS: "查原单据：确实没有这回事，就冲回。",
        THEIRS: "查原单据：确有这回事，就补记；没有，请对方冲回。",
    }.get(heap, "查原单据：哪边记错，哪边更正。")


def _said(session: Session, side: Side) -> list[tuple[str, str, str]]:
    """What both sides said last, row by row; empty before the first night."""
    ours, theirs = (queries.find_summary(session, side.pair.id, one.id) for one in (side.branch, side.peer))
    if ours is None or theirs is None:
        return []
    one, other = _rows(ours), _rows(theirs)
    return [(name, one[name], other[name]) for name in one]


def _rows(summary: PairSummary) -> dict[str, str]:
    fields: dict[str, Any] = json.loads(summary.content)
    balance, book, sent, received = fields["balance"], fields["book"], fields["sent"], fields["received"]
    return {
        "时间": f"{clock.local(summary.drawn_at):%Y-%m-%d %H:%M}",
        "余额": "两清" if not balance else f"{'欠对方' if balance > 0 else '对方欠'} {coins(abs(balance))}",
        "账上没有两清的单据": f"{book['count']} 项，校验值 {book['hash'][:12]}…",
        "发出到第几号": _numbered(sent),
        "收到到第几号": _numbered(received),
        "没有办完的清算单": f"{len(fields['open'])} 张",
        "整份的校验值": f"{summary.hash[:12]}…",
    }


def _numbered(part: dict[str, Any]) -> str:
    if not part["count"]:
        return "还没有"
    return f"第 {part['number']} 号，共 {part['count']} 条、{coins(part['sum'])}，校验值 {str(part['hash'])[:12]}…"
