"""What the other side is told, in the same transaction as the event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from timebank.exchange.models import GOODS, REQUESTED, RESOURCE, Order
from timebank.exchange.queries import paid_by_member
from timebank.members.queries import list_deciding
from timebank.notices.service import NoticeDraft, tell_all
from timebank.rulebook.rules import TO_FUND, aside


def of_request(session: Session, order: Order, *, now: datetime) -> None:
    """Whoever answers is asked, the branch where no member does; goods are ready for the member at once."""
    if order.offer.kind == GOODS:
        place = order.offer.place or order.branch.address or order.branch.name
        _tell(session, order.member_id, _notice(order, "order.ready", until=order.expires_at, place=place), now)
    elif order.offer.kind == RESOURCE:
        told = _notice(order, "order.booked", at=order.agreed_at, place=order.offer.place or order.branch.name)
        _tell(session, order.member_id, told, now)
    else:
        asked = _notice(order, "order.requested", member=order.member.alias)
        staff = list_deciding(session, order.branch_id, without={order.member_id})
        tell_all(session, [order.provider_id] if order.provider_id is not None else staff, asked, now=now)


def of_acceptance(session: Session, order: Order, *, again: bool, now: datetime) -> None:
    """The member learns the time; each change of it is told anew."""
    kind = "order.moved" if again else "order.accepted"
    facts = {"provider": order.offer.given_by, "agreed_at": order.agreed_at, "reply": order.reply or "无"}
    _tell(session, order.member_id, _notice(order, kind, mark=f":{now.isoformat()}", **facts), now)


def of_proposal(session: Session, order: Order, *, meeting_at: datetime, words: str, now: datetime) -> None:
    """The provider is asked for another time."""
    facts = {"member": order.member.alias, "meet_at": meeting_at, "words": words or "无"}
    _tell(session, order.provider_id, _notice(order, "order.time_asked", mark=f":{now.isoformat()}", **facts), now)


def of_sending(session: Session, order: Order, *, now: datetime) -> None:
    """Who is sent learns for whom, and the member who comes."""
    if order.served_by is None or order.offer.team is None:
        return
    mark, team = f":{order.served_by_id}", order.offer.team.name
    sent = _notice(order, "order.sent", mark=mark, team=team, member=order.member.alias)
    _tell(session, order.served_by_id, sent, now)
    comes = _notice(order, "order.comes", mark=mark, team=team, who=order.served_by.alias)
    _tell(session, order.member_id, comes, now)


def of_decline(session: Session, order: Order, *, now: datetime) -> None:
    """The member learns why not, and that the coins are free."""
    _tell(session, order.member_id, _notice(order, "order.declined", reason=order.end_reason), now)


def of_cancellation(session: Session, order: Order, *, by_member: bool, now: datetime) -> None:
    """The other side learns of it; the branch sees its own orders at the desk."""
    reason = order.end_reason or "没有写"
    if by_member:
        told = _notice(order, "order.cancelled_by_member", reason=reason, member=order.member.alias)
        _tell(session, order.provider_id, told, now)
        return
    _tell(session, order.member_id, _notice(order, "order.cancelled", reason=reason), now)
    if order.provider_id != order.ended_by_id:
        _tell(session, order.provider_id, _notice(order, "order.cancelled_by_branch", reason=reason), now)


def of_fulfilment(session: Session, order: Order, *, fund_minutes: int, now: datetime) -> None:
    """Both sides learn that the coins moved, and the provider what of them went to the fund."""
    minutes = order.booked_minutes
    _tell(session, order.member_id, _of_fulfilled(session, order, minutes), now)
    told = _notice(order, "order.earned", minutes=minutes, member=order.member.alias)
    if fund_minutes:
        parts: dict[str, Any] = {"minutes": minutes - fund_minutes, "aside": aside({TO_FUND: fund_minutes})}
        told = _notice(order, "order.earned_in_parts", member=order.member.alias, **parts)
    _tell(session, order.serves_id, told, now)


def _of_fulfilled(session: Session, order: Order, minutes: int) -> NoticeDraft:
    paid, whole = (paid_by_member(session, order, one) for one in (minutes, order.amount_minutes))
    if order.fulfilled_minutes is None:
        return _notice(order, "order.fulfilled", minutes=paid)
    done = f"{order.booked_quantity} 份" if order.offer.kind == GOODS else "一部分"
    facts: dict[str, Any] = {"minutes": paid, "rest": whole - paid, "done": done}
    return _notice(order, "order.fulfilled_in_part", reason=order.part_reason or "没有写", **facts)


def of_expiry(session: Session, order: Order, *, now: datetime) -> None:
    """Both sides learn that time ran out; called while the order still shows how far it came."""
    _tell(session, order.member_id, _notice(order, "order.expired"), now)
    kind = "order.unanswered" if order.status == REQUESTED else "order.not_done"
    _tell(session, order.provider_id, _notice(order, kind, member=order.member.alias), now)


def _notice(order: Order, kind: str, *, mark: str = "", **facts: object) -> NoticeDraft:
    return NoticeDraft(
        kind=kind,
        key=f"{kind}:{order.id}{mark}",
        facts={"title": order.offer.title, **facts},
        link=f"/orders/{order.id}",
    )


def _tell(session: Session, member_id: int | None, told: NoticeDraft, now: datetime) -> None:
    if member_id is not None:  # goods have no provider to tell
        tell_all(session, [member_id], told, now=now)
