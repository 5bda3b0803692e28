"""What a package is called and what its tables hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

Kind = Literal["text", "minutes", "points", "count", "instant", "day"]
FORMAT: Final = "timebank-archive-2"
LOST: Final = "原来的文件不在了，按现在的名称补做"
VERSION: Final = 1  # of a package; a correction is a further one that names the one before
MANIFEST_FILE: Final = "manifest.json"
SIGNATURE_FILE: Final = "manifest.sig"
KEY_FILE: Final = "public-key.pem"

MAX_REASON: Final = 200
SOON_DAYS: Final = 7  # so many days before its end what is not settled in a month is said on the branch's page
CLOSE_WITHIN: Final = timedelta(hours=2)  # the schedule closes at half past midnight; later than this is an alarm
NOT_DONE: Final = frozenset({"refused", "failed"})  # how an attempt ends that leaves the month unfinished

# Kinds of entries as members' tables count them. What a correction takes back counts where it had stood; what is left
# of reversals, and adjustments, stand under "adjusted".
EARNED_KINDS: Final = frozenset({"earn"})
REDEEMED_KINDS: Final = frozenset({"redeem", "inter_branch"})
GIVEN: Final = frozenset({"gift"})  # documents of what was given, which redeems nothing, also between branches
SERVED_KINDS: Final = frozenset({"serve"})  # coins as of an order, points as of service
GIVEN_KINDS: Final = frozenset({"gift", "grant"})
EXPIRED_KINDS: Final = frozenset({"expire"})
Place = Literal["earned", "exchanged", "given", "expired", "adjusted"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """Which package of a month: its version, the one it takes the place of (name and SHA-256), and why there is one."""

    version: int = VERSION
    before: str | None = None
    before_hash: str | None = None
    reason: str = ""


def next_edition(version: int, file_name: str, file_hash: str, reason: str = "") -> Edition:
    """The edition after this one. Without a reason it was made because the file is gone and names changed since."""
    return Edition(version=version + 1, before=file_name, before_hash=file_hash, reason=reason or LOST)


def place_of(kind: str, source_type: str) -> Place:
    """Where the members' table counts the coins of an entry; a kind that is not known stands with the adjustments."""
    if kind in EARNED_KINDS:
        return "earned"
    if kind in GIVEN_KINDS or source_type in GIVEN:
        return "given"
    if kind in REDEEMED_KINDS | SERVED_KINDS:
        return "exchanged"
    return "expired" if kind in EXPIRED_KINDS else "adjusted"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name for programs, its title for people, what its values are.

    ``in_sheet`` is off where a column says nothing to a reader of the workbook; CSV and JSON have them all. An
    ``optional`` one is empty where there is nothing to say.
    """

    name: str
    title: str
    kind: Kind = "text"
    in_sheet: bool = True
    optional: bool = False

    @property
    def types(self) -> tuple[type, ...]:
        """What a value can be as JSON has it."""
        plain: tuple[type, ...] = (str,) if self.kind in {"text", "instant", "day"} else (int,)
        return (*plain, type(None)) if self.optional else plain


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the package: file name, sheet title, columns in order."""

    name: str
    title: str
    columns: tuple[Column, ...]


