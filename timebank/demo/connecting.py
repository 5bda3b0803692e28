"""Chapter between the branches: they connect, their people redeem at each other, both sides seal the months.

One wants to convert and is told no; once a gift finds nobody who could take it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from timebank.clearing import queries, service
from timebank.core.actor import SYSTEM
from timebank.core.clock import instant, month_range, today
from timebank.demo.calendar import closed_months, first_day
from timebank.demo.redeeming import find_offer
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI, XINQI
from timebank.exchange.queries import get_order
from timebank.exchange.service import Meeting, OrderDraft, accept_order, fulfil, request_order
from timebank.giving.models import COIN
from timebank.giving.service import Donation, GiftDraft, donate, give
from timebank.ledger.queries import get_account
from timebank.ledger.service import close_account
from timebank.members.queries import get_member

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_CONNECTED: Final = 18  # days after the first: by then there are hours to redeem
_SEALED: Final = timedelta(minutes=40)  # after midnight of the first, when both have closed their months
_CEILING: Final = 20 * 60
_LINES: Final = {DAQI: 10 * 60, XINQI: 6 * 60}  # what each lets the other owe


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Somebody redeems at the other branch; what is not done stands agreed on."""

    member: str
    provider: str
    title: str
    done: bool = True


def connect_branches(story: Story) -> None:
    """Note when the managers agree, who goes where, and when the months between the two are sealed."""
    opening = instant(first_day(story.now), time(10, 20))
    story.note(opening + _CONNECTED * _DAY, _ask)
    story.note(opening + (_CONNECTED + 1) * _DAY, _agree)
    visits = (
        (opening + 24 * _DAY, Visit(member="胡菊芬", provider="徐亚萍", title="上门理发（老人、病人）")),
        (opening + 38 * _DAY, Visit(member="毛惠芳", provider="励国良", title="家电维修")),
        (opening + 43 * _DAY, Visit(member="林国平", provider="陈海英", title="陪诊一次")),
        (instant(today(story.now) - 6 * _DAY, time(9, 10)), _LATEST),
        (instant(today(story.now) - _DAY, time(9, 40)), _COMING),
    )
    for row, (at, visit) in enumerate(visits):
        story.note(at, _visit, row, visit)
    story.note(opening + 30 * _DAY, _convert, XINQI, "够不着，先按一样的算")
    story.note(story.now - 26 * _HOUR, _convert, XINQI, "")
    story.note(story.now - 2 * _HOUR, _strand)
    for month in closed_months(story.now):
        story.note(min(month_range(month)[1] + _SEALED, story.now), _seal, month)


_LATEST: Final = Visit(member="洪伟民", provider="徐亚萍", title="上门理发（老人、病人）")
_COMING: Final = Visit(member="周阿明", provider="徐亚萍", title="上门理发（老人、病人）", done=False)


def _ask(story: Story, at: datetime) -> None:
    word = _word(story, DAQI, "两个街道挨着，会员常来常往")
    actor = story.actor(MANAGERS[DAQI])
    service.ask_pair(story.session, story.branch_ids[XINQI], word, actor=actor, now=at)


def _agree(story: Story, at: datetime) -> None:
    pair = queries.find_pair(story.session, *story.branch_ids.values())
    if pair is not None:
        word = _word(story, XINQI, "先试两个月，额度小一点")
        service.agree_pair(story.session, pair.id, word, actor=story.actor(MANAGERS[XINQI]), now=at)
    ceiling = service.Ceiling(
        branch_id=story.branch_ids[DAQI], peer_id=None, minutes=_CEILING, form_key="demo:clearing:ceiling"
    )
    service.set_ceiling(story.session, ceiling, actor=story.actor(MANAGERS[DAQI]), now=at)


def _word(story: Story, code: str, words: str) -> service.Deciding:
    return service.Deciding(
        branch_id=story.branch_ids[code], form_key=f"demo:clearing:{code}", minutes=_LINES[code], words=words
    )


def _visit(story: Story, row: int, visit: Visit, at: datetime) -> None:
    """Ask for it, if it is there and can be afforded; the other side agrees within hours."""
    offer, resident = find_offer(story, visit.title), story.residents[visit.member]
    available = get_account(story.session, resident.coin_account_id).available
    if offer is None or available < offer.price_minutes:
        return
    draft = OrderDraft(offer_id=offer.id, form_key=f"demo:visit:{row}")
    order = request_order(story.session, draft, actor=story.actor(visit.member), now=at)
    story.note(at + timedelta(hours=3), _accept, visit, order.id)


def _accept(story: Story, visit: Visit, order_id: int, at: datetime) -> None:
    days = 1 if visit.done else 3
    meeting = Meeting(at=instant(today(at + days * _DAY), time(14, 0)), words="好的，到时候门口见。")
    accept_order(story.session, order_id, meeting, actor=story.actor(visit.provider), now=at)
    if visit.done:
        story.note(meeting.at + timedelta(hours=1), _done, visit, order_id)


def _done(story: Story, visit: Visit, order_id: int, at: datetime) -> None:
    order = get_order(story.session, order_id, SYSTEM)
    fulfil(story.session, order.voucher, actor=story.actor(visit.provider), now=at)


def _convert(story: Story, code: str, no: str, at: datetime) -> None:
    """One branch wants an hour of the other to be worth a little less; the other says no, or has not answered yet."""
    pair = queries.find_pair(story.session, *story.branch_ids.values())
    if pair is None:
        return
    draft = service.RateDraft(
        branch_id=story.branch_ids[code],
        minutes=50,
        valid_from=today(at + 8 * _DAY),
        form_key=f"demo:rate:{at:%Y%m%d}",
        words="我们这边的路远，上门一次要多花时间",
    )
    rate = service.ask_rate(story.session, pair.id, draft, actor=story.actor(MANAGERS[code]), now=at)
    if no:
        other = DAQI if code == XINQI else XINQI
        boss, branch_id = story.actor(MANAGERS[other]), story.branch_ids[other]
        service.decline_rate(story.session, rate.id, branch_id=branch_id, words=no, actor=boss, now=at + _DAY)


def _strand(story: Story, at: datetime) -> None:
    """Somebody moves away, leaves their last coins to the fund and closes the account; then a gift comes for them."""
    accounts = {name: get_account(story.session, one.coin_account_id) for name, one in story.residents.items()}
    here = [
        name
        for name, account in accounts.items()
        if account.book_id == story.branch_ids[DAQI] and not account.held and name not in story.staff
    ]
    there = [name for name, account in accounts.items() if account.book_id == story.branch_ids[XINQI]]
    if not here or not there:
        return
    giver = max(there, key=lambda name: (accounts[name].available, name))
    leaving = min(here, key=lambda name: (accounts[name].balance, name))
    taker = get_member(story.session, story.residents[leaving].member_id)
    draft = GiftDraft(
        purse=COIN, minutes=30, words="谢谢您上回帮忙", number=taker.number, name=taker.name, form_key="demo:stranded"
    )
    if accounts[giver].available < draft.minutes:
        return
    if accounts[leaving].balance:
        rest = Donation(purse=COIN, minutes=accounts[leaving].balance, words="要搬走了", form_key="demo:leaving")
        donate(story.session, rest, actor=story.actor(leaving), now=at)
    close_account(story.session, taker.coin_account_id or 0)
    give(story.session, draft, actor=story.actor(giver), now=at)


def _seal(story: Story, month: str, at: datetime) -> None:
    for branch_id in story.branch_ids.values():
        service.seal_statements(story.session, branch_id, month, now=at)
