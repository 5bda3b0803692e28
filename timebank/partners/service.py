"""Opening a desk for an organisation, handing it to one device, taking vouchers at it, closing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.exchange import queries as exchange
from timebank.exchange import rules as exchange_rules
from timebank.exchange import service as exchange_service
from timebank.members.identity import load_actor
from timebank.members.queries import get_organisation
from timebank.partners import rules
from timebank.partners.models import DeskUse, PartnerDesk
from timebank.partners.queries import find_desk_by_key, find_open_desk, get_desk, is_of


class LinkUsed(Conflict):
    """The link made another device the desk, its time is over, or the desk was closed."""

    code = "partners.link_used"
    text = "这个链接已经用过或者过期了，不能再用。请联系社区网点，重新开一个核销台。"


class DeskOver(NotAllowed):
    """The device was a desk and is none any more."""

    code = "partners.desk_over"
    text = "这台设备的核销台已经停用，现在不能核销。请联系社区网点。"


class NotOurs(Conflict):
    """A voucher for something that this organisation does not give, or no voucher of ours at all."""

    code = "partners.not_ours"
    text = "这不是本台的兑换券，不能在这里核销。请会员看看券上写的领取地点。"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskDraft:
    """A desk about to be opened; the form's key makes a repeat harmless."""

    branch_id: int
    organisation_id: int
    name: str
    form_key: str


def open_desk(session: Session, draft: DeskDraft, *, actor: Actor, now: datetime) -> PartnerDesk:
    """Open a desk for an organisation of a branch; the same form gives the same desk. Raises Invalid, FormUsed."""
    actor.require("desk.open", branch_id=draft.branch_id)
    if actor.member_id is None:
        raise NotAllowed(permission="desk.open")  # vouchers are taken in the name of a person
    organisation = get_organisation(session, draft.organisation_id)
    if organisation.branch_id != draft.branch_id or organisation.closed_at is not None:
        raise Invalid(fields={"organisation_id": "请从本网点的单位里选一家。"})
    name = draft.name.strip()
    if not name:
        raise Invalid(fields={"name": "请写这台设备放在哪里，例如“东门售票处”。"})
    said = {"branch_id": draft.branch_id, "organisation_id": draft.organisation_id, "name": name}
    row = said | {"opened_by_id": actor.member_id, "opened_at": now, "form_key": draft.form_key}
    until = {"link_until": now + rules.LINK_LASTS, "expires_at": now + rules.DESK_LASTS}
    session.execute(insert_once(session, PartnerDesk).values(row | until))
    desk = find_desk_by_key(session, draft.form_key)
    if desk is None or {name: getattr(desk, name) for name in said} != said:
        raise FormUsed()
    return desk


def claim_desk(session: Session, desk_id: int, *, now: datetime) -> PartnerDesk:
    """Make the device that holds the link the desk, once. Raises DeskNotFound, LinkUsed."""
    desk = get_desk(session, desk_id)
    first = session.execute(
        update(PartnerDesk)
        .where(PartnerDesk.id == desk_id, PartnerDesk.claimed_at.is_(None), PartnerDesk.closed_at.is_(None))
        .where(PartnerDesk.link_until > now)
        .values(claimed_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    if not first:
        raise LinkUsed()
    session.refresh(desk)
    return desk


def close_desk(session: Session, desk_id: int, *, actor: Actor, now: datetime) -> PartnerDesk:
    """Close a desk at once; closing it again changes nothing. Raises DeskNotFound."""
    desk = get_desk(session, desk_id)
    actor.require("desk.open", branch_id=desk.branch_id)
    session.execute(
        update(PartnerDesk)
        .where(PartnerDesk.id == desk_id, PartnerDesk.closed_at.is_(None))
        .values(closed_at=now, closed_by_id=actor.member_id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(desk)
    return desk


def redeem(session: Session, desk_id: int, typed: str, *, now: datetime) -> bool:
    """Take a voucher at a desk, in the name of who opened it as far as their role reaches today.

    A repeat is calm. Returns whether it was taken only now.
    Raises DeskOver, NotAVoucher, MistypedVoucher, NotOurs, OwnOrder, NotAcceptedYet, OrderEnded.
    """
    desk = find_open_desk(session, desk_id, now, lock=True)
    if desk is None:
        raise DeskOver()
    actor = load_actor(session, desk.opened_by_id)
    if not actor.may("desk.open", branch_id=desk.branch_id):
        raise DeskOver()
    code = exchange_rules.read_voucher(typed)
    order = exchange.find_order_by_voucher(session, code)
    if order is None or not is_of(order, desk):
        raise NotOurs()
    done = exchange_service.fulfil(session, code, actor=actor, now=now)
    if not done.repeated:
        done.order.desk_name = desk.title
        session.add(DeskUse(desk_id=desk.id, order_id=done.order.id, at=now))
        session.flush()
    return not done.repeated
