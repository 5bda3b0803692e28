"""Passbooks to print: my own, and at the counter for people without a phone. New lines go on where the last ended."""

from __future__ import annotations

from typing import Any

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, snapshot, transaction
from timebank.core.minutes import coins, hours
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.passbooks import queries, service
from timebank.passbooks.models import PassbookPrint
from timebank.passbooks.queries import PassbookRow
from timebank.passbooks.rules import LINES_PER_PAGE, PrintNotFound, sheets_of, spot_of
from timebank.passbooks.views.base import ID, blueprint
from timebank.web import print as paper
from timebank.web.downloads import pdf_file
from timebank.web.forms import form_key, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_OF_MEMBER = f"/branch/members/<{ID}:member_id>/passbook"


@blueprint.get("/me/passbook")
@guard("passbook.own")
def mine() -> str:
    """My passbook: how far it is printed, and what is new."""
    return _page(get_member(db.session(), current_actor().member_id or 0), staff=False)


@blueprint.post("/me/passbook")
@guard("passbook.own")
def print_mine() -> Response:
    """Print what is new, or the whole again."""
    _print(current_actor().member_id or 0)
    return redirect(url_for("passbooks.mine"), 303)


@blueprint.get(f"/me/passbook/<{ID}:print_id>/passbook.pdf")
@guard("passbook.own")
@limiter.limit(DOWNLOAD_LIMIT)
def my_sheets(print_id: int) -> FlaskResponse:
    """The pages of a print of mine."""
    found = queries.get_print(db.session(), print_id)
    if found.member_id != current_actor().member_id:
        raise PrintNotFound()
    return _sheets(print_id)


@blueprint.get(_OF_MEMBER)
@guard("passbook.print")
def of_member(member_id: int) -> str:
    """A person's passbook at the counter."""
    return _page(_reached(member_id), staff=True)


@blueprint.post(_OF_MEMBER)
@guard("passbook.print")
def print_for(member_id: int) -> Response:
    """Print for a person."""
    _reached(member_id)
    _print(member_id)
    return redirect(url_for("passbooks.of_member", member_id=member_id), 303)


@blueprint.get(f"/branch/passbooks/<{ID}:print_id>/passbook.pdf")
@guard("passbook.print")
@limiter.limit(DOWNLOAD_LIMIT)
def sheets_for(print_id: int) -> FlaskResponse:
    """The pages of a print for a person."""
    _reached(queries.get_print(db.session(), print_id).member_id)
    return _sheets(print_id)


def _reached(member_id: int) -> Member:
    member = get_member(db.session(), member_id)
    current_actor().require("passbook.print", branch_id=member.branch_id)
    return member


def _page(member: Member, *, staff: bool) -> str:
    session = db.session()
    standing = queries.standing_of(session, member)
    return render_template(
        "passbooks/passbook.html",
        member=member,
        staff=staff,
        standing=standing,
        goes_on=spot_of(standing.last + 1),
        lines_per_page=LINES_PER_PAGE,
        prints=queries.list_prints(session, member.id),
        form_key=form_key(),
    )


def _print(member_id: int) -> None:
    whole = request.form.get("whole") == "1"
    draft = service.PrintDraft(member_id=member_id, whole=whole, form_key=form_key())
    with saying_refusals(), transaction() as session:
        made = service.print_passbook(session, draft, actor=current_actor(), now=clock.now())
        flash(f"第 {made.first_number}–{made.last_number} 行排好了，请点“打印（PDF）”。", "success")


def _sheets(print_id: int) -> FlaskResponse:
    with snapshot() as session:
        printed = queries.get_print(session, print_id)
        values = sheet_values(printed, queries.rows_of(session, printed))
    name = f"存折-{values['member_number']}-{values['first']}-{values['last']}"
    return pdf_file(name, paper.pdf("passbook.typ", values))


def sheet_values(printed: PassbookPrint, rows: list[PassbookRow]) -> dict[str, Any]:
    """What ``passbook.typ`` wants: pages of slots; a page that was printed on gets its new lines alone."""
    member = printed.member
    return {
        "name": member.name,
        "member_number": member.number,
        "branch": member.branch.name,
        "first": printed.first_number,
        "last": printed.last_number,
        "sheets": [
            {
                "number": sheet.number,
                "fresh": sheet.fresh,
                "slots": [_slot(row) if row is not None else None for row in sheet.slots],
            }
            for sheet in sheets_of(rows, first=printed.first_number)
        ],
    }


def _slot(row: PassbookRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "day": row.day.isoformat(),
        "text": row.text,
        "where": row.where,
        "hours": hours(row.minutes) if row.minutes else "",
        "amount": ("+" if row.amount > 0 else "") + coins(row.amount),
        "balance": coins(row.balance),
        "signer": row.signer,
    }
