"""What a partner, a team and the branch itself give, a room by the hour, and what somebody looks for."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from timebank.core.clock import instant, today
from timebank.demo.calendar import first_day
from timebank.demo.redeeming import FILM, Wish, offer_key, request
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI
from timebank.exchange import queries
from timebank.exchange.models import GOODS, RESOURCE
from timebank.exchange.service import NeedDraft, OfferDraft, OrderDraft, post_need, post_offer, request_order
from timebank.ledger.queries import get_account
from timebank.members.queries import get_team
from timebank.members.service import OrganisationDraft, register_organisation, set_leader
from timebank.partners.service import DeskDraft, claim_desk, open_desk

_ROOM: Final = "邻里中心活动室"
_TEAM_OFFER: Final = "上门量血压、陪聊天"
_FILM_DAYS: Final = (33, 26, 19, 11, 6, 2)  # so many days ago somebody wanted to see a film


def open_partners(story: Story) -> None:
    """Note when the cinema joins and people go, when the room is booked, and who looks for something."""
    opening = instant(first_day(story.now), time(16, 0))
    story.note(opening + timedelta(days=1), _join_cinema)
    story.note(opening + timedelta(days=2), _open_room)
    story.note(opening + timedelta(days=3), _offer_as_team)
    for row, days in enumerate(_FILM_DAYS):
        at = instant(today(story.now) - timedelta(days=days), time(10, 11 * row))
        story.note(at, request, Wish(key=f"film:{row}", end="kept" if days == 2 else "done", branch=DAQI, title=FILM))
    story.note(story.now - timedelta(days=1, hours=2), _book_room)
    story.note(story.now - timedelta(days=2), _look_for_a_teacher)


def _join_cinema(story: Story, at: datetime) -> None:
    manager, branch_id = story.actor(MANAGERS[DAQI]), story.branch_ids[DAQI]
    draft = OrganisationDraft(
        name="大碶影剧院（演示）",
        kind="company",
        contact_name="徐经理",
        address="大碶街道影院路 8 号",
        words="给志愿者留票。",
        branch_id=branch_id,
        form_key="demo:cinema",
    )
    cinema = register_organisation(story.session, draft, actor=manager, keys=story.keys, now=at)
    desk = DeskDraft(branch_id=branch_id, organisation_id=cinema.id, name="售票处", form_key="demo:desk")
    opened = open_desk(story.session, desk, actor=manager, now=at)
    claim_desk(story.session, opened.id, now=at + timedelta(hours=1))
    last = _months_ahead(story.now)
    film = OfferDraft(
        kind=GOODS,
        branch_id=branch_id,
        organisation_id=cinema.id,
        category="ticket",
        title=FILM,
        price_minutes=60,
        stock=60,
        per_member_limit=2,
        place="大碶影剧院售票处",
        description="凭兑换券到售票处换当天任意一场。",
        valid_until=last,
        use_by=last,
    )
    post_offer(story.session, film, form_key=offer_key(FILM), actor=manager, now=at)


def _months_ahead(now: datetime) -> date:
    return today(now) + timedelta(days=75)


def _open_room(story: Story, at: datetime) -> None:
    room = OfferDraft(
        kind=RESOURCE,
        branch_id=story.branch_ids[DAQI],
        category="room",
        title=_ROOM,
        capacity=1,
        price_minutes=30,
        hours="1-5 08:30-11:30;1-5 13:30-17:30;6-7 09:00-12:00",
        description="坐二十人，有投影和热水。用完请把桌椅摆好。",
        place="学苑社区邻里中心二楼",
    )
    post_offer(story.session, room, form_key=offer_key(_ROOM), actor=story.actor(MANAGERS[DAQI]), now=at)


def _offer_as_team(story: Story, at: datetime) -> None:
    """The first team of Daqi gets a leader who can be asked."""
    team_id = next(id_ for (branch, _), id_ in story.team_ids.items() if branch == DAQI)
    members = sorted(get_team(story.session, team_id).members, key=lambda one: one.member_id)
    manager = story.actor(MANAGERS[DAQI])
    if not members:
        return
    set_leader(story.session, team_id, members[0].member_id, actor=manager)
    draft = OfferDraft(
        team_id=team_id,
        category="care",
        title=_TEAM_OFFER,
        price_minutes=60,
        hours="1-5 14:00-16:30",
        description="两个人一起来，先打电话约好。",
        place="上门",
    )
    post_offer(story.session, draft, form_key=offer_key(_TEAM_OFFER), actor=manager, now=at)


def _book_room(story: Story, at: datetime) -> None:
    """Somebody books two hours of tomorrow or the day after, whichever morning the room is open."""
    room = queries.find_offer_by_key(story.session, offer_key(_ROOM))
    day = today(story.now) + timedelta(days=1)
    for resident in story.residents.values():
        can_pay = get_account(story.session, resident.coin_account_id).available >= 60
        if room is not None and resident.branch_id == room.branch_id and can_pay and resident.person.phone:
            draft = OrderDraft(
                offer_id=room.id,
                form_key="demo:room",
                quantity=2,
                wish="越剧小组排练，十来个人。",
                starts_at=instant(day, time(9, 0) if day.isoweekday() > 5 else time(8, 30)),
            )
            request_order(story.session, draft, actor=story.actor(resident.person.name), now=at)
            return


def _look_for_a_teacher(story: Story, at: datetime) -> None:
    draft = NeedDraft(
        category="teaching",
        words="有人教我用手机挂号",
        until=today(story.now) + timedelta(days=28),
        form_key="demo:need",
    )
    post_need(story.session, draft, actor=story.actor("胡菊芬"), now=at)
