"""A branch where something was booked wrongly: service for everybody, a haircut, and those who set it right."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, Scene, find_attendance, make_scene
from tests.world import actor_of, make_member
from timebank.attendance.models import PointsCarry
from timebank.attendance.queries import member_totals
from timebank.core.actor import Actor
from timebank.corrections import service
from timebank.corrections.models import WAITING, Correction
from timebank.exchange import service as exchange
from timebank.exchange.models import GOODS, Order
from timebank.ledger import queries as ledger
from timebank.ledger import verification
from timebank.members.models import Member

LATER = AFTER + timedelta(hours=1)
_keys = itertools.count(1)


def key() -> str:
    """A form's key."""
    return f"correction-{next(_keys)}"


@dataclass
class Town:
    """The morning's volunteers with their records approved, the manager and a deputy, and verbs in short."""

    session: Session
    scene: Scene
    deputy: Actor
    inspector: Actor

    @property
    def manager(self) -> Actor:
        """Who asks."""
        return self.scene.manager_actor

    def member(self, number: int) -> Member:
        """A volunteer."""
        return self.session.get_one(Member, self.scene.volunteer_actors[number].member_id)

    def entry(self, number: int) -> int:
        """The entry that stands for a volunteer's record now."""
        found = find_attendance(self.session, self.scene.shift_id, self.member(number).id)
        assert found is not None
        self.session.refresh(found)
        return found.entry_now_id or found.entry_id or 0

    def ask(self, entry_id: int, minutes: int | None, **more: Any) -> Correction:
        """The manager sets an entry right."""
        given = {"reason": "签退忘了", "form_key": key(), "actor": self.manager, "now": LATER} | more
        draft = service.CorrectionDraft(entry_id=entry_id, minutes=minutes, reason=given.pop("reason"))
        return service.ask(self.session, draft, **given)

    def set_right(self, entry_id: int, minutes: int | None) -> Correction:
        """The manager sets an entry right, with the deputy where it takes two."""
        asked = self.ask(entry_id, minutes)
        return self.approve(asked) if asked.status == WAITING else asked

    def approve(self, correction: Correction, **more: Any) -> Correction:
        """The deputy agrees."""
        given = {"note": "", "actor": self.deputy, "now": LATER + timedelta(hours=1)} | more
        return service.approve(self.session, correction.id, **given)

    def spend(self, number: int, minutes: int, *, now: datetime = LATER) -> Order:
        """A volunteer redeems goods of the branch."""
        draft = exchange.OfferDraft(
            kind=GOODS, branch_id=self.scene.branch.id, title="洗衣粉", category="daily", price_minutes=minutes, stock=9
        )
        offer = exchange.post_offer(self.session, draft, form_key=key(), actor=self.manager, now=now)
        wish = exchange.OrderDraft(offer_id=offer.id, form_key=key())
        order = exchange.request_order(self.session, wish, actor=actor_of(self.session, self.member(number)), now=now)
        exchange.fulfil(self.session, order.voucher, actor=self.manager, now=now)
        return order

    def haircut(self, *, asker: int, barber: int, minutes: int = 60) -> Order:
        """One volunteer cuts another's hair."""
        giving, asking = (actor_of(self.session, self.member(who)) for who in (barber, asker))
        draft = exchange.OfferDraft(title="上门理发", category="haircut", price_minutes=minutes)
        offer = exchange.post_offer(self.session, draft, form_key=key(), actor=giving, now=LATER)
        wish = exchange.OrderDraft(offer_id=offer.id, form_key=key())
        order = exchange.request_order(self.session, wish, actor=asking, now=LATER)
        at = LATER + timedelta(minutes=5)
        exchange.accept_order(self.session, order.id, exchange.Meeting(at=at), actor=giving, now=LATER)
        exchange.fulfil(self.session, order.voucher, actor=giving, now=at)
        return order

    def stands(self, number: int) -> tuple[int, int]:
        """Coins and points of a volunteer in the books."""
        member = self.member(number)
        accounts = (member.coin_account_id, member.point_account_id)
        coins, points = (ledger.get_account(self.session, account).balance for account in accounts)
        return coins, points

    def totals(self, number: int) -> tuple[int, int, int]:
        """Minutes, how often, points of a volunteer in the reports."""
        found = member_totals(self.session, self.member(number).id)
        return found.minutes, found.count, found.points

    def carry(self, number: int) -> int:
        """What a volunteer carries on."""
        chosen = select(PointsCarry.carry).where(PointsCarry.member_id == self.member(number).id)
        return self.session.scalar(chosen) or 0

    def findings(self) -> list[str]:
        """What the ledger's own checks find."""
        checks = verification.verify(self.session, self.scene.branch.id)
        return [f"{check.name}: {found.row} {found.text}" for check in checks for found in check.findings]


def make_town(session: Session, people: int = 3, *, leaves: str = "11:00") -> Town:
    """Everybody served from nine until ``leaves``; approved."""
    scene = make_scene(session, people)
    for number in range(people):
        scene.attend(session, number, "09:00", leaves)
    scene.submit(session)
    scene.approve(session)
    return Town(
        session=session,
        scene=scene,
        deputy=actor_of(session, make_member(session, scene.branch, "林副站", roles=("manager",))),
        inspector=actor_of(session, make_member(session, scene.branch, "严监督", roles=("inspector",))),
    )
