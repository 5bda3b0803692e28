"""Cleaning one cell: what offices type, and what it means."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timebank.members.roster.rules import cells

TODAY = date(2026, 11, 21)
ANY_CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=40),
    st.text(alphabet="0123456789０９.．-－年月日/ 　eE+xX×·（）()无张三王\u200b\ufeff'、，\n同上", max_size=24),
)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张三", "张三"),
        (" 张　三 ", "张三"),
        ("欧阳 震华", "欧阳震华"),
        ("张三（队长）", "张三"),
        ("张三(已退)", "张三"),
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("阿依古丽 . 买买提", "阿依古丽·买买提"),
        ("赵𠮷", "赵𠮷"),
        ("㛃䶮", "㛃䶮"),
        ("Ｊｏｈｎ　Ｓｍｉｔｈ", "John Smith"),
        ("张\u200b三\ufeff", "张三"),
        ("", None),
        ("—", None),
    ],
)
def test_name(typed: str, name: str | None) -> None:
    found = cells.clean_name(typed)
    assert (found.value, found.wrong) == (name, "")
    assert bool(found.mended) == (name is not None and typed.strip() != name)


@pytest.mark.parametrize(
    "typed", ["张三1", "1.张三", "张", "13800000000", 13800000000.0, "张😀", "张" * 61, "\ue000三"]
)
def test_what_is_no_name(typed: cells.Cell) -> None:
    found = cells.clean_name(typed)
    assert found.value is None
    assert found.wrong
    assert found.todo


@pytest.mark.parametrize(
    ("typed", "phone", "mended"),
    [
        ("13812345678", "13812345678", False),
        (13812345678.0, "13812345678", False),
        (13812345678, "13812345678", False),
        ("1.3812345678E10", "13812345678", False),
        ("1.3812345678e+10", "13812345678", False),
        ("138-1234-5678", "13812345678", True),
        ("138 1234 5678", "13812345678", True),
        ("+86 138 1234 5678", "13812345678", True),
        ("008613812345678", "13812345678", True),
        ("8613812345678", "13812345678", True),
        (8613812345678.0, "13812345678", False),
        ("１３８１２３４５６７８", "13812345678", True),
        ("'13812345678", "13812345678", True),
        ("13812345678（儿子）", "13812345678", True),
        ("手机：13812345678", "13812345678", True),
        ("0574-86780000", "057486780000", True),
        ("0574-86780000/13812345678", "13812345678", True),
        ("13812345678、13900000000", "13812345678", True),
        ("无", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_phone(typed: cells.Cell, phone: str | None, mended: bool) -> None:
    found = cells.clean_phone(typed)
    assert (found.value, found.wrong, bool(found.mended)) == (phone, "", mended)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("1.38E+10", "已经丢失"),
        ("1.38123E+10", "已经丢失"),
        ("1381234567", "10 位"),
        (1381234567.0, "10 位"),
        ("12812345678", "开头不对"),
        ("86781234", "8 位"),
        (138.5, "丢失"),
        ("张三", "0 位"),
    ],
)
def test_what_is_no_phone(typed: cells.Cell, says: str) -> None:
    found = cells.clean_phone(typed)
    assert found.value is None
    assert says in found.wrong


@pytest.mark.parametrize(
    "typed",
    [
        "11010519491231002X",
        "11010519491231002x",
        "110105 19491231 002Ｘ",
        "'11010519491231002X",
        "１１０１０５１９４９１２３１００２Ｘ",
    ],
)
def test_id_number(typed: str) -> None:
    assert cells.clean_id_number(typed, TODAY).value == "11010519491231002X"


@pytest.mark.parametrize(
    "typed", [3.3020619800101e17, 330206198001011234, "3.30206E+17", "3.30206198001012E+17", 330206198001011234.0]
)
def test_an_id_number_that_lost_digits_is_refused_with_the_way_out(typed: cells.Cell) -> None:
    found = cells.clean_id_number(typed, TODAY)
    assert found.value is None
    assert "丢失" in found.wrong
    assert "文本" in found.todo


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("110105491231002", "15 位"),
        ("110105194912310021", "校验"),
        ("990105194912310020", ""),
        ("E12345678", "18 位"),
        ("110105203012310018", ""),
    ],
)
def test_what_is_no_id_number(typed: str, says: str) -> None:
    found = cells.clean_id_number(typed, TODAY)
    assert found.value is None
    assert found.wrong
    assert says in found.wrong


@pytest.mark.parametrize(
    "typed",
    [
        "1954.3.5",
        "1954.03.05",
        "1954年3月5日",
        "1954 年 3 月 5 日",
        "1954-03-05",
        "1954/3/5",
        "19540305",
        19540305.0,
        19540305,
        "１９５４．３．５",
        "1954-03-05 00:00:00",
        "1954、3、5",
        date(1954, 3, 5),
        19788,
        19788.0,
        "19788",
    ],
)
def test_date(typed: cells.Cell) -> None:
    assert cells.clean_date(typed, TODAY).value == date(1954, 3, 5)


@pytest.mark.parametrize("typed", ["1954.3", "1954年3月", "195403", "1954", 1954.0, "1954年", 1954.03])
def test_a_date_without_a_day_is_left_out_with_a_word(typed: cells.Cell) -> None:
    found = cells.clean_date(typed, TODAY)
    assert (found.value, found.wrong) == (None, "")
    assert "没有写日" in found.mended


@pytest.mark.parametrize(
    "typed", ["1954.2.30", "54.3.5", "3/5/1954", "农历三月初五", "2027-01-01", "1880-01-01", 99999.0, "明天"]
)
def test_what_is_no_date(typed: cells.Cell) -> None:
    found = cells.clean_date(typed, TODAY)
    assert found.value is None
    assert found.wrong


def test_a_mend_says_what_became_of_what() -> None:
    assert cells.clean_date("２０００．３．５", TODAY).mended == "已把“２０００．３．５”读作 2000-03-05。"
    assert cells.clean_name("王　芳").mended == "已把“王 芳”改为“王芳”。"


@pytest.mark.parametrize(
    ("typed", "sex"), [("男", "m"), (" 女 ", "f"), ("女性", "f"), ("M", "m"), (1.0, "m"), ("", None), ("无", None)]
)
def test_sex(typed: cells.Cell, sex: str | None) -> None:
    assert cells.clean_sex(typed) == cells.Cleaned(value=sex)


def test_sex_that_cannot_be_read_is_left_empty() -> None:
    assert cells.clean_sex("保密").value is None
    assert "看不懂" in cells.clean_sex("保密").mended


@pytest.mark.parametrize(
    ("typed", "teams"),
    [
        ("红领 理发队", ("红领理发队",)),
        ("甲队、乙队，甲队", ("甲队", "乙队")),
        ("甲队\n乙队", ("甲队", "乙队")),
        ("无", None),
        (None, None),
    ],
)
def test_teams(typed: cells.Cell, teams: tuple[str, ...] | None) -> None:
    assert cells.clean_teams(typed).value == teams


def test_words_too_long_are_refused() -> None:
    assert cells.clean_words("理" * 200).value == "理" * 200
    assert "201" in cells.clean_words("理" * 201).wrong


@settings(deadline=None)  # a busy machine is no finding
@given(ANY_CELL)
def test_any_cell_is_cleaned_or_refused_and_cleaning_again_changes_nothing(cell: cells.Cell) -> None:
    for clean in (
        cells.clean_name,
        cells.clean_phone,
        lambda value: cells.clean_id_number(value, TODAY),
        lambda value: cells.clean_date(value, TODAY),
        cells.clean_words,
    ):
        first = clean(cell)
        assert not (first.value is not None and first.wrong)
        assert not first.wrong or first.todo
        if first.value is not None:
            again = clean(first.value)
            assert (again.value, again.wrong, again.mended) == (first.value, "", "")
    teams = cells.clean_teams(cell)
    if teams.value:
        assert cells.clean_teams("、".join(teams.value)).value == teams.value


@settings(deadline=None)  # a busy machine is no finding
@given(st.dates(min_value=date(1930, 1, 1), max_value=TODAY - timedelta(days=1)))
def test_every_way_of_writing_a_day_is_the_same_day(day: date) -> None:
    written = [
        f"{day.year}.{day.month}.{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y%m%d}",
        float(f"{day:%Y%m%d}"),
        float((day - date(1899, 12, 30)).days),
        day,
    ]
    assert {cells.clean_date(cell, TODAY).value for cell in written} == {day}
