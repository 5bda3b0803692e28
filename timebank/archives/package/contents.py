"""What goes into the package: tables, journals, manifest and checks, written to a folder of their own, then packed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from timebank import __version__
from timebank.archives import rules
from timebank.archives.package.bag import write_bag
from timebank.archives.package.sinks import Workbook, write_table
from timebank.archives.queries import tables
from timebank.branches.models import Branch
from timebank.clearing.queries import list_sealed
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.masking import mask_name
from timebank.ledger import queries as ledger
from timebank.ledger.export import Journal, Style
from timebank.ledger.queries import PeriodView
from timebank.ledger.sealing import period_rows, seal_head, seal_line

Progress = Callable[[str, int], None]
STEPS: Final = (*(table.title for table in rules.TABLES), "打包")
_EVERY: Final = 5_000  # rows between two words of progress


class PackageMismatchError(RuntimeError):
    """What was about to be packed does not agree with the seal: somebody changed a closed month behind the triggers."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where a package is made from, and where its parts lie while it is made."""

    session: Session
    branch: Branch
    period: PeriodView
    edition: rules.Edition
    folder: Path
    progress: Progress


def write_package(
    session: Session, branch: Branch, period: PeriodView, *, edition: rules.Edition, target: Path, progress: Progress
) -> None:
    """Write the whole package of a closed month to ``target``; parts lie in the folder of ``target`` meanwhile.

    Raises PackageMismatchError when the rows read do not hash to the seal or a control total does not agree.
    """
    sources = Sources(
        session=session, branch=branch, period=period, edition=edition, folder=target.parent, progress=progress
    )
    totals, checks = _write_tables(sources)
    _write_json(sources.folder / "checks.json", _checks_file(sources, totals, checks))
    _write_json(sources.folder / "manifest.json", _manifest(sources, totals) | _write_pair_statements(sources))
    progress("打包", 0)
    stamp = clock.local(_closed_at(period)).replace(tzinfo=None)
    write_bag(
        target,
        rules.package_name(branch.code, period.month, period.hash or "", edition.version),
        [(path.name, path) for path in _payload(sources.folder)],
        info={
            "Source-Organization": branch.name,
            "External-Identifier": f"{branch.code} {period.month} v{edition.version}",
            "External-Description": f"{branch.name} {period.month} 月度归档",
            "Bag-Software-Agent": f"timebank {__version__}",
        },
        stamp=stamp,
    )


def _payload(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix in {".xlsx", ".csv", ".json", ".hledger", ".beancount"}
    )


# --- tables --------------------------------------------------------------------------------------------------------


def _write_tables(sources: Sources) -> tuple[dict[str, dict[str, int]], dict[str, bool]]:
    """Every table in its three formats. Entries come first although they stand fifth: the others need their numbers."""
    session, branch, month = sources.session, sources.branch, sources.period.month
    numbers = tables.EntryNumbers()
    balances = ledger.trial_balance(session, branch.id, month=month)
    seal = _SealReader(sources)
    workbook = Workbook(sources.folder / "summary.xlsx", created=_closed_at(sources.period))
    rows: dict[str, Callable[[], Iterator[tuple[Any, ...]]]] = {
        "entries": lambda: seal.rows(numbers, journals),
        "members": lambda: tables.Members(session, branch, month, balances=balances, numbers=numbers).rows(),
        "activities": lambda: tables.activity_rows(session, branch, month, numbers),
        "attendance": lambda: tables.attendance_rows(session, branch, numbers),
        "orders": lambda: tables.order_rows(session, branch, month, numbers),
        "trial_balance": lambda: tables.trial_rows(balances),
    }
    totals: dict[str, dict[str, int]] = {}
    known = {table.name: table for table in rules.TABLES}
    sheets = {table.name: workbook.sheet(table) for table in rules.TABLES}
    with _journals(sources, balances) as journals:
        for name, source in rows.items():
            table = known[name]
            counted = _counted(source(), table.title, sources.progress)
            totals[name] = write_table(table, counted, folder=sources.folder, sheet=sheets[name])
    workbook.close()
    checks = seal.checks() | _agreements(totals, balances)
    if wrong := [name for name, passed in checks.items() if not passed]:
        raise PackageMismatchError(", ".join(wrong))
    return totals, checks


