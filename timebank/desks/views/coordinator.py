"""``/branch/coordinator`` 统筹: what waits, what ends soon, who could not redeem, what is missing; and the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from flask import Response, render_template, url_for
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import snapshot
from timebank.core.minutes import coins
from timebank.desks import coordinating
from timebank.desks.coordinating.ending import COINS, ENDING_NAMES, OFFER, ORDER, PROMISE, Ending
from timebank.desks.coordinating.missing import ACTIVITY, MissingSkill
from timebank.desks.coordinating.unanswered import Unanswered
from timebank.desks.coordinating.unredeemed import Unredeemed
from timebank.desks.views import blueprint
from timebank.desks.views.branch import list_queue
from timebank.desks.views.documents import person_shown
from timebank.exchange.models import Order
from timebank.exchange.queries import count_for_branch
from timebank.members.models import Member
from timebank.web.downloads import table_file
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

_SHOWN = 8  # rows of each list before the rest is folded away
Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A row of the page: what, whose, how long or until when, and where something can be done about it."""

    title: str
    who: str
    when: str
    note: str
    url: str
    tag: str = ""
    urgent: bool = False
    plain: bool = False  # an amount, which is no time


@blueprint.get("/branch/coordinator")
@guard("coordination.read")
def coordinator() -> str:
    """The page, as of one instant."""
    now, actor = clock.now(), current_actor()
    today = clock.today(now)
    with snapshot() as session:
        choice = choose_branch("coordination.read")
        branch = choice.branch
        counts = count_for_branch(session, branch.id, now=now, today=today)
        unanswered = coordinating.list_unanswered(session, branch.id, now=now)
        endings = coordinating.list_endings(session, branch.id, now=now)
        unredeemed = coordinating.list_unredeemed(session, branch.id, now=now)
        missing = coordinating.list_missing(session, branch.id, now=now)
        return render_template(
            "desks/coordinator.html",
            choice=choice,
            branch=branch,
            waiting=list_queue(session, branch, counts, actor, now),
            unanswered=[_unanswered_line(one, actor) for one in unanswered],
            endings=[_ending_line(one, actor, branch) for one in endings.rows],
            coin_members=endings.coin_members,
            coin_minutes=endings.coin_minutes,
            unredeemed=[_unredeemed_line(one, actor, today) for one in unredeemed.rows],
            unredeemed_total=unredeemed.total,
            least=coordinating.least_to_redeem(session, branch.id, today=today),
            missing=[(one, [(_who(person), _member_url(person, actor)) for person in one.people]) for one in missing],
            activity=ACTIVITY,
            shown=_SHOWN,
        )


@blueprint.get("/branch/coordinator.<kind>")
@guard("coordination.read")
@limiter.limit(DOWNLOAD_LIMIT)
def coordinator_file(kind: str) -> Response:
    """One of its tables as CSV or XLSX: ``part`` is unanswered, endings, unredeemed or missing."""
    part = Query().one_of("part", _TABLES, "unredeemed")
    with snapshot() as session:
        branch, now = choose_branch("coordination.read").branch, clock.now()
        titles, rows = _TABLES[part](session, branch.id, now)
        name = f"{branch.code}-{clock.today(now)}-{_PARTS[part]}"
    return table_file(name, kind, titles, rows)


def _who(member: Member | None) -> str:
    return person_shown(member) if member is not None else "网点"


def _giver(order: Order) -> str:
    return person_shown(order.provider) if order.provider is not None else order.offer.given_by


def _member_url(member: Member | None, actor: Actor) -> str:
    if member is None or not actor.may("member.read", branch_id=member.branch_id):
        return ""
    return url_for("members.member", member_id=member.id)


def _order_url(order_id: int, member: Member | None, actor: Actor, branch_id: int) -> str:
    """The order for whoever may act on it; for others whom to call."""
    if actor.may("order.fulfil", branch_id=branch_id):
        return url_for("exchange.show_order", order_id=order_id)
    return _member_url(member, actor)


def _unanswered_line(one: Unanswered, actor: Actor) -> Line:
    order = one.order
    return Line(
        title=order.offer.title,
        who=f"{_who(order.member)} 请 {_giver(order)}",
        when=f"等了 {one.days} 天" if one.days else "今天刚提出",
        note=f"再过 {_left(one.hours_left)} 就过期，{coins(order.amount_minutes)} 退回",
        url=_order_url(order.id, order.provider, actor, order.branch_id),
        urgent=one.hours_left < 48,
    )


