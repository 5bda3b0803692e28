"""The limits that hold at a branch, and how they came about."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import SignUpRule
from timebank.activities.rules import BUILT_IN, LIMIT_NAMES, Limits


def find_limits(session: Session, branch_id: int) -> Limits:
    """What holds at a branch now: what was saved last, or what is built in."""
    rule = session.scalars(
        select(SignUpRule).where(SignUpRule.branch_id == branch_id).order_by(SignUpRule.id.desc()).limit(1)
    ).first()
    return BUILT_IN if rule is None else Limits(**{name: getattr(rule, name) for name in LIMIT_NAMES})


def list_limit_rules(session: Session, branch_id: int) -> list[SignUpRule]:
    """Everything that was ever saved for a branch, newest first."""
    found = select(SignUpRule).where(SignUpRule.branch_id == branch_id).order_by(SignUpRule.id.desc())
    return list(session.scalars(found))
