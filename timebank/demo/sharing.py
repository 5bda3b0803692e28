"""Sixth chapter: coins that people give to the fund and to each other, and what the fund gives on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from timebank.demo.agreeing import SECOND
from timebank.demo.calendar import waking
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Resident, Story
from timebank.demo.town.places import DAQI, XINQI
from timebank.demo.town.sign_ins import SIGN_INS
from timebank.giving import service
from timebank.giving.models import COIN
from timebank.giving.queries import find_grant_by_key, fund_account
from timebank.ledger.queries import get_account
from timebank.members.queries import get_member

_SHOWN: Final = frozenset(known.name for known in SIGN_INS)
_DONATIONS: Final = (
    (40, DAQI, 120, "给行动不便的老邻居"),
    (27, XINQI, 90, ""),
    (18, DAQI, 90, "秋天里的一点心意"),
    (6, DAQI, 60, ""),
)
_GIFTS: Final = ((13, "胡菊芬", 60, "谢谢你陪我去复查"), (4, "王彩娣", 30, "端午的粽子，冬至还你"))


@dataclass(frozen=True, kw_only=True)
class Need:
    """A grant asked for and decided so many days ago; without ``decided`` it waits."""

    name: str
    minutes: int
    reason: str
    asked: int
    decided: int | None = None
    agreed: bool = False

    @property
    def key(self) -> str:
        """What its form is known by."""
        return f"demo:grant:{self.name}"


_NEEDS: Final = (
    Need(name="郑雪娥", minutes=60, reason="独居，想请人陪着买菜", asked=14, decided=13, agreed=True),
    Need(name="陈善根", minutes=60, reason="工具旧了，想换一套", asked=10, decided=9),
    Need(name="谢桂英", minutes=45, reason="在家休养，暂时不能参加活动", asked=2),
)


def share_coins(story: Story) -> None:
    """Note who gives when; whoever has most gives, so that it never takes the last coin of somebody."""
    for days, branch, minutes, words in _DONATIONS:
        story.note(_ago(story, days), _donate, branch, minutes, words, f"demo:fund:{days}")
    for days, name, minutes, words in _GIFTS:
        story.note(_ago(story, days), _give, name, minutes, words, f"demo:gift:{days}")
    for need in _NEEDS:
        story.note(_ago(story, need.asked), _ask, need)
        if need.decided is not None:
            story.note(_ago(story, need.decided), _decide, need)


def _ago(story: Story, days: int) -> datetime:
    return waking(story.now - timedelta(days=days))


def _richest(story: Story, branch: str, *, but: str = "") -> Resident:
    """Who has most to give at a branch, visitors' sign-ins and staff left out."""
    theirs = [one for name, one in story.residents.items() if name not in _SHOWN | story.staff | {but}]
    return max(
        (one for one in theirs if one.branch_id == story.branch_ids[branch]),
        key=lambda one: get_account(story.session, one.coin_account_id).available,
    )


def _donate(story: Story, branch: str, minutes: int, words: str, key: str, at: datetime) -> None:
    giver = _richest(story, branch)
    if get_account(story.session, giver.coin_account_id).available < minutes:
        return
    donation = service.Donation(purse=COIN, minutes=minutes, words=words, form_key=key)
    service.donate(story.session, donation, actor=story.actor(giver.person.name), now=at)


def _give(story: Story, name: str, minutes: int, words: str, key: str, at: datetime) -> None:
    giver, receiver = _richest(story, DAQI, but=name), story.residents.get(name)
    if receiver is None or get_account(story.session, giver.coin_account_id).available < minutes:
        return
    number = get_member(story.session, receiver.member_id).number
    draft = service.GiftDraft(purse=COIN, minutes=minutes, words=words, number=number, name=name, form_key=key)
    service.give(story.session, draft, actor=story.actor(giver.person.name), now=at)


def _ask(story: Story, need: Need, at: datetime) -> None:
    branch_id, needy = story.branch_ids[DAQI], story.residents.get(need.name)
    available = get_account(story.session, fund_account(story.session, branch_id)).available
    if needy is None or available < need.minutes:
        return
    draft = service.GrantDraft(
        branch_id=branch_id,
        number=get_member(story.session, needy.member_id).number,
        minutes=need.minutes,
        reason=need.reason,
        form_key=need.key,
    )
    service.ask_grant(story.session, draft, actor=story.actor(MANAGERS[DAQI]), now=at)


def _decide(story: Story, need: Need, at: datetime) -> None:
    grant = find_grant_by_key(story.session, need.key)
    if grant is not None:
        note = "" if need.agreed else "工具可以到维修队借，先不动基金"
        service.decide_grant(story.session, grant.id, agreed=need.agreed, note=note, actor=story.actor(SECOND), now=at)
