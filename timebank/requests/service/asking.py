"""点单: asking for oneself, for family, or for somebody of the branch; and taking it back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.core.keys import Keys
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import find_member_by_number, find_open_link, get_active_member, open_field
from timebank.members.rules import BadName, tidy_name
from timebank.requests.models import CLAIMED, WITHDRAWN, HelpRequest
from timebank.requests.queries import find_by_key, sides_of
from timebank.requests.rules import RequestDraft, decide, find_faults, names_in
from timebank.requests.service import telling
from timebank.requests.service.claiming import ReasonMissing
from timebank.requests.service.stepping import free_coins, give_up_service, lock_request, note

PLACE_KEY = "request_place"  # what the place is sealed for


class BadRequest(Invalid):
    """Days, length, coins or consent do not fit."""

    code = "requests.bad_request"


class RecipientNotFound(Invalid):
    """Number and name do not go together, or belong to nobody who may be served; said alike, so that nobody learns."""

    code = "requests.recipient_not_found"
    text = "会员号和姓名对不上。请照着服务对象的成长卡输入；还不是会员的，先请网点登记。"

    def __init__(self) -> None:
        super().__init__(fields={"number": self.text})


class NotForThem(NotAllowed):
    """Neither family nor somebody whom the role reaches."""

    code = "requests.not_for_them"
    text = "您只能为自己和已确认的家人点单。为别人点单，请找网格员或网点工作人员。"


class NamesSomebody(Invalid):
    """Title and words are read by everybody who could take it."""

    code = "requests.names_somebody"
    text = "标题和说明会给志愿者看，请不要写服务对象的姓名、会员号或电话。地址写在“地点”里。"

    def __init__(self, field: str) -> None:
        super().__init__(fields={field: self.text})


def ask(session: Session, draft: RequestDraft, *, actor: Actor, keys: Keys, now: datetime) -> HelpRequest:
    """Write down what somebody needs; the branch is told. The same form again answers with the first.

    Raises FormUsed, MemberNotActive, RecipientNotFound, NotForThem, BadRequest, NamesSomebody.
    """
    lock_name(session, f"request:{draft.form_key}")  # the same form may be sent twice at once
    asker = get_active_member(session, actor.member_id or 0)
    actor.require("request.own", owner_id=asker.id)
    first = find_by_key(session, draft.form_key)
    if first is not None:
        return _repeated(session, first, draft, actor, keys)
    recipient = _find_recipient(session, draft, asker)
    _refuse_stranger(session, recipient, asker, actor)
    faults = find_faults(draft, today=clock.today(now), for_oneself=recipient.id == asker.id)
    if faults:
        raise BadRequest(fields=faults)
    _refuse_names(draft, recipient, keys)
    request = HelpRequest(
        branch_id=recipient.branch_id,
        recipient_id=recipient.id,
        asked_by_id=asker.id,
        asked_at=now,
        place_sealed=keys.encrypt(PLACE_KEY, draft.place) if draft.place else None,
        consented=draft.consented or recipient.id == asker.id,
        form_key=draft.form_key,
        **{name: getattr(draft, name) for name in _SAID},
    )
    session.add(request)
    session.flush()
    note(session, request, "asked", actor=actor, now=now)
    telling.of_asking(session, request, now=now)
    return request


_SAID = (
    "kind", "category", "title", "words", "first_day", "last_day", "part_of_day", "minutes", "source", "confidential",
    "heard",
)  # fmt: skip


def _find_recipient(session: Session, draft: RequestDraft, asker: Member) -> Member:
    if not draft.number.strip():
        return asker
    found = find_member_by_number(session, draft.number)
    if found is not None and found.id == asker.id:
        return asker
    try:
        name = tidy_name(draft.name)
    except BadName as wrong:
        raise RecipientNotFound() from wrong
    if found is None or found.status != ACTIVE or found.name != name:
        raise RecipientNotFound()
    return found


def _refuse_stranger(session: Session, recipient: Member, asker: Member, actor: Actor) -> None:
    if recipient.id == asker.id or actor.may("request.others", branch_id=recipient.branch_id):
        return
    link = find_open_link(session, asker.id, recipient.id)
    if link is None or link.confirmed_at is None:
        raise NotForThem(permission="request.others")


def _refuse_names(draft: RequestDraft, recipient: Member, keys: Keys) -> None:
    telling_of = [recipient.name, recipient.number, open_field(recipient, "phone", keys)]
    for field in ("title", "words"):
        if names_in([getattr(draft, field)], telling_of):
            raise NamesSomebody(field)


def _repeated(session: Session, first: HelpRequest, draft: RequestDraft, actor: Actor, keys: Keys) -> HelpRequest:
    place = keys.decrypt(PLACE_KEY, first.place_sealed) if first.place_sealed else ""
    whom = find_member_by_number(session, draft.number) if draft.number.strip() else first.asked_by
    said = tuple(getattr(draft, name) for name in _SAID)
    before = tuple(getattr(first, name) for name in _SAID)
    same = (before, place, first.asked_by_id, first.recipient_id)
    if (said, draft.place, actor.member_id, whom.id if whom else None) != same:
        raise FormUsed()
    return first


def withdraw(session: Session, request_id: int, *, reason: str = "", actor: Actor, now: datetime) -> HelpRequest:
    """Take a request back before anybody served; set aside coins are free again. A repeat is harmless.

    Who asked, who is to be served and the branch's staff may; once somebody has said yes, with a reason.
    Raises RequestNotFound, NotAllowed, RequestEnded, ReasonMissing, ServiceBegun.
    """
    request = lock_request(session, request_id, actor)
    sides = sides_of(session, request, actor)
    if not (sides.asker or sides.recipient):
        actor.require("request.check", branch_id=request.branch_id)
    after = decide("withdraw", request.status)
    if request.status == WITHDRAWN:
        return request
    if request.status == CLAIMED and not reason.strip():
        raise ReasonMissing(fields={"reason": ReasonMissing.text})
    volunteer_id = request.volunteer_id
    give_up_service(session, request, reason=reason or "点单的人撤回了", now=now)
    request.status, request.end_reason, request.volunteer_id = after, reason.strip(), None
    request.ended_at, request.ended_by_id = now, actor.member_id
    session.flush()
    free_coins(session, request, actor=actor, now=now)
    note(session, request, "withdrawn", actor=actor, now=now, words=reason.strip())
    telling.of_withdrawal(session, request, volunteer_id=volunteer_id, actor=actor, now=now)
    return request
