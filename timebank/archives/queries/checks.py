"""What stands in the way of closing a month, row by row; and what does not, but should be known before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.archives.queries.audits import latest_audit
from timebank.attendance.models import APPROVED, PENDING, READY, Attendance, ShiftApproval
from timebank.branches.models import Branch
from timebank.clearing.queries import list_parked
from timebank.core.clock import local, month_range
from timebank.core.minutes import coins
from timebank.exchange.models import Order
from timebank.exchange.queries import IN_DISPUTE
from timebank.ledger import queries as ledger
from timebank.ledger import verification
from timebank.members.models import Member

# Checks of the books that a close depends on; the others are the nightly self-check's.
_BOOK_CHECKS = frozenset({"trial_balance", "replay", "holds", "complete", "orphans"})
_SHOWN_ROWS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One reason: a stable code, what is wrong, what to do about it, and the rows it is about (no names of people)."""

    code: str
    title: str
    todo: str
    rows: tuple[str, ...]


def blocking(session: Session, branch: Branch, month: str) -> list[Finding]:
    """Everything that must be put right before ``month`` can be closed; empty when it can be closed now."""
    return [*unsettled(session, branch, month), *_book_findings(session, branch.id)]


def unsettled(session: Session, branch: Branch, month: str) -> list[Finding]:
    """The part of ``blocking`` that is quick to ask and may change any minute; the books themselves are not reread."""
    return _found(session, branch, month, _CHECKS)


def preview_warnings(session: Session, branch: Branch, month: str) -> list[Finding]:
    """``warnings``, and what the last self-check of the books found: the close itself checks them anew."""
    audit = latest_audit(session, branch.id)
    found = warnings(session, branch, month)
    if audit is not None and audit.findings:
        found.append(
            Finding(
                code="archives.last_audit",
                title=f"{local(audit.ran_at):%m-%d %H:%M} 的账本自检没有通过",
                todo="结账时会逐笔重算，对不上就不会结。请先联系系统管理员查看“监督 → 账本自检”。",
                rows=tuple(audit.text.splitlines()[:_SHOWN_ROWS]),
            )
        )
    return found


def warnings(session: Session, branch: Branch, month: str) -> list[Finding]:
    """What is not settled, but will simply be booked in a later month."""
    return _found(session, branch, month, _WARNINGS)


Check = Callable[[Session, Branch, str], Iterator[str]]


def _found(
    session: Session, branch: Branch, month: str, checks: tuple[tuple[str, str, str, Check], ...]
) -> list[Finding]:
    findings = []
    for code, title, todo, check in checks:
        rows = tuple(check(session, branch, month))
        if rows:
            findings.append(Finding(code=code, title=title, todo=todo, rows=rows))
    return findings


def _book_findings(session: Session, branch_id: int) -> list[Finding]:
    return [
        Finding(
            code=f"archives.{check.name}",
            title=f"账本自检没有通过：{check.title}",
            todo="请不要再记账，联系系统管理员查看“监督 → 账本自检”。",
            rows=tuple(f"{found.row}：{found.text}" for found in check.findings[:_SHOWN_ROWS]),
        )
        for check in verification.verify(session, branch_id, only=_BOOK_CHECKS)
        if check.findings
    ]


def _earlier_months(session: Session, branch: Branch, month: str) -> Iterator[str]:
    yield from ledger.months_to_close(session, branch.id, now=month_range(month)[0])


def _later_closed(session: Session, branch: Branch, month: str) -> Iterator[str]:
    yield from (later for later in ledger.closed_months(session, branch.id) if later > month)


def _unbooked(session: Session, branch: Branch, month: str) -> Iterator[str]:
    chosen = _attendance(branch, month_range(month)[1]).where(
        Attendance.status == APPROVED,
        Attendance.entry_id.is_(None),
        # Above a day's cap a minute or two can be worth neither a coin nor a point: nothing was left to book.
        Attendance.signed_minutes + Attendance.manual_minutes > Attendance.capped_minutes,
    )
    for row in session.execute(chosen):
        yield f"{_shift_words(row.starts_at, row.title)}，会员 {row.number}"


