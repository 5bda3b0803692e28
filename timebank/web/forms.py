"""Forms: what was typed, what it means (marshmallow), and what is wrong with it, in Chinese, tied to its field."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from flask import flash, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from timebank.core.errors import Invalid, NotAllowed, NotFound, Refusal

fields.Field.default_error_messages |= {
    "required": "此项必填。",
    "null": "此项不能为空。",
    "validator_failed": "内容不符合要求。",
}
fields.String.default_error_messages |= {"invalid": "请输入文字。", "invalid_utf8": "文字编码不是 UTF-8。"}
fields.Integer.default_error_messages |= {"invalid": "请输入整数。", "too_large": "这个数太大了。"}
fields.Boolean.default_error_messages |= {"invalid": "请选择“是”或“否”。"}
fields.DateTime.default_error_messages |= {
    "invalid": "日期或时间格式不对，例如 2026-11-21 09:00。",
    "format": "日期或时间格式不对，例如 2026-11-21 09:00。",
}
fields.Date.default_error_messages |= {
    "invalid": "日期格式不对，例如 2026-11-21。",
    "format": "日期格式不对，例如 2026-11-21。",
}
fields.Time.default_error_messages |= {"invalid": "时间格式不对，例如 09:00。", "format": "时间格式不对，例如 09:00。"}

_ROW_NAME = re.compile(r"^(\w+)-(\d{1,3})-(\w+)$")
_MAX_INTEGER = 2**31 - 1
MOST_HOURS = 9_999
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Range(validate.Range):
    """marshmallow's Range with a Chinese sentence."""

    def _format_error(self, value: Any, message: str) -> str:
        if self.min is not None and self.max is not None:
            return f"请输入 {self.min} 到 {self.max} 之间的数。"
        return f"不能小于 {self.min}。" if self.min is not None else f"不能大于 {self.max}。"


class Length(validate.Length):
    """marshmallow's Length with a Chinese sentence."""

    def _format_error(self, value: Any, message: str) -> str:
        if self.equal is not None:
            return f"应当正好 {self.equal} 个字。"
        if self.max is None:
            return f"至少要 {self.min} 个字。"
        return f"应当是 {self.min or 0} 到 {self.max} 个字（现在 {len(value)} 个）。"


class OneOf(validate.OneOf):
    """marshmallow's OneOf with a Chinese sentence."""

    def _format_error(self, value: Any) -> str:
        return "请从列出的选项里选一个。"


class Text(fields.String):
    """One or more lines of text, at most ``most`` characters: NFC, trimmed, no control characters."""

    def __init__(self, most: int, *, least: int = 1, **kwargs: Any) -> None:
        super().__init__(validate=Length(min=least, max=most), **kwargs)


class Count(fields.Integer):
    """A whole number between ``least`` and ``most``, full-width digits welcome."""

    def __init__(self, least: int = 0, most: int = _MAX_INTEGER, **kwargs: Any) -> None:
        super().__init__(validate=Range(least, most), **kwargs)


class FormSchema(Schema):
    """Parent of every form's shape; fields that nobody asked for are left alone."""

    class Meta:
        unknown = EXCLUDE


class TwoBoxes(FormSchema):
    """Parent of forms with amounts in two boxes: what is wrong with a box is said at the pair."""

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **_: Any) -> None:
        """Name the pair instead of its box."""
        messages = error.messages
        if isinstance(messages, dict):
            for name in list(messages):
                pair = str(name).removesuffix("_hours").removesuffix("_minutes")
                messages[pair] = messages.pop(name)


def minutes_of(typed: dict[str, Any], name: str) -> int | None:
    """Two boxes, hours and minutes, as minutes; they are taken out. None where both were left empty."""
    hours, minutes = typed.pop(f"{name}_hours"), typed.pop(f"{name}_minutes")
    return None if hours is None and minutes is None else 60 * (hours or 0) + (minutes or 0)


def tidy_text(text: str) -> str:
    """What a person meant to type: NFC, line ends as ``\\n``, trimmed, without control or private characters."""
    composed = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        c for c in composed if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"}
    ).strip()


def form_key(otherwise: str = "") -> str:
    """The key of the form being sent, so that sending it again is harmless; ``otherwise`` or a fresh one without.

    At most 64 letters, digits, ``_`` and ``-``: what our pages send. Anything else is no key.
    """
    sent = request.form.get("form_key", "").strip()
    return sent if _KEY.fullmatch(sent) else otherwise or secrets.token_urlsafe(16)


