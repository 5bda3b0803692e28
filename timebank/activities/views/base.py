"""The blueprint that all pages of activities hang on, and how its buttons answer."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy.orm import Session

from timebank.activities.models import DRAFT, Activity
from timebank.activities.queries import ActivityNotFound, get_activity
from timebank.web.guards import current_actor, find_actor

blueprint = Blueprint("activities", __name__)


def visible(session: Session, activity_id: int) -> Activity:
    """The activity, if this visitor may see it: drafts are for those who may change them. Raises ActivityNotFound."""
    activity = get_activity(session, activity_id)
    actor = find_actor()
    if activity.status == DRAFT and not (actor and actor.may("activity.change", branch_id=activity.branch_id)):
        raise ActivityNotFound()
    return activity


def changeable(session: Session, activity_id: int) -> Activity:
    """The activity, if this organiser may change it. Raises ActivityNotFound, NotAllowed."""
    activity = get_activity(session, activity_id)
    current_actor().require("activity.change", branch_id=activity.branch_id)
    return activity
