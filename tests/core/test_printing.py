"""The press without a request: rare names survive, the same values give the same bytes, an archive's PDF is PDF/A."""

from __future__ import annotations

from pathlib import Path

import pytest

from timebank.core.printing import PRESS, Press

# The blocks of Unicode that a name on an identity card can come from; Noto Sans SC lacks most of these.
RARE = {"A": "㛃䶮", "B": "𠮷𡛔𪚥", "C": "𫔭𫖯", "D": "𫝹", "E": "𬎆𬭼", "F": "𭕄𮯟"}
TEMPLATE = """
#let d = json(bytes(sys.inputs.data))
#set document(title: d.name, date: datetime(year: 2026, month: 11, day: 1))
#set page(width: 60mm, height: 20mm)
#set text(font: "Noto Sans SC", lang: "zh", region: "cn", size: 20pt)
#d.name
"""


@pytest.fixture
def press(tmp_path: Path) -> Press:
    (tmp_path / "name.typ").write_text(TEMPLATE, encoding="utf-8")
    return Press(templates=tmp_path)


@pytest.mark.parametrize("block", RARE)
def test_names_with_rare_characters_survive(block: str) -> None:
    assert PRESS.printable(f"王{RARE[block]}") == f"王{RARE[block]}"
    assert PRESS.lost({"name": RARE[block]}) == []


def test_what_no_font_has_becomes_a_mark_and_can_be_asked_for() -> None:
    assert PRESS.printable("王\U00030000\U000e0100好\n的") == "王〓好\n的"
    assert PRESS.lost({"rows": [["王\U00030000", 3], ("一\u200b", "🦩\U00030000")]}) == ["🦩", "\U00030000"]


def test_only_the_fonts_that_are_needed_are_inside(press: Press) -> None:
    common, rare = (press.archival_pdf("name.typ", {"name": name}) for name in ("王小红", "王𡛔红"))
    assert b"NotoSansSC" in common
    assert b"HanaMin" not in common
    assert b"+HanaMinB" in rare, "embedded as a subset"
    assert len(rare) < 40_000


def test_a_rare_character_is_drawn_and_not_marked(press: Press) -> None:
    drawn, marked, other = (press.png("name.typ", {"name": name}) for name in ("王𡛔", "王〓", "王𫔭"))
    assert len({drawn, marked, other}) == 3


def test_an_archival_pdf_says_so_and_is_the_same_each_time(press: Press) -> None:
    made = press.archival_pdf("name.typ", {"name": "王𡛔\U00030000"})
    assert b"<pdfaid:part>2</pdfaid:part>" in made
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in made
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert made == press.archival_pdf("name.typ", {"name": "王𡛔\U00030000"})


def test_what_people_typed_is_never_markup(press: Press) -> None:
    assert press.png("name.typ", {"name": '#panic("x")'})
