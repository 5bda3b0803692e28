"""The package: what is in it, that every format agrees with the ledger, and that it can be made again byte for byte."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import bagit
import openpyxl
import pytest
from beancount import loader
from sqlalchemy.orm import Session

from tests.archives.months import AUGUST, NOVEMBER, SEPTEMBER, earn, haircut, packing_in, small_town
from tests.journal_parser import balances
from tests.world import KEYS, actor_of, make_member
from timebank.archives import service
from timebank.archives.reading import read_json, verify_package
from timebank.archives.rules import place_of
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.core.masking import mask_name
from timebank.desks.bookkeeping import ENTRY_KINDS
from timebank.giving.service import Donation, GiftDraft, GrantDraft, ask_grant, decide_grant, donate, give
from timebank.ledger import queries as ledger
from timebank.ledger.export import account_name
from timebank.ledger.service import Reversal, reverse
from timebank.members.service import resume_member, suspend_member


def close(session: Session, branch: Branch, *months: str) -> None:
    for month in months:
        service.close_month(session, branch=branch, month=month, actor=SYSTEM, keys=KEYS, now=NOVEMBER)


def pack(session: Session, branch: Branch, month: str, folder: Path) -> Path:
    return folder / service.make_package(session, branch=branch, month=month, packing=packing_in(folder)).name


def read(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as bag:
        [found] = [entry for entry in bag.namelist() if entry.endswith(f"/data/{name}")]
        return bag.read(found)


def test_members_of_a_month_are_the_same_in_xlsx_csv_json_and_the_ledger(session: Session, tmp_path: Path) -> None:
    branch, anna, bert = small_town(session)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    package = pack(session, branch, "2026-10", tmp_path)
    members = read_json(package, "members.json")
    by_number = {row["number"]: row for row in members}
    assert by_number[anna.number] == {
        "number": anna.number, "name": "张**",
        "opening": 180, "earned": 0, "redeemed": 60, "received": 0, "given": 0, "got": 0, "expired": 0, "adjusted": 0,
        "closing": 120,
        "points_opening": 30, "points_earned": 0, "points_other": 0, "points_closing": 30, "signed": 0, "manual": 0,
    }  # fmt: skip
    assert (by_number[bert.number]["received"], by_number[bert.number]["closing"]) == (60, 180)
    sheet = openpyxl.load_workbook(io.BytesIO(read(package, "summary.xlsx")))["会员"]
    assert [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        list(row.values()) for row in members
    ]
    lines = list(csv.reader(io.StringIO(read(package, "members.csv").decode("utf-8-sig"))))
    assert lines[0][:3] == ["会员编号", "姓名", "期初（分钟）"]
    assert lines[1:] == [[str(value) for value in row.values()] for row in members]
    for member in (anna, bert):
        assert by_number[member.number]["closing"] == ledger.get_account(session, member.coin_account_id).balance


def test_the_journals_balance_and_close_where_the_ledger_does(session: Session, tmp_path: Path) -> None:
    branch, anna, bert = small_town(session)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    package = pack(session, branch, "2026-10", tmp_path)
    journal = balances(read(package, "journal.hledger").decode())
    for account in (ledger.get_account(session, member.coin_account_id) for member in (anna, bert)):
        assert journal[account_name(account.kind, account.code)]["MIN"] == -account.balance
    _, errors, _ = loader.load_string(read(package, "journal.beancount").decode())
    assert errors == []


def test_the_bag_is_valid_by_the_library_of_congress_library(session: Session, tmp_path: Path) -> None:
    branch, *_ = small_town(session)
    close(session, branch, "2026-08")
    package = pack(session, branch, "2026-08", tmp_path / "archives")
    assert verify_package(package) == []
    with zipfile.ZipFile(package) as bag:
        bag.extractall(tmp_path)
    [root] = [path.parent for path in tmp_path.glob("*/bagit.txt")]
    assert root.name == package.stem
    assert bagit.Bag(str(root)).is_valid()


def test_two_makers_write_the_same_bytes_at_any_time(session: Session, tmp_path: Path) -> None:
    branch, anna, _ = small_town(session)
    close(session, branch, "2026-08", "2026-09")
    first = pack(session, branch, "2026-09", tmp_path / "one")
    # Life goes on: later entries, later members, later orders must not reach a month that is sealed.
    earn(session, branch, anna, 45, at=NOVEMBER)
    make_member(session, branch, "后来人", now=NOVEMBER)
    second = pack(session, branch, "2026-09", tmp_path / "two")
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as two:
        assert [n for n in one.namelist() if one.read(n) != two.read(n)] == []
    assert first.read_bytes() == second.read_bytes()


def test_a_package_holds_no_full_names_and_no_phones(session: Session, tmp_path: Path) -> None:
    branch, anna, _ = small_town(session)
    make_member(session, branch, "欧阳春晓", phone="13800001234", now=AUGUST)
    close(session, branch, "2026-08")
    package = pack(session, branch, "2026-08", tmp_path)
    with zipfile.ZipFile(package) as bag:
        for entry in bag.namelist():
            content = bag.read(entry)
            texts = [content]
            if entry.endswith(".xlsx"):
                with zipfile.ZipFile(io.BytesIO(content)) as sheets:
                    texts = [sheets.read(name) for name in sheets.namelist()]
            for text in texts:
                assert "欧阳春晓".encode() not in text, entry
                assert anna.name.encode() not in text, entry
                assert b"13800001234" not in text, entry
    assert mask_name("欧阳春晓") in read(package, "members.json").decode()


def test_text_that_looks_like_a_formula_stays_text(session: Session, tmp_path: Path) -> None:
    branch, anna, bert = small_town(session)
    haircut(session, bert, anna, at=SEPTEMBER, title="=1+1")
    close(session, branch, "2026-08", "2026-09")
    package = pack(session, branch, "2026-09", tmp_path)
    sheet = openpyxl.load_workbook(io.BytesIO(read(package, "summary.xlsx")))["兑换单"]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert ",'=1+1," in read(package, "orders.csv").decode()
    assert [row["offer"] for row in read_json(package, "orders.json")] == ["=1+1"]


def test_the_manifest_says_who_when_what_and_its_totals(session: Session, tmp_path: Path) -> None:
    branch, *_ = small_town(session)
    close(session, branch, "2026-08", "2026-09")
    first = json.loads(read(pack(session, branch, "2026-08", tmp_path), "manifest.json"))
    second = json.loads(read(pack(session, branch, "2026-09", tmp_path), "manifest.json"))
    assert first["closed"] == {"at": "2026-11-03T10:00:00+08:00", "by": "系统"}
    assert (first["seal"]["entries"], first["seal"]["totals"]) == (1, {"coin": 180, "point": 30})
    assert second["seal"]["previous_hash"] == first["seal"]["hash"]
    members = next(table for table in first["tables"] if table["name"] == "members")
    assert (members["totals"]["rows"], members["totals"]["earned"]) == (2, 180)
    assert [column["name"] for column in members["columns"]][:2] == ["number", "name"]
    checks = json.loads(read(pack(session, branch, "2026-08", tmp_path), "checks.json"))
    assert list(checks) == ["authenticity", "integrity", "usability", "safety"]
    assert all(check["passed"] for group in checks.values() for check in group)


def test_the_trial_balance_in_the_package_sums_to_zero(session: Session, tmp_path: Path) -> None:
    branch, *_ = small_town(session)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    sums: Counter[str] = Counter()
    for row in read_json(pack(session, branch, "2026-10", tmp_path), "trial_balance.json"):
        sums[row["unit"]] += row["closing"]
    assert set(sums) == {"coin", "point"}
    assert not any(sums.values())


def test_an_order_appears_with_the_state_it_had_at_the_end_of_the_month(session: Session, tmp_path: Path) -> None:
    branch, _, bert = small_town(session)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    [order] = read_json(pack(session, branch, "2026-10", tmp_path), "orders.json")
    assert (order["offer"], order["amount"], order["status"], order["entry"]) == ("上门理发", 60, "已完成", 1)
    assert (order["provider_number"], order["provider"]) == (bert.number, "李**")
    assert read_json(pack(session, branch, "2026-09", tmp_path), "orders.json") == []


def test_a_reversal_beside_the_records_is_an_adjustment_and_nothing_is_lost(session: Session, tmp_path: Path) -> None:
    branch, anna, _ = small_town(session)
    wrong = earn(session, branch, anna, 60, at=SEPTEMBER)
    undo = Reversal(key="undo", reason="记错", actor_id=None)
    reverse(session, wrong, undo, now=SEPTEMBER + timedelta(days=1))
    close(session, branch, "2026-08", "2026-09")
    rows = read_json(pack(session, branch, "2026-09", tmp_path), "members.json")
    row = next(row for row in rows if row["number"] == anna.number)
    assert (row["opening"], row["earned"], row["adjusted"], row["closing"]) == (180, 60, -60, 180)


def test_what_was_given_and_granted_has_columns_of_its_own(session: Session, tmp_path: Path) -> None:
    branch, anna, bert = small_town(session)
    managers = [actor_of(session, make_member(session, branch, roles=("manager",), now=AUGUST)) for _ in range(2)]
    giver = actor_of(session, anna)
    donate(session, Donation(purse="coin", minutes=30, words="", form_key="d"), actor=giver, now=SEPTEMBER)
    gift = GiftDraft(purse="coin", minutes=20, words="", number=bert.number, name=bert.name, form_key="g")
    give(session, gift, actor=giver, now=SEPTEMBER)
    asked = GrantDraft(branch_id=branch.id, number=bert.number, minutes=25, reason="住院", form_key="f")
    grant = ask_grant(session, asked, actor=managers[0], now=SEPTEMBER)
    decide_grant(session, grant.id, agreed=True, actor=managers[1], now=SEPTEMBER)
    close(session, branch, "2026-08", "2026-09")
    rows = {row["number"]: row for row in read_json(pack(session, branch, "2026-09", tmp_path), "members.json")}
    names = ("opening", "earned", "given", "got", "expired", "adjusted", "closing")
    assert [rows[anna.number][name] for name in names] == [180, 0, 50, 0, 0, 0, 130]
    assert [rows[bert.number][name] for name in names] == [0, 120, 0, 45, 0, 0, 165]


def test_every_kind_of_entry_has_a_column() -> None:
    places = {
        kind: place_of(kind, "order") for kind in ENTRY_KINDS if kind != "netting"
    }  # which moves no member's coins
    assert places == {
        "earn": "earned", "redeem": "exchanged", "serve": "exchanged", "inter_branch": "exchanged", "gift": "given",
        "grant": "given", "expire": "expired", "adjust": "adjusted", "reverse": "adjusted",
    }  # fmt: skip
    assert place_of("inter_branch", "gift") == "given"


def test_an_open_month_is_not_packed(session: Session, tmp_path: Path) -> None:
    branch, *_ = small_town(session)
    with pytest.raises(service.NotClosed):
        service.make_package(session, branch=branch, month="2026-08", packing=packing_in(tmp_path))


def test_who_is_suspended_or_resumed_later_stays_in_the_month(session: Session, tmp_path: Path) -> None:
    branch, anna, _ = small_town(session)
    idle = make_member(session, branch, "闲着的", now=AUGUST)
    boss = actor_of(session, make_member(session, branch, "顾明", roles=("administrator",), now=AUGUST))
    for member in (anna, idle):
        suspend_member(session, member.id, reason="本人要求", actor=boss, now=NOVEMBER)
    close(session, branch, "2026-08", "2026-09", "2026-10")
    first = pack(session, branch, "2026-08", tmp_path / "one")
    assert {anna.number, idle.number} <= {row["number"] for row in read_json(first, "members.json")}
    resume_member(session, anna.id, actor=boss, now=NOVEMBER + timedelta(days=40))
    assert pack(session, branch, "2026-08", tmp_path / "two").read_bytes() == first.read_bytes()
