"""Closed months against their seals: hash, chain, signature, counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.ledger.models import Period, Seal
from timebank.ledger.sealing import contents
from timebank.ledger.verification.check import Rows

UNCHAINED: Final = "封签没有接上前一个月的封签。"
UNSIGNED: Final = "封签的电子签名不对。"


def seals(session: Session, book_id: int) -> Rows:
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


def chain(session: Session, book_id: int) -> Rows:
    """What the next seal will stand on: every seal follows the one before and is signed; the newest fits its rows.

    Rereads the rows of the newest closed month only: ``seals`` rereads them all, which grows with the years.
    """
    chosen = select(Period.month, Seal).join(Period, Period.id == Seal.period_id).where(Seal.book_id == book_id)
    previous: Seal | None = None
    for month, seal in session.execute(chosen.order_by(Period.month), execution_options={"populate_existing": True}):
        if seal.previous_hash != (previous.hash if previous else None):
            yield f"period {month}", UNCHAINED
        if not _signature_holds(seal):
            yield f"period {month}", UNSIGNED
        previous = seal
    if previous is not None:
        period = session.get_one(Period, previous.period_id)
        yield from ((f"period {period.month}", text) for text in _content_faults(session, period, previous))


def _seal_faults(session: Session, period: Period, seal: Seal | None, previous: str | None) -> Iterator[str]:
    if seal is None:
        if period.closed_at is not None:
            yield "账期已结账，却没有封签。"
        return
    if period.closed_at is None:
        yield "账期没有结账，却有封签。"
    if seal.previous_hash != previous:
        yield UNCHAINED
    yield from _content_faults(session, period, seal)
    if not _signature_holds(seal):
        yield UNSIGNED


def _content_faults(session: Session, period: Period, seal: Seal) -> Iterator[str]:
    found = contents(session, period, seal.previous_hash)
    if found.hash != seal.hash:
        yield "重算的封签与保存的不一样：这个月的账被改过。"
    if (found.entry_count, found.transfer_count, found.totals) != (seal.entry_count, seal.transfer_count, seal.totals):
        yield "封签上的笔数或合计与这个月的账不一样。"


def _signature_holds(seal: Seal) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal.public_key))
        key.verify(bytes.fromhex(seal.signature), bytes.fromhex(seal.hash))
    except (InvalidSignature, ValueError):
        return False
    return True
