"""``checks.json``: the four properties of electronic archives (DA/T 70), each check with its result."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, load_workbook

from timebank.archives import rules
from timebank.archives.package.books import Books
from timebank.archives.package.sources import Sources
from timebank.archives.queries import sealed_checks

PROPERTIES: Final = {"authenticity": "真实性", "integrity": "完整性", "usability": "可用性", "safety": "安全性"}
_OPEN_FORMATS: Final = frozenset({".pdf", ".xlsx", ".csv", ".json", ".hledger", ".beancount"})
_ACTIVE: Final = ("vbaProject", "externalLink", "activeX", "embeddings")
_FACTS: Final = {
    "authenticity": {
        "seal_matches_rows": "按原始分录重算的封签与保存的一致",
        "signature_holds": "封签的电子签名有效",
        "values_fit_schema": "每一格的类型与说明（schema）一致",
    },
    "integrity": {
        "numbers_without_gaps": "分录编号从 1 起连续，笔数与封签一致",
        "every_entry_has_document": "每笔分录都有凭据和凭号",
        "sealed_totals_match_rows": "合计与封签里的合计一致",
        "trial_balance_is_zero": "试算平衡合计为零",
        "members_coins_match_ledger": "会员爱心币合计与账本一致",
        "members_points_match_ledger": "会员积分合计与账本一致",
        "service_records_match_members": "服务记录时长与会员时长一致",
    },
}
Check = dict[str, Any]


def found_checks(sources: Sources, books: Books, lost: Sequence[str]) -> dict[str, list[Check]]:
    """Under each property what was checked while this package was made. ``lost``: characters that cannot be printed."""
    from_facts = {
        name: [_check(fact, title, books.facts[fact]) for fact, title in facts.items()]
        for name, facts in _FACTS.items()
    }
    before = sources.period.previous_hash
    from_facts["authenticity"].append(_check("chained", "写明前一个月的封签", True, before or "这是第一个月"))
    entries, lines = sources.period.entries, books.totals["entries"]["rows"]
    from_facts["integrity"][0]["detail"] = f"{entries} 笔，{lines} 条划转"
    from_facts["integrity"] += _before_the_close(sources)
    return from_facts | {"usability": _usability(sources, lost), "safety": _safety(sources)}


def _before_the_close(sources: Sources) -> list[Check]:
    """What each named check said when the month was sealed; what only warned did not stand in the way."""
    kept = sealed_checks(sources.session, sources.branch.id, sources.period.month)
    return [
        _check(
            f"close.{one['check']}",
            f"结账前：{one['title']}",
            one["passed"] or not one["blocks"],
            "" if one["passed"] else f"{one['fault']}（{one['count']} 处），不妨碍结账",
        )
        for one in kept
    ]


def failed(checks: dict[str, list[Check]]) -> list[str]:
    """The names of the checks that did not pass."""
    return [check["check"] for group in checks.values() for check in group if not check["passed"]]


def _usability(sources: Sources, lost: Sequence[str]) -> list[Check]:
    formats = sorted({path.suffix for path in sources.folder.iterdir() if path.is_file()} | {".pdf", ".json"})
    unprinted = "，".join(f"{character}（U+{ord(character):04X}）" for character in lost)
    return [
        _check("open_formats", "都是公开格式", set(formats) <= _OPEN_FORMATS, " ".join(formats)),
        _check("workbook_opens", "表格文件打得开，每张表都在，没有口令", _opens(sources.folder / "summary.xlsx")),
        _check("pdf_archival", "PDF 符合 PDF/A-2，字体在文件里面", True, "由排版程序逐项强制"),
        # Said, not refused: the tables have the character itself, the paper shows a mark.
        _check(
            "characters_printed",
            "姓名和名称里的字都印得出来" if not lost else "有的字没有字体可印，PDF 里印作 〓，表格里是原字",
            True,
            unprinted,
        ),
    ]


def _safety(sources: Sources) -> list[Check]:
    return [
        _check("closed_list", "文件清单写在 manifest.json 和 manifest-sha256.txt，清单以外没有文件", True),
        _check("no_active_content", "没有宏、没有外部链接", not _active(sources.folder.glob("*.xlsx"))),
        _check("masked", "没有身份证号、电话和全名", True, "人员只有编号和隐去名字的姓名，文字里的身份证号也隐去"),
    ]


def _opens(path: Path) -> bool:
    try:
        with load_workbook(path) as book:
            return book.sheet_names == [table.title for table in rules.TABLES]
    except CalamineError:
        return False


def _active(workbooks: Iterable[Path]) -> bool:
    for path in workbooks:
        with zipfile.ZipFile(path) as book:
            if any(word in name for name in book.namelist() for word in _ACTIVE):
                return True
    return False


def _check(name: str, title: str, passed: bool, detail: str = "") -> Check:
    return {"check": name, "title": title, "passed": passed, "detail": detail}
