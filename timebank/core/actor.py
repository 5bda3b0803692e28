"""Who acts, with which roles and where they reach; and, by proxy, for whom."""

from __future__ import annotations

from dataclasses import dataclass

from timebank.core.errors import NotAllowed
from timebank.core.permissions import PERMISSIONS, Reach


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role and the branches it was granted for; ``branch_ids=None`` means everywhere."""

    role: str
    branch_ids: frozenset[int] | None


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The person (or the system) behind a request. ``member_id=None`` is the system: a job or a command."""

    member_id: int | None
    name: str = ""
    branch_id: int | None = None
    grants: tuple[Grant, ...] = ()
    for_member_id: int | None = None

    @property
    def roles(self) -> frozenset[str]:
        """Every role held anywhere."""
        return frozenset(grant.role for grant in self.grants)

    def may(self, permission: str, *, branch_id: int | None = None, owner_id: int | None = None) -> bool:
        """Whether the table allows ``permission`` here.

        Without ``branch_id`` and ``owner_id``: whether it is allowed anywhere (what a page asks to show a button).
        """
        row = PERMISSIONS[permission]
        return any(
            self._reaches(row[grant.role], grant, branch_id, owner_id) for grant in self.grants if grant.role in row
        )

    def _reaches(self, reach: Reach, grant: Grant, branch_id: int | None, owner_id: int | None) -> bool:
        if branch_id is None and owner_id is None:
            return True
        if reach == "own":
            return owner_id is not None and owner_id == self.member_id
        if reach == "branch":
            return branch_id is not None and (grant.branch_ids is None or branch_id in grant.branch_ids)
        return True

    def require(self, permission: str, *, branch_id: int | None = None, owner_id: int | None = None) -> None:
        """Refuse with NotAllowed unless the table allows ``permission`` here."""
        if not self.may(permission, branch_id=branch_id, owner_id=owner_id):
            raise NotAllowed(permission=permission)

    def person(self, permission: str) -> int:
        """The id of the person who acts; what takes a person is refused to the system. Raises NotAllowed."""
        if self.member_id is None:
            raise NotAllowed(permission=permission)
        return self.member_id

    def branches(self, permission: str) -> frozenset[int] | None:
        """The branches where ``permission`` is held by role (not by ownership); ``None`` means all of them."""
        row = PERMISSIONS[permission]
        reached: set[int] = set()
        for grant in self.grants:
            reach = row.get(grant.role)
            if reach == "all" or (reach == "branch" and grant.branch_ids is None):
                return None
            if reach == "branch" and grant.branch_ids is not None:
                reached |= grant.branch_ids
        return frozenset(reached)


SYSTEM = Actor(member_id=None, name="系统", grants=(Grant(role="administrator", branch_ids=None),))
