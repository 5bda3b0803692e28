"""The words under which the books are read on the inspector's pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from timebank.ledger.queries import TrialRow
from timebank.ledger.words import ACCOUNT_KINDS as ACCOUNT_KINDS
from timebank.ledger.words import UNITS as UNITS

ENTRY_KINDS: Final = {
    "earn": "服务存入",
    "redeem": "兑换",
    "serve": "点单服务",
    "reverse": "冲正",
    "inter_branch": "网点之间清算",
    "adjust": "调整",
    "expire": "到期",
    "netting": "轧差",
    "gift": "赠与",
    "grant": "基金帮扶",
}
SOURCES: Final = {
    "attendance": "服务记录",
    "order": "兑换单",
    "request": "点单",
    "netting": "轧差",
    "gift": "赠与",
    "grant": "帮扶单",
    "expiry": "到期",
    "correction": "更正单",
    "parked": "待处理款",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialLine:
    """All accounts of one kind together, closing balance on the side where it stands."""

    kind: str
    name: str
    accounts: int
    opening: int
    debited: int
    credited: int
    debit_balance: int
    credit_balance: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One unit's trial balance: lines by kind, and sums that have to be equal on both sides."""

    unit: str
    lines: tuple[TrialLine, ...]
    debited: int
    credited: int
    debit_balance: int
    credit_balance: int

    @property
    def difference(self) -> int:
        """Debit balances less credit balances: zero, or the books are broken."""
        return self.debit_balance - self.credit_balance


def trials(rows: Sequence[TrialRow]) -> list[Trial]:
    """The trial balance of each unit that was ever moved."""
    return [
        _trial(unit, [row for row in rows if row.unit == unit]) for unit in UNITS if any(r.unit == unit for r in rows)
    ]


def _trial(unit: str, rows: Sequence[TrialRow]) -> Trial:
    lines = tuple(
        _line(kind, name, [row for row in rows if row.kind == kind])
        for kind, name in ACCOUNT_KINDS.items()
        if any(row.kind == kind for row in rows)
    )
    return Trial(
        unit=unit,
        lines=lines,
        debited=sum(line.debited for line in lines),
        credited=sum(line.credited for line in lines),
        debit_balance=sum(line.debit_balance for line in lines),
        credit_balance=sum(line.credit_balance for line in lines),
    )


def _line(kind: str, name: str, rows: Sequence[TrialRow]) -> TrialLine:
    return TrialLine(
        kind=kind,
        name=name,
        accounts=len(rows),
        opening=sum(row.opening for row in rows),
        debited=sum(row.debited for row in rows),
        credited=sum(row.credited for row in rows),
        debit_balance=-sum(row.closing for row in rows if row.closing < 0),
        credit_balance=sum(row.closing for row in rows if row.closing > 0),
    )
