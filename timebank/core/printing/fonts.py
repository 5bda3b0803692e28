"""Which font has which character, and the folders Typst has to look into for a text."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont

MISSING: Final = "〓"
_MAIN: Final = Path("@expo-google-fonts") / "noto-sans-sc"
_WEIGHTS: Final = ("400Regular", "700Bold", "900Black")
_RARE: Final = Path("hanamin")
# The package cuts its font into slices of up to 1,024 characters and says in a style sheet which slice has which.
_SLICE = re.compile(r"url\((HanaMin[^)]+\.woff2)\)[^}]*?unicode-range:\s*([^;}]+)", re.DOTALL)
_RANGE = re.compile(r"U\+([0-9a-f]+)(?:-([0-9a-f]+))?", re.IGNORECASE)


class FontCase:
    """The fonts in a folder of packages. The rare ones are unpacked once a process, slice by slice, when asked for."""

    def __init__(self, packages: Path) -> None:
        self._main, self._rare = packages / _MAIN, packages / _RARE

    def knows(self, character: str) -> bool:
        """Whether some font can print it."""
        return ord(character) in self._common or self._slice_of(character) is not None

    def folders(self, text: str) -> tuple[str, ...]:
        """The folders whose fonts can print ``text``, as far as it can be printed at all."""
        slices = {self._slice_of(character) for character in set(text) if ord(character) not in self._common}
        weights = tuple(str(self._main / weight) for weight in _WEIGHTS)
        return weights + tuple(self._unpacked(name) for name in sorted(filter(None, slices)))

    @cached_property
    def _common(self) -> frozenset[int]:
        with TTFont(next((self._main / _WEIGHTS[0]).glob("*.ttf")), lazy=True) as font:
            return frozenset(font.getBestCmap())

    @cached_property
    def _slices(self) -> list[tuple[int, int, str]]:
        sheet = (self._rare / "HanaMin.css").read_text(encoding="utf-8")
        return [
            (int(low, 16), int(high or low, 16), name)
            for name, ranges in _SLICE.findall(sheet)
            for low, high in _RANGE.findall(ranges)
        ]

    def _slice_of(self, character: str) -> str | None:
        code = ord(character)
        return next((name for low, high, name in self._slices if low <= code <= high), None)

    @cached_property
    def _workshop(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="timebank-fonts-"))
        atexit.register(_remove, folder, os.getpid())
        return folder

    def _unpacked(self, name: str) -> str:
        """A folder that holds one slice as Typst reads it; web fonts are compressed in a way it does not know."""
        folder = self._workshop / name.removesuffix(".woff2")
        whole, part = folder / "slice.ttf", folder / "slice.part"
        if not whole.exists():
            folder.mkdir(exist_ok=True)
            with TTFont(self._rare / name) as font:
                font.flavor = None
                font.save(part)
            part.replace(whole)
        return str(folder)


def _remove(folder: Path, process: int) -> None:
    """What a process unpacked goes with it, not with a child that it was forked into."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=4)
def font_case(packages: Path) -> FontCase:
    """The fonts of a folder of packages, opened once."""
    return FontCase(packages)
