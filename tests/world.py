"""A small world for tests, built only through services: branches, people with roles, signed-in visitors."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import databases
from tests.memory import remembered
from timebank.branches.models import Area, Branch
from timebank.branches.service import AreaDraft, BranchDraft, add_area, open_branch
from timebank.core.actor import SYSTEM, Actor
from timebank.core.db import transaction
from timebank.members.identity import load_actor
from timebank.members.models import Credential, Member
from timebank.members.rules import EVERYWHERE, IDENTITY, PERSONAL_DATA, Place
from timebank.members.service import NewMember, grant_role, hash_password, register_by_staff, set_password

KEYS = databases.KEYS
NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)  # 周六 09:00 in Shanghai
PASSWORD = "滨河路三号院"
CONSENTS = frozenset({PERSONAL_DATA, IDENTITY})
AREAS = (
    ("330200", "宁波市"),
    ("330206", "北仑区"),
    ("330206003", "新碶街道"),
    ("330206003005", "向阳社区"),
)
_numbers = itertools.count(1)


def make_areas(session: Session, *, now: datetime = NOW) -> Area:
    """The tree down to a community, made once; returns the community."""
    parent: Area | None = None
    for code, name in AREAS:
        parent = add_area(
            session, AreaDraft(code=code, name=name, parent_id=parent.id if parent else None), actor=SYSTEM, now=now
        )
    assert parent is not None
    return parent


def make_branch(session: Session, code: str = "BL", name: str = "", *, now: datetime = NOW) -> Branch:
    """A branch attached to the community; its id is its book's id. The same code returns the same branch."""
    made = remembered(session, ("branch", code, name, now), lambda: _open_branch(session, code, name, now).id)
    return session.get_one(Branch, made)


def _open_branch(session: Session, code: str, name: str, now: datetime) -> Branch:
    draft = BranchDraft(
        code=code,
        name=name or f"{code} 红领志愿服务站",
        area_id=make_areas(session, now=now).id,
        address="新碶街道向阳路 1 号",
        phone="0574-86780000",
    )
    return open_branch(session, draft, actor=SYSTEM, now=now)


def make_member(
    session: Session,
    branch: Branch,
    name: str = "",
    *,
    roles: tuple[str, ...] = (),
    now: datetime = NOW,
    **more: Any,
) -> Member:
    """An approved member with accounts and a card, holding ``roles`` at the branch (administrators: everywhere).

    ``more`` is handed to NewMember: phone, born_on, sex, id_number, skills … There is no password:
    ``sign_in`` needs none.
    """
    key = f"test-{next(_numbers)}"
    person = NewMember(**{"name": name or _name(), "branch_id": branch.id, "consents": CONSENTS, "sex": "f"} | more)
    member = register_by_staff(session, person, form_key=key, actor=SYSTEM, keys=KEYS, now=now)
    for role in roles:
        place = EVERYWHERE if role == "administrator" else Place(branch_id=branch.id)
        grant_role(session, member.id, role, place, actor=SYSTEM, now=now)
    return member


def _name() -> str:
    surnames, given = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许", "春夏秋冬梅兰竹菊山川江河星辰日月云雨风雪"
    at = next(_numbers)
    return surnames[at % 20] + given[at // 20 % 20] + given[at // 400 % 20]


def actor_of(session: Session, member: Member) -> Actor:
    """The actor a member is now."""
    return load_actor(session, member.id)


def sign_in(client: FlaskClient, member: Member | int, *, now: datetime = NOW) -> None:
    """Make ``client`` the browser of this member, who is already committed to the application's database.

    The password page is not asked: it costs an argon2 hash each time and has tests of its own.
    """
    member_id = member if isinstance(member, int) else member.id
    with client.application.app_context(), transaction() as session:
        credential = session.scalars(select(Credential).where(Credential.member_id == member_id)).one_or_none()
        if credential is None:
            credential = set_password(session, member_id, hash_password(PASSWORD), now=now)
        mark = credential.session_mark
    with client.session_transaction() as cookie:
        cookie["_user_id"] = f"{member_id}:{mark}"
        cookie["_fresh"] = True
