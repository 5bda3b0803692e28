"""A neighbourhood where something went wrong: a haircut, tickets, two managers and somebody of the barber's family."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, give, key
from tests.world import NOW, actor_of, make_member
from timebank.disputes import service
from timebank.disputes.models import Dispute
from timebank.exchange.models import Order
from timebank.members.models import Member
from timebank.notices.models import Notice

DAY = timedelta(days=1)
LATER = NOW + 2 * DAY  # the time agreed on has passed
HEARD = NOW + 12 * DAY  # so has the other side's time to speak


class Quarrel(Scene):
    """Two managers more, so that somebody without a part is there."""

    def __init__(self, session: Session, now: datetime = NOW) -> None:
        super().__init__(session, now)
        self.judge = make_member(session, self.branch, "沈站长", alias="沈站长", roles=("manager",), now=now)
        self.second = make_member(session, self.branch, "谢站长", alias="谢站长", roles=("manager",), now=now)

    def agreed(self) -> Order:
        """A haircut whose time has come."""
        return self.accept(self.order(self.haircut))

    def done(self) -> Order:
        """A haircut that was paid for."""
        return self.fulfil(self.agreed()).order

    def dispute(self, order: Order, *, by: Member | None = None, now: datetime = LATER, **more: Any) -> Dispute:
        """Li is not content."""
        known = {"order_id": order.id, "wanted": "none", "words": "没有来", "form_key": key()}
        draft = service.DisputeDraft(**known | more)
        return service.open_dispute(self.session, draft, actor=self.actor(by or self.asker), now=now)

    def say(self, dispute: Dispute, words: str = "我去了，没有人在", *, by: Member | None = None, **more: Any) -> Any:
        """The barber answers."""
        known = {"form_key": key(), "now": LATER} | more
        return service.say(self.session, dispute.id, words=words, actor=self.actor(by or self.barber), **known)

    def decide(
        self, dispute: Dispute, outcome: str = "none", *, by: Member | None = None, now: datetime = HEARD, **more: Any
    ) -> Dispute:
        """Somebody without a part decides."""
        known = {"outcome": outcome, "reason": "看了双方的说明", "form_key": key()} | more
        draft = service.RulingDraft(dispute_id=dispute.id, **known)
        return service.decide(self.session, draft, actor=self.actor(by or self.judge), now=now)

    def actor(self, member: Member) -> Any:
        """Who acts."""
        return actor_of(self.session, member)


def told(session: Session, member: Member) -> list[str]:
    """The kinds of notices that somebody got about cases."""
    found = select(Notice.kind).where(Notice.member_id == member.id, Notice.kind.startswith("dispute."))
    return list(session.scalars(found.order_by(Notice.id)))


__all__ = ["DAY", "HEARD", "LATER", "NOW", "Quarrel", "give", "key", "make_member", "told"]
