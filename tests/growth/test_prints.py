"""Many cards in one file: asked for, made, made again after a stop, taken, removed."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import zxingcpp
from flask import Flask
from PIL import Image
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from tests.growth.scene import LATER, Hall, key, make_hall
from tests.world import KEYS, make_branch, make_member
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import FormUsed, NotAllowed
from timebank.core.printing import PRESS
from timebank.growth import making, queries, service
from timebank.growth.models import FAILED, MAKING, QUEUED, READY, REMOVED, CardPrint
from timebank.growth.printing import TEMPLATE, last_pictured, lay_out, record_sheet, sheets
from timebank.members.queries import find_card
from timebank.members.rules import read_personal_code, read_personal_pass
from timebank.members.service import suspend_member

ADDRESS = "https://bank.example.org"


def ask(hall: Hall, *ids: int, **more: Any) -> CardPrint:
    given = {"actor": hall.manager, "format": "a6", "form_key": key(), "title": "全部"} | more
    actor = given.pop("actor")
    draft = service.PrintDraft(
        branch_id=hall.branch_id,
        member_ids=ids or [member.id for member in hall.people],
        address=ADDRESS,
        **given,
    )
    return service.ask_print(hall.session, draft, actor=actor, now=LATER)


def test_the_same_form_again_queues_nothing_more(session: Session) -> None:
    hall = make_hall(session, served=False)
    first = ask(hall, form_key="once")
    assert ask(hall, form_key="once").id == first.id
    assert (first.status, first.total, first.done) == (QUEUED, 3, 0)
    with pytest.raises(FormUsed):
        ask(hall, form_key="once", format="a4")


def test_only_who_may_print_asks_and_only_for_active_people_of_the_branch(session: Session) -> None:
    hall = make_hall(session, served=False)
    with pytest.raises(NotAllowed):
        ask(hall, actor=hall.organiser)
    stranger = make_member(session, make_branch(session, "CX"))
    suspend_member(session, hall.people[0].id, reason="外出", actor=hall.manager, now=LATER)
    for member_id in (stranger.id, hall.people[0].id):
        with pytest.raises(service.BadPrint):
            ask(hall, member_id)


@pytest.mark.parametrize(
    ("more", "field"), [({"format": "a3"}, "format"), ({"ids": range(1, 2002)}, "people"), ({"ids": []}, "people")]
)
def test_what_cannot_be_printed_is_refused_at_its_field(session: Session, more: dict[str, Any], field: str) -> None:
    hall = make_hall(session, served=False)
    draft = service.PrintDraft(
        branch_id=hall.branch_id,
        member_ids=list(more.get("ids", [hall.people[0].id])),
        address=ADDRESS,
        format=more.get("format", "a6"),
        title="全部",
        form_key=key(),
    )
    with pytest.raises(service.BadPrint) as refused:
        service.ask_print(session, draft, actor=hall.manager, now=LATER)
    assert list(refused.value.fields) == [field]


def test_a_card_on_paper_says_what_the_card_says(session: Session) -> None:
    hall = make_hall(session)
    hall.record("training", 0)
    ids = [member.id for member in hall.people]
    [cards] = lay_out(session, ids, KEYS, form="a4", address=ADDRESS, now=LATER)
    one = cards[0]
    assert [card["number"] for card in cards] == [member.number for member in hall.people]
    assert (one["hours"], one["signed"], one["manual"], one["coins"], one["points"], one["count"]) == (
        "2 小时", "2 小时", "0 小时", "2 币", "20 分", 1,
    )  # fmt: skip
    assert one["trainings"] == [{"day": "2026-11-23", "what": "急救培训（3 小时）", "giver": "卫生服务中心"}]
    assert (one["star"], one["next"]) == ("还没有星级", "离一星还差 98 小时")
    assert bytes(one["qr"]).startswith(b"\x89PNG")
    assert one["months"][-1] == {"name": "11月", "minutes": 120}
    assert one["year"].count("<path") == 2


@pytest.mark.parametrize("form", ["a6", "sheet", "a4"])
def test_a_phone_reads_from_the_printed_card_whose_it_is(session: Session, form: str) -> None:
    hall = make_hall(session, served=False)
    people = hall.people[:1] if form != "sheet" else hall.people
    [cards] = lay_out(session, [one.id for one in people], KEYS, form=form, address=ADDRESS, now=LATER)
    found = codes_in(PRESS.png(TEMPLATE, sheets(cards, form, title="成长卡", now=LATER), ppi=110))
    serials = [serial_of(session, one.id) for one in people]
    assert [read_personal_code(KEYS, card["code"]) for card in cards] == serials
    assert sorted(read_personal_pass(KEYS, text) or "" for text in found) == sorted(serials)
    assert all(text.startswith("HTTPS://BANK.EXAMPLE.ORG/P/") for text in found)


def codes_in(picture: bytes) -> list[str]:
    return [one.text for one in zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))]


def serial_of(session: Session, member_id: int) -> str:
    card = find_card(session, member_id)
    assert card is not None
    return card.serial


def record_of(hall: Hall, year: int | None, now: datetime) -> dict[str, Any]:
    session, member, today = hall.session, hall.people[0], clock.today(now)
    view = queries.get_card(session, member, KEYS, today=today, pictured_to=last_pictured(year, today))
    records = queries.list_record(session, member.id, queries.RecordFilter(year=year)).items
    return record_sheet(view, records, year=year, now=now)


def test_the_record_on_paper_says_all_that_the_card_says_and_every_line_but_not_the_code(session: Session) -> None:
    hall = make_hall(session)
    hall.record("training", 0)
    hall.record("evaluation", 0, title="下半年评价")
    for number in range(8):
        hall.record("award", 0, title=f"表彰{number}")
    [cards] = lay_out(session, [hall.people[0].id], KEYS, form="a4", address=ADDRESS, now=LATER)
    sheet = record_of(hall, None, LATER)
    [about] = sheet["cards"]
    same = set(cards[0]) - {"qr", "code", "awards"}
    assert {name: about[name] for name in same} == {name: cards[0][name] for name in same}
    assert "qr" not in about
    assert "code" not in about
    assert len(about["awards"]) == 8  # the card has room for six
    assert (sheet["span"], sheet["year_words"], sheet["approved"]) == ("全部", "近 12 个月", "2 小时")
    assert [(one["title"], one["hours"], one["how"], one["points"]) for one in sheet["lines"]] == [
        ("楼道清洁", "2 小时", "签到", "20 分")
    ]
    picture = PRESS.png(TEMPLATE, sheet, ppi=72)
    assert codes_in(picture) == []
    colours = {colour for _, colour in Image.open(io.BytesIO(picture)).convert("RGB").getcolors(1 << 20) or []}
    assert {
        (0xB0, 0x24, 0x1B),
        (0xEC, 0xE5, 0xDA),
        (0xF6, 0xF0, 0xE6),
    } <= colours  # bars, days without service, figures


def test_the_record_of_a_year_that_is_over_pictures_that_year(session: Session) -> None:
    hall = make_hall(session)
    sheet = record_of(hall, 2026, datetime(2029, 2, 1, 4, 0, tzinfo=UTC))
    [about] = sheet["cards"]
    assert (sheet["span"], sheet["year_words"]) == ("2026 年", "2026 年")
    assert [month["name"] for month in about["months"]] == [f"{month}月" for month in range(1, 13)]
    assert [month["minutes"] for month in about["months"]] == [0] * 10 + [120, 0]
    assert (about["year_days"], about["year_hours"]) == (1, "2 小时")
    later = record_of(hall, None, datetime(2029, 2, 1, 4, 0, tzinfo=UTC))
    assert (later["cards"][0]["year_days"], later["approved"]) == (0, "2 小时")


@pytest.mark.parametrize(
    "attack",
    ["UPDATE card_print SET title = 'x'", "DELETE FROM card_print", "UPDATE card_print SET member_ids = '[1]'",
     "UPDATE card_print_taken SET by_id = by_id", "DELETE FROM card_print_taken"],
)  # fmt: skip
def test_the_database_keeps_who_asked_for_what_and_who_took_it(session: Session, attack: str) -> None:
    hall = make_hall(session, served=False)
    asked = ask(hall)
    service.begin_print(session, asked.id)
    service.finish_print(session, asked.id, now=LATER)
    service.take_print(session, asked.id, actor=hall.manager, now=LATER)
    with pytest.raises(DatabaseError), session.begin_nested():
        session.execute(sa.text(attack))


def test_nothing_is_taken_before_it_is_there_nor_by_who_may_not(session: Session) -> None:
    hall = make_hall(session, served=False)
    asked = ask(hall)
    with pytest.raises(queries.FileGone):
        service.take_print(session, asked.id, actor=hall.manager, now=LATER)
    with pytest.raises(NotAllowed):
        service.take_print(session, asked.id, actor=hall.organiser, now=LATER)


class Press:
    """The press, out of paper as often as it is told to."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails

    def __call__(self, template: str, values: Mapping[str, Any]) -> bytes:
        if self.fails:
            self.fails -= 1
            raise OSError("no paper")
        return PRESS.pdf(template, values)


