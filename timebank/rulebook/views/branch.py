"""``/branch/rules``: which version holds when and why; a new one is tried on last month before it is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.minutes import coins, hours, points
from timebank.rulebook import queries
from timebank.rulebook.models import CoinRule
from timebank.rulebook.queries import Trial
from timebank.rulebook.rules import (
    BUILT_IN,
    SETTINGS,
    Settings,
    Version,
    approval_sentences,
    in_force,
    sentences,
    state_of,
)
from timebank.rulebook.schemas import RuleSchema
from timebank.rulebook.service import RuleDraft, add_rule, check_rule
from timebank.rulebook.views.base import blueprint
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard

_PAIRS = {
    "daily_cap_minutes": "daily_cap",
    "holding_cap_minutes": "holding_cap",
    "first_redemption_minutes": "first_redemption",
    "gift_month_minutes": "gift_month",
    "large_minutes": "large",
}


@dataclass(frozen=True, kw_only=True)
class ShownVersion:
    """A version as the list shows it; ``state``: now, next, past, or never (overtaken before it began)."""

    rule: CoinRule
    name: str
    sentences: Sequence[str]
    state: str


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a trial: before, after, and the difference with its sign."""

    label: str
    before: str
    after: str
    difference: str


@blueprint.get("/branch/rules")
@guard("rules.read")
def rules() -> str:
    """What holds today, what is to come, and every version with its reason."""
    choice, session, today = choose_branch("rules.read"), db.session(), clock.today(clock.now())
    branch = choice.branch
    versions = queries.find_versions(session, [branch.id]).get(branch.id, [])
    present = in_force(versions, today)
    return render_template(
        "rulebook/rules.html",
        choice=choice,
        present=present,
        present_says=_says(present),
        built_in=present is BUILT_IN,
        shown=_shown(queries.list_rules(session, branch.id), versions, branch, today),
        may_change=current_actor().may("rules.change", branch_id=branch.id),
    )


def _shown(rules: Sequence[CoinRule], versions: Sequence[Version], branch: Branch, today: date) -> list[ShownVersion]:
    shown = []
    for rule in rules:
        version = queries.version_of(rule, branch.code)
        shown.append(
            ShownVersion(
                rule=rule,
                name=version.name,
                sentences=_says(version),
                state=state_of(version, versions, today, BUILT_IN),
            )
        )
    return shown


@blueprint.route("/branch/rules/new", methods=["GET", "POST"])
@guard("rules.change")
def new_rule() -> str | Response | tuple[str, int]:
    """Write a version down, look at what it would have done, save it. Only the last step writes."""
    choice, actor, now = choose_branch("rules.change"), current_actor(), clock.now()
    branch, session = choice.branch, db.session()
    form = Form(RuleSchema(), initial=_initial(session, branch.id, clock.today(now)))
    if form.submitted:
        with form.catching():
            draft = RuleDraft(branch_id=branch.id, form_key=form.key, **form.load())
            then = request.form.get("then")
            if then == "save":
                with transaction() as writing:
                    saved = add_rule(writing, draft, actor=actor, now=now)
                    flash(
                        f"第 {saved.number} 版规则已保存，从 {saved.valid_from} 起执行。以前的账一笔都不会变。",
                        "success",
                    )
                return redirect(url_for("rulebook.rules", branch=branch.id))
            if then != "change" and check_rule(session, draft, actor=actor, now=now) is None:
                return _look(session, form, draft, branch)
            if then != "change":  # saved before: the form came back from the browser's history
                return redirect(url_for("rulebook.rules", branch=branch.id))
    tomorrow = clock.today(now) + timedelta(days=1)
    return render_template("rulebook/new.html", form=form, choice=choice, tomorrow=tomorrow), form.status


def _initial(session: Session, branch_id: int, today: date) -> dict[str, object]:
    """The present settings, to be changed from the first of next month on."""
    present = queries.find_rule(session, branch_id, today)
    first = date.fromisoformat(f"{clock.next_month(f'{today:%Y-%m}')}-01")
    given: dict[str, object] = {_PAIRS.get(name, name): getattr(present, name) for name in SETTINGS}
    given["first_redemption"] = present.first_redemption_minutes or None
    return given | {"valid_from": first.isoformat()}


def _look(session: Session, form: Form, draft: RuleDraft, branch: Branch) -> str:
    before = queries.find_rule(session, branch.id, draft.valid_from)
    trial = queries.try_rules(session, branch.id, before, draft.settings, now=clock.now())
    return render_template(
        "rulebook/look.html",
        branch=branch,
        draft=draft,
        before=before,
        before_says=_says(before),
        after_says=_says(draft.settings),
        trial=trial,
        rows=_rows(trial),
        form=form,
        fields=form.typed(),
    )


def _rows(trial: Trial) -> list[Row]:
    one, two = trial.before, trial.after
    amounts = (
        ("服务时长", one.share.minutes, two.share.minutes, hours),
        ("会员得到的爱心币", one.share.coins, two.share.coins, coins),
        ("记入可赠币", one.share.given, two.share.given, coins),
        ("超过持有上限、转入爱心基金", one.share.fund, two.share.fund, coins),
        ("超过当天上限、不存币", one.share.capped, two.share.capped, hours),
        ("积分", one.share.points, two.share.points, points),
        ("被拒绝的第一次兑换", one.refused, two.refused, _times),
        ("到月底会过期的爱心币", one.expired, two.expired, coins),
    )
    return [Row(label, show(old), show(new), _signed(new - old, show)) for label, old, new, show in amounts]


def _says(rule: Settings) -> list[str]:
    return [*sentences(rule), *approval_sentences(rule)]


def _times(count: int) -> str:
    return f"{count} 次"


def _signed(difference: int, show: Callable[[int], str]) -> str:
    if not difference:
        return "不变"
    return f"{'+' if difference > 0 else '−'}{show(abs(difference))}"
