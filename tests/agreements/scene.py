"""A branch with two managers, and a bank around the corner: built by the services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.memory import remembered
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.agreements import service
from timebank.agreements.models import Agreement, Promise
from timebank.agreements.queries import Article, articles_of, get_agreement
from timebank.core.actor import Actor
from timebank.members.models import CONTACT, Member
from timebank.members.service import OrganisationDraft, join_organisation, register_organisation

DAY = timedelta(days=1)
TODAY = date(2026, 11, 21)
SIGNED_ON = date(2026, 3, 1)
JANUARY = datetime.fromisoformat("2026-01-05T01:00:00+00:00")


@dataclass(frozen=True)
class Scene:
    """The ids of the scene; people are asked for by their name."""

    branch_id: int
    organisation_id: int
    first_id: int
    second_id: int
    contact_id: int
    session: Session

    def actor(self, member_id: int) -> Actor:
        """Who a member is now."""
        return actor_of(self.session, self.session.get_one(Member, member_id))

    @property
    def first(self) -> Actor:
        """The manager who writes."""
        return self.actor(self.first_id)

    @property
    def second(self) -> Actor:
        """The manager who says yes."""
        return self.actor(self.second_id)

    def draft(self, *, year: int = 2026, key: str = "agreement") -> Agreement:
        """A draft."""
        draft = service.AgreementDraft(
            organisation_id=self.organisation_id, year=year, words="资源共享，服务居民。", form_key=key
        )
        return service.draft_agreement(self.session, draft, actor=self.first, now=NOW)

    def promise(self, agreement: Agreement, **more: Any) -> Promise:
        """One promise more in a draft."""
        return service.add_promise(self.session, agreement.id, terms(**more), actor=self.first, now=NOW)

    def signed(self) -> tuple[Agreement, Promise, Promise]:
        """A signed agreement, with what the bank promised and what the branch did."""
        agreement = self.draft()
        theirs = self.promise(agreement, key="theirs")
        ours = self.promise(agreement, key="ours", side="branch", words="提供活动场地", unit="场次", category="place")
        self.propose(agreement)
        service.confirm_agreement(self.session, agreement.id, actor=self.second, now=NOW)
        return agreement, theirs, ours

    def propose(self, agreement: Agreement, *, actor: Actor | None = None, **more: Any) -> Agreement:
        """Say that both sides signed."""
        signing = {"signed_on": SIGNED_ON, "branch_signer": "贺雅芬", "organisation_signer": "郑建军"} | more
        return service.propose_agreement(
            self.session, agreement.id, service.Signing(**signing), actor=actor or self.first, now=NOW
        )

    def deed(self, promise: Promise, quantity: int = 1, *, key: str, on: date = TODAY, **more: Any) -> Any:
        """Something done."""
        draft = service.DeedDraft(done_on=on, quantity=quantity, words="签到表为凭", form_key=key, **more)
        return service.record_deed(self.session, promise.id, draft, actor=self.first, now=NOW)

    def articles(self, agreement: Agreement, *, today: date = TODAY) -> list[Article]:
        """How the promises stand."""
        self.session.expire_all()
        found = get_agreement(self.session, agreement.id)
        return articles_of(self.session, [found], today=today)[found.id]


def terms(*, key: str = "promise", **more: Any) -> service.PromiseTerms:
    """Ten people for the elderly until the end of November."""
    known = {
        "side": "organisation",
        "category": "people",
        "words": "派员工参加助老服务",
        "quantity": 10,
        "unit": "人次",
        "due_on": date(2026, 11, 30),
    }
    return service.PromiseTerms(**(known | more), form_key=key)


def make_scene(session: Session) -> Scene:
    """The scene, made once in a run."""
    ids = remembered(session, "agreements", lambda: _make(session))
    return Scene(*ids, session=session)


def _make(session: Session) -> tuple[int, int, int, int, int]:
    branch = make_branch(session)
    first = make_member(session, branch, "贺雅芬", roles=("manager",))
    second = make_member(session, branch, "钱站长", roles=("manager",))
    contact = make_member(session, branch, "郑建军", sex="m")
    draft = OrganisationDraft(
        name="北仑农商银行新碶支行", kind="company", contact_name="郑建军", branch_id=branch.id, form_key="bank"
    )
    actor = actor_of(session, first)
    bank = register_organisation(session, draft, actor=actor, keys=KEYS, now=JANUARY)
    join_organisation(session, bank.id, contact.number, CONTACT, actor=actor, now=JANUARY)
    return branch.id, bank.id, first.id, second.id, contact.id
