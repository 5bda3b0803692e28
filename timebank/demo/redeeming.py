"""Fourth chapter: what members offer and branches keep, who redeems it, and what they say of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from timebank.core.actor import SYSTEM, Actor
from timebank.core.clock import instant, today
from timebank.demo.calendar import first_day, waking
from timebank.demo.settling import MANAGERS
from timebank.demo.story import ADULT, Resident, Story
from timebank.demo.town import offers
from timebank.demo.town.offers import GOODS, SERVICES, Goods, Service
from timebank.demo.town.sign_ins import SIGN_INS
from timebank.exchange import queries
from timebank.exchange.models import GOODS as GOODS_KIND
from timebank.exchange.models import Offer, Order
from timebank.exchange.service import (
    Meeting,
    OfferDraft,
    OrderDraft,
    accept_order,
    cancel_order,
    decline_order,
    expire_orders,
    fulfil,
    pause_offer,
    post_offer,
    rate,
    request_order,
)
from timebank.ledger.queries import get_account
from timebank.members.rules.papers import RESERVED
from timebank.members.service import PaperDraft, record_paper
from timebank.partners.queries import list_desks
from timebank.partners.service import redeem

_ORDERS_BEGIN: Final = timedelta(days=16)  # first there have to be hours to redeem
_HOURS_BETWEEN: Final = 21
FILM: Final = "电影票（任选一场）"  # of the cinema, taken at its own desk
_UNSEEN: Final = "张旭斌"  # whose licence waits to be looked at
# How orders end, over and over in this order.
_ENDS: Final = ("done", "done", "done", "declined", "done", "done", "cancelled", "done", "done", "ignored", "done")
# Whom visitors sign in as: their orders are told one by one.
_SHOWN: Final = frozenset(known.name for known in SIGN_INS)


# After these something was not right; nobody praised them.
QUARRELS: Final = ("demo:order:told:2", "demo:order:told:4")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An order about to be made. ``member`` and ``title`` are left to luck when empty."""

    key: str
    end: str
    branch: str = ""
    member: str = ""
    title: str = ""


def open_exchange(story: Story) -> None:
    """Note when offers appear, and when somebody would like something."""
    opening = instant(first_day(story.now), time(15, 0))
    for row, service in enumerate(SERVICES):
        story.note(opening + timedelta(days=3 + row % 9, minutes=17 * row), _offer_service, service)
    for row, goods in enumerate(GOODS):
        story.note(opening + timedelta(hours=1, minutes=6 * row), _offer_goods, goods)
    for at, wish in [*_by_luck(story), *_by_name(story)]:
        story.note(at, request, wish)
    story.note(story.now - timedelta(days=9), _pause)


def _by_luck(story: Story) -> Iterator[tuple[datetime, Wish]]:
    numbers = itertools.count()
    for branch in MANAGERS:
        at = instant(first_day(story.now), time(9, 30)) + _ORDERS_BEGIN
        while at < story.now:
            number = next(numbers)
            yield at, Wish(key=f"luck:{number}", end=_ENDS[number % len(_ENDS)], branch=branch)
            at = waking(at + timedelta(hours=_HOURS_BETWEEN) + story.minutes(0, 480))


def _by_name(story: Story) -> Iterator[tuple[datetime, Wish]]:
    """What visitors find: done, waiting for an answer, agreed on, ready to be fetched."""
    told = (
        (31, "胡菊芬", "家电维修", "done"),
        (20, "胡菊芬", "洗衣粉 1.5 千克", "done"),
        (12, "周阿明", "管道疏通", "done"),
        (8, "柯杏娟", "理发（男女老少）", "done"),
        (5, "林国平", "理发（男女老少）", "done"),
        (2, "洪伟民", "理发（男女老少）", "agreed"),
        (1, "胡菊芬", "越剧演出门票（本月末场）", "kept"),
        (1, "胡菊芬", "理发（男女老少）", "asked"),
    )
    for row, (days, member, title, end) in enumerate(told):
        at = instant(today(story.now) - timedelta(days=days), time(9 + row, 7 * row))
        yield at, Wish(key=f"told:{row}", end=end, member=member, title=title)


# --- offers --------------------------------------------------------------------------------------------------------


