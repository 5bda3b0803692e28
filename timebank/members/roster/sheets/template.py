"""The empty table offered for download: the columns we read, as text so that no digit is lost, and some advice."""

from __future__ import annotations

import io

import xlsxwriter

COLUMNS = (
    ("姓名", 12, "必填"),
    ("手机号", 16, "没有手机的可以空着，但要写身份证号或出生日期"),
    ("身份证号", 24, "可以空着；要办保险或证明时再补"),
    ("性别", 8, "男 或 女；写了身份证号的可以空着"),
    ("出生日期", 14, "公历，如 1954-03-05 或 1954.3.5；写了身份证号的可以空着"),
    ("服务队", 18, "几个队用顿号隔开，没有的队会自动建好"),
    ("特长", 24, "如 理发、修家电、讲方言"),
    ("空闲时间", 20, "如 周六上午"),
)
ADVICE = (
    "1. 一人一行，从第 3 行填起；表头（第 2 行）不要改。",
    "2. 手机号和身份证号的格子已经设成文本，粘贴时请选“只粘贴文字”，不然后几位数字会丢。",
    "3. 姓名必填。手机号、身份证号、出生日期至少填一项，不然同名的人分不清。",
    "4. 上传后先看预览，核对无误再导入；同一个人不会导入两次。",
    "5. 请先征得本人同意，再把他的信息交给系统。",
)
_ROWS = 300


def write_template() -> bytes:
    """The table as an .xlsx file."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    title = book.add_format({"bold": True, "font_size": 15, "font_color": "#a3262a", "valign": "vcenter"})
    head = book.add_format({"bold": True, "bg_color": "#f3ebdc", "border": 1, "border_color": "#b9a98c"})
    text = book.add_format({"num_format": "@"})
    sheet = book.add_worksheet("志愿者名册")
    sheet.write_string(0, 0, "志愿者名册", title)
    sheet.set_row(0, 28)
    for at, (label, width, advice) in enumerate(COLUMNS):
        sheet.write_string(1, at, label, head)
        sheet.write_comment(1, at, advice)
        sheet.set_column(at, at, width, text)
    sheet.data_validation(2, 3, 1 + _ROWS, 3, {"validate": "list", "source": ["男", "女"]})
    sheet.freeze_panes(2, 1)
    advice_sheet = book.add_worksheet("填写说明")
    advice_sheet.set_column(0, 0, 80)
    for at, line in enumerate(ADVICE):
        advice_sheet.write_string(at, 0, line)
    book.close()
    return buffer.getvalue()
