"""``/inspect``: the books as an inspector reads them. Every page only reads."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.archives import queries as archives
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.clock import month_name
from timebank.core.db import db, snapshot
from timebank.core.masking import mask_name
from timebank.core.paging import Page, page_number
from timebank.desks import bookkeeping
from timebank.desks.views import blueprint
from timebank.ledger import queries as ledger
from timebank.ledger.queries import AccountView
from timebank.members.models import Member
from timebank.retention.queries import list_bad
from timebank.web.downloads import table_file
from timebank.web.guards import guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

PER_PAGE = 40
_OF_MEMBERS = ("member:", "giveaway:")  # how the codes of members' accounts begin


@blueprint.get("/inspect")
@guard("books.read")
def trial_balance() -> str:
    """The trial balance of a branch, whole or of one month, summed by kind of account."""
    query = Query()
    month = query.month()
    with snapshot() as session:
        choice = choose_branch("books.read")
        return render_template(
            "desks/trial_balance.html",
            choice=choice,
            branch=choice.branch,
            query=query,
            month=month,
            months=months_of(session, choice.branch.id),
            trials=bookkeeping.trials(ledger.trial_balance(session, choice.branch.id, month=month)),
            units=bookkeeping.UNITS,
            damaged=len(list_bad(session, choice.branch.id)),
        )


@blueprint.get("/inspect/trial-balance.<kind>")
@guard("books.read")
@limiter.limit(DOWNLOAD_LIMIT)
def trial_balance_file(kind: str) -> Response:
    """The same account by account as a CSV or XLSX file. Credit balances are above zero."""
    month = Query().month()
    with snapshot() as session:
        branch = choose_branch("books.read").branch
        found, name = ledger.trial_balance(session, branch.id, month=month), f"{branch.code}-{month or '全部'}-试算平衡"
    titles = ("单位", "账户", "种类", "期初余额", "本期借方", "本期贷方", "期末余额")
    rows = [
        (
            "爱心币（分钟）" if row.unit == "coin" else "积分",
            row.code, bookkeeping.ACCOUNT_KINDS[row.kind], row.opening, row.debited, row.credited, row.closing,
        )
        for row in found
    ]  # fmt: skip
    return table_file(name, kind, titles, rows)


@blueprint.get("/inspect/entries")
@guard("books.read")
def entries() -> str:
    """The entries of a branch, newest first."""
    choice, query, session = choose_branch("books.read"), Query(), db.session()
    month, number = query.month(), page_number(query.value("page"))
    found, total = ledger.list_entries(session, choice.branch.id, month=month, page=number, per_page=PER_PAGE)
    return render_template(
        "desks/entries.html",
        choice=choice,
        branch=choice.branch,
        query=query,
        months=months_of(session, choice.branch.id),
        page=Page(items=found, number=number, size=PER_PAGE, total=total),
        holders=holders_of(session, {code for entry in found for t in entry.transfers for code in (t.debit, t.credit)}),
        kinds=bookkeeping.ENTRY_KINDS,
        accounts=bookkeeping.ACCOUNT_KINDS,
    )


@blueprint.get("/inspect/accounts")
@guard("books.read")
def accounts() -> str:
    """The accounts of a branch by kind; house accounts first."""
    choice, query, session = choose_branch("books.read"), Query(), db.session()
    kind, unit = query.one_of("kind", bookkeeping.ACCOUNT_KINDS), query.one_of("unit", bookkeeping.UNITS)
    chosen = ledger.AccountFilter(kind=kind, unit=unit, text=query.value("q"))
    page = ledger.page_accounts(
        session, choice.branch.id, chosen, number=page_number(query.value("page")), size=PER_PAGE
    )
    return render_template(
        "desks/accounts.html",
        choice=choice,
        branch=choice.branch,
        query=query,
        page=page,
        balances={account.id: _balance(session, account) for account in page.items},
        holders=holders_of(session, {account.code for account in page.items}),
        kinds=bookkeeping.ACCOUNT_KINDS,
        units=bookkeeping.UNITS,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SealLink:
    """A closed month's seal, and whether it names the seal before it."""

    month: archives.MonthView
    follows: bool


@blueprint.get("/inspect/seals")
@guard("books.read")
def seals() -> str:
    """The chain of seals, newest first."""
    choice, session = choose_branch("books.read"), db.session()
    closed = [m for m in archives.list_months(session, choice.branch.id, now=clock.now()) if m.state == "closed"]
    earlier = [month.seal_hash for month in closed[1:]] + [None] * bool(closed)
    return render_template(
        "desks/seals.html",
        choice=choice,
        branch=choice.branch,
        links=[SealLink(month=m, follows=m.previous_hash == before) for m, before in zip(closed, earlier, strict=True)],
    )


def months_of(session: Session, branch_id: int) -> list[tuple[str, str]]:
    """The months of a branch's books for a choice, newest first."""
    return [(month, month_name(month)) for month in ledger.list_known_months(session, branch_id)]


def _balance(session: Session, account: AccountView) -> int:
    return account.balance if account.runs else ledger.balance(session, account.id)


def holders_of(session: Session, codes: set[str]) -> dict[str, str]:
    """Account code → masked name of the member it belongs to."""
    numbers = {code: code.partition(":")[2] for code in codes if code.startswith(_OF_MEMBERS)}
    rows = session.execute(select(Member.number, Member.name).where(Member.number.in_(set(numbers.values()))))
    names = {row.number: mask_name(row.name) for row in rows}
    return {code: names[number] for code, number in numbers.items() if number in names}