@contextmanager
def _journals(sources: Sources, balances: list[ledger.TrialRow]) -> Iterator[list[Journal]]:
    styles: tuple[Style, ...] = ("hledger", "beancount")
    with ExitStack() as files:
        yield [
            Journal(
                files.enter_context((sources.folder / f"journal.{style}").open("w", encoding="utf-8", newline="\n")),
                code=sources.branch.code,
                style=style,
                balances=balances,
                first=sources.period.month,
                opening=True,
            )
            for style in styles
        ]


def _counted(rows: Iterator[tuple[Any, ...]], title: str, progress: Progress) -> Iterator[tuple[Any, ...]]:
    number = 0
    for number, row in enumerate(rows, start=1):
        if number % _EVERY == 0:
            progress(title, number)
        yield row
    progress(title, number)


class _SealReader:
    """Reads the entries once: for their table, their numbers, the journals, and the digest that must equal the seal."""

    def __init__(self, sources: Sources) -> None:
        self._session, self._period = sources.session, sources.period
        self._digest = hashlib.sha256(
            seal_head(sources.branch.code, sources.period.month, sources.period.previous_hash)
        )
        self._totals: Counter[str] = Counter()

    def rows(self, numbers: tables.EntryNumbers, journals: Sequence[Journal]) -> Iterator[tuple[Any, ...]]:
        """One row per transfer, entries in order of their numbers."""
        for number, (entry, transfers) in enumerate(period_rows(self._session, self._period.period_id), start=1):
            self._digest.update(seal_line(number, entry, transfers))
            numbers.add(entry.id)
            for journal in journals:
                journal.add(entry, transfers, month=self._period.month, number=number)
            source = f"{entry.source_type} {entry.source_id or ''}".rstrip()
            for seq, unit, debit, credit, amount in transfers:
                self._totals[unit] += amount
                yield (
                    number, seq, entry.kind, source, entry.key, entry.occurred_at, entry.posted_at,
                    unit, debit, credit, amount, entry.reverses_id,
                )  # fmt: skip

    def checks(self) -> dict[str, bool]:
        """Whether what was read is what was sealed."""
        return {
            "seal_matches_rows": self._digest.hexdigest() == self._period.hash,
            "sealed_totals_match_rows": dict(self._totals) == dict(self._period.totals or {}),
            "signature_holds": _signature_holds(self._period),
        }


def _signature_holds(period: PeriodView) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(period.public_key or ""))
        key.verify(bytes.fromhex(period.signature or ""), bytes.fromhex(period.hash or ""))
    except (InvalidSignature, ValueError):
        return False
    return True


def _agreements(totals: Mapping[str, Mapping[str, int]], balances: list[ledger.TrialRow]) -> dict[str, bool]:
    sums: Counter[str] = Counter()
    held_by_members: Counter[str] = Counter()
    for row in balances:
        sums[row.unit] += row.closing
        if row.kind == "member":
            held_by_members[row.unit] += row.closing
    members = totals["members"]
    return {
        "trial_balance_is_zero": not any(sums.values()),
        "members_coins_match_ledger": members.get("closing", 0) == held_by_members["coin"],
        "members_points_match_ledger": members.get("points_closing", 0) == held_by_members["point"],
        "service_records_match_members": totals["attendance"].get("signed", 0) + totals["attendance"].get("manual", 0)
        == members.get("signed", 0) + members.get("manual", 0),
    }


# --- the other files -----------------------------------------------------------------------------------------------


