"""The sealed statement of a month between two branches: to read, to print, as a table, and as it was sealed."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, abort, render_template, send_file

from timebank.clearing import queries
from timebank.clearing.models import BranchPair
from timebank.clearing.queries import PairLine, SealedMonth
from timebank.clearing.views.base import PAIR, READ, Side, blueprint, choose_side
from timebank.core import clock
from timebank.core.clock import is_month, month_name, month_of, next_month, previous_month
from timebank.core.db import db
from timebank.core.errors import NotFound
from timebank.core.minutes import coins
from timebank.web import print as paper
from timebank.web.downloads import pdf_file, table_file
from timebank.web.guards import guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_MONTH = f"{PAIR}/statements/<month>"
_DOCUMENTS = {"order": "兑换单", "request": "点单", "netting": "轧差"}


class NotSealed(NotFound):
    """There is nothing to take away."""

    code = "clearing.not_sealed"
    text = "这个月还没有封存的对账单。"


@blueprint.get(_MONTH)
@guard(READ)
def statement(pair_id: int, month: str) -> str:
    """A month as both sides have it, or why it is not sealed."""
    side, sealed = _read(pair_id, month)
    session, now = db.session(), clock.now()
    return render_template(
        "clearing/statement.html",
        side=side,
        pair=side.pair,
        month=month,
        sealed=sealed,
        lines=[(document(one), one, debtor_of(side.pair, one.minutes)) for one in sealed.lines] if sealed else [],
        why="" if sealed else queries.why_no_statement(session, side.pair, month, now=now),
        standing=standing,
        before=previous_month(month) if month > "2000-01" else "",
        after=next_month(month) if month < month_of(now) else "",
    )


@blueprint.get(f"{_MONTH}.<kind>")
@guard(READ)
@limiter.limit(DOWNLOAD_LIMIT)
def statement_file(pair_id: int, month: str, kind: str) -> Response:
    """The same as a file: JSON is what was sealed, byte for byte; CSV or XLSX to reckon with; PDF to sign."""
    side, sealed = _read(pair_id, month)
    if sealed is None:
        raise NotSealed()
    name = f"网点对账单-{side.pair.low.code}-{side.pair.high.code}-{month}"
    if kind == "json":
        content = io.BytesIO(sealed.statement.content.encode())
        return send_file(
            content, mimetype="application/json", as_attachment=True, download_name=f"{name}.json", max_age=0
        )
    if kind == "pdf":
        return pdf_file(name, paper.pdf("pair_statement.typ", _on_paper(side.pair, sealed)))
    titles = ("时间", "单据", "编号", "备注", f"{side.pair.low.name}多欠（分钟）")
    rows = [
        (_at(one), _DOCUMENTS.get(one.source_type, one.source_type), one.source_id or "", _note(one), one.minutes)
        for one in sealed.lines
    ]
    return table_file(name, kind, titles, rows)


def _read(pair_id: int, month: str) -> tuple[Side, SealedMonth | None]:
    side = choose_side(pair_id, READ)
    if not is_month(month):
        abort(404)
    return side, queries.find_statement(db.session(), pair_id, month)


def document(line: PairLine) -> str:
    """What a line is about, by number; nobody's name."""
    kind = _DOCUMENTS.get(line.source_type, "其他单据")
    return f"{kind} {line.source_id}" if line.source_id is not None else kind


def debtor_of(pair: BranchPair, minutes: int) -> str:
    """Which branch came to owe more by a movement."""
    return pair.low.name if minutes > 0 else pair.high.name


def standing(pair: BranchPair, minutes: int) -> str:
    """``AA 站欠 BB 站 3 币``, or that nobody owes."""
    if not minutes:
        return "两清"
    debtor, creditor = (pair.low, pair.high) if minutes > 0 else (pair.high, pair.low)
    return f"{debtor.name}欠{creditor.name} {coins(abs(minutes))}"


def _note(line: PairLine) -> str:
    both = f"付 {coins(line.paid)}，收 {coins(line.taken)}" if line.paid is not None and line.taken is not None else ""
    return "；".join(told for told in ("更正退回" if line.reverses else "", both) if told)


def _at(line: PairLine) -> str:
    return f"{clock.local(line.at):%Y-%m-%d %H:%M}"


def _on_paper(pair: BranchPair, sealed: SealedMonth) -> dict[str, Any]:
    """What ``pair_statement.typ`` wants."""
    return {
        "low": pair.low.name,
        "high": pair.high.name,
        "month": month_name(sealed.statement.month),
        "printed": f"{clock.local(clock.now()):%Y-%m-%d %H:%M}",
        "sealed": f"{clock.local(sealed.statement.sealed_at):%Y-%m-%d %H:%M}",
        "hash": sealed.statement.hash,
        "previous": sealed.statement.previous_hash or "",
        "opening": standing(pair, sealed.opening),
        "closing": standing(pair, sealed.closing),
        "lines": [
            {
                "at": _at(one),
                "document": document(one),
                "note": _note(one),
                "debtor": debtor_of(pair, one.minutes),
                "coins": coins(abs(one.minutes)),
            }
            for one in sealed.lines
        ],
    }
