"""How things stand beside the books before a close: what is not booked, not given back, not settled, row by row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from timebank.activities.models import Activity, Shift
from timebank.archives.queries.checks.result import CheckResult, count_rows
from timebank.attendance.models import APPROVED, PENDING, READY, Attendance, ShiftApproval
from timebank.branches.models import Branch
from timebank.clearing.queries import list_parked, list_waiting_cases, list_waiting_payments
from timebank.core.clock import local, month_range
from timebank.core.minutes import coins
from timebank.exchange.models import Order
from timebank.exchange.queries import IN_DISPUTE
from timebank.ledger import queries as ledger
from timebank.members.models import Member

Look = Callable[[Session, Branch, str, datetime], Iterator[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """A check that is quick to ask: what holds when nothing is found, what is said otherwise, who looks."""

    name: str
    title: str
    fault: str
    todo: str
    place: str
    look: Look


def check_standing(session: Session, branch: Branch, month: str, *, now: datetime) -> list[CheckResult]:
    """What must be put right before ``month`` can be closed, apart from the books: quick, and may change any minute.

    In a month that still runs: what would stand in the way if it closed now.
    """
    return _ask(session, branch, month, now, _BLOCKING, blocks=True)


def check_open(session: Session, branch: Branch, month: str, *, now: datetime) -> list[CheckResult]:
    """What is not settled, but will simply be booked in a later month."""
    return _ask(session, branch, month, now, _WARNINGS, blocks=False)


def _ask(
    session: Session, branch: Branch, month: str, now: datetime, questions: tuple[_Question, ...], *, blocks: bool
) -> list[CheckResult]:
    results = []
    for asked in questions:
        begun = time.perf_counter()
        count, rows = count_rows(asked.look(session, branch, month, now))
        results.append(
            CheckResult(
                name=asked.name,
                title=asked.title,
                fault=asked.fault,
                todo=asked.todo,
                place=asked.place,
                blocks=blocks,
                count=count,
                rows=rows,
                milliseconds=round((time.perf_counter() - begun) * 1000),
            )
        )
    return results


def _earlier_months(session: Session, branch: Branch, month: str, _now: datetime) -> Iterator[str]:
    yield from ledger.months_to_close(session, branch.id, now=month_range(month)[0])


def _later_closed(session: Session, branch: Branch, month: str, _now: datetime) -> Iterator[str]:
    yield from (later for later in ledger.closed_months(session, branch.id) if later > month)


def _unbooked(session: Session, branch: Branch, month: str, _now: datetime) -> Iterator[str]:
    # Asked on many pages, so it begins at the few records that are not booked (``ix_attendance_unbooked``). The status
    # stands in the statement itself: no partial index fits a value that comes later.
    waiting = (
        select(Attendance.shift_id, Attendance.member_id)
        .where(Attendance.status == literal(APPROVED, literal_execute=True), Attendance.entry_id.is_(None))
        # Above a day's cap a minute or two can be worth neither a coin nor a point: nothing was left to book.
        .where(Attendance.signed_minutes + Attendance.manual_minutes > Attendance.capped_minutes)
        .cte("waiting")
        .prefix_with("MATERIALIZED")
    )
    chosen = (
        select(Shift.starts_at, Activity.title, Member.number)
        .select_from(waiting)
        .join(Shift, Shift.id == waiting.c.shift_id)
        .join(Activity, Activity.id == Shift.activity_id)
        .join(Member, Member.id == waiting.c.member_id)
        .where(Member.branch_id == branch.id, Shift.starts_at < month_range(month)[1])
        .order_by(Shift.starts_at, Member.number)
    )
    for row in session.execute(chosen):
        yield f"{_shift_words(row.starts_at, row.title)}，会员 {row.number}"


def _stale_holds(session: Session, branch: Branch, month: str, now: datetime) -> Iterator[str]:
    end = min(month_range(month)[1], now)  # while the month runs: what is late already
    waiting = set(session.scalars(select(Order.hold_id).where(Order.branch_id == branch.id, IN_DISPUTE)))
    for found in ledger.list_open_holds(session, book_id=branch.id, expired_at=end):
        # What is in dispute waits for its decision, not for time.
        if found.expires_at < end and found.id not in waiting:
            due = local(found.expires_at)
            yield f"冻结 {found.id}（{found.source_type} {found.source_id or ''}），应在 {due:%m-%d %H:%M} 到期"


def _unapproved(session: Session, branch: Branch, month: str, _now: datetime) -> Iterator[str]:
    start, end = month_range(month)
    chosen = (
        select(Shift.starts_at, Activity.title)
        .join(Activity, Activity.id == Shift.activity_id)
        .join(ShiftApproval, ShiftApproval.shift_id == Shift.id)
        .where(Activity.branch_id == branch.id, Shift.starts_at >= start, Shift.starts_at < end)
        .where(ShiftApproval.approved_at.is_(None), ShiftApproval.returned_at.is_(None))
        .order_by(Shift.starts_at)
    )
    for row in session.execute(chosen):
        yield _shift_words(row.starts_at, row.title)


def _unsubmitted(session: Session, branch: Branch, month: str, _now: datetime) -> Iterator[str]:
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
    )
    for row in session.execute(chosen):
        yield _shift_words(row.starts_at, row.title)


def _unanswered(session: Session, branch: Branch, _month: str, now: datetime) -> Iterator[str]:
    for proposal in list_waiting_payments(session, branch.id):
        since = local(proposal.reserved_at)
        way = f"付给{proposal.payee.name}" if proposal.payer_id == branch.id else f"{proposal.payer.name}付来"
        yield f"清算单 {proposal.id}：{since:%m-%d %H:%M} {way}，已等 {(now - proposal.reserved_at).days} 天"


def _parked(session: Session, branch: Branch, month: str, _now: datetime) -> Iterator[str]:
    for one in list_parked(session, branch.id):
        if one.parked_at < month_range(month)[1]:
            yield f"{local(one.parked_at):%m-%d} 起 {coins(one.minutes)}，{one.pair.peer_of(branch.id).name}"


def _pair_cases(session: Session, branch: Branch, _month: str, _now: datetime) -> Iterator[str]:
    for case in list_waiting_cases(session, branch.id):
        yield f"差异 {case.id}，{local(case.opened_at):%m-%d %H:%M} 发现"


def _shift_words(starts_at: datetime, title: str) -> str:
    return f"{local(starts_at):%m-%d %H:%M} “{title}”"


_BLOCKING: tuple[_Question, ...] = (
    _Question(
        name="earlier_month_open",
        title="前面的月份都已结账",
        fault="前面还有没结账的月份",
        todo="请按先后顺序结账。",
        place="months",
        look=_earlier_months,
    ),
    _Question(
        name="later_month_closed",
        title="后面的月份都没有结账",
        fault="后面的月份已经结账",
        todo="封签要一个接一个，不能再插到前面。迟到的记录会记在本月。",
        place="months",
        look=_later_closed,
    ),
    _Question(
        name="unbooked_attendance",
        title="审批过的服务记录都已入账",
        fault="有已经审批、还没有入账的服务记录",
        todo="请到“组织 → 待审批”重新审批这些班次。",
        place="approvals",
        look=_unbooked,
    ),
    _Question(
        name="stale_holds",
        title="到期的冻结都已释放",
        fault="有过期还没有释放的冻结",
        todo="定时任务每 5 分钟释放一次。一直不动，请系统管理员运行 flask jobs once expire_orders，再结账。",
        place="orders",
        look=_stale_holds,
    ),
)
_WARNINGS: tuple[_Question, ...] = (
    _Question(
        name="unapproved",
        title="提交的班次都已审批",
        fault="已提交、还没有审批的班次",
        todo="月底以前审批，就记在这个月；以后审批，会记在下一个没结账的月份。",
        place="approvals",
        look=_unapproved,
    ),
    _Question(
        name="unsubmitted",
        title="有签到的班次都已提交",
        fault="有签到、还没有提交审批的班次",
        todo="请组织者核对并提交；月底以前没有审批的，会记在下一个没结账的月份。",
        place="overdue",
        look=_unsubmitted,
    ),
    _Question(
        name="unanswered_payments",
        title="网点之间的付款都已办完",
        fault="有还在路上的网点之间的付款",
        todo="对方网点还没有答复。不妨碍结账，办完以后记在下一个没结账的月份；拖得久了，请到“网点互通”里看一看。",
        place="clearing",
        look=_unanswered,
    ),
    _Question(
        name="parked",
        title="没有挂着的待处理款",
        fault="有挂着的待处理款",
        todo="请到“网点互通 → 待处理款”付给本人、转入基金或者退回；处理以后记在下一个没结账的月份。",
        place="clearing",
        look=_parked,
    ),
    _Question(
        name="pair_cases",
        title="和别的网点没有未了的差异",
        fault="和别的网点之间有差异要核对",
        todo="请到“网点互通”里处理。不妨碍结账；两边的对账单会在差异了结以后补进后面月份的归档包。",
        place="clearing",
        look=_pair_cases,
    ),
)
