"""A neighbourhood that asks: an old lady without a phone, a grid worker, volunteers, those who dispatch and approve."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.exchange.scene import coins_of, give
from tests.memory import remembered
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.attendance.models import STAFF, Attendance
from timebank.attendance.service import ScanDraft, approve_shift, record_scan, submit_shift, void
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.giving import service as giving
from timebank.giving.queries import fund_account
from timebank.ledger import queries as ledger
from timebank.members.models import Member
from timebank.notices.models import Notice
from timebank.requests import service
from timebank.requests.models import NONE, OWN, REQUEST, HelpRequest, HelpStep
from timebank.requests.rules import RequestDraft

__all__ = ["NOW", "Scene", "coins_of", "key", "steps_of", "told"]

_keys = itertools.count(1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 11, 21)
START = NOW + DAY  # when the volunteer comes
AFTER = START + 4 * HOUR
PLACE = "向阳路 12 弄 3 幢 402，门铃坏了"
NAMES = ("陈秀兰", "孙网格", "周组织", "钱站长", "贺站长", "王剪刀", "周阿明")
PEOPLE = ("lady", "grid", "organiser", "manager", "second", "wang", "zhou")


def key() -> str:
    """A form's key."""
    return f"request-{next(_keys)}"


@dataclass
class Scene:
    """Chen Xiulan, 82, has two coins; Sun walks the grid; Qian and He manage; Wang and Zhou volunteer."""

    session: Session
    branch: Branch = field(init=False)
    lady: Member = field(init=False)
    grid: Member = field(init=False)
    organiser: Member = field(init=False)
    manager: Member = field(init=False)
    second: Member = field(init=False)
    wang: Member = field(init=False)
    zhou: Member = field(init=False)

    def __post_init__(self) -> None:
        ids = remembered(self.session, "requests", self._made)
        self.branch = self.session.get_one(Branch, ids[0])
        for name, id_ in zip(PEOPLE, ids[1:], strict=True):
            setattr(self, name, self.session.get_one(Member, id_))

    @classmethod
    def found(cls, session: Session) -> Scene:
        """The people as they are there already."""
        scene = cls.__new__(cls)
        scene.session = session
        for name, called in zip(PEOPLE, NAMES, strict=True):
            setattr(scene, name, session.scalars(sa.select(Member).where(Member.name == called)).one())
        scene.branch = scene.lady.branch
        return scene

    def _made(self) -> tuple[int, ...]:
        session = self.session
        branch = make_branch(session)
        lady = make_member(session, branch, "陈秀兰", alias="陈奶奶", born_on=date(1944, 3, 2), phone="13805740082")
        people = (
            lady,
            make_member(session, branch, "孙网格", alias="孙网格员", roles=("grid_worker",)),
            make_member(session, branch, "周组织", alias="周组织", roles=("organiser",)),
            make_member(session, branch, "钱站长", alias="钱站长", roles=("manager",)),
            make_member(session, branch, "贺站长", alias="贺站长", roles=("manager",)),
            make_member(session, branch, "王剪刀", alias="王师傅", skills="理发、陪护", area_id=branch.area_id),
            make_member(session, branch, "周阿明", alias="小周"),
        )
        give(session, lady, 120)
        giver = people[-1]
        give(session, giver, 300)
        donation = giving.Donation(purse="coin", minutes=300, words="", form_key="fund")
        giving.donate(session, donation, actor=actor_of(session, giver), now=NOW)
        return (branch.id, *(one.id for one in people))

    def actor(self, member: Member) -> Actor:
        """Somebody as they are now."""
        return actor_of(self.session, member)

    def draft(self, **more: Any) -> RequestDraft:
        """The lady needs somebody to go to hospital with, an hour and a half at most, for her own coins."""
        known = {
            "number": self.lady.number,
            "name": self.lady.name,
            "kind": REQUEST,
            "category": "accompany",
            "title": "陪老人去医院复查",
            "words": "上午挂好号了，要有人扶着走",
            "place": PLACE,
            "first_day": TODAY,
            "last_day": TODAY + timedelta(days=7),
            "minutes": 90,
            "source": OWN,
            "consented": True,
            "heard": "visit",
            "form_key": key(),
        }
        return RequestDraft(**(known | more))

    def ask(self, *, by: Member | None = None, now: datetime = NOW, **more: Any) -> HelpRequest:
        """The grid worker asks for the lady, unless somebody else does."""
        actor = self.actor(by or self.grid)
        return service.ask(self.session, self.draft(**more), actor=actor, keys=KEYS, now=now)

    def dispatch(self, request: HelpRequest, *, by: Member | None = None, **more: Any) -> HelpRequest:
        """The manager lets it go out to everybody."""
        known = {
            "source": request.source,
            "minutes": request.minutes,
            "to_all": not request.confidential,
        }
        how = service.Dispatch(**(known | more))
        return service.dispatch(self.session, request.id, how, actor=self.actor(by or self.manager), now=NOW)

    def invite(self, request: HelpRequest, *members: Member, by: Member | None = None) -> int:
        """The manager asks somebody."""
        ids = [one.id for one in members or (self.wang,)]
        actor = self.actor(by or self.manager)
        return service.invite(self.session, request.id, member_ids=ids, actor=actor, now=NOW)

    def claim(
        self, request: HelpRequest, *, by: Member | None = None, start: datetime | None = START, **more: Any
    ) -> HelpRequest:
        """Wang says yes, for tomorrow at nine."""
        actor, wanted = self.actor(by or self.wang), service.Claim(starts_at=start, **more)
        return service.claim(self.session, request.id, wanted, actor=actor, now=NOW)

    def running(self, **more: Any) -> HelpRequest:
        """A request that Wang has taken."""
        request = self.dispatch(self.ask(**more))
        if request.confidential:
            self.invite(request)
        return self.claim(request, start=START if request.minutes else None)

    def scan(self, request: HelpRequest, wanted: str, at: datetime) -> None:
        """The organiser scans the volunteer's card."""
        draft = ScanDraft(
            shift_id=request.shift_id or 0,
            member_id=request.volunteer_id or 0,
            source=STAFF,
            claimed_at=at,
            key=key(),
            wanted=wanted,
        )
        assert record_scan(self.session, draft, actor=self.actor(self.organiser), now=at).refusal is None

    def serve(self, request: HelpRequest, minutes: int | None = None) -> None:
        """Wang comes and leaves; the organiser sends the list."""
        length = request.minutes if minutes is None else minutes
        self.scan(request, "in", START)
        self.scan(request, "out", START + timedelta(minutes=length))
        self.submit(request)

    def submit(self, request: HelpRequest) -> None:
        """The organiser sends the list."""
        submit_shift(self.session, request.shift_id or 0, actor=self.actor(self.organiser), now=AFTER)

    def approve(self, request: HelpRequest, *, by: Member | None = None) -> None:
        """The second manager approves it."""
        actor = self.actor(by or self.second)
        approve_shift(self.session, request.shift_id or 0, actor=actor, now=AFTER)

    def not_counted(self, request: HelpRequest) -> None:
        """The organiser says that the volunteer's record does not count."""
        actor = self.actor(self.organiser)
        void(self.session, request.shift_id or 0, request.volunteer_id or 0, reason="没有到", actor=actor)

    def settle(self) -> int:
        """The job comes by."""
        return service.settle_requests(self.session, now=AFTER)

    def done(self, minutes: int | None = None, **more: Any) -> HelpRequest:
        """A request that was served and approved."""
        request = self.running(**more)
        self.serve(request, minutes)
        self.approve(request)
        self.settle()
        return request

    @property
    def fund(self) -> tuple[int, int]:
        """What the fund has, and what of it is set aside."""
        account = ledger.get_account(self.session, fund_account(self.session, self.branch.id))
        return account.balance, account.held

    def record(self, request: HelpRequest) -> Attendance:
        """The volunteer's record."""
        mine = sa.select(Attendance).where(Attendance.shift_id == request.shift_id)
        return self.session.scalars(mine).one()


NO_COINS = {"source": NONE}


def told(session: Session, member: Member) -> list[str]:
    """The kinds of notices somebody got about requests, in order."""
    mine = sa.select(Notice.kind).where(Notice.member_id == member.id, Notice.kind.startswith("request."))
    return list(session.scalars(mine.order_by(Notice.id)))


def steps_of(session: Session, request: HelpRequest) -> list[str]:
    """What happened, in order."""
    mine = sa.select(HelpStep.what).where(HelpStep.request_id == request.id)
    return list(session.scalars(mine.order_by(HelpStep.id)))
