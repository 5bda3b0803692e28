"""``/inspect/activities``: the activities of a month, one with what there is of it, and its evidence as a file."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Response, render_template
from sqlalchemy.orm import Session

from timebank.activities.models import CATEGORIES, Activity
from timebank.activities.queries import get_activity
from timebank.attendance.models import ATTENDANCE_STATUS_NAMES
from timebank.attendance.queries import list_flags
from timebank.branches.views import choose_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import db, snapshot, transaction
from timebank.core.masking import mask_name
from timebank.core.minutes import hours
from timebank.reports import packing, queries, service
from timebank.reports.models import RESULT_NAMES
from timebank.reports.queries.evidence import Evidence, Rows
from timebank.reports.rules import EVIDENCE_TABLES
from timebank.reports.schemas import PackSchema
from timebank.reports.views import ID, blueprint
from timebank.web import print as paper
from timebank.web.downloads import zip_file
from timebank.web.filters import moment, span
from timebank.web.forms import Form
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.limits import limiter
from timebank.web.query import Query

_PACK_LIMIT = "20/minute"
_MOST_ON_PAPER = 40  # lines of a table in the summary; the whole is in the tables beside it


@blueprint.get("/inspect/activities")
@guard("evidence.read")
def activities() -> str:
    """The activities of a branch in a month."""
    choice, now = choose_branch("evidence.read"), clock.now()
    month = Query().month() or clock.month_of(now)
    return render_template(
        "reports/activities.html",
        choice=choice,
        branch=choice.branch,
        month=month,
        earlier=clock.previous_month(month),
        later=clock.next_month(month) if month < clock.month_of(now) else "",
        rows=queries.list_activities(db.session(), choice.branch.id, month),
        results=RESULT_NAMES,
        mask_name=mask_name,
    )


@blueprint.get(f"/inspect/activities/<{ID}:activity_id>")
@guard("evidence.read")
def activity(activity_id: int) -> str:
    """What there is of one activity, and the packs that were made."""
    return _page(_reached(activity_id, "evidence.read"), Form(PackSchema()))


def _page(shown: Activity, form: Form) -> str:
    session = db.session()
    return render_template(
        "reports/activity.html",
        activity=shown,
        branch=shown.branch,
        overview=queries.overview_of(session, shown),
        packs=queries.list_packs(session, shown.id),
        flags={shift.id: list_flags(session, shift.id) for shift in shown.shifts},
        month=clock.month_of(shown.shifts[0].starts_at) if shown.shifts else clock.month_of(shown.created_at),
        categories=CATEGORIES,
        statuses=ATTENDANCE_STATUS_NAMES,
        may_make=current_actor().may("evidence.make", branch_id=shown.branch_id),
        form=form,
    )


@blueprint.post(f"/inspect/activities/<{ID}:activity_id>/evidence")
@guard("evidence.make")
@limiter.limit(_PACK_LIMIT)
def make_pack(activity_id: int) -> Response | tuple[str, int]:
    """Make the evidence pack and hand it out; who, when and why is kept."""
    _reached(activity_id, "evidence.make")
    form = Form(PackSchema())
    with form.catching():
        draft = service.PackDraft(activity_id=activity_id, **form.load())
        return zip_file(*_make(draft, current_actor()))
    return _page(_reached(activity_id, "evidence.make"), form), form.status


def _reached(activity_id: int, permission: str) -> Activity:
    found = get_activity(db.session(), activity_id)
    current_actor().require(permission, branch_id=found.branch_id)
    return found


def _make(draft: service.PackDraft, actor: Actor) -> tuple[str, bytes]:
    """The pack's name and its bytes. What is made is written down before, and its hash after; the rest keeps nobody
    from writing."""
    with transaction() as session:
        pack = service.begin_pack(session, draft, actor=actor, now=clock.now())
        pack_id, number, made_at = pack.id, pack.number, pack.made_at
    with snapshot() as session:
        parts, photos = _collect(session, draft, actor, number=number, made_at=made_at)
    with tempfile.TemporaryDirectory(prefix="evidence-") as folder:
        content = packing.write_pack(parts, Path(folder)).read_bytes()
    made = service.PackMade(photos=photos, file_hash=hashlib.sha256(content).hexdigest(), file_size=len(content))
    with transaction() as session:
        service.finish_pack(session, pack_id, made, actor=actor)
    return parts.name, content


def _collect(
    session: Session, draft: service.PackDraft, actor: Actor, *, number: int, made_at: datetime
) -> tuple[packing.Parts, int]:
    """What goes into a pack, and how many photos are among it."""
    about = get_activity(session, draft.activity_id)
    evidence = Evidence(session, about, named=draft.named, pictured=draft.pictured)
    tables = {table.name: evidence.table(table.name) for table in EVIDENCE_TABLES}
    photos = service.open_photos(session, evidence, actor=actor, keys=keys()) if draft.pictured else {}
    told = _told(about, draft, actor, number=number, made_at=made_at)
    return packing.Parts(
        name=f"evidence-{about.branch.code}-{about.id}-{number}",
        about=told,
        tables=tables,
        files={"summary.pdf": paper.pdf("report.typ", _summary(about, told, tables)), **photos},
        branch=about.branch.name,
        made_at=made_at,
    ), len(photos)


def _told(about: Activity, draft: service.PackDraft, actor: Actor, *, number: int, made_at: datetime) -> dict[str, Any]:
    return {
        "activity": about.id,
        "title": about.title,
        "branch": about.branch.name,
        "number": number,
        "made_at": moment(made_at),
        "made_by": actor.name,
        "reason": draft.reason,
        "names": "全名" if draft.named else "只留姓",
        "photos": "有照片" if draft.pictured else "没有照片，只有校验值",
    }


def _summary(about: Activity, told: dict[str, Any], tables: dict[str, Rows]) -> dict[str, Any]:
    """What ``report.typ`` wants: facts, and what a person looks at first."""
    organiser = about.organiser.name if told["names"] == "全名" else mask_name(about.organiser.name)
    return {
        "title": f"佐证包：{about.title}",
        "subtitle": "名单、扫码、决定、审批、分录，供抽查核对",
        "branch": about.branch.name,
        "foot": f"第 {told['number']} 份 · {told['made_at']} · {told['made_by']}",
        "facts": [
            ("活动", f"{about.title}（{CATEGORIES.get(about.category, about.category)}，活动号 {about.id}）"),
            ("内容", about.content),
            ("负责人", organiser),
            ("保险单号", about.insurance_policy or "没有填"),
            ("事后补登", about.backdated_reason or "不是"),
            ("为什么做", told["reason"]),
            ("姓名和照片", f"{told['names']}；{told['photos']}"),
        ],
        "sections": [
            {
                "title": "包里有什么",
                "note": "每张表有 Excel、CSV、JSON 三种格式；manifest-sha256.txt 是每个文件的校验值。",
                "columns": ["表", "~行数"],
                "rows": [(table.title, str(len(tables[table.name]))) for table in EVIDENCE_TABLES],
            },
            {
                "title": "班次",
                "note": "",
                "columns": ["时间", "地点", "~报名", "~有记录"],
                "rows": [(span(row[1], row[2]), row[3], str(row[5]), str(row[6])) for row in tables["shifts"]],
            },
            _on_paper("服务记录", ["会员", "~签到", "~补录", "状态", "提示"], [
                (f"{row[3]} {row[2]}", hours(row[6]), hours(row[7]), row[13], row[14]) for row in tables["records"]
            ]),
            _on_paper("提交与审批", ["第几次", "提交", "审批", "退回", "~时长"], [
                (
                    f"第 {row[1]} 次", f"{row[2]} {moment(row[3])}",
                    f"{row[6]} {moment(row[7])}" if row[7] else "", row[9], hours(row[12]),
                )
                for row in tables["rounds"]
            ]),
        ],
    }  # fmt: skip


def _on_paper(title: str, columns: list[str], rows: Rows) -> dict[str, Any]:
    left = len(rows) - _MOST_ON_PAPER
    note = f"这里印前 {_MOST_ON_PAPER} 行，另有 {left} 行在表里。" if left > 0 else ""
    return {"title": title, "note": note, "columns": columns, "rows": rows[:_MOST_ON_PAPER]}
