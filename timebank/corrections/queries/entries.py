"""An entry as people know it: what it is called, and whether it is theirs."""

from __future__ import annotations

from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.clock import month_name
from timebank.corrections.queries.changes import parties_of
from timebank.ledger import queries as ledger
from timebank.ledger.queries import EntryView
from timebank.ledger.queries.entries import NoSuchEntry


def get_own_entry(session: Session, entry_id: int, actor: Actor) -> EntryView:
    """An entry that moves something of the actor's. Raises NoSuchEntry, to strangers as well."""
    entry = ledger.get_entry(session, entry_id)
    if actor.member_id is None or actor.member_id not in parties_of(session, entry):
        raise NoSuchEntry()
    return entry


def title_of(entry: EntryView) -> str:
    """What an entry is called to people: the activity or the offer, else its month and number."""
    return str(entry.facts.get("title") or f"{month_name(entry.month)}第 {entry.number} 号")