def pages_of(content: bytes) -> int:
    assert content.startswith(b"%PDF-")
    return len(re.findall(rb"/Type\s*/Page\b", content))


@pytest.fixture
def print_id(app: Flask) -> Any:
    with app.app_context():
        with transaction() as session:
            made = ask(make_hall(session, served=False)).id
        yield made


def shop(folder: Path, press: Press) -> making.Workshop:
    return making.Workshop(keys=KEYS, folder=folder, render=press, clock=lambda: LATER)


def state(print_id: int) -> tuple[str, int]:
    db.session.rollback()
    asked = queries.get_print(db.session(), print_id)
    return asked.status, asked.done


def test_a_file_is_made_sealed_and_removed_when_its_days_are_over(print_id: int, tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    assert making.make_waiting(shop(folder, Press())) == 1
    assert making.make_waiting(shop(folder, Press())) == 0
    assert state(print_id) == (READY, 3)
    asked = queries.get_print(db.session(), print_id)
    assert pages_of(making.open_file(KEYS, folder, asked)) == 3
    assert b"%PDF-" not in making.file_of(folder, print_id).read_bytes()
    (folder / f"{print_id + 1}.unfinished").write_bytes(b"left by a process that was killed")
    assert making.remove_old(folder, LATER + service.KEPT) == 0
    assert [left.stem for left in folder.iterdir()] == [str(print_id)]
    assert making.remove_old(folder, LATER + service.KEPT + timedelta(seconds=1)) == 1
    assert state(print_id)[0] == REMOVED
    assert list(folder.iterdir()) == []
    with pytest.raises(queries.FileGone):
        making.open_file(KEYS, folder, queries.get_print(db.session(), print_id))


@pytest.mark.parametrize(("form", "pages"), [("a6", 120), ("sheet", 30)])
def test_the_numbers_of_a_big_file_grow_while_it_is_made_and_every_card_is_in_it(
    app: Flask, tmp_path: Path, form: str, pages: int
) -> None:
    seen: list[int] = []
    with app.app_context():
        with transaction() as session:
            hall = make_hall(session, served=False)
            asked_id = ask(hall, *[member.id for member in hall.people] * 40, format=form).id

        def look(session: Session) -> None:
            """What the page, another session, sees by now."""
            with db.engine.connect() as other:
                seen.append(other.scalar(sa.select(CardPrint.done).where(CardPrint.id == asked_id)))

        sa.event.listen(db.session, "after_commit", look)
        try:
            assert making.make_waiting(shop(tmp_path, Press())) == 1
        finally:
            sa.event.remove(db.session, "after_commit", look)
        assert list(dict.fromkeys(seen)) == [0, 50, 100, 120]
        asked = queries.get_print(db.session(), asked_id)
        assert pages_of(making.open_file(KEYS, tmp_path, asked)) == pages


def test_what_stopped_on_the_way_is_made_from_the_start_by_the_next_run(print_id: int, tmp_path: Path) -> None:
    press = Press(fails=1)
    assert making.make_waiting(shop(tmp_path, press)) == 0
    assert state(print_id) == (MAKING, 3)
    assert making.make_waiting(shop(tmp_path, press)) == 1
    assert state(print_id) == (READY, 3)


def test_what_fails_again_and_again_is_given_up(print_id: int, tmp_path: Path) -> None:
    press = Press(fails=9)
    for _ in range(4):
        assert making.make_waiting(shop(tmp_path, press)) == 0
    assert state(print_id)[0] == FAILED
    assert press.fails == 6  # three tries
    assert making.make_waiting(shop(tmp_path, Press())) == 0
