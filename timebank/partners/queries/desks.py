"""Desks: which there are, which are open, and what a voucher is to one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from timebank.core.errors import NotFound
from timebank.exchange import queries as exchange
from timebank.exchange import rules as exchange_rules
from timebank.exchange.models import ACCEPTED, FULFILLED, Order
from timebank.members.models import Organisation
from timebank.partners.models import DeskUse, PartnerDesk

Validity = Literal["valid", "used", "expired", "cancelled", "waiting", "not_ours"]
_OF_STATUS: Final[Mapping[str, Validity]] = {
    ACCEPTED: "valid",
    FULFILLED: "used",
    "expired": "expired",
    "declined": "cancelled",
    "cancelled": "cancelled",
}


class DeskNotFound(NotFound):
    """No such desk."""

    code = "partners.desk_not_found"
    text = "没有找到这个核销台。请回到“合作单位核销台”再看。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a desk sees of a voucher: whether it counts, and what to hand out. Of others it sees ``not_ours`` alone."""

    validity: Validity
    code: str
    title: str = ""
    quantity: int = 0
    used_at: datetime | None = None
    use_by: date | None = None
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskRow:
    """A desk with how many vouchers it took."""

    desk: PartnerDesk
    uses: int


def get_desk(session: Session, desk_id: int) -> PartnerDesk:
    """A desk, open or not. Raises DeskNotFound."""
    found = session.get(PartnerDesk, desk_id, options=(joinedload(PartnerDesk.organisation),), populate_existing=True)
    if found is None:
        raise DeskNotFound()
    return found


def find_open_desk(session: Session, desk_id: int | None, now: datetime, *, lock: bool = False) -> PartnerDesk | None:
    """The desk while it is open and its organisation there; with ``lock`` it is not closed until we commit."""
    if desk_id is None:
        return None
    how = {"key_share": True, "of": PartnerDesk} if lock else None
    desk = session.get(PartnerDesk, desk_id, with_for_update=how, populate_existing=lock)
    if desk is None or desk.closed_at is not None or desk.expires_at <= now or desk.claimed_at is None:
        return None
    return desk if desk.organisation.closed_at is None else None


def find_desk_by_key(session: Session, form_key: str) -> PartnerDesk | None:
    """The desk that a form opened."""
    return session.scalars(select(PartnerDesk).where(PartnerDesk.form_key == form_key)).one_or_none()


def list_desks(session: Session, branch_id: int) -> Sequence[DeskRow]:
    """A branch's desks, open ones first, then by organisation and name."""
    rows = session.execute(
        select(PartnerDesk, func.count(DeskUse.id))
        .join(Organisation, Organisation.id == PartnerDesk.organisation_id)
        .outerjoin(DeskUse, DeskUse.desk_id == PartnerDesk.id)
        .where(PartnerDesk.branch_id == branch_id)
        .options(joinedload(PartnerDesk.organisation), joinedload(PartnerDesk.opened_by))
        .group_by(PartnerDesk.id, Organisation.name)
        .order_by(PartnerDesk.closed_at.is_not(None), Organisation.name, PartnerDesk.name, PartnerDesk.id)
    )
    return [DeskRow(desk=desk, uses=uses) for desk, uses in rows]


def look(session: Session, desk: PartnerDesk, typed: str, now: datetime) -> Seen:
    """What a voucher is to a desk. Raises NotAVoucher, MistypedVoucher."""
    code = exchange_rules.read_voucher(typed)
    order = exchange.find_order_by_voucher(session, code)
    if order is None or not is_of(order, desk):
        return Seen(validity="not_ours", code=code)
    status = exchange.state_of(order, now)
    return Seen(
        validity=_OF_STATUS.get(status, "waiting"),
        code=code,
        title=order.offer.title,
        quantity=order.quantity,
        used_at=order.fulfilled_at,
        use_by=order.offer.use_by,
        place=order.desk_name,
    )


def is_of(order: Order, desk: PartnerDesk) -> bool:
    """Whether an order is for something that the desk's organisation gives, and no member does."""
    return order.offer.organisation_id == desk.organisation_id and order.serves_id is None