def _offer_service(story: Story, service: Service, at: datetime) -> None:
    if service.provider not in story.residents:
        story.note(at + timedelta(days=3), _offer_service, service)  # not a member yet
        return
    if service.category in RESERVED and service.provider != _UNSEEN:
        _see_licence(story, service, at)
    draft = OfferDraft(
        category=service.category,
        title=service.title,
        price_minutes=service.price_minutes,
        description=service.description,
        place=service.place,
        licence=service.licence,
        shared_with=service.shared_with,
    )
    actor = story.actor(service.provider)
    post_offer(story.session, draft, form_key=offer_key(service.title), actor=actor, now=at)


def _see_licence(story: Story, service: Service, at: datetime) -> None:
    """The branch's manager holds the paper in their hands."""
    kind = "nurse" if "护士" in service.licence else RESERVED[service.category][0]
    draft = PaperDraft(
        kind=kind, valid_until=None, note=service.licence, seen=True, form_key=f"demo:paper:{service.title}"
    )
    resident = story.residents[service.provider]
    manager = story.actor(MANAGERS[resident.person.branch])
    record_paper(story.session, resident.member_id, draft, actor=manager, now=at)


def _offer_goods(story: Story, goods: Goods, at: datetime) -> None:
    draft = OfferDraft(
        kind=GOODS_KIND,
        branch_id=story.branch_ids[goods.branch],
        stock=goods.stock,
        category=goods.category,
        title=goods.title,
        price_minutes=goods.price_minutes,
        description=goods.description,
        per_member_limit=goods.per_member_limit,
    )
    actor = story.actor(MANAGERS[goods.branch])
    post_offer(story.session, draft, form_key=offer_key(goods.title), actor=actor, now=at)


def _pause(story: Story, _at: datetime) -> None:
    [service] = [service for service in SERVICES if service.title == offers.PAUSED]
    offer = find_offer(story, service.title)
    if offer is not None:
        pause_offer(story.session, offer.id, actor=story.actor(service.provider))


def offer_key(title: str) -> str:
    """The form key of what is offered under a title."""
    return f"demo:offer:{title}"


def find_offer(story: Story, title: str) -> Offer | None:
    """What is offered under a title, once it has been posted."""
    return queries.find_offer_by_key(story.session, offer_key(title))


# --- orders --------------------------------------------------------------------------------------------------------


def request(story: Story, wish: Wish, at: datetime) -> None:
    """Order, if there is something to be had by somebody who can afford it."""
    offer = find_offer(story, wish.title) if wish.title else _some_offer(story, wish.branch)
    member = _who_asks(story, wish, offer) if offer is not None else None
    if offer is None or member is None:
        return
    draft = OrderDraft(
        offer_id=offer.id,
        form_key=f"demo:order:{wish.key}",
        wish=story.one_of(offers.WISHES[offer.category]) if offer.provider_id else "",
    )
    order = request_order(story.session, draft, actor=story.actor(member.person.name), now=at)
    if offer.kind == GOODS_KIND:
        _go_on_with_goods(story, wish, order, at)
    else:
        _go_on_with_service(story, wish, order, at)


def _some_offer(story: Story, branch: str) -> Offer | None:
    services = [(one.title, 3) for one in SERVICES if _lives_in(story, one.provider, branch)]
    goods = [(one.title, 4) for one in GOODS if one.branch == branch]
    [title] = story.draw([*services, *goods], 1)
    offer = find_offer(story, title)
    if offer is None or offer.status != "listed" or not queries.has_licence(story.session, offer, today(story.now)):
        return None
    return offer if offer.stock is None or offer.stock > 1 else None


def _lives_in(story: Story, name: str, branch: str) -> bool:
    return name in story.residents and story.residents[name].person.branch == branch


def _who_asks(story: Story, wish: Wish, offer: Offer) -> Resident | None:
    asking = [
        (resident, 1)
        for resident in story.residents.values()
        if (resident.person.name == wish.member if wish.member else _might_ask(story, resident))
        if resident.branch_id == offer.branch_id and resident.member_id != offer.provider_id
    ]
    in_turn = story.draw(asking, len(asking))
    return next((resident for resident in in_turn if _can_afford(story, resident, offer)), None)


def _might_ask(story: Story, resident: Resident) -> bool:
    person = resident.person
    grown_up = person.age >= ADULT
    return person.phone and grown_up and not person.state and person.name not in story.staff | _SHOWN


def _can_afford(story: Story, resident: Resident, offer: Offer) -> bool:
    if offer.per_member_limit is not None:
        taken = queries.count_taken(story.session, offer.id, resident.member_id)
        if taken >= offer.per_member_limit:
            return False
    return get_account(story.session, resident.coin_account_id).available >= offer.price_minutes


