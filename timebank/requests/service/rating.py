"""评单: what who was served says of the volunteer, and the other way round, once per side."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.db import insert_once
from timebank.core.errors import Conflict, Invalid
from timebank.requests.models import SERVED, VOLUNTEER, HelpRating
from timebank.requests.queries import sides_of
from timebank.requests.rules import decide
from timebank.requests.service.settling import settle
from timebank.requests.service.stepping import lock_request


class AlreadyRated(Conflict):
    """One rating per side."""

    code = "requests.already_rated"
    text = "这一单已经评价过了，每单只评一次。"


class BadScore(Invalid):
    """Not one to five."""

    code = "requests.bad_score"


def rate(session: Session, request_id: int, *, score: int, words: str = "", actor: Actor, now: datetime) -> HelpRating:
    """Rate a request that was served. The recipient's side may be typed by who asked, or by staff who rang them up.

    The same again is harmless. Raises RequestNotFound, NotAllowed, NotDoneYet, RequestEnded, BadScore, AlreadyRated.
    """
    request = lock_request(session, request_id, actor)
    sides = sides_of(session, request, actor)
    if not (sides.volunteer or sides.recipient or sides.asker):
        actor.require("request.check", branch_id=request.branch_id)
    settle(session, request, now=now)
    decide("rate", request.status)
    if not 1 <= score <= 5:
        raise BadScore(fields={"score": "请选 1 到 5 分。"})
    side = VOLUNTEER if sides.volunteer else SERVED
    row = {
        "request_id": request.id,
        "side": side,
        "by_id": actor.member_id,
        "score": score,
        "words": words,
        "at": now,
    }
    session.execute(insert_once(session, HelpRating).values(row))
    rated = select(HelpRating).where(HelpRating.request_id == request.id, HelpRating.side == side)
    rating = session.scalars(rated).one()
    if (rating.by_id, rating.score, rating.words) != (actor.member_id, score, words):
        raise AlreadyRated()
    return rating
