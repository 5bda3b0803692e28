"""Families, guardians' consents and documents: my own family, and what staff record for people at the counter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.queries import list_consents
from timebank.activities.schemas import PaperConsentSchema
from timebank.activities.service import PaperConsent, agree_as_guardian, record_paper_consent, withdraw_consent
from timebank.activities.views.base import blueprint
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.members import queries, service
from timebank.members.models import FAMILY, FAMILY_KIND_NAMES, Member
from timebank.members.rules import age_on, is_minor
from timebank.members.rules.papers import PAPERS
from timebank.members.schemas import FamilySchema, PaperSchema
from timebank.members.service import PaperDraft
from timebank.web.forms import Form, form_key, saying_refusals
from timebank.web.guards import current_actor, guard

_MEMBER = "/branch/members/<int(max=2147483647):member_id>/family"


@blueprint.get("/me/family")
@guard("family.own")
def my_family() -> str:
    """Who is linked with me, who waits for whom, and what I agreed to for my wards."""
    return _my_page(Form(FamilySchema()))


def _my_page(form: Form) -> str:
    session = db.session()
    relations = queries.list_family(session, current_actor().member_id or 0)
    today = clock.today(clock.now())
    guarded = [one.link for one in relations if one.link.kind != FAMILY]
    of_age = {link.id for link in guarded if not is_minor(link.relative.born_on, today)}
    wards = [one.other.id for one in relations if one.my_ward and one.link.id not in of_age]
    consents = list_consents(session, wards)
    standing = {c.member_id: c for c in consents if c.activity_id is None and c.withdrawn_at is None}
    return render_template(
        "activities/my_family.html",
        form=form,
        relations=relations,
        of_age=of_age,
        standing=standing,
        consents=consents,
        key=form_key(),
    )


@blueprint.post("/me/family")
@guard("family.own")
def ask_family() -> Response | tuple[str, int]:
    """Ask somebody to be family."""
    form = Form(FamilySchema())
    with form.catching(), transaction() as session:
        given = form.load()
        link = service.ask_family(session, given["number"], actor=current_actor(), now=clock.now())
        flash(
            "已经是一家人了。" if link.confirmed_at else "已经请对方确认。对方在“我的 › 家人”里点“是的”就行。",
            "success",
        )
        return redirect(url_for("activities.my_family"))
    return _my_page(form), form.status


@blueprint.post("/me/family/<int:link_id>/confirm")
@guard("family.own")
def confirm_family(link_id: int) -> Response:
    """Say yes."""
    with saying_refusals(), transaction() as session:
        service.confirm_family(session, link_id, actor=current_actor(), now=clock.now())
        flash("好的，以后可以互相替对方报名。", "success")
    return redirect(url_for("activities.my_family"))


@blueprint.post("/me/family/<int:link_id>/end")
@guard("family.own")
def end_family(link_id: int) -> Response:
    """Say no, or end it."""
    with saying_refusals(), transaction() as session:
        service.end_family(session, link_id, actor=current_actor(), now=clock.now())
        flash("已经解除，不能再互相报名了。已经报上的不受影响。", "success")
    return redirect(url_for("activities.my_family"))


@blueprint.post("/me/family/<int(max=2147483647):member_id>/agree")
@guard("family.own")
def agree_for(member_id: int) -> Response:
    """A guardian agrees that a minor takes part in whatever is safe."""
    with saying_refusals(), transaction() as session:
        actor, now = current_actor(), clock.now()
        agree_as_guardian(session, member_id, activity_id=None, form_key=form_key(), actor=actor, now=now)
        flash("已记下您的同意。随时可以收回。", "success")
    return redirect(url_for("activities.my_family"))


@blueprint.post("/me/family/consents/<int:consent_id>/withdraw")
@guard("family.own")
def withdraw_agreement(consent_id: int) -> Response:
    """A guardian takes a consent back."""
    with saying_refusals(), transaction() as session:
        withdraw_consent(session, consent_id, actor=current_actor(), now=clock.now())
        flash("已经收回同意。已经报上的活动，请和组织者说一声。", "success")
    return redirect(url_for("activities.my_family"))


# --- at the counter ---


@blueprint.get(_MEMBER)
@guard("member.read")
def member_family(member_id: int) -> str:
    """A person's family, guardians' consents and documents."""
    return _member_page(member_id)


def _member_page(member_id: int, *, wrong: str = "", form: Form | None = None) -> str:
    session, actor, now = db.session(), current_actor(), clock.now()
    member = _readable(session, member_id)
    blank = {"family": Form(FamilySchema()), "consent": Form(PaperConsentSchema()), "paper": Form(PaperSchema())}
    for one in blank.values():
        one.errors, one.message = {}, ""
    forms = blank | ({wrong: form} if form else {})
    consents, papers = list_consents(session, [member_id]), queries.list_papers(session, member_id)
    staff = {c.seen_by_id for c in consents if c.seen_by_id} | {paper.seen_by_id for paper in papers}
    age = age_on(member.born_on, clock.today(now)) if member.born_on else None
    relations = queries.list_family(session, member_id)
    return render_template(
        "activities/member_family.html",
        member=member,
        age=age,
        relations=relations,
        readable={one.other.id for one in relations if actor.may("member.read", branch_id=one.other.branch_id)},
        consents=consents,
        papers=papers,
        paper_names=PAPERS,
        kinds=list(FAMILY_KIND_NAMES.items())
        if is_minor(member.born_on, clock.today(now))
        else [(FAMILY, FAMILY_KIND_NAMES[FAMILY])],
        forms=forms,
        names={one.id: one.name for one in queries.list_names(session, staff).values()},
        today=clock.today(now),
        may_link=actor.may("family.change", branch_id=member.branch_id),
        may_record=actor.may("paper.record", branch_id=member.branch_id),
        may_consent=actor.may("guardian.record", branch_id=member.branch_id),
    )


def _readable(session: Session, member_id: int) -> Member:
    member = queries.get_member(session, member_id)
    current_actor().require("member.read", branch_id=member.branch_id)
    return member


@blueprint.post(f"{_MEMBER}/link")
@guard("family.change")
def link_member(member_id: int) -> Response | tuple[str, int]:
    """Record family, or a guardian."""
    return _record(member_id, "family", Form(FamilySchema()), _link)


def _link(session: Session, member_id: int, given: dict[str, Any], _key: str) -> str:
    kind, number = given["kind"], given["number"]
    link = service.link_by_staff(session, member_id, number, kind=kind, actor=current_actor(), now=clock.now())
    return "家人关系已登记。" if link.confirmed_at else "对方是别的网点的会员，已经去问了，对方确认以后才算家人。"


@blueprint.post(f"{_MEMBER}/consent")
@guard("guardian.record")
def record_consent(member_id: int) -> Response | tuple[str, int]:
    """Record a guardian's consent on paper."""
    return _record(member_id, "consent", Form(PaperConsentSchema()), _consent)


