"""The blueprint that all pages of giving hang on, and what they share."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy.orm import Session

from timebank.core.minutes import coins
from timebank.giving.models import COIN, GIVEAWAY, PURSES
from timebank.ledger import queries as ledger
from timebank.members.models import Member

blueprint = Blueprint("giving", __name__)


def purses_of(session: Session, member: Member) -> dict[str, int]:
    """What may be given from each purse now."""
    accounts = {GIVEAWAY: member.giveaway_account_id, COIN: member.coin_account_id}
    return {
        name: max(ledger.get_account(session, account_id).available, 0) if account_id is not None else 0
        for name, account_id in accounts.items()
    }


def purse_options(purses: dict[str, int]) -> list[tuple[str, str, str]]:
    """The purses to choose from, empty ones only where all are empty."""
    return [
        (name, title, f"现在有 {coins(purses[name])}")
        for name, title in PURSES.items()
        if purses[name] or not any(purses.values())
    ]
