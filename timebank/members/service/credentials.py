"""Passwords and one-time PINs. Hashing is argon2id with the parameters OWASP names first (19 MiB, 2 rounds, 1 lane).

It is slow on purpose, so doors do it before they open a transaction: ``hash_password``, ``new_pin`` and
``confirm_password`` take no lock, and the verbs that write are handed what these made.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.members.models import Credential, Member
from timebank.members.queries import get_member, open_field
from timebank.members.queries.people import require_active
from timebank.members.rules import check_password, tidy_password
from timebank.members.service.authority import require_outranked

PIN_HOURS = 24
PIN_DIGITS = 8
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class WrongPassword(Invalid):
    """The present password is not this one."""

    code = "members.wrong_password"
    text = "现在的密码不对。忘了密码，请到网点设一次性密码。"

    def __init__(self) -> None:
        super().__init__(fields={"current": self.text})


class PinExpired(Conflict):
    """The one-time PIN was used, replaced, or ran out."""

    code = "members.pin_expired"
    text = "一次性密码已经用过或过期（{hours} 小时内有效）。请到网点再设一个。"

    def __init__(self) -> None:
        super().__init__(hours=PIN_HOURS)


@dataclass(frozen=True, kw_only=True)
class HashedSecret:
    """A tidied password or a PIN, and its hash."""

    text: str = field(repr=False)
    hash: str = field(repr=False)


def hash_password(typed: str) -> HashedSecret:
    """What a person typed as their password, ready to be stored. Slow: call it before the transaction."""
    tidied = tidy_password(typed)
    return HashedSecret(text=tidied, hash=_hasher.hash(tidied))


def new_pin() -> HashedSecret:
    """A one-time PIN of 8 digits, ready to be stored. Slow: call it before the transaction."""
    pin = "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))
    return HashedSecret(text=pin, hash=_hasher.hash(pin))


def set_password(session: Session, member_id: int, password: HashedSecret, *, now: datetime) -> Credential:
    """Make this the person's password (already checked) and sign out every device."""
    credential = session.get(Credential, member_id)
    if credential is None:
        credential = Credential(member_id=member_id)
        session.add(credential)
    credential.password_hash = password.hash
    credential.pin_hash = credential.pin_expires_at = None
    credential.session_mark = new_mark()
    credential.changed_at = now
    session.flush()
    return credential


def confirm_password(session: Session, current: str, *, actor: Actor) -> str:
    """The session mark that the actor's present password stands behind. Reads only, slow. Raises WrongPassword."""
    actor.require("me.change", owner_id=actor.member_id)
    credential = session.get(Credential, actor.member_id or 0)
    if credential is None or not agrees(credential.password_hash, tidy_password(current)):
        raise WrongPassword()
    return credential.session_mark


def change_password(
    session: Session, *, mark: str, password: HashedSecret, actor: Actor, keys: Keys, now: datetime
) -> Credential:
    """Change one's own password after ``confirm_password`` gave ``mark``; other devices are signed out.

    Raises WrongPassword (it was changed in between), WeakPassword.
    """
    actor.require("me.change", owner_id=actor.member_id)
    member = get_member(session, actor.member_id or 0, lock=True)
    credential = session.get(Credential, member.id, populate_existing=True)
    if credential is None or credential.session_mark != mark:
        raise WrongPassword()
    _check(member, password, keys)
    return set_password(session, member.id, password, now=now)


def choose_password(
    session: Session, member_id: int, *, mark: str, password: HashedSecret, keys: Keys, now: datetime
) -> Credential:
    """Choose a password after signing in with the one-time PIN that set ``mark``. Raises PinExpired, WeakPassword."""
    member = get_member(session, member_id, lock=True)
    require_active(member)
    credential = session.get(Credential, member_id)
    if credential is None or credential.session_mark != mark or not pin_counts(credential, now):
        raise PinExpired()
    _check(member, password, keys)
    return set_password(session, member_id, password, now=now)


def set_pin(session: Session, member_id: int, pin: HashedSecret, *, actor: Actor, now: datetime) -> None:
    """Give a person the one-time PIN that ``new_pin`` made, good for 24 hours and one new password.

    The old password and all signed-in devices end with it. Raises NotAllowed, OutOfReach, MemberNotActive.
    """
    member = get_member(session, member_id, lock=True)
    actor.require("member.change", branch_id=member.branch_id)
    require_outranked(session, member, actor)
    require_active(member)
    credential = session.get(Credential, member_id)
    if credential is None:
        credential = Credential(member_id=member_id)
        session.add(credential)
    credential.password_hash = None
    credential.pin_hash = pin.hash
    credential.pin_expires_at = now + timedelta(hours=PIN_HOURS)
    credential.session_mark = new_mark()
    credential.changed_at = now
    session.flush()


def new_mark() -> str:
    """What a cookie must carry to count; a new one signs out every device."""
    return secrets.token_hex(8)


def pin_counts(credential: Credential, now: datetime) -> bool:
    """Whether a one-time PIN is set and has not run out."""
    return credential.pin_hash is not None and credential.pin_expires_at is not None and now < credential.pin_expires_at


def agrees(hashed: str | None, secret: str) -> bool:
    """Whether a tidied password or PIN fits its hash; takes as long when there is none."""
    try:
        _hasher.verify(hashed or _nobody(), secret)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return hashed is not None


_nobody_hash: list[str] = []


def _nobody() -> str:
    """A hash that nothing fits, made once: checking it takes as long as checking a real one."""
    if not _nobody_hash:
        _nobody_hash.append(_hasher.hash(secrets.token_urlsafe(24)))
    return _nobody_hash[0]


def _check(member: Member, password: HashedSecret, keys: Keys) -> None:
    check_password(password.text, phone=open_field(member, "phone", keys), number=member.number)
