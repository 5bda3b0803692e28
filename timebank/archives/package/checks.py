"""``checks.json``: the four properties of electronic archives (DA/T 70), each check with its result.

Nothing is written down as passed that was not looked at. A check that failed means that there is no package; one that
warns is false and says why, and stands in nobody's way: a rare character in a name must not stop a close.

What can only be seen when everything is written (the summary prints these very results) is looked at again by
``broken``, and no package is made where it does not hold.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, load_workbook

from timebank.archives import rules
from timebank.archives.package.books import Books
from timebank.archives.package.sources import Sources
from timebank.archives.queries import sealed_checks
from timebank.core.masking import holds_numbers
from timebank.ledger import queries as ledger

PROPERTIES: Final = {"authenticity": "真实性", "integrity": "完整性", "usability": "可用性", "safety": "安全性"}
_OPEN_FORMATS: Final = frozenset({".pdf", ".xlsx", ".csv", ".json", ".hledger", ".beancount"})
RESULTS: Final = {"passed": "通过", "warning": "留意", "failed": "没有通过"}
_TEXTS: Final = frozenset({".csv", ".json", ".hledger", ".beancount"})
_STATEMENT: Final = re.compile(r"clearing-.+\.json")  # sealed by two branches: not a byte of it can be masked any more
_PARTS: Final = re.compile(r"members-\d\d+\.pdf")
_ARCHIVAL: Final = (b"<pdfaid:part>2</pdfaid:part>", re.compile(rb"<pdfaid:conformance>[AU]</pdfaid:conformance>"))
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
        "members_columns_add_up": "每位会员的期初加减各栏等于期末",
        "members_points_match_ledger": "会员积分合计与账本一致",
        "service_records_match_members": "服务记录时长与会员时长、与分录里封签的时长一致",
    },
}
Check = dict[str, Any]


def found_checks(sources: Sources, books: Books, lost: Sequence[str]) -> dict[str, list[Check]]:
    """Under each property what was checked while this package was made. ``lost``: characters that cannot be printed."""
    from_facts = {
        name: [_check(fact, title, books.facts[fact], books.details.get(fact, "")) for fact, title in facts.items()]
        for name, facts in _FACTS.items()
    }
    from_facts["authenticity"].append(_chained(sources))
    from_facts["integrity"] += _before_the_close(sources)
    return from_facts | {"usability": _usability(sources, lost), "safety": _safety(sources)}


def _before_the_close(sources: Sources) -> list[Check]:
    """What each named check said when the month was sealed; what only warned did not stand in the way."""
    kept = sealed_checks(sources.session, sources.branch.id, sources.period.month)
    return [
        _check(
            f"close.{one['check']}",
            f"结账前：{one['title']}",
            one["passed"],
            "" if one["passed"] else f"{one['fault']}（{one['count']} 处），不妨碍结账",
            warns=not one["blocks"],
        )
        for one in kept
    ]


def failed(checks: dict[str, list[Check]]) -> list[str]:
    """The names of the checks for which no package is made; those that warn are none of them."""
    return [check["check"] for group in checks.values() for check in group if check["result"] == "failed"]


def broken(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """What the checks say and the finished folder does not keep: the names of the checks."""
    unlisted = {rules.MANIFEST_FILE, rules.SIGNATURE_FILE}
    written = sorted(name for name in _files(folder) if name not in unlisted)
    kept = {
        "pdf_archival": all(map(_archival, folder.glob("*.pdf"))),
        "closed_list": written == sorted(one["path"] for one in manifest["files"]),
        "masked": not [name for name in ("checks.json", rules.MANIFEST_FILE) if _tells(folder / name)],
    }
    return [name for name, holds in kept.items() if not holds]


def _chained(sources: Sources) -> Check:
    """Whether the seal names the one that was put on the month before it."""
    known = ledger.list_periods(sources.session, sources.branch.id)  # newest first
    before = next((one.hash for one in known if one.hash and one.month < sources.period.month), None)
    named = sources.period.previous_hash
    return _check("chained", "写明前一个月的封签", named == before, named or "这是第一个月")


def _usability(sources: Sources, lost: Sequence[str]) -> list[Check]:
    formats = sorted({path.suffix for path in sources.folder.iterdir() if path.is_file()} | {".pdf", ".json"})
    unprinted = "，".join(f"{character}（U+{ord(character):04X}）" for character in lost)
    return [
        _check("open_formats", "都是公开格式", set(formats) <= _OPEN_FORMATS, " ".join(formats)),
        _check("workbook_opens", "表格文件打得开，每张表都在，没有口令", _opens(sources.folder / "summary.xlsx")),
        _check("pdf_archival", "PDF 符合 PDF/A-2，字体在文件里面", all(map(_archival, sources.folder.glob("*.pdf")))),
        # Said, not refused: the tables have the character itself, the paper shows a mark.
        _check(
            "characters_printed",
            "姓名和名称里的字都印得出来" if not lost else "有的字没有字体可印，PDF 里印作 〓，表格里是原字",
            not lost,
            unprinted,
            warns=True,
        ),
    ]


def _safety(sources: Sources) -> list[Check]:
    strange = [name for name in _files(sources.folder) if not _expected(name)]
    telling = [name for name in _files(sources.folder) if _tells(sources.folder / name)]
    return [
        _check(
            "closed_list",
            "文件清单写在 manifest.json 和 manifest-sha256.txt，清单以外没有文件",
            not strange,
            " ".join(strange),
        ),
        _check("no_active_content", "没有宏、没有外部链接", not _active(sources.folder.glob("*.xlsx"))),
        _check(
            "masked",
            "没有身份证号和手机号，姓名只写姓",
            not telling,
            f"{' '.join(telling)} 里有没隐去的号码" if telling else "表格、清单和账本的文字逐行查过",
            warns=all(map(_STATEMENT.fullmatch, telling)),
        ),
    ]


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _expected(name: str) -> bool:
    tables = {f"{table.name}.{kind}" for table in rules.TABLES for kind in ("csv", "json")}
    known = tables | {"summary.xlsx", "journal.hledger", "journal.beancount"}
    return name in known or bool(_STATEMENT.fullmatch(name) or _PARTS.fullmatch(name))


def _tells(path: Path) -> bool:
    """Whether a written text says a number that somebody could be called by or looked up with."""
    if path.suffix not in _TEXTS:
        return False
    with path.open(encoding="utf-8") as lines:
        return any(map(holds_numbers, lines))


def _archival(path: Path) -> bool:
    """Whether a printed file says of itself that it is PDF/A-2, with or without tags."""
    content, (part, conformance) = path.read_bytes(), _ARCHIVAL
    return part in content and conformance.search(content) is not None


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


def _check(name: str, title: str, passed: bool, detail: str = "", *, warns: bool = False) -> Check:
    result = "passed" if passed else "warning" if warns else "failed"
    return {"check": name, "title": title, "passed": passed, "result": result, "detail": detail}
