"""For random months: what a package adds up to is what the ledger, the spreadsheet and both journals add up to."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from beancount import loader
from beancount.core.data import Transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.archives.months import earn, haircut, packing_in
from tests.archives.packages import OURS, files_of
from tests.attendance.scene import AFTER, YESTERDAY, find_attendance, make_scene
from tests.journal_parser import balances
from tests.rulebook.saving import save_rule
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.archives import service
from timebank.archives.reading import read_json, read_package
from timebank.archives.rules import TABLES
from timebank.branches.models import Branch
from timebank.clearing.service import Deciding, agree_pair, ask_pair
from timebank.core.actor import SYSTEM
from timebank.core.clock import month_range
from timebank.core.errors import Refusal
from timebank.corrections.models import DONE
from timebank.corrections.service import CorrectionDraft, ask
from timebank.exchange.models import EVERYWHERE, Order
from timebank.exchange.service import (
    Meeting,
    OfferDraft,
    OrderDraft,
    accept_order,
    fulfil,
    post_offer,
    request_order,
)
from timebank.giving.service import GiftDraft, give
from timebank.ledger import queries as ledger
from timebank.ledger.export import COMMODITIES, account_name
from timebank.ledger.service import EntryDraft, Reversal, TransferDraft, post, reverse
from timebank.members.models import Member
from timebank.rulebook.service import expire_coins

MONTHS = ("2026-11", "2026-12", "2027-01")
CLOSED = datetime(2027, 2, 3, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KINDS = (
    "earn", "earn", "haircut", "undo", "late", "gift", "approve", "correct", "correct_order", "abroad", "expire",
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that happens on a day: which method of ``Life`` is called, for whom, and how much."""

    kind: str
    day: int
    who: int
    minutes: int
    points: int


EVENTS = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from(KINDS),
        day=st.integers(0, 70),
        who=st.integers(0, 2),
        minutes=st.integers(1, 600),
        points=st.integers(0, 90),
    ),
    min_size=4,
    max_size=16,
)


class Life:
    """A branch with three people who served one morning, and a barber at the next branch, lived through day by day."""

    def __init__(self, session: Session, happened: Counter[str]) -> None:
        self.session, self.happened = session, happened
        self.scene = make_scene(session)
        self.branch: Branch = self.scene.branch
        self.members: list[Member] = self.scene.volunteers
        save_rule(session, self.branch.id, NOW + 2 * DAY, now=YESTERDAY, expiry_months=1)
        for number, leaves in enumerate(("11:00", "10:20", "09:45")):
            self.scene.attend(session, number, left=leaves)
        self.scene.submit(session)
        self._earned: list[int] = []
        self._orders: list[int] = []
        for member in self.members:
            earn(session, self.branch, member, 300, at=AFTER)
        self._neighbours()

    def _neighbours(self) -> None:
        session, there = self.session, make_branch(self.session, "CX", "下一站", now=YESTERDAY)
        boss = actor_of(session, make_member(session, there, "邻站长", roles=("manager",), now=YESTERDAY))
        words = {"minutes": 600, "words": "商定"}
        asked = Deciding(branch_id=self.branch.id, form_key="ask-pair", **words)
        pair = ask_pair(session, there.id, asked, actor=self.scene.manager_actor, now=NOW)
        agreed = Deciding(branch_id=there.id, form_key="agree-pair", **words)
        agree_pair(session, pair.id, agreed, actor=boss, now=NOW)
        self.barber = actor_of(session, make_member(session, there, "邻理发", now=YESTERDAY))
        draft = OfferDraft(title="理发", category="haircut", price_minutes=60, shared_with=EVERYWHERE)
        self.offer = post_offer(session, draft, form_key="abroad-offer", actor=self.barber, now=NOW)

    def live(self, events: list[Event]) -> None:
        """What the rules refuse does not happen; ``happened`` counts what did."""
        for number, event in enumerate(sorted(events, key=lambda event: event.day)):
            now = AFTER + event.day * DAY + timedelta(minutes=number)
            try:
                with self.session.begin_nested():
                    done = getattr(self, f"_{event.kind}")(event, now, f"{event.kind}-{number}")
            except Refusal:
                self.session.expire_all()
                continue
            self.happened[event.kind] += bool(done)

    def _earn(self, event: Event, now: datetime, _key: str) -> bool:
        who = self.members[event.who]
        self._earned.append(earn(self.session, self.branch, who, event.minutes, at=now, points=event.points))
        return True

    def _late(self, event: Event, now: datetime, key: str) -> bool:
        """Said now, done in the month before."""
        issuance = ledger.find_house_account(self.session, self.branch.id, "issuance")
        to = self.members[event.who].coin_account_id or 0
        draft = EntryDraft(
            book_id=self.branch.id, kind="earn", key=key,
            transfers=(TransferDraft(debit_id=issuance, credit_id=to, amount=event.minutes, unit="coin"),),
            source_type="test", source_id=None, occurred_at=now - 32 * DAY, actor_id=None,
            for_member_id=self.members[event.who].id,
        )  # fmt: skip
        post(self.session, draft, now=now)
        return True

    def _haircut(self, event: Event, now: datetime, _key: str) -> bool:
        haircut(self.session, self.members[(event.who + 1) % 3], self.members[event.who], at=now)
        return True

    def _undo(self, _event: Event, now: datetime, key: str) -> bool:
        if not self._earned:
            return False
        reverse(self.session, self._earned[-1], Reversal(key=key, reason="记错", actor_id=None), now=now)
        self._earned.pop()
        return True

    def _gift(self, event: Event, now: datetime, key: str) -> bool:
        giver, to = self.members[event.who], self.members[(event.who + 1) % 3]
        draft = GiftDraft(
            purse="coin", minutes=event.minutes % 90 + 1, words="", number=to.number, name=to.name, form_key=key
        )
        give(self.session, draft, actor=actor_of(self.session, giver), now=now)
        return True

    def _approve(self, _event: Event, now: datetime, _key: str) -> bool:
        self.scene.approve(self.session, now=now)
        return True

    def _correct(self, event: Event, now: datetime, key: str) -> bool:
        """A record of the morning was judged wrongly."""
        record = find_attendance(self.session, self.scene.shift_id, self.members[event.who].id)
        assert record is not None
        self.session.refresh(record)
        return self._set_right(record.entry_now_id or record.entry_id, event.minutes % 120, now, key)

    def _correct_order(self, event: Event, now: datetime, key: str) -> bool:
        if not self._orders:
            return False
        order = self.session.get_one(Order, self._orders[-1])
        return self._set_right(order.entry_now_id or order.entry_id, event.minutes % 60, now, key)

    def _set_right(self, entry_id: int | None, minutes: int, now: datetime, key: str) -> bool:
        if entry_id is None:
            return False
        draft = CorrectionDraft(entry_id=entry_id, minutes=minutes or None, reason="记错了")
        asked = ask(self.session, draft, form_key=key, actor=self.scene.manager_actor, now=now)
        return asked.status == DONE

    def _abroad(self, event: Event, now: datetime, key: str) -> bool:
        """Somebody has their hair cut at the next branch."""
        wish = OrderDraft(offer_id=self.offer.id, form_key=key)
        asking = actor_of(self.session, self.members[event.who])
        order = request_order(self.session, wish, actor=asking, now=now)
        accept_order(self.session, order.id, Meeting(at=now + timedelta(hours=1)), actor=self.barber, now=now)
        fulfil(self.session, order.voucher, actor=self.barber, now=now + timedelta(seconds=30))
        self._orders.append(order.id)
        return True

    def _expire(self, _event: Event, now: datetime, _key: str) -> bool:
        return expire_coins(self.session, self.branch.id, now=now) > 0


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


