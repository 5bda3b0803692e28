"""Jobs around orders, offers, requests and their disputes."""

from __future__ import annotations

from datetime import datetime

from timebank.core.db import transaction
from timebank.disputes import service as disputes
from timebank.exchange import service as exchange
from timebank.jobs.tasks.base import Place, in_batches
from timebank.requests import service as requests


def expire_orders(_place: Place, now: datetime) -> int:
    """End orders whose time has run out, in batches; returns how many."""
    return in_batches(lambda session, at_most: len(exchange.expire_orders(session, now=now, at_most=at_most)))


def remind_of_offers(_place: Place, now: datetime) -> int:
    """Tell owners of offers that end soon or ended yesterday; returns of how many offers."""
    with transaction() as session:
        return exchange.remind_of_lapsing(session, now=now)


def remind_of_disputes(_place: Place, now: datetime) -> int:
    """Remind who may decide of cases that are due soon, today, or late; returns of how many. Silent on days off."""
    with transaction() as session:
        return disputes.remind_of_disputes(session, now=now)


def settle_requests(_place: Place, now: datetime) -> int:
    """Bring requests in step with their services, end those of which the days are over; returns how many changed."""
    with transaction() as session:
        settled = requests.settle_requests(session, now=now)
    ended = in_batches(lambda session, at_most: requests.expire_requests(session, now=now, at_most=at_most))
    return settled + ended


def remind_of_requests(_place: Place, now: datetime) -> int:
    """Remind coordinators of what nobody takes, managers of what nobody took up; returns of how many requests."""
    with transaction() as session:
        return requests.remind_of_requests(session, now=now)