def _flatten(errors: Mapping[Any, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, found in errors.items():
        place = f"{prefix}{name}"
        if isinstance(found, Mapping):
            flat |= _flatten(found, f"{place}-")
        else:
            flat[place] = str(found[0])
    return flat


class Form:
    """One form on one page: initial or typed values, errors by field, the status of the answer.

    Names like ``shifts-0-place`` are rows of a nested list field ``shifts``.
    """

    def __init__(self, schema: Schema, initial: Mapping[str, Any] | None = None) -> None:
        self.schema = schema
        self.initial = dict(initial or {})
        self.errors: dict[str, str] = {}
        self.message = ""
        self.status = 200
        self.key = form_key()
        self._row_numbers: dict[str, list[int]] = {}

    @property
    def submitted(self) -> bool:
        """Whether this request is the form being sent."""
        return request.method == "POST"

    def value(self, name: str) -> Any:
        """What to show in a field: what was typed, else the initial value, else nothing."""
        if self.submitted:
            return request.form.get(name, "")
        found = self.initial.get(name, "")
        return "" if found is None else found

    def values(self, name: str) -> list[str]:
        """What to tick in a field of several choices."""
        if self.submitted:
            return request.form.getlist(name)
        return [str(value) for value in self.initial.get(name, ())]

    def rows(self, name: str, least: int = 1) -> range:
        """The row numbers to show for a nested list: what was typed or given, at least ``least``."""
        source = request.form if self.submitted else self.initial
        found = [int(m[2]) for m in map(_ROW_NAME.match, source) if m and m[1] == name]
        return range(max([least, *(number + 1 for number in found)]))

    def error(self, name: str) -> str:
        """The message tied to a field, or an empty text."""
        return self.errors.get(name, "")

    def load(self) -> dict[str, Any]:
        """What was typed, as the schema's values. Raises Invalid with one message per wrong field."""
        try:
            loaded: dict[str, Any] = self.schema.load(self._typed())
        except ValidationError as wrong:
            raise Invalid(fields=_flatten(wrong.messages_dict)) from wrong
        return loaded

    def typed(self) -> dict[str, str]:
        """What was typed, as it was: for a page that asks once more and sends it again."""
        return {name: request.form[name] for name in self.schema.fields if request.form.get(name)}

    def _typed(self) -> dict[str, Any]:
        typed: dict[str, Any] = {}
        rows: dict[str, dict[int, dict[str, str]]] = {}
        for name in request.form:
            texts = [tidy_text(text) for text in request.form.getlist(name)]
            row = _ROW_NAME.match(name)
            if row:
                if texts[0]:
                    rows.setdefault(row[1], {}).setdefault(int(row[2]), {})[row[3]] = texts[0]
                continue
            field = self.schema.fields.get(name)
            if isinstance(field, fields.List):
                typed[name] = [text for text in texts if text]
            elif texts[-1]:
                typed[name] = _fold_digits(texts[-1]) if _is_number(field) else texts[-1]
        self._row_numbers = {name: sorted(found) for name, found in rows.items()}
        return typed | {name: [found[at] for at in sorted(found)] for name, found in rows.items()}

    def _own_name(self, name: str) -> str:
        """A field's name on the page: empty rows in between were left out when the values were read."""
        row = _ROW_NAME.match(name)
        numbers = self._row_numbers.get(row[1], []) if row else []
        return f"{row[1]}-{numbers[int(row[2])]}-{row[3]}" if row and int(row[2]) < len(numbers) else name

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal in this form and answer with its status."""
        self.message = refusal.message
        self.status = refusal.status
        if isinstance(refusal, Invalid):
            self.errors = {self._own_name(name): message for name, message in refusal.fields.items()}

    def catching(self) -> Catching:
        """Turn refusals raised in the block into messages of this form; put it outside the transaction."""
        return Catching(self.refuse)


class Untouched(Form):
    """A form of a page that answers to another one of its forms: it shows what it would have shown anyway."""

    @property
    def submitted(self) -> bool:
        """Never: something else was sent."""
        return False


class Catching:
    """Hands the refusal that ends its block to ``tell``; what is missing or forbidden goes on to the error page.

    A class, since type checkers take a generator's word that a block always runs to its end.
    """

    def __init__(self, tell: Callable[[Refusal], None]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: object) -> bool:
        if not isinstance(raised, Refusal) or isinstance(raised, NotAllowed | NotFound):
            return False
        self._tell(raised)
        return True


def say_outcome(form: Form, done: str) -> None:
    """Say above the page the person comes back to what was done, or what was wrong with the form of a button."""
    if form.message:
        flash("".join(dict.fromkeys(form.errors.values())) or form.message, "error")
    else:
        flash(done, "success")


def saying_refusals() -> Catching:
    """Show a refusal above the page the person comes back to; put it outside the transaction."""
    return Catching(_say)


def _say(refusal: Refusal) -> None:
    # A button has no fields to tie messages to, so they are said in place of the general sentence.
    told = dict.fromkeys(getattr(refusal, "fields", {}).values())
    flash("".join(told) or refusal.message, "error")


def _is_number(field: fields.Field[Any] | None) -> bool:
    return isinstance(field, fields.Integer | fields.Date | fields.Time | fields.DateTime)


def _fold_digits(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
