"""Who is told what of a case, in the transaction of the event itself. Sides are named by alias."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.disputes.models import OUTCOME_NAMES, Dispute, DisputeRuling, DisputeStatement
from timebank.disputes.queries import list_deciders
from timebank.exchange.models import Order
from timebank.members.models import Member
from timebank.notices.service import NoticeDraft, tell_all


def of_opening(session: Session, dispute: Dispute, *, now: datetime) -> None:
    """The other side is asked for its words; who may decide learns that a case waits."""
    facts = {"by": session.get_one(Member, dispute.opened_by_id).alias, "until": str(dispute.due_on)}
    _tell(session, dispute, [dispute.other_id], _Told("dispute.opened", facts), now)
    _tell_deciders(session, dispute, _Told("dispute.waits", facts), now)


def of_statement(session: Session, dispute: Dispute, said: DisputeStatement, *, now: datetime) -> None:
    """The other side learns that there is something to read."""
    by = session.get_one(Member, said.by_id).alias if said.by_id in dispute.sides else "网点"
    told = _Told("dispute.answered", {"by": by}, mark=f":{said.id}")
    _tell(session, dispute, sorted(dispute.sides - {said.by_id}), told, now)


def of_withdrawal(session: Session, dispute: Dispute, *, now: datetime) -> None:
    """The other side, and who would have decided."""
    facts = {"by": session.get_one(Member, dispute.opened_by_id).alias}
    _tell(session, dispute, [dispute.other_id], _Told("dispute.withdrawn", facts), now)
    _tell_deciders(session, dispute, _Told("dispute.no_longer_waits", facts), now)


def of_waiting(session: Session, dispute: Dispute, ruling: DisputeRuling, *, now: datetime) -> None:
    """Others who may decide are asked to be the second; where no manager is left, the administrators."""
    facts = {"outcome": _outcome(dispute, ruling), "reason": _plain(ruling.reason)}
    told = _Told("dispute.second_wanted", facts, mark=f":{ruling.id}", desk=True)
    others = [one.id for one in list_deciders(session, dispute, without=ruling.by_id)]
    _tell(session, dispute, others, told, now)


def of_disagreement(session: Session, dispute: Dispute, ruling: DisputeRuling, *, actor: Actor, now: datetime) -> None:
    """Who decided learns why not."""
    facts = {"by": actor.name, "reason": _plain(ruling.note)}
    told = _Told("dispute.second_declined", facts, mark=f":{ruling.id}", desk=True)
    _tell(session, dispute, [ruling.by_id], told, now)


def of_decision(session: Session, dispute: Dispute, ruling: DisputeRuling, *, now: datetime) -> None:
    """Both sides learn what was decided, and why."""
    facts = {"outcome": _outcome(dispute, ruling), "minutes": ruling.minutes, "reason": _plain(ruling.reason)}
    _tell(session, dispute, sorted(dispute.sides), _Told("dispute.decided", facts), now)


def of_deadline(session: Session, dispute: Dispute, kind: str, mark: str, *, now: datetime) -> None:
    """Who may decide is reminded."""
    _tell_deciders(session, dispute, _Told(kind, {"until": str(dispute.due_on)}, mark=mark), now)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told: ``mark`` sets apart what may happen more than once, ``desk`` leads to the page of staff."""

    kind: str
    facts: Mapping[str, object]
    mark: str = ""
    desk: bool = False


def _outcome(dispute: Dispute, ruling: DisputeRuling) -> str:
    return OUTCOME_NAMES[dispute.stage][ruling.outcome]


def _plain(words: str) -> str:
    return words.rstrip("。.！!")


def _tell(session: Session, dispute: Dispute, whom: Iterable[int | None], told: _Told, now: datetime) -> None:
    """A branch that is a side is nobody to tell: it reads its desk."""
    draft = NoticeDraft(
        kind=told.kind,
        key=f"{told.kind}:{dispute.id}{told.mark}",
        facts={"title": session.get_one(Order, dispute.order_id).offer.title, **told.facts},
        link=f"/branch/disputes/{dispute.id}" if told.desk else f"/me/disputes/{dispute.id}",
    )
    tell_all(session, [one for one in whom if one is not None], draft, now=now)


def _tell_deciders(session: Session, dispute: Dispute, told: _Told, now: datetime) -> None:
    deciders = [one.id for one in list_deciders(session, dispute)]
    _tell(session, dispute, deciders, replace(told, desk=True), now)
