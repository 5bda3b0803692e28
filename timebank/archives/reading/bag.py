"""A package opened with care: it may come from anybody. Nothing is unpacked to disk, no size is believed."""

from __future__ import annotations

import hashlib
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from timebank.archives.reading.damage import Damage

_CHUNK: Final = 1 << 20
_SMALL: Final = 1 << 20  # a short file may be as dense as it likes
_DENSEST: Final = 200  # bytes out of one byte; tables of figures come to about 20
_ENCRYPTED: Final = 0x1
# The end record of a zip, its mark, and how far from the end it may stand (APPNOTE 4.3.16; a comment follows it).
_END: Final = struct.Struct("<4s4H2LH")
_END_MARK, _LONGEST_END = b"PK\x05\x06", _END.size + (1 << 16)
_FAR_END: Final = struct.Struct("<32sQQ8x")  # a zip64 end record: entries and bytes of the directory (4.3.14)
_FAR_MARK, _FAR_LENGTH = b"PK\x06\x07", _FAR_END.size + 20  # and its locator, both right before the end record (4.3.15)
_LONGEST_ENTRY: Final = 1 << 10  # of a directory
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# All that zipfile, zlib and json are known to raise over a file that somebody or something changed.
BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, LookupError, ValueError, EOFError, OSError, RuntimeError, TypeError,
    AttributeError, NotImplementedError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a package may hold before it is not opened at all: entries, bytes unpacked, bytes of its manifest.

    ``until``: when reading stops by ``time.monotonic()``; without it, never.
    """

    entries: int = 2_000
    unpacked: int = 16 << 30
    manifest: int = 32 << 20
    until: float | None = None


class DangerousError(Exception):
    """The package is not opened: reading it could do harm."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage


class Bag:
    """The entries of a package by their paths inside its one folder ``root``."""

    def __init__(self, opened: zipfile.ZipFile, limits: Limits) -> None:
        self._opened, self.limits = opened, limits
        entries = opened.infolist()
        _refuse_dangerous(entries, limits, size=Path(opened.filename or "").stat().st_size)
        roots = {entry.filename.partition("/")[0] for entry in entries}
        if len(roots) != 1:
            raise ValueError("里面应当只有一个文件夹")
        [self.root] = roots
        self.names = {entry.filename.removeprefix(f"{self.root}/"): entry for entry in entries}

    def read(self, name: str, at_most: int = 8 << 20) -> bytes:
        """A small file whole. Raises KeyError where it is missing, ValueError where it is not small."""
        entry = self.names[name]
        if entry.file_size > at_most:
            raise ValueError(f"{name} 太大")
        return self._opened.read(entry)

    def digest(self, name: str, see: Callable[[bytes], None] = lambda chunk: None) -> str:
        """The SHA-256 of a file, read once; ``see`` gets every piece of it. Empty where it does not unpack."""
        digest = hashlib.sha256()
        try:
            with self._opened.open(self.names[name]) as file:
                while chunk := file.read(_CHUNK):
                    self._refuse_late()
                    digest.update(chunk)
                    see(chunk)
        except BROKEN:
            return ""
        return digest.hexdigest()

    def _refuse_late(self) -> None:
        if self.limits.until is not None and time.monotonic() > self.limits.until:
            raise DangerousError(Damage("dangerous", "", "要看的太多，看了很久还没有看完，停下来了"))


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Bag]:
    """Open a package. Raises DangerousError, or one of ``BROKEN``."""
    _refuse_long_directory(path, limits)
    with zipfile.ZipFile(path) as archive:
        yield Bag(archive, limits)


def _refuse_long_directory(path: Path, limits: Limits) -> None:
    """Look at the end record before the library builds an object for whatever its directory names."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_END - _FAR_LENGTH))
        tail = file.read()
    first = max(0, len(tail) - _LONGEST_END)
    at = len(tail) - _END.size if tail[-_END.size :][:4] == _END_MARK else tail.rfind(_END_MARK, first)
    if at < 0 or len(tail) - at < _END.size:
        raise zipfile.BadZipFile("没有结尾")
    _, _, _, _, entries, directory, _, _ = _END.unpack_from(tail, at)
    if at >= _FAR_LENGTH and tail[at - _FAR_LENGTH + _FAR_END.size :].startswith(_FAR_MARK):
        _, entries, directory = _FAR_END.unpack_from(tail, at - _FAR_LENGTH)  # these count then
    if entries > limits.entries or directory > limits.entries * _LONGEST_ENTRY:
        raise DangerousError(Damage("dangerous", "", f"里面有 {entries:,} 个文件"))


def _refuse_dangerous(entries: list[zipfile.ZipInfo], limits: Limits, *, size: int) -> None:
    if len(entries) > limits.entries:
        raise DangerousError(Damage("dangerous", "", f"里面有 {len(entries):,} 个文件"))
    if sum(entry.file_size for entry in entries) > limits.unpacked:
        raise DangerousError(Damage("dangerous", "", "解开以后太大"))
    if sum(entry.compress_size for entry in entries) > size:
        raise DangerousError(Damage("dangerous", "", "几个文件共用一段内容"))
    seen: set[str] = set()
    for entry in entries:
        if why := _why_dangerous(entry, seen):
            raise DangerousError(Damage("dangerous", entry.filename[:120], why))
        seen.add(entry.filename)


def _why_dangerous(entry: zipfile.ZipInfo, seen: set[str]) -> str:
    name, mode = entry.filename, entry.external_attr >> 16
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in parts[0] or ".." in parts or not name.isprintable():
        return "路径会写到别的地方去"
    if name in seen:
        return "在包里出现了不止一次"
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "是链接，不是文件"
    if entry.flag_bits & _ENCRYPTED:
        return "有密码"
    if entry.compress_type not in _METHODS:
        return "压缩方式不认识"
    if entry.file_size > _SMALL and entry.file_size > _DENSEST * max(entry.compress_size, 1):
        return "压缩得不正常，解开会占满机器"
    return ""
