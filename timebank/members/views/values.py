"""Small things several pages of people share."""

from __future__ import annotations

from timebank.branches.queries import list_area_choices, list_branches
from timebank.core import clock
from timebank.core.db import db
from timebank.members.models import ACTIVE, DECLINED, PENDING, SUSPENDED, Member
from timebank.members.queries import open_field
from timebank.members.schemas import FREE_TIMES
from timebank.web.keyring import keys

ID = "int(max=2147483647)"
STATUS_TONES = {PENDING: "wait", ACTIVE: "ok", DECLINED: "bad", SUSPENDED: "bad"}


def branch_options() -> list[tuple[int, str]]:
    """The open branches for a pick list."""
    return [(branch.id, branch.name) for branch in list_branches(db.session())]


def area_options() -> list[tuple[int, str]]:
    """The open areas for a pick list, indented by level."""
    return list_area_choices(db.session(), clock.today(clock.now()))


def time_options(chosen: str = "") -> list[tuple[str, str]]:
    """The free times to tick, and what else somebody has written there before."""
    written = [time for time in chosen.split("、") if time]
    return [(time, time) for time in dict.fromkeys([*FREE_TIMES, *written])]


def profile_values(member: Member) -> dict[str, object]:
    """What the form of a person's contact begins with."""
    return {
        "alias": member.alias,
        "phone": open_field(member, "phone", keys()),
        "area_id": member.area_id,
        "skills": member.skills,
        "free_times": [time for time in member.free_times.split("、") if time],
    }
