"""What the managers of both branches are told, in the same transaction as the event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.clearing.models import BranchPair, ClearingCase, Netting, PairItem, PairRate, ParkedPayment
from timebank.clearing.rules import rate_words
from timebank.core.clock import month_name
from timebank.members.models import Member
from timebank.members.queries import list_deciding
from timebank.notices.service import NoticeDraft, tell_all


def of_pair(session: Session, pair: BranchPair, kind: str, *, to_id: int, words: str, now: datetime) -> None:
    """The managers of one side learn what the other decided."""
    facts = {"peer": pair.peer_of(to_id).name, "words": words.strip() or "没有写"}
    _tell(session, to_id, _notice(pair, kind, now, to_id=to_id, **facts), now)


def of_line(session: Session, pair: BranchPair, *, creditor_id: int, minutes: int, now: datetime) -> None:
    """The debtor's managers learn how much they may owe."""
    to_id = pair.other_of(creditor_id)
    facts = {"peer": pair.peer_of(to_id).name, "minutes": minutes}
    _tell(session, to_id, _notice(pair, "clearing.line", now, to_id=to_id, **facts), now)


def of_gauge(session: Session, pair: BranchPair, *, creditor_id: int, level: int, owed: int, now: datetime) -> None:
    """Both sides learn that a line is filling up: once for each level and day."""
    for to_id in (creditor_id, pair.other_of(creditor_id)):
        debtor, creditor = pair.peer_of(creditor_id).name, pair.peer_of(pair.other_of(creditor_id)).name
        notice = NoticeDraft(
            kind="clearing.filling",
            key=f"clearing.filling:{pair.id}:{creditor_id}:{level}:{now:%Y-%m-%d}",
            facts={"debtor": debtor, "creditor": creditor, "level": level, "minutes": owed},
            link=f"/branch/clearing/{pair.id}?branch={to_id}",
        )
        _tell(session, to_id, notice, now)


def of_case(session: Session, pair: BranchPair, case: ClearingCase, *, what: str, now: datetime) -> None:
    """Both sides learn that something does not agree."""
    for to_id in (pair.low_id, pair.high_id):
        facts = {"peer": pair.peer_of(to_id).name, "what": what}
        notice = NoticeDraft(
            kind="clearing.case",
            key=f"clearing.case:{case.id}",
            facts=facts,
            link=f"/branch/clearing/{pair.id}?branch={to_id}",
        )
        _tell(session, to_id, notice, now)


def of_items(session: Session, pair: BranchPair, items: Sequence[PairItem], *, now: datetime) -> None:
    """The branches that have to act on new differences learn how many there are."""
    for to_id in (pair.low_id, pair.high_id):
        theirs = [one for one in items if one.owner_id == to_id]
        if theirs:
            notice = NoticeDraft(
                kind="clearing.items",
                key=f"clearing.items:{theirs[0].id}",
                facts={"peer": pair.peer_of(to_id).name, "count": len(theirs)},
                link=f"/branch/clearing/{pair.id}/items?branch={to_id}",
            )
            _tell(session, to_id, notice, now)


def of_exception(session: Session, pair: BranchPair, month: str, kind: str, *, to_id: int, now: datetime) -> None:
    """The other side learns that its signature is wanted; both, that a month was sealed by an exception."""
    notice = NoticeDraft(
        kind=kind,
        key=f"{kind}:{pair.id}:{month}:{now.isoformat()}",
        facts={"peer": pair.peer_of(to_id).name, "month": month_name(month)},
        link=f"/branch/clearing/{pair.id}/statements/{month}?branch={to_id}",
    )
    _tell(session, to_id, notice, now)


def of_rate(session: Session, pair: BranchPair, rate: PairRate, kind: str, *, to_id: int, now: datetime) -> None:
    """The managers of one side learn how the other wants to convert, or what it answered."""
    told = rate_words(pair.low.name, pair.high.name, rate.low_units, rate.high_units)
    notice = NoticeDraft(
        kind=kind,
        key=f"{kind}:{rate.id}",
        facts={
            "peer": pair.peer_of(to_id).name,
            "rate": told,
            "day": f"{rate.valid_from:%Y-%m-%d}",
            "words": rate.note or rate.words or "没有写",
        },
        link=f"/branch/clearing/{pair.id}?branch={to_id}",
    )
    _tell(session, to_id, notice, now)


def of_parked(session: Session, parked: ParkedPayment, kind: str, *, besides: int | None, now: datetime) -> None:
    """The other managers of the branch where coins wait learn that a second person is asked for."""
    notice = NoticeDraft(
        kind=kind,
        key=f"{kind}:{parked.id}:{now.isoformat()}",
        facts={"minutes": parked.minutes, "peer": parked.pair.peer_of(parked.branch_id).name},
        link=f"/branch/clearing/parked?branch={parked.branch_id}",
    )
    others = list_deciding(session, parked.branch_id, without={besides})
    tell_all(session, others, notice, now=now)


def of_unparked(session: Session, member: Member, parked: ParkedPayment, *, now: datetime) -> None:
    """Whoever gets coins that had waited learns of them."""
    facts = {"minutes": parked.minutes, "peer": parked.pair.peer_of(parked.branch_id).name}
    notice = NoticeDraft(
        kind="clearing.unparked", key=f"clearing.unparked:{parked.id}", facts=facts, link="/me/statement"
    )
    tell_all(session, [member.id], notice, now=now)


def of_netting(session: Session, netting: Netting, kind: str, *, besides: int | None, now: datetime) -> None:
    """The managers of a circle learn that their yes is asked for, or what became of it."""
    for leg in netting.legs:
        if leg.branch_id != besides:
            notice = NoticeDraft(
                kind=kind,
                key=f"{kind}:{netting.id}",
                facts={"minutes": netting.minutes, "words": netting.note or "没有写"},
                link=f"/branch/clearing?branch={leg.branch_id}",
            )
            _tell(session, leg.branch_id, notice, now)


def _notice(pair: BranchPair, kind: str, now: datetime, *, to_id: int, **facts: object) -> NoticeDraft:
    return NoticeDraft(
        kind=kind,
        key=f"{kind}:{pair.id}:{now.isoformat()}",
        facts=facts,
        link=f"/branch/clearing/{pair.id}?branch={to_id}",
    )


def _tell(session: Session, branch_id: int, notice: NoticeDraft, now: datetime) -> None:
    tell_all(session, list_deciding(session, branch_id), notice, now=now)
