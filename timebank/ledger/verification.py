"""``flask ledger verify``: every invariant of the books as a small function that names the rows that break it.

A room of its own beside queries: it trusts nothing that the verbs keep and reads the tables again from the ground.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from timebank.core.clock import month_of
from timebank.ledger.models import CLEARING, INTER_BRANCH, Account, Entry, Hold, HoldEnd, Period, Seal, Transfer
from timebank.ledger.sealing import contents


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One broken promise: which check, which row, what is wrong (Chinese, for the inspector)."""

    check: str
    row: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A named invariant and what it found."""

    name: str
    title: str
    findings: tuple[Finding, ...]


def verify(session: Session, book_id: int, *, only: Collection[str] = ()) -> list[Check]:
    """Run every check over one book, or ``only`` some by name; a sound book has no findings."""
    return [
        Check(
            name=name,
            title=title,
            findings=tuple(Finding(check=name, row=row, text=text) for row, text in check(session, book_id)),
        )
        for name, title, check in CHECKS
        if not only or name in only
    ]


def _replay(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """Running figures equal the sum of the transfers."""
    credited = (
        select(Transfer.credit_id.label("id"), func.sum(Transfer.amount).label("amount"))
        .where(Transfer.book_id == book_id)
        .group_by(Transfer.credit_id)
        .subquery()
    )
    debited = (
        select(Transfer.debit_id.label("id"), func.sum(Transfer.amount).label("amount"))
        .where(Transfer.book_id == book_id)
        .group_by(Transfer.debit_id)
        .subquery()
    )
    came, went = func.coalesce(credited.c.amount, 0), func.coalesce(debited.c.amount, 0)
    rows = session.execute(
        select(Account.code, Account.unit, Account.posted_in, Account.posted_out, came, went)
        .outerjoin(credited, credited.c.id == Account.id)
        .outerjoin(debited, debited.c.id == Account.id)
        .where(Account.book_id == book_id, Account.runs, (Account.posted_in != came) | (Account.posted_out != went))
    )
    for code, unit, kept_in, kept_out, real_in, real_out in rows:
        yield (
            f"account {code}/{unit}",
            f"账户记着转入 {kept_in}、转出 {kept_out}，逐笔重算是转入 {int(real_in)}、转出 {int(real_out)}。",
        )


def _trial_balance(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """Each unit sums to zero over all accounts, from every transfer."""
    legs = union_all(
        select(Transfer.credit_id.label("id"), Transfer.amount).where(Transfer.book_id == book_id),
        select(Transfer.debit_id, -Transfer.amount).where(Transfer.book_id == book_id),
    ).subquery()
    total = func.sum(legs.c.amount)
    rows = session.execute(
        select(Account.unit, total).join(legs, legs.c.id == Account.id).group_by(Account.unit).having(total != 0)
    )
    for unit, amount in rows:
        yield f"unit {unit}", f"所有账户合计应为 0，现在是 {amount}。"


def _holds(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """What an account holds is the sum of its unended holds."""
    opened = (
        select(Hold.account_id, func.sum(Hold.amount).label("amount"))
        .outerjoin(HoldEnd, HoldEnd.hold_id == Hold.id)
        .where(Hold.book_id == book_id, HoldEnd.hold_id.is_(None))
        .group_by(Hold.account_id)
        .subquery()
    )
    real = func.coalesce(opened.c.amount, 0)
    rows = session.execute(
        select(Account.code, Account.unit, Account.held, real)
        .outerjoin(opened, opened.c.account_id == Account.id)
        .where(Account.book_id == book_id, Account.held != real)
    )
    for code, unit, kept, found in rows:
        yield f"account {code}/{unit}", f"账户记着冻结 {kept}，逐笔重算是 {int(found)}。"


def _hold_ends(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """A hold that was posted gave no more than it held, by an entry that took just that from its account."""
    taken = (
        select(func.coalesce(func.sum(Transfer.amount), 0))
        .where(Transfer.entry_id == HoldEnd.entry_id, Transfer.debit_id == Hold.account_id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Hold.id, Hold.amount, HoldEnd.posted_amount, taken)
        .join(HoldEnd, HoldEnd.hold_id == Hold.id)
        .where(Hold.book_id == book_id, HoldEnd.how == "post")
        .where((HoldEnd.posted_amount > Hold.amount) | (HoldEnd.posted_amount != taken))
    )
    for hold_id, held, posted, real in rows:
        yield f"hold {hold_id}", f"冻结 {held}，记着扣款 {posted}，分录里实际扣了 {int(real)}。"


def _floor(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """Available is never below the floor."""
    available = Account.posted_in - Account.posted_out - Account.held
    rows = session.execute(
        select(Account.code, Account.unit, available).where(
            Account.book_id == book_id, Account.runs, available < Account.floor
        )
    )
    for code, unit, amount in rows:
        yield f"account {code}/{unit}", f"可用余额 {amount} 低于下限。"


def _complete(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """Every entry has the transfers it says it has."""
    counted = (
        select(Transfer.entry_id, func.count().label("found"))
        .where(Transfer.book_id == book_id)
        .group_by(Transfer.entry_id)
        .subquery()
    )
    found = func.coalesce(counted.c.found, 0)
    rows = session.execute(
        select(Entry.id, Entry.transfer_count, found)
        .outerjoin(counted, counted.c.entry_id == Entry.id)
        .where(Entry.book_id == book_id, Entry.transfer_count != found)
    )
    for entry_id, wanted, real in rows:
        yield f"entry {entry_id}", f"应有 {wanted} 条划转，实有 {real} 条。"


def _orphans(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """Every transfer belongs to an entry of its book and moves between accounts of its book and unit."""
    debit, credit = Account.__table__.alias("debit"), Account.__table__.alias("credit")
    rows = session.execute(
        select(Transfer.id)
        .outerjoin(Entry, (Entry.id == Transfer.entry_id) & (Entry.book_id == Transfer.book_id))
        .outerjoin(
            debit, (debit.c.id == Transfer.debit_id) & (debit.c.book_id == book_id) & (debit.c.unit == Transfer.unit)
        )
        .outerjoin(
            credit,
            (credit.c.id == Transfer.credit_id) & (credit.c.book_id == book_id) & (credit.c.unit == Transfer.unit),
        )
        .where(Transfer.book_id == book_id, Entry.id.is_(None) | debit.c.id.is_(None) | credit.c.id.is_(None))
    )
    for (transfer_id,) in rows:
        yield f"transfer {transfer_id}", "划转找不到它的分录或账户。"


def _reversals(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """A reversal undoes exactly what it names."""
    chosen = select(Entry).where(Entry.book_id == book_id, Entry.reverses_id.is_not(None))
    for entry in session.scalars(chosen.execution_options(populate_existing=True)):
        undone = sorted((credit, debit, amount) for debit, credit, amount in _moved(session, entry.reverses_id))
        if undone != sorted(_moved(session, entry.id)):
            yield f"entry {entry.id}", f"冲正与原分录 {entry.reverses_id} 不相符。"


def _moved(session: Session, entry_id: int | None) -> list[tuple[int, int, int]]:
    chosen = select(Transfer.debit_id, Transfer.credit_id, Transfer.amount).where(Transfer.entry_id == entry_id)
    return list(session.execute(chosen))


def _clearing(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """Clearing accounts move in inter-branch entries only."""
    rows = session.execute(
        select(Transfer.id)
        .join(Entry, Entry.id == Transfer.entry_id)
        .join(Account, Account.id.in_([Transfer.debit_id, Transfer.credit_id]))
        .where(Transfer.book_id == book_id, Account.kind == CLEARING, Entry.kind != INTER_BRANCH)
    )
    for (transfer_id,) in rows:
        yield f"transfer {transfer_id}", "清算账户出现在非网点间的分录里。"


def _months(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """An entry stands in the month it was posted in."""
    rows = session.execute(
        select(Entry.id, Entry.posted_at, Period.month)
        .join(Period, Period.id == Entry.period_id)
        .where(Entry.book_id == book_id)
        .execution_options(yield_per=5_000)
    )
    for entry_id, posted_at, month in rows:
        if month != month_of(posted_at):
            yield f"entry {entry_id}", f"记账时间在 {month_of(posted_at)}，却落在 {month}。"


def _seals(session: Session, book_id: int) -> Iterator[tuple[str, str]]:
    """Each closed month still hashes to its seal, the seals chain, and the signatures hold."""
    fresh = {"populate_existing": True}
    chosen = select(Seal).where(Seal.book_id == book_id)
    periods = select(Period).where(Period.book_id == book_id).order_by(Period.month)
    seals = {seal.period_id: seal for seal in session.scalars(chosen, execution_options=fresh)}
    previous: str | None = None
    for period in session.scalars(periods, execution_options=fresh).all():
        seal = seals.get(period.id)
        for text in _seal_faults(session, period, seal, previous):
            yield f"period {period.month}", text
        previous = seal.hash if seal else previous


def _seal_faults(session: Session, period: Period, seal: Seal | None, previous: str | None) -> Iterator[str]:
    if seal is None:
        if period.closed_at is not None:
            yield "账期已结账，却没有封签。"
        return
    if period.closed_at is None:
        yield "账期没有结账，却有封签。"
    if seal.previous_hash != previous:
        yield "封签没有接上前一个月的封签。"
    found = contents(session, period, seal.previous_hash)
    if found.hash != seal.hash:
        yield "重算的封签与保存的不一样：这个月的账被改过。"
    if (found.entry_count, found.transfer_count, found.totals) != (seal.entry_count, seal.transfer_count, seal.totals):
        yield "封签上的笔数或合计与这个月的账不一样。"
    if not _signature_holds(seal):
        yield "封签的电子签名不对。"


def _signature_holds(seal: Seal) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal.public_key))
        key.verify(bytes.fromhex(seal.signature), bytes.fromhex(seal.hash))
    except (InvalidSignature, ValueError):
        return False
    return True


CHECKS: tuple[tuple[str, str, Callable[[Session, int], Iterator[tuple[str, str]]]], ...] = (
    ("trial_balance", "试算平衡：所有账户合计为零", _trial_balance),
    ("replay", "账户余额等于逐笔重算", _replay),
    ("holds", "冻结等于未结束的冻结合计", _holds),
    ("hold_ends", "扣款不超过冻结", _hold_ends),
    ("floor", "可用余额不低于下限", _floor),
    ("complete", "每笔分录的划转齐全", _complete),
    ("orphans", "没有无主的划转", _orphans),
    ("reversals", "冲正与原分录相符", _reversals),
    ("clearing", "清算账户只用于网点之间", _clearing),
    ("months", "分录落在正确的账期", _months),
    ("seals", "封签、签名与链条完好", _seals),
)
