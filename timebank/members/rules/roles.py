"""Who may give which role where. Nobody gives what they do not hold; the inspected do not pick the inspector."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from timebank.core.actor import Actor

ADMINISTRATOR: Final = "administrator"
# role of the giver → roles they may give, within their reach
GRANTABLE: Final[dict[str, tuple[str, ...]]] = {
    "manager": ("grid_worker", "organiser", "manager"),
    ADMINISTRATOR: ("grid_worker", "organiser", "manager", "inspector", ADMINISTRATOR),
}
GRANTED: Final = ("grid_worker", "organiser", "manager", "inspector", ADMINISTRATOR)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a role holds: one branch, all branches of an area (later ones too), or everywhere."""

    branch_id: int | None = None
    area_id: int | None = None


EVERYWHERE: Final = Place()


def may_grant(actor: Actor, role: str, place: Place) -> bool:
    """Whether the actor may give this role at this place, and so also take it away.

    A manager gives at branches they manage. An area reaches branches yet to come, so only administrators give there.
    """
    if role == ADMINISTRATOR:
        return actor.may("role.grant_administrator")
    if ADMINISTRATOR in actor.roles:
        return role in GRANTABLE[ADMINISTRATOR]
    return (
        place.branch_id is not None
        and role in GRANTABLE["manager"]
        and actor.may("role.grant", branch_id=place.branch_id)
    )


def grantable_roles(actor: Actor, branch_id: int) -> list[str]:
    """The roles the actor may give at a branch, for a pick list."""
    return [role for role in GRANTED if role != ADMINISTRATOR and may_grant(actor, role, Place(branch_id=branch_id))]


def outranks(actor: Actor, held: Collection[tuple[str, Place]]) -> bool:
    """Whether the actor could have given every role somebody holds: only then may they set that person's PIN, say."""
    return all(may_grant(actor, role, place) for role, place in held)
