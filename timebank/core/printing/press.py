"""The press: a template and values in, a PDF or a picture out."""

from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, cast

import typst

from timebank.core.printing.fonts import MISSING, font_case

_HOUSE: Final = Path(__file__).resolve().parents[3]
_LAID_OUT: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # categories that leave no mark on paper
_KEPT = 32  # compiled sheets: a poster is asked for again by everybody who looks at it
_TAGGED: Final = ["a-2a", "ua-1"]  # ISO 19005-2 level A, and PDF/UA
_REMEMBERED = 10  # documents
_one_at_a_time = threading.Lock()  # the compiler keeps its fonts and may not be entered twice


@dataclass(frozen=True, slots=True)
class Press:
    """Where templates and fonts lie. The same values give the same bytes, today and tomorrow."""

    templates: Path = _HOUSE / "templates" / "print"
    packages: Path = _HOUSE / "node_modules"

    def pdf(self, template: str, values: Mapping[str, Any]) -> bytes:
        """``template`` filled with ``values`` (texts, numbers, lists, mappings) as a PDF with its fonts inside."""
        return _kept(self, template, self._as_json(values), "pdf", 0)

    def png(self, template: str, values: Mapping[str, Any], *, ppi: int = 144) -> bytes:
        """The same as a picture of its only page, at ``ppi`` pixels an inch."""
        return _kept(self, template, self._as_json(values), "png", ppi)

    def archival_pdf(self, template: str, values: Mapping[str, Any], *, tagged: bool = True) -> bytes:
        """The same as PDF/A-2a and PDF/UA-1, which the compiler enforces; the template must date its document.

        Long lists of figures are not ``tagged`` for screen readers and are PDF/A-2u: a tenth of the size.
        """
        how = {"pdf_standards": _TAGGED} if tagged else {"pdf_standards": ["a-2u"], "pdf_tags": False}
        printed = _print(self, template, self._as_json(values), **how)
        _forget(self)
        return printed

    def printable(self, text: str) -> str:
        """``text`` in NFC without control characters; characters that no font has become 〓. Line ends stay."""
        knows = font_case(self.packages).knows
        return "".join(c if c == "\n" or knows(c) else MISSING for c in _seen(text))

    def lost(self, values: Any) -> list[str]:
        """The characters of ``values`` that no font has and that become 〓, each once, in order of their code."""
        knows = font_case(self.packages).knows
        return sorted({c for text in _texts(values) for c in _seen(text) if c != "\n" and not knows(c)})

    def _as_json(self, values: Mapping[str, Any]) -> str:
        return json.dumps(self._cleaned(values), ensure_ascii=False, sort_keys=True)

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.printable(value)
        if isinstance(value, Mapping):
            return {name: self._cleaned(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._cleaned(part) for part in value]
        return value


PRESS: Final = Press()


def _seen(text: str) -> Iterator[str]:
    """The characters that leave a mark, and line ends."""
    return (c for c in unicodedata.normalize("NFC", text) if c == "\n" or not _leaves_no_mark(c))


def _leaves_no_mark(character: str) -> bool:
    if unicodedata.category(character) in _LAID_OUT:
        return True
    return "VARIATION SELECTOR" in unicodedata.name(character, "")  # asks for another shape of the one before


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


@lru_cache(maxsize=_KEPT)
def _kept(press: Press, template: str, inputs: str, form: Literal["pdf", "png"], ppi: int) -> bytes:
    return _print(press, template, inputs, format=form, ppi=float(ppi) if ppi else None)


def _print(press: Press, template: str, inputs: str, **options: Any) -> bytes:
    source = (press.templates / template).read_bytes()
    with _one_at_a_time:
        # The template's own words are Noto's; what is rare stands in the values.
        compiler = _compiler(font_case(press.packages).folders(inputs))
        made = compiler.compile(source, **{"format": "pdf", **options}, sys_inputs={"data": inputs})
    return cast(bytes, made)


def _forget(press: Press) -> None:
    """Let the compiler let go of what it laid out: it does so after ten more documents, and empty ones take a moment.

    What is printed once need not be remembered; a month's lists would pile up to a hundred megabytes.
    """
    with _one_at_a_time:
        compiler = _compiler(font_case(press.packages).folders(""))
        for number in range(_REMEMBERED + 1):
            compiler.compile(b"", format="pdf", sys_inputs={"data": str(number)})


@lru_cache(maxsize=4)
def _compiler(folders: tuple[str, ...]) -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders))
    return typst.Compiler(font_paths=fonts)