def _manifest(sources: Sources, totals: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    branch, period = sources.branch, sources.period
    return {
        "format": rules.FORMAT,
        "branch": {"code": branch.code, "name": branch.name},
        "month": period.month,
        "zone": str(clock.ZONE),
        "version": sources.edition.version,
        "corrects": sources.edition.before,
        "corrected_because": sources.edition.reason or None,
        "closed": {"at": clock.local(_closed_at(period)).isoformat(timespec="seconds"), "by": _closed_by(period)},
        "program": {"name": "timebank", "version": __version__},
        "units": {"coin": "分钟；60 分钟 = 1 爱心币 = 1 小时服务", "point": "积分"},
        "notes": [
            "人员只有会员编号和隐去名字的姓名。",
            "summary.xlsx 是给人看的摘要；每张表的全部列在同名的 CSV 和 JSON 里。",
            "CSV 里以 = + - @ 开头的文字前面加了一个单引号，防止表格软件当成公式；JSON 里是原文。",
            "账目按记账时间归月；迟到的记录记在下一个没结账的月份。",
            "已封签的月份不改；更正记在办理的月份，用负数或差额表示，并写明更正的是哪个月的哪一号分录。",
        ],
        "tables": [
            {
                "name": table.name,
                "title": table.title,
                "files": [f"{table.name}.csv", f"{table.name}.json", "summary.xlsx"],
                "columns": [asdict(column) for column in table.columns],
                "totals": totals[table.name],
            }
            for table in rules.TABLES
        ],
        "seal": {
            "algorithm": "SHA-256 over canonical rows and the previous seal; Ed25519 (RFC 8032) over the hash",
            "hash": period.hash,
            "previous_hash": period.previous_hash,
            "signature": period.signature,
            "public_key": period.public_key,
            "entries": period.entries,
            "transfers": period.transfer_count,
            "totals": period.totals,
        },
    }


def _write_pair_statements(sources: Sources) -> dict[str, Any]:
    """The statements with other branches that were sealed since the close before, each as it was sealed.

    The SHA-256 of such a file is its hash, the same in the other branch's package. Nothing where there are none.
    """
    branch, month = sources.branch, sources.period.month
    before = ledger.find_period(sources.session, branch.id, clock.previous_month(month))
    since = before.closed_at if before is not None else None
    found = []
    for one in list_sealed(sources.session, branch.id, after=since, until=_closed_at(sources.period)):
        peer = one.pair.peer_of(branch.id).code
        name = f"clearing-{peer}-{one.month}.json"
        (sources.folder / name).write_text(one.content, encoding="utf-8", newline="")
        kept = {"peer": peer, "month": one.month, "file": name, "hash": one.hash, "previous_hash": one.previous_hash}
        found.append(kept)
    return {"pair_statements": found} if found else {}


def _checks_file(
    sources: Sources, totals: Mapping[str, Mapping[str, int]], checks: Mapping[str, bool]
) -> dict[str, Any]:
    """The four properties of electronic archives, each check with its result. A package that fails one is not made."""

    def check(name: str, title: str, passed: bool, detail: str = "") -> dict[str, Any]:
        return {"check": name, "title": title, "passed": passed, "detail": detail}

    entries = totals["entries"]["rows"]
    return {
        "authenticity": [
            check("seal_matches_rows", "按原始分录重算的封签与保存的一致", checks["seal_matches_rows"]),
            check("signature_holds", "封签的电子签名有效", checks["signature_holds"]),
            check("chained", "写明前一个月的封签", True, sources.period.previous_hash or "这是第一个月"),
        ],
        "integrity": [
            check(
                "numbers_without_gaps", "分录编号从 1 起连续", True, f"{sources.period.entries} 笔，{entries} 条划转"
            ),
            check("sealed_totals_match_rows", "合计与封签里的合计一致", checks["sealed_totals_match_rows"]),
            check("trial_balance_is_zero", "试算平衡合计为零", checks["trial_balance_is_zero"]),
            check("members_coins_match_ledger", "会员爱心币合计与账本一致", checks["members_coins_match_ledger"]),
            check("members_points_match_ledger", "会员积分合计与账本一致", checks["members_points_match_ledger"]),
            check(
                "service_records_match_members", "服务记录时长与会员时长一致", checks["service_records_match_members"]
            ),
        ],
        "usability": [
            check("open_formats", "都是公开格式：XLSX、CSV、JSON、纯文本账", True),
            check("not_encrypted", "没有加密、没有口令", True),
        ],
        "safety": [
            check("closed_list", "文件清单写在 manifest-sha256.txt，清单以外没有文件", True),
            check("no_active_content", "没有宏、没有公式", True),
            check("masked", "没有身份证号、电话和全名", True),
        ],
    }


def _write_json(target: Path, content: Mapping[str, Any]) -> None:
    target.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")


def _closed_at(period: PeriodView) -> datetime:
    if period.closed_at is None:
        raise ValueError(f"{period.month} is not closed")
    return period.closed_at


def _closed_by(period: PeriodView) -> str:
    return period.closed_by if period.closed_by == SYSTEM.name else mask_name(period.closed_by or "")
