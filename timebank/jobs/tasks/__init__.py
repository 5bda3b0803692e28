"""What the schedule does: doors without a browser. Each opens its own units of work and is told the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from timebank.jobs.tasks.base import BranchesFailed, JobFailed, Place, log
from timebank.jobs.tasks.books import audit_books, close_months, expire_coins, tell_statements
from timebank.jobs.tasks.cards import make_cards, remove_cards
from timebank.jobs.tasks.keeping import forget_runs
from timebank.jobs.tasks.outside import (
    ProposalsFailed,
    join_branches,
    reconcile_pairs,
    remind_of_promises,
    renew_pair_keys,
    resume_proposals,
)
from timebank.jobs.tasks.redeeming import (
    expire_orders,
    remind_of_disputes,
    remind_of_offers,
    remind_of_requests,
    settle_requests,
)
from timebank.jobs.tasks.services import remind_due, remind_people, settle_lines

__all__ = [
    "JOBS",
    "BranchesFailed",
    "JobFailed",
    "Place",
    "ProposalsFailed",
    "audit_books",
    "close_months",
    "expire_coins",
    "expire_orders",
    "forget_runs",
    "join_branches",
    "log",
    "make_cards",
    "reconcile_pairs",
    "remind_due",
    "remind_of_disputes",
    "remind_of_offers",
    "remind_of_promises",
    "remind_of_requests",
    "remind_people",
    "remove_cards",
    "renew_pair_keys",
    "resume_proposals",
    "settle_lines",
    "settle_requests",
    "tell_statements",
]


# What each does and counts in words: ``watch.words``, where pages below this floor can read it.
JOBS: Final[dict[str, Callable[[Place, datetime], int]]] = {
    job.__name__: job
    for job in (
        close_months, audit_books, expire_orders, expire_coins, settle_lines, settle_requests, remind_people,
        remind_due, remind_of_disputes, remind_of_offers, remind_of_promises, remind_of_requests, reconcile_pairs,
        resume_proposals, renew_pair_keys, join_branches, tell_statements, forget_runs, make_cards, remove_cards,
    )
}  # fmt: skip
