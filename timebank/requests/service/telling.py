"""What each side is told, in the same transaction as the event. No notice names a recipient."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.minutes import hours
from timebank.members.models import Member
from timebank.members.queries import list_deciding
from timebank.notices.service import NoticeDraft, tell_all
from timebank.requests.models import FUND, NONE, HelpRequest


def of_asking(session: Session, request: HelpRequest, *, now: datetime) -> None:
    """The branch has something to take up; who is to be served learns who asked for them."""
    _tell(session, request, "request.to_check", _managers(session, request, without=request.asked_by_id), now)
    by = request.asked_by.alias
    _tell(session, request, "request.asked_for", {request.recipient_id} - {request.asked_by_id}, now, by=by)


def of_dispatch(session: Session, request: HelpRequest, *, actor: Actor, now: datetime) -> None:
    """Who asked and who is to be served know that somebody is looked for."""
    _tell(session, request, "request.dispatched", _needing(request) - {actor.member_id}, now)


def of_decline(session: Session, request: HelpRequest, *, actor: Actor, now: datetime) -> None:
    """They learn why not."""
    _tell(session, request, "request.declined", _needing(request) - {actor.member_id}, now, reason=request.end_reason)


def of_invitation(session: Session, request: HelpRequest, member_id: int, *, now: datetime) -> None:
    """A volunteer is asked."""
    days = f"{request.first_day} 到 {request.last_day}" if request.first_day < request.last_day else request.first_day
    about = f"，大约 {hours(request.minutes)}" if request.minutes else ""
    _tell(session, request, "request.invited", {member_id}, now, days=f"{days}{about}")


def of_refusal(session: Session, request: HelpRequest, *, actor: Actor, now: datetime) -> None:
    """The coordinator looks for somebody else."""
    member = session.get_one(Member, actor.member_id)
    _tell(session, request, "request.refused", {request.coordinator_id}, now, member=member.alias, mark=member.id)


def of_claim(session: Session, request: HelpRequest, *, actor: Actor, now: datetime) -> None:
    """Everybody else concerned learns who comes when; the volunteer too, where staff wrote the yes down."""
    told = (_needing(request) | {request.coordinator_id}) - {actor.member_id}
    facts = {"volunteer": request.volunteer.alias if request.volunteer else "", "mark": now.isoformat()}
    if request.shift is None:
        _tell(session, request, "request.wish_claimed", told, now, **facts)
    else:
        _tell(session, request, "request.claimed", told, now, start=request.shift.starts_at, **facts)
    if request.volunteer_id == actor.member_id:
        return
    yes, mark = {request.volunteer_id}, now.isoformat()
    if request.shift is None:
        _tell(session, request, "request.wish_assigned", yes, now, mark=mark)
    else:
        _tell(session, request, "request.assigned", yes, now, mark=mark, start=request.shift.starts_at)


def of_move(session: Session, request: HelpRequest, *, actor: Actor, now: datetime) -> None:
    """Nobody waits at the old time."""
    told = (_needing(request) | {request.coordinator_id, request.volunteer_id}) - {actor.member_id}
    start = request.shift.starts_at if request.shift else now
    _tell(session, request, "request.moved", told, now, start=start, mark=request.shift_id)


def of_release(
    session: Session, request: HelpRequest, *, volunteer_id: int | None, reason: str, actor: Actor, now: datetime
) -> None:
    """Nobody waits for a volunteer who does not come; who was let go learns it."""
    told = (_needing(request) | {request.coordinator_id, volunteer_id}) - {actor.member_id}
    _tell(session, request, "request.released", told, now, reason=reason, mark=now.isoformat())


def of_withdrawal(
    session: Session, request: HelpRequest, *, volunteer_id: int | None, actor: Actor, now: datetime
) -> None:
    """Whoever was about to do something for it need not."""
    told = (_needing(request) | {request.coordinator_id, volunteer_id}) - {actor.member_id}
    _tell(session, request, "request.withdrawn", told, now, reason=request.end_reason or "没有写")


def of_service(session: Session, request: HelpRequest, *, minutes: int, now: datetime) -> None:
    """It was served and approved: what was used for it, and please rate."""
    paid = {NONE: "没有用币", FUND: "由爱心基金出"}.get(request.source, "用的是服务对象的爱心币，没用完的已经退回")
    _tell(session, request, "request.done", _needing(request), now, minutes=minutes, paid=paid)


def of_no_service(session: Session, request: HelpRequest, *, now: datetime) -> None:
    """It did not take place, and somebody is looked for again."""
    told = _needing(request) | {request.coordinator_id}
    _tell(session, request, "request.unserved", told, now, mark=now.isoformat())


def of_wish(session: Session, request: HelpRequest, *, now: datetime) -> None:
    """The volunteer learns that the wish came true."""
    _tell(session, request, "request.wish_done", {request.volunteer_id}, now)


def of_unsaid_wish(session: Session, request: HelpRequest, *, call: bool, now: datetime) -> None:
    """Who can say whether a wish came true is asked, the volunteer knows; later the coordinator is to call."""
    mark = request.volunteer_id
    facts = {"volunteer": request.volunteer.alias if request.volunteer else "", "mark": mark}
    _tell(session, request, "request.wish_asked", _needing(request) - {request.volunteer_id}, now, **facts)
    _tell(session, request, "request.wish_unsaid", {request.volunteer_id}, now, mark=mark)
    if call:
        told = {request.coordinator_id} if request.coordinator_id else _managers(session, request)
        _tell(session, request, "request.wish_call", told, now, **facts)


def of_expiry(session: Session, request: HelpRequest, *, now: datetime) -> None:
    """Nobody took it in time."""
    _tell(session, request, "request.expired", _needing(request) | {request.coordinator_id}, now)


def of_waiting(session: Session, request: HelpRequest, *, soon: bool, now: datetime) -> None:
    """The coordinator is reminded, or where there is none the branch; each kind of reminder comes once."""
    told = {request.coordinator_id} if request.coordinator_id else _managers(session, request)
    kind = "request.soon_over" if soon else "request.not_taken_up"
    _tell(session, request, kind, told, now, until=str(request.last_day))


def of_tomorrow(session: Session, request: HelpRequest, *, now: datetime) -> None:
    """Who waits at home knows who comes when; the volunteer is reminded of the shift."""
    if request.shift is not None and request.volunteer is not None:
        facts = {"volunteer": request.volunteer.alias, "start": request.shift.starts_at, "mark": request.shift_id}
        _tell(session, request, "request.tomorrow", _needing(request) - {request.volunteer_id}, now, **facts)


def of_handover(session: Session, request: HelpRequest, *, before: int | None, actor: Actor, now: datetime) -> None:
    """The colleague learns that it is theirs, who had it that it is not."""
    by = session.get_one(Member, actor.member_id).alias
    told = {request.coordinator_id, before} - {actor.member_id}
    name = request.coordinator.alias if request.coordinator else ""
    _tell(session, request, "request.handed_over", told, now, by=by, name=name, mark=now.isoformat())


def _needing(request: HelpRequest) -> set[int | None]:
    return {request.recipient_id, request.asked_by_id}


def _managers(session: Session, request: HelpRequest, *, without: int | None = None) -> set[int | None]:
    return set(list_deciding(session, request.branch_id, without={request.recipient_id, without}))


def _tell(
    session: Session,
    request: HelpRequest,
    kind: str,
    members: Iterable[int | None],
    now: datetime,
    *,
    mark: object = "",
    **facts: object,
) -> None:
    told = NoticeDraft(
        kind=kind,
        key=f"{kind}:{request.id}{f':{mark}' if mark else ''}",
        facts={"title": request.title, **facts},
        link=f"/requests/{request.id}",
    )
    people = sorted({member_id for member_id in members if member_id is not None})
    if people:
        tell_all(session, people, told, now=now)
