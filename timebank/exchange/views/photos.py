"""Pictures of offers: everybody sees them; who may change the offer adds and removes them."""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask import flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.photos import NoPhoto, read_photo
from timebank.exchange import queries, service
from timebank.exchange.views import ID, blueprint
from timebank.exchange.views.keeping import own_offer
from timebank.web.forms import saying_refusals
from timebank.web.guards import current_actor, guard, public
from timebank.web.limits import DOWNLOAD_LIMIT, limiter

_FOREVER = 365 * 24 * 3600  # a picture never changes: another one has another number


@blueprint.get(f"/offers/<{ID}:offer_id>/photos/<{ID}:photo_id>")
@public
def photo(offer_id: int, photo_id: int) -> FlaskResponse:
    """A picture."""
    found = queries.get_picture(db.session(), offer_id, photo_id)
    answer = make_response(found.jpeg)
    answer.mimetype = "image/jpeg"
    answer.cache_control.private, answer.cache_control.max_age = True, _FOREVER
    return answer


@blueprint.post(f"/me/offers/<{ID}:offer_id>/photos")
@guard("offer.own")
@limiter.limit(DOWNLOAD_LIMIT)
def add_photo(offer_id: int) -> Response:
    """Add a picture."""
    own_offer(offer_id)
    with saying_refusals():
        sent = request.files.get("photo")
        if sent is None or not sent.filename:
            raise NoPhoto()
        made = read_photo(sent.read(), longest=service.LONGEST_SIDE)  # before the unit of work: it takes a second
        with transaction() as session:
            service.show_photo(session, offer_id, made, actor=current_actor(), now=clock.now())
            flash("照片已放上。位置等拍摄信息没有留下。", "success")
    return redirect(f"{url_for('exchange.edit_offer', offer_id=offer_id)}#photos", 303)


@blueprint.post(f"/me/offers/<{ID}:offer_id>/photos/<{ID}:photo_id>/remove")
@guard("offer.own")
def remove_photo(offer_id: int, photo_id: int) -> Response:
    """Take a picture away."""
    own_offer(offer_id)
    with transaction() as session:
        service.remove_photo(session, offer_id, photo_id, actor=current_actor())
        flash("照片已删掉。", "success")
    return redirect(f"{url_for('exchange.edit_offer', offer_id=offer_id)}#photos", 303)
