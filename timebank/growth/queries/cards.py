"""The growth card: of one member for the screen, of a thousand for the printer, by the same few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from timebank.attendance.queries import MemberTotals, minutes_by_day, totals_of
from timebank.core import clock
from timebank.core.keys import Keys
from timebank.growth.models import Milestone
from timebank.growth.queries.milestones import list_standing_milestones
from timebank.growth.queries.recognition import find_stars
from timebank.growth.rules import Stars
from timebank.ledger.queries import balances_of
from timebank.members.models import Member
from timebank.members.queries import find_cards, show_many_codes, teams_of
from timebank.members.rules import CardCodes

_PICTURED = timedelta(days=400)  # more than the 53 weeks and 12 months that are shown


@dataclass(frozen=True, kw_only=True, slots=True)
class CardView:
    """Everything a card shows. ``codes`` is None while no card is valid; ``days``: minutes by day, of a year."""

    member: Member
    codes: CardCodes | None
    card_id: int | None
    issued_at: datetime | None
    totals: MemberTotals
    stars: Stars
    coin_minutes: int
    points: int
    teams: list[str]
    milestones: list[Milestone]
    days: Counter[date]

    def of_kind(self, kind: str) -> list[Milestone]:
        """The trainings, awards or evaluations, the latest first."""
        return [one for one in self.milestones if one.kind == kind]


def get_card(session: Session, member: Member, keys: Keys, *, today: date, pictured_to: date | None = None) -> CardView:
    """The growth card of a member as of now."""
    return get_cards(session, [member], keys, today=today, pictured_to=pictured_to)[0]


def get_cards(
    session: Session, members: Sequence[Member], keys: Keys, *, today: date, pictured_to: date | None = None
) -> list[CardView]:
    """The growth cards of these members as of now, in their order.

    Their days are enough to picture the year that ends today, or on another day.
    """
    ids = [member.id for member in members]
    cards = find_cards(session, ids)
    codes = show_many_codes(session, keys, list(cards.values()))
    totals, stars, teams = totals_of(session, ids), find_stars(session, members, today), teams_of(session, ids)
    milestones = list_standing_milestones(session, ids)
    days = minutes_by_day(session, ids, since=clock.instant((pictured_to or today) - _PICTURED, time()))
    accounts = [account for member in members for account in (member.coin_account_id, member.point_account_id)]
    balances = balances_of(session, [account for account in accounts if account is not None])
    return [
        CardView(
            member=member,
            codes=codes[cards[member.id].id] if member.id in cards else None,
            card_id=cards[member.id].id if member.id in cards else None,
            issued_at=cards[member.id].issued_at if member.id in cards else None,
            totals=totals[member.id],
            stars=stars[member.id],
            coin_minutes=balances.get(member.coin_account_id or 0, 0),
            points=balances.get(member.point_account_id or 0, 0),
            teams=teams[member.id],
            milestones=milestones[member.id],
            days=days[member.id],
        )
        for member in members
    ]
