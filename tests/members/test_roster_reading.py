"""Reading whole files: titles, merged cells, encodings, totals, repeated people, and files that are no rosters."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.office_file import FIRST_ROW, OFFICE_PEOPLE, OfficePerson, write_office_xlsx
from timebank.core.errors import Refusal
from timebank.members.roster.rules import (
    MENDED,
    NOTED,
    SKIPPED,
    Finding,
    NobodyInFile,
    NoNameColumn,
    Roster,
    Sheet,
    TooManyPeople,
    from_text,
    read_roster,
    to_text,
)
from timebank.members.roster.sheets import open_sheets, write_template
from timebank.members.roster.sheets.opening import (
    BrokenFile,
    EmptyFile,
    FileRefused,
    FileTooBig,
    NotATable,
    PasswordProtected,
    SprawlingSheet,
    UnknownEncoding,
)

TODAY = date(2026, 11, 21)
Rows = Sequence[Sequence[Any]]


def xlsx(*sheets: Rows, merge: Sequence[str] = (), names: Sequence[str] = ()) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for at, rows in enumerate(sheets):
        sheet = book.create_sheet(names[at] if names else f"表{at + 1}")
        for row in rows:
            sheet.append(row)
        for area in merge:
            sheet.merge_cells(area)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def text_table(rows: Rows, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue().encode(encoding)


def read(content: bytes) -> Roster:
    return read_roster(open_sheets(content), TODAY)


def read_rows(*rows: Sequence[Any]) -> Roster:
    return read_roster([Sheet(name="名册", rows=rows)], TODAY)


def of(roster: Roster, severity: str) -> list[Finding]:
    return [finding for finding in roster.findings if finding.severity == severity]


# --- what offices have ---------------------------------------------------------------------------------------------


def test_an_office_file_is_read_as_it_was_meant(tmp_path: Path) -> None:
    write_office_xlsx(tmp_path / "名册.xlsx")

    roster = read((tmp_path / "名册.xlsx").read_bytes())

    assert roster.sheet_name == "队员名册"
    assert roster.header_row == 4
    assert roster.errors == ()
    assert [
        OfficePerson(
            name=person.name,
            phone=person.phone or "",
            sex={"m": "男", "f": "女"}[person.sex or ""],
            born_on=person.born_on,
            team=person.teams[0],
            skills=person.skills,
        )
        for person in roster.people
    ] == list(OFFICE_PEOPLE)
    twice = FIRST_ROW + len(OFFICE_PEOPLE)
    assert [(finding.row, finding.problem) for finding in of(roster, SKIPPED)] == [
        (twice, "“陈桂英”和第 5 行是同一个人，只导入一次。"),
        (twice + 1, "是合计、备注或落款，跳过。"),
        (twice + 3, "没有姓名、手机号和证件号，按空行跳过。"),
    ]
    assert [(finding.field, finding.problem) for finding in of(roster, NOTED)] == [
        ("工作表", "读的是工作表“队员名册”，没有读：通知。"),
        ("列", "这些列不导入：住址。"),
    ]
    assert ("出生日期", "已把“１９６１．１１．３０”读作 1961-11-30。") in [
        (f.field, f.problem) for f in of(roster, MENDED)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_tables_of_every_encoding_and_delimiter(encoding: str, delimiter: str) -> None:
    rows = [
        ["志愿者名册"],
        ["姓 名", "手机号码", "服务队"],
        ["张　三", "13812345678", "甲队、乙队"],
        ["李四", "139-0000-0000", ""],
    ]

    roster = read(text_table(rows, encoding, delimiter))

    assert [(person.row, person.name, person.phone, person.teams) for person in roster.people] == [
        (3, "张三", "13812345678", ("甲队", "乙队")),
        (4, "李四", "13900000000", ()),
    ]


def test_an_open_document_sheet_is_read() -> None:
    cells = [["姓名", "手机"], ["张三", "13812345678"]]
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in cells
    )
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="名册">{rows}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    assert [person.name for person in read(buffer.getvalue()).people] == ["张三"]


def test_rare_characters_survive_gb18030() -> None:
    roster = read(text_table([["姓名", "电话"], ["赵𠮷", "13812345678"], ["钱䶮", "13812345679"]], "gb18030"))
    assert [person.name for person in roster.people] == ["赵𠮷", "钱䶮"]


def test_a_text_table_with_a_broken_line_in_a_cell_counts_rows_as_a_spreadsheet_does() -> None:
    roster = read(
        text_table([["姓名", "手机", "特长"], ["张三", "13812345678", "理发\n磨刀"], [], ["李四", "1381234", ""]])
    )
    assert roster.people[0].skills == "理发 磨刀"
    assert [finding.row for finding in roster.errors] == [4]


def test_real_dates_and_numbers_of_a_spreadsheet() -> None:
    rows = [
        ["姓名", "手机", "出生日期"],
        ["张三", 13812345678.0, datetime(1954, 3, 5, 8, 30)],  # noqa: DTZ001 - spreadsheets know no zone
        ["李四", 13812345679, 19788],
    ]
    roster = read(xlsx(rows))
    assert [(person.phone, person.born_on) for person in roster.people] == [
        ("13812345678", date(1954, 3, 5)),
        ("13812345679", date(1954, 3, 5)),
    ]


def test_a_merged_team_fills_down_and_a_merged_name_does_not() -> None:
    rows = [
        ["姓名", "手机", "服务队"],
        ["张三", "13812345678", "甲队"],
        [None, "13812345679", None],
        ["李四", "13812345670", None],
    ]
    roster = read(xlsx(rows, merge=["A2:A3", "C2:C4"]))
    assert [(person.name, person.teams) for person in roster.people] == [("张三", ("甲队",)), ("李四", ("甲队",))]
    assert [(finding.row, finding.problem) for finding in roster.errors] == [(3, "没有姓名。")]


def test_a_header_in_two_rows_without_merged_cells() -> None:
    roster = read_rows(
        ["名册"], ["姓名", "联系方式", None, "年龄"], [None, "手机", "住址", None], ["张三", "13812345678", "甲路", 70]
    )
    assert roster.header_row == 3
    assert dict(roster.columns) == {"姓名": "姓名", "手机": "手机号"}
    assert roster.ignored == ("住址", "年龄")


@pytest.mark.parametrize(
    "label", ["姓名", "名字", "志愿者姓名", "姓 名", "姓　名", "姓名*", "姓名（必填）", "*姓名：", "队员姓名", "Name"]
)
def test_names_of_the_name_column(label: str) -> None:
    assert read_rows([label, "联系电话（手机）"], ["张三", "13812345678"]).people[0].phone == "13812345678"


def test_the_better_of_two_columns_is_read_and_other_peoples_numbers_are_not() -> None:
    roster = read_rows(
        ["姓名", "紧急联系人电话", "联系电话", "手机号码", "身份证号"],
        ["张三", "13900000000", "", "13812345678", "11010519491231002X"],
    )
    assert roster.people[0].phone == "13812345678"
    assert roster.people[0].born_on == date(1949, 12, 31)
    assert roster.ignored == ("紧急联系人电话", "联系电话")


def test_ditto_marks_repeat_the_team_above() -> None:
    roster = read_rows(
        ["姓名", "手机", "队伍"],
        ["张三", "13812345678", "甲队"],
        ["李四", "13812345679", "同上"],
        ["王五", "13812345670", "〃"],
    )
    assert [person.teams for person in roster.people] == [("甲队",)] * 3


def test_empty_rows_serial_numbers_totals_and_repeated_headers_are_not_people() -> None:
    roster = read_rows(
        ["序号", "姓名", "手机", "备注"],
        [1, "张三", "13812345678", "低保"],
        [2, None, None, None],
        [],
        ["序号", "姓名", "手机", "备注"],
        [3, "李四", "13812345679"],
        ["合计", "2 人"],
        ["备注：以上人员已签承诺书"],
        ["填表人：小周", None, "电话：13900000000"],
    )
    assert [person.name for person in roster.people] == ["张三", "李四"]
    assert roster.errors == ()
    assert [finding.row for finding in of(roster, SKIPPED)] == [5, 7, 8, 9]
    assert "备注" in roster.ignored


def test_the_sheet_with_the_best_header_is_read_and_hidden_ones_are_not() -> None:
    good = [["姓名", "手机", "性别"], ["张三", "13812345678", "男"]]
    roster = read(xlsx([["说明"], ["请填姓名"]], [["姓名"], ["李四"]], good, names=["说明", "旧表", "名册"]))
    assert roster.sheet_name == "名册"
    assert "没有读：说明、旧表" in roster.findings[0].problem


# --- who is who ----------------------------------------------------------------------------------------------------


def test_the_same_person_twice_is_read_once() -> None:
    number = "11010519491231002X"
    roster = read_rows(
        ["姓名", "手机", "身份证", "出生日期"],
        ["张三", "13812345678", number, ""],
        ["张三", "", number.lower(), ""],
        ["张 三", "138-1234-5678", "", ""],
        ["张三", "", "", "1949.12.31"],
    )
    assert [person.row for person in roster.people] == [2]
    assert [finding.row for finding in of(roster, SKIPPED)] == [3, 4, 5]


def test_one_id_number_under_two_names_stops_the_import() -> None:
    number = "11010519491231002X"
    roster = read_rows(["姓名", "身份证"], ["张三", number], ["李四", number])
    assert [finding.problem for finding in roster.errors] == ["和第 2 行“张三”的身份证号相同，姓名却不同。"]


def test_families_may_share_a_phone_and_namesakes_a_birthday() -> None:
    roster = read_rows(
        ["姓名", "手机", "生日"],
        ["张三", "13812345678", "1954.3.5"],
        ["李四", "13812345678", "1955.3.5"],
        ["张三", "13812345679", "1954.3.5"],
    )
    assert len(roster.people) == 3
    assert [finding.row for finding in of(roster, NOTED)] == [3, 4]


def test_a_name_alone_is_refused_with_what_to_add() -> None:
    [finding] = read_rows(["姓名", "服务队"], ["张三", "甲队"]).errors
    assert "同名的人分不清" in finding.problem
    assert "手机号" in finding.todo


def test_children_below_fourteen_are_left_to_their_guardians() -> None:
    roster = read_rows(
        ["姓名", "手机", "生日"], ["张小三", "13812345678", "2015.3.5"], ["张三", "13812345678", "1985.3.5"]
    )
    assert [person.name for person in roster.people] == ["张三"]
    assert "监护人" in of(roster, SKIPPED)[0].todo


def test_the_id_number_decides_on_birthday_and_sex() -> None:
    roster = read_rows(["姓名", "性别", "身份证", "出生日期"], ["张三", "男", "11010519491231002X", "1949.11.12"])
    assert (roster.people[0].born_on, roster.people[0].sex) == (date(1949, 12, 31), "f")
    assert [finding.field for finding in of(roster, MENDED)] == ["出生日期", "性别"]


def test_findings_quote_no_phone_and_no_id_number() -> None:
    roster = read_rows(
        ["姓名", "手机", "身份证"],
        ["张三", "+86 13812345678", "110105 19491231 002X"],
        ["李四", "1381234567", "110105194912310021"],
    )
    said = " ".join(finding.problem + finding.todo for finding in roster.findings)
    assert "138****5678" in said
    assert not [digits for digits in ("13812345678", "1381234567", "19491231", "110105") if digits in said]


# --- keeping -------------------------------------------------------------------------------------------------------


def test_a_roster_can_be_kept_as_text(tmp_path: Path) -> None:
    write_office_xlsx(tmp_path / "a.xlsx")
    roster = read((tmp_path / "a.xlsx").read_bytes())
    assert from_text(to_text(roster)) == roster


@settings(deadline=None)  # a busy machine is no finding
@given(st.lists(st.lists(st.one_of(st.none(), st.text(max_size=12), st.floats(), st.dates()), max_size=5), max_size=8))
def test_any_rows_below_a_header_are_read_or_refused(rows: list[list[Any]]) -> None:
    try:
        roster = read_rows(["姓名", "手机", "身份证", "出生日期", "服务队"], *rows)
    except (NobodyInFile, NoNameColumn):
        return
    assert from_text(to_text(roster)) == roster
    assert len(roster.people) <= roster.row_count


# --- files that are no rosters -------------------------------------------------------------------------------------


def package(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return buffer.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", EmptyFile),
        (b"\xef\xbb\xbf \r\n", EmptyFile),
        (b"\0" * 2000, EmptyFile),
        (b"x" * (16 * 1024 * 1024 + 1), FileTooBig),
        (b"%PDF-1.7 ...", NotATable),
        (b"\x89PNG\r\n\x1a\n\0\0\0", NotATable),
        (b"<html><table><tr><td>\xd0\xd5\xc3\xfb</td></tr></table></html>", NotATable),
        (package("word/document.xml"), NotATable),
        (package("ppt/presentation.xml"), NotATable),
        (package("a.txt"), NotATable),
        (package("xl/workbook.bin"), FileRefused),
        (package("xl/workbook.xml"), BrokenFile),
        (b"PK\x03\x04 not a package at all", BrokenFile),
        (OLE + "WordDocument".encode("utf-16-le") + b"\0\0", NotATable),
        (OLE + "EncryptedPackage".encode("utf-16-le") + b"\0\0", PasswordProtected),
        (OLE + "Workbook".encode("utf-16-le") + b"\0\0", BrokenFile),
        (OLE, BrokenFile),
        (b"\x93\xff\xff\x80\x80", UnknownEncoding),
        (b"\x01\x02\0\x03" * 100, NotATable),
    ],
)
def test_other_files_are_refused_with_what_to_do(content: bytes, refusal: type[FileRefused]) -> None:
    with pytest.raises(refusal) as refused:
        open_sheets(content)
    assert type(refused.value) is refusal
    assert "请" in refused.value.fields["file"]


def test_half_a_spreadsheet_is_refused() -> None:
    whole = xlsx([["姓名", "手机"], ["张三", "13812345678"]])
    with pytest.raises(BrokenFile):
        open_sheets(whole[: len(whole) // 2])


def test_a_stray_cell_in_the_last_corner_is_refused_and_the_server_lives() -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "姓名"
    book.active["XFD1048576"] = "x"
    buffer = io.BytesIO()
    book.save(buffer)
    with pytest.raises(SprawlingSheet):
        open_sheets(buffer.getvalue())


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (xlsx([]), NoNameColumn),
        (xlsx([["通知"], ["请各队报名"]]), NoNameColumn),
        (text_table([["手机", "服务队"], ["13812345678", "甲队"]]), NoNameColumn),
        (xlsx([["姓名", "手机"]]), NobodyInFile),
        (write_template(), NobodyInFile),
        (
            text_table(
                [["姓名", "手机"], *([f"张{'三四五六七八九十'[n % 8]}", str(13800000000 + n)] for n in range(5001))]
            ),
            TooManyPeople,
        ),
    ],
)
def test_tables_without_people_are_refused(content: bytes, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        read(content)


def test_the_template_can_be_filled_in() -> None:
    book = openpyxl.load_workbook(io.BytesIO(write_template()))
    sheet = book["志愿者名册"]
    for column, value in enumerate(
        ["张三", "13812345678", "11010519491231002X", "女", "", "甲队、乙队", "理发", "周六上午"], 1
    ):
        sheet.cell(3, column, value)
    buffer = io.BytesIO()
    book.save(buffer)

    roster = read(buffer.getvalue())

    assert roster.findings[0].problem == "读的是工作表“志愿者名册”，没有读：填写说明。"
    [person] = roster.people
    assert (person.name, person.teams, person.skills, person.free_times) == (
        "张三",
        ("甲队", "乙队"),
        "理发",
        "周六上午",
    )
