"""A year's figures as tables: for the workbook, for paper, for the public."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from timebank.core.clock import month_name
from timebank.core.minutes import coins, hours
from timebank.reports.models import YearlyReport
from timebank.reports.rules import LEAST_PEOPLE, Group, leave_out_small, merge_small
from timebank.web.filters import moment

TOTALS: Final = (
    ("registered", "登记志愿者", "位"),
    ("newly", "其中当年新登记", "位"),
    ("active", "参加过服务", "位"),
    ("times", "服务人次", "次"),
    ("activities", "活动", "个"),
    ("shifts", "班次", "场"),
    ("recipients", "服务对象", "位"),
    ("partners", "合作单位", "家"),
    ("agreements", "共建协议", "份"),
    ("certificates", "开具服务证明", "份"),
    ("certificates_withdrawn", "撤回服务证明", "份"),
)
GROUPS: Final = (
    ("by_category", "按活动类别", "类别"),
    ("by_area", "按居住区域", "区域"),
    ("by_age", "按年龄", "年龄"),
)
_OVERLAPPING: Final = ("by_category",)  # one person may stand in several groups
_Sheet = tuple[str, Sequence[str], Iterable[Sequence[Any]]]


def groups_of(figures: Mapping[str, Any], name: str) -> list[Group]:
    """One of the tables of groups."""
    return [Group(**group) for group in figures[name]]


def public_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What everybody may see: nothing that speaks of few people.

    Areas and ages with few are put together; months and categories with few are left out, since one person may stand in
    several. Where few served in the whole year, no hours are told.
    """
    if figures["totals"]["active"] < LEAST_PEOPLE:
        return {"few": True, "open": _open_months(figures), "months": [], "groups": []}
    months = [
        Group(name=month_name(one["month"]), **{key: one[key] for key in ("people", "times", "signed", "manual")})
        for one in figures["months"]
        if one["closed"]
    ]
    return {
        "few": False,
        "open": _open_months(figures),
        "months": leave_out_small(months),
        "groups": [
            (title, head, (leave_out_small if name in _OVERLAPPING else merge_small)(groups_of(figures, name)))
            for name, title, head in GROUPS
        ],
    }


def _open_months(figures: Mapping[str, Any]) -> list[str]:
    return [month_name(one["month"]) for one in figures["months"] if not one["closed"]]


def sheets_of(figures: Mapping[str, Any]) -> Iterator[_Sheet]:
    """The workbook: totals, months, and each table of groups; amounts in minutes, as they are counted."""
    totals = figures["totals"]
    yield (
        "合计",
        ["项目", "数", "单位"],
        [
            *((title, totals[name], unit) for name, title, unit in TOTALS),
            ("签到时长", totals["signed"], "分钟"),
            ("补录时长", totals["manual"], "分钟"),
            ("发放爱心币", totals["issued"], "分钟"),
            ("兑换爱心币", totals["redeemed"], "分钟"),
            ("发放积分", totals["points"], "分"),
        ],
    )
    columns = ("people", "times", "signed", "manual", "issued", "redeemed")
    titles = ["月份", "结账", "人数", "人次", "签到（分钟）", "补录（分钟）", "发放（分钟）", "兑换（分钟）", "封签"]
    yield (
        "按月",
        titles,
        [
            (one["month"], "已结账", *(one[name] for name in columns), one["seal"] or "")
            if one["closed"]
            else (one["month"], "还没有结账，不计在内")
            for one in figures["months"]
        ],
    )
    for name, title, head in GROUPS:
        rows = [(row.name, row.people, row.times, row.signed, row.manual) for row in groups_of(figures, name)]
        yield (title, [head, "人数", "人次", "签到（分钟）", "补录（分钟）"], rows)


def on_paper(report: YearlyReport) -> dict[str, Any]:
    """What ``report.typ`` wants."""
    figures, totals = report.figures, report.figures["totals"]
    public = (f"{moment(report.published_at)} 公开" if report.published_at else "还没有公开") + (
        f"，{moment(report.withdrawn_at)} 撤回：{report.withdrawn_why}" if report.withdrawn_at else ""
    )
    return {
        "title": f"{report.year} 年志愿服务记录与证明年度数据",
        "subtitle": report.branch.name,
        "branch": report.branch.name,
        "foot": f"第 {report.version} 版 · {moment(report.prepared_at)} 算出",
        "facts": [
            *((title, f"{totals[name]} {unit}") for name, title, unit in TOTALS),
("服务时长", _hours_in_all(totals)),
            ("爱心币", f"发放 {coins(totals['issued'])}，兑换 {coins(totals['redeemed'])}"),
            ("公开", public),
        ],
        "sections": [
            {
                "title": "按月",
                "note": "只计已经结账的月份；没有结账的月份写明，不计在内。",
                "columns": ["月份", "~人数", "~人次", "~签到", "~补录", "~发放", "~兑换"],
                "rows": [_month_on_paper(one) for one in figures["months"]],
            },
            *(
                {
                    "title": title,
                    "note": "",
                    "columns": [head, "~人数", "~人次", "~签到", "~补录"],
                    "rows": [
                        (row.name, str(row.people), str(row.times), hours(row.signed), hours(row.manual))
                        for row in groups_of(figures, name)
                    ],
                }
                for name, title, head in GROUPS
            ),
        ],
    }  # fmt: skip


def _hours_in_all(totals: Mapping[str, int]) -> str:
    signed, manual = totals["signed"], totals["manual"]
    return f"{hours(signed + manual)}（签到 {hours(signed)}，补录 {hours(manual)}）"


def _month_on_paper(one: Mapping[str, Any]) -> tuple[str, ...]:
    if not one["closed"]:
        return (month_name(one["month"]), *["没有结账"] * 6)
    return (
        month_name(one["month"]), str(one["people"]), str(one["times"]), hours(one["signed"]), hours(one["manual"]),
        coins(one["issued"]), coins(one["redeemed"]),
    )  # fmt: skip
