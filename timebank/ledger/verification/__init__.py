"""``flask ledger verify``: every invariant of the books as a small function that names the rows that break it.

A room of its own beside queries: it trusts nothing that the verbs keep and reads the tables again from the ground.
Running figures and closing figures are looked at only to be held against the rows.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Final

from sqlalchemy.orm import Session

from timebank.ledger.verification import across, entries, figures, keys, seals
from timebank.ledger.verification.check import Check, Finding, Look, as_plain, report, report_of_branch

__all__ = ["CHECKS", "Check", "Finding", "as_plain", "report", "report_of_branch", "verify"]

CHECKS: Final[tuple[tuple[str, str, Look], ...]] = (
    ("trial_balance", "试算平衡：所有账户合计为零", figures.trial_balance),
    ("replay", "账户余额等于逐笔重算", figures.replay),
    ("holds", "冻结等于未结束的冻结合计", figures.holds),
    ("hold_ends", "扣款不超过冻结", figures.hold_ends),
    ("floor", "可用余额不低于下限", figures.floor),
    ("floors", "允许欠着的，都有两个人的决定", figures.floors),
    ("floor_decisions", "每个决定有两个人和一笔扣款", figures.floor_decisions),
    ("complete", "每笔分录的划转齐全", entries.complete),
    ("numbering", "编号连续：分录、划转、封签一致", entries.numbering),
    ("keys", "没有重复的凭号，内容与凭号相符", keys.keys),
    ("orphans", "没有无主的划转", entries.orphans),
    ("reversals", "冲正与原分录相符", entries.reversals),
    ("clearing", "清算账户只用于网点之间", entries.clearing),
    ("mirrors", "网点之间的清算两边相抵", across.mirrors),
    ("months", "分录落在正确的账期", entries.months),
    ("closings", "月末余额等于逐笔重算", across.closings),
    ("seals", "封签、签名与链条完好", seals.seals),
)


def verify(session: Session, book_id: int, *, only: Collection[str] = ()) -> list[Check]:
    """Run every check over one book, or ``only`` some by name; a sound book has no findings."""
    return [_run(session, book_id, *named) for named in CHECKS if not only or named[0] in only]


def _run(session: Session, book_id: int, name: str, title: str, look: Look) -> Check:
    begun = time.perf_counter()
    findings = tuple(Finding(check=name, row=row, text=text) for row, text in look(session, book_id))
    return Check(name=name, title=title, findings=findings, milliseconds=round((time.perf_counter() - begun) * 1000))
