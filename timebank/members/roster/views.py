"""Pages of the import: choose a file, look at what it says, import it while watching."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import structlog
from flask import Blueprint, Response, flash, redirect, render_template, request, stream_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from timebank.branches.queries import get_branch
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Refusal
from timebank.members.models import RosterImport
from timebank.members.queries import list_names
from timebank.members.roster import service
from timebank.members.roster.queries import get_roster_import, list_roster_imports, preview
from timebank.members.roster.rules import ERROR, MENDED, MOST_PEOPLE, NOTED, SKIPPED
from timebank.members.roster.sheets import FileRefused, write_template
from timebank.web.downloads import workbook_file
from timebank.web.forms import Count, Form, FormSchema
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys

blueprint = Blueprint("roster", __name__)
log = structlog.get_logger()

_PAGE = "/branch/members/import"
_ONE = f"{_PAGE}/<int(max=2147483647):import_id>"
SHOWN_PEOPLE = 20
SHOWN_FINDINGS = 300  # of one kind; a page of thousands helps nobody


class UploadSchema(FormSchema):
    """Which branch the people of the file belong to."""

    branch_id = Count(1, required=True, error_messages={"required": "请选择网点。"})


class NoFile(FileRefused):
    """The form was sent without a file."""

    code = "roster.no_file"
    text = "请先选择名单文件。"


@blueprint.route(_PAGE, methods=["GET", "POST"])
@guard("member.import")
def upload() -> AnyResponse | tuple[str, int]:
    """Choose a file; it is read and kept sealed, and nobody is registered yet."""
    actor, session = current_actor(), db.session()
    choice = choose_branch("member.import")
    form = Form(UploadSchema(), initial={"branch_id": choice.branch.id})
    if form.submitted:
        with form.catching():
            return redirect(url_for("roster.look", import_id=_keep_upload(form)))
    imports = list_roster_imports(session, actor.branches("member.import"))
    page = render_template(
        "members/import.html",
        form=form,
        branches=choice.others,
        imports=imports,
        names=list_names(session, {kept.imported_by_id for kept, _ in imports if kept.imported_by_id}),
        most_people=MOST_PEOPLE,
        kept_days=service.KEPT_DAYS,
    )
    return page, form.status


def _keep_upload(form: Form) -> int:
    actor, now = current_actor(), clock.now()
    branch_id: int = form.load()["branch_id"]
    actor.require("member.import", branch_id=branch_id)
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise NoFile()
    # Read before the unit of work begins: nobody should wait for a big file to be understood.
    file = service.read_file(sent.read(), name=_file_name(sent.filename), keys=keys(), now=now)
    with transaction() as session:
        return service.keep_file(session, file, branch_id=branch_id, actor=actor, keys=keys(), now=now).id


def _file_name(sent: str) -> str:
    """The name alone, without the folders that old browsers send and without control characters."""
    name = sent.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if unicodedata.category(c)[0] != "C").strip() or "名单"


@blueprint.get(f"{_PAGE}/template.xlsx")
@guard("member.import")
def template() -> Response:
    """The empty table to fill in."""
    return workbook_file("志愿者名册模板", write_template())


@blueprint.get(_ONE)
@guard("member.import")
def look(import_id: int) -> str:
    """What the file says, line by line; for a file imported before, what became of it."""
    kept = _own(import_id)
    branch = get_branch(db.session(), kept.branch_id)
    if kept.imported_at is not None:
        importers = list_names(db.session(), {kept.imported_by_id} if kept.imported_by_id else set())
        return render_template("members/import_done.html", kept=kept, branch=branch, importers=importers)
    seen = preview(db.session(), kept, keys())
    return render_template(
        "members/import_look.html",
        kept=kept,
        branch=branch,
        seen=seen,
        groups=[
            ("错误", "要先改好", seen.listed(ERROR)),
            ("跳过", "不导入，也不影响别人", seen.listed(SKIPPED)),
            ("请看一眼", "照原样导入", seen.listed(NOTED)),
            ("已改", "这样读的，请核对", seen.listed(MENDED)),
        ],
        shown_findings=SHOWN_FINDINGS,
        shown_people=SHOWN_PEOPLE,
    )


def _own(import_id: int) -> RosterImport:
    """The kept file, if the actor imports at its branch."""
    kept = get_roster_import(db.session(), import_id)
    current_actor().require("member.import", branch_id=kept.branch_id)
    return kept


@blueprint.post(f"{_ONE}/put-away")
@guard("member.import")
def put_away(import_id: int) -> AnyResponse:
    """Delete a preview."""
    with transaction() as session:
        service.put_away(session, import_id, actor=current_actor())
    flash("预览已经删掉，一个人都没有导入。", "success")
    return redirect(url_for("roster.upload"))


# --- the import, watched -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line of the page that grows: ``kind`` is progress, done, before (imported earlier) or refused."""

    kind: str
    done: int = 0
    total: int = 0
    text: str = ""


@blueprint.post(_ONE)
@guard("member.import")
def run(import_id: int) -> AnyResponse:
    """Import, and answer with a page that grows line by line: plain HTML, so progress is seen without scripts."""
    kept = _own(import_id)
    consented = request.form.get("consented") == "1"
    if not consented and kept.imported_at is None:
        flash(service.ConsentNotAnswered.text, "error")
        return redirect(url_for("roster.look", import_id=import_id))
    branch = get_branch(db.session(), kept.branch_id)
    page = stream_template(
        "members/import_run.html",
        file_name=kept.file_name,
        import_id=import_id,
        branch={"id": branch.id, "name": branch.name},
        steps=_steps(import_id, consented),
    )
    answer = Response(_in_lines(page), mimetype="text/html")
    answer.headers["X-Accel-Buffering"] = "no"  # proxies that gather answers would hide the progress
    return answer


def _in_lines(page: Iterator[str]) -> Iterator[str]:
    """The page's crumbs gathered up to the end of each line of progress, which is when it has to be sent."""
    gathered: list[str] = []
    with closing(page):  # type: ignore[type-var]  # the generator that Flask made
        for piece in page:
            gathered.append(piece)
            if "</li>" in piece:
                yield "".join(gathered)
                gathered.clear()
    yield "".join(gathered)


def _steps(import_id: int, consented: bool) -> Iterator[Step]:
    """The import as it goes. The page has begun by then, so refusals and failures become its last line."""
    try:
        with transaction() as session:
            done = total = -1
            work = service.import_roster(
                session, import_id, consented=consented, actor=current_actor(), keys=keys(), now=clock.now()
            )
            for done, total in work:
                yield Step(kind="progress", done=done, total=total)
        yield Step(kind="done" if total >= 0 else "before", done=done, total=total)
    except Refusal as refusal:
        yield Step(kind="refused", text=refusal.message)
    except Exception as failure:
        # As on other pages, the text of the exception may quote people's data.
        log.error("roster_import_failed", kind=type(failure).__name__)
        yield Step(kind="refused", text="系统出了差错，一个人都没有导入。请稍后再试；如果一直这样，请告诉系统管理员。")
