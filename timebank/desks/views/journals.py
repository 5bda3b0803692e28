"""``/inspect/journal``: the books as plain text, for whoever checks them with a program of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flask import Response, stream_with_context

from timebank.branches.views import choose_branch
from timebank.core.db import snapshot
from timebank.core.errors import Invalid
from timebank.desks.views import blueprint
from timebank.ledger.export import Days, Style, journal_pieces
from timebank.web.guards import guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter
from timebank.web.query import Query

STYLES: Final[dict[str, Style]] = {"hledger": "hledger", "beancount": "beancount"}


class BadDays(Invalid):
    """The days asked for are none, or the last lies before the first."""

    code = "desks.bad_days"
    text = "日期要写成 2026-10-01 这样，结束的一天不能早于开始的一天。请回到上一页改一改。"


@blueprint.get("/inspect/journal")
@guard("books.read")
@limiter.limit(DOWNLOAD_LIMIT)
def journal() -> Response:
    """The journal of a branch, whole or of some days, in one of two formats, written while it is read."""
    choice, query = choose_branch("books.read"), Query()
    days, style = _days(query), STYLES[query.one_of("style", STYLES, "hledger")]
    name = f"{choice.branch.code}-{days.first or 'start'}-{days.last or 'now'}.{style}"
    return Response(
        stream_with_context(_pieces(choice.branch.id, style, days)),
        mimetype="text/plain",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _pieces(book_id: int, style: Style, days: Days) -> Iterator[str]:
    with snapshot() as session:
        yield from journal_pieces(session, book_id=book_id, style=style, days=days)


def _days(query: Query) -> Days:
    first, last = query.day("from"), query.day("to")
    unread = any(query.value(name) and query.day(name) is None for name in ("from", "to"))
    if unread or (first and last and last < first):
        raise BadDays()
    return Days(first=first, last=last)
