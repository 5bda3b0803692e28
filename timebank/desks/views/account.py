"""``/inspect/accounts/…``: one account's statement in debit and credit, between any two days, also as a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response, render_template
from sqlalchemy.orm import Session

from timebank.branches.models import Branch
from timebank.core import clock
from timebank.core.db import snapshot
from timebank.core.errors import Invalid
from timebank.desks import bookkeeping
from timebank.desks.views import blueprint
from timebank.desks.views.books import PER_PAGE, holders_of, months_of
from timebank.desks.views.documents import person_shown
from timebank.ledger import queries as ledger
from timebank.ledger.queries import AccountView, StatementLine
from timebank.members.queries import list_names
from timebank.web.downloads import table_file
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query, Span

_EXPORT_ROWS = 1_000  # lines read at a time
MOST_ROWS = 20_000  # a sheet is made in memory
_TITLES = (
    "记账时间", "发生时间", "分录", "种类", "凭据", "凭据编号", "对方账户", "借方", "贷方", "余额",
    "办理", "为谁", "规则",
)  # fmt: skip


class TooManyLines(Invalid):
    """More lines than one file takes."""

    code = "desks.too_many_lines"
    text = (
        "这段时间有 {count} 条流水，一个文件最多装 {most} 条。请回到上一页选一个月，或者短一些的日期，分几次下载；"
        "要全部的账，请在“试算平衡”页下载“交给别人核对”的文件。"
    )


@blueprint.get("/inspect/accounts/<int(max=2147483647):account_id>")
@guard("books.read")
def account(account_id: int) -> str:
    """One page of movements: document, other account, who did it for whom, under which rules, balance after it."""
    with snapshot() as session:
        return _shown(session, _readable(session, account_id), Query())


def _shown(session: Session, shown: AccountView, query: Query) -> str:
    span = query.span()
    found = ledger.statement(
        session, shown.id, start=span.start, end=span.end, before=query.value("before"), size=PER_PAGE
    )
    return render_template(
        "desks/account.html",
        account=shown,
        branch=session.get_one(Branch, shown.book_id),
        balance=found.closing,
        statement=found,
        query=query,
        span=span,
        asked={"month": query.month(), "from": query.day("from"), "to": query.day("to")},
        months=months_of(session, shown.book_id),
        holders=holders_of(session, {shown.code, *(line.other for line in found.lines)}),
        hands=_hands(session, found.lines),
        kinds=bookkeeping.ENTRY_KINDS,
        accounts=bookkeeping.ACCOUNT_KINDS,
        sources=bookkeeping.SOURCES,
        units=bookkeeping.UNITS,
    )


@blueprint.get("/inspect/accounts/<int(max=2147483647):account_id>.<kind>")
@guard("books.read")
@limiter.limit(DOWNLOAD_LIMIT)
def account_file(account_id: int, kind: str) -> Response:
    """The same as a CSV or XLSX file, oldest first: minutes for coins, points for points; credit is above zero.

    Raises TooManyLines.
    """
    span = Query().span()
    with snapshot() as session:
        shown = _readable(session, account_id)
        lines = _all_lines(session, account_id, span)[::-1]
        people = list_names(session, {who for line in lines for who in (line.actor_id, line.for_member_id) if who})
    numbers = {member_id: member.number for member_id, member in people.items()}
    name = f"{shown.code.replace(':', '-')}-{span.words or '全部'}-流水"
    return table_file(name, kind, _TITLES, [_row(line, numbers) for line in lines])


def _row(line: StatementLine, numbers: dict[int, str]) -> tuple[Any, ...]:
    return (
        f"{clock.local(line.posted_at):%Y-%m-%d %H:%M:%S}",
        f"{clock.local(line.occurred_at):%Y-%m-%d %H:%M:%S}",
        line.entry_id,
        bookkeeping.ENTRY_KINDS.get(line.kind, line.kind),
        bookkeeping.SOURCES.get(line.source_type, line.source_type),
        line.source_id,
        line.other,
        -line.amount if line.amount < 0 else None,
        line.amount if line.amount > 0 else None,
        line.balance,
        numbers.get(line.actor_id or 0, "系统"),
        numbers.get(line.for_member_id or 0, ""),
        line.rule or "",
    )


def _all_lines(session: Session, account_id: int, span: Span) -> list[StatementLine]:
    asked: dict[str, Any] = {"start": span.start, "end": span.end, "size": _EXPORT_ROWS}
    page = ledger.statement(session, account_id, **asked)
    if page.count > MOST_ROWS:
        raise TooManyLines(count=page.count, most=MOST_ROWS)
    lines = list(page.lines)
    while page.older:
        page = ledger.statement(session, account_id, **asked, before=page.older)
        lines += page.lines
    return lines


def _readable(session: Session, account_id: int) -> AccountView:
    shown = ledger.get_account(session, account_id)
    current_actor().require("books.read", branch_id=shown.book_id)
    return shown


def _hands(session: Session, lines: Iterable[StatementLine]) -> dict[int, str]:
    """Entry → who did it, and for whom where that is somebody else."""
    found = list(lines)
    people = list_names(session, {who for line in found for who in (line.actor_id, line.for_member_id) if who})
    words = {}
    for line in found:
        who, whom = people.get(line.actor_id or 0), people.get(line.for_member_id or 0)
        told = person_shown(who) if who else "系统"
        words[line.entry_id] = f"{told}，为 {person_shown(whom)}" if whom and whom is not who else told
    return words
