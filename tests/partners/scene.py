"""A theatre whose tickets members redeem, and its box office."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tests.exchange.scene import Scene, key
from tests.world import KEYS, NOW, actor_of
from timebank.exchange.models import Offer
from timebank.members.models import Organisation
from timebank.members.service import OrganisationDraft, register_organisation
from timebank.partners import service
from timebank.partners.models import PartnerDesk


@dataclass
class Partners:
    """The neighbourhood of 兑换, with a theatre and a dairy that give something."""

    session: Session
    now: datetime = NOW
    town: Scene = field(init=False)
    theatre: Organisation = field(init=False)
    dairy: Organisation = field(init=False)
    play: Offer = field(init=False)
    milk: Offer = field(init=False)

    def __post_init__(self) -> None:
        self.town = Scene(self.session, now=self.now)
        self.theatre, self.dairy = (self.organisation(name) for name in ("北仑大剧院", "光明奶站"))
        self.play = self.town.goods("话剧票", stock=9, organisation_id=self.theatre.id)
        self.milk = self.town.goods("鲜奶", stock=9, organisation_id=self.dairy.id, category="daily")

    def organisation(self, name: str) -> Organisation:
        """An organisation of the branch."""
        draft = OrganisationDraft(name=name, kind="company", branch_id=self.town.branch.id, form_key=key())
        manager = actor_of(self.session, self.town.manager)
        return register_organisation(self.session, draft, actor=manager, keys=KEYS, now=self.now)

    def open(self, organisation: Organisation | None = None, *, claimed: bool = True, **more: Any) -> PartnerDesk:
        """A desk of the theatre, or of another, in use."""
        given = {
            "branch_id": self.town.branch.id,
            "organisation_id": (organisation or self.theatre).id,
            "name": "东门",
            "form_key": key(),
        }
        manager = actor_of(self.session, self.town.manager)
        desk = service.open_desk(self.session, service.DeskDraft(**given | more), actor=manager, now=self.now)
        return service.claim_desk(self.session, desk.id, now=self.now) if claimed else desk
