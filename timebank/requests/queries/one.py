"""One request: whose business it is, and everything that happened to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.attendance.models import Attendance
from timebank.core.actor import Actor
from timebank.core.errors import NotFound
from timebank.exchange.rules import Score
from timebank.requests.models import (
    NO,
    OPEN,
    SERVED,
    HelpInvitation,
    HelpLook,
    HelpRating,
    HelpRequest,
    HelpStep,
)


class RequestNotFound(NotFound):
    """No such request, or not this actor's business."""

    code = "requests.not_found"
    text = "没有找到这一单，可能已经有人接了，或者不归您看。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """What somebody is to a request; nothing at all: it is none of their business."""

    recipient: bool = False
    asker: bool = False
    volunteer: bool = False
    coordinator: bool = False
    staff: bool = False  # of the branch, who may check and dispatch
    reader: bool = False  # who reads the branch's desk: staff and inspectors
    invited: bool = False
    may_take: bool = False  # open to everybody of their branch

    @property
    def inside(self) -> bool:
        """Whether it is more to them than an offer that they may take."""
        return self.recipient or self.asker or self.volunteer or self.reader or self.coordinator

    @property
    def any(self) -> bool:
        """Whether they may see it at all."""
        return self.inside or self.invited or self.may_take


def sides_of(session: Session, request: HelpRequest, actor: Actor) -> Sides:
    """What the actor is to a request."""
    me = actor.member_id
    invited = select(HelpInvitation.id).where(
        HelpInvitation.request_id == request.id, HelpInvitation.member_id == me, HelpInvitation.answer != NO
    )
    open_here = request.status == OPEN and request.branch_id == actor.branch_id
    return Sides(
        recipient=me == request.recipient_id,
        asker=me == request.asked_by_id,
        volunteer=me is not None and me == request.volunteer_id,
        coordinator=is_coordinating(request, actor),
        staff=actor.may("request.check", branch_id=request.branch_id),
        reader=actor.may("request.read", branch_id=request.branch_id),
        invited=request.status == OPEN and session.scalar(invited) is not None,
        may_take=open_here and request.to_all and actor.may("request.own", owner_id=me),
    )


def is_coordinating(request: HelpRequest, actor: Actor) -> bool:
    """Whether the actor took it up, and still belongs to the branch's staff."""
    return (
        actor.member_id is not None
        and actor.member_id == request.coordinator_id
        and actor.may("request.check", branch_id=request.branch_id)
    )


def get_request(session: Session, request_id: int, actor: Actor) -> HelpRequest:
    """A request that is the actor's business. Raises RequestNotFound, to strangers as well."""
    request = session.get(HelpRequest, request_id)
    if request is None or not sides_of(session, request, actor).any:
        raise RequestNotFound()
    return request


def find_by_key(session: Session, form_key: str) -> HelpRequest | None:
    """The request that a form made."""
    return session.scalars(select(HelpRequest).where(HelpRequest.form_key == form_key)).one_or_none()


def requests_of_records(session: Session, record_ids: Collection[int]) -> dict[int, int]:
    """The requests that records of attendance were for, by record."""
    if not record_ids:
        return {}
    found = (
        select(Attendance.id, HelpRequest.id.label("request_id"))
        .join(HelpRequest, HelpRequest.shift_id == Attendance.shift_id)
        .where(Attendance.id.in_(record_ids))
    )
    return {row.id: row.request_id for row in session.execute(found)}


def requests_of_holds(session: Session, hold_ids: Collection[int]) -> dict[int, HelpRequest]:
    """The requests for which amounts are set aside, by hold."""
    found = session.scalars(select(HelpRequest).where(HelpRequest.hold_id.in_(hold_ids)))
    return {request.hold_id or 0: request for request in found}


def list_steps(session: Session, request_id: int) -> Sequence[HelpStep]:
    """What happened, in order."""
    found = select(HelpStep).where(HelpStep.request_id == request_id).order_by(HelpStep.id)
    return session.scalars(found.options(joinedload(HelpStep.by), joinedload(HelpStep.to))).all()


def list_invitations(session: Session, request_id: int) -> Sequence[HelpInvitation]:
    """Whom the branch asked, in order."""
    found = select(HelpInvitation).where(HelpInvitation.request_id == request_id).order_by(HelpInvitation.id)
    return session.scalars(found.options(joinedload(HelpInvitation.member))).all()


def list_looks(session: Session, request_id: int) -> Sequence[HelpLook]:
    """Who looked at the recipient, newest first."""
    found = select(HelpLook).where(HelpLook.request_id == request_id).order_by(HelpLook.id.desc())
    return session.scalars(found.options(joinedload(HelpLook.by))).all()


def ratings_of(session: Session, request_id: int) -> dict[str, HelpRating]:
    """What both sides said, by side."""
    found = session.scalars(select(HelpRating).where(HelpRating.request_id == request_id))
    return {rating.side: rating for rating in found}


def score_of(session: Session, member_ids: Collection[int]) -> dict[int, Score]:
    """What those served say of volunteers; who was never rated is left out."""
    rows = session.execute(
        select(HelpRequest.volunteer_id, func.sum(HelpRating.score), func.count())
        .join(HelpRating, HelpRating.request_id == HelpRequest.id)
        .where(HelpRequest.volunteer_id.in_(member_ids), HelpRating.side == SERVED)
        .group_by(HelpRequest.volunteer_id)
    )
    return {int(member_id or 0): Score(int(total), count) for member_id, total, count in rows}
