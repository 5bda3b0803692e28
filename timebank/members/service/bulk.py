"""Registering many people at once, for rosters: a few statements for hundreds of people instead of ten for each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from timebank.core import codes
from timebank.core.actor import Actor
from timebank.core.errors import Conflict
from timebank.core.keys import Keys
from timebank.ledger.service import open_accounts
from timebank.members.models import ACTIVE, IMPORT, PENDING, UNVERIFIED, Card, Consent, Member
from timebank.members.rules import CONSENT_VERSION, IDENTITY, alias_for, member_number
from timebank.members.rules.codes import SERIAL_LENGTH
from timebank.members.rules.consent import IMPORTED_ROSTER
from timebank.members.service.registration import NewMember, id_number_columns, phone_columns


class SomebodyRegistered(Conflict):
    """Between looking and writing, another door registered one of these people."""

    code = "members.somebody_registered"
    text = "刚刚有人登记了名单里的会员，这次一个人都没有导入。请刷新预览，再导入一次。"


def register_many(
    session: Session,
    people: Mapping[str, NewMember],
    *,
    branch_id: int,
    actor: Actor,
    keys: Keys,
    now: datetime,
) -> dict[str, int]:
    """Register and approve people already read and checked, with consent answered for by staff; returns key → id.

    ``people`` maps each one's form key to the person. Nobody gets a password: staff set a one-time PIN when asked.
    Raises NotAllowed, SomebodyRegistered (a key or an ID number is taken).
    """
    actor.require("member.import", branch_id=branch_id)
    if not people:
        return {}
    rows = [_row(key, person, branch_id, keys, now) for key, person in people.items()]
    try:
        inserted = session.execute(insert(Member).returning(Member.form_key, Member.id), rows).all()
    except IntegrityError as taken:
        raise SomebodyRegistered() from taken
    ids = {row.form_key: row.id for row in inserted}
    added = {key: ids[key] for key in people}
    _activate(session, list(added.values()), branch_id=branch_id, actor=actor, now=now)
    consents = [(added[key], person) for key, person in people.items()]
    _record_consents(session, consents, actor=actor, now=now)
    return added


def _row(key: str, person: NewMember, branch_id: int, keys: Keys, now: datetime) -> dict[str, Any]:
    return {
        "number": secrets.token_urlsafe(12),  # until the id is known
        "branch_id": branch_id,
        "area_id": person.area_id,
        "name": person.name,
        "alias": person.alias or alias_for(person.name, person.sex),
        "sex": person.sex,
        "born_on": person.born_on,
        "skills": person.skills,
        "free_times": person.free_times,
        "status": PENDING,
        "status_reason": "",
        "registered_by": IMPORT,
        "registered_at": now,
        "identity_state": UNVERIFIED,
        "form_key": key,
        **phone_columns(person.phone, keys),
        **id_number_columns(person.id_number, keys),
    }


def _activate(session: Session, added: Sequence[int], *, branch_id: int, actor: Actor, now: datetime) -> None:
    """Numbers, accounts, cards, and the right to act: what approval gives one by one."""
    numbers = {member_id: member_number(member_id) for member_id in added}
    names = [f"member:{number}" for number in numbers.values()]
    coin, point = (
        open_accounts(session, book_id=branch_id, codes=names, kind="member", unit=unit) for unit in ("coin", "point")
    )
    decided = update(Member.__table__).where(Member.__table__.c.id == bindparam("member"))  # type: ignore[arg-type]
    session.connection().execute(
        decided.values(
            number=bindparam("new_number"),
            coin_account_id=bindparam("coin"),
            point_account_id=bindparam("point"),
            status=ACTIVE,
            decided_at=now,
            decided_by_id=actor.member_id,
        ),
        [
            {"member": member_id, "new_number": number, "coin": coin[name], "point": point[name]}
            for (member_id, number), name in zip(numbers.items(), names, strict=True)
        ],
    )
    session.execute(
        insert(Card),
        [
            {
                "member_id": member_id,
                "serial": codes.from_bytes(secrets.token_bytes(16), SERIAL_LENGTH),
                "issued_at": now,
            }
            for member_id in added
        ],
    )


def _record_consents(session: Session, people: Sequence[tuple[int, NewMember]], *, actor: Actor, now: datetime) -> None:
    session.execute(
        insert(Consent),
        [
            {
                "member_id": member_id,
                "kind": kind,
                "text_version": CONSENT_VERSION,
                "given_at": now,
                "recorded_by_id": actor.member_id,
            }
            for member_id, person in people
            for kind in ((IMPORTED_ROSTER, IDENTITY) if person.id_number else (IMPORTED_ROSTER,))
        ],
    )
