"""Who is told that a month could not be closed: once for each reason, however often it is tried."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from timebank.archives.service.sealing import NotReady
from timebank.branches.queries import get_branch
from timebank.core.clock import month_name
from timebank.core.errors import PROGRAM_FAILED, Refusal
from timebank.members.queries import list_staff
from timebank.notices.service import NoticeDraft, tell_all


def tell_unclosed(session: Session, branch_id: int, month: str, *, because: Exception, now: datetime) -> None:
    """Tell the managers and the administrators that a month is not closed or not packed, and why."""
    branch = get_branch(session, branch_id)
    reason = hashlib.sha256(_reason(because).encode()).hexdigest()[:12]
    why = because.message if isinstance(because, Refusal) else PROGRAM_FAILED
    told = NoticeDraft(
        kind="archive.unclosed",
        key=f"unclosed:{branch_id}:{month}:{reason}",
        facts={"branch": branch.name, "month": month_name(month), "why": why},
        link=f"/branch/archives/{branch.code}/{month}",
    )
    staff = list_staff(session, branch_id, {"manager", "administrator"})
    tell_all(session, [person.id for person in staff], told, now=now)


def _reason(because: Exception) -> str:
    """What makes two refusals the same: which checks failed, not how many rows they named."""
    if isinstance(because, NotReady):
        return ",".join(finding.name for finding in because.findings)
    return because.code if isinstance(because, Refusal) else type(because).__name__
