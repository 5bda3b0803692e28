"""Files to take away: posters and calendar entries."""

from __future__ import annotations

from flask import Response

from timebank.activities.models import CANCELLED, DRAFT, Activity, Shift
from timebank.activities.queries import ActivityNotFound, ShiftNotFound, get_shift, list_changes
from timebank.activities.rules import CalendarEvent, write_calendar
from timebank.activities.service import ActivityCancelled
from timebank.activities.views.base import blueprint, visible
from timebank.activities.views.sharing import link_to, poster_values
from timebank.core import clock
from timebank.core.db import db
from timebank.web import print as paper
from timebank.web.guards import public
from timebank.web.keyring import keys
from timebank.web.limits import limiter

_POSTER_LIMIT = "30/minute"  # a sheet takes a fifth of a second to set


@blueprint.get("/activities/<int:activity_id>/poster.png")
@public
@limiter.limit(_POSTER_LIMIT)
def poster_png(activity_id: int) -> Response:
    """The poster as a picture to send round."""
    values = poster_values(_on_poster(activity_id), now=clock.now())
    return Response(paper.png("poster.typ", values), mimetype="image/png")


@blueprint.get("/activities/<int:activity_id>/poster.pdf")
@public
@limiter.limit(_POSTER_LIMIT)
def poster_pdf(activity_id: int) -> Response:
    """The poster as a sheet to print and hang up."""
    values = poster_values(_on_poster(activity_id), now=clock.now())
    return _download(paper.pdf("poster.typ", values), "application/pdf", f"poster-{activity_id}.pdf")


@blueprint.get("/shifts/<int:shift_id>/calendar.ics")
@public
def calendar(shift_id: int) -> Response:
    """The shift for a phone's calendar; asked for again after a change, it replaces the older entry."""
    session = db.session()
    shift = get_shift(session, shift_id)
    if shift.activity.status == DRAFT:
        raise ShiftNotFound()
    if shift.activity.for_request:
        visible(session, shift.activity_id)
    event = _event(shift, sequence=len(list_changes(session, shift.activity_id)))
    return _download(write_calendar(event), "text/calendar; charset=utf-8", f"shift-{shift_id}.ics")


def _event(shift: Shift, *, sequence: int) -> CalendarEvent:
    activity = shift.activity
    about = [activity.content, f"联系：{activity.contact_name} {activity.contact_phone}"]
    about += [f"要带：{activity.bring}"] if activity.bring else []
    return CalendarEvent(
        uid=f"shift-{shift.id}-{keys().mac('calendar', str(shift.id), 8).hex()}",
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        summary=activity.title if shift.cancelled_at is None else f"【已取消】{activity.title}",
        location=shift.where,
        description="\n".join(about),
        url=link_to(activity),
        sequence=sequence,
        cancelled=shift.cancelled_at is not None,
        stamped_at=clock.now(),
    )


def _on_poster(activity_id: int) -> Activity:
    activity = visible(db.session(), activity_id)
    if activity.for_request:
        raise ActivityNotFound()
    if activity.status == CANCELLED:
        raise ActivityCancelled(title=activity.title)
    return activity


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