def _left(hours: int) -> str:
    return f"{hours // 24} 天" if hours >= 24 else f"{hours} 小时"


def _ending_line(one: Ending, actor: Actor, branch: Branch) -> Line:
    amount = {ORDER: f"冻结 {coins(one.minutes)}", COINS: f"过期 {coins(one.minutes)}"}.get(one.kind, "")
    return Line(
        title=one.title,
        who=_who(one.member) if one.kind != PROMISE else "",
        when=f"{one.until}" if not one.late else f"{one.until} 已过",
        note=" · ".join(part for part in (one.note, amount) if part),
        url=_ending_url(one, actor, branch.id),
        tag=ENDING_NAMES[one.kind],
        urgent=one.late,
    )


def _ending_url(one: Ending, actor: Actor, branch_id: int) -> str:
    if one.kind == OFFER:
        return url_for("exchange.show_offer", offer_id=one.row_id)
    if one.kind == ORDER:
        return _order_url(one.row_id, one.member, actor, branch_id)
    if one.kind == PROMISE:
        return url_for("agreements.agreement", agreement_id=one.row_id)
    return _member_url(one.member, actor)


def _unredeemed_line(one: Unredeemed, actor: Actor, today: date) -> Line:
    return Line(
        title=_who(one.member),
        who="",
        when=coins(one.available),
        note=coordinating.hint(one, today=today),
        url=_member_url(one.member, actor),
        tag=f"提出过 {one.asked} 次" if one.asked else "没有提出过",
        plain=True,
    )


# --- tables to take away ---------------------------------------------------------------------------------------------


def _unanswered_table(session: Session, branch_id: int, now: datetime) -> Table:
    titles = ("兑换", "谁兑换", "谁提供", "等了（天）", "还剩（小时）", "爱心币（分钟）")
    found = coordinating.list_unanswered(session, branch_id, now=now, most=5_000)
    rows = [
        (
            one.order.offer.title,
            _who(one.order.member),
            _giver(one.order),
            one.days,
            one.hours_left,
            one.order.amount_minutes,
        )
        for one in found
    ]
    return titles, rows


def _ending_table(session: Session, branch_id: int, now: datetime) -> Table:
    titles = ("类别", "内容", "谁", "日期", "说明", "分钟")
    rows = [
        (ENDING_NAMES[one.kind], one.title, _who(one.member), f"{one.until}", one.note, one.minutes)
        for one in coordinating.list_endings(session, branch_id, now=now).rows
    ]
    return titles, rows


def _unredeemed_table(session: Session, branch_id: int, now: datetime) -> Table:
    titles = ("会员", "可用（分钟）", "提出过", "最近没接", "最近过期", "最近取消", "可以怎么帮")
    rows = [
        (
            _who(one.member),
            one.available,
            one.asked,
            one.declined,
            one.expired,
            one.cancelled,
            coordinating.hint(one, today=clock.today(now)),
        )
        for one in coordinating.list_unredeemed(session, branch_id, now=now, most=5_000).rows
    ]
    return titles, rows


def _missing_table(session: Session, branch_id: int, now: datetime) -> Table:
    titles = ("哪里要", "技能", "要的次数或名额", "没成", "现有服务", "兑完的物品", "会的会员", "可以问问")
    return titles, [_missing_row(one) for one in coordinating.list_missing(session, branch_id, now=now)]


def _missing_row(one: MissingSkill) -> tuple[Any, ...]:
    where = "活动" if one.kind == ACTIVITY else "兑换"
    people = "、".join(map(_who, one.people))
    return where, one.name, one.asked, one.failed, one.offers, one.sold_out, one.able, people


_PARTS: Final = {"unanswered": "没人答复", "endings": "快到期", "unredeemed": "没能兑换", "missing": "缺的技能"}
_TABLES: Final[dict[str, Callable[[Session, int, datetime], Table]]] = {
    "unanswered": _unanswered_table,
    "endings": _ending_table,
    "unredeemed": _unredeemed_table,
    "missing": _missing_table,
}
