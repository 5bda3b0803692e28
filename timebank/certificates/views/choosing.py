"""Putting a certificate together: days, branch, records, language; then one button. For oneself or for others."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.certificates import queries, service
from timebank.certificates.rules import (
    ALL,
    LANGUAGE_NAMES,
    RANGE,
    YEAR,
    NothingChosen,
    Period,
    Served,
    period_of,
)
from timebank.certificates.schemas import CertificateSchema
from timebank.certificates.views.base import address
from timebank.core import clock
from timebank.core.clock import read_day
from timebank.core.db import db, transaction
from timebank.core.masking import mask_name
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.web.forms import Form, tidy_text
from timebank.web.guards import current_actor
from timebank.web.keyring import keys


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Where the page stands: its own address, the way back, where a certificate is shown, whether it is for others."""

    action: str
    back: str
    shown: str
    proxy: bool


def put_together(member_id: int, desk: Desk) -> Response | tuple[str, int]:
    """The page, and what it sends: on to the certificate that was issued, or the page again with what is wrong."""
    form = Form(CertificateSchema(), initial=request.args.to_dict())
    made = _issue_sent(member_id, form) if form.submitted else None
    if made is not None:
        return redirect(url_for(desk.shown, certificate_id=made), 303)
    return _page(get_member(db.session(), member_id), form, desk)


def _issue_sent(member_id: int, form: Form) -> int | None:
    """Issue what the form says; the certificate's id, or None where the form has to say what is wrong."""
    made = None
    with form.catching(), transaction() as session:
        given = form.load()
        shown = _within(queries.list_served(session, member_id), given["branch"], given["period"])
        known = frozenset(one.attendance_id for one in shown)
        if known and not given["records"]:
            raise NothingChosen()
        draft = service.CertificateDraft(
            member_id=member_id,
            branch_id=given["branch"],
            form_key=given["form_key"],
            address=address(),
            period=given["period"],
            records=given["records"] if given["records"] != known else frozenset(),
            language=given["language"],
            document=given["document"],
        )
        made = service.issue(session, draft, actor=current_actor(), keys=keys(), now=clock.now()).id
        flash("证明开好了，不收费。", "success")
    return made


def _within(served: list[Served], branch_id: int, period: Period) -> list[Served]:
    return [one for one in served if one.branch_id == branch_id and period.holds(one.day)]


def _page(member: Member, form: Form, desk: Desk) -> tuple[str, int]:
    """What can be certified of the days asked for, everything ticked at first."""
    session = db.session()
    served = queries.list_served(session, member.id)
    recorders = queries.list_recorders(session, served)
    branch_id, asked, period = _asked([branch.id for branch, _ in recorders])
    shown = _within(served, branch_id, period)
    ticked = {int(one) for one in form.values("records") if one.isascii() and one.isdigit()}
    years = sorted({one.day.year for one in served if one.branch_id == branch_id}, reverse=True)
    page = render_template(
        "certificates/new.html",
        member=member,
        masked_name=mask_name(member.name),
        desk=desk,
        form=form,
        recorders=recorders,
        branch_id=branch_id,
        recorder=next((branch.name for branch, _ in recorders if branch.id == branch_id), ""),
        asked=asked,
        asked_first=period.first,
        asked_last=period.last,
        periods=[(ALL, "全部"), *((str(year), f"{year} 年") for year in years), (RANGE, "自己选日期")],
        shown=shown[::-1],
        total=sum(one.minutes for one in shown),
        ticked=ticked if form.submitted else {one.attendance_id for one in shown},
        languages=[*LANGUAGE_NAMES.items()],
        has_document=member.id_number_sealed is not None,
        anything=bool(served),
    )
    return page, form.status


def _asked(branch_ids: list[int]) -> tuple[int, dict[str, str], Period]:
    """The branch and days asked for in the address, or sent with the form; nonsense is as if nothing was asked."""
    source = request.form if request.method == "POST" else request.args
    asked = {name: tidy_text(source.get(name, ""))[:20] for name in ("branch", "period", "first", "last")}
    chosen = next((id_ for id_ in branch_ids if str(id_) == asked["branch"]), branch_ids[0] if branch_ids else 0)
    kind = asked["period"]
    if kind == RANGE or (not kind and (asked["first"] or asked["last"])):
        return (
            chosen,
            asked | {"period": RANGE},
            period_of(RANGE, first=read_day(asked["first"]), last=read_day(asked["last"])),
        )
    if len(kind) == len("2026") and kind.isascii() and kind.isdigit() and kind.startswith("2"):
        return chosen, asked, period_of(YEAR, year=int(kind))
    return chosen, asked | {"period": ALL}, period_of(ALL)
