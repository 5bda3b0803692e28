"""Paper: printing a list, photographing it when it is signed, typing it in, and looking at the photo on record."""

from __future__ import annotations

import base64
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from timebank.activities.models import Shift
from timebank.attendance.models import Sheet
from timebank.attendance.queries import (
    PageState,
    find_approval,
    get_page,
    get_sheet,
    list_looks,
    list_pages,
    list_sheets,
)
from timebank.attendance.rules import LINES_PER_PAGE, line_code, lines_of
from timebank.attendance.schemas import SheetSchema, TypePageSchema
from timebank.attendance.service import (
    PageDraft,
    PhotoDraft,
    SheetDraft,
    TypedLine,
    TypedPage,
    keep_photo,
    look_at_photo,
    print_sheet,
    type_page,
)
from timebank.attendance.views.base import blueprint, instant_near, is_cancelled, reached
from timebank.core import clock, codes
from timebank.core.db import db, transaction
from timebank.core.photos import NoPhoto, read_photo
from timebank.web import print as paper
from timebank.web import qr
from timebank.web.downloads import pdf_file
from timebank.web.filters import moment, span
from timebank.web.forms import Form, saying_refusals
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys, public_url
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_ONE = "/organise/sheets/<number>"
_PAGE = f"{_ONE}/pages/<int:page>"


@blueprint.route("/organise/shifts/<int:shift_id>/sheets", methods=["GET", "POST"])
@guard("sign_up.others")
def sheets(shift_id: int) -> AnyResponse | tuple[str, int]:
    """The sheets of a shift, and a form that prints a new one: its lines stay as they are printed."""
    shift = reached(db.session(), shift_id, "sign_up.others")
    form = Form(SheetSchema(), initial={"which": "list" if shift.taken else "blank", "blank_lines": 10})
    if form.submitted:
        with form.catching():
            given = form.load()
            draft = SheetDraft(
                shift_id=shift_id,
                listed=given["which"] == "list",
                blank_lines=given["blank_lines"],
                form_key=form.key,
            )
            with transaction() as session:
                number = print_sheet(session, draft, actor=current_actor(), now=clock.now()).number
            return redirect(url_for("attendance.sheet", number=number), 303)
        shift = reached(db.session(), shift_id, "sign_up.others")
    page = render_template(
        "attendance/sheets.html",
        shift=shift,
        form=form,
        cancelled=is_cancelled(shift),
        sheets=list_sheets(db.session(), shift_id),
        lines_per_page=LINES_PER_PAGE,
    )
    return page, form.status


def _reached(number: str, permission: str) -> Sheet:
    found = get_sheet(db.session(), number)
    current_actor().require(permission, branch_id=found.shift.activity.branch_id)
    return found


@blueprint.get(_ONE)
@guard("sheet.read")
def sheet(number: str) -> str:
    """One sheet: its pages, what was typed from them, and who looked at the photos."""
    found, session = _reached(number, "sheet.read"), db.session()
    return render_template(
        "attendance/sheet.html",
        sheet=found,
        shift=found.shift,
        pages=list_pages(session, found),
        looks=list_looks(session, found.id),
        lines_of=lines_of,
        me=current_actor().member_id,
        may_type=current_actor().may("attendance.review", branch_id=found.shift.activity.branch_id),
    )


@blueprint.get(f"{_ONE}/list.pdf")
@guard("sign_up.others")
@limiter.limit(DOWNLOAD_LIMIT)
def sheet_file(number: str) -> Response:
    """The sheet to print, as often as needed: always with the lines it was made with."""
    found = _reached(number, "sign_up.others")
    return pdf_file(f"签到登记单-{found.number}", paper.pdf("sheet.typ", _on_paper(found)))


def _on_paper(found: Sheet) -> dict[str, Any]:
    """What ``sheet.typ`` wants."""
    shift = found.shift
    return {
        "branch": shift.activity.branch.name,
        "title": shift.activity.title,
        "span": span(shift.starts_at, shift.ends_at),
        "place": shift.where,
        "organiser": shift.activity.organiser.name,
        "number": codes.grouped(found.number),
        "printed": f"{moment(found.printed_at)}，{found.by.name}",
        "pages": [
            {
                "qr": qr.runs(qr.matrix(_address(found, state))),
                "lines": [
                    {"code": line_code(found.number, one.line), "name": one.shown, "tail": one.tail}
                    for one in state.lines
                ],
            }
            for state in list_pages(db.session(), found)
        ],
    }