def _consent(session: Session, member_id: int, given: dict[str, Any], key: str) -> str:
    draft = PaperConsent(**given, form_key=key)
    record_paper_consent(session, member_id, draft, actor=current_actor(), now=clock.now())
    return "监护人同意已登记。"


@blueprint.post(f"{_MEMBER}/papers")
@guard("paper.record")
def record_paper(member_id: int) -> Response | tuple[str, int]:
    """Record a document that staff have seen."""
    return _record(member_id, "paper", Form(PaperSchema()), _paper)


def _paper(session: Session, member_id: int, given: dict[str, Any], key: str) -> str:
    draft = PaperDraft(**given, form_key=key)
    service.record_paper(session, member_id, draft, actor=current_actor(), now=clock.now())
    return "证书已登记。"


Verb = Callable[[Session, int, dict[str, Any], str], str]  # answers what is said of it


def _record(member_id: int, name: str, form: Form, verb: Verb) -> Response | tuple[str, int]:
    _readable(db.session(), member_id)
    with form.catching(), transaction() as session:
        flash(verb(session, member_id, form.load(), form.key), "success")
        return redirect(url_for("activities.member_family", member_id=member_id))
    return _member_page(member_id, wrong=name, form=form), form.status


@blueprint.post("/branch/family/<int:link_id>/end")
@guard("family.change")
def end_link(link_id: int) -> Response:
    """End what staff recorded."""
    with transaction() as session:
        actor = current_actor()
        link = service.end_family(session, link_id, actor=actor, now=clock.now())
        both = [queries.get_member(session, one) for one in (link.relative_id, link.member_id)]
        member_id = next(one.id for one in both if actor.may("member.read", branch_id=one.branch_id))
        flash("已经解除。", "success")
    return redirect(url_for("activities.member_family", member_id=member_id))


@blueprint.post("/branch/consents/<int:consent_id>/withdraw")
@guard("guardian.record")
def end_consent(consent_id: int) -> Response:
    """Staff take a consent back that its guardian no longer gives."""
    with transaction() as session:
        given = withdraw_consent(session, consent_id, actor=current_actor(), now=clock.now())
        member_id = given.member_id
        flash("已经记下收回。", "success")
    return redirect(url_for("activities.member_family", member_id=member_id))


@blueprint.post("/branch/papers/<int:paper_id>/withdraw")
@guard("paper.record")
def end_paper(paper_id: int) -> Response:
    """A document counts no longer."""
    with transaction() as session:
        paper = service.withdraw_paper(session, paper_id, actor=current_actor(), now=clock.now())
        member_id = paper.member_id
        flash("这份证书不再算数。", "success")
    return redirect(url_for("activities.member_family", member_id=member_id))
