"""Reminding whom it concerns that a service is not recorded yet: ten working days are the law's limit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from timebank.attendance.queries import ShiftCard, list_unrecorded
from timebank.core import clock
from timebank.core.workdays import UNKNOWN_YEAR, Deadline, deadline, is_workday, workdays_after
from timebank.members.queries import list_deciding
from timebank.notices.service import NoticeDraft, tell_each

STAGES: Final = (0, 2, 5)  # working days left at which the organiser is told, tightest first


def remind_branch(session: Session, branch_id: int, *, now: datetime) -> int:
    """Tell organisers what is due and managers what is late, each once a stage; returns of how many shifts.

    Only on working days. A repeat adds nothing: every notice has its key.
    """
    today = clock.today(now)
    if not is_workday(today):
        return 0
    dues = [(card, deadline(card.ends_at, now)) for card in list_unrecorded(session, frozenset({branch_id}), now=now)]
    late = [(card, due) for card, due in dues if due.passed]
    soon = [(card, due) for card, due in dues if not due.passed and due.left <= STAGES[-1]]
    tell_each(session, [(card.organiser_id, _due(card, due)) for card, due in soon], now=now)
    managers = list_deciding(session, branch_id) if late else []
    drafts = [*(_overdue(card, due) for card, due in late), *_weekly(branch_id, late, today)]
    tell_each(session, [(member_id, draft) for member_id in managers for draft in drafts], now=now)
    return len(soon) + len(late)


def _due(card: ShiftCard, due: Deadline) -> NoticeDraft:
    """The tightest stage that was reached; one that was slept through is told with the next."""
    stage = next(stage for stage in STAGES if due.left <= stage)
    return NoticeDraft(
        kind="service.due_today" if due.left == 0 else "service.due",
        key=f"service.due:{card.shift_id}:{stage}",
        facts=_facts(card, due) | {"left": due.left},
        link=_link(card),
    )


def _overdue(card: ShiftCard, due: Deadline) -> NoticeDraft:
    return NoticeDraft(
        kind="service.overdue",
        key=f"service.overdue:{card.shift_id}",
        facts=_facts(card, due) | {"organiser": card.organiser},
        link="/organise/overdue",
    )


def _weekly(branch_id: int, late: list[tuple[ShiftCard, Deadline]], today: date) -> Iterator[NoticeDraft]:
    """Once a week, what was told before this week and still waits."""
    monday = today - timedelta(days=today.weekday())
    still = [due for _card, due in late if workdays_after(due.day, 1).day < monday]
    if still:
        yield NoticeDraft(
            kind="service.overdue_weekly",
            key=f"service.overdue_weekly:{branch_id}:{monday.isoformat()}",
            facts={"count": len(still), "days": max(-due.left for due in still)},
            link="/organise/overdue",
        )


def _facts(card: ShiftCard, due: Deadline) -> dict[str, object]:
    return {
        "title": card.title,
        "start": card.starts_at,
        "until": due.day.isoformat(),
        "where": "等另一位工作人员审核" if card.waits_for_approval else "等组织者核对提交",
        "calendar": "" if due.known else f"（{UNKNOWN_YEAR}）",
    }


def _link(card: ShiftCard) -> str:
    return f"/organise/shifts/{card.shift_id}/review"