def _address(found: Sheet, state: PageState) -> str:
    """Where the code on a page leads: to its photo and its typing, for whoever may."""
    return public_url(url_for("attendance.type_sheet", number=found.number, page=state.page))


@blueprint.post(f"{_PAGE}/photo")
@guard("attendance.review")
@limiter.limit(DOWNLOAD_LIMIT)
def photograph(number: str, page: int) -> AnyResponse:
    """Keep a photo of a signed page."""
    _reached(number, "attendance.review")
    with saying_refusals():
        sent = request.files.get("photo")
        if sent is None or not sent.filename:
            raise NoPhoto()
        photo = read_photo(sent.read())  # before the unit of work begins: a large picture takes a second
        draft = PhotoDraft(number=number, page=page, photo=photo)
        with transaction() as session:
            keep_photo(session, draft, actor=current_actor(), keys=keys(), now=clock.now())
            flash(f"第 {page} 页的照片已加密保存。位置等拍摄信息没有留下。", "success")
    return redirect(url_for("attendance.type_sheet", number=number, page=page), 303)


@blueprint.post(f"{_ONE}/photos/<int:photo_id>")
@guard("sheet.read")
@limiter.limit(DOWNLOAD_LIMIT)
def look(number: str, photo_id: int) -> str:
    """Show a photo, and write down who looked."""
    with transaction() as session:
        picture = look_at_photo(session, number, photo_id, actor=current_actor(), keys=keys(), now=clock.now())
    found = _reached(number, "sheet.read")
    photo = next(one for state in list_pages(db.session(), found) for one in state.photos if one.id == photo_id)
    return render_template(
        "attendance/sheet_photo.html",
        sheet=found,
        shift=found.shift,
        photo=photo,
        source=f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}",
    )


@blueprint.route(_PAGE, methods=["GET", "POST"])
@guard("attendance.review")
def type_sheet(number: str, page: int) -> AnyResponse | tuple[str, int]:
    """Type a signed page in, line by line, with its check totals; all of it is kept, or nothing."""
    found = _reached(number, "attendance.review")
    state = get_page(db.session(), found, page)
    form = Form(TypePageSchema())
    if form.submitted:
        with form.catching():
            typed = _type(form, found.shift, number, page)
            _say(typed, page)
            return redirect(url_for("attendance.sheet", number=found.number), 303)
        found = _reached(number, "attendance.review")
        state = get_page(db.session(), found, page)
    approval = find_approval(db.session(), found.shift_id)
    answer = render_template(
        "attendance/type_sheet.html",
        sheet=found,
        shift=found.shift,
        state=state,
        form=form,
        mine=_own(state),
        closed=not state.typings and approval is not None and approval.undecided,
        line_code=line_code,
    )
    return answer, form.status


def _own(state: PageState) -> bool:
    """Whether this person typed the page before: then it is for somebody else to check."""
    return any(typing.by_id == current_actor().member_id for typing in state.typings)


def _type(form: Form, shift: Shift, number: str, page: int) -> TypedPage:
    given = form.load()
    lines = [
        TypedLine(
            line=row["line"],
            who=row["who"],
            in_at=instant_near(shift, row["in_at"]),
            out_at=instant_near(shift, row["out_at"]),
        )
        for row in given["lines"]
    ]
    summed = given["sum_hours"] is not None or given["sum_minutes"] is not None
    draft = PageDraft(
        number=number,
        page=page,
        lines=lines,
        people=given["people"],
        minutes=(given["sum_hours"] or 0) * 60 + (given["sum_minutes"] or 0) if summed else None,
    )
    with transaction() as session:
        return type_page(session, draft, actor=current_actor(), keys=keys(), now=clock.now())


def _say(typed: TypedPage, page: int) -> None:
    if typed.repeated:
        flash(f"第 {page} 页您已经录入过，没有重复登记。", "notice")
    elif typed.round == 1:
        booked = f"其中 {typed.booked} 人的时长早已入账，没有变；有出入请在分录上更正。" if typed.booked else ""
        flash(f"第 {page} 页已登记 {typed.people} 人。{booked}请另一位工作人员审核；您录入的不能由您审核。", "success")
    elif typed.differences:
        flash(f"复核已保存，有 {len(typed.differences)} 行和第一次不同，请对照照片，到“核对”里更正。", "error")
    else:
        flash(f"复核已保存，第 {page} 页两次录入完全一样。", "success")
