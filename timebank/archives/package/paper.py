"""The pages for people: ``summary.pdf``, and where there are many members their list in files of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from timebank import __version__
from timebank.archives import rules, signatures
from timebank.archives.package.books import Books, Row
from timebank.archives.package.checks import PROPERTIES, RESULTS, Check
from timebank.archives.package.manifest import closed_by
from timebank.archives.package.sources import Sources
from timebank.archives.package.statements import PairWords
from timebank.core.clock import local, month_name
from timebank.core.masking import mask_numbers
from timebank.core.minutes import coins, hours, points
from timebank.core.printing import PRESS
from timebank.ledger.queries import TrialRow
from timebank.ledger.words import ACCOUNT_KINDS, UNITS
from timebank.web.qr import svg

_IN_SUMMARY: Final = 200  # rows: more are read as a list of their own, or in the workbook
_IN_LIST: Final = 250  # members a file: the press keeps what it laid out lately, and memory has a bar
_ON_PAGE: Final = 34
_SHOWN: Final[dict[str, Callable[[Any], str]]] = {
    "number": str, "name": str, "opening": coins, "earned": coins, "redeemed": coins, "received": coins,
    "given": coins, "got": coins, "expired": coins, "adjusted": coins, "closing": coins, "points_closing": points,
    "signed": hours, "manual": hours,
}  # fmt: skip
_HEADS: Final = (
    "编号", "姓名", "月初", "存入", "兑换", "收到", "赠出", "获赠", "过期", "更正", "月末", "积分",
    "签到时长", "补录时长",
)  # fmt: skip
_PLACES: Final = [[column.name for column in rules.MEMBERS.columns].index(name) for name in _SHOWN]


@dataclass
class Paper:
    """Reads the members and activities as they pass and prints what people read; knows which characters were lost."""

    sources: Sources
    lists: int = 0
    lost: set[str] = field(default_factory=set)
    _members: list[list[str]] = field(default_factory=list)
    _activities: list[list[str]] = field(default_factory=list)
    _more_activities: int = 0

    def read_member(self, row: Row) -> None:
        """The next line of the members' table."""
        self._members.append([shown(row[at]) for at, shown in zip(_PLACES, _SHOWN.values(), strict=True)])
        if len(self._members) == _IN_LIST:
            self._print_list()

    def read_activity(self, row: Row) -> None:
        """The next line of the activities' table."""
        if len(self._activities) == _IN_SUMMARY:
            self._more_activities += 1
            return
        *_, starts_at, _, _, attended, minutes, status = row
        title, place = mask_numbers(row[2]), mask_numbers(row[4])
        self._activities.append(
            [f"{local(starts_at):%m-%d %H:%M}", title, place, f"{attended} 人", hours(minutes), status]
        )

    def end_members(self) -> None:
        """No more members: many stand in lists of their own, few in the summary."""
        if self.lists or len(self._members) > _IN_SUMMARY:
            self._print_list()
        self.lost.update(PRESS.lost([self._members, self._activities, self.sources.branch.name]))

    def print_summary(
        self, books: Books, checks: Mapping[str, Sequence[Check]], statements: Sequence[PairWords]
    ) -> None:
        """Write ``summary.pdf``."""
        values = self._head() | {
            "totals": _totals(books, self.sources),
            "trial": _trial(books.balances),
            "heads": _HEADS,
            "members": self._members,
            "members_words": self._members_words(books.totals["members"]["rows"]),
            "activities": self._activities,
            "more_activities": self._more_activities,
            "statements": [
                [one.peer, month_name(one.month), one.opening, one.closing, signatures.grouped(one.hash)]
                for one in statements
            ],
            "checks": [
                [PROPERTIES[name], check["title"], RESULTS[check["result"]], check["detail"]]
                for name, group in checks.items()
                for check in group
            ],
            "seal": self._seal(),
        }
        printed = PRESS.archival_pdf("archive_summary.typ", values)
        (self.sources.folder / "summary.pdf").write_bytes(printed)

    def _print_list(self) -> None:
        if not self._members:
            return
        self.lists += 1
        self.lost.update(PRESS.lost(self._members))
        pages = [self._members[at : at + _ON_PAGE] for at in range(0, len(self._members), _ON_PAGE)]
        columns = [[list(column) for column in zip(*page, strict=True)] for page in pages]
        values = self._head() | {"heads": _HEADS, "pages": columns, "number": self.lists}
        printed = PRESS.archival_pdf("archive_members.typ", values, tagged=False)
        (self.sources.folder / f"members-{self.lists:02d}.pdf").write_bytes(printed)
        self._members = []

    def _members_words(self, number: int) -> str:
        if not self.lists:
            return "" if self._members else "这个月还没有会员。"
        files = "members-01.pdf" if self.lists == 1 else f"members-01.pdf 到 members-{self.lists:02d}.pdf"
        return f"会员 {number:,} 人，逐人的明细在 {files}。"

    def _head(self) -> dict[str, Any]:
        branch, period, sources = self.sources.branch, self.sources.period, self.sources
        sealed = local(sources.closed_at)
        return {
            "branch": f"{mask_numbers(branch.name)}（{branch.code}）",
            "month": month_name(period.month),
            "closed_at": f"{sealed:%Y-%m-%d %H:%M:%S}",
            "closed_by": closed_by(sources),
            "program": f"timebank {__version__}",
            "version": sources.edition.version,
            "corrects": sources.edition.before or "",
            "date": [sealed.year, sealed.month, sealed.day, sealed.hour, sealed.minute, sealed.second],
        }

    def _seal(self) -> dict[str, str]:
        key = signatures.public_key(self.sources.packing.keys)
        site, seal = self.sources.packing.site, self.sources.seal_hash
        return {
            "hash": signatures.grouped(seal),
            "previous": signatures.grouped(self.sources.period.previous_hash or ""),
            "fingerprint": signatures.grouped(signatures.fingerprint(key)),
            "address": f"{site}/verify" if site else "",
            "qr": str(svg(f"{site}/verify?seal={seal}" if site else f"seal:{seal}", "核对这个封签")),
        }


