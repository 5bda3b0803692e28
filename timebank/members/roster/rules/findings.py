"""What was noticed while reading: where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ERROR: Final = "error"  # stops the import
SKIPPED: Final = "skipped"  # this row, or this cell, is left out
MENDED: Final = "mended"  # taken, but not letter for letter
NOTED: Final = "noted"  # worth a look, nothing was changed
SEVERITIES: Final = {ERROR: "错误", SKIPPED: "提醒 · 跳过", MENDED: "提醒 · 已改", NOTED: "提醒"}

NAME, PHONE, ID_NUMBER, SEX, BORN_ON = "name", "phone", "id_number", "sex", "born_on"
TEAMS, SKILLS, FREE_TIMES, REMARK, SERIAL = "teams", "skills", "free_times", "remark", "serial"
FIELD_NAMES: Final = {
    NAME: "姓名",
    PHONE: "手机号",
    ID_NUMBER: "身份证号",
    SEX: "性别",
    BORN_ON: "出生日期",
    TEAMS: "服务队",
    SKILLS: "特长",
    FREE_TIMES: "空闲时间",
    REMARK: "备注",
    SERIAL: "序号",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the preview. ``row`` is the row of the file as a spreadsheet counts it; None means the whole file.

    ``problem`` and ``todo`` never quote a phone or an ID number.
    """

    severity: str
    row: int | None
    field: str
    problem: str
    todo: str = ""

    @property
    def severity_name(self) -> str:
        """What the severity is called on pages."""
        return SEVERITIES[self.severity]
