"""What pages and commands say of jobs, their runs and alarms; the jobs themselves stand far above."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from timebank.watch.models import JobRun
from timebank.watch.queries import Alarm, list_alarms
from timebank.web.filters import elapsed, moment


@dataclass(frozen=True, slots=True)
class JobWords:
    """What a job does, and what it counts."""

    title: str
    unit: str


JOBS: Final[dict[str, JobWords]] = {
    "close_months": JobWords("结清已过完的月份并打包", "个归档包"),
    "audit_books": JobWords("账本自检", "处不对"),
    "expire_orders": JobWords("让过期的兑换单退回冻结的爱心币", "张兑换单"),
    "expire_coins": JobWords("让按规则过期的爱心币过期", "位会员"),
    "settle_lines": JobWords("收回没有答复的名额，问候补的下一位", "位候补"),
    "settle_requests": JobWords("办结点单：已审核的算完成，过了期的结束", "张点单"),
    "remind_people": JobWords("提醒明天和两小时内要来的人", "人"),
    "remind_due": JobWords("提醒快到期和逾期的服务记录", "个班次"),
    "remind_of_disputes": JobWords("提醒快到期和逾期的争议", "件争议"),
    "remind_of_offers": JobWords("提醒快到期的可兑服务和物品", "项"),
    "remind_of_promises": JobWords("提醒快到期和逾期的共建承诺", "项承诺"),
    "remind_of_requests": JobWords("提醒没有受理、没人接的点单", "张点单"),
    "reconcile_pairs": JobWords("核对网点之间的账", "处差异"),
    "resume_proposals": JobWords("重发没有答复的清算单", "张清算单"),
    "renew_pair_keys": JobWords("给用满一年的网点签名密钥换代", "把密钥"),
    "join_branches": JobWords("让新网点和上级网点互通", "个网点"),
    "tell_statements": JobWords("告诉会员上个月的对账单出来了", "人"),
    "make_cards": JobWords("制作成长卡 PDF", "份"),
    "remove_cards": JobWords("删除到期的成长卡 PDF", "份"),
    "forget_runs": JobWords("清理定时任务的旧记录", "条记录"),
}
LATE: Final = timedelta(minutes=2)  # a run that began so much after its hour says when that was
CAUSES: Final = {"schedule": "按时", "start": "启动时补做", "retry": "出错后再试", "hand": "手工"}
RESULTS: Final = {
    "running": ("正在运行", "wait"),
    "done": ("办好了", "ok"),
    "failed": ("出错", "bad"),
    "interrupted": ("中断了", "bad"),
}


def title_of(job: str) -> str:
    """What a job does; the bare name of one that this program does not know any more."""
    return JOBS[job].title if job in JOBS else job


def duration(run: JobRun) -> str:
    """How long a run took; nothing while it lasts."""
    return elapsed(round((run.ended_at - run.started_at).total_seconds() * 1000)) if run.ended_at else ""


def outcome(run: JobRun) -> str:
    """What came of a run: how much was done, or what went wrong and when it is tried again."""
    if run.result == "running":
        return ""
    if run.result == "done":
        return f"{run.count} {JOBS[run.job].unit}" if run.job in JOBS else str(run.count)
    again = f"第 {run.attempt} 次，{moment(run.retry_at)} 再试" if run.retry_at else ""
    return f"{run.words or '进程中途停了，没有做完'}（{again}）"


@dataclass(frozen=True, slots=True)
class AlarmWords:
    """What is wrong, and what to do."""

    title: str
    text: str


def alarm_words(alarm: Alarm) -> AlarmWords:
    """An alarm for people."""
    since = moment(alarm.since) if alarm.since else ""
    if alarm.code == "never_led":
        return AlarmWords(
            "定时任务还没有运行过", "不会自动结账、过期、提醒。请系统管理员启动定时任务（flask jobs run）。"
        )
    if alarm.code == "not_led":
        return AlarmWords(
            f"定时任务停了，从 {since} 起没有人值守",
            "停着的时候不会自动结账、过期、提醒；重新启动（flask jobs run）以后，漏掉的会依次补做。请联系系统管理员。",
        )
    if alarm.code == "stuck":
        return AlarmWords(
            f"“{title_of(alarm.job)}”做了很久没有做完", f"从 {since} 起一直在运行。请系统管理员重新启动定时任务。"
        )
    return AlarmWords(f"“{title_of(alarm.job)}”一直没有办成", f"{alarm.words}。请系统管理员看运行日志。")


def list_alarm_words(session: Session, *, now: datetime) -> list[AlarmWords]:
    """What is wrong with the schedule now, for people."""
    return [alarm_words(alarm) for alarm in list_alarms(session, now=now)]