def days_left(month: str, day: date) -> int:
    """Days that a month still has, this one counted; 0 once it is over."""
    year, number = map(int, month.split("-"))
    after = date(year + number // 12, number % 12 + 1, 1)
    return max(0, (after - day).days)


def is_late(ended_at: datetime, now: datetime) -> bool:
    """Whether a month that ended then should be closed and packed by now."""
    return now >= ended_at + CLOSE_WITHIN


def _columns(kind: Kind, /, **titles: str) -> tuple[Column, ...]:
    return tuple(Column(name, title, kind) for name, title in titles.items())


def _optional(kind: Kind, /, **titles: str) -> tuple[Column, ...]:
    return tuple(Column(name, title, kind, optional=True) for name, title in titles.items())


def _files_only(kind: Kind, /, **titles: str) -> tuple[Column, ...]:
    return tuple(Column(name, title, kind, in_sheet=False) for name, title in titles.items())


MEMBERS: Final = Table(
    "members",
    "会员",
    (
        *_columns("text", number="会员编号", name="姓名"),
        *_columns(
            "minutes",
            opening="期初（分钟）",
            earned="服务存入（分钟）",
            redeemed="兑换支出（分钟）",
            received="为人服务收到（分钟）",
            given="赠出（分钟）",
            got="获赠（分钟）",
            expired="过期（分钟）",
            adjusted="更正和调整（分钟）",
            closing="期末（分钟）",
        ),
        *_columns(
            "points",
            points_opening="期初积分",
            points_earned="获得积分",
            points_other="其他积分",
            points_closing="期末积分",
        ),
        *_columns("minutes", signed="签到时长（分钟）", manual="补录时长（分钟）"),
    ),
)
ACTIVITIES: Final = Table(
    "activities",
    "活动",
    (
        *_columns("count", activity="活动号", shift="班次号"),
        *_columns("text", title="活动", category="类别", place="地点"),
        *_columns("instant", starts_at="开始", ends_at="结束"),
        *_columns("count", capacity="名额", attended="本网点会员入账人数"),
        *_columns("minutes", minutes="本网点会员入账时长（分钟）"),
        *_columns("text", status="状态"),
    ),
)
ATTENDANCE: Final = Table(
    "attendance",
    "服务记录",
    (
        *_columns("count", entry="分录编号"),
        *_columns("text", number="会员编号", name="姓名", activity="活动"),
        *_columns("instant", starts_at="班次开始"),
        *_optional("instant", in_at="签到", out_at="签退"),
        *_columns("minutes", signed="签到时长（分钟）", manual="补录时长（分钟）"),
        *_columns("points", points="积分"),
        *_columns("text", corrects="更正哪个月的记录"),
    ),
)
ORDERS: Final = Table(
    "orders",
    "兑换单",
    (
        *_columns("count", order="单号"),
        *_optional("count", entry="分录编号"),
        *_columns(
            "text", number="会员编号", name="姓名", offer="兑换内容", provider_number="提供者编号", provider="提供者"
        ),
        *_columns("count", quantity="数量"),
        *_columns("minutes", amount="爱心币（分钟）"),
        *_columns("instant", requested_at="提出"),
        *_optional("instant", ended_at="办结"),
        *_columns("text", status="月末状态", corrects="更正哪个月的兑换"),
    ),
)
ENTRIES: Final = Table(
    "entries",
    "分录",
    (
        *_columns("count", number="编号"),
        *_files_only("count", line="行"),
        *_columns("text", kind="种类", source="凭据"),
        *_files_only("text", key="业务键"),
        *_files_only("instant", occurred_at="发生时间"),
        *_columns("instant", posted_at="记账时间"),
        *_columns("text", unit="单位", debit="借方账户", credit="贷方账户"),
        *_columns("count", amount="数量"),
        Column("reverses", "冲正的分录号", "count", in_sheet=False, optional=True),
    ),
)
TRIAL_BALANCE: Final = Table(
    "trial_balance",
    "试算平衡",
    (
        *_columns("text", unit="单位", account="账户", kind="种类"),
        *_columns("count", opening="期初余额", debit="本月借方", credit="本月贷方", closing="期末余额"),
    ),
)
TABLES: Final = (MEMBERS, ACTIVITIES, ATTENDANCE, ORDERS, ENTRIES, TRIAL_BALANCE)


def package_name(branch_code: str, month: str, seal_hash: str, version: int = VERSION) -> str:
    """Name of the bag and, with ``.zip``, of its file: branch, month, version, first 8 of the seal."""
    return f"{_UNSAFE.sub('_', branch_code)}-{month}-v{version}-{seal_hash[:8]}"


def schema_file(name: str) -> str:
    """Where the schema of a JSON file of the payload lies."""
    return f"schema/{name}.schema.json"


def bag_info(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What the bag says of itself to programs that know nothing else; follows from the signed manifest alone."""
    branch, month = manifest["branch"], manifest["month"]
    return {
        "Source-Organization": branch["name"],
        "External-Identifier": f"{branch['code']} {month} v{manifest['version']}",
        "External-Description": f"{branch['name']} {month} 月度归档",
        "Bag-Software-Agent": f"{manifest['program']['name']} {manifest['program']['version']}",
        "Bagging-Date": manifest["closed"]["at"][: len("2026-10-01")],
    }
