"""Tables of the ledger. The database keeps the running figures itself, by triggers of the migrations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from timebank.core.db import BIG, Base

COIN: Final = "coin"
POINT: Final = "point"
UNITS: Final = (COIN, POINT)

# Kinds of account: those of people, the fund and clearing keep running figures and a floor; the others are read from
# transfers.
MEMBER: Final = "member"
FUND: Final = "fund"
ISSUANCE: Final = "issuance"
REDEEMED: Final = "redeemed"
EXPIRED: Final = "expired"
CLEARING: Final = "clearing"
SUSPENSE: Final = "suspense"
CONVERSION: Final = "conversion"  # minutes of one branch against those of another that are worth as much
ROUNDING: Final = "rounding"  # what is left over where they are not whole
ADJUSTMENT: Final = "adjustment"
GIVEAWAY: Final = "giveaway"  # a member's coins that may only be given away
RUNNING_KINDS: Final = frozenset({MEMBER, GIVEAWAY, FUND, CLEARING})
KINDS: Final = (
    MEMBER, FUND, ISSUANCE, REDEEMED, EXPIRED, CLEARING, SUSPENSE, ADJUSTMENT, GIVEAWAY, CONVERSION, ROUNDING,
)  # fmt: skip
OWING_KINDS: Final = frozenset({MEMBER, GIVEAWAY})  # may fall below zero when two people decide so; the fund never

INTER_BRANCH: Final = "inter_branch"  # the only entry kind that may touch a clearing account
EXPIRE: Final = "expire"  # entries that let coins expire
GIVING_KINDS: Final = ("gift", "reverse", EXPIRE, "adjust")  # entry kinds that may take from a give-away account


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Book(Base):
    """One branch's books, which balance by themselves."""

    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)


class Account(Base):
    """A place where an amount of one unit stands. ``posted_in − posted_out − held ≥ floor`` where figures run.

    The figures follow transfers, holds and their ends by triggers. The floor rests at 0, or for a clearing account at
    minus the line that the creditor decided (``LineDecision``). A decision of two people lowers a member's
    (``FloorDecision``); every deposit lifts a floor again towards where it rests.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("book_id", "code", "unit"),
        UniqueConstraint("id", "book_id", "unit"),  # what a transfer points at: same book, same unit
        CheckConstraint(_one_of("unit", UNITS), name="unit"),
        CheckConstraint(_one_of("kind", KINDS), name="kind"),
        CheckConstraint("posted_in >= 0 AND posted_out >= 0 AND held >= 0", name="figures"),
        CheckConstraint("NOT runs OR posted_in - posted_out - held >= floor", name="available_above_floor"),
        CheckConstraint("runs OR (posted_in = 0 AND posted_out = 0 AND held = 0)", name="only_running_has_figures"),
        CheckConstraint("resting_floor = 0 OR (kind = 'clearing' AND resting_floor < 0)", name="line_of_clearing"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    code: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(16))
    unit: Mapped[str] = mapped_column(String(8))
    runs: Mapped[bool]
    posted_in: Mapped[int] = mapped_column(BigInteger, default=0)
    posted_out: Mapped[int] = mapped_column(BigInteger, default=0)
    held: Mapped[int] = mapped_column(BigInteger, default=0)
    floor: Mapped[int] = mapped_column(BigInteger, default=0)
    resting_floor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    closed: Mapped[bool] = mapped_column(default=False)

    @property
    def balance(self) -> int:
        """What stands on a running account, holds included."""
        return self.posted_in - self.posted_out

    @property
    def available(self) -> int:
        """What may be spent now."""
        return self.posted_in - self.posted_out - self.held


_STILL_OPEN = text("closed_at IS NULL")


class Period(Base):
    """A calendar month of a book (Asia/Shanghai): just what was posted in it; once closed it stays closed."""

    __tablename__ = "period"
    __table_args__ = (
        UniqueConstraint("book_id", "month"),
        UniqueConstraint("id", "book_id"),
        CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL AND closed_by_name IS NULL)", name="closed_by"),
        Index("ix_period_open", "book_id", "month", sqlite_where=_STILL_OPEN, postgresql_where=_STILL_OPEN),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    month: Mapped[str] = mapped_column(String(7))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None]
    closed_by_name: Mapped[str | None] = mapped_column(String(80))


class Entry(Base):
    """One immutable business event: transfers that stand or fall together, its document, its actor."""

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("book_id", "key"),
        UniqueConstraint("id", "book_id"),
        UniqueConstraint("reverses_id"),
        ForeignKeyConstraint(["period_id", "book_id"], ["period.id", "period.book_id"]),
        Index("uq_entry_id_book_id_period_id", "id", "book_id", "period_id", unique=True),  # what a transfer points at
        Index("ix_entry_period_id", "period_id", "id", "posted_at"),
        Index("ix_entry_source", "source_type", "source_id"),
        CheckConstraint("transfer_count > 0", name="has_transfers"),
    )
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    period_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(24))
    key: Mapped[str] = mapped_column(String(120))
    content_hash: Mapped[str] = mapped_column(String(64))
    transfer_count: Mapped[int]
    source_type: Mapped[str] = mapped_column(String(24))
    source_id: Mapped[int | None] = mapped_column(BIG)
    actor_id: Mapped[int | None]
    for_member_id: Mapped[int | None]
    occurred_at: Mapped[datetime]
    posted_at: Mapped[datetime]
    reverses_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"))
    rule: Mapped[str | None] = mapped_column(String(40))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    transfers: Mapped[list[Transfer]] = relationship(order_by="Transfer.seq", viewonly=True)
    period: Mapped[Period] = relationship(viewonly=True)


class Transfer(Base):
    """``amount`` moves from the debit account to the credit account; both in the entry's book and in one unit."""

    __tablename__ = "transfer"
    __table_args__ = (
        UniqueConstraint("entry_id", "seq"),
        ForeignKeyConstraint(
            ["entry_id", "book_id", "period_id"],
            ["entry.id", "entry.book_id", "entry.period_id"],
            name="fk_transfer_entry_same_book_and_period",
        ),
        ForeignKeyConstraint(
            ["debit_id", "book_id", "unit"],
            ["account.id", "account.book_id", "account.unit"],
            name="fk_transfer_debit_same_book_and_unit",
        ),
        ForeignKeyConstraint(
            ["credit_id", "book_id", "unit"],
            ["account.id", "account.book_id", "account.unit"],
            name="fk_transfer_credit_same_book_and_unit",
        ),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        Index("ix_transfer_debit_id", "debit_id", "period_id", "id", "amount", "entry_id"),
        Index("ix_transfer_credit_id", "credit_id", "period_id", "id", "amount", "entry_id"),
    )
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    entry_id: Mapped[int] = mapped_column(BIG)
    seq: Mapped[int]
    book_id: Mapped[int]
    period_id: Mapped[int]
    unit: Mapped[str] = mapped_column(String(8))
    debit_id: Mapped[int]
    credit_id: Mapped[int]
    amount: Mapped[int] = mapped_column(BigInteger)

    debit: Mapped[Account] = relationship(primaryjoin="foreign(Transfer.debit_id) == Account.id", viewonly=True)
    credit: Mapped[Account] = relationship(primaryjoin="foreign(Transfer.credit_id) == Account.id", viewonly=True)


