"""Finding the header: which row names the columns, and which column is what.

Offices put titles above the header, split it into two rows with merged cells, and call a column what they like. Rows
are scored by how many labels are known; what is not known is ignored, but named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from timebank.core.errors import Invalid
from timebank.members.roster.rules.cells import Cell, text_of, tidy
from timebank.members.roster.rules.findings import (
    BORN_ON,
    FREE_TIMES,
    ID_NUMBER,
    NAME,
    PHONE,
    REMARK,
    SERIAL,
    SEX,
    SKILLS,
    TEAMS,
)

SEARCHED_ROWS = 50
SEARCHED_COLUMNS = 200

# In each line the better label comes first: of two columns for one field the better one is read.
LABELS = {
    NAME: "姓名 名字 真实姓名 名称 全名 志愿者 队员 会员 成员 人员 name",
    PHONE: "手机号 手机号码 手机 移动电话 联系手机 手机电话 联系电话 电话号码 电话 联系方式 联系号码 phone mobile tel",
    ID_NUMBER: "身份证号 身份证号码 身份证 居民身份证号 居民身份证号码 公民身份号码 公民身份证号码 身份号码 "
    "证件号码 证件号 身份证件号码 证件编号",
    SEX: "性别 sex",
    BORN_ON: "出生日期 出生年月日 生日 出生年月 出生时间 出生 出生日",
    TEAMS: "服务队 服务队名称 志愿服务队 所属服务队 所在服务队 队伍 队伍名称 所属队伍 所在队伍 小组 所属小组 服务小组 "
    "组别 队别 分队 团队 所属团队",
    SKILLS: "特长 技能 专长 服务特长 专业特长 个人特长 特长技能 技能特长 服务技能 专业技能 擅长",
    FREE_TIMES: "空闲时间 可服务时间 方便时间 空余时间 可参加时间 可参与时间 服务时段 服务时间 可用时间",
    REMARK: "备注 备考 附注 说明",
    SERIAL: "序号 编号 序 号 no no. 顺序号 行号",
}
_KNOWN = {label: (field, rank) for field, labels in LABELS.items() for rank, label in enumerate(labels.split())}
_PARTS = (
    ("姓名", NAME),
    ("手机", PHONE),
    ("电话", PHONE),
    ("身份证", ID_NUMBER),
    ("出生", BORN_ON),
    ("服务队", TEAMS),
    ("特长", SKILLS),
    ("空闲", FREE_TIMES),
)
# Somebody else's name or number, or a second one.
_OTHERS = re.compile(
    r"紧急|监护|家属|家长|亲属|子女|配偶|负责|队长|组长|领队|推荐|介绍|单位|父|母|联系人|2|二|备用|地址|到期|照片|固定"
)
_WHOSE = re.compile(r"^(?:志愿者|义工|队员|会员|成员|人员|本人)的?(?=.)")
_PART_RANK = 100
_LONGEST_LABEL = 14


class NoNameColumn(Invalid):
    """No row of any sheet names a column 姓名."""

    code = "roster.no_name_column"
    text = "没有找到“姓名”一列。请在名单上面加一行表头，写上：姓名、手机号、身份证号、服务队等，再上传。"

    def __init__(self) -> None:
        super().__init__(fields={"file": self.text})


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the file: where it is, what it is called there, what it is here (None: ignored)."""

    at: int
    label: str
    field: str | None
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Header:
    """The row (or two) that names the columns. ``ends_at`` is the index of its last row."""

    starts_at: int
    ends_at: int
    columns: tuple[Column, ...]

    @property
    def fields(self) -> dict[str, int]:
        """Field → column, the best one of each."""
        return {column.field: column.at for column in self.columns if column.field is not None}

    @property
    def ignored(self) -> tuple[str, ...]:
        """Labels that mean nothing here."""
        labels = (column.label for column in self.columns if column.field is None and column.label)
        return tuple(dict.fromkeys(labels))

    @property
    def score(self) -> tuple[int, int]:
        """How much is known: a known label counts two, a label with a known part one; without a name nothing counts.

        Of headers that know equally much the one with the better labels wins (手机 below over 联系方式 above).
        """
        known = [column for column in self.columns if column.field is not None]
        if not any(column.field == NAME for column in known):
            return 0, 0
        points = sum(2 if column.rank < _PART_RANK else 1 for column in known)
        return (points, -sum(column.rank for column in known)) if points > 1 else (0, 0)


def bare_label(cell: Cell) -> str:
    """A label without spaces, notes in brackets, colons and stars: ``手 机 号*（必填）`` → ``手机号``."""
    text = re.sub(r"[(\[【].*", "", tidy(text_of(cell)).lower())
    return re.sub(r"[\s:*#?!、/_\-]", "", text)


def known_field(label: str) -> tuple[str, int] | None:
    """The field that a bare label means, and how good a label it is (0 is best)."""
    if label in _KNOWN:
        return _KNOWN[label]
    own = _WHOSE.sub("", label)
    if own in _KNOWN:
        return _KNOWN[own]
    if 1 < len(label) <= _LONGEST_LABEL and not _OTHERS.search(label):
        for part, field in _PARTS:
            if part in label:
                return field, _PART_RANK
    return None


def find_header(rows: Sequence[Sequence[Cell]]) -> Header | None:
    """The header with the most known labels, one row or two; the upper one of equals. None without a name column."""
    best: Header | None = None
    for at in range(min(len(rows), SEARCHED_ROWS)):
        for depth in (1, 2):
            last = at + depth - 1
            if last >= len(rows) or _looks_filled_in(rows[last]):
                continue
            found = _header(rows, at, last)
            if found.score > (best.score if best else (0, 0)):
                best = found
    return best


def _looks_filled_in(row: Sequence[Cell]) -> bool:
    """Whether a row holds somebody's figures: then it is not a header, whatever else it says."""
    return any(re.search(r"\d{5}|\d{4}\D\d", text_of(cell)) for cell in row)


def _header(rows: Sequence[Sequence[Cell]], first: int, last: int) -> Header:
    width = min(max(len(rows[at]) for at in range(first, last + 1)), SEARCHED_COLUMNS)
    columns = [_column(rows, first, last, at) for at in range(width)]
    best: dict[str, Column] = {}
    for column in columns:
        if column.field is not None and (column.field not in best or column.rank < best[column.field].rank):
            best[column.field] = column
    return Header(
        starts_at=first,
        ends_at=last,
        columns=tuple(
            column
            if column.field is None or best[column.field] is column
            else Column(at=column.at, label=column.label, field=None)
            for column in columns
        ),
    )


def _column(rows: Sequence[Sequence[Cell]], first: int, last: int, at: int) -> Column:
    """One column, named by its lowest cell that is not empty."""
    for row in range(last, first - 1, -1):
        cell = rows[row][at] if at < len(rows[row]) else None
        shown = tidy(text_of(cell))[:40]
        if shown:
            field, rank = known_field(bare_label(cell)) or (None, 0)
            return Column(at=at, label=shown, field=field, rank=rank)
    return Column(at=at, label="", field=None)