def hledger_balances(journal: bytes) -> dict[tuple[str, str], int]:
    """What stands on each account per commodity by hledger itself."""
    how = ["hledger", "-f", "-", "balance", "--flat", "--no-total", "--layout=bare", "-O", "csv"]
    answer = subprocess.run(how, input=journal, capture_output=True, check=True)
    rows = csv.DictReader(io.StringIO(answer.stdout.decode()))
    return {(row["account"], row["commodity"]): int(row["balance"]) for row in rows if int(row["balance"])}


def ledger_balances(life: Life, month: str) -> dict[tuple[str, str], int]:
    """The same by the ledger: of every account of the books; the counterpart of what was brought forward aside."""
    rows = ledger.trial_balance(life.session, life.branch.id, month=month)
    return {(account_name(row.kind, row.code), COMMODITIES[row.unit]): -row.closing for row in rows if row.closing}


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
    if shutil.which("hledger"):
        assert hledger_balances(files["data/journal.hledger"]) == ledger_balances(life, month)
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
        changed = (
            row["earned"]
            - row["redeemed"]
            + row["received"]
            - row["given"]
            + row["got"]
            - row["expired"]
            + row["adjusted"]
        )
        assert row["opening"] + changed == row["closing"]
    held = sum(ledger.balance(life.session, one.coin_account_id or 0, at=end) for one in life.members)
    assert listed["members"]["closing"] == held


def read_rows(files: Mapping[str, bytes], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(files[f"data/{name}.json"])
    return rows


@pytest.mark.slow
def test_for_random_months_all_sums_agree(session: Session) -> None:
    sqlite = session.get_bind().dialect.name == "sqlite"
    happened: Counter[str] = Counter()

    @settings(
        max_examples=25 if sqlite else 4,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(events=EVENTS)
    def every_month_agrees(events: list[Event]) -> None:
        step = session.begin_nested()
        with tempfile.TemporaryDirectory() as folder:
            life = Life(session, happened)
            life.live(events)
            for month in MONTHS:
                service.close_month(session, branch=life.branch, month=month, actor=SYSTEM, keys=KEYS, now=CLOSED)
                made = service.make_package(session, branch=life.branch, month=month, packing=packing_in(Path(folder)))
                package = Path(folder) / made.name
                assert read_package(package, keys=[OURS]).sound
                check_totals(life, month, package)
        step.rollback()
        session.expire_all()

    every_month_agrees()
    assert not sqlite or happened.keys() == set(KINDS), "a kind of event that was always refused proves nothing"
