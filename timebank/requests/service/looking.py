"""查看服务对象: name, phone and place, shown to few, each look written down first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import NotAllowed
from timebank.core.keys import Keys
from timebank.members.queries import open_field
from timebank.requests.models import CLAIMED, HelpLook
from timebank.requests.queries import sides_of
from timebank.requests.service.asking import PLACE_KEY
from timebank.requests.service.stepping import lock_request


class NotToSee(NotAllowed):
    """Neither the assigned volunteer nor the coordinator."""

    code = "requests.not_to_see"
    text = "服务对象的姓名、电话和地址，只有接单的志愿者和这一单的负责人可以看。"


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Whom and where; kept out of logs and reprs."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    place: str = field(repr=False)


def look(session: Session, request_id: int, *, actor: Actor, keys: Keys, now: datetime) -> Looked:
    """The recipient of a request for who goes there and who coordinates; who looked and when is kept.

    Where it is not confidential, the branch's staff may look as well. Raises RequestNotFound, NotToSee.
    """
    request = lock_request(session, request_id, actor)
    sides = sides_of(session, request, actor)
    goes_there = sides.volunteer and request.status == CLAIMED
    if not (goes_there or sides.coordinator or (sides.staff and not request.confidential)):
        raise NotToSee(permission="request.check")
    session.add(HelpLook(request_id=request.id, by_id=actor.member_id, at=now))
    session.flush()
    return Looked(
        name=request.recipient.name,
        phone=open_field(request.recipient, "phone", keys),
        place=keys.decrypt(PLACE_KEY, request.place_sealed) if request.place_sealed else "",
    )