def _totals(books: Books, sources: Sources) -> list[list[str]]:
    """What a reader can count after, in the words of the pages."""
    members, attendance = books.totals["members"], books.totals["attendance"]
    sealed = sources.period.totals or {}
    return [
        ["会员", f"{members['rows']:,} 人"],
        ["会员爱心币月初", coins(members.get("opening", 0))],
        ["服务存入", coins(members.get("earned", 0))],
        ["兑换支出", coins(members.get("redeemed", 0))],
        ["为人服务收到", coins(members.get("received", 0))],
        ["赠出", coins(members.get("given", 0))],
        ["获赠", coins(members.get("got", 0))],
        ["过期", coins(members.get("expired", 0))],
        ["更正和调整", coins(members.get("adjusted", 0))],
        ["会员爱心币月末", coins(members.get("closing", 0))],
        ["会员积分月末", points(members.get("points_closing", 0))],
        ["签到时长", hours(attendance.get("signed", 0))],
        ["补录时长", hours(attendance.get("manual", 0))],
        ["班次", f"{books.totals['activities']['rows']:,} 个"],
        ["兑换单", f"{books.totals['orders']['rows']:,} 张"],
        ["分录", f"{sources.period.entries:,} 笔，{sources.period.transfer_count or 0:,} 条划转"],
        ["划转合计", f"{coins(sealed.get('coin', 0))}，积分 {points(sealed.get('point', 0))}"],
    ]


def _trial(balances: Sequence[TrialRow]) -> list[list[str]]:
    """The trial balance by unit and kind of account, and the sum of each unit, which is zero."""
    lines: list[list[str]] = []
    for unit, name in UNITS.items():
        mine = [row for row in balances if row.unit == unit]
        if not mine:
            continue
        for kind in dict.fromkeys([*ACCOUNT_KINDS, *(row.kind for row in mine)]):
            if chosen := [row for row in mine if row.kind == kind]:
                title = ACCOUNT_KINDS.get(kind, kind)
                lines.append([name, f"{title}（{len(chosen):,} 个账户）", *_sums(unit, chosen)])
        lines.append([name, "合计", *_sums(unit, mine)])
    return lines


def _sums(unit: str, rows: Sequence[TrialRow]) -> list[str]:
    shown = coins if unit == "coin" else points
    return [
        shown(sum(figures))
        for figures in zip(*((row.opening, row.debited, row.credited, row.closing) for row in rows), strict=True)
    ]
