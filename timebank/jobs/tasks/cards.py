"""Files of growth cards: made while somebody waits for them, removed when their days are over."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from timebank.core.clock import running_on
from timebank.growth import making
from timebank.jobs.tasks.base import Place
from timebank.web import print as paper


def make_cards(place: Place, now: datetime) -> int:
    """Make the files of cards that wait, and what was being made when something stopped; returns how many."""
    shop = making.Workshop(keys=place.keys, folder=_folder(place), render=paper.pdf, clock=running_on(now))
    return making.make_waiting(shop)


def remove_cards(place: Place, now: datetime) -> int:
    """Remove files of cards that lay there for some days; returns how many."""
    return making.remove_old(_folder(place), now)


def _folder(place: Place) -> Path:
    return place.archives.with_name("cards")
