"""``/branch/archives/recheck``: whether stored packages still hold."""

from __future__ import annotations

from pathlib import Path

from flask import current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db
from timebank.retention import queries, rechecking
from timebank.retention.models import CHECK_NAMES, SOUND
from timebank.retention.views import blueprint
from timebank.web.guards import current_actor, guard
from timebank.web.limits import limiter

_AT_ONCE = 24  # packages that somebody who waits at a page has read: two years
_SECONDS = 20.0


@blueprint.get("/branch/archives/recheck")
@guard("archive.read")
def recheck() -> str:
    """Every package of a branch with its newest reading, and what to do where one is bad."""
    choice, now, session = choose_branch("archive.read"), clock.now(), db.session()
    standing = queries.list_standing(session, choice.branch.id)
    return render_template(
        "retention/recheck.html",
        choice=choice,
        branch=choice.branch,
        standing=standing,
        bad=queries.list_bad(session, choice.branch.id),
        holes=queries.list_unpacked(session, choice.branch.id),
        stale=[one for one in standing if one.stale(now)],
        names=CHECK_NAMES,
        sound=SOUND,
        may_check=current_actor().may("archive.close", branch_id=choice.branch.id),
    )


@blueprint.post("/branch/archives/recheck")
@guard("archive.close")
@limiter.limit("6/minute")
def recheck_now() -> Response:
    """Read the packages that were read longest ago, now."""
    choice = choose_branch("archive.close")
    branch_id = choice.branch.id
    done = rechecking.run(
        rechecking.Recheck(
            folder=Path(current_app.config["TIMEBANK_DATA"]) / "archives",
            now=clock.now(),
            branch_id=branch_id,
            at_most=_AT_ONCE,
            seconds=_SECONDS,
        )
    )
    if done.bad:
        flash(f"复查了 {done.read} 个，{done.bad} 处有问题，见下面。", "error")
    else:
        flash(f"复查了 {done.read} 个，都完好。" if done.read else "还没有归档包可以复查。", "success")
    return redirect(url_for("retention.recheck", branch=branch_id), 303)
