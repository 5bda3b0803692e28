"""A neighbourhood that redeems: people with coins, a barber, tickets; and threads that meet on one row."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from tests.databases import make_engine
from tests.memory import remembered
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.core.db import write_session
from timebank.core.errors import Refusal
from timebank.exchange import service
from timebank.exchange.models import GOODS, Offer, Order
from timebank.ledger import queries as books
from timebank.ledger import service as ledger
from timebank.members.models import Member

_keys = itertools.count(1)
SOON = NOW + timedelta(days=1)


def key() -> str:
    """A form's key."""
    return f"form-{next(_keys)}"


def give(session: Session, member: Member, minutes: int, *, now: datetime = NOW) -> None:
    """Let a member have earned something."""
    issuance = books.find_house_account(session, member.branch_id, "issuance")
    assert member.coin_account_id is not None
    ledger.post(
        session,
        ledger.EntryDraft(
            book_id=member.branch_id,
            kind="earn",
            key=key(),
            transfers=(
                ledger.TransferDraft(debit_id=issuance, credit_id=member.coin_account_id, amount=minutes, unit="coin"),
            ),
            source_type="test",
            source_id=None,
            occurred_at=now,
            actor_id=None,
        ),
        now=now,
    )


def coins_of(session: Session, member: Member) -> tuple[int, int]:
    """Balance and what of it is set aside."""
    account = books.get_account(session, member.coin_account_id)
    return account.balance, account.held


@dataclass
class Scene:
    """One branch: Wang cuts hair, Li has three coins, Chen manages, and there are tickets."""

    session: Session
    now: datetime = NOW
    branch: Branch = field(init=False)
    barber: Member = field(init=False)
    asker: Member = field(init=False)
    manager: Member = field(init=False)
    haircut: Offer = field(init=False)
    tickets: Offer = field(init=False)

    def __post_init__(self) -> None:
        ids = remembered(self.session, ("exchange", self.now), self._made)
        self.branch = self.session.get_one(Branch, ids[0])
        self.barber, self.asker, self.manager = (self.session.get_one(Member, id_) for id_ in ids[1:4])
        self.haircut, self.tickets = (self.session.get_one(Offer, id_) for id_ in ids[4:])

    def _made(self) -> tuple[int, ...]:
        session, now = self.session, self.now
        self.branch = make_branch(session, now=now)
        self.barber = make_member(session, self.branch, "王剪刀", alias="王师傅", now=now)
        self.asker = make_member(session, self.branch, "李秀英", alias="李大妈", now=now)
        self.manager = make_member(session, self.branch, "陈站长", roles=("manager",), now=now)
        give(session, self.asker, 180, now=now)
        made = (self.branch, self.barber, self.asker, self.manager)
        return (*(one.id for one in made), self.service("上门理发").id, self.goods("越剧门票", stock=2).id)

    def service(self, title: str, *, by: Member | None = None, **more: Any) -> Offer:
        """A service of the barber or somebody else, one coin each time."""
        draft = service.OfferDraft(**{"title": title, "category": "haircut", "price_minutes": 60} | more)
        actor = actor_of(self.session, by or self.barber)
        return service.post_offer(self.session, draft, form_key=key(), actor=actor, now=self.now)

    def goods(self, title: str, *, stock: int, **more: Any) -> Offer:
        """Goods of the branch, half a coin apiece."""
        given = {"kind": GOODS, "branch_id": self.branch.id, "category": "ticket", "price_minutes": 30}
        draft = service.OfferDraft(**given | {"title": title, "stock": stock} | more)
        actor = actor_of(self.session, self.manager)
        return service.post_offer(self.session, draft, form_key=key(), actor=actor, now=self.now)

    def order(self, offer: Offer, *, by: Member | None = None, now: datetime | None = None, **more: Any) -> Order:
        """Somebody asks for an offer."""
        draft = service.OrderDraft(**{"offer_id": offer.id, "form_key": key()} | more)
        actor = actor_of(self.session, by or self.asker)
        return service.request_order(self.session, draft, actor=actor, now=now or self.now)

    def accept(self, order: Order, *, at: datetime | None = None, now: datetime | None = None, **more: Any) -> Order:
        """The barber proposes tomorrow."""
        now = now or self.now
        meeting = service.Meeting(at=at or now + timedelta(days=1), **more)
        actor = actor_of(self.session, self.barber)
        return service.accept_order(self.session, order.id, meeting, actor=actor, now=now)

    def propose(
        self, order: Order, at: datetime, *, by: Member | None = None, now: datetime | None = None, **more: Any
    ) -> Order:
        """Li would like another time."""
        meeting = service.Meeting(at=at, **more)
        actor = actor_of(self.session, by or self.asker)
        return service.propose_time(self.session, order.id, meeting, actor=actor, now=now or self.now)

    def fulfil(
        self, order: Order, *, part: service.Part | None = None, by: Member | None = None, now: datetime | None = None
    ) -> service.Fulfilment:
        """The provider (the manager, for goods) takes the voucher."""
        who = by or (self.barber if order.provider_id is not None else self.manager)
        actor = actor_of(self.session, who)
        return service.fulfil(self.session, order.voucher, part=part, actor=actor, now=now or self.now)

    def cancel(self, order: Order, *, by: Member | None = None, reason: str = "临时有事") -> Order:
        """The one who asked takes it back."""
        actor = actor_of(self.session, by or self.asker)
        return service.cancel_order(self.session, order.id, reason=reason, actor=actor, now=self.now)

    def decline(self, order: Order, *, by: Member | None = None, reason: str = "那天不在家") -> Order:
        """The barber says no."""
        actor = actor_of(self.session, by or self.barber)
        return service.decline_order(self.session, order.id, reason=reason, actor=actor, now=self.now)


@contextmanager
def committed(url: str) -> Iterator[Callable[[], Any]]:
    """A committing unit of work on a private database, as often as wanted."""
    engine = make_engine(url)

    @contextmanager
    def work() -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session, write_session(session):
            yield session

    yield work
    engine.dispose()


def at_once(url: str, verbs: Sequence[Callable[[Session], Any]]) -> list[Any]:
    """Run each verb in a thread and a unit of work of its own, all let go together; refusals are answers, too."""
    engine = make_engine(url)
    gate = threading.Barrier(len(verbs))
    answers: list[Any] = [None] * len(verbs)

    def run(at: int) -> None:
        with Session(engine) as session:
            gate.wait()
            try:
                with write_session(session):
                    answers[at] = verbs[at](session)
            except Refusal as refusal:
                answers[at] = refusal
            except Exception as bug:
                answers[at] = bug

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(verbs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    return answers
