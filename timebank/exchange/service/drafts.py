"""What an offer says, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy.orm import Session

from timebank.branches.models import Area, Branch
from timebank.core.errors import Invalid
from timebank.exchange import rules
from timebank.exchange.models import (
    CATEGORIES,
    GOODS,
    GOODS_CATEGORIES,
    OWN_BRANCH,
    RESOURCE,
    RESOURCE_CATEGORIES,
    SERVICE,
    SERVICE_CATEGORIES,
    Offer,
)

CATEGORIES_OF: Final = {SERVICE: SERVICE_CATEGORIES, GOODS: GOODS_CATEGORIES, RESOURCE: RESOURCE_CATEGORIES}
_SAID: Final = (
    "category",
    "title",
    "description",
    "place",
    "price_minutes",
    "valid_until",
    "use_by",
    "capacity",
    "hours",
    "area_id",
    "licence",
    "per_member_limit",
    "shared_with",
    "answer_days",
    "serve_days",
)


class LicenceMissing(Invalid):
    """A profession that needs a licence, without one."""

    code = "exchange.licence_missing"
    text = "法律、医疗、电工这几类服务要有从业资格。请填写证书名称和编号。"


class BadOffer(Invalid):
    """A field of an offer breaks a rule; ``fields`` says which."""

    code = "exchange.bad_offer"


@dataclass(frozen=True, kw_only=True)
class OfferDraft:
    """What an offer says; price in minutes: each time, apiece, or an hour.

    Nobody named, a service is the actor's own. ``team_id``: the team's; ``branch_id``: the branch's, or with
    ``organisation_id`` that organisation's. Goods have stock, resources capacity and hours (``rules.hours``).
    ``branch_ids`` are those it is shared with where ``shared_with`` says chosen ones, besides its own.
    """

    kind: str = SERVICE
    branch_id: int | None = None
    team_id: int | None = None
    organisation_id: int | None = None
    stock: int | None = None
    capacity: int | None = None
    category: str
    title: str
    price_minutes: int
    description: str = ""
    place: str = ""
    valid_until: date | None = None
    use_by: date | None = None
    hours: str = ""
    area_id: int | None = None
    licence: str = ""
    per_member_limit: int | None = None
    answer_days: int | None = None
    serve_days: int | None = None
    shared_with: str = OWN_BRANCH
    branch_ids: frozenset[int] = frozenset()

    @property
    def is_own(self) -> bool:
        """Whether it is a service of the actor in person."""
        return self.kind == SERVICE and self.branch_id is self.team_id is self.organisation_id is None


def columns_of(draft: OfferDraft, branch: Branch) -> dict[str, Any]:
    """What is kept of a draft of a branch that was checked, besides whose it is."""
    words = "\n".join((draft.title, CATEGORIES[draft.category], draft.description, draft.place)).lower()
    home = draft.area_id if draft.area_id is not None else branch.area_id
    hours = rules.hours_text(rules.read_hours(draft.hours))
    return {name: getattr(draft, name) for name in _SAID} | {"words": words, "hours": hours, "home_id": home}


def check_draft(session: Session, draft: OfferDraft, today: date, *, before: Offer | None = None) -> None:
    """What an offer may say on a day, ``before`` being what it said until now.

    Raises BadOffer, BadHours, LicenceMissing at the field to mend.
    """
    kind = draft.kind if before is None else before.kind
    if draft.category not in {*CATEGORIES_OF[kind], "other"}:
        raise BadOffer(fields={"category": "请从列出的类别里选一个。"})
    if not rules.MIN_PRICE_MINUTES <= draft.price_minutes <= rules.MAX_PRICE_MINUTES:
        raise BadOffer(fields={"price": "请填写每次要多少时长，1 分钟到 100 小时。"})
    _check_days(draft, kind, today, before)
    _check_terms(draft)
    _check_capacity(draft, kind)
    if draft.area_id is not None and session.get(Area, draft.area_id) is None:
        raise BadOffer(fields={"area_id": "请从列出的区域里选一个。"})
    by_person = draft.is_own if before is None else before.provider_id is not None
    if draft.category in rules.LICENSED:
        _check_licence(draft, by_person=by_person)


def check_stock(draft: OfferDraft) -> None:
    """Goods have stock, and nothing else has. Raises BadOffer."""
    if draft.kind != GOODS and draft.stock is None:
        return
    if draft.kind != GOODS or draft.stock is None or not 0 <= draft.stock <= rules.MAX_STOCK:
        raise BadOffer(fields={"stock": f"库存要在 0 到 {rules.MAX_STOCK} 之间。"})


def _check_days(draft: OfferDraft, kind: str, today: date, before: Offer | None) -> None:
    until, used = (before.valid_until, before.use_by) if before is not None else (None, None)
    if draft.valid_until is not None and draft.valid_until < today and draft.valid_until != until:
        raise BadOffer(fields={"valid_until": "有效期不能早于今天。不限期的话请留空。"})
    if draft.use_by is None:
        return
    if kind != GOODS:
        raise BadOffer(fields={"use_by": "只有物品有使用期限。"})
    if draft.use_by < today and draft.use_by != used:
        raise BadOffer(fields={"use_by": "使用期限不能早于今天。没有的话请留空。"})
    if draft.valid_until is None or draft.valid_until > draft.use_by:
        raise BadOffer(fields={"valid_until": "写了使用期限，就要写兑换截止，而且不能晚于使用期限。"})


def _check_terms(draft: OfferDraft) -> None:
    for name, days, most in (
        ("answer_days", draft.answer_days, rules.MOST_ANSWER_DAYS),
        ("serve_days", draft.serve_days, rules.MOST_SERVE_DAYS),
    ):
        if days is not None and not 1 <= days <= most:
            raise BadOffer(fields={name: f"请填 1 到 {most} 天；不填就按一般的办。"})


def _check_capacity(draft: OfferDraft, kind: str) -> None:
    hours = rules.hours_text(rules.read_hours(draft.hours))
    if kind != RESOURCE:
        if draft.capacity is not None:
            raise BadOffer(fields={"capacity": "只有场地设备有份数。"})
        return
    if draft.capacity is None or not 1 <= draft.capacity <= rules.MOST_CAPACITY:
        raise BadOffer(fields={"capacity": f"请填同一时间能借给几家，1 到 {rules.MOST_CAPACITY}。"})
    if not hours:
        raise BadOffer(fields={"hours": "请写开放时间，大家照它预订。"})


def _check_licence(draft: OfferDraft, *, by_person: bool) -> None:
    if not by_person:
        text = "法律、医疗、电工要由有资格的人用自己的名义发布，网点核对他的证书。"
        raise BadOffer(fields={"category": text})
    if not draft.licence.strip():
        raise LicenceMissing(fields={"licence": LicenceMissing.text})