def _stale_holds(session: Session, branch: Branch, month: str) -> Iterator[str]:
    end = month_range(month)[1]
    waiting = set(session.scalars(select(Order.hold_id).where(Order.branch_id == branch.id, IN_DISPUTE)))
    for found in ledger.list_open_holds(session, book_id=branch.id, expired_at=end):
        if (
            found.expires_at < end and found.id not in waiting
        ):  # what is in dispute waits for its decision, not for time
            due = local(found.expires_at)
            yield f"冻结 {found.id}（{found.source_type} {found.source_id or ''}），应在 {due:%m-%d %H:%M} 到期"


def _unapproved(session: Session, branch: Branch, month: str) -> Iterator[str]:
    start, end = month_range(month)
    chosen = (
        select(Shift.starts_at, Activity.title)
        .join(Activity, Activity.id == Shift.activity_id)
        .join(ShiftApproval, ShiftApproval.shift_id == Shift.id)
        .where(Activity.branch_id == branch.id, Shift.starts_at >= start, Shift.starts_at < end)
        .where(ShiftApproval.approved_at.is_(None), ShiftApproval.returned_at.is_(None))
        .order_by(Shift.starts_at)
        .limit(_SHOWN_ROWS)
    )
    for row in session.execute(chosen):
        yield _shift_words(row.starts_at, row.title)


def _unsubmitted(session: Session, branch: Branch, month: str) -> Iterator[str]:
    start, end = month_range(month)
    chosen = (
        select(Shift.starts_at, Activity.title)
        .join(Activity, Activity.id == Shift.activity_id)
        .join(Attendance, Attendance.shift_id == Shift.id)
        .where(Activity.branch_id == branch.id, Shift.starts_at >= start, Shift.starts_at < end)
        .where(Attendance.status.in_((PENDING, READY)), Attendance.submitted_in_id.is_(None))
        .where(Shift.cancelled_at.is_(None))
        .group_by(Shift.id, Shift.starts_at, Activity.title)
        .order_by(Shift.starts_at)
        .limit(_SHOWN_ROWS)
    )
    for row in session.execute(chosen):
        yield _shift_words(row.starts_at, row.title)


def _attendance(branch: Branch, before: datetime) -> Select[datetime, str, str]:
    return (
        select(Shift.starts_at, Activity.title, Member.number)
        .join(Attendance, Attendance.shift_id == Shift.id)
        .join(Activity, Activity.id == Shift.activity_id)
        .join(Member, Member.id == Attendance.member_id)
        .where(Member.branch_id == branch.id, Shift.starts_at < before)
        .order_by(Shift.starts_at, Member.number)
        .limit(_SHOWN_ROWS)
    )


def _shift_words(starts_at: datetime, title: str) -> str:
    return f"{local(starts_at):%m-%d %H:%M} “{title}”"


_CHECKS: tuple[tuple[str, str, str, Check], ...] = (
    ("archives.earlier_month_open", "前面还有没结账的月份", "请按先后顺序结账。", _earlier_months),
    (
        "archives.later_month_closed",
        "后面的月份已经结账",
        "封签要一个接一个，不能再插到前面。迟到的记录会记在本月。",
        _later_closed,
    ),
    (
        "archives.unbooked_attendance",
        "有已经审批、还没有入账的服务记录",
        "请到“组织 → 待审批”重新审批这些班次。",
        _unbooked,
    ),
    (
        "archives.stale_holds",
        "有过期还没有释放的冻结",
        "请运行一次 flask jobs once expire_orders，再结账。",
        _stale_holds,
    ),
)


def _parked(session: Session, branch: Branch, month: str) -> Iterator[str]:
    for one in list_parked(session, branch.id):
        if one.parked_at < month_range(month)[1]:
            yield f"{local(one.parked_at):%m-%d} 起 {coins(one.minutes)}，{one.pair.peer_of(branch.id).name}"


_WARNINGS: tuple[tuple[str, str, str, Check], ...] = (
    ("archives.unapproved", "已提交、还没有审批的班次", "审批后会记在下一个没结账的月份。", _unapproved),
    (
        "archives.unsubmitted",
        "有签到、还没有提交审批的班次",
        "请组织者核对并提交；以后会记在下一个没结账的月份。",
        _unsubmitted,
    ),
    (
        "archives.parked",
        "有挂着的待处理款",
        "请到“网点互通 → 待处理款”付给本人、转入基金或者退回；处理以后记在下一个没结账的月份。",
        _parked,
    ),
)
