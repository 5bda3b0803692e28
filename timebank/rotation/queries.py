"""Reads of generations."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from timebank.rotation.models import CodeKey
from timebank.rotation.rules import ONLY_FIRST, Generation, newest

_OF_PURPOSE = (
    select(CodeKey.generation, CodeKey.from_at, CodeKey.accepted_until)
    .where(CodeKey.purpose == bindparam("purpose"))
    .order_by(CodeKey.generation.desc())
)


def list_generations(session: Session, purpose: str) -> Sequence[Generation]:
    """Every generation of a purpose there ever was, the newest first; a purpose without rows has the first alone."""
    rows = session.execute(_OF_PURPOSE, {"purpose": purpose}).all()
    found = [Generation(number=row.generation, from_at=row.from_at, accepted_until=row.accepted_until) for row in rows]
    return found or ONLY_FIRST


def generation_in_use(session: Session, purpose: str) -> int:
    """The number of the generation that new codes of a purpose are made with."""
    return newest(list_generations(session, purpose)).number


def list_code_keys(session: Session, purpose: str) -> Sequence[CodeKey]:
    """The rows of a purpose, with who made them, the newest first; none until somebody rotates."""
    chosen = select(CodeKey).where(CodeKey.purpose == purpose).order_by(CodeKey.generation.desc())
    return session.scalars(chosen).all()
