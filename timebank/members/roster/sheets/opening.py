"""From the bytes of a file to the cells of its sheets, whatever the file is called."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any, Final

from timebank.core.errors import Invalid
from timebank.members.roster.rules import Sheet
from timebank.members.roster.rules.cells import Cell

MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_UNPACKED = 256 * 1024 * 1024
_MOST_LINES = 20_000
_MOST_COLUMNS = 200
_SECONDS = 60
_CHILD = Path(__file__).with_name("child.py")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class FileRefused(Invalid):
    """A file that cannot be read as a table of people; the message is tied to the form's field ``file``."""

    code = "roster.file_refused"
    text = "这份文件读不了。请用 Excel 或 WPS 打开它，另存为 .xlsx 再上传。"

    def __init__(self, **facts: object) -> None:
        super().__init__(fields={"file": self.text.format(**facts)}, **facts)


class EmptyFile(FileRefused):
    """Nothing in it."""

    code = "roster.file_empty"
    text = "文件是空的。请选填好了名单的表格。"


class FileTooBig(FileRefused):
    """More than may be uploaded."""

    code = "roster.file_too_big"
    text = "文件太大，一次最多 16 MB。请删掉照片和用不到的工作表，再上传。"


class NotATable(FileRefused):
    """Another kind of file, whatever its name says."""

    code = "roster.not_a_table"
    text = "这其实是{kind}，不是表格。请把名单放进 Excel 或 WPS 表格，存成 .xlsx 再上传。"


class PasswordProtected(FileRefused):
    """Encrypted."""

    code = "roster.password"
    text = "文件设了打开密码，读不了。请在 Excel 或 WPS 里打开，去掉密码另存一份，再上传。"


class BrokenFile(FileRefused):
    """A spreadsheet by its first bytes, unreadable further on."""

    code = "roster.broken"
    text = "文件可能没有下载完整，或者已经损坏。请用 Excel 或 WPS 打开看看，另存为 .xlsx 再上传。"


class SprawlingSheet(FileRefused):
    """Reading took too much memory or time."""

    code = "roster.sprawling"
    text = "表格太大，或在很远的角落里有零星内容。请新建一个表格，只把名单复制进去，存成 .xlsx 再上传。"


class UnknownEncoding(FileRefused):
    """Text in none of the encodings that offices use."""

    code = "roster.encoding"
    text = "文件里的文字认不出来。请用 Excel 或 WPS 打开它，另存为 .xlsx 再上传。"


# The first bytes say what a file is; its name only says what somebody called it.
_SIGNATURES = (
    (b"%PDF", "PDF 文件"),
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"GIF8", "图片"),
    (b"BM", "图片"),
    (b"{\\rtf", "文字文档"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
    (b"\x7fELF", "程序"),
    (b"MZ", "程序"),
)


def open_sheets(content: bytes) -> list[Sheet]:
    """The sheets of an .xlsx, .xls or .ods, or the one of a text table. Raises a FileRefused."""
    if len(content) > MOST_BYTES:
        raise FileTooBig()
    if not content.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise EmptyFile()
    if content.startswith(b"PK"):
        _refuse_other_packages(content)
        return _read_workbook(content)
    if content.startswith(_OLE):
        _refuse_other_documents(content)
        return _read_workbook(content)
    for signature, kind in _SIGNATURES:
        if content.startswith(signature) and not (kind in {"图片", "程序"} and b"\0" not in content[:4096]):
            raise NotATable(kind=kind)
    return [Sheet(name="文本表格", rows=_text_rows(_decode(content)))]


def _refuse_other_packages(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            names = {entry.filename for entry in package.infolist()}
            unpacked = sum(
                entry.file_size for entry in package.infolist() if not entry.filename.startswith("xl/media/")
            )
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as broken:
        raise BrokenFile() from broken
    if any(name.startswith("word/") for name in names):
        raise NotATable(kind="Word 文档")
    if any(name.startswith("ppt/") for name in names):
        raise NotATable(kind="演示文稿")
    if "xl/workbook.bin" in names:
        raise FileRefused()
    if "xl/workbook.xml" not in names and "content.xml" not in names:
        raise NotATable(kind="压缩包")
    if unpacked > _MOST_UNPACKED:
        raise SprawlingSheet()


def _refuse_other_documents(content: bytes) -> None:
    """An OLE file names its streams in UTF-16: ``Workbook`` is a table, the others are not."""
    if _has_stream(content, "EncryptedPackage"):
        raise PasswordProtected()
    if _has_stream(content, "Workbook") or _has_stream(content, "Book"):
        return
    if _has_stream(content, "WordDocument"):
        raise NotATable(kind="Word 文档（.doc）")
    raise BrokenFile()


def _has_stream(content: bytes, name: str) -> bool:
    return name.encode("utf-16-le") + b"\0\0" in content


def _read_workbook(content: bytes) -> list[Sheet]:
    environment = {"PATH": os.environ.get("PATH", ""), "RUST_BACKTRACE": "0", "PYTHONIOENCODING": "ascii"}
    try:
        done = subprocess.run(  # noqa: S603 - our own file, by our own interpreter
            [sys.executable, "-I", str(_CHILD)],
            input=content,
            capture_output=True,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise SprawlingSheet() from late
    if done.returncode < 0 or b"MemoryError" in done.stderr or b"capacity overflow" in done.stderr:
        raise SprawlingSheet()
    if done.returncode:
        raise BrokenFile()
    answer = json.loads(done.stdout)
    if isinstance(answer, str):
        raise PasswordProtected() if answer == "password" else BrokenFile()
    return [_sheet(kept) for kept in answer]


def _sheet(kept: dict[str, Any]) -> Sheet:
    return Sheet(
        name=kept["name"],
        rows=[[_cell(value) for value in row] for row in kept["rows"]],
        merged=[tuple(area) for area in kept["merged"]],
        hidden=kept["hidden"],
    )


def _cell(value: Any) -> Cell:
    if isinstance(value, dict):
        return date.fromisoformat(value["date"])
    cell: Cell = value
    return cell


# --- text ----------------------------------------------------------------------------------------------------------


def _decode(content: bytes) -> str:
    """The text: by its mark, else strict UTF-8, else GB18030 (which holds all of GBK, and rare names too)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in content:
        raise NotATable(kind="别的文件")
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.lstrip()[:200].lower().startswith(("<html", "<!doctype", "<?xml", "<table", "<meta")):
            raise NotATable(kind="网页")
        return text
    raise UnknownEncoding()


def _text_rows(text: str) -> list[list[Cell]]:
    delimiter = _delimiter(text)
    rows: list[list[Cell]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(rows) >= _MOST_LINES:
                break
            rows.append([cell or None for cell in row[:_MOST_COLUMNS]])
    except csv.Error as broken:
        raise BrokenFile() from broken
    return rows


def _delimiter(text: str) -> str:
    """Of comma, semicolon and tab the one that most of the first lines have."""
    lines = text.splitlines()[:30]
    return max(",;\t", key=lambda mark: (sum(mark in line for line in lines), sum(line.count(mark) for line in lines)))
