"""Telling members that a closed month's statement is there: in batches, once each, on from where a crash left off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from timebank.core.clock import month_name
from timebank.core.db import insert_once
from timebank.ledger import queries as ledger
from timebank.ledger.queries import Stood
from timebank.members.models import Member
from timebank.notices.service import NoticeDraft, tell_each
from timebank.passbooks.models import StatementRun
from timebank.passbooks.queries import latest_closed

FRESH: Final = timedelta(days=45)  # a month that closed longer ago is no news; its statement is there all the same


def tell_statements(session: Session, branch_id: int, *, now: datetime, at_most: int) -> int:
    """Tell the next members of a branch of their newest statement; returns how many were looked at, 0 when all were.

    Whoever had a movement in the month, or something left at its end, is told. Two at once take turns.
    """
    closed = latest_closed(session, branch_id)
    if closed is None or now - closed[1] > FRESH:
        return 0
    month = closed[0]
    run = _locked_run(session, branch_id, month, now)
    if run.done_at is not None:
        return 0
    people = _next_people(session, branch_id, after=run.told_to, at_most=at_most)
    run.told += _tell(session, people, month, now)
    if people:
        run.told_to = people[-1].id
    if len(people) < at_most:
        run.done_at = now
    session.flush()
    return len(people)


def _locked_run(session: Session, branch_id: int, month: str, now: datetime) -> StatementRun:
    fresh = insert_once(session, StatementRun).values(
        branch_id=branch_id, month=month, told_to=0, told=0, begun_at=now, done_at=None
    )
    session.execute(fresh)
    return session.scalars(
        select(StatementRun)
        .where(StatementRun.branch_id == branch_id, StatementRun.month == month)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _next_people(session: Session, branch_id: int, *, after: int, at_most: int) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(
        select(Member.id, Member.coin_account_id, Member.point_account_id, Member.giveaway_account_id)
        .where(Member.branch_id == branch_id, Member.coin_account_id.is_not(None), Member.id > after)
        .order_by(Member.id)
        .limit(at_most)
    ).all()


def _tell(session: Session, people: Sequence[Row[*tuple[Any, ...]]], month: str, now: datetime) -> int:
    accounts = {person.id: tuple(filter(None, person[1:])) for person in people}
    stood = ledger.stood_at(session, [id_ for ids in accounts.values() for id_ in ids], month)
    nothing = Stood(0, moved=False)
    told = [
        (person.id, _draft(month, stood.get(person.coin_account_id, nothing).balance))
        for person in people
        if any(id_ in stood for id_ in accounts[person.id])
    ]
    tell_each(session, told, now=now)
    return len(told)


def _draft(month: str, closing: int) -> NoticeDraft:
    return NoticeDraft(
        kind="statement.ready",
        key=f"statement:{month}",
        facts={"month": month_name(month), "closing": closing},
        link=f"/me/statement/{month}",
    )
