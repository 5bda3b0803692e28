"""Signing in, in three steps so that the slow hash is worked out while no lock is held.

``begin_sign_in`` writes the attempt down before anything is checked: a crash or a parallel guess never gets a free try.
``check_sign_in`` reads and compares. ``finish_sign_in`` forgets the attempts of somebody who got in.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from timebank.core.db import lock_name
from timebank.core.errors import Conflict, Invalid
from timebank.core.keys import Keys
from timebank.members.models import ACTIVE, DECLINED, PENDING, SUSPENDED, Credential, Member, SignInAttempt
from timebank.members.queries import list_candidates
from timebank.members.rules import read_member_number, tidy_password
from timebank.members.service.credentials import agrees, pin_counts

MOST_FAILURES = 5
WINDOW = timedelta(minutes=15)


class TooManyAttempts(Conflict):
    """Too many failures under one sign-in name."""

    code = "members.too_many_attempts"
    text = "这个账号连续 {most} 次没有登录成功，先休息 {minutes} 分钟再试。忘了密码，请到网点设一次性密码。"
    status = 429

    def __init__(self) -> None:
        super().__init__(most=MOST_FAILURES, minutes=int(WINDOW.total_seconds()) // 60)


class SignInRefused(Invalid):
    """Name and password do not fit; which of the two is not said."""

    code = "members.sign_in_refused"
    text = "电话（会员号）或密码不对。请再核对一遍；忘了密码，请到网点设一次性密码。"


class WhichMember(Conflict):
    """Several people share this phone and this password."""

    code = "members.which_member"
    text = "这个电话下有几位会员用了同样的密码。请改用会员号登录（HL 开头，印在成长卡上），登录后换一个密码。"


class NotApprovedYet(Conflict):
    """The branch has not decided yet."""

    code = "members.not_approved_yet"
    text = "您的报名已收到，正在等“{branch}”审核。通过以后就能登录；着急的话可以打电话问网点。"


class ApplicationDeclined(Conflict):
    """The branch turned the application down."""

    code = "members.application_declined"
    text = "“{branch}”没有通过您的报名：{reason}。有疑问请联系网点。"


class MemberSuspended(Conflict):
    """The branch stopped this membership for now."""

    code = "members.member_suspended"
    text = "您的会员资格已由“{branch}”暂停：{reason}。时长和爱心币都还在，有疑问请联系网点。"


_STATUS_REFUSALS = {PENDING: NotApprovedYet, DECLINED: ApplicationDeclined, SUSPENDED: MemberSuspended}


@dataclass(frozen=True, kw_only=True)
class SignInAnswer:
    """Who it is. ``by_pin``: only to choose a new password; ``mark`` is what the cookie carries."""

    member_id: int
    mark: str
    by_pin: bool


def forget_attempts(session: Session, *, now: datetime) -> int:
    """Delete failed sign-ins that count no more; returns how many."""
    gone = session.execute(delete(SignInAttempt).where(SignInAttempt.at <= now - WINDOW))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def begin_sign_in(session: Session, login: str, *, keys: Keys, now: datetime) -> None:
    """Write an attempt down. Raises TooManyAttempts."""
    who = _who(login, keys)
    forget_attempts(session, now=now)
    lock_name(session, f"sign-in:{who}")  # guesses sent all at once are counted one after another
    made = select(func.count()).select_from(SignInAttempt).where(SignInAttempt.who_index == who)
    if (session.scalar(made) or 0) >= MOST_FAILURES:
        raise TooManyAttempts()
    session.add(SignInAttempt(who_index=who, at=now))
    session.flush()


def check_sign_in(session: Session, login: str, password: str, *, keys: Keys, now: datetime) -> SignInAnswer:
    """Whose name and password these are. Reads only.

    Raises SignInRefused, WhichMember, and for people who may not act now NotApprovedYet, ApplicationDeclined,
    MemberSuspended: only after the password was right.
    """
    secret = tidy_password(password)
    found: list[tuple[Member, SignInAnswer]] = []
    candidates = list_candidates(session, keys, login)
    for member in candidates:
        credential = session.get(Credential, member.id)
        by_pin = credential is not None and pin_counts(credential, now)
        hashed = (credential.pin_hash if by_pin else credential.password_hash) if credential is not None else None
        if agrees(hashed, secret) and credential is not None:
            found.append((member, SignInAnswer(member_id=member.id, mark=credential.session_mark, by_pin=by_pin)))
    if not candidates:
        agrees(None, secret)
    if not found:
        raise SignInRefused()
    able = [(member, answer) for member, answer in found if member.status == ACTIVE]
    if len(able) > 1:
        raise WhichMember()
    if not able:
        member = found[0][0]
        raise _STATUS_REFUSALS[member.status](branch=member.branch.name, reason=member.status_reason or "原因请问网点")
    return able[0][1]


def finish_sign_in(session: Session, login: str, *, keys: Keys) -> None:
    """Forget the attempts under this name: the person got in."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.who_index == _who(login, keys)))


def _who(login: str, keys: Keys) -> str:
    plain = "".join(unicodedata.normalize("NFKC", login).split()).upper()
    return keys.index("sign_in", read_member_number(plain) or plain)
