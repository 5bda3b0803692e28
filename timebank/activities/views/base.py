"""The blueprint that all pages of activities hang on, and how its buttons answer."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy.orm import Session

from timebank.activities.models import DRAFT, Activity
from timebank.activities.queries import ActivityNotFound, get_activity, sign_ups_of
from timebank.core.actor import Actor
from timebank.web.guards import current_actor, find_actor

blueprint = Blueprint("activities", __name__)


def visible(session: Session, activity_id: int) -> Activity:
    """The activity, if this visitor may see it: drafts are for those who may change them, services that somebody asked
    for also for their volunteer. Raises ActivityNotFound."""
    activity = get_activity(session, activity_id)
    actor = find_actor()
    staff = actor is not None and actor.may("activity.change", branch_id=activity.branch_id)
    if activity.status == DRAFT and not staff:
        raise ActivityNotFound()
    if activity.for_request and not staff and not _takes_part(session, activity, actor):
        raise ActivityNotFound()
    return activity


def _takes_part(session: Session, activity: Activity, actor: Actor | None) -> bool:
    member_id = actor.member_id if actor else None
    return bool(sign_ups_of(session, member_id, [shift.id for shift in activity.shifts]))


def changeable(session: Session, activity_id: int) -> Activity:
    """The activity, if this organiser may change it. Raises ActivityNotFound, NotAllowed."""
    activity = get_activity(session, activity_id)
    current_actor().require("activity.change", branch_id=activity.branch_id)
    return activity
