"""The columns of the ministry's record and the list of its answers. Pure.

MCA Order 67 art. 5: a volunteer's basic data are name, sex, birth date, ID number, area of residence, contact, skills,
service category. Art. 7: a service record has the activity's name, date, place, content, service time, organising unit
and person in charge; service time is what was actually spent, in hours. Beside these each line carries our own number,
by which the answers find their record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from timebank.core.errors import Invalid

PERSON_COLUMNS: Final = (
    "志愿者编号",
    "姓名",
    "性别",
    "出生日期",
    "证件类型",
    "证件号码",
    "居住区域",
    "联系方式",
    "服务技能",
    "志愿服务类别",
)
SERVICE_COLUMNS: Final = (
    "记录编号",
    "志愿者编号",
    "姓名",
    "证件号码",
    "活动名称",
    "服务日期",
    "服务地点",
    "服务内容",
    "服务时间（小时）",
    "活动组织单位",
    "活动负责人",
    "记录人",
)
_ACCEPTED: Final = frozenset({"已接收", "接收", "成功", "通过", "accepted"})
_REJECTED: Final = frozenset({"被退回", "退回", "失败", "不通过", "rejected"})
_MOST_WORDS = 200


class BadAnswers(Invalid):
    """The list of answers cannot be read as one."""

    code = "reports.bad_answers"
    text = "{why}。每行写：编号、结果（已接收或退回）、退回原因，用逗号或制表符隔开。"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ministry's system said of one record: our number, accepted or not, and why not."""

    number: str
    accepted: bool
    words: str


def hours_text(minutes: int) -> str:
    """Minutes as hours with two decimals, rounded to the nearest: the order's unit is the hour."""
    hundredths = (minutes * 100 + 30) // 60
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def read_answers(rows: Iterable[Sequence[str]]) -> list[Answer]:
    """The answers in a list of rows: number, result, reason. Empty rows and a title row are passed over.

    Raises BadAnswers naming the first row that cannot be read, and where nothing can.
    """
    found: list[Answer] = []
    for at, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (at == 1 and not _is_result(cells)):
            continue
        found.append(_answer(at, cells))
    if not found:
        raise _bad("名单里没有一行能读")
    return found


def _is_result(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and cells[1] in _ACCEPTED | _REJECTED


def _answer(at: int, cells: Sequence[str]) -> Answer:
    if not _is_result(cells):
        raise _bad(f"第 {at} 行的结果读不懂")
    accepted, words = cells[1] in _ACCEPTED, (cells[2] if len(cells) > 2 else "")[:_MOST_WORDS]
    if not accepted and not words:
        raise _bad(f"第 {at} 行退回了，但没有写原因")
    return Answer(number=cells[0].upper(), accepted=accepted, words="" if accepted else words)


def _bad(why: str) -> BadAnswers:
    refusal = BadAnswers(why=why)
    refusal.fields = {"answers": refusal.message}
    return refusal