def _go_on_with_goods(story: Story, wish: Wish, order: Order, at: datetime) -> None:
    if wish.end == "kept":
        return
    if wish.end == "cancelled":
        story.note(waking(at + story.minutes(60, 900)), _cancel, order.id)
        return
    story.note(waking(at + story.minutes(200, 4300)), _hand_over, order.id)


def _go_on_with_service(story: Story, wish: Wish, order: Order, at: datetime) -> None:
    """The provider answers within a day; who never does lets the order run out."""
    if wish.end == "ignored":
        story.note(order.expires_at + timedelta(minutes=30), _sweep)
    elif wish.end == "declined":
        story.note(waking(at + story.minutes(40, 700)), _decline, order.id)
    elif wish.end != "asked":
        story.note(waking(at + story.minutes(30, 900)), _accept, wish, order.id)


def _accept(story: Story, wish: Wish, order_id: int, at: datetime) -> None:
    order = queries.get_order(story.session, order_id, SYSTEM)
    ahead = story.luck.randint(1, 4)
    day = today(story.now if wish.end == "agreed" else at) + timedelta(days=1 if wish.member else ahead)
    agreed_at = instant(day, time(story.luck.randint(8, 16), story.one_of((0, 30))))
    reply = story.one_of(offers.REPLIES)
    meeting = Meeting(at=agreed_at, words=reply)
    accept_order(story.session, order_id, meeting, actor=_provider(story, order), now=at)
    if wish.end == "cancelled":
        story.note(waking(at + story.minutes(60, 300)), _cancel, order_id)
    elif wish.end != "agreed":
        story.note(waking(agreed_at + story.minutes(35, 130)), _hand_over, order_id)


def _decline(story: Story, order_id: int, at: datetime) -> None:
    order = queries.get_order(story.session, order_id, SYSTEM)
    reason = story.one_of(offers.DECLINED_BECAUSE)
    decline_order(story.session, order_id, reason=reason, actor=_provider(story, order), now=at)


def _cancel(story: Story, order_id: int, at: datetime) -> None:
    order = queries.get_order(story.session, order_id, SYSTEM)
    reason = story.one_of(offers.CANCELLED_BECAUSE)
    cancel_order(story.session, order_id, reason=reason, actor=_member(story, order), now=at)


def _hand_over(story: Story, order_id: int, at: datetime) -> None:
    """The voucher is read by who gives: the coins move. Then most people say a word."""
    order = queries.get_order(story.session, order_id, SYSTEM)
    if order.offer.organisation_id is not None:
        [desk] = [row.desk for row in list_desks(story.session, order.branch_id)]
        redeem(story.session, desk.id, order.voucher, now=at)
    else:
        fulfil(story.session, order.voucher, actor=_provider(story, order), now=at)
    service = order.provider_id is not None
    if story.happens(85 if service else 50):
        story.note(waking(at + story.minutes(20, 2000)), _praise, order_id)
    if service and story.happens(40):
        story.note(waking(at + story.minutes(20, 2000)), _thank, order_id)


def _praise(story: Story, order_id: int, at: datetime) -> None:
    order = queries.get_order(story.session, order_id, SYSTEM)
    if order.form_key in QUARRELS:
        return
    if order.provider_id is not None and story.happens(12):
        score, words = story.one_of((3, 4)), story.one_of(offers.LUKEWARM)
    else:
        said = offers.PRAISE[order.offer.category] if order.provider_id is not None else offers.GOODS_PRAISE
        score, words = story.one_of((4, 5, 5, 5)), story.one_of((*said, ""))
    rate(story.session, order_id, score=score, words=words, actor=_member(story, order), now=at)


def _thank(story: Story, order_id: int, at: datetime) -> None:
    order = queries.get_order(story.session, order_id, SYSTEM)
    if order.form_key in QUARRELS:
        return
    words = story.one_of(offers.THANKS)
    rate(story.session, order_id, score=5, words=words, actor=_provider(story, order), now=at)


def _sweep(story: Story, at: datetime) -> None:
    expire_orders(story.session, now=at)


def _provider(story: Story, order: Order) -> Actor:
    """Who gives: the member, or for goods the branch's manager."""
    if order.provider_id is None:
        [branch] = [code for code, branch_id in story.branch_ids.items() if branch_id == order.branch_id]
        return story.actor(MANAGERS[branch])
    return story.actor(_name(story, order.provider_id))


def _member(story: Story, order: Order) -> Actor:
    return story.actor(_name(story, order.member_id))


def _name(story: Story, member_id: int) -> str:
    return next(name for name, resident in story.residents.items() if resident.member_id == member_id)
