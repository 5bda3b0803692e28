"""Saving a version of the rules for tests."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.rulebook.models import CoinRule
from timebank.rulebook.rules import Settings
from timebank.rulebook.service import RuleDraft, add_rule

_keys = itertools.count(1)


def save_rule(session: Session, branch_id: int, day: date | datetime, *, now: datetime, **settings: Any) -> CoinRule:
    """A version from a day (or the local day of an instant) on, saved at ``now``."""
    draft = RuleDraft(
        branch_id=branch_id,
        valid_from=clock.today(day) if isinstance(day, datetime) else day,
        settings=Settings(**settings),
        reason="网点会议决定",
        form_key=f"rule-{next(_keys)}",
    )
    return add_rule(session, draft, actor=SYSTEM, now=now)
