"""The sealed statement of a month between two branches as a file: to print, as a table, and as it was sealed."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, abort, send_file

from timebank.clearing import queries
from timebank.clearing.models import CASE_NAMES, BranchPair
from timebank.clearing.queries import SealedMonth
from timebank.clearing.views.base import MONTH, READ, blueprint, choose_side
from timebank.clearing.views.wording import (
    DOCUMENTS,
    at_of,
    local_text,
    name_at,
    note_on,
    standing,
    told_of,
    unequal_of,
)
from timebank.core import clock
from timebank.core.clock import is_month, month_name
from timebank.core.db import db
from timebank.core.errors import NotFound
from timebank.core.minutes import coins
from timebank.web import print as paper
from timebank.web.downloads import pdf_file, table_file
from timebank.web.guards import guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter


class NotSealed(NotFound):
    """There is nothing to take away."""

    code = "clearing.not_sealed"
    text = "这个月还没有封存的对账单。"


@blueprint.get(f"{MONTH}.<kind>")
@guard(READ)
@limiter.limit(DOWNLOAD_LIMIT)
def statement_file(pair_id: int, month: str, kind: str) -> Response:
    """The same as a file: JSON is what was sealed, byte for byte; CSV or XLSX to reckon with; PDF to sign."""
    side = choose_side(pair_id, READ)
    if not is_month(month):
        abort(404)
    sealed = queries.find_statement(db.session(), pair_id, month)
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
    books = told_of(side.pair, sealed)
    apart = len(books) > 1
    titles = ("时间", "单据", "编号", "备注", f"{side.pair.low.name}多欠（分钟）", *(("谁的账",) if apart else ()))
    rows = [
        (
            at_of(one),
            DOCUMENTS.get(one.source_type, one.source_type),
            one.source_id or "",
            note_on(one),
            one.minutes,
            *((told.of,) if apart else ()),
        )
        for told in books
        for _, one, _ in told.lines
    ]
    return table_file(name, kind, titles, rows)


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
        "books": [
            {
                "of": one.of,
                "opening": standing(pair, one.version.opening),
                "closing": standing(pair, one.version.closing),
                "lines": [
                    {
                        "at": at_of(line),
                        "document": name,
                        "note": note_on(line),
                        "debtor": debtor,
                        "coins": coins(abs(line.minutes)),
                    }
                    for name, line, debtor in one.lines
                ],
            }
            for one in told_of(pair, sealed)
        ],
        "unequal": [list(row) for row in unequal_of(pair, sealed.fields)],
        "cases": [f"{CASE_NAMES[kind]}：{facts}" for _, kind, facts, _ in sealed.fields.get("cases", ())],
        "settled": [
            f"第 {number} 件，{CASE_NAMES[kind]}，{local_text(at)} 了结"
            for number, kind, at in sealed.fields.get("settled", ())
        ],
        "signed": [
            {
                "branch": name_at(pair, one["branch"]),
                "by": one["by"],
                "at": local_text(one["at"]),
                "words": one["words"],
            }
            for one in sealed.signed
        ],
    }
