"""Printed matter: Typst templates of ``templates/print`` filled with plain values, as PDF or PNG.

What people typed reaches Typst only as JSON in ``sys.inputs``: it is never parsed as markup. Glyphs that the font lacks
become 〓, so that nothing vanishes silently. Fonts come with the browser packages; nothing is fetched while printing.
"""

from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, cast

import typst
from flask import current_app
from fontTools.ttLib import TTFont

MISSING: Final = "〓"
_WEIGHTS: Final = ("400Regular", "700Bold", "900Black")
_LAID_OUT: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # categories that leave no mark on paper
_KEPT = 32  # compiled sheets: a poster is asked for again by everybody who looks at it

_one_at_a_time = threading.Lock()  # the compiler keeps its fonts and may not be entered twice


def pdf(template: str, values: Mapping[str, Any]) -> bytes:
    """``templates/print/<template>`` filled with ``values`` (texts, numbers, lists, mappings) as a PDF."""
    return _print(template, _as_json(values), "pdf", 0)


def png(template: str, values: Mapping[str, Any], *, ppi: int = 144) -> bytes:
    """The same as a picture of its only page, at ``ppi`` pixels an inch."""
    return _print(template, _as_json(values), "png", ppi)


def printable(text: str) -> str:
    """``text`` in NFC without control characters; characters the font lacks become 〓. Line ends stay."""
    composed = unicodedata.normalize("NFC", text)
    seen = (c for c in composed if c == "\n" or unicodedata.category(c) not in _LAID_OUT)
    known = _glyphs(_fonts_folder())
    return "".join(c if c == "\n" or ord(c) in known else MISSING for c in seen)


def _as_json(values: Mapping[str, Any]) -> str:
    return json.dumps(_cleaned(values), ensure_ascii=False, sort_keys=True)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {name: _cleaned(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(part) for part in value]
    return value


@lru_cache(maxsize=_KEPT)
def _print(template: str, inputs: str, form: Literal["pdf", "png"], ppi: int) -> bytes:
    source = Path(current_app.root_path).parent / "templates" / "print" / template
    with _one_at_a_time:
        made = _compiler(_fonts_folder()).compile(
            source.read_bytes(), format=form, ppi=float(ppi) if ppi else None, sys_inputs={"data": inputs}
        )
    return cast(bytes, made)


def _fonts_folder() -> str:
    return str(Path(current_app.config["NODE_MODULES"]) / "@expo-google-fonts" / "noto-sans-sc")


@lru_cache(maxsize=1)
def _compiler(folder: str) -> typst.Compiler:
    paths = [str(Path(folder) / weight) for weight in _WEIGHTS]
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths)
    return typst.Compiler(font_paths=fonts)


@lru_cache(maxsize=1)
def _glyphs(folder: str) -> frozenset[int]:
    with TTFont(next((Path(folder) / _WEIGHTS[0]).glob("*.ttf")), lazy=True) as font:
        return frozenset(font.getBestCmap())
