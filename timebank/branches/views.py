"""Pages of areas and branches: the tree, its nodes, a branch's settings, and the choice of branch other pages offer."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from timebank.branches import queries, service
from timebank.branches.models import LEVEL_NAMES, Area, Branch
from timebank.branches.rules import CHILD_LEVEL, CODE_NOTES
from timebank.branches.schemas import AreaNameSchema, AreaSchema, BranchSchema, BranchSettingsSchema
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import NotAllowed, NotFound, Refusal
from timebank.web.forms import Form, tidy_text
from timebank.web.guards import current_actor, guard

blueprint = Blueprint("branches", __name__)
ID = "int(max=2147483647)"


class NoBranchWithinReach(NotAllowed):
    """The actor's role reaches no branch, or not the one asked for."""

    code = "branches.no_branch_within_reach"
    text = "您的身份没有管到这个网点。如果需要，请联系系统管理员。"


@dataclass(frozen=True, kw_only=True)
class BranchChoice:
    """The branch a page is about, and those the actor may switch to."""

    branch: Branch
    others: list[Branch]


def choose_branch(permission: str) -> BranchChoice:
    """The branch asked for by ``?branch=`` (id), else the actor's own, else the first where they hold ``permission``.

    Raises NoBranchWithinReach.
    """
    actor = current_actor()
    within = queries.list_branches(db.session(), actor.branches(permission))
    asked, wanted = request.args.get("branch", ""), _asked_id("branch") or actor.branch_id
    found = next((branch for branch in within if branch.id == wanted), None)
    if found is None and (asked or not within):
        raise NoBranchWithinReach()
    return BranchChoice(branch=found or within[0], others=within)


def _asked_id(name: str) -> int | None:
    """The id in the query, if it can be one."""
    asked = request.args.get(name, "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None


@blueprint.get("/areas")
@guard("area.read")
def areas() -> str:
    """The tree, or the areas that are or were called so."""
    text = tidy_text(request.args.get("q", ""))[:60]
    today = clock.today(clock.now())
    return render_template(
        "branches/areas.html",
        q=text,
        tree=queries.area_tree(db.session(), today),
        found=[_line(area) for area in queries.find_areas(db.session(), text)] if text else None,
        may_change=current_actor().may("area.change"),
    )


def _line(area: Area) -> dict[str, object]:
    today = clock.today(clock.now())
    name = queries.area_name(area, today)
    past = [found.name for found in area.names if found.name != name]
    return {"id": area.id, "code": area.code, "name": name, "past": past, "level": LEVEL_NAMES[area.level]}


@blueprint.route("/areas/new", methods=["GET", "POST"])
@guard("area.change")
def new_area() -> Response | tuple[str, int]:
    """Add an area below the one given by ``?parent=``, or a city."""
    parent_id = _asked_id("parent")
    parent = queries.get_area(db.session(), parent_id) if parent_id is not None else None
    level = CHILD_LEVEL.get(parent.level if parent else None)
    if level is None:
        raise service.WrongLevel()
    form = Form(AreaSchema(), initial={"valid_from": clock.today(clock.now())})
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.AreaDraft(**(form.load() | {"parent_id": parent_id}))
            area = service.add_area(session, draft, actor=current_actor(), now=clock.now())
            flash(f"已添加“{draft.name}”（{area.code}）。", "success")
            return redirect(url_for("branches.area", area_id=parent_id or area.id))
    return render_template(
        "branches/new_area.html",
        form=form,
        parent=parent,
        parent_name=queries.area_name(parent, clock.today(clock.now())) if parent else "",
        level_name=LEVEL_NAMES[level],
        code_note=CODE_NOTES[level],
    ), form.status


@blueprint.get(f"/areas/<{ID}:area_id>")
@guard("area.read")
def area(area_id: int) -> str:
    """One area: its names, what lies below, its branches."""
    form = Form(AreaNameSchema(), initial={"valid_from": clock.today(clock.now())})
    return _area_page(area_id, form)[0]


@blueprint.post(f"/areas/<{ID}:area_id>/rename")
@guard("area.change")
def rename_area(area_id: int) -> Response | tuple[str, int]:
    """Give an area a new name from a day on."""
    form = Form(AreaNameSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            given = form.load()
            service.rename_area(session, area_id, **given, actor=current_actor(), now=clock.now())
            flash(f"从 {given['valid_from']} 起叫“{given['name']}”。旧名称仍可查到。", "success")
            return redirect(url_for("branches.area", area_id=area_id))
    return _area_page(area_id, form)


def _area_page(area_id: int, form: Form) -> tuple[str, int]:
    session, today = db.session(), clock.today(clock.now())
    shown = queries.get_area(session, area_id)
    page = render_template(
        "branches/area.html",
        form=form,
        area=shown,
        name=queries.area_name(shown, today),
        path=queries.area_path(session, area_id, today),
        level_name=LEVEL_NAMES[shown.level],
        child_level_name=LEVEL_NAMES.get(CHILD_LEVEL.get(shown.level) or ""),
        node=queries.area_node(session, area_id, today),
        may_change=current_actor().may("area.change"),
    )
    return page, form.status


@blueprint.post(f"/areas/<{ID}:area_id>/close")
@guard("area.change")
def close_area(area_id: int) -> Response:
    """Take an area out of use."""
    try:
        with transaction() as session:
            service.close_area(session, area_id, actor=current_actor(), now=clock.now())
            flash("已停用。代码和名称仍可查到。", "success")
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        flash(refusal.message, "error")
    return redirect(url_for("branches.area", area_id=area_id))


@blueprint.route(f"/areas/<{ID}:area_id>/branches/new", methods=["GET", "POST"])
@guard("area.change")
def new_branch(area_id: int) -> Response | tuple[str, int]:
    """Open a branch in an area."""
    form = Form(BranchSchema())
    if form.submitted:
        with form.catching(), transaction() as session:
            draft = service.BranchDraft(**form.load(), area_id=area_id)
            branch = service.open_branch(session, draft, actor=current_actor(), now=clock.now())
            flash(f"网点“{branch.name}”（{branch.code}）已开通，账本也开好了。下一步：任命管理员。", "success")
            return redirect(url_for("members.roles", branch=branch.id))
    shown = queries.get_area(db.session(), area_id)
    path = queries.area_path(db.session(), area_id, clock.today(clock.now()))
    return render_template("branches/new_branch.html", form=form, area=shown, path=path), form.status


@blueprint.route("/branch/settings", methods=["GET", "POST"])
@guard("branch.change")
def settings() -> Response | tuple[str, int]:
    """How a branch is called and reached."""
    choice = choose_branch("branch.change")
    branch_id = choice.branch.id
    initial = {name: getattr(choice.branch, name) for name in ("name", "address", "phone")}
    form = Form(BranchSettingsSchema(), initial=initial)
    if form.submitted:
        with form.catching(), transaction() as session:
            service.change_branch(session, branch_id, **form.load(), actor=current_actor())
            flash("网点信息已保存。", "success")
            return redirect(url_for("branches.settings", branch=branch_id))
    path = queries.area_path(db.session(), choice.branch.area_id, clock.today(clock.now()))
    return render_template("branches/settings.html", form=form, choice=choice, path=path), form.status
