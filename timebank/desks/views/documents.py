"""``/inspect/entries/<id>``: an entry, the document behind it, and what reverses it."""

from __future__ import annotations

from flask import render_template
from sqlalchemy.orm import Session

from timebank.attendance.models import Attendance
from timebank.attendance.queries import list_sheet_numbers
from timebank.branches.models import Branch
from timebank.core import minutes
from timebank.core.db import db
from timebank.core.errors import Refusal
from timebank.core.masking import mask_name
from timebank.corrections import queries as corrections
from timebank.corrections.models import KIND_NAMES, STATUS_NAMES
from timebank.desks import bookkeeping
from timebank.desks.views import blueprint
from timebank.desks.views.books import holders_of
from timebank.exchange.models import DISPUTED_NAME, ORDER_STATUS_NAMES, UNDONE_IN_BOOKS, Order
from timebank.ledger import queries as ledger
from timebank.ledger.queries import EntryView
from timebank.members.models import Member
from timebank.members.queries import list_names
from timebank.web.filters import moment, span
from timebank.web.guards import current_actor, guard

Facts = list[tuple[str, str]]


@blueprint.get("/inspect/entries/<int(max=9007199254740991):entry_id>")
@guard("books.read")
def entry(entry_id: int) -> str:
    """One entry."""
    session = db.session()
    shown = ledger.get_entry(session, entry_id)
    current_actor().require("books.read", branch_id=shown.book_id)
    return render_template(
        "desks/entry.html",
        entry=shown,
        branch=session.get_one(Branch, shown.book_id),
        document=_document(session, shown),
        sheets=_sheets(session, shown),
        people=_people(session, shown),
        corrections=corrections.list_of_entry(session, entry_id),
        correction_kinds=KIND_NAMES,
        correction_statuses=STATUS_NAMES,
        may_correct=_may_correct(session, shown),
        holders=holders_of(session, {code for t in shown.transfers for code in (t.debit, t.credit)}),
        kinds=bookkeeping.ENTRY_KINDS,
        accounts=bookkeeping.ACCOUNT_KINDS,
        units=bookkeeping.UNITS,
    )


def _may_correct(session: Session, shown: EntryView) -> bool:
    """Whether to show the button at all: something can be corrected here, by this person, and nothing waits."""
    try:
        corrections.refuse_entry(session, shown, current_actor())
    except Refusal:
        return False
    return corrections.find_waiting(session, shown.id) is None


def _sheets(session: Session, shown: EntryView) -> list[str]:
    """The numbers of the paper lists behind a service record, for whoever may see them."""
    record = session.get(Attendance, shown.source_id) if shown.source_type == "attendance" else None
    if record is None or not current_actor().may("sheet.read", branch_id=record.shift.activity.branch_id):
        return []
    return list_sheet_numbers(session, record.shift_id, record.member_id)


def _people(session: Session, shown: EntryView) -> Facts:
    ids = [member_id for member_id in (shown.actor_id, shown.for_member_id) if member_id]
    names = list_names(session, ids)
    who = names.get(shown.actor_id or 0)
    whom = names.get(shown.for_member_id or 0)
    return [("办理", person_shown(who) if who else "系统"), *([("为谁", person_shown(whom))] if whom else [])]


def _document(session: Session, shown: EntryView) -> tuple[str, Facts] | None:
    """The title and the facts of the document an entry names; None when it cannot be found."""
    if shown.source_id is None:
        return None
    if shown.source_type == "attendance":
        record = session.get(Attendance, shown.source_id)
        return ("服务记录", _attendance(record)) if record else None
    if shown.source_type == "order":
        order = session.get(Order, shown.source_id)
        return ("兑换单", _order(order)) if order else None
    return None


def _attendance(record: Attendance) -> Facts:
    facts = [
        ("编号", str(record.id)),
        ("会员", person_shown(record.member)),
        ("活动", record.shift.activity.title),
        ("班次", span(record.shift.starts_at, record.shift.ends_at)),
        ("签到", moment(record.in_at) if record.in_at else "没有"),
        ("签退", moment(record.out_at) if record.out_at else "没有"),
        ("签到时长", minutes.hours(record.signed_minutes)),
        ("补录时长", minutes.hours(record.manual_minutes)),
    ]
    if record.corrections:
        now = f"签到 {minutes.hours(record.signed_now)}，补录 {minutes.hours(record.manual_now)}"
        facts.append(("更正后", now if record.minutes_now else "不计"))
    if record.manual_reason:
        facts.append(("补录原因", record.manual_reason))
    return facts


def _order(order: Order) -> Facts:
    return [
        ("编号", str(order.id)),
        ("兑换", f"{order.offer.title} × {order.booked_quantity}"),
        ("谁兑换", person_shown(order.member)),
        ("谁提供", person_shown(order.provider) if order.provider else order.offer.given_by),
        ("爱心币", minutes.coins(order.booked_minutes)),
        *([("原来约好", minutes.coins(order.amount_minutes))] if order.fulfilled_minutes else []),
        *([("只算一部分，因为", order.part_reason)] if order.part_reason else []),
        *([("更正后", minutes.coins(order.amount_now))] if order.corrections else []),
        ("提出", moment(order.requested_at)),
        ("完成", moment(order.fulfilled_at) if order.fulfilled_at else "还没有"),
        ("状态", _state(order)),
    ]


def _state(order: Order) -> str:
    if order.undone:
        return UNDONE_IN_BOOKS
    return DISPUTED_NAME if order.in_dispute else ORDER_STATUS_NAMES[order.status]


def person_shown(member: Member) -> str:
    """A member as the inspector sees one: masked name and number."""
    return f"{mask_name(member.name)} {member.number}"