class Hold(Base):
    """An amount set aside on a running account until it is posted, voided or expires, exactly once."""

    __tablename__ = "hold"
    __table_args__ = (
        UniqueConstraint("book_id", "key"),
        ForeignKeyConstraint(
            ["account_id", "book_id", "unit"],
            ["account.id", "account.book_id", "account.unit"],
            name="fk_hold_account_same_book_and_unit",
        ),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_hold_account_id", "account_id"),
        Index("ix_hold_expires_at", "expires_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    account_id: Mapped[int]
    unit: Mapped[str] = mapped_column(String(8))
    amount: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[str] = mapped_column(String(120))
    content_hash: Mapped[str] = mapped_column(String(64))
    source_type: Mapped[str] = mapped_column(String(24))
    source_id: Mapped[int | None] = mapped_column(BIG)
    actor_id: Mapped[int | None]
    placed_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class HoldEnd(Base):
    """How a hold ended; its key is the hold, so it ends once."""

    __tablename__ = "hold_end"
    __table_args__ = (
        CheckConstraint(_one_of("how", ("post", "void", "expire")), name="how"),
        CheckConstraint("(how = 'post') = (entry_id IS NOT NULL)", name="posted_has_entry"),
    )
    hold_id: Mapped[int] = mapped_column(ForeignKey("hold.id"), primary_key=True, autoincrement=False)
    how: Mapped[str] = mapped_column(String(8))
    entry_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("entry.id"))
    posted_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    actor_id: Mapped[int | None]
    ended_at: Mapped[datetime]


class Seal(Base):
    """The hash that makes a closed period unchangeable without being noticed, chained to the one before."""

    __tablename__ = "seal"
    __table_args__ = (ForeignKeyConstraint(["period_id", "book_id"], ["period.id", "period.book_id"]),)
    period_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"))
    entry_count: Mapped[int]
    transfer_count: Mapped[int]
    totals: Mapped[dict[str, int]] = mapped_column(JSON)
    hash: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str | None] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime]

    period: Mapped[Period] = relationship(viewonly=True)


class Closing(Base):
    """What had come in and gone out on an account, from its first day to the end of a closed month it moved in.

    So a balance at any instant is one closing and the rows after it, however long the history.
    """

    __tablename__ = "closing"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "book_id", "unit"],
            ["account.id", "account.book_id", "account.unit"],
            name="fk_closing_account_same_book_and_unit",
        ),
        ForeignKeyConstraint(["book_id", "month"], ["period.book_id", "period.month"]),
        CheckConstraint("posted_in >= 0 AND posted_out >= 0 AND movements > 0", name="figures"),
        Index("ix_closing_book_id_month", "book_id", "month"),
    )
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    book_id: Mapped[int]
    unit: Mapped[str] = mapped_column(String(8))
    posted_in: Mapped[int] = mapped_column(BigInteger)
    posted_out: Mapped[int] = mapped_column(BigInteger)
    movements: Mapped[int] = mapped_column(BigInteger)


class FloorDecision(Base):
    """Two people let an account fall below its floor, so that a wrong entry can be reversed though it was spent."""

    __tablename__ = "floor_decision"
    __table_args__ = (
        CheckConstraint("floor < 0", name="floor_below_zero"),
        CheckConstraint("asked_by_id <> decided_by_id", name="four_eyes"),
        CheckConstraint("reason <> ''", name="has_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    entry_id: Mapped[int] = mapped_column(BIG, ForeignKey("entry.id"), index=True)
    floor: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(400))
    asked_by_id: Mapped[int]
    decided_by_id: Mapped[int]
    decided_at: Mapped[datetime]


class LineDecision(Base):
    """How much another branch may owe on a clearing account from now on, as its creditor decided; append-only."""

    __tablename__ = "line_decision"
    __table_args__ = (CheckConstraint("minutes >= 0", name="not_negative"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    minutes: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200))
    decided_by_id: Mapped[int | None]  # None: the line that a new branch begins with
    decided_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(120), unique=True)
