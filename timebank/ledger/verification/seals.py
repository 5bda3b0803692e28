"""Closed months against their seals: hash, chain, signature, counts."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.ledger.models import Period, Seal
from timebank.ledger.sealing import contents
from timebank.ledger.verification.check import Rows


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
