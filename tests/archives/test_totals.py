"""For random months: what a package adds up to is what the ledger, the spreadsheet and both journals add up to."""

from __future__ import annotations

import io
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
from beancount import loader
from beancount.core.data import Transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.archives.months import AUGUST, NOVEMBER, earn, haircut, packing_in
from tests.archives.packages import OURS, files_of
from tests.journal_parser import balances
from tests.world import KEYS, make_branch, make_member
from timebank.archives import service
from timebank.archives.reading import read_json, read_package
from timebank.archives.rules import TABLES
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.core.clock import month_range
from timebank.core.minutes import COIN_MINUTES
from timebank.ledger import queries as ledger
from timebank.ledger.export import account_name
from timebank.ledger.service import Reversal, reverse
from timebank.members.models import Member

MONTHS = ("2026-08", "2026-09")


@dataclass(frozen=True)
class Event:
    """Something that happens on a day: somebody earns, has their hair cut by the next one, or an earning is undone."""

    kind: str
    day: int
    who: int
    minutes: int
    points: int


EVENTS = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from(["earn", "earn", "earn", "haircut", "undo"]),
        day=st.integers(0, 45),
        who=st.integers(0, 2),
        minutes=st.integers(1, 600),
        points=st.integers(0, 90),
    ),
    max_size=14,
)


class Life:
    """A branch with three people, lived through day by day."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.branch: Branch = make_branch(session, now=AUGUST - timedelta(days=30))
        self.members: list[Member] = [
            make_member(session, self.branch, name, now=AUGUST - timedelta(days=1)) for name in ("张一", "李二", "王三")
        ]
        self._earned: list[int] = []

    def live(self, events: list[Event]) -> None:
        for event in sorted(events, key=lambda event: event.day):
            self._happen(event, AUGUST + timedelta(days=event.day))

    def _happen(self, event: Event, at: datetime) -> None:
        member = self.members[event.who]
        if event.kind == "earn":
            self._earned.append(earn(self.session, self.branch, member, event.minutes, at=at, points=event.points))
        elif event.kind == "haircut" and self._has(member) >= COIN_MINUTES:
            haircut(self.session, self.members[(event.who + 1) % 3], member, at=at)
        elif event.kind == "undo" and self._earned:
            entry = ledger.get_entry(self.session, self._earned[-1])
            who = next(one for one in self.members if one.coin_account_id == entry.transfers[0].credit_id)
            if self._has(who) >= entry.transfers[0].amount:
                undo = Reversal(key=f"undo-{self._earned.pop()}", reason="记错", actor_id=None)
                reverse(self.session, entry.id, undo, now=at)

    def _has(self, member: Member) -> int:
        return ledger.get_account(self.session, member.coin_account_id).available


def spreadsheet_sums(content: bytes) -> dict[str, dict[str, int]]:
    """Sheet → column title → its sum, of the columns that hold figures; and how many rows there are."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    found: dict[str, dict[str, int]] = {}
    for sheet in book:
        titles, *rows = list(sheet.iter_rows(values_only=True))
        sums = Counter({"rows": len(rows)})
        for row in rows:
            for title, value in zip(titles, row, strict=True):
                if isinstance(value, int):
                    sums[str(title)] += value
        found[sheet.title] = dict(sums)
    return found


def beancount_balances(text: str) -> dict[str, dict[str, int]]:
    """What stands on each account by beancount, which must find nothing wrong."""
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                assert posting.units is not None
                found[posting.account][posting.units.currency] += int(posting.units.number or 0)
    return {account: dict(amounts) for account, amounts in found.items()}


def check_totals(life: Life, month: str, package: Path) -> None:
    files, manifest = files_of(package), read_json(package, "manifest.json")
    listed = {table["name"]: table["totals"] for table in manifest["tables"]}
    sheets = spreadsheet_sums(files["data/summary.xlsx"])
    for table in TABLES:  # listed = JSON rows = spreadsheet
        rows = read_json(package, f"{table.name}.json")
        for name, total in listed[table.name].items():
            assert total == (len(rows) if name == "rows" else sum(row[name] or 0 for row in rows)), (table.name, name)
        for column in table.columns:
            if column.name in listed[table.name] and column.in_sheet:
                assert sheets[table.title].get(column.title, 0) == listed[table.name][column.name]
        assert sheets[table.title]["rows"] == len(rows)
    _check_books(life, month, files, listed, read_json(package, "members.json"))


def _check_books(
    life: Life, month: str, files: Mapping[str, bytes], listed: Mapping[str, Any], members: list[dict[str, Any]]
) -> None:
    hledger, beancount = (
        balances(files["data/journal.hledger"].decode()),
        beancount_balances(files["data/journal.beancount"].decode()),
    )
    assert {a: v for a, v in hledger.items() if any(v.values())} == {
        a: v for a, v in beancount.items() if any(v.values())
    }
    end, period = month_range(month)[1], ledger.find_period(life.session, life.branch.id, month)
    assert period is not None
    moved: Counter[str] = Counter()
    for row in read_rows(files, "entries"):
        moved[row["unit"]] += row["amount"]
    assert dict(moved) == dict(period.totals or {})
    for member in life.members:
        row = next(one for one in members if one["number"] == member.number)
        for account_id, column, commodity in (
            (member.coin_account_id, "closing", "MIN"),
            (member.point_account_id, "points_closing", "PT"),
        ):
            account = ledger.get_account(life.session, account_id)
            stands = ledger.balance(life.session, account.id, at=end)
            named = account_name(account.kind, account.code)
            assert row[column] == stands == -hledger.get(named, {}).get(commodity, 0)
        changed = row["earned"] - row["redeemed"] + row["received"] + row["other"]
        assert row["opening"] + changed == row["closing"]
    held = sum(ledger.balance(life.session, one.coin_account_id or 0, at=end) for one in life.members)
    assert listed["members"]["closing"] == held


def read_rows(files: Mapping[str, bytes], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(files[f"data/{name}.json"])
    return rows


def test_for_random_months_all_sums_agree(session: Session) -> None:
    sqlite = session.get_bind().dialect.name == "sqlite"

    @settings(
        max_examples=10 if sqlite else 4,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(events=EVENTS)
    def every_month_agrees(events: list[Event]) -> None:
        step = session.begin_nested()
        with tempfile.TemporaryDirectory() as folder:
            life = Life(session)
            life.live(events)
            for month in MONTHS:
                service.close_month(session, branch=life.branch, month=month, actor=SYSTEM, keys=KEYS, now=NOVEMBER)
                made = service.make_package(session, branch=life.branch, month=month, packing=packing_in(Path(folder)))
                package = Path(folder) / made.name
                assert read_package(package, keys=[OURS]).sound
                check_totals(life, month, package)
        step.rollback()
        session.expire_all()

    every_month_agrees()
