"""Who is told what, in the transaction of the event itself."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.corrections.models import CORRECTED, Correction, CorrectionRequest
from timebank.corrections.queries import back_of, list_open_requests_of, moves_of, owners_of, title_of
from timebank.ledger import queries as ledger
from timebank.ledger.queries import EntryView
from timebank.ledger.service import EntryDraft
from timebank.members.models import Member
from timebank.notices.service import NoticeDraft, tell_all

STATEMENT = "/me/statement"
GIVEAWAY = "giveaway"  # the kind of account whose coins may only be given away


def tell_booked(
    session: Session, correction: Correction, entry: EntryView, instead: EntryDraft | None, *, now: datetime
) -> None:
    """The members concerned learn what changed and why; who asked for a look at the entry gets that as the answer."""
    asked = {request.member_id: request for request in list_open_requests_of(session, entry.id)}
    for request in asked.values():
        request.status, request.correction_id = CORRECTED, correction.id
        request.answered_by_id, request.answered_at = correction.asked_by_id, now
        request.answer = correction.reason
    session.flush()
    for member_id, sums in _sums(session, entry, instead).items():
        kind = "correction.request_corrected" if member_id in asked else "correction.booked"
        kind += "_giveaway" if sums[GIVEAWAY] else ""
        told = NoticeDraft(
            kind=kind,
            key=f"correction.booked:{correction.id}",
            facts={
                "title": title_of(entry),
                "coins": sums["coin"],
                "giveaway": sums[GIVEAWAY],
                "points": sums["point"],
                "reason": correction.reason.rstrip("。.！!"),
            },
            link=STATEMENT,
        )
        tell_all(session, [member_id], told, now=now)


def _sums(session: Session, entry: EntryView, instead: EntryDraft | None) -> dict[int, Counter[str]]:
    moves = [*back_of(entry), *moves_of(instead)]
    ids = {id_ for move in moves for id_ in (move.payer_id, move.taker_id)}
    accounts = {id_: ledger.get_account(session, id_) for id_ in ids}
    owners: dict[int, Member] = owners_of(session, list(accounts.values()))
    sums: dict[int, Counter[str]] = {member.id: Counter() for member in owners.values()}
    for move in moves:
        for account_id, amount in ((move.payer_id, -move.amount), (move.taker_id, move.amount)):
            if account_id in owners:
                account = accounts[account_id]
                sums[owners[account_id].id][GIVEAWAY if account.kind == GIVEAWAY else account.unit] += amount
    return sums


def tell_asker(
    session: Session, correction: Correction, entry: EntryView, *, kind: str, facts: dict[str, object], now: datetime
) -> None:
    """Who asked for a correction learns what the second person decided."""
    told = NoticeDraft(
        kind=kind,
        key=f"{kind}:{correction.id}",
        facts={"month": entry.month, "number": entry.number, **facts},
        link=f"/inspect/entries/{entry.id}",
    )
    tell_all(session, [correction.asked_by_id], told, now=now)


def tell_declined_request(session: Session, request: CorrectionRequest, entry: EntryView, *, now: datetime) -> None:
    """The member learns why nothing was changed."""
    told = NoticeDraft(
        kind="correction.request_declined",
        key=f"correction.request_declined:{request.id}",
        facts={"title": title_of(entry), "reason": request.answer.rstrip("。.！!")},
        link=STATEMENT,
    )
    tell_all(session, [request.member_id], told, now=now)
