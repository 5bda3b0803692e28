"""From served minutes to transfers: what people get under the rules of a day, in a few statements for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from timebank.ledger import queries as ledger
from timebank.ledger.service import TransferDraft
from timebank.rulebook.queries import find_rules
from timebank.rulebook.rules import Earning, Split, Version, split
from timebank.rulebook.service.accounts import giveaway_accounts, lock_members


@dataclass(frozen=True, kw_only=True, slots=True)
class Earner:
    """Somebody with served minutes, in the books of their own branch."""

    member_id: int
    branch_id: int
    coin_account_id: int
    minutes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What a shift is to the rules: the day it ended on, and whether it was a group activity."""

    day: date
    group: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Everybody's share, the version it was made under, and the accounts its coins go to."""

    rules: dict[int, Version]  # branch → version
    parts: dict[int, Split]  # member → share
    issuance: dict[int, int]
    funds: dict[int, int] = field(default_factory=dict)
    giveaway: dict[int, int] = field(default_factory=dict)

    def transfers(self, earner: Earner) -> list[TransferDraft]:
        """The coins of one earning: to the member, to give away, to the fund; none where the cap left none."""
        parts, source = self.parts[earner.member_id], self.issuance[earner.branch_id]
        legs = (
            (earner.coin_account_id, parts.kept),
            (self.giveaway.get(earner.member_id), parts.given),
            (self.funds.get(earner.branch_id), parts.fund),
        )
        return [
            TransferDraft(debit_id=source, credit_id=account, amount=amount, unit="coin")
            for account, amount in legs
            if account is not None and amount
        ]


def rules_on(session: Session, earners: Sequence[Earner], day: date) -> dict[int, Version]:
    """The version of each branch whose members served, as it was in force on a day."""
    return find_rules(session, {earner.branch_id for earner in earners}, day)


def capped_daily(rules: dict[int, Version], earners: Sequence[Earner]) -> list[int]:
    """The members for whom it matters what else they served on the day."""
    return [earner.member_id for earner in earners if rules[earner.branch_id].daily_cap_minutes is not None]


def share_out(
    session: Session, earners: Sequence[Earner], service: Service, *, rules: dict[int, Version], today: dict[int, int]
) -> Shares:
    """Share everybody's minutes out. ``today``: member → coins issued for the day's other shifts, where a cap asks.

    Balances are read, and members locked, only where a version has a holding cap; give-away accounts are opened and the
    fund is looked up only where something goes there.
    """
    balances = _balances(session, [one for one in earners if rules[one.branch_id].holding_cap_minutes is not None])
    parts = {
        one.member_id: split(
            Earning(
                minutes=one.minutes,
                group=service.group,
                today=today.get(one.member_id, 0),
                balance=balances.get(one.coin_account_id, 0),
            ),
            rules[one.branch_id],
        )
        for one in earners
    }
    giving = [who for who, share in parts.items() if share.given]
    over = {one.branch_id for one in earners if parts[one.member_id].fund}
    return Shares(
        rules=rules,
        parts=parts,
        issuance={branch_id: ledger.find_house_account(session, branch_id, "issuance") for branch_id in rules},
        funds={branch_id: ledger.find_house_account(session, branch_id, "fund") for branch_id in over},
        giveaway=giveaway_accounts(session, giving) if giving else {},
    )


def _balances(session: Session, earners: Sequence[Earner]) -> dict[int, int]:
    """What stands on accounts, which nobody else decides by until we commit."""
    if not earners:
        return {}
    lock_members(session, [one.member_id for one in earners])
    return ledger.balances_of(session, [one.coin_account_id for one in earners])
