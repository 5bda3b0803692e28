"""What accounts are said to have, against every row from the ground."""

from __future__ import annotations

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from timebank.ledger.models import CLEARING, Account, FloorDecision, Hold, HoldEnd, LineDecision, Transfer
from timebank.ledger.verification.check import Rows


def trial_balance(session: Session, book_id: int) -> Rows:
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


def replay(session: Session, book_id: int) -> Rows:
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


def holds(session: Session, book_id: int) -> Rows:
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


def hold_ends(session: Session, book_id: int) -> Rows:
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


def floor(session: Session, book_id: int) -> Rows:
    """Available is never below the floor."""
    available = Account.posted_in - Account.posted_out - Account.held
    rows = session.execute(
        select(Account.code, Account.unit, available).where(
            Account.book_id == book_id, Account.runs, available < Account.floor
        )
    )
    for code, unit, amount in rows:
        yield f"account {code}/{unit}", f"可用余额 {amount} 低于下限。"


def floors(session: Session, book_id: int) -> Rows:
    """A floor stands below zero only by a decision of two, and just where the account stands: it owes all it may."""
    latest = select(FloorDecision.account_id, func.max(FloorDecision.id).label("id")).group_by(FloorDecision.account_id)
    last = latest.subquery()
    available = Account.posted_in - Account.posted_out - Account.held
    rows = session.execute(
        select(Account.code, Account.unit, Account.floor, available, FloorDecision.floor)
        .outerjoin(last, last.c.account_id == Account.id)
        .outerjoin(FloorDecision, FloorDecision.id == last.c.id)
        .where(Account.book_id == book_id, Account.floor != 0, Account.kind != CLEARING)
        .order_by(Account.id)
    )
    for code, unit, floor, stands, found in rows:
        row = f"account {code}/{unit}"
        decided: int | None = found  # none where nobody decided
        if floor > 0:
            yield row, f"下限是 {floor}，下限不会高于 0。"
        elif decided is None:
            yield row, f"下限是 {floor}，却没有两个人的决定。"
        elif floor < decided:
            yield row, f"下限是 {floor}，两个人只决定到 {decided}。"
        elif floor != stands:
            yield row, f"下限是 {floor}，可用余额是 {stands}：还上的部分应当已经抬高下限。"


def lines(session: Session, book_id: int) -> Rows:
    """A clearing account rests at the last line decided for it; below only while more is owed than that."""
    latest = select(LineDecision.account_id, func.max(LineDecision.id).label("id")).group_by(LineDecision.account_id)
    last = latest.subquery()
    available = Account.posted_in - Account.posted_out - Account.held
    rows = session.execute(
        select(Account.code, Account.floor, Account.resting_floor, available, func.coalesce(LineDecision.minutes, 0))
        .outerjoin(last, last.c.account_id == Account.id)
        .outerjoin(LineDecision, LineDecision.id == last.c.id)
        .where(Account.book_id == book_id, Account.kind == CLEARING)
        .order_by(Account.id)
    )
    for code, floor, resting, stands, decided in rows:
        if -resting != decided:
            yield f"account {code}", f"额度记着 {-resting}，最后决定的是 {decided}。"
        elif floor != min(resting, stands):
            yield f"account {code}", f"下限是 {floor}，额度是 {-resting}，可用余额是 {stands}：下限与额度不符。"


def floor_decisions(session: Session, book_id: int) -> Rows:
    """Each decision names two people, and an entry that took from the account it is about."""
    taken = (
        select(func.coalesce(func.sum(Transfer.amount), 0))
        .where(Transfer.entry_id == FloorDecision.entry_id, Transfer.debit_id == FloorDecision.account_id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(FloorDecision.id, FloorDecision.asked_by_id, FloorDecision.decided_by_id, taken)
        .join(Account, Account.id == FloorDecision.account_id)
        .where(Account.book_id == book_id)
        .order_by(FloorDecision.id)
    )
    for decision_id, asked, decided, amount in rows:
        if asked == decided:
            yield f"floor_decision {decision_id}", "提出的人和决定的人是同一位。"
        if not amount:
            yield f"floor_decision {decision_id}", "所指的分录没有从这个账户扣款。"
