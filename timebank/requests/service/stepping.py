"""What every verb does: the request under its lock, the step written down, the service and the coins let go."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from timebank.activities.service import close_service, lock_service
from timebank.core.actor import Actor
from timebank.core.errors import Conflict
from timebank.ledger import service as ledger
from timebank.requests.models import HelpRequest, HelpStep
from timebank.requests.queries import RequestNotFound, service_of, sides_of


class ServiceBegun(Conflict):
    """Somebody has come, or the list is under review: what happened is judged from attendance."""

    code = "requests.service_begun"
    text = "已经签到或有了服务记录，不能撤回或退单。没有服务成的，请负责人在核对名单里标为“不计”，审核以后会重新找人。"


def lock_request(session: Session, request_id: int, actor: Actor) -> HelpRequest:
    """The request as it is now, nobody else's to change until we commit. To strangers it does not exist."""
    request = session.get(HelpRequest, request_id, with_for_update={"key_share": True}, populate_existing=True)
    if request is None or not sides_of(session, request, actor).any:
        raise RequestNotFound()
    return request


def note(  # noqa: PLR0913 - the parts of one row
    session: Session,
    request: HelpRequest,
    what: str,
    *,
    actor: Actor | None,
    now: datetime,
    words: str = "",
    to_id: int | None = None,
) -> None:
    """Write down a step."""
    by_id = actor.member_id if actor is not None else None
    session.add(HelpStep(request_id=request.id, what=what, by_id=by_id, to_id=to_id, at=now, words=words))
    session.flush()


def give_up_service(session: Session, request: HelpRequest, *, reason: str, now: datetime) -> None:
    """Let the shift of a claimed request go. Raises ServiceBegun."""
    if request.shift_id is not None:
        shift = lock_service(session, request.shift_id)
        service = service_of(session, request)
        if service is not None and (service.recorded or service.list_waits or service.approved):
            raise ServiceBegun()
        close_service(session, shift, reason=reason, now=now)
    request.shift_id = None


def free_coins(session: Session, request: HelpRequest, *, actor: Actor | None, now: datetime) -> None:
    """Give back what is set aside for a request that ends unserved."""
    if request.hold_id is not None:
        ledger.void_hold(session, request.hold_id, actor_id=actor.member_id if actor else None, now=now)
