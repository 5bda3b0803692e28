"""The tables of an evidence pack: what papers an activity has when civil affairs ask (MCA Order 67 art. 21, 22)."""

from __future__ import annotations

from typing import Final

from timebank.archives.rules import Column, Kind, Table


def _columns(kind: Kind, /, **titles: str) -> tuple[Column, ...]:
    return tuple(Column(name, title, kind) for name, title in titles.items())


_SHIFT: Final = _columns("count", shift="班次号")
_WHO: Final = _columns("text", number="会员编号", name="姓名")

SHIFTS: Final = Table(
    "shifts",
    "班次",
    (
        *_SHIFT,
        *_columns("instant", starts_at="开始", ends_at="结束"),
        *_columns("text", place="地点"),
        *_columns("count", capacity="名额", signed_up="报名人数", came="有记录人数"),
        *_columns("text", state="状态"),
    ),
)
SIGN_UPS: Final = Table(
    "sign_ups",
    "名单与报名",
    (
        *_SHIFT,
        *_WHO,
        *_columns("text", state="状态"),
        *_columns("instant", asked_at="报名", confirmed_at="有名额", left_at="退出"),
        *_columns("text", left_why="退出原因", by="代办人", passed="放行的提醒"),
    ),
)
SCANS: Final = Table(
    "scans",
    "扫码",
    (
        *_columns("count", scan="扫码号"),
        *_SHIFT,
        *_WHO,
        *_columns("text", kind="签到或签退", source="来源"),
        *_columns("instant", claimed_at="扫码时间", received_at="收到时间"),
        *_columns("text", by="经手人", place="位置", refused="没有算数的原因", reason="更正原因", device="设备"),
    ),
)
CASES: Final = Table(
    "cases",
    "疑问与决定",
    (
        *_columns("count", scan="扫码号"),
        *_SHIFT,
        *_WHO,
        *_columns("text", kind="疑问"),
        *_columns("instant", opened_at="提出"),
        *_columns("text", decision="决定"),
        *_columns("instant", decided_at="决定时间"),
        *_columns("text", by="决定人", reason="理由"),
    ),
)
SHEETS: Final = Table(
    "sheets",
    "纸质签到单",
    (
        *_columns("text", sheet="单号"),
        *_SHIFT,
        *_columns("count", line="行"),
        *_WHO,
        *_columns("text", printed="单上印的"),
        *_columns("instant", printed_at="打印"),
        *_columns("text", by="打印人"),
    ),
)
PHOTOS: Final = Table(
    "photos",
    "签到单照片",
    (
        *_columns("text", sheet="单号"),
        *_columns("count", page="页", photo="照片号"),
        *_columns("text", digest="照片 SHA-256"),
        *_columns("instant", at="上传"),
        *_columns("text", by="上传人", file="包内文件"),
    ),
)
TYPINGS: Final = Table(
    "typings",
    "纸单录入",
    (
        *_columns("text", sheet="单号"),
        *_columns("count", page="页", round="第几次", people="人数"),
        *_columns("text", minutes="合计分钟", differences="两次不同的行"),
        *_columns("instant", at="录入"),
        *_columns("text", by="录入人"),
    ),
)
RECORDS: Final = Table(
    "records",
    "服务记录",
    (
        *_columns("count", record="记录号"),
        *_SHIFT,
        *_WHO,
        *_columns("instant", in_at="签到", out_at="签退"),
        *_columns("minutes", signed="签到时长（分钟）", manual="补录时长（分钟）", now="现在算（分钟）"),
        *_columns("text", manual_why="补录原因", manual_by="补录人", note="核对说明", reviewed_by="核对人"),
        *_columns("text", state="状态", flags="提示"),
    ),
)
ABSENCES: Final = Table(
    "absences",
    "缺席",
    (
        *_SHIFT,
        *_WHO,
        *_columns("text", kind="记为", by="记录人"),
        *_columns("instant", at="记录时间", lifted_at="取消时间"),
        *_columns("text", lifted="取消原因"),
    ),
)
ROUNDS: Final = Table(
    "rounds",
    "提交与审批",
    (
        *_SHIFT,
        *_columns("count", round="第几次"),
        *_columns("text", sent_by="提交人"),
        *_columns("instant", sent_at="提交"),
        *_columns("text", first_by="第一位审批人"),
        *_columns("instant", first_at="第一位同意"),
        *_columns("text", by="审批人"),
        *_columns("instant", at="审批", returned_at="退回"),
        *_columns("text", returned="退回原因", held="留下不批的人和原因"),
        *_columns("count", people="人数"),
        *_columns("minutes", minutes="时长（分钟）"),
        *_columns("points", points="积分"),
    ),
)
CORRECTIONS: Final = Table(
    "corrections",
    "更正",
    (
        *_columns("count", record="记录号"),
        *_WHO,
        *_columns("minutes", signed="签到时长变动（分钟）", manual="补录时长变动（分钟）"),
        *_columns("text", reason="原因", by="更正人"),
        *_columns("instant", at="更正时间"),
        *_columns("text", wrong="更正的分录", reversal="冲正分录", instead="更正后分录"),
    ),
)
ENTRIES: Final = Table(
    "entries",
    "分录",
    (
        *_columns("count", record="记录号"),
        *_columns("text", branch="网点", month="账期"),
        *_columns("count", entry="编号"),
        *_columns("text", kind="种类"),
        *_columns("instant", posted_at="记账"),
        *_columns("text", unit="单位", debit="借方账户", credit="贷方账户"),
        *_columns("count", amount="数量"),
        *_columns("text", seal="账期封签"),
    ),
)
CHANGES: Final = Table(
    "changes",
    "活动改动",
    (*_columns("instant", at="时间"), *_columns("text", by="谁", changes="改了什么")),
)
TABLES: Final = (
    SHIFTS, SIGN_UPS, SCANS, CASES, RECORDS, ABSENCES, SHEETS, PHOTOS, TYPINGS, ROUNDS, CORRECTIONS, ENTRIES, CHANGES,
)  # fmt: skip
