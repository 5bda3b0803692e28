"""Official codes, branch codes and dated names."""

from __future__ import annotations

from datetime import date

import pytest

from timebank.branches.rules import BadAreaCode, BadBranchCode, area_code, branch_code, code_stem, name_on


@pytest.mark.parametrize(
    ("typed", "level", "parent", "code"),
    [
        ("330200", "city", None, "330200"),
        ("310000", "city", None, "310000"),
        ("330200000000", "city", None, "330200"),
        ("330206", "district", "330200", "330206"),
        ("３３０２０６", "district", "330200", "330206"),
        (" 330206 000000 ", "district", "330200", "330206"),
        ("310115", "district", "310000", "310115"),
        ("330206003", "street", "330206", "330206003"),
        ("330206003005", "community", "330206003", "330206003005"),
        ("05", "grid", "330206003005", "330206003005-05"),
        ("a7", "grid", "330206003005", "330206003005-A7"),
        ("330206003005-05", "grid", "330206003005", "330206003005-05"),
    ],
)
def test_a_code_is_read(typed: str, level: str, parent: str | None, code: str) -> None:
    assert area_code(typed, level=level, parent_code=parent) == code


@pytest.mark.parametrize(
    ("typed", "level", "parent"),
    [
        ("", "city", None),
        ("330206", "city", None),
        ("990200", "city", None),
        ("33020", "city", None),
        ("33020O", "city", None),
        ("330200", "district", "330200"),
        ("320206", "district", "330200"),
        ("330206", "street", "330206"),
        ("330206000", "street", "330206"),
        ("330205003", "street", "330206"),
        ("330206003000", "community", "330206003"),
        ("330206004005", "community", "330206003"),
        ("", "grid", "330206003005"),
        ("第五网格", "grid", "330206003005"),
        ("12345678901", "grid", "330206003005"),
        ("330206" * 2000, "community", "330206003"),
        ("😀", "city", None),
        ("①②③", "city", None),
    ],
)
def test_a_wrong_code_says_what_is_right(typed: str, level: str, parent: str | None) -> None:
    with pytest.raises(BadAreaCode) as refused:
        area_code(typed, level=level, parent_code=parent)
    assert "code" in refused.value.fields


@pytest.mark.parametrize(
    ("code", "stem"), [("310000", "31"), ("330200", "3302"), ("330206", "330206"), ("330206003", "330206003")]
)
def test_the_stem_is_what_codes_below_begin_with(code: str, stem: str) -> None:
    assert code_stem(code) == stem


@pytest.mark.parametrize(("typed", "code"), [("bl-01", "BL-01"), (" ＢＬ ", "BL"), ("330206003005", "330206003005")])
def test_a_branch_code_is_read(typed: str, code: str) -> None:
    assert branch_code(typed) == code


@pytest.mark.parametrize("typed", ["", "-A", "A-", "北仑", "A B", "A" * 25, "A/B", "😀"])
def test_a_wrong_branch_code_is_refused(typed: str) -> None:
    with pytest.raises(BadBranchCode):
        branch_code(typed)


@pytest.mark.parametrize(
    ("day", "name"),
    [("2019-12-31", "星阳村"), ("2020-01-01", "星阳村"), ("2026-05-31", "星阳村"), ("2026-06-01", "星阳社区")],
)
def test_a_name_holds_until_the_next(day: str, name: str) -> None:
    names = [(date(2020, 1, 1), "星阳村"), (date(2026, 6, 1), "星阳社区")]
    assert name_on(names, date.fromisoformat(day)) == name
