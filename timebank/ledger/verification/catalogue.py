"""The checks there are, in the order in which they run and are shown."""

from __future__ import annotations

from typing import Final

from timebank.ledger.verification import across, entries, figures, keys, readable, seals
from timebank.ledger.verification.check import Look

CHECKS: Final[tuple[tuple[str, str, Look], ...]] = (
    ("readable", "每一行都读得出来", readable.readable),
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
    ("clearing", "清算和折算账户只用于网点之间", entries.clearing),
    ("lines", "网点之间的额度，都是债权网点决定的", figures.lines),
    ("mirrors", "网点之间的清算两边相抵", across.mirrors),
    ("months", "分录落在正确的账期", entries.months),
    ("closings", "月末余额等于逐笔重算", across.closings),
    ("seals", "封签、签名与链条完好", seals.seals),
)

_CLOSE_NEEDS: Final = frozenset({"trial_balance", "replay", "holds", "complete", "numbering", "orphans", "mirrors"})
# What a close stands on. The night rereads every seal; a close only the one that the next is to follow, so that it
# costs what its month holds, whatever came before.
BEFORE_CLOSE: Final[tuple[tuple[str, str, Look], ...]] = (
    *(named for named in CHECKS if named[0] in _CLOSE_NEEDS),
    ("chain", "封签一个接一个，签名有效，最近一个与账相符", seals.chain),
)
